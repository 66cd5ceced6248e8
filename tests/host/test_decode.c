/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The instruction decoder: swept over the opcode maps with Capstone as the judge, then by hand
 * where Capstone says nothing.
 */
#include "tests/dialect.h"
#include "tests/host/decode_oracle.h"

#include "core/l3/insn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPORT_MAX 12

static const enum insn_mode modes[] = { INSN_MODE_16, INSN_MODE_32, INSN_MODE_64 };

/* An instruction put together from its parts; what they leave is filled with a pattern. */
struct pattern {
	const char *prefixes; /* ends with 0 */
	u8 map;		      /* 0: one byte, 1: 0F, 2: 0F 38, 3: 0F 3A */
	u8 opcode, modrm, sib;
};

static void assemble(u8 out[ORACLE_BYTES], const struct pattern *p)
{
	static const u8 rest[] = { 0x81, 0x12, 0xf3, 0x04, 0x95, 0x26, 0x37, 0xc8, 0x59, 0x6a };
	static const char *const maps[] = { "", "\x0f", "\x0f\x38", "\x0f\x3a" };
	u32 n = 0;

	for (const char *s = p->prefixes; *s; s++)
		out[n++] = *s;
	for (const char *s = maps[p->map]; *s; s++)
		out[n++] = *s;
	out[n++] = p->opcode;
	out[n++] = p->modrm;
	out[n++] = p->sib;
	for (u32 i = 0; n < ORACLE_BYTES; i++)
		out[n++] = rest[i % sizeof(rest)];
}

static void check(struct oracle *o, const u8 bytes[ORACLE_BYTES])
{
	const char *wrong = oracle_check(o, bytes);

	if (!wrong || o->wrong > REPORT_MAX)
		return;
	test_printf("# mode %u:", 16u << o->mode);
	for (u32 i = 0; i < INSN_MAX_LEN; i++)
		test_printf(" %02x", bytes[i]);
	test_printf(": %s (\"%s %s\", %u bytes)\n", wrong, o->theirs->mnemonic, o->theirs->op_str,
		o->theirs->size);
}

static void check_pattern(struct oracle *o, const struct pattern *p)
{
	u8 bytes[ORACLE_BYTES];

	assemble(bytes, p);
	check(o, bytes);
}

/* Runs a sweep in each mode. It must have judged something: at least so many. */
static void sweep(void (*run)(struct oracle *o), u64 at_least)
{
	for (u32 i = 0; i < ARRAY_LEN(modes); i++) {
		struct oracle o;

		if (!EXPECT(oracle_open(&o, modes[i])))
			return;
		run(&o);
		EXPECT_EQ(o.wrong, 0);
		EXPECT(o.compared >= at_least);
		oracle_close(&o);
	}
}

static void every_modrm(struct oracle *o)
{
	struct pattern p = { .prefixes = "" };

	for (p.map = 0; p.map < 4; p.map++)
		for (u32 i = 0; i < 256 * 256; i++) {
			p.opcode = i >> 8;
			p.modrm = i;
			p.sib = i * 37;
			p.prefixes = "";
			check_pattern(o, &p);
			p.prefixes = "\x67";
			check_pattern(o, &p);
		}
}

TEST(decode_agrees_on_every_modrm)
{
	sweep(every_modrm, 200000);
}

/* Prefixes alone and together, in and out of order; REX bytes are instructions outside 64 bits. */
static void every_prefix(struct oracle *o)
{
	static const char *const prefixes[] = { "\x26", "\x2e", "\x36", "\x3e", "\x64", "\x65",
		"\x66", "\xf0", "\xf2", "\xf3", "\x66\x67", "\x67\x66", "\x66\xf2", "\xf3\x66",
		"\xf2\x67", "\xf3\x67", "\x65\x66", "\x66\x64", "\xf0\x66", "\x66\x66\x66", "\x40",
		"\x41", "\x42", "\x44", "\x45", "\x47", "\x48", "\x49", "\x4c", "\x4f", "\x66\x41",
		"\x66\x48", "\x67\x4d", "\x64\x4a", "\xf2\x48", "\xf3\x48", "\xf3\x4d", "\xf0\x48",
		"\x66\xf0\x49", "\x48\x66", "\x4f\x67" };
	static const u8 modrms[] = { 0x00, 0x05, 0x0c, 0x17, 0x25, 0x44, 0x6d, 0x86, 0x8c, 0xbd,
		0xc1, 0xd4, 0xe7, 0xf8, 0xff };
	struct pattern p = { .sib = 0x65 };

	for (p.map = 0; p.map < 4; p.map++)
		for (u32 i = 0; i < ARRAY_LEN(prefixes) * ARRAY_LEN(modrms) * 256; i++) {
			p.opcode = i;
			p.modrm = modrms[(i >> 8) % ARRAY_LEN(modrms)];
			p.prefixes = prefixes[(i >> 8) / ARRAY_LEN(modrms)];
			check_pattern(o, &p);
		}
}

