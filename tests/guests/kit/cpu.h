/* SPDX-License-Identifier: BSD-2-Clause */
/* The instructions that guests try out, one function each. */
#pragma once

#include "core/lib/types.h"

#define MSR_TSC	      0x10
#define MSR_APIC_BASE 0x1b
#define MSR_PAT	      0x277
#define MSR_EFER      0xc0000080

struct cpuid {
	u32 eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(u32 leaf, u32 index)
{
	struct cpuid c;

	asm volatile("cpuid"
		     : "=a"(c.eax), "=b"(c.ebx), "=c"(c.ecx), "=d"(c.edx)
		     : "a"(leaf), "c"(index)
		     : "memory");
	return c;
}

static inline u64 rdtsc(void)
{
	u32 low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
	return (u64)high << 32 | low;
}

static inline void wrmsr(u32 msr, u64 value)
{
	asm volatile("wrmsr" ::"c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

static inline u64 rdmsr(u32 msr)
{
	u32 low, high;

	asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
	return (u64)high << 32 | low;
}

static inline u8 in8(u16 port)
{
	u8 value;

	asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline u16 in16(u16 port)
{
	u16 value;

	asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline u32 in32(u16 port)
{
	u32 value;

	asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline void out8(u16 port, u8 value)
{
	asm volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline void out32(u16 port, u32 value)
{
	asm volatile("outl %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline u32 mmio_read(u64 address)
{
	u32 value;

	asm volatile("movl (%1), %0" : "=r"(value) : "r"(address) : "memory");
	return value;
}

static inline void mmio_write(u64 address, u32 value)
{
	asm volatile("movl %0, (%1)" ::"r"(value), "r"(address) : "memory");
}

#define IOAPIC 0xfec00000ull

static inline u32 ioapic_read(u32 index)
{
	mmio_write(IOAPIC, index);
	return mmio_read(IOAPIC + 0x10);
}

static inline void ioapic_write(u32 index, u32 value)
{
	mmio_write(IOAPIC, index);
	mmio_write(IOAPIC + 0x10, value);
}

static inline void interrupts_on(void)
{
	asm volatile("sti" ::: "memory");
}

static inline void interrupts_off(void)
{
	asm volatile("cli" ::: "memory");
}

/* Sleeps until one interrupt was taken; interrupts are off before and after. */
static inline void wait_interrupt(void)
{
	asm volatile("sti; hlt; cli" ::: "memory");
}

static inline void pause(void)
{
	asm volatile("pause" ::: "memory");
}
