/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The opcode maps. AMD APM volume 3, "Opcode Maps", with SDM volume 2, "Opcode Map" for what only
 * Intel has. An opcode that is missing here is undefined.
 */
#include "arch/x86/decode_tables.h"
#include "arch/x86/decode.h"

#define OP(name)    (DEFINED | INSN_##name)
#define W(kind)	    ((u32)WIDTH_##kind << 8)
#define IMM(kind)   ((u32)IMM_##kind << 12)
#define FORM(kind)  (MODRM | (u32)FORM_##kind << 16)
#define PLAIN(kind) ((u32)FORM_##kind << 16) /* operands without a ModRM byte */
#define GROUP(n)    (DEFINED | MODRM | (u32)GROUP_##n << 20)
#define OTHER	    OP(OTHER)
#define OTHER_RM    (OTHER | MODRM)
#define OTHER_IMM8  (OTHER_RM | IMM(UB))

/* The six encodings that start each row of eight in the first quarter of the map. */
#define ARITHMETIC(n, name, lock)                                                                  \
	[n] = OP(name) | FORM(RM_REG) | W(B) | (lock),                                             \
	[n + 1] = OP(name) | FORM(RM_REG) | W(V) | (lock),                                         \
	[n + 2] = OP(name) | FORM(REG_RM) | W(B), [n + 3] = OP(name) | FORM(REG_RM) | W(V),        \
	[n + 4] = OP(name) | PLAIN(ACC) | W(B) | IMM(SIZED),                                       \
	[n + 5] = OP(name) | PLAIN(ACC) | W(V) | IMM(SIZED)