TEST(decode_agrees_on_every_prefix)
{
	sweep(every_prefix, 200000);
}

static void every_sib(struct oracle *o)
{
	static const char *const prefixes[] = { "", "\x67", "\x40", "\x41", "\x42", "\x43", "\x47",
		"\x4f", "\x64", "\x36\x67", "\x67\x4b" };
	static const u8 opcodes[] = { 0x01, 0x22, 0x80, 0x81, 0x83, 0x88, 0x8b, 0xc6, 0xc7 };
	struct pattern p = { .map = 0 };

	for (u32 i = 0; i < 256 * 32 * ARRAY_LEN(prefixes); i++)
		for (u32 k = 0; k < ARRAY_LEN(opcodes); k++) {
			p.opcode = opcodes[k];
			p.sib = i;
			p.modrm = (i >> 8 & 31) << 3 | 4;
			p.prefixes = prefixes[i >> 13];
			check_pattern(o, &p);
		}
}

TEST(decode_agrees_on_every_sib)
{
	sweep(every_sib, 200000);
}

/* VEX with two and three bytes, EVEX, XOP; in 16 and 32 bits also what shares their first byte. */
static void every_vector(struct oracle *o)
{
	static const u8 first[][4] = { { 0xc5, 0xf8 }, { 0xc5, 0xf9 }, { 0xc5, 0x06 },
		{ 0xc4, 0xe1, 0x79 }, { 0xc4, 0xe2, 0x79 }, { 0xc4, 0xe3, 0xf9 },
		{ 0xc4, 0xc2, 0x70 }, { 0xc4, 0x43, 0x7d }, { 0x8f, 0xe8, 0x78 },
		{ 0x8f, 0xe9, 0x78 }, { 0x8f, 0xea, 0x78 }, { 0x62, 0xf1, 0x7c, 0x48 },
		{ 0x62, 0xf2, 0x7d, 0x48 }, { 0x62, 0xf3, 0xfd, 0x28 },
		{ 0x62, 0x12, 0x35, 0x0f } };

	for (u32 i = 0; i < ARRAY_LEN(first) * 256 * 64; i++) {
		const u8 *head = first[i >> 14];
		u32 n = head[0] == 0xc5 ? 2 : head[0] == 0x62 ? 4 : 3;
		u8 bytes[ORACLE_BYTES];

		assemble(bytes, &(struct pattern){ .prefixes = "" });
		memcpy(bytes, head, n);
		bytes[n] = i;
		bytes[n + 1] = (i >> 8 & 63) * 5;
		check(o, bytes);
	}
}

TEST(decode_agrees_on_vector_lengths)
{
	sweep(every_vector, 10000);
}

