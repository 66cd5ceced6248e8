/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC: SDM volume 3, "Advanced Programmable Interrupt Controller (APIC)". */
#include "tests/dialect.h"
#include "tests/guests/hello/wait.h"

#define VECTOR_HIGH (VECTOR_TEST + 0x10)

static volatile u32 count, order[2];

static void counted(void)
{
	count++;
	apic_write(APIC_EOI, 0);
}

static void note(u32 vector)
{
	if (count < ARRAY_LEN(order))
		order[count] = vector;
	counted();
}

static void note_low(void)
{
	note(VECTOR_TEST);
}

static void note_high(void)
{
	note(VECTOR_HIGH);
}

TEST(machine_apic_identity)
{
	EXPECT_EQ(apic_read(APIC_ID) >> 24, cpuid(1, 0).ebx >> 24);
	EXPECT((apic_read(APIC_VERSION) & 0xff) >= 0x10);
	EXPECT((apic_read(APIC_VERSION) >> 16 & 0xff) >= 3);
}

TEST(machine_apic_timer_once)
{
	count = 0;
	interrupt_handle(VECTOR_TIMER, counted);
	apic_write(APIC_LVT_TIMER, VECTOR_TIMER);
	apic_write(APIC_TIMER_START, apic_hz / 1000);
	EXPECT(wait_count(&count, 1, 500));
	EXPECT(!wait_count(&count, 2, 20));
	EXPECT_EQ(apic_read(APIC_TIMER_NOW), 0);
}

TEST(machine_apic_timer_periodic)
{
	count = 0;
	interrupt_handle(VECTOR_TIMER, counted);
	timer_periodic(2000);
	EXPECT(wait_count(&count, 10, 1000));
	timer_periodic(0);
	(void)wait_count(&count, UINT32_MAX, 1); /* one may be on its way already */
	count = 0;
	EXPECT(!wait_count(&count, 1, 20));
}

TEST(machine_hlt_wakes)
{
	count = 0;
	interrupt_handle(VECTOR_TIMER, counted);
	timer_periodic(5000);
	while (count < 5)
		wait_interrupt();
	timer_periodic(0);
	EXPECT_EQ(count, 5);
}

TEST(machine_apic_self_ipi)
{
	count = 0;
	interrupt_handle(VECTOR_TEST, counted);
	apic_write(APIC_ICR_LOW, APIC_SELF | VECTOR_TEST);
	EXPECT(apic_read(APIC_IRR + (VECTOR_TEST / 32) * 16) & BIT(VECTOR_TEST % 32));
	EXPECT_EQ(count, 0);
	EXPECT(wait_count(&count, 1, 100));
	EXPECT_EQ(apic_read(APIC_IRR + (VECTOR_TEST / 32) * 16), 0);
	EXPECT_EQ(apic_read(APIC_ISR + (VECTOR_TEST / 32) * 16), 0);
}

TEST(machine_apic_priority)
{
	count = 0;
	interrupt_handle(VECTOR_TEST, note_low);
	interrupt_handle(VECTOR_HIGH, note_high);
	apic_write(APIC_ICR_LOW, APIC_SELF | VECTOR_TEST);
	apic_write(APIC_ICR_LOW, APIC_SELF | VECTOR_HIGH);
	EXPECT(wait_count(&count, 2, 100));
	EXPECT_EQ(order[0], VECTOR_HIGH);
	EXPECT_EQ(order[1], VECTOR_TEST);
}

TEST(machine_apic_task_priority)
{
	u64 cr8;

	count = 0;
	interrupt_handle(VECTOR_TEST, counted);
	apic_write(APIC_TPR, VECTOR_TEST & 0xf0);
	asm volatile("mov %%cr8, %0" : "=r"(cr8));
	EXPECT_EQ(cr8, VECTOR_TEST >> 4);
	apic_write(APIC_ICR_LOW, APIC_SELF | VECTOR_TEST);
	EXPECT(!wait_count(&count, 1, 10));
	apic_write(APIC_TPR, 0);
	EXPECT(wait_count(&count, 1, 100));
}
