/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GDT, TSS and IDT (SDM volume 3, "Protected-Mode Memory Management" and "64-Bit Mode Task
 * Management"). NMI, double fault and machine check have stacks of their own. The IDT is made once
 * and is read-only when the nucleus seals itself.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/percpu.h"
#include "arch/x86/seal.h"
#include "arch/x86/trap.h"
#include "boot/layout.h"
#include "core/lib/string.h"

struct idt_gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_mid;
	u32 offset_high, reserved;
};
ASSERT_SIZE(struct idt_gate, 16);

struct descriptor_pointer {
	u16 limit;
	u64 base;
} __packed;

#define GATE_INTERRUPT 0x8e
#define IST_BYTES      4096

extern const char trap_stubs[];

struct percpu boot_cpu;
static struct idt_gate idt[256] __sealed;
static u8 boot_ist[3][IST_BYTES] __aligned(4096);
extern u8 boot_stack[];

static void idt_fill(void)
{
	for (u32 v = 0; v < 256; v++) {
		u64 stub = (u64)trap_stubs + 16 * v;

		idt[v] = (struct idt_gate){
			.offset_low = (u16)stub,
			.selector = SELECTOR_CODE,
			.type = GATE_INTERRUPT,
			.offset_mid = (u16)(stub >> 16),
			.offset_high = (u32)(stub >> 32),
		};
	}
	idt[VECTOR_NMI].ist = IST_NMI;
	idt[VECTOR_DF].ist = IST_DF;
	idt[VECTOR_MC].ist = IST_MC;
}

static void tss_fill(struct percpu *cpu)
{
	u64 base = (u64)&cpu->tss;

	for (u32 i = 0; i < 3; i++)
		cpu->tss.ist[i] = (u64)cpu->ist + (i + 1) * IST_BYTES;
	cpu->tss.iomap = sizeof(struct tss);
	cpu->gdt[1] = 0x00af9b000000ffff; /* code, 64 bits, accessed */
	cpu->gdt[2] = 0x00cf93000000ffff;
	cpu->gdt[3] = (sizeof(struct tss) - 1) | ((base & 0xffffff) << 16) | (0x89ull << 40) |
		      ((base >> 24 & 0xff) << 56);
	cpu->gdt[4] = base >> 32;
}

void tables_load(struct percpu *cpu)
{
	struct descriptor_pointer gdtr = { sizeof(cpu->gdt) - 1, (u64)cpu->gdt };
	struct descriptor_pointer idtr = { sizeof(idt) - 1, (u64)idt };

	cpu->self = cpu;
	if (cpu == &boot_cpu) {
		cpu->stack = boot_stack;
		cpu->ist = boot_ist[0];
		idt_fill();
	}
	tss_fill(cpu);
	asm volatile("lgdt %0" ::"m"(gdtr));
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