static u64 random_next(u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void random_bytes(struct oracle *o)
{
	u64 state = 0x9e3779b97f4a7c15, bytes[2];

	for (u32 i = 0; i < 400000; i++) {
		bytes[0] = random_next(&state);
		bytes[1] = random_next(&state);
		check(o, (const u8 *)bytes);
	}
}

TEST(decode_agrees_on_random_bytes)
{
	sweep(random_bytes, 200000);
}

/* What a hypervisor meets first; enough of them that a wrong table shows without the oracle. */
static const struct {
	enum insn_mode mode;
	u8 bytes[INSN_MAX_LEN + 1];
	struct insn want; /* the fields compared in decode_by_hand */
} by_hand[] = {
	/* CPUID, HLT, VMMCALL, PAUSE and NOP */
	{ INSN_MODE_64, { 0x0f, 0xa2 }, { .op = INSN_CPUID, .len = 2, .reg = 255 } },
	{ INSN_MODE_16, { 0xf4 }, { .op = INSN_HLT, .len = 1, .reg = 255 } },
	{ INSN_MODE_64, { 0x0f, 0x01, 0xd9 }, { .op = INSN_VMMCALL, .len = 3, .reg = 3 } },
	{ INSN_MODE_32, { 0xf3, 0x90 }, { .op = INSN_PAUSE, .len = 2, .reg = 255, .rep = true } },
	{ INSN_MODE_32, { 0x90 }, { .op = INSN_OTHER, .len = 1, .reg = 255 } },
	/* mov cr8, rax; mov eax, cr0; lock mov eax, cr0: CR8 by its other name */
	{ INSN_MODE_64, { 0x44, 0x0f, 0x22, 0xc0 },
		{ .op = INSN_MOV_TO_CR, .len = 4, .width = 8, .reg = 8 } },
	{ INSN_MODE_32, { 0x0f, 0x20, 0xc0 }, { .op = INSN_MOV_FROM_CR, .len = 3, .width = 4 } },
	{ INSN_MODE_32, { 0xf0, 0x0f, 0x20, 0xc0 },
		{ .op = INSN_MOV_FROM_CR, .len = 4, .width = 4, .reg = 8 } },
	/* ModRM's mod field is ignored: no displacement follows */
	{ INSN_MODE_32, { 0x0f, 0x20, 0x05 },
		{ .op = INSN_MOV_FROM_CR, .len = 3, .width = 4, .rm = 5 } },
	/* mov ecx, [rip + 0xfee00300]; mov [rdi + 0xb0], esi */
	{ INSN_MODE_64, { 0x8b, 0x0d, 0x00, 0x03, 0xe0, 0xfe },
		{ .op = INSN_MOV, .len = 6, .width = 4, .reg = 1, .rm = 255, .mem = true } },
	{ INSN_MODE_64, { 0x89, 0xb7, 0xb0, 0x00, 0x00, 0x00 },
		{ .op = INSN_MOV,
			.len = 6,
			.width = 4,
			.reg = 6,
			.rm = 255,
			.mem = true,
			.mem_is_dest = true } },
	/* mov dword [0xfee000b0], 0 */
	{ INSN_MODE_32, { 0xc7, 0x05, 0xb0, 0x00, 0xe0, 0xfe, 0, 0, 0, 0 },
		{ .op = INSN_MOV,
			.len = 10,
			.width = 4,
			.reg = 255,
			.rm = 255,
			.mem = true,
			.mem_is_dest = true } },
	/* movzx r9d, word [rbx] */
	{ INSN_MODE_64, { 0x44, 0x0f, 0xb7, 0x0b },
		{ .op = INSN_MOVZX, .len = 4, .width = 4, .reg = 9, .rm = 255, .mem = true } },
	/* rep movsd, repne stosb: repeats just as rep does */
	{ INSN_MODE_64, { 0xf3, 0xa5 },
		{ .op = INSN_MOVS,
			.len = 2,
			.width = 4,
			.reg = 255,
			.rm = 255,
			.mem = true,
			.rep = true } },
	{ INSN_MODE_64, { 0xf2, 0xaa },
		{ .op = INSN_STOS,
			.len = 2,
			.width = 1,
			.rm = 255,
			.mem = true,
			.mem_is_dest = true,
			.rep = true } },
	/* cmpxchg16b [rsi] */
	{ INSN_MODE_64, { 0xf0, 0x48, 0x0f, 0xc7, 0x0e },
		{ .op = INSN_CMPXCHG8B,
			.len = 5,
			.width = 16,
			.reg = 255,
			.rm = 255,
			.mem = true,
			.mem_is_dest = true } },
	/* push -1, push 0: 8 bytes in 64-bit mode */
	{ INSN_MODE_64, { 0x6a, 0xff }, { .op = INSN_PUSH, .len = 2, .width = 8, .reg = 255 } },
	{ INSN_MODE_64, { 0x68 }, { .op = INSN_PUSH, .len = 5, .width = 8, .reg = 255 } },
	/* sldt [rax], sldt rcx; 66 does nothing to mov eax, cr0 */
	{ INSN_MODE_64, { 0x0f, 0x00, 0x00 },
		{ .op = INSN_SLDT,
			.len = 3,
			.width = 2,
			.reg = 255,
			.mem = true,
			.mem_is_dest = true } },
	{ INSN_MODE_64, { 0x48, 0x0f, 0x00, 0xc1 },
		{ .op = INSN_SLDT, .len = 4, .width = 8, .reg = 255 } },
	{ INSN_MODE_32, { 0x66, 0x0f, 0x20, 0xc0 },
		{ .op = INSN_MOV_FROM_CR, .len = 4, .width = 4 } },
	/* a REX that is not last is void: mov eax, ebx */
	{ INSN_MODE_64, { 0x4f, 0x66, 0x89, 0xd8 },
		{ .op = INSN_MOV, .len = 4, .width = 2, .reg = 3 } },
	/* near jump with 66 in 64-bit mode: 16-bit offset, as on AMD */
	{ INSN_MODE_64, { 0x66, 0xe9, 0x34, 0x12 }, { .len = 4, .reg = 255 } },
	/* what the oracle is too old for or has wrong: RDPRU, SERIALIZE, EXTRQ, BEXTR */
	{ INSN_MODE_64, { 0x0f, 0x01, 0xfd }, { .op = INSN_RDPRU, .len = 3, .reg = 7 } },
	{ INSN_MODE_64, { 0x0f, 0x01, 0xe8 }, { .len = 3, .reg = 5 } },
	{ INSN_MODE_64, { 0x66, 0x0f, 0x78, 0xc0, 1, 2 }, { .len = 6 } },
	{ INSN_MODE_16, { 0x8f, 0xea, 0x78, 0x10, 0xc0, 1, 2, 3, 4 }, { .len = 9 } },
	/* as long as can be: 14 prefixes, then NOP */
	{ INSN_MODE_32,
		{ 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
			0x66, 0x90 },
		{ .len = 15, .reg = 255 } },
};

TEST(decode_by_hand)
{
	for (u32 i = 0; i < ARRAY_LEN(by_hand); i++) {
		const struct insn *want = &by_hand[i].want;
		struct insn got;

		if (!EXPECT_EQ(insn_decode(&got, by_hand[i].bytes, 15, by_hand[i].mode), 0) ||
			!EXPECT_EQ(got.op, want->op) || !EXPECT_EQ(got.len, want->len) ||
			!EXPECT_EQ(got.mem, want->mem) || !EXPECT_EQ(got.reg, want->reg) ||
			!EXPECT_EQ(got.mem_is_dest, want->mem_is_dest) ||
			!EXPECT_EQ(got.rep, want->rep))
			test_printf("# entry %u\n", i);
		if (want->op)
			EXPECT_EQ(got.width, want->width);
	}
}

TEST(decode_refuses)
{
	static const struct {
		enum insn_mode mode;
		u8 bytes[INSN_MAX_LEN];
	} undefined[] = {
		{ INSN_MODE_64, { 0x06 } },		      /* push es */
		{ INSN_MODE_64, { 0x82, 0xc0, 1 } },	      /* add al, 1 by its other name */
		{ INSN_MODE_32, { 0x0f, 0x01, 0xf8 } },	      /* swapgs */
		{ INSN_MODE_64, { 0x0f, 0x04 } },	      /* no such opcode */
		{ INSN_MODE_64, { 0x0f, 0xb8, 0xc0 } },	      /* popcnt without F3 */
		{ INSN_MODE_64, { 0x0f, 0xc7, 0xc8 } },	      /* cmpxchg8b eax */
		{ INSN_MODE_64, { 0x0f, 0xc3, 0xc0 } },	      /* movnti eax, eax */
		{ INSN_MODE_64, { 0x0f, 0xb4, 0xc0 } },	      /* lfs eax, eax */
		{ INSN_MODE_64, { 0xff, 0xf8 } },	      /* group 5 has no seventh */
		{ INSN_MODE_64, { 0x8f, 0x20 } },	      /* pop has only /0 */
		{ INSN_MODE_64, { 0xf0, 0x01, 0xc0 } },	      /* lock add eax, eax */
		{ INSN_MODE_64, { 0xf0, 0x03, 0x00 } },	      /* lock add eax, [rax] */
		{ INSN_MODE_64, { 0xf0, 0x39, 0x00 } },	      /* lock cmp [rax], eax */
		{ INSN_MODE_64, { 0xf0, 0x0f, 0x20, 0xd8 } }, /* lock mov rax, cr3 */
		{ INSN_MODE_64, { 0x66, 0xc5, 0xf8, 0x77 } }, /* 66 vzeroupper */
		{ INSN_MODE_64, { 0xc4, 0xe4, 0x78, 0x77 } }, /* VEX map 4 */
	};
	struct insn out;

	for (u32 i = 0; i < ARRAY_LEN(undefined); i++)
		if (!EXPECT_EQ(
			    insn_decode(&out, undefined[i].bytes, 15, undefined[i].mode), -EINVAL))
			test_printf("# entry %u\n", i);
}

/* With registers, with memory: the opcodes after `escape` that are refused either way. */
static void check_undefined(enum insn_mode mode, const char *escape, const char *undefined)
{
	char found[3 * 256 + 1] = "", *end = found;
	u8 bytes[ORACLE_BYTES];
	struct insn out;

	for (u32 opcode = 1; opcode < 256; opcode++) {
		bool any = false;

		for (u32 modrm = 0; modrm < 256; modrm++) {
			assemble(bytes, &(struct pattern){ escape, .opcode = opcode, .modrm = modrm,
						.sib = 0x7c });
			any |= !insn_decode(&out, bytes, INSN_MAX_LEN, mode);
		}
		if (!any)
			end += sprintf(end, "%02x ", opcode);
	}
	EXPECT_STR(found, undefined);
}

TEST(decode_knows_what_is_undefined)
{
	static const char *const map_0f =
		"04 0a 0c 24 25 26 27 36 39 3b 3c 3d 3e 3f 7a 7b a6 a7 b8 ";

	check_undefined(
		INSN_MODE_64, "", "06 07 0e 16 17 1e 1f 27 2f 37 3f 60 61 82 9a ce d4 d5 d6 ea ");
	check_undefined(INSN_MODE_32, "", "");
	check_undefined(INSN_MODE_64, "\x0f", map_0f);
	check_undefined(INSN_MODE_16, "\x0f", map_0f);
}

TEST(decode_knows_the_longest_instruction)
{
	u8 bytes[20];
	struct insn out;

	memset(bytes, 0x66, sizeof(bytes));
	bytes[15] = 0x90; /* the sixteenth byte */
	for (u32 i = 0; i < 15; i++)
		EXPECT_EQ(insn_decode(&out, bytes, i, INSN_MODE_64), -EFAULT);
	EXPECT_EQ(insn_decode(&out, bytes, 15, INSN_MODE_64), -EINVAL);
	EXPECT_EQ(insn_decode(&out, bytes, sizeof(bytes), INSN_MODE_64), -EINVAL);
}

/* Each beginning of an instruction asks for more, the whole does not; ASan watches the end. */
static void check_truncated(const u8 *bytes, enum insn_mode mode)
{
	struct insn whole, again;

	if (insn_decode(&whole, bytes, INSN_MAX_LEN, mode))
		return;
	for (u32 n = 0; n <= whole.len; n++) {
		u8 *exact = malloc(n);

		memcpy(exact, bytes, n);
		EXPECT_EQ(insn_decode(&again, exact, n, mode), n < whole.len ? -EFAULT : 0);
		free(exact);
	}
	EXPECT_EQ(again.len, whole.len);
}

TEST(decode_asks_for_missing_bytes)
{
	static const char *const prefixes[] = { "", "\x66", "\x67\xf3", "\x48" };
	u8 bytes[ORACLE_BYTES];

	for (u32 i = 0; i < 4 * 256 * 16 * 4; i++) {
		struct pattern p = { prefixes[i >> 14], .map = i >> 8 & 3, .opcode = i,
			.modrm = (i >> 10 & 15) * 0x11, .sib = 0x25 };

		assemble(bytes, &p);
		for (u32 m = 0; m < ARRAY_LEN(modes); m++)
			check_truncated(bytes, modes[m]);
	}
}

static u64 offset_of(enum insn_mode mode, const char *bytes, const u64 regs[16])
{
	u8 padded[INSN_MAX_LEN] = { 0 };
	struct insn insn;

	memcpy(padded, bytes, strlen(bytes));
	if (!EXPECT_EQ(insn_decode(&insn, padded, sizeof(padded), mode), 0))
		return 0;
	return insn_linear_offset(&insn, regs, 0xffffffff80001000);
}

TEST(decode_computes_offsets)
{
	u64 regs[16];

	for (u32 i = 0; i < 16; i++)
		regs[i] = 0x1111111100000000 * (i & 1) + 0x10000 * i + 0xfff0 + i;
	/* mov eax, [rip + 16]; with 67: [eip + 16] */
	EXPECT_EQ(offset_of(INSN_MODE_64, "\x8b\x05\x10", regs), 0xffffffff80001010);
	EXPECT_EQ(offset_of(INSN_MODE_64, "\x67\x8b\x05\x10", regs), 0x80001010);
	/* mov eax, [0x10] in 32 bits is absolute */
	EXPECT_EQ(offset_of(INSN_MODE_32, "\x8b\x05\x10", regs), 0x10);
	/* mov eax, [rcx + r8 * 4 - 1]; [ecx + ...] */
	EXPECT_EQ(offset_of(INSN_MODE_64, "\x42\x8b\x44\x81\xff", regs), regs[1] + 4 * regs[8] - 1);
	EXPECT_EQ(offset_of(INSN_MODE_64, "\x67\x42\x8b\x44\x81\xff", regs),
		(u32)(regs[1] + 4 * regs[8] - 1));
	/* mov ax, [bx + si] wraps at 64 KiB */
	EXPECT_EQ(offset_of(INSN_MODE_16, "\x8b\x40\x7f", regs), (u16)(regs[3] + regs[6] + 0x7f));
	/* movabs al, [0x1122334455667788] */
	EXPECT_EQ(offset_of(INSN_MODE_64, "\xa0\x88\x77\x66\x55\x44\x33\x22\x11", regs),
		0x1122334455667788);
	/* lodsd, stosd */
	EXPECT_EQ(offset_of(INSN_MODE_64, "\xad", regs), regs[6]);
	EXPECT_EQ(offset_of(INSN_MODE_64, "\xab", regs), regs[7]);
	/* pop qword [rsp + 8], push qword [rsp + 8] */
	EXPECT_EQ(offset_of(INSN_MODE_64, "\x8f\x44\x24\x08", regs), regs[4] + 16);
	EXPECT_EQ(offset_of(INSN_MODE_64, "\xff\x74\x24\x08", regs), regs[4] + 8);
}

TEST(decode_finds_the_word_of_a_bit)
{
	u64 regs[16] = { [0] = 0x1000, [1] = 0xffffffff000000ff };

	/* bt [rax], ecx: bit 255; bt [rax], rcx: far below; btr [eax], cx */
	EXPECT_EQ(offset_of(INSN_MODE_64, "\x0f\xa3\x08", regs), 0x1000 + 255 / 32 * 4);
	EXPECT_EQ(offset_of(INSN_MODE_64, "\x48\x0f\xa3\x08", regs), 0x1000 - 0x20000000 + 24);
	EXPECT_EQ(offset_of(INSN_MODE_32, "\x66\x0f\xb3\x08", regs), 0x1000 + 255 / 16 * 2);
	regs[1] = -1;
	EXPECT_EQ(offset_of(INSN_MODE_64, "\x0f\xab\x08", regs), 0x1000 - 4);
	/* bts dword [rax], 255: the immediate counts within the word */
	EXPECT_EQ(offset_of(INSN_MODE_64, "\x0f\xba\x28\xff", regs), 0x1000);
}
