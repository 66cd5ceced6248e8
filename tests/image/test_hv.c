/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The back ends' common face: a small guest in real mode, its exits, its registers and what is
 * injected into it. The same on AMD-V and on VT-x.
 */
#include "tests/dialect.h"

#include "arch/x86/cpu.h"
#include "arch/x86/hv.h"
#include "arch/x86/paging.h"
#include "arch/x86/window.h"
#include "core/l1/frame.h"
#include "core/lib/string.h"
#include "tests/image/cpu_faults.h"

#define TEST_OWNER OWNER_VM(15)
#define CODE	   0x1000 /* below: the interrupt table; RIP starts here, CS base is 0 */
#define HANDLER	   0x2000
#define STACK	   0x8000
#define DATA	   0x9000
#define NOWHERE	   0x400000 /* not mapped in stage 2 */
#define TRIES	   20000    /* exits of the machine's own that may come in between */
#define RFLAGS_ON  (RFLAGS_FIXED | RFLAGS_IF)

static struct {
	struct hv_vcpu v;
	struct pagetable s2;
	hpa_t block;
	struct exit exit;
} guest;

static void poke(u32 at, const void *bytes, u32 len)
{
	window_write(HPA(guest.block.v + at), bytes, len);
}

static u16 peek16(u32 at)
{
	u16 value;

	window_read(HPA(guest.block.v + at), &value, sizeof(value));
	return value;
}

/* Vector n of the real-mode table goes to HANDLER + 16 * n, where a HLT is. */
static void fill_vectors(void)
{
	for (u32 n = 0; n < 256; n++) {
		u16 entry[2] = { (u16)(HANDLER + 16 * n), 0 };
		u8 hlt = 0xf4;

		poke(4 * n, entry, sizeof(entry));
		poke(HANDLER + 16 * n, &hlt, 1);
	}
}

/* The state after INIT, but flat at 0 with a stack, about to run the code. */
static void start(const void *code, u32 len)
{
	struct segment flat = { 0, 0x93, 0xffff, 0 }, cs = { 0, 0x9b, 0xffff, 0 };

	hv->vcpu_reset(&guest.v);
	for (u32 seg = SEG_ES; seg <= SEG_GS; seg++)
		hv->segment_write(&guest.v, seg, seg == SEG_CS ? &cs : &flat);
	guest.v.rip = CODE;
	guest.v.gpr[RSP] = STACK;
	poke(CODE, code, len);
}

#define START(...)                                                                                 \
	do {                                                                                       \
		static const u8 code[] = { __VA_ARGS__ };                                          \
		start(code, sizeof(code));                                                         \
	} while (0)

static bool guest_make(void)
{
	memset(&guest, 0, sizeof(guest));
	if (!EXPECT_EQ(pt_init(&guest.s2, hv->s2_format, TEST_OWNER), 0) ||
		!EXPECT_EQ(block_alloc(TEST_OWNER, &guest.block), 0) ||
		!EXPECT_EQ(pt_map(&guest.s2, 0, guest.block, BLOCK_SIZE, PROT_RWX), 0) ||
		!EXPECT_EQ(hv->vcpu_init(&guest.v, &guest.s2), 0))
		return false;
	hv->vcpu_load(&guest.v);
	fill_vectors();
	return true;
}

static void guest_free(void)
{
	hv->vcpu_unload(&guest.v);
	hv->vcpu_free(&guest.v);
	pt_destroy(&guest.s2);
	block_free(guest.block);
}

/* Enters until an exit of the guest's own. */
static u8 run(void)
{
	for (u32 i = 0; i < TRIES; i++) {
		hv->enter(&guest.v, &guest.exit);
		if (guest.exit.kind != EXIT_INTR && guest.exit.kind != EXIT_PREEMPT)
			break;
		asm volatile("sti; nop; cli");
	}
	return guest.exit.kind;
}

/* Runs code that exits at its first instruction. */
#define EXPECT_EXIT(kind, ...)                                                                     \
	do {                                                                                       \
		START(__VA_ARGS__);                                                                \
		EXPECT_EQ(run(), kind);                                                            \
		EXPECT_EQ(guest.v.rip, CODE);                                                      \
		EXPECT(!guest.v.has_pending);                                                      \
	} while (0)