/* clang-format off */
const u32 opcode_map[256] = {
	ARITHMETIC(0x00, ADD, LOCKABLE),
	ARITHMETIC(0x08, OR, LOCKABLE),
	ARITHMETIC(0x10, ADC, LOCKABLE),
	ARITHMETIC(0x18, SBB, LOCKABLE),
	ARITHMETIC(0x20, AND, LOCKABLE),
	ARITHMETIC(0x28, SUB, LOCKABLE),
	ARITHMETIC(0x30, XOR, LOCKABLE),
	ARITHMETIC(0x38, CMP, 0),
	[0x06] = OTHER | INV64, /* PUSH and POP of segment registers */
	[0x07] = OTHER | INV64,
	[0x0e] = OTHER | INV64, /* 0F is the escape to the next map */
	[0x16] = OTHER | INV64,
	[0x17] = OTHER | INV64,
	[0x1e] = OTHER | INV64,
	[0x1f] = OTHER | INV64,
	[0x26] = PREFIX, /* ES */
	[0x27] = OTHER | INV64, /* DAA, DAS, AAA, AAS */
	[0x2e] = PREFIX, /* CS */
	[0x2f] = OTHER | INV64,
	[0x36] = PREFIX, /* SS */
	[0x37] = OTHER | INV64,
	[0x3e] = PREFIX, /* DS */
	[0x3f] = OTHER | INV64,
	[0x40 ... 0x47] = OP(INC) | PLAIN(OPCODE) | W(V) | INV64, /* REX in 64-bit mode */
	[0x48 ... 0x4f] = OP(DEC) | PLAIN(OPCODE) | W(V) | INV64,
	[0x50 ... 0x57] = OP(PUSH) | PLAIN(OPCODE) | W(STACK),
	[0x58 ... 0x5f] = OP(POP) | PLAIN(OPCODE) | W(STACK),
	[0x60] = OTHER | INV64, /* PUSHA, POPA */
	[0x61] = OTHER | INV64,
	[0x62] = OTHER_RM | INV64 | MEM, /* BOUND; EVEX */
	[0x63] = OP(MOVSX) | FORM(REG_RM) | W(V_D), /* MOVSXD; ARPL outside 64-bit mode */
	[0x64] = PREFIX, /* FS */
	[0x65] = PREFIX, /* GS */
	[0x66] = PREFIX, /* operand size */
	[0x67] = PREFIX, /* address size */
	[0x68] = OP(PUSH) | W(STACK) | IMM(Z),
	[0x69] = OTHER_RM | IMM(Z), /* IMUL */
	[0x6a] = OP(PUSH) | W(STACK) | IMM(B),
	[0x6b] = OTHER_RM | IMM(B),
	[0x6c] = OP(INS) | PLAIN(DI) | W(B),
	[0x6d] = OP(INS) | PLAIN(DI) | W(Z),
	[0x6e] = OP(OUTS) | PLAIN(SI) | W(B),
	[0x6f] = OP(OUTS) | PLAIN(SI) | W(Z),
	[0x70 ... 0x7f] = OTHER | IMM(B), /* Jcc */
	[0x80] = GROUP(1) | W(B) | IMM(B),
	[0x81] = GROUP(1) | W(V) | IMM(Z),
	[0x82] = GROUP(1) | W(B) | IMM(B) | INV64,
	[0x83] = GROUP(1) | W(V) | IMM(B),
	[0x84] = OP(TEST) | FORM(RM_REG) | W(B),
	[0x85] = OP(TEST) | FORM(RM_REG) | W(V),
	[0x86] = OP(XCHG) | FORM(RM_REG) | W(B) | LOCKABLE,
	[0x87] = OP(XCHG) | FORM(RM_REG) | W(V) | LOCKABLE,
	[0x88] = OP(MOV) | FORM(RM_REG) | W(B),
	[0x89] = OP(MOV) | FORM(RM_REG) | W(V),
	[0x8a] = OP(MOV) | FORM(REG_RM) | W(B),
	[0x8b] = OP(MOV) | FORM(REG_RM) | W(V),
	[0x8c] = OTHER_RM, /* MOV from and to segment registers */
	[0x8d] = OTHER_RM | MEM, /* LEA */
	[0x8e] = OTHER_RM,
	[0x8f] = GROUP(1A), /* POP; XOP */
	[0x90] = OP(PAUSE), /* with F3; else NOP or XCHG */
	[0x91 ... 0x97] = OTHER, /* XCHG */
	[0x98] = OTHER, /* CBW */
	[0x99] = OTHER, /* CWD */
	[0x9a] = OTHER | IMM(FAR) | INV64, /* CALL far */
	[0x9b] = OTHER, /* WAIT */
	[0x9c] = OP(PUSHF) | W(STACK),
	[0x9d] = OP(POPF) | W(STACK),
	[0x9e] = OTHER, /* SAHF, LAHF */
	[0x9f] = OTHER,
	[0xa0] = OP(MOV) | PLAIN(ACC_MOFFS) | W(B),
	[0xa1] = OP(MOV) | PLAIN(ACC_MOFFS) | W(V),
	[0xa2] = OP(MOV) | PLAIN(MOFFS_ACC) | W(B),
	[0xa3] = OP(MOV) | PLAIN(MOFFS_ACC) | W(V),
	[0xa4] = OP(MOVS) | PLAIN(SI) | W(B),
	[0xa5] = OP(MOVS) | PLAIN(SI) | W(V),
	[0xa6] = OP(CMPS) | PLAIN(SI) | W(B),
	[0xa7] = OP(CMPS) | PLAIN(SI) | W(V),
	[0xa8] = OP(TEST) | PLAIN(ACC) | W(B) | IMM(SIZED),
	[0xa9] = OP(TEST) | PLAIN(ACC) | W(V) | IMM(SIZED),
	[0xaa] = OP(STOS) | PLAIN(DI) | W(B),
	[0xab] = OP(STOS) | PLAIN(DI) | W(V),
	[0xac] = OP(LODS) | PLAIN(SI) | W(B),
	[0xad] = OP(LODS) | PLAIN(SI) | W(V),
	[0xae] = OP(SCAS) | PLAIN(ACC_DI) | W(B),
	[0xaf] = OP(SCAS) | PLAIN(ACC_DI) | W(V),
	[0xb0 ... 0xb7] = OP(MOV) | PLAIN(OPCODE) | W(B) | IMM(B),
	[0xb8 ... 0xbf] = OP(MOV) | PLAIN(OPCODE) | W(V) | IMM(V),
	[0xc0] = OTHER_IMM8, /* shifts */
	[0xc1] = OTHER_IMM8,
	[0xc2] = OTHER | IMM(W), /* RET */
	[0xc3] = OTHER,
	[0xc4] = OTHER_RM | INV64 | MEM, /* LES, LDS; VEX */
	[0xc5] = OTHER_RM | INV64 | MEM,
	[0xc6] = GROUP(11) | W(B) | IMM(SIZED),
	[0xc7] = GROUP(11) | W(V) | IMM(SIZED),
	[0xc8] = OTHER | IMM(ENTER),
	[0xc9] = OTHER, /* LEAVE */
	[0xca] = OTHER | IMM(W), /* RET far */
	[0xcb] = OTHER,
	[0xcc] = OP(INT3),
	[0xcd] = OP(INT) | IMM(UB),
	[0xce] = OTHER | INV64, /* INTO */
	[0xcf] = OP(IRET) | W(V),
	[0xd0 ... 0xd3] = OTHER_RM, /* shifts */
	[0xd4] = OTHER | IMM(UB) | INV64, /* AAM, AAD */
	[0xd5] = OTHER | IMM(UB) | INV64,
	[0xd6] = OTHER | INV64, /* SALC */
	[0xd7] = OTHER, /* XLAT */
	[0xd8 ... 0xdf] = OTHER_RM, /* x87 */
	[0xe0 ... 0xe3] = OTHER | IMM(B), /* LOOP, JCXZ */
	[0xe4] = OP(IN) | PLAIN(ACC) | W(B) | IMM(UB),
	[0xe5] = OP(IN) | PLAIN(ACC) | W(Z) | IMM(UB),
	[0xe6] = OP(OUT) | PLAIN(ACC) | W(B) | IMM(UB),
	[0xe7] = OP(OUT) | PLAIN(ACC) | W(Z) | IMM(UB),
	[0xe8] = OTHER | IMM(Z), /* CALL, JMP */
	[0xe9] = OTHER | IMM(Z),
	[0xea] = OTHER | IMM(FAR) | INV64,
	[0xeb] = OTHER | IMM(B),
	[0xec] = OP(IN) | PLAIN(ACC) | W(B),
	[0xed] = OP(IN) | PLAIN(ACC) | W(Z),
	[0xee] = OP(OUT) | PLAIN(ACC) | W(B),
	[0xef] = OP(OUT) | PLAIN(ACC) | W(Z),
	[0xf0] = PREFIX, /* LOCK */
	[0xf1] = OP(INT1),
	[0xf2] = PREFIX, /* REPNE */
	[0xf3] = PREFIX, /* REP */
	[0xf4] = OP(HLT),
	[0xf5] = OTHER, /* CMC */
	[0xf6] = GROUP(3) | W(B),
	[0xf7] = GROUP(3) | W(V),
	[0xf8 ... 0xfd] = OTHER, /* CLC to STD */
	[0xfe] = GROUP(4),
	[0xff] = GROUP(5),
};

