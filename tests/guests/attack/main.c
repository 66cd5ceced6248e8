/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The attacker. Tries one attack and says what it reached, in lines that begin with ATTACK and its
 * id; the last one is its outcome, and one never printed was never reached. Command line:
 *
 *	attack=none			behaves, for as long as it is let
 *	attack=A02 stride=1		sweep of ports and of the IOAPIC's index
 *	attack=A10 fields=63 ...	planted bug: rewrites its own control structure (a10.c)
 *	attack=A16 ms=1000 unfair=0	flood of hypercalls; with a planted bug that extends its
 *turn
 *	attack=A18 victim=11		frames in the victim's name
 *	attack=A19 ms=2000 size=60 as=10	flood of frames to everybody
 *	delay_ms=0			sleeps before it begins
 */
#include "tests/guests/attack/attack.h"

#include "core/lib/string.h"

#define EXIT_USAGE 2

/* What the host looks for in the machine's memory, to learn where this guest lies. */
static const char landmark[] __used __aligned(4096) = "KFV test guest: the attacker is here";

static volatile bool rested;

static void wake(void)
{
	rested = true;
	apic_write(APIC_EOI, 0);
}

void rest_ms(u64 ms)
{
	if (!ms)
		return;
	rested = false;
	interrupt_handle(VECTOR_TIMER, wake);
	timer_periodic(ms * 1000);
	while (!rested)
		wait_interrupt();
	timer_periodic(0);
}

static u32 attack_none(void)
{
	for (u64 i = 1; i; i++) {
		rest_ms(100);
		if (hypervisor_present() && hypercall(HYPERCALL_NOP, 0, 0, 0) != HYPERCALL_VERSION)
			print("ATTACK none step %lu: a legal call was refused\n", i);
	}
	return 0;
}

static const struct {
	const char *id;
	u32 (*run)(void);
	bool needs_hypervisor;
} attacks[] = {
	{ "none", attack_none, false },
	{ "A02", attack_a02, false },
	{ "A10", attack_a10, true },
	{ "A16", attack_a16, true },
	{ "A18", attack_a18, true },
	{ "A19", attack_a19, true },
};

u32 guest_main(void)
{
	const char *id = argument("attack");

	timer_calibrate();
	for (u32 i = 0; id && i < ARRAY_LEN(attacks); i++) {
		if (strncmp(id, attacks[i].id, strlen(attacks[i].id)))
			continue;
		if (attacks[i].needs_hypervisor && !hypervisor_present())
			break;
		rest_ms(argument_number("delay_ms", 0));
		print("ATTACK %s begins tsc %lu\n", attacks[i].id, rdtsc());
		return attacks[i].run();
	}
	print("attack: no such attack on this machine\n");
	return EXIT_USAGE;
}