TEST(hv_instructions_that_exit)
{
	bool intel = hv == &vmx_ops;

	if (!guest_make())
		return;
	EXPECT_EXIT(EXIT_CPUID, 0x0f, 0xa2);
	EXPECT(guest.exit.insn_len == 2 || !guest.exit.insn_len);
	EXPECT_EXIT(EXIT_HLT, 0xf4);
	EXPECT_EXIT(EXIT_WBINVD, 0x0f, 0x09);
	EXPECT_EXIT(EXIT_WBINVD, 0x0f, 0x08);
	EXPECT_EXIT(EXIT_RDPMC, 0x0f, 0x33);
	if (intel) {
		EXPECT_EXIT(EXIT_HYPERCALL, 0x0f, 0x01, 0xc1);
	} else {
		EXPECT_EXIT(EXIT_HYPERCALL, 0x0f, 0x01, 0xd9);
	}
	EXPECT_EXIT(EXIT_MSR, 0x0f, 0x32);
	EXPECT(!guest.exit.msr.write);
	EXPECT_EXIT(EXIT_MSR, 0x0f, 0x30);
	EXPECT(guest.exit.msr.write);
	guest_free();
}

TEST(hv_ports)
{
	if (!guest_make())
		return;
	EXPECT_EXIT(EXIT_IO, 0xe4, 0x60);
	EXPECT_EQ(guest.exit.io.port, 0x60);
	EXPECT_EQ(guest.exit.io.width, 1);
	EXPECT(guest.exit.io.in && !guest.exit.io.string && !guest.exit.io.rep);
	EXPECT_EQ(guest.exit.insn_len, 2);
	START(0x66, 0xef);
	guest.v.gpr[RDX] = 0xcf8;
	EXPECT_EQ(run(), EXIT_IO);
	EXPECT_EQ(guest.exit.io.port, 0xcf8);
	EXPECT_EQ(guest.exit.io.width, 4);
	EXPECT(!guest.exit.io.in);
	START(0xf3, 0x6f);
	guest.v.gpr[RDX] = 0x1f0;
	guest.v.gpr[RCX] = 3;
	EXPECT_EQ(run(), EXIT_IO);
	EXPECT_EQ(guest.exit.io.port, 0x1f0);
	EXPECT_EQ(guest.exit.io.width, 2);
	EXPECT(!guest.exit.io.in && guest.exit.io.string && guest.exit.io.rep);
	guest_free();
}

TEST(hv_general_registers_are_switched)
{
	if (!guest_make())
		return;
	START(0x0f, 0xa2);
	for (u32 r = RAX; r <= R15; r++) {
		if (r != RSP)
			guest.v.gpr[r] = 0x1111111111111111ull * r + 5;
	}
	hv->reg_write(&guest.v, REG_CR2, 0x12345000);
	EXPECT_EQ(run(), EXIT_CPUID);
	for (u32 r = RAX; r <= R15; r++)
		EXPECT_EQ(guest.v.gpr[r], r == RSP ? STACK : 0x1111111111111111ull * r + 5);
	if (!cpu_fault(FAULT_CR2))
		EXPECT_EQ(hv->reg_read(&guest.v, REG_CR2), 0x12345000);
	guest_free();
}

static const struct {
	u8 reg;
	u64 value;
} plain_regs[] = {
	{ REG_CR0, CR0_ET | CR0_NE | CR0_PE | CR0_TS },
	{ REG_CR0, CR0_ET | CR0_CD | CR0_NW },
	{ REG_CR3, 0x5000 },
	{ REG_CR4, CR4_PAE | CR4_OSFXSR },
	{ REG_EFER, EFER_SCE | EFER_NXE },
	{ REG_DR7, 0x455 },
	{ REG_PAT, 0x0007010600070106 },
	{ REG_FS_BASE, 0xffff800012345678 },
	{ REG_GS_BASE, 0x00007fff12345678 },
	{ REG_KERNEL_GS_BASE, 0xffff800087654321 },
	{ REG_STAR, 0x0023001000000000 },
	{ REG_LSTAR, 0xffffffff81000000 },
	{ REG_CSTAR, 0xffffffff81000010 },
	{ REG_SFMASK, 0x47700 },
	{ REG_SYSENTER_CS, 0x10 },
	{ REG_SYSENTER_ESP, 0xffffffff81000020 },
	{ REG_SYSENTER_EIP, 0xffffffff81000030 },
	{ REG_TSC_OFFSET, 0x123456789 },
	{ REG_DR6, 0xffff4ff1 },
};

