/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AMD-V's faults. The guest is this CPU as it is, in 64-bit mode with the host's page tables, but
 * for what each case changes (APM volume 2, "Secure Virtual Machine").
 */
#include "tests/faults/faults.h"

#include "arch/x86/svm/vmcb.h"
#include "core/lib/string.h"
#include "tests/guests/kit/cpu.h"

#define GUEST_CR2    0x12345000ull
#define OTHER_CR2    0x54321000ull
#define VECTOR_INT   0x44
#define VECTOR_OTHER 0x51
#define DR6_BS	     BIT(14)
#define FLAG_TF	     BIT(8)
#define FLAG_IF	     BIT(9)
#define DB	     1
#define GP	     13

struct table_pointer {
	u16 limit;
	u64 base;
} __packed;

void fault_vmrun(u64 vmcb_hpa);
extern const u8 fault_read_cr2[], fault_nops[], fault_int[];

static struct vmcb vmcb __aligned(4096);
static u8 stack[1024] __aligned(16);

static void fill_tables(struct vmcb *c)
{
	struct table_pointer gdt, idt;
	u16 cs, ss;

	asm volatile("sgdt %0\n\tsidt %1" : "=m"(gdt), "=m"(idt));
	asm volatile("mov %%cs, %0\n\tmov %%ss, %1" : "=r"(cs), "=r"(ss));
	c->gdtr = (struct vmcb_segment){ .limit = gdt.limit, .base = gdt.base };
	c->idtr = (struct vmcb_segment){ .limit = idt.limit, .base = idt.base };
	c->cs = (struct vmcb_segment){ cs, 0xa9b, ~0u, 0 };
	c->ss = c->ds = c->es = (struct vmcb_segment){ ss, 0xc93, ~0u, 0 };
}

static struct vmcb *guest(const u8 *code)
{
	struct vmcb *c = &vmcb;

	memset(c, 0, sizeof(*c));
	fill_tables(c);
	asm volatile("mov %%cr0, %0" : "=r"(c->cr0));
	asm volatile("mov %%cr3, %0" : "=r"(c->cr3));
	asm volatile("mov %%cr4, %0" : "=r"(c->cr4));
	c->misc1 = INTERCEPT_INTR | INTERCEPT_NMI | INTERCEPT_SHUTDOWN;
	c->misc2 = INTERCEPT_VMRUN | INTERCEPT_VMMCALL;
	c->asid = 1;
	c->tlb_control = TLB_FLUSH_ALL;
	c->efer = rdmsr(MSR_EFER);
	c->g_pat = rdmsr(MSR_PAT);
	c->dr6 = 0xffff0ff0;
	c->dr7 = 0x400;
	c->rflags = 2;
	c->rip = (u64)code;
	c->rsp = (u64)(stack + sizeof(stack));
	return c;
}

static void run(struct vmcb *c)
{
	fault_vmrun(fault_physical(c));
}

static bool cr2(void)
{
	struct vmcb *c = guest(fault_read_cr2);

	c->cr2 = GUEST_CR2;
	asm volatile("mov %0, %%cr2" ::"r"(OTHER_CR2));
	run(c);
	return c->exitcode == VMEXIT_VMMCALL && c->rax == OTHER_CR2;
}

static bool dr6(void)
{
	struct vmcb *c = guest(fault_nops);

	c->rflags |= FLAG_TF;
	c->exceptions = BIT(DB);
	run(c);
	return c->exitcode == VMEXIT_EXCEPTION + DB && !(c->dr6 & DR6_BS);
}

/* Its delivery ends at an IDT that has no entries. Before it, another event was injected. */
static bool soft_event(void)
{
	struct vmcb *c = guest(fault_nops);

	c->eventinj = VECTOR_OTHER | EVENTINJ_TYPE_INTR | EVENTINJ_VALID;
	c->idtr.limit = 0;
	c->exceptions = BIT(GP);
	run(c);
	c = guest(fault_int);
	c->idtr.limit = 0;
	c->exceptions = BIT(GP);
	run(c);
	return c->exitcode == VMEXIT_EXCEPTION + GP &&
	       (u32)c->exitintinfo != (VECTOR_INT | EVENTINJ_TYPE_SOFT | EVENTINJ_VALID);
}

static bool v_irq(void)
{
	struct vmcb *c = guest(fault_nops);

	c->rflags |= FLAG_IF;
	c->misc1 |= INTERCEPT_VINTR;
	c->v_intr = V_INTR_MASKING | V_IRQ | V_INTR_PRIO | V_IGN_TPR;
	run(c);
	return c->exitcode == VMEXIT_VMMCALL;
}

/* The guest's own IF says nothing about the machine's interrupts, with V_INTR_MASKING. */
static bool intr(void)
{
	struct vmcb *c = guest(fault_nops);

	c->v_intr = V_INTR_MASKING;
	fault_interrupt_self();
	run(c);
	asm volatile("sti; nop; cli" ::: "memory");
	return c->exitcode == VMEXIT_VMMCALL;
}

bool svm_fault_seen(enum fault f)
{
	static bool (*const cases[])(void) = {
		[FAULT_CR2] = cr2,
		[FAULT_DR6] = dr6,
		[FAULT_SOFT_EVENT] = soft_event,
		[FAULT_V_IRQ] = v_irq,
		[FAULT_INTR] = intr,
	};

	return f < ARRAY_LEN(cases) && cases[f]();
}
