/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual local APIC: priorities, destinations, its timer, errors.
 */
#include "tests/dialect.h"
#include "tests/host/fake_vlapic.h"

static void ipi(struct vcpu *v, u8 destination, u32 low)
{
	vlapic_write(v, REG_ICR_HIGH, (u32)destination << 24);
	vlapic_write(v, REG_ICR_LOW, low);
}

/* A bit for each vCPU that holds `vector` in its IRR; taken out again. */
static u32 receivers(u8 vector)
{
	u32 who = 0;

	for (u32 i = 0; i < VCPUS; i++) {
		if (!(vcpus[i].apic.irr[vector / 32] & BIT(vector % 32)))
			continue;
		who |= 1u << i;
		vector_clear(vcpus[i].apic.irr, &vcpus[i].apic.irr_words, vector);
	}
	return who;
}

TEST(vlapic_as_firmware_leaves_it)
{
	struct vcpu *v = setup();

	vlapic_reset(v);
	EXPECT_EQ(vlapic_read(v, REG_ID), 0);
	EXPECT_EQ(vlapic_read(&vcpus[3], REG_ID), 3u << 24);
	EXPECT_EQ(vlapic_read(v, REG_VERSION), 0x50014);
	EXPECT_EQ(v->apic.base_msr, 0xfee00900);
	EXPECT_EQ(vcpus[1].apic.base_msr, 0xfee00800);
	EXPECT(vlapic_takes_extint(v));
	EXPECT(!vlapic_takes_extint(&vcpus[1]));
	vlapic_write(v, REG_LVT + 3 * 16, 0x10700);
	EXPECT(!vlapic_takes_extint(v));
	v->apic.base_msr &= ~APIC_BASE_ENABLED;
	EXPECT(vlapic_takes_extint(v));
}

TEST(vlapic_priorities)
{
	struct vcpu *v = setup();

	EXPECT_EQ(vlapic_pending(v), -1);
	vlapic_accept(v, 0x31, false);
	vlapic_accept(v, 0xef, false);
	EXPECT(v->hazard & HAZARD_EVENT);
	EXPECT_EQ(vlapic_pending(v), 0xef);
	vlapic_acknowledge(v, 0xef);
	EXPECT_EQ(vlapic_read(v, REG_PPR), 0xe0);
	EXPECT_EQ(vlapic_read(v, REG_ISR + 7 * 16), 0x8000);
	EXPECT_EQ(vlapic_pending(v), -1); /* below what is served */
	v->hazard = 0;
	vlapic_write(v, REG_EOI, 0);
	EXPECT(v->hazard & HAZARD_EVENT);
	EXPECT_EQ(vlapic_pending(v), 0x31);
	vlapic_write(v, REG_TPR, 0x3f);
	EXPECT_EQ(vlapic_read(v, REG_PPR), 0x3f);
	EXPECT_EQ(vlapic_pending(v), -1);
	vlapic_write(v, REG_TPR, 0x2f);
	EXPECT_EQ(vlapic_pending(v), 0x31);
	vlapic_acknowledge(v, 0x31);
	EXPECT_EQ(vlapic_read(v, REG_PPR), 0x30);
	vlapic_write(v, REG_EOI, 0);
	vlapic_write(v, REG_EOI, 0); /* nothing left */
	EXPECT_EQ(seen.eois, 0);
	EXPECT_EQ(v->apic.isr_words | v->apic.irr_words, 0);
}

TEST(vlapic_level_ends_at_the_ioapic)
{
	struct vcpu *v = setup();

	vlapic_message(&machine, 0xfee00000, 0xc041);
	EXPECT_EQ(vlapic_read(v, REG_TMR + 2 * 16), 2);
	vlapic_acknowledge(v, 0x41);
	vlapic_write(v, REG_EOI, 0);
	EXPECT_EQ(seen.eois, 1);
	EXPECT_EQ(seen.last_eoi, 0x41);
	vlapic_accept(v, 0x41, false); /* the same vector, an edge now */
	vlapic_acknowledge(v, 0x41);
	vlapic_write(v, REG_EOI, 0);
	EXPECT_EQ(seen.eois, 1);
}

