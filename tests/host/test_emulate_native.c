/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The emulator against the CPU: an instruction runs natively on memory of this process, and
 * emulated on a device that is mapped at the same linear address; registers, flags and memory have
 * to be the same afterwards. Random operands, every form that the emulator knows.
 */
#define _GNU_SOURCE
#include "tests/host/machine.h"

#include "arch/x86/cpu.h"
#include "core/l3/insn.h"
#include "tests/dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define DEVICE_AT  0x300000000000ull /* linear, here and in the guest */
#define MEMORY_AT  0x300000010000ull /* RAM for the other end of string instructions */
#define MEMORY_GPA 0x9000ull
#define AREA	   0x2000

#define CF    1u
#define PF    4u
#define AF    0x10u
#define SF    0x80u
#define OF    0x800u
#define DF    0x400u
#define FLAGS (CF | PF | AF | 0x40u | SF | OF | DF)

u64 native_regs[16], native_flags;
const u8 *native_code;
void native_run(void);

/* Everything but RSP is loaded, the instruction called with a RET behind it, everything stored. */
asm(".text\n"
    "native_run:\n"
    "	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "	pushq native_flags(%rip); popfq\n"
    "	mov native_regs+0*8(%rip), %rax; mov native_regs+1*8(%rip), %rcx\n"
    "	mov native_regs+2*8(%rip), %rdx; mov native_regs+3*8(%rip), %rbx\n"
    "	mov native_regs+5*8(%rip), %rbp; mov native_regs+6*8(%rip), %rsi\n"
    "	mov native_regs+7*8(%rip), %rdi; mov native_regs+8*8(%rip), %r8\n"
    "	mov native_regs+9*8(%rip), %r9; mov native_regs+10*8(%rip), %r10\n"
    "	mov native_regs+11*8(%rip), %r11; mov native_regs+12*8(%rip), %r12\n"
    "	mov native_regs+13*8(%rip), %r13; mov native_regs+14*8(%rip), %r14\n"
    "	mov native_regs+15*8(%rip), %r15\n"
    "	call *native_code(%rip)\n"
    "	mov %rax, native_regs+0*8(%rip); mov %rcx, native_regs+1*8(%rip)\n"
    "	mov %rdx, native_regs+2*8(%rip); mov %rbx, native_regs+3*8(%rip)\n"
    "	mov %rbp, native_regs+5*8(%rip); mov %rsi, native_regs+6*8(%rip)\n"
    "	mov %rdi, native_regs+7*8(%rip); mov %r8, native_regs+8*8(%rip)\n"
    "	mov %r9, native_regs+9*8(%rip); mov %r10, native_regs+10*8(%rip)\n"
    "	mov %r11, native_regs+11*8(%rip); mov %r12, native_regs+12*8(%rip)\n"
    "	mov %r13, native_regs+13*8(%rip); mov %r14, native_regs+14*8(%rip)\n"
    "	mov %r15, native_regs+15*8(%rip)\n"
    "	pushfq; popq native_flags(%rip)\n"
    "	cld\n"
    "	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "	ret\n");

enum { BYTE = 1, NO_66 = 2, STRING = 4, LOCKABLE = 8 };

/* An opcode with a memory operand: ext is ModRM's reg field, -1 where that is a register. */
struct form {
	u8 op[3], nop;
	s8 ext;
	u8 imm; /* bytes; 4: of the operand's size, at most 4 */
	u8 kind;
	u32 undefined; /* flags */
};

#define ALU(n)                                                                                     \
	{ { (n) << 3 }, 1, -1, 0, BYTE | LOCKABLE, UNDEFINED(n) },                                 \
		{ { (n) << 3 | 1 }, 1, -1, 0, LOCKABLE, UNDEFINED(n) },                            \
		{ { (n) << 3 | 2 }, 1, -1, 0, BYTE, UNDEFINED(n) },                                \
		{ { (n) << 3 | 3 }, 1, -1, 0, 0, UNDEFINED(n) },                                   \
		{ { 0x80 }, 1, n, 1, BYTE | LOCKABLE, UNDEFINED(n) },                              \
		{ { 0x81 }, 1, n, 4, LOCKABLE, UNDEFINED(n) },                                     \
	{                                                                                          \
		{ 0x83 }, 1, n, 1, LOCKABLE, UNDEFINED(n)                                          \
	}
#define UNDEFINED(n) ((n) == 1 || (n) == 4 || (n) == 6 ? AF : 0)
#define BITS	     (OF | SF | AF | PF)

static const struct form forms[] = {
	ALU(0),
	ALU(1),
	ALU(2),
	ALU(3),
	ALU(4),
	ALU(5),
	ALU(6),
	{ { 0x38 }, 1, -1, 0, BYTE, 0 },
	{ { 0x39 }, 1, -1, 0, 0, 0 },
	{ { 0x3a }, 1, -1, 0, BYTE, 0 },
	{ { 0x3b }, 1, -1, 0, 0, 0 },
	{ { 0x80 }, 1, 7, 1, BYTE, 0 },
	{ { 0x81 }, 1, 7, 4, 0, 0 },
	{ { 0x83 }, 1, 7, 1, 0, 0 },
	{ { 0x84 }, 1, -1, 0, BYTE, AF },
	{ { 0x85 }, 1, -1, 0, 0, AF },
	{ { 0xf6 }, 1, 0, 1, BYTE, AF },
	{ { 0xf7 }, 1, 0, 4, 0, AF },
	{ { 0xf6 }, 1, 2, 0, BYTE | LOCKABLE, 0 },
	{ { 0xf7 }, 1, 2, 0, LOCKABLE, 0 },
	{ { 0xf6 }, 1, 3, 0, BYTE | LOCKABLE, 0 },
	{ { 0xf7 }, 1, 3, 0, LOCKABLE, 0 },
	{ { 0xfe }, 1, 0, 0, BYTE | LOCKABLE, 0 },
	{ { 0xff }, 1, 0, 0, LOCKABLE, 0 },
	{ { 0xfe }, 1, 1, 0, BYTE | LOCKABLE, 0 },
	{ { 0xff }, 1, 1, 0, LOCKABLE, 0 },
	{ { 0x88 }, 1, -1, 0, BYTE, 0 },
	{ { 0x89 }, 1, -1, 0, 0, 0 },
	{ { 0x8a }, 1, -1, 0, BYTE, 0 },
	{ { 0x8b }, 1, -1, 0, 0, 0 },
	{ { 0xc6 }, 1, 0, 1, BYTE, 0 },
	{ { 0xc7 }, 1, 0, 4, 0, 0 },
	{ { 0x0f, 0xb6 }, 2, -1, 0, 0, 0 },
	{ { 0x0f, 0xb7 }, 2, -1, 0, 0, 0 },
	{ { 0x0f, 0xbe }, 2, -1, 0, 0, 0 },
	{ { 0x0f, 0xbf }, 2, -1, 0, 0, 0 },
	{ { 0x63 }, 1, -1, 0, 0, 0 },
	{ { 0x0f, 0xc3 }, 2, -1, 0, NO_66, 0 },
	{ { 0x0f, 0x38, 0xf0 }, 3, -1, 0, 0, 0 },
	{ { 0x0f, 0x38, 0xf1 }, 3, -1, 0, 0, 0 },
	{ { 0x86 }, 1, -1, 0, BYTE | LOCKABLE, 0 },
	{ { 0x87 }, 1, -1, 0, LOCKABLE, 0 },
	{ { 0x0f, 0xc0 }, 2, -1, 0, BYTE | LOCKABLE, 0 },
	{ { 0x0f, 0xc1 }, 2, -1, 0, LOCKABLE, 0 },
	{ { 0x0f, 0xb0 }, 2, -1, 0, BYTE | LOCKABLE, 0 },
	{ { 0x0f, 0xb1 }, 2, -1, 0, LOCKABLE, 0 },
	{ { 0x0f, 0xc7 }, 2, 1, 0, LOCKABLE | NO_66, 0 },
	{ { 0x0f, 0xa3 }, 2, -1, 0, 0, BITS },
	{ { 0x0f, 0xab }, 2, -1, 0, LOCKABLE, BITS },
	{ { 0x0f, 0xb3 }, 2, -1, 0, LOCKABLE, BITS },
	{ { 0x0f, 0xbb }, 2, -1, 0, LOCKABLE, BITS },
	{ { 0x0f, 0xba }, 2, 4, 1, 0, BITS },
	{ { 0x0f, 0xba }, 2, 5, 1, LOCKABLE, BITS },
	{ { 0x0f, 0xba }, 2, 6, 1, LOCKABLE, BITS },
	{ { 0x0f, 0xba }, 2, 7, 1, LOCKABLE, BITS },
	{ { 0xa4 }, 1, 0, 0, STRING | BYTE, 0 },
	{ { 0xa5 }, 1, 0, 0, STRING, 0 },
	{ { 0xa6 }, 1, 0, 0, STRING | BYTE, 0 },
	{ { 0xa7 }, 1, 0, 0, STRING, 0 },
	{ { 0xaa }, 1, 0, 0, STRING | BYTE, 0 },
	{ { 0xab }, 1, 0, 0, STRING, 0 },
	{ { 0xac }, 1, 0, 0, STRING | BYTE, 0 },
	{ { 0xad }, 1, 0, 0, STRING, 0 },
	{ { 0xae }, 1, 0, 0, STRING | BYTE, 0 },
	{ { 0xaf }, 1, 0, 0, STRING, 0 },
};

static u64 seed = 0x123456789abcdefull;

static u64 any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dull;
}

