/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual local APIC under random register accesses, messages and times, from four vCPUs.
 */
#include "tests/host/fake_vlapic.h"
#include "tests/fuzz/holds.h"

/* One step as the fuzzer writes it. */
struct step {
	u8 op, vcpu;
	u16 offset;
	u32 value;
};
ASSERT_SIZE(struct step, 8);

static void check_summary(const u32 *words, u32 any)
{
	for (u32 i = 0; i < 8; i++)
		HOLDS(!words[i] == !(any & BIT(i)));
	HOLDS(!(words[0] & 0xffff)); /* no vector of an exception */
}

static void check(const struct vcpu *v)
{
	const struct vlapic *a = &v->apic;
	int next = vlapic_pending(v);

	check_summary(a->irr, a->irr_words);
	check_summary(a->isr, a->isr_words);
	HOLDS(next < 0 || (u32)next >> 4 > vlapic_ppr(a) >> 4);
	HOLDS(a->icr_low == (a->icr_low & ICR_BITS) && !(a->icr_high & 0xffffff));
	for (u32 i = 0; i < LVTS; i++)
		HOLDS(!(a->lvt[i] & ~lvt_writable[i]));
}

/* The timer never asks to be called again for a moment that has passed. */
static void time_passes(u32 ns)
{
	now_ns += ns;
	for (u32 i = 0; i < VCPUS; i++) {
		u64 next = vlapic_timer(&vcpus[i], now_ns);

		HOLDS(!next || next > now_ns);
	}
}

static void inject(struct vcpu *v)
{
	int vector = vlapic_pending(v);

	if (vector < 0)
		return;
	vlapic_acknowledge(v, vector);
	HOLDS(vlapic_ppr(&v->apic) >> 4 == (u32)vector >> 4);
	HOLDS(vlapic_pending(v) < 0);
}

static void run(const struct step *s)
{
	struct vcpu *v = &vcpus[s->vcpu % VCPUS];

	switch (s->op % 6) {
	case 0:
	case 1:
		vlapic_write(v, s->offset & (s->op & 0x80 ? 0xffff : 0x3f0), s->value);
		break;
	case 2:
		vlapic_read(v, s->offset & (s->op & 0x80 ? 0xffff : 0x3f0));
		break;
	case 3:
		vlapic_message(&machine, VLAPIC_BASE | s->offset << 4, s->value);
		break;
	case 4:
		inject(v);
		break;
	case 5:
		time_passes(s->value);
		break;
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	setup();
	for (; size >= sizeof(struct step);
		data += sizeof(struct step), size -= sizeof(struct step)) {
		struct step s;

		memcpy(&s, data, sizeof(s));
		run(&s);
		for (u32 i = 0; i < VCPUS; i++)
			check(&vcpus[i]);
	}
	return 0;
}
