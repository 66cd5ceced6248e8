/* SPDX-License-Identifier: BSD-2-Clause */
/* The devices of a PC: timers, clock, serial line, interrupt controllers, host bridge, tables. */
#include "tests/dialect.h"
#include "core/lib/string.h"
#include "tests/guests/hello/wait.h"

#define PIC_MASK    0x21
#define PIT_COMMAND 0x43
#define PIT_0	    0x40
#define PIT_HZ	    1193182
#define PM_TIMER    0x608
#define PM_HZ	    3579545ull
#define UART	    0x3f8
#define NO_PORT	    0x1234

static volatile u32 count;
static u8 uart_cause;

static void pic_irq(void)
{
	count++;
	out8(0x20, 0x20);
}

static void ioapic_irq(void)
{
	count++;
	apic_write(APIC_EOI, 0);
}

static void uart_irq(void)
{
	uart_cause = in8(UART + 2);
	ioapic_irq();
}

static void ioapic_route(u32 pin, u32 low)
{
	ioapic_write(0x11 + 2 * pin, 0);
	ioapic_write(0x10 + 2 * pin, low);
}

static void pit_start(u32 hz)
{
	out8(PIT_COMMAND, 0x34); /* channel 0, low then high byte, mode 2 */
	out8(PIT_0, (PIT_HZ / hz) & 0xff);
	out8(PIT_0, (PIT_HZ / hz) >> 8);
}

static u32 pit_latch(void)
{
	u32 low;

	out8(PIT_COMMAND, 0);
	low = in8(PIT_0);
	return low | (u32)in8(PIT_0) << 8;
}

TEST(machine_pit_counts_down)
{
	u32 first, second;

	pit_start(20);
	first = pit_latch();
	pit_wait(1000);
	second = pit_latch();
	EXPECT(first <= PIT_HZ / 20);
	EXPECT(second < first && first - second >= PIT_HZ / 1000 - 2);
}

/* What was on its way when the line was masked may still arrive, nothing after that. */
static bool falls_silent(void)
{
	(void)wait_count(&count, ~0u, 5);
	count = 0;
	return !wait_count(&count, 1, 20);
}

TEST(machine_pit_through_pic)
{
	count = 0;
	interrupt_handle(VECTOR_PIC, pic_irq);
	apic_write(APIC_LVT_LINT0, APIC_EXTINT);
	out8(PIC_MASK, 0xfe);
	pit_start(500);
	EXPECT(wait_count(&count, 5, 1000));
	out8(PIC_MASK, 0xff);
	EXPECT(falls_silent());
	apic_write(APIC_LVT_LINT0, APIC_MASKED | APIC_EXTINT);
}

TEST(machine_ioapic_registers)
{
	EXPECT_EQ(ioapic_read(1) >> 16 & 0xff, 23);
	for (u32 pin = 0; pin < 24; pin++) {
		ioapic_write(0x11 + 2 * pin, (u32)pin << 24);
		ioapic_write(0x10 + 2 * pin, APIC_MASKED | (VECTOR_IOAPIC + pin));
	}
	for (u32 pin = 0; pin < 24; pin++) {
		EXPECT_EQ(ioapic_read(0x11 + 2 * pin), (u32)pin << 24);
		EXPECT_EQ(ioapic_read(0x10 + 2 * pin), APIC_MASKED | (VECTOR_IOAPIC + pin));
	}
}

/* ACPI's usual override: IRQ 0 is global interrupt 2. */
TEST(machine_pit_through_ioapic)
{
	count = 0;
	interrupt_handle(VECTOR_IOAPIC, ioapic_irq);
	ioapic_route(2, VECTOR_IOAPIC);
	pit_start(500);
	EXPECT(wait_count(&count, 5, 1000));
	ioapic_route(2, APIC_MASKED);
	EXPECT(falls_silent());
}

TEST(machine_pm_timer_rate)
{
	u32 start = in32(PM_TIMER), ticks;

	pit_wait(20000);
	ticks = (in32(PM_TIMER) - start) & 0xffffff;
	EXPECT(ticks >= PM_HZ / 50 * 95 / 100);
	EXPECT(ticks <= PM_HZ / 50 * 3);
}

static u8 rtc_read(u8 index)
{
	out8(0x70, index);
	return in8(0x71);
}