static u64 below(u64 n)
{
	return (any() >> 20) % n;
}

/* Values whose sums and comparisons come to something. */
static u64 value(void)
{
	static const u64 borders[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
		0x80000000, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, ~0ull };

	return below(2) ? any() : borders[below(ARRAY_LEN(borders))];
}

/* One instruction of this form; returns its length. */
static u32 encode(const struct form *f, u8 *out, u8 base, u8 reg)
{
	bool wide = below(3) == 0, half = !wide && !(f->kind & NO_66) && below(3) == 0;
	u32 n = 0, imm = f->imm == 4 && half ? 2 : f->imm;
	u8 rex = 0x40 | (wide ? 8 : 0) | (reg & 8 ? 4 : 0) | (base & 8 ? 1 : 0);

	if ((f->kind & STRING) && below(2))
		out[n++] = below(2) ? 0xf2 : 0xf3;
	if ((f->kind & LOCKABLE) && below(4) == 0)
		out[n++] = 0xf0;
	if (half)
		out[n++] = 0x66;
	if (rex != 0x40 || below(4) == 0)
		out[n++] = rex;
	memcpy(out + n, f->op, f->nop);
	n += f->nop;
	if (!(f->kind & STRING)) {
		out[n++] = 0x40 | (f->ext >= 0 ? f->ext : reg & 7) << 3 | (base & 7);
		out[n++] = (u8)below(32);
	}
	for (u32 i = 0; i < imm; i++)
		out[n++] = (u8)any();
	return n;
}