/* Before a run, and after one that does not touch them. */
TEST(hv_registers_read_back)
{
	if (!guest_make())
		return;
	for (u32 i = 0; i < ARRAY_LEN(plain_regs); i++) {
		START(0x0f, 0xa2);
		hv->reg_write(&guest.v, plain_regs[i].reg, plain_regs[i].value);
		EXPECT_EQ(hv->reg_read(&guest.v, plain_regs[i].reg), plain_regs[i].value);
		EXPECT_EQ(run(), EXIT_CPUID);
		EXPECT_EQ(hv->reg_read(&guest.v, plain_regs[i].reg), plain_regs[i].value);
	}
	hv->reg_write(&guest.v, REG_TSC_OFFSET, 0);
	guest_free();
}

/* A second vCPU runs in between; what is kept in the CPU must not leak from one to the other. */
TEST(hv_vcpus_keep_their_own_registers)
{
	static struct hv_vcpu other;
	u32 first = 7, count = ARRAY_LEN(plain_regs) - 7;

	if (!guest_make())
		return;
	START(0x0f, 0xa2);
	memset(&other, 0, sizeof(other));
	if (!EXPECT_EQ(hv->vcpu_init(&other, &guest.s2), 0)) {
		guest_free();
		return;
	}
	for (u32 i = first; i < first + count; i++)
		hv->reg_write(&guest.v, plain_regs[i].reg, plain_regs[i].value);
	guest.v.dr[0] = 0;
	hv->vcpu_unload(&guest.v);
	hv->vcpu_load(&other);
	EXPECT_EQ(hv->reg_read(&other, REG_LSTAR), 0);
	EXPECT_EQ(hv->reg_read(&guest.v, REG_LSTAR), 0xffffffff81000000);
	hv->reg_write(&guest.v, REG_CSTAR, 0xffffffff81000040);
	hv->reg_write(&other, REG_LSTAR, 1);
	hv->reg_write(&other, REG_KERNEL_GS_BASE, 2);
	hv->enter(&other, &guest.exit);
	hv->vcpu_unload(&other);
	hv->vcpu_load(&guest.v);
	EXPECT_EQ(hv->reg_read(&guest.v, REG_CSTAR), 0xffffffff81000040);
	hv->reg_write(&guest.v, REG_CSTAR, 0xffffffff81000010);
	for (u32 i = first; i < first + count; i++)
		EXPECT_EQ(hv->reg_read(&guest.v, plain_regs[i].reg), plain_regs[i].value);
	EXPECT_EQ(hv->reg_read(&other, REG_LSTAR), 1);
	EXPECT_EQ(hv->reg_read(&other, REG_KERNEL_GS_BASE), 2);
	hv->vcpu_free(&other);
	guest_free();
}

TEST(hv_segments_read_back)
{
	struct segment code = { 0x10, 0xc9b, ~0u, 0 }, data = { 0x18, 0xcf3, ~0u, 0x1000 };
	struct segment tss = { 0x40, 0x8b, 0x67, 0xffff800000001000 }, got;

	if (!guest_make())
		return;
	hv->segment_write(&guest.v, SEG_CS, &code);
	hv->segment_read(&guest.v, SEG_CS, &got);
	EXPECT_MEM(&got, &code, sizeof(got));
	hv->segment_write(&guest.v, SEG_SS, &data);
	hv->segment_read(&guest.v, SEG_SS, &got);
	EXPECT_MEM(&got, &data, sizeof(got));
	EXPECT_EQ(hv->cpl(&guest.v), 3);
	hv->segment_write(&guest.v, SEG_TR, &tss);
	hv->segment_read(&guest.v, SEG_TR, &got);
	EXPECT_MEM(&got, &tss, sizeof(got));
	data.attr = SEG_ATTR_UNUSABLE;
	hv->segment_write(&guest.v, SEG_DS, &data);
	hv->segment_read(&guest.v, SEG_DS, &got);
	EXPECT(got.attr & SEG_ATTR_UNUSABLE);
	guest_free();
}

