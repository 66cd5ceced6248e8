/* SPDX-License-Identifier: BSD-2-Clause */
/* A02: ports and indices out of range. */
#include "tests/guests/attack/attack.h"

/* How many accesses gave a value, gave nothing (all ones), or were answered with a fault. */
struct answers {
	u32 given, silent, denied;
};

static void count_answer(struct answers *answers, u32 value, u32 nothing)
{
	if (trap_vector != TRAP_NONE)
		answers->denied++;
	else if (value == nothing)
		answers->silent++;
	else
		answers->given++;
}

static void probe_port(struct answers *answers, u16 port)
{
	u32 value;

	TRY("inb %w1, %b0", : "=a"(value) : "d"(port) : "memory");
	count_answer(answers, value & 0xff, 0xff);
	TRY("inw %w1, %w0", : "=a"(value) : "d"(port) : "memory");
	count_answer(answers, value & 0xffff, 0xffff);
	TRY("inl %w1, %0", : "=a"(value) : "d"(port) : "memory");
	count_answer(answers, value, 0xffffffff);
}

static void sweep_ports(u32 stride)
{
	struct answers answers = { 0 };

	for (u32 port = 0; port < 0x10000; port += stride) {
		probe_port(&answers, port);
		if ((port + stride) >> 14 != port >> 14)
			print("ATTACK A02 step ports below 0x%x given %u silent %u denied %u\n",
				(port | 0x3fff) + 1, answers.given, answers.silent, answers.denied);
	}
}

/* String instructions at the last port of each device, in each width, so that they reach over. */
static void sweep_edges(void)
{
	static const u16 edges[] = { 0x21, 0x43, 0x61, 0x64, 0x71, 0xa1, 0x3ff, 0x605, 0x60b,
		0xcff };
	static u8 buffer[256];
	struct answers answers = { 0 };

	for (u32 i = 0; i < ARRAY_LEN(edges); i++) {
		void *at = buffer;
		u64 n = 64;

		TRY("rep insb", : "+D"(at), "+c"(n) : "d"(edges[i]) : "memory");
		count_answer(&answers, buffer[63], 0xff);
		at = buffer;
		n = 64;
		TRY("rep insl", : "+D"(at), "+c"(n) : "d"(edges[i]) : "memory");
		count_answer(&answers, buffer[255], 0xff);
	}
	print("ATTACK A02 step edges given %u silent %u denied %u\n", answers.given, answers.silent,
		answers.denied);
}

#define IOAPIC_WINDOW	 (IOAPIC + 0x10)
#define IOAPIC_PINS	 24
#define IOAPIC_VERSION	 1
#define IOAPIC_TABLE	 0x10
#define IOAPIC_INDICES	 0x40 /* 16 and two for each of 24 pins */
#define IOAPIC_MASKED	 0x10000
#define MARK_VECTOR	 0x30
#define MARK_DESTINATION 0xc0
#define POISON		 0xdeadbeef

/* False: the index was not taken. */
static bool ioapic_select(u32 index)
{
	TRY("movl %1, (%0)", ::"r"(IOAPIC), "r"(index) : "memory");
	return trap_vector == TRAP_NONE && mmio_read(IOAPIC) == index;
}

/* Legal, and such that the table can be found in the machine's memory from outside. */
static void mark_table(void)
{
	for (u32 pin = 0; pin < IOAPIC_PINS; pin++) {
		ioapic_select(IOAPIC_TABLE + 2 * pin);
		mmio_write(IOAPIC_WINDOW, IOAPIC_MASKED | (MARK_VECTOR + pin));
		ioapic_select(IOAPIC_TABLE + 2 * pin + 1);
		mmio_write(IOAPIC_WINDOW, (MARK_DESTINATION + pin) << 24);
	}
	ioapic_select(IOAPIC_VERSION);
}

static bool ioapic_works(void)
{
	return ioapic_select(IOAPIC_VERSION) &&
	       (mmio_read(IOAPIC_WINDOW) >> 16 & 0xff) == IOAPIC_PINS - 1;
}

/* CVE-2013-1798: what lies behind the redirection table, read and then written. */
static u32 overrun_ioapic(void)
{
	u32 leaked = 0, written = 0, denied = 0, value;

	for (u32 index = IOAPIC_INDICES; index < 0x100; index++) {
		if (!ioapic_select(index)) {
			denied++;
			continue;
		}
		value = mmio_read(IOAPIC_WINDOW);
		leaked += value != 0 && value != ~0u; /* as where nothing is */
		mmio_write(IOAPIC_WINDOW, POISON);
		written += mmio_read(IOAPIC_WINDOW) == POISON;
	}
	print("ATTACK A02 step ioapic leaked %u written %u denied %u\n", leaked, written, denied);
	return leaked + written;
}

u32 attack_a02(void)
{
	u32 gained;

	mark_table();
	sweep_ports(MAX(argument_number("stride", 1), 1ul));
	sweep_edges();
	gained = overrun_ioapic();
	print("ATTACK A02 step legal access %s\n", ioapic_works() ? "works" : "broken");
	print("ATTACK A02 outcome %s\n", gained ? "succeeded" : "nothing gained");
	return 0;
}