TEST(vlapic_timer_one_shot)
{
	struct vcpu *v = setup();

	vlapic_write(v, REG_TIMER_DIVIDE, 3); /* by 16 */
	vlapic_write(v, REG_LVT, 0xec);
	vlapic_write(v, REG_TIMER_INITIAL, 1000);
	EXPECT(seen.rearmed);
	EXPECT_EQ(vlapic_timer(v, now_ns), now_ns + 16000);
	EXPECT_EQ(vlapic_read(v, REG_TIMER_CURRENT), 1000);
	now_ns += 8000;
	EXPECT_EQ(vlapic_read(v, REG_TIMER_CURRENT), 500);
	EXPECT_EQ(receivers(0xec), 0);
	now_ns += 8000;
	EXPECT_EQ(vlapic_read(v, REG_TIMER_CURRENT), 0);
	EXPECT_EQ(vlapic_timer(v, now_ns), 0);
	EXPECT_EQ(receivers(0xec), 1);
	EXPECT_EQ(vlapic_timer(v, now_ns + 1000000), 0);
	EXPECT_EQ(receivers(0xec), 0);
	vlapic_write(v, REG_TIMER_INITIAL, 1000);
	vlapic_write(v, REG_TIMER_INITIAL, 0); /* stops it */
	EXPECT_EQ(vlapic_timer(v, now_ns + 1000000), 0);
}

TEST(vlapic_timer_divides)
{
	static const u8 config[] = { 0xb, 0, 1, 2, 3, 8, 9, 0xa };
	struct vcpu *v = setup();

	for (u32 i = 0; i < ARRAY_LEN(config); i++) {
		vlapic_write(v, REG_TIMER_DIVIDE, config[i]);
		vlapic_write(v, REG_TIMER_INITIAL, 1000);
		now_ns += 1000;
		EXPECT_EQ(vlapic_read(v, REG_TIMER_CURRENT), 1000 - (1000 >> i));
	}
}

/* Rounds that went by together make one interrupt, and the phase stays. */
TEST(vlapic_timer_periodic)
{
	struct vcpu *v = setup();
	u64 start = now_ns;

	vlapic_write(v, REG_TIMER_DIVIDE, 0xb);
	vlapic_write(v, REG_LVT, 0x200ec);
	vlapic_write(v, REG_TIMER_INITIAL, 1000000);
	now_ns = start + 1000000;
	EXPECT_EQ(vlapic_timer(v, now_ns), start + 2000000);
	EXPECT_EQ(receivers(0xec), 1);
	now_ns = start + 7300000;
	EXPECT_EQ(vlapic_read(v, REG_TIMER_CURRENT), 700000);
	EXPECT_EQ(vlapic_timer(v, now_ns), start + 8000000);
	EXPECT_EQ(receivers(0xec), 1);
	vlapic_write(v, REG_LVT, 0x300ec); /* masked: nobody has to wake up for it */
	EXPECT_EQ(vlapic_timer(v, now_ns), 0);
	now_ns = start + 9000001;
	vlapic_write(v, REG_LVT, 0x200ec);
	EXPECT_EQ(vlapic_timer(v, now_ns), start + 10000000);
	EXPECT_EQ(receivers(0xec), 0);
}

TEST(vlapic_fastest_timer_makes_no_storm)
{
	struct vcpu *v = setup();
	u64 next;
	u32 fired = 0;

	vlapic_write(v, REG_TIMER_DIVIDE, 0xb);
	vlapic_write(v, REG_LVT, 0x200ec);
	vlapic_write(v, REG_TIMER_INITIAL, 1);
	for (next = now_ns + 1; next < now_ns + 1000000; next = vlapic_timer(v, next))
		fired++;
	EXPECT(fired <= 1000000 / MIN_PERIOD_NS + 1);
}

TEST(vlapic_ipi_shorthands)
{
	struct vcpu *v = setup();

	ipi(&vcpus[2], 0, 0x40050);
	EXPECT_EQ(receivers(0x50), 4);
	ipi(&vcpus[2], 0, 0x80050);
	EXPECT_EQ(receivers(0x50), 15);
	ipi(&vcpus[2], 0, 0xc0050);
	EXPECT_EQ(receivers(0x50), 11);
	ipi(v, 0, 0xc0400);
	EXPECT(!vcpus[0].nmi_pending && vcpus[1].nmi_pending && vcpus[3].nmi_pending);
	EXPECT_EQ(vlapic_read(v, REG_ICR_LOW), 0xc0400); /* never busy */
}