TEST(hv_stage2_faults)
{
	struct segment far = { 0, 0x93, 0xffff, NOWHERE };

	if (!guest_make())
		return;
	START(0xa1, 0x34, 0x12); /* mov 0x1234, %ax */
	hv->segment_write(&guest.v, SEG_DS, &far);
	EXPECT_EQ(run(), EXIT_S2);
	EXPECT_EQ(guest.exit.s2.gpa.v, NOWHERE + 0x1234);
	EXPECT_EQ(guest.exit.s2.access, S2_READ);
	EXPECT(!guest.exit.s2.in_walk);
	START(0xa3, 0x34, 0x12);
	hv->segment_write(&guest.v, SEG_DS, &far);
	EXPECT_EQ(run(), EXIT_S2);
	EXPECT_EQ(guest.exit.s2.gpa.v, NOWHERE + 0x1234);
	EXPECT_EQ(guest.exit.s2.access, S2_WRITE);
	guest_free();
}

/* What is revoked faults, and what is given back works, whatever the CPU had cached. */
TEST(hv_stage2_protection_takes_effect)
{
	if (!guest_make())
		return;
	START(0xc6, 0x06, 0x00, 0x90, 0x01, 0xf4); /* movb $1, 0x9000; hlt */
	EXPECT_EQ(run(), EXIT_HLT);
	EXPECT_EQ(pt_protect(&guest.s2, DATA, PAGE_SIZE, PROT_RX), 0);
	guest.v.rip = CODE;
	guest.v.flush = true;
	EXPECT_EQ(run(), EXIT_S2);
	EXPECT_EQ(guest.exit.s2.gpa.v, DATA);
	EXPECT_EQ(guest.exit.s2.access, S2_WRITE);
	EXPECT_EQ(pt_protect(&guest.s2, DATA, PAGE_SIZE, PROT_RWX), 0);
	guest.v.flush = true;
	EXPECT_EQ(run(), EXIT_HLT);
	guest_free();
}

TEST(hv_an_injected_interrupt_arrives)
{
	struct hv_event e = { .vector = 0x21, .type = EVENT_INTR };

	if (!guest_make())
		return;
	START(0x90, 0x90);
	EXPECT(!hv->can_take_interrupt(&guest.v));
	guest.v.rflags = RFLAGS_ON;
	EXPECT(hv->can_take_interrupt(&guest.v));
	hv->inject(&guest.v, &e);
	EXPECT(!hv->can_take_interrupt(&guest.v));
	EXPECT_EQ(run(), EXIT_HLT);
	EXPECT_EQ(guest.v.rip, HANDLER + 16 * 0x21);
	EXPECT_EQ(guest.v.gpr[RSP], STACK - 6);
	EXPECT_EQ(peek16(STACK - 6), CODE);
	EXPECT(peek16(STACK - 2) & RFLAGS_IF);
	EXPECT(!(guest.v.rflags & RFLAGS_IF));
	EXPECT(!guest.v.has_pending);
	guest_free();
}

/*
 * Once, however long its handler runs: TCG's own timers used to bring it a second time. Under the
 * instruction counter this loop outlasts the 55 ms between two of the PIT's.
 */
TEST(hv_an_injected_interrupt_arrives_once)
{
	struct hv_event e = { .vector = 0x21, .type = EVENT_INTR };
	/* incw 0x9000; mov $40000000, %ecx; 1: dec %ecx; jnz 1b; hlt */
	static const u8 handler[] = { 0xff, 0x06, 0x00, 0x90, 0x66, 0xb9, 0x00, 0x5a, 0x62, 0x02,
		0x66, 0x49, 0x75, 0xfc, 0xf4 };

	if (!guest_make())
		return;
	poke(HANDLER + 16 * 0x21, handler, sizeof(handler));
	poke(DATA, "\0", 2);
	START(0x90, 0x90);
	guest.v.rflags = RFLAGS_ON;
	hv->inject(&guest.v, &e);
	while (run() == EXIT_PREEMPT) /* it runs for longer than VT-x lets a guest */
		;
	EXPECT_EQ(guest.exit.kind, EXIT_HLT);
	EXPECT_EQ(peek16(DATA), 1);
	EXPECT_EQ(guest.v.gpr[RSP], STACK - 6);
	guest_free();
}

