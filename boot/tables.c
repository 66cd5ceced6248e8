/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GDT and TSS (SDM volume 3, "Protected-Mode Memory Management" and "64-Bit Mode Task
 * Management"). NMI, double fault and machine check have stacks of their own, at whose top lies
 * what their handlers cannot ask GS for. boot/idt.c makes the IDT.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/percpu.h"
#include "arch/x86/trap.h"
#include "boot/layout.h"
#include "core/lib/string.h"

struct descriptor_pointer {
	u16 limit;
	u64 base;
} __packed;

#define IST_BYTES 4096

struct percpu boot_cpu;
static u8 boot_ist[3][IST_BYTES] __aligned(4096);
extern u8 boot_stack[];

static void tss_fill(struct percpu *cpu)
{
	u64 base = (u64)&cpu->tss;

	for (u32 i = 0; i < 3; i++) {
		cpu->tss.ist[i] = (u64)cpu->ist + (i + 1) * IST_BYTES - 16;
		*(struct percpu **)cpu->tss.ist[i] = cpu;
	}
	cpu->tss.iomap = sizeof(struct tss);
	cpu->gdt[1] = 0x00af9b000000ffff; /* code, 64 bits, accessed */
	cpu->gdt[2] = 0x00cf93000000ffff;
	cpu->gdt[3] = (sizeof(struct tss) - 1) | ((base & 0xffffff) << 16) | (0x89ull << 40) |
		      ((base >> 24 & 0xff) << 56);
	cpu->gdt[4] = base >> 32;
	cpu->gdt[SELECTOR_USER_CODE / 8] = 0x00affb000000ffff;
	cpu->gdt[SELECTOR_USER_DATA / 8] = 0x00cff3000000ffff;
	cpu->gdt_limit = sizeof(cpu->gdt) - 1;
	cpu->gdt_base = (u64)cpu->gdt;
}

void tables_load(struct percpu *cpu)
{
	struct descriptor_pointer idtr = { IDT_BYTES - 1, (u64)idt };

	cpu->self = cpu;
	if (cpu == &boot_cpu) {
		cpu->stack = boot_stack;
		cpu->ist = boot_ist[0];
		idt_fill();
	}
	tss_fill(cpu);
	asm volatile("lgdt %0; lldt %w1" ::"m"(cpu->gdt_limit), "r"(0) : "memory");
	asm volatile("lidt %0" ::"m"(idtr));
	asm volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:" ::"i"(SELECTOR_CODE)
		     : "rax", "memory");
	asm volatile("mov %0, %%ss; mov %0, %%ds; mov %0, %%es" ::"r"(SELECTOR_DATA));
	asm volatile("ltr %w0" ::"r"(SELECTOR_TSS));
	wrmsr(MSR_GS_BASE, (u64)cpu);
}

void tables_find_gs(void)
{
	struct descriptor_pointer gdtr;

	asm volatile("sgdt %0" : "=m"(gdtr));
	wrmsr(MSR_GS_BASE, gdtr.base - offsetof(struct percpu, gdt));
}