const u32 opcode_map_0f[256] = {
	[0x00] = GROUP(6),
	[0x01] = GROUP(7),
	[0x02] = OTHER_RM, /* LAR, LSL */
	[0x03] = OTHER_RM,
	[0x05] = OTHER, /* SYSCALL */
	[0x06] = OP(CLTS),
	[0x07] = OTHER, /* SYSRET */
	[0x08] = OP(INVD),
	[0x09] = OP(WBINVD),
	[0x0b] = OTHER, /* UD2 */
	[0x0d] = OTHER_RM, /* PREFETCH */
	[0x0e] = OTHER, /* FEMMS */
	[0x0f] = OTHER_IMM8, /* 3DNow! */
	[0x10 ... 0x1f] = OTHER_RM,
	[0x20] = OP(MOV_FROM_CR) | FORM(CONTROL) | W(LONG),
	[0x21] = OP(MOV_FROM_DR) | FORM(CONTROL) | W(LONG),
	[0x22] = OP(MOV_TO_CR) | FORM(CONTROL) | W(LONG),
	[0x23] = OP(MOV_TO_DR) | FORM(CONTROL) | W(LONG),
	[0x28 ... 0x2f] = OTHER_RM,
	[0x30] = OP(WRMSR),
	[0x31] = OP(RDTSC),
	[0x32] = OP(RDMSR),
	[0x33] = OP(RDPMC),
	[0x34] = OTHER, /* SYSENTER, SYSEXIT */
	[0x35] = OTHER,
	[0x37] = OTHER, /* GETSEC; 38 and 3A are escapes */
	[0x40 ... 0x6f] = OTHER_RM,
	[0x70 ... 0x73] = OTHER_IMM8,
	[0x74 ... 0x76] = OTHER_RM,
	[0x77] = OTHER, /* EMMS */
	[0x78] = OP(VMX) | MODRM, /* VMREAD, VMWRITE; with 66 or F2: SSE4A */
	[0x79] = OP(VMX) | MODRM,
	[0x7c ... 0x7f] = OTHER_RM,
	[0x80 ... 0x8f] = OTHER | IMM(Z), /* Jcc */
	[0x90 ... 0x9f] = OTHER_RM, /* SETcc */
	[0xa0] = OTHER, /* PUSH FS, POP FS */
	[0xa1] = OTHER,
	[0xa2] = OP(CPUID),
	[0xa3] = OP(BT) | FORM(RM_REG) | W(V),
	[0xa4] = OTHER_IMM8, /* SHLD */
	[0xa5] = OTHER_RM,
	[0xa8] = OTHER, /* PUSH GS, POP GS */
	[0xa9] = OTHER,
	[0xaa] = OP(RSM),
	[0xab] = OP(BTS) | FORM(RM_REG) | W(V) | LOCKABLE,
	[0xac] = OTHER_IMM8, /* SHRD */
	[0xad] = OTHER_RM,
	[0xae] = OTHER_RM, /* FXSAVE, fences, XSAVE */
	[0xaf] = OTHER_RM, /* IMUL */
	[0xb0] = OP(CMPXCHG) | FORM(RM_REG) | W(B) | LOCKABLE,
	[0xb1] = OP(CMPXCHG) | FORM(RM_REG) | W(V) | LOCKABLE,
	[0xb2] = OTHER_RM | MEM, /* LSS */
	[0xb3] = OP(BTR) | FORM(RM_REG) | W(V) | LOCKABLE,
	[0xb4] = OTHER_RM | MEM, /* LFS, LGS */
	[0xb5] = OTHER_RM | MEM,
	[0xb6] = OP(MOVZX) | FORM(REG_RM) | W(V_B),
	[0xb7] = OP(MOVZX) | FORM(REG_RM) | W(V_W),
	[0xb8] = OTHER_RM, /* POPCNT: with F3 only */
	[0xb9] = OTHER_RM, /* UD1 */
	[0xba] = GROUP(8) | W(V) | IMM(UB),
	[0xbb] = OP(BTC) | FORM(RM_REG) | W(V) | LOCKABLE,
	[0xbc] = OTHER_RM, /* BSF, BSR */
	[0xbd] = OTHER_RM,
	[0xbe] = OP(MOVSX) | FORM(REG_RM) | W(V_B),
	[0xbf] = OP(MOVSX) | FORM(REG_RM) | W(V_W),
	[0xc0] = OP(XADD) | FORM(RM_REG) | W(B) | LOCKABLE,
	[0xc1] = OP(XADD) | FORM(RM_REG) | W(V) | LOCKABLE,
	[0xc2] = OTHER_IMM8,
	[0xc3] = OP(MOVNTI) | FORM(RM_REG) | W(Y) | MEM,
	[0xc4 ... 0xc6] = OTHER_IMM8,
	[0xc7] = GROUP(9),
	[0xc8 ... 0xcf] = OTHER, /* BSWAP */
	[0xd0 ... 0xff] = OTHER_RM,
};