/* Real mode pushes no error code, whatever the event says. */
TEST(hv_an_injected_exception_arrives)
{
	struct hv_event e = { .vector = VECTOR_GP, .type = EVENT_EXCEPTION, .has_error = true };

	if (!guest_make())
		return;
	if (hv == &vmx_ops) {
		START(0x90, 0x90);
		hv->inject(&guest.v, &e);
		EXPECT_EQ(run(), EXIT_HLT);
		EXPECT_EQ(guest.v.gpr[RSP], STACK - 6);
	}
	e.vector = VECTOR_UD;
	e.has_error = false;
	START(0x90, 0x90);
	hv->inject(&guest.v, &e);
	EXPECT_EQ(run(), EXIT_HLT);
	EXPECT_EQ(guest.v.rip, HANDLER + 16 * VECTOR_UD);
	EXPECT_EQ(guest.v.gpr[RSP], STACK - 6);
	guest_free();
}

TEST(hv_a_window_opens_behind_the_shadow)
{
	if (!guest_make())
		return;
	START(0x90, 0xfb, 0x90, 0x90, 0xf4); /* nop; sti; nop; nop; hlt */
	hv->window(&guest.v, true);
	EXPECT_EQ(run(), EXIT_WINDOW);
	EXPECT_EQ(guest.v.rip, CODE + 3);
	hv->window(&guest.v, false);
	EXPECT(hv->can_take_interrupt(&guest.v));
	EXPECT_EQ(run(), EXIT_HLT);
	EXPECT_EQ(guest.v.rip, CODE + 4);
	guest_free();
}

TEST(hv_a_shadow_is_seen_and_cleared)
{
	if (!guest_make())
		return;
	START(0xfb, 0x0f, 0xa2); /* sti; cpuid */
	EXPECT_EQ(run(), EXIT_CPUID);
	EXPECT_EQ(guest.v.rip, CODE + 1);
	EXPECT(guest.v.rflags & RFLAGS_IF);
	EXPECT(!hv->can_take_interrupt(&guest.v));
	EXPECT(!hv->can_take_nmi(&guest.v));
	guest.v.rip += 2; /* the instruction is done */
	EXPECT(hv->can_take_interrupt(&guest.v));
	EXPECT(hv->can_take_nmi(&guest.v));
	guest_free();
}

TEST(hv_nmis_wait_for_iret)
{
	struct hv_event e = { .vector = VECTOR_NMI, .type = EVENT_NMI };
	static const u8 handler[] = { 0x90, 0xcf }; /* nop; iret */

	if (!guest_make())
		return;
	poke(HANDLER + 16 * VECTOR_NMI, handler, sizeof(handler));
	START(0x90, 0x90, 0xf4);
	EXPECT(hv->can_take_nmi(&guest.v));
	hv->inject(&guest.v, &e);
	EXPECT(guest.v.nmi_masked);
	EXPECT(!hv->can_take_nmi(&guest.v));
	EXPECT_EQ(run(), EXIT_WINDOW);
	hv->window(&guest.v, false);
	EXPECT(!guest.v.nmi_masked);
	EXPECT(hv->can_take_nmi(&guest.v));
	EXPECT_EQ(run(), EXIT_HLT);
	EXPECT_EQ(guest.v.rip, CODE + 2);
	guest_free();
}

/* The stack is not there when the interrupt is to be delivered: it must not be lost. */
TEST(hv_an_interrupted_delivery_is_kept)
{
	struct hv_event e = { .vector = 0x33, .type = EVENT_INTR };
	struct segment far = { 0, 0x93, 0xffff, NOWHERE };

	if (!guest_make())
		return;
	START(0x90, 0x90);
	guest.v.rflags = RFLAGS_ON;
	hv->segment_write(&guest.v, SEG_SS, &far);
	hv->inject(&guest.v, &e);
	EXPECT_EQ(run(), EXIT_S2);
	EXPECT_EQ(guest.v.rip, CODE);
	EXPECT(guest.v.has_pending);
	EXPECT_EQ(guest.v.pending.vector, 0x33);
	EXPECT_EQ(guest.v.pending.type, EVENT_INTR);
	far.base = 0;
	hv->segment_write(&guest.v, SEG_SS, &far);
	e = guest.v.pending;
	guest.v.has_pending = false;
	hv->inject(&guest.v, &e);
	EXPECT_EQ(run(), EXIT_HLT);
	EXPECT_EQ(guest.v.rip, HANDLER + 16 * 0x33);
	guest_free();
}