static bool is_bcd_up_to(u8 value, u32 limit)
{
	return (value & 0xf) <= 9 && (value >> 4) * 10u + (value & 0xf) <= limit;
}

TEST(machine_rtc)
{
	while (rtc_read(0x0a) & 0x80)
		pause();
	EXPECT(is_bcd_up_to(rtc_read(0), 59));
	EXPECT(is_bcd_up_to(rtc_read(2), 59));
	EXPECT(is_bcd_up_to(rtc_read(7), 31));
	EXPECT(is_bcd_up_to(rtc_read(8), 12));
	EXPECT(is_bcd_up_to(rtc_read(9), 99));
	EXPECT(rtc_read(0x0d) & 0x80);
}

TEST(machine_uart_registers)
{
	u8 modem = in8(UART + 4);

	out8(UART + 7, 0x5a);
	EXPECT_EQ(in8(UART + 7), 0x5a);
	out8(UART + 4, 0x1a); /* loopback: RTS to CTS, OUT2 to DCD */
	EXPECT_EQ(in8(UART + 6) & 0xf0, 0x90);
	out8(UART + 4, modem);
	EXPECT_EQ(in8(UART + 5) & 0x60, 0x60);
}

TEST(machine_uart_interrupt)
{
	count = 0;
	interrupt_handle(VECTOR_IOAPIC + 4, uart_irq);
	out8(UART + 4, 0x0b);
	ioapic_route(4, VECTOR_IOAPIC + 4);
	out8(UART + 1, 2);
	EXPECT(wait_count(&count, 1, 100));
	EXPECT_EQ(uart_cause & 0xf, 2);
	out8(UART + 1, 0);
	ioapic_route(4, APIC_MASKED);
}

TEST(machine_string_ports)
{
	u8 in[4] = { 0 }, out[4] = { 1, 2, 3, 0xa5 };
	void *at = in;
	u64 n = sizeof(in);

	asm volatile("rep insb" : "+D"(at), "+c"(n) : "d"(PIC_MASK) : "memory");
	EXPECT_EQ(n, 0);
	EXPECT(at == in + sizeof(in));
	EXPECT_MEM(in, "\xff\xff\xff\xff", 4);
	at = out;
	n = sizeof(out);
	asm volatile("rep outsb" : "+S"(at), "+c"(n) : "d"(UART + 7) : "memory");
	EXPECT(at == out + sizeof(out));
	EXPECT_EQ(in8(UART + 7), 0xa5);
}

TEST(machine_absent_port)
{
	EXPECT_EQ(in8(NO_PORT), 0xff);
	EXPECT_EQ(in16(NO_PORT), 0xffff);
	EXPECT_EQ(in32(NO_PORT), 0xffffffff);
}

static u32 pci_read(u32 device, u32 offset)
{
	out32(0xcf8, 0x80000000 | device << 11 | offset);
	return in32(0xcfc);
}

TEST(machine_host_bridge)
{
	EXPECT(pci_read(0, 0) != 0xffffffff);
	EXPECT_EQ(pci_read(0, 8) >> 16, 0x0600);
	EXPECT_EQ(pci_read(16, 0), 0xffffffff);
	out32(0xcf8, 0);
}

static u8 sum(u64 at, u32 len)
{
	u8 total = 0;

	while (len--)
		total += *(const u8 *)at++;
	return total;
}

static u64 find_rsdp(void)
{
	for (u64 at = 0xe0000; at < 0x100000; at += 16)
		if (!memcmp((void *)at, "RSD PTR ", 8) && !sum(at, 20))
			return at;
	return 0;
}

TEST(machine_acpi_tables)
{
	u64 rsdp = find_rsdp(), rsdt;
	bool fadt = false, madt = false;

	if (!EXPECT(rsdp))
		return;
	rsdt = mmio_read(rsdp + 16);
	EXPECT_EQ(sum(rsdt, mmio_read(rsdt + 4)), 0);
	for (u64 at = rsdt + 36; at < rsdt + mmio_read(rsdt + 4); at += 4) {
		u64 table = mmio_read(at);

		EXPECT_EQ(sum(table, mmio_read(table + 4)), 0);
		fadt = fadt || !memcmp((void *)table, "FACP", 4);
		madt = madt || !memcmp((void *)table, "APIC", 4);
	}
	EXPECT(fadt);
	EXPECT(madt);
}