TEST(vlapic_ipi_destinations)
{
	struct vcpu *v = setup();

	ipi(v, 2, 0x50);
	EXPECT_EQ(receivers(0x50), 4);
	ipi(v, 0xff, 0x50);
	EXPECT_EQ(receivers(0x50), 15);
	ipi(v, 9, 0x50);
	EXPECT_EQ(receivers(0x50), 0);
	ipi(v, 0x0a, 0x850); /* logical, flat */
	EXPECT_EQ(receivers(0x50), 10);
	for (u32 i = 0; i < VCPUS; i++) { /* clusters of two */
		vlapic_write(&vcpus[i], REG_DFR, 0x0fffffff);
		vlapic_write(&vcpus[i], REG_LDR, (i / 2) << 28 | 1u << (24 + i % 2));
	}
	ipi(v, 0x13, 0x850);
	EXPECT_EQ(receivers(0x50), 12);
	ipi(v, 0x02, 0x850);
	EXPECT_EQ(receivers(0x50), 2);
	ipi(v, 0xf1, 0x850);
	EXPECT_EQ(receivers(0x50), 5);
}

TEST(vlapic_lowest_priority)
{
	struct vcpu *v = setup();

	vlapic_write(&vcpus[0], REG_TPR, 0x20);
	vlapic_write(&vcpus[1], REG_TPR, 0x10);
	ipi(v, 0x07, 0x950);
	EXPECT_EQ(receivers(0x50), 4);
	vlapic_message(&machine, 0xfee0300c, 0x150);
	EXPECT_EQ(receivers(0x50), 2);
}

TEST(vlapic_starts_processors)
{
	struct vcpu *v = setup();

	vcpus[1].waiting = false;
	ipi(v, 1, 0xc500);
	ipi(v, 1, 0x8500); /* de-assertion */
	EXPECT_EQ(seen.resets, 1);
	EXPECT(vcpus[1].waiting);
	ipi(v, 1, 0x69a);
	ipi(v, 1, 0x69a);
	EXPECT_EQ(seen.starts, 1);
	EXPECT_EQ(seen.start_vector, 0x9a);
	ipi(&vcpus[1], 0, 0x4500);
	EXPECT_EQ(seen.reboots, 1);
	vlapic_message(&machine, 0xfee02000, 0x69a); /* no device starts one */
	EXPECT(vcpus[2].waiting);
}

TEST(vlapic_errors)
{
	struct vcpu *v = setup();

	vlapic_write(v, REG_LVT + 5 * 16, 0xfe);
	ipi(v, 0, 0x0f);
	EXPECT_EQ(receivers(0xfe), 1);
	vlapic_message(&machine, 0xfee00000, 3);
	vlapic_read(v, 0x400);
	vlapic_read(v, 0x10);
	vlapic_write(v, 0xfff0, 1);
	EXPECT_EQ(vlapic_read(v, REG_ESR), 0);
	vlapic_write(v, REG_ESR, 0);
	EXPECT_EQ(vlapic_read(v, REG_ESR), 0xe0);
	vlapic_write(v, REG_ESR, 0);
	EXPECT_EQ(vlapic_read(v, REG_ESR), 0);
	vlapic_write(v, REG_LVT + 5 * 16, 0x05); /* an error interrupt that is an error */
	vlapic_read(v, 0x10);
	EXPECT_EQ(v->apic.irr_words & 1, 0);
}

TEST(vlapic_disabled_by_software)
{
	struct vcpu *v = setup();

	vlapic_write(v, REG_LVT, 0xec);
	vlapic_write(v, REG_SVR, 0xff);
	EXPECT_EQ(vlapic_read(v, REG_LVT), 0x100ec);
	vlapic_write(v, REG_LVT, 0xec);
	EXPECT_EQ(vlapic_read(v, REG_LVT), 0x100ec);
	ipi(&vcpus[1], 0, 0x50);
	EXPECT_EQ(receivers(0x50), 0);
	ipi(&vcpus[1], 0, 0x400);
	EXPECT(v->nmi_pending);
}

TEST(vlapic_messages_elsewhere)
{
	setup();
	vlapic_message(&machine, 0xfed00000, 0x50);
	vlapic_message(&machine, 0x1fee00000, 0x50);
	vlapic_message(&machine, 0xfee00000, 0x750); /* ExtINT: the PIC has its own wire */
	EXPECT_EQ(receivers(0x50), 0);
	vlapic_message(&machine, 0xfeeff000, 0x50);
	EXPECT_EQ(receivers(0x50), 15);
}