const u32 opcode_groups[GROUPS][8] = {
	[GROUP_1] = {
		OP(ADD) | FORM(RM) | LOCKABLE,
		OP(OR) | FORM(RM) | LOCKABLE,
		OP(ADC) | FORM(RM) | LOCKABLE,
		OP(SBB) | FORM(RM) | LOCKABLE,
		OP(AND) | FORM(RM) | LOCKABLE,
		OP(SUB) | FORM(RM) | LOCKABLE,
		OP(XOR) | FORM(RM) | LOCKABLE,
		OP(CMP) | FORM(RM),
	},
	[GROUP_1A] = { OP(POP) | FORM(RM) | W(STACK) },
	[GROUP_3] = {
		OP(TEST) | FORM(RM) | IMM(SIZED),
		OP(TEST) | FORM(RM) | IMM(SIZED),
		OP(NOT) | FORM(RM) | LOCKABLE,
		OP(NEG) | FORM(RM) | LOCKABLE,
		OTHER, OTHER, OTHER, OTHER, /* MUL to IDIV */
	},
	[GROUP_4] = {
		OP(INC) | FORM(RM) | W(B) | LOCKABLE,
		OP(DEC) | FORM(RM) | W(B) | LOCKABLE,
	},
	[GROUP_5] = {
		OP(INC) | FORM(RM) | W(V) | LOCKABLE,
		OP(DEC) | FORM(RM) | W(V) | LOCKABLE,
		OTHER, OTHER | MEM, OTHER, OTHER | MEM, /* CALL, JMP, near and far */
		OP(PUSH) | FORM(RM_SRC) | W(STACK),
	},
	[GROUP_6] = {
		OP(SLDT) | FORM(RM) | W(V_REG),
		OP(STR) | FORM(RM) | W(V_REG),
		OP(LLDT) | FORM(RM_SRC) | W(W),
		OP(LTR) | FORM(RM_SRC) | W(W),
		OTHER, OTHER, /* VERR, VERW */
	},
	[GROUP_7] = {
		OP(SGDT) | FORM(RM),
		OP(SIDT) | FORM(RM),
		OP(LGDT) | FORM(RM_SRC),
		OP(LIDT) | FORM(RM_SRC),
		OP(SMSW) | FORM(RM) | W(V_REG),
		OTHER, /* RSTORSSP */
		OP(LMSW) | FORM(RM_SRC) | W(W),
		OP(INVLPG) | FORM(RM_SRC),
	},
	[GROUP_8] = {
		[4] = OP(BT) | FORM(RM),
		OP(BTS) | FORM(RM) | LOCKABLE,
		OP(BTR) | FORM(RM) | LOCKABLE,
		OP(BTC) | FORM(RM) | LOCKABLE,
	},
	[GROUP_9] = {
		[1] = OP(CMPXCHG8B) | FORM(RM) | W(Q) | MEM | LOCKABLE,
		[3] = OTHER | MEM, OTHER | MEM, OTHER | MEM, /* XRSTORS, XSAVEC, XSAVES */
		OP(VMX), OP(VMX), /* VMPTRLD and its kin; RDRAND, RDSEED in registers */
	},
	[GROUP_11] = {
		[0] = OP(MOV) | FORM(RM),
		[7] = OTHER | REG, /* XABORT, XBEGIN */
	},
};