/* An INT n whose delivery is cut short is not kept: RIP is at it, it runs again. */
TEST(hv_an_interrupted_int_runs_again)
{
	struct segment far = { 0, 0x93, 0xffff, NOWHERE };

	if (!guest_make())
		return;
	START(0xcd, 0x44);
	hv->segment_write(&guest.v, SEG_SS, &far);
	EXPECT_EQ(run(), EXIT_S2);
	EXPECT_EQ(guest.v.rip, CODE);
	if (!cpu_fault(FAULT_SOFT_EVENT))
		EXPECT(!guest.v.has_pending);
	guest_free();
}

TEST(hv_exceptions_are_trapped)
{
	if (!guest_make())
		return;
	START(0x0f, 0x0b); /* ud2 */
	EXPECT_EQ(run(), EXIT_HLT);
	EXPECT_EQ(guest.v.rip, HANDLER + 16 * VECTOR_UD);
	START(0x0f, 0x0b);
	hv->trap(&guest.v, TRAP_EXCEPTIONS, true);
	EXPECT(!hv->verify(&guest.v));
	EXPECT_EQ(run(), EXIT_EXCEPTION);
	EXPECT_EQ(guest.exit.exception.vector, VECTOR_UD);
	EXPECT_EQ(guest.v.rip, CODE);
	hv->trap(&guest.v, TRAP_EXCEPTIONS, false);
	EXPECT(!hv->verify(&guest.v));
	EXPECT_EQ(run(), EXIT_HLT);
	guest_free();
}

/* One instruction further, and known as a step unless the CPU does not say what its #DB was. */
static void expect_step(u64 rip, bool unnamed)
{
	u8 kind = run();

	if (guest.v.rip == rip - 1) /* a nested KVM may trap once before the first instruction */
		kind = run();
	EXPECT_EQ(kind, unnamed ? EXIT_EXCEPTION : EXIT_STEP);
	EXPECT_EQ(guest.v.rip, rip);
}

TEST(hv_single_steps)
{
	bool unnamed = cpu_fault(FAULT_DR6), none = cpu_fault(FAULT_MTF);

	if (!guest_make())
		return;
	START(0x90, 0x40, 0x90, 0xf4); /* nop; inc %ax; nop; hlt */
	hv->trap(&guest.v, TRAP_STEP, true);
	if (!none) {
		expect_step(CODE + 1, unnamed);
		expect_step(CODE + 2, unnamed);
		EXPECT_EQ(guest.v.gpr[RAX] & 0xffff, 1);
	}
	hv->trap(&guest.v, TRAP_STEP, false);
	EXPECT_EQ(run(), EXIT_HLT);
	EXPECT_EQ(guest.v.rip, CODE + 3);
	guest_free();
}

TEST(hv_debug_exceptions_say_why)
{
	if (!guest_make())
		return;
	START(0x90, 0x90);
	guest.v.rflags |= RFLAGS_TF;
	EXPECT_EQ(run(), EXIT_EXCEPTION);
	EXPECT_EQ(guest.exit.exception.vector, VECTOR_DB);
	if (!cpu_fault(FAULT_DR6))
		EXPECT(hv->reg_read(&guest.v, REG_DR6) & BIT(14));
	guest_free();
}

/* On VT-x: Bochs's AMD-V does not intercept it and ends the machine. */
TEST(hv_triple_faults)
{
	struct segment idt = { .limit = 0 };

	if (hv != &vmx_ops || !guest_make())
		return;
	START(0x0f, 0x0b);
	hv->segment_write(&guest.v, SEG_IDTR, &idt);
	EXPECT_EQ(run(), EXIT_SHUTDOWN);
	guest_free();
}
