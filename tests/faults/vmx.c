/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VT-x's faults. The guest is this CPU as it is, in 64-bit mode with the host's page tables and
 * without EPT, but for what each case changes (SDM volume 3, "VM Entries").
 */
#include "tests/faults/faults.h"

#include "arch/x86/hv.h"
#include "arch/x86/vmx/vmcs.h"
#include "core/lib/string.h"
#include "tests/guests/kit/cpu.h"

#define MSR_FS_BASE   0xc0000100
#define MSR_GS_BASE   0xc0000101
#define MSR_VMX_BASIC 0x480
#define MSR_VMX_PIN   0x481
#define MSR_VMX_PROC  0x482
#define MSR_VMX_EXIT  0x483
#define MSR_VMX_ENTRY 0x484
#define RIGHTS_CODE   0xa09b
#define RIGHTS_DATA   0xc093
#define RIGHTS_TSS    0x8b
#define TSS_LIMIT     0x67
#define NO_VMCS	      ~0ull
#define SOME_TR	      0x08 /* a host may not be without one */
#define DESCRIPTOR_S  0x10 /* code or data */

struct table_pointer {
	u16 limit;
	u64 base;
} __packed;

bool fault_vmlaunch(void);
extern const u8 fault_nops_intel[];

static u8 region[4096] __aligned(4096), stack[1024] __aligned(16);

static void set(u64 field, u64 value)
{
	asm volatile("vmwrite %1, %0" ::"r"(field), "r"(value) : "cc", "memory");
}

static u64 get(u64 field)
{
	u64 value = 0;

	asm volatile("vmread %1, %0" : "+r"(value) : "r"(field) : "cc");
	return value;
}

/* Wanted bits, and those that the CPU insists on. */
static u64 control(u32 msr, u64 wanted)
{
	return (wanted & rdmsr(msr) >> 32) | (u32)rdmsr(msr);
}

/* The host's TSS: its descriptor has 16 bytes. SOME_TR names none, also when an exit has loaded it.
 */
static u64 tr_base(u16 selector, u64 gdt)
{
	const u8 *d = (const u8 *)gdt + selector;
	u64 base = 0;

	if (selector && !(d[5] & DESCRIPTOR_S)) {
		memcpy(&base, d + 2, 3);
		base |= (u64)d[7] << 24;
		memcpy((u8 *)&base + 4, d + 8, 4);
	}
	return base;
}

static void set_segments(u16 cs, u16 ss, u16 tr)
{
	for (u32 seg = SEG_ES; seg <= SEG_TR; seg++) {
		bool code = seg == SEG_CS, data = seg <= SEG_DS && !code;

		set(SEGMENT_SELECTOR(seg), code ? cs : data ? ss : 0);
		set(SEGMENT_RIGHTS(seg), code		 ? RIGHTS_CODE
					 : data		 ? RIGHTS_DATA
					 : seg == SEG_TR ? RIGHTS_TSS
							 : RIGHTS_UNUSABLE);
		set(SEGMENT_LIMIT(seg), seg == SEG_TR ? TSS_LIMIT : ~0u);
		set(SEGMENT_BASE(seg), 0);
	}
	set(GUEST_TR_SELECTOR, tr);
	set(HOST_CS_SELECTOR, cs);
	set(HOST_SS_SELECTOR, ss);
	set(HOST_DS_SELECTOR, 0);
	set(HOST_ES_SELECTOR, 0);
	set(HOST_FS_SELECTOR, 0);
	set(HOST_GS_SELECTOR, 0);
	set(HOST_TR_SELECTOR, tr);
}

static void set_tables(void)
{
	struct table_pointer gdt, idt;
	u16 cs, ss, tr;

	asm volatile("sgdt %0\n\tsidt %1" : "=m"(gdt), "=m"(idt));
	asm volatile("mov %%cs, %0\n\tmov %%ss, %1\n\tstr %2" : "=r"(cs), "=r"(ss), "=r"(tr));
	set_segments(cs, ss, tr ? tr : SOME_TR);
	set(HOST_TR_BASE, tr_base(tr, gdt.base));
	set(GUEST_TR_BASE, tr_base(tr, gdt.base));
	set(HOST_FS_BASE, rdmsr(MSR_FS_BASE));
	set(HOST_GS_BASE, rdmsr(MSR_GS_BASE));
	set(HOST_GDTR_BASE, gdt.base);
	set(GUEST_GDTR_BASE, gdt.base);
	set(GUEST_GDTR_LIMIT, gdt.limit);
	set(HOST_IDTR_BASE, idt.base);
	set(GUEST_IDTR_BASE, idt.base);
	set(GUEST_IDTR_LIMIT, idt.limit);
}

static void set_registers(const u8 *code)
{
	u64 cr0, cr3, cr4;

	asm volatile("mov %%cr0, %0\n\tmov %%cr3, %1\n\tmov %%cr4, %2"
		     : "=r"(cr0), "=r"(cr3), "=r"(cr4));
	set(HOST_CR0, cr0);
	set(GUEST_CR0, cr0);
	set(HOST_CR3, cr3);
	set(GUEST_CR3, cr3);
	set(HOST_CR4, cr4);
	set(GUEST_CR4, cr4);
	set(GUEST_DR7, 0x400);
	set(GUEST_RFLAGS, 2);
	set(GUEST_RIP, (u64)code);
	set(GUEST_RSP, (u64)(stack + sizeof(stack)));
	set(VMCS_LINK_POINTER, NO_VMCS);
}

/* Runs code with these pin- and processor-based controls; returns why it ended. */
static u64 run(const u8 *code, u64 pin, u64 proc)
{
	u64 mine = fault_physical(region), before, reason;
	u32 revision = (u32)rdmsr(MSR_VMX_BASIC) & 0x7fffffff;
	bool entered;

	memset(region, 0, sizeof(region));
	memcpy(region, &revision, sizeof(revision));
	asm volatile("vmptrst %0" : "=m"(before) : : "cc");
	asm volatile("vmclear %0\n\tvmptrld %0" ::"m"(mine) : "cc", "memory");
	set(PIN_CONTROLS, control(MSR_VMX_PIN, pin));
	set(PROC_CONTROLS, control(MSR_VMX_PROC, proc));
	set(EXIT_CONTROLS, control(MSR_VMX_EXIT, EXIT_HOST_64));
	set(ENTRY_CONTROLS, control(MSR_VMX_ENTRY, ENTRY_GUEST_64));
	set_tables();
	set_registers(code);
	entered = fault_vmlaunch();
	reason = entered ? get(EXIT_REASON) : NO_VMCS;
	asm volatile("vmclear %0" ::"m"(mine) : "cc", "memory");
	if (before != NO_VMCS)
		asm volatile("vmptrld %0" ::"m"(before) : "cc", "memory");
	return reason;
}

static bool mtf(void)
{
	if (!(rdmsr(MSR_VMX_PROC) >> 32 & PROC_MTF))
		return false;
	return run(fault_nops_intel, 0, PROC_MTF) == VMEXIT_VMCALL;
}

static bool intr(void)
{
	u64 reason;

	fault_interrupt_self();
	reason = run(fault_nops_intel, PIN_EXTERNAL_INTERRUPT, 0);
	asm volatile("sti; nop; cli" ::: "memory");
	return reason == VMEXIT_VMCALL;
}

bool vmx_fault_seen(enum fault f)
{
	return (f == FAULT_MTF && mtf()) || (f == FAULT_INTR && intr());
}