static u8 *area(u64 at, int prot)
{
	u8 *p = mmap(
		(void *)at, AREA, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

static u8 *device, *memory, *code;

static void world_make(void)
{
	if (!device) {
		device = area(DEVICE_AT, PROT_READ | PROT_WRITE);
		memory = area(MEMORY_AT, PROT_READ | PROT_WRITE);
		code = area(0x300000020000ull, PROT_READ | PROT_WRITE | PROT_EXEC);
	}
	machine_reset();
	for (u64 at = 0; at < AREA; at += PAGE_SIZE) {
		machine_map(DEVICE_AT + at, MACHINE_DEVICE + at, MAP_W);
		machine_map(MEMORY_AT + at, MEMORY_GPA + at, MAP_W);
	}
	for (u32 i = 0; i < AREA; i += 8) {
		u64 a = value(), b = value();

		memcpy(device + i, &a, 8);
		memcpy(memory + i, &b, 8);
	}
	memcpy(machine.dev, device, AREA);
	memcpy(machine.ram + MEMORY_GPA, memory, AREA);
}

/* In the middle of the area, or around the border of its two pages; on 16 bytes for CMPXCHG16B. */
static u64 place(u64 area_at)
{
	return area_at + (below(3) ? 0x800 : 0xfe0) + (below(2) ? below(16) * 16 : below(64));
}

static void prepare_registers(const struct form *f, u8 base)
{
	u64 *r = native_regs;

	for (u32 i = 0; i < 16; i++)
		r[i] = value();
	native_flags = 0x202 | (any() & FLAGS & ~DF);
	r[base] = place(DEVICE_AT);
	if (f->kind & STRING) {
		bool swap = below(2);

		native_flags |= below(2) ? DF : 0;
		r[RCX] = below(6);
		r[RSI] = place(swap ? MEMORY_AT : DEVICE_AT);
		r[RDI] = place(swap ? DEVICE_AT : below(2) ? MEMORY_AT : DEVICE_AT);
	}
}

/* Where the instruction goes; a bit number may lead away, then the operands are drawn again. */
static bool in_device(const struct insn *insn, u64 linear)
{
	return insn->mem && linear >= DEVICE_AT && linear + 16 <= DEVICE_AT + AREA;
}

static void compare(const char *text, u32 undefined)
{
	u64 mask = FLAGS & ~undefined;
	bool ok = true;

	for (u32 i = 0; i < 16; i++)
		ok &= i == RSP || EXPECT_EQ(machine.v.hv.gpr[i], native_regs[i]);
	ok &= EXPECT_EQ(machine.v.hv.rflags & mask, native_flags & mask);
	ok &= EXPECT_MEM(machine.dev, device, AREA);
	ok &= EXPECT_MEM(machine.ram + MEMORY_GPA, memory, AREA);
	ok &= EXPECT(!machine.raised && !machine.failed && !machine.stray);
	if (!ok)
		test_printf("# in %s\n", text);
}

static void describe(char *text, const u8 *bytes, u32 n)
{
	for (u32 i = 0; i < n; i++)
		sprintf(text + 3 * i, "%02x ", bytes[i]);
}

static bool try_one(const struct form *f)
{
	u8 bytes[INSN_MAX_LEN + 1] = { 0 }, base = below(2) ? RBX : R13;
	u8 reg = (u8)(below(2) ? below(4) : 8 + below(5));
	u32 n = encode(f, bytes, base, reg);
	struct insn insn;
	char text[64];
	u64 linear;
	u8 access;

	describe(text, bytes, n);
	if (!EXPECT_EQ(insn_decode(&insn, bytes, n, INSN_MODE_64), 0) || !EXPECT_EQ(insn.len, n))
		return test_printf("# in %s\n", text), true;
	prepare_registers(f, base);
	linear = insn_linear_offset(&insn, native_regs, 0);
	if (f->kind & STRING)
		linear = native_regs[RSI] < MEMORY_AT ? native_regs[RSI] : native_regs[RDI];
	if (!in_device(&insn, linear) || (insn.width == 16 && (linear & 15)))
		return false;
	if (insn.op == INSN_CMPXCHG && below(2))
		memcpy(&native_regs[RAX], device + (linear - DEVICE_AT), insn.width);
	if (insn.op == INSN_CMPXCHG8B && below(2)) {
		memcpy(&native_regs[RAX], device + (linear - DEVICE_AT), insn.width / 2);
		memcpy(&native_regs[RDX], device + (linear - DEVICE_AT) + insn.width / 2,
			insn.width / 2);
	}
	memcpy(machine.v.hv.gpr, native_regs, sizeof(native_regs));
	machine.v.hv.rflags = native_flags;
	machine_code(bytes, n);
	access = insn.mem_is_dest && below(2) ? S2_WRITE : S2_READ;
	machine_mmio(MACHINE_DEVICE + (linear - DEVICE_AT), access);

	memcpy(code, bytes, n);
	code[n] = 0xc3;
	native_code = code;
	native_run();
	EXPECT_EQ(machine.v.hv.rip, MACHINE_CODE + n);
	compare(text, f->undefined);
	return true;
}

TEST(emulate_equals_native)
{
	for (u32 i = 0; i < ARRAY_LEN(forms); i++) {
		for (u32 tries = 0; tries < 60;) {
			world_make();
			tries += try_one(&forms[i]);
		}
	}
}