const u32 opcode_group7_reg[64] = {
	[000] = OTHER, /* ENCLV */
	[001] = OP(VMCALL),
	[002 ... 004] = OP(VMX), /* VMLAUNCH, VMRESUME, VMXOFF */
	[005] = OTHER, /* PCONFIG */
	[010] = OP(MONITOR),
	[011] = OP(MWAIT),
	[012] = OTHER, /* CLAC, STAC */
	[013] = OTHER,
	[017] = OTHER, /* ENCLS */
	[020] = OTHER, /* XGETBV */
	[021] = OP(XSETBV),
	[024 ... 027] = OTHER, /* VMFUNC, XEND, XTEST, ENCLU */
	[030] = OP(VMRUN) | PLAIN(ACC) | W(LONG),
	[031] = OP(VMMCALL),
	[032] = OP(VMLOAD) | PLAIN(ACC) | W(LONG),
	[033] = OP(VMSAVE) | PLAIN(ACC) | W(LONG),
	[034] = OP(STGI),
	[035] = OP(CLGI),
	[036] = OP(SKINIT),
	[037] = OP(INVLPGA) | PLAIN(ACC) | W(LONG),
	[040 ... 047] = OP(SMSW) | FORM(RM) | W(V_REG),
	[050] = OTHER, /* SERIALIZE, SETSSBSY */
	[052] = OTHER, /* SAVEPREVSSP */
	[056] = OTHER, /* RDPKRU, WRPKRU */
	[057] = OTHER,
	[060 ... 067] = OP(LMSW) | FORM(RM_SRC) | W(W),
	[070] = OTHER | ONLY64, /* SWAPGS */
	[071] = OP(RDTSCP),
	[072] = OP(MONITOR),
	[073] = OP(MWAIT),
	[074] = OTHER, /* CLZERO */
	[075] = OP(RDPRU),
	[076] = OTHER, /* INVLPGB, TLBSYNC */
	[077] = OTHER,
};
/* clang-format on */
