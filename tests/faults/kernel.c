/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The faults on a bare machine: a multiboot kernel that switches virtualisation on by itself and
 * says which of them it has seen.
 */
#include "tests/faults/faults.h"
#include "tests/guests/kit/kit.h"

#define MSR_FEATURE_CONTROL  0x3a
#define FEATURE_LOCK_AND_VMX 5
#define MSR_VMX_BASIC	     0x480
#define MSR_VM_HSAVE_PA	     0xc0010117
#define EFER_SVME	     BIT(12)
#define CR0_NE		     BIT(5)
#define CR4_VMXE	     BIT(13)
#define PIC_MASK_1	     0x21
#define PIC_MASK_2	     0xa1

static u8 page[4096] __aligned(4096); /* the host save area, or the VMXON region */

bool fault_cpu_is_amd(void)
{
	return cpu_is_amd();
}

u64 fault_physical(const void *p)
{
	return (u64)p;
}

void fault_interrupt_self(void)
{
	apic_write(APIC_ICR_LOW, APIC_SELF | VECTOR_TEST);
}

static void taken(void)
{
	apic_write(APIC_EOI, 0);
}

static void enable_apic(void)
{
	interrupt_handle(VECTOR_TEST, taken);
	apic_write(APIC_SVR, 0x100 | VECTOR_SPURIOUS);
}

static void enable_svm(void)
{
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, (u64)page);
}

static bool enable_vmx(void)
{
	u64 cr0, cr4, at = (u64)page;
	bool failed;

	if (!(rdmsr(MSR_FEATURE_CONTROL) & 1))
		wrmsr(MSR_FEATURE_CONTROL, FEATURE_LOCK_AND_VMX);
	*(u32 *)page = (u32)rdmsr(MSR_VMX_BASIC) & 0x7fffffff;
	asm volatile("mov %%cr0, %0\n\tmov %%cr4, %1" : "=r"(cr0), "=r"(cr4));
	asm volatile("mov %0, %%cr0\n\tmov %1, %%cr4" ::"r"(cr0 | CR0_NE), "r"(cr4 | CR4_VMXE));
	asm volatile("vmxon %1" : "=@ccbe"(failed) : "m"(at) : "memory");
	return !failed;
}

u32 guest_main(void)
{
	u32 seen = 0;

	out8(PIC_MASK_1, 0xff);
	out8(PIC_MASK_2, 0xff);
	enable_apic();
	if (cpu_is_amd())
		enable_svm();
	else if (!enable_vmx())
		print("VMXON failed\n");
	for (u32 f = 0; f < FAULT_COUNT; f++) {
		bool is = fault_seen(f);

		print("%s: %s\n", is ? "FAULT" : "sound", fault_text(f));
		seen += is;
	}
	print("FAULTS %u of %u\n", seen, FAULT_COUNT);
	return seen;
}
