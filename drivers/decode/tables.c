/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The opcode maps. AMD APM volume 3, "Opcode Maps", with SDM volume 2, "Opcode Map" for what only
 * Intel has. An opcode that is missing here is undefined.
 */
#include "drivers/decode/decode.h"

#define OP(name)    (DEFINED | INSN_##name)
#define W(kind)	    ((u32)WIDTH_##kind << 8)
#define IMM(kind)   ((u32)IMM_##kind << 12)
#define FORM(kind)  (MODRM | (u32)FORM_##kind << 16)
#define PLAIN(kind) ((u32)FORM_##kind << 16) /* operands without a ModRM byte */
#define GROUP(n)    (DEFINED | MODRM | (u32)GROUP_##n << 20)
#define OTHER	    OP(OTHER)
#define OTHER_RM    (OTHER | MODRM)
#define OTHER_IMM8  (OTHER_RM | IMM(UB))
#define OTHER_INV64 (OTHER | INV64)

/* Opcodes that come in pairs: on bytes, and on V or Z. */
#define PAIR(n, e)   [n] = (e) | W(B), [(n) + 1] = (e) | W(V)
#define PAIR_Z(n, e) [n] = (e) | W(B), [(n) + 1] = (e) | W(Z)

/* The six that start each row of eight in the first quarter of the map. */
#define ARITHMETIC(n, e, lock)                                                                     \
	PAIR(n, (e) | FORM(RM_REG) | (lock)), PAIR((n) + 2, (e) | FORM(REG_RM)),                   \
		PAIR((n) + 4, (e) | PLAIN(ACC) | IMM(SIZED))

/* clang-format off */
const u32 opcode_map[256] = {
	ARITHMETIC(0x00, OP(ADD), LOCKABLE), ARITHMETIC(0x08, OP(OR), LOCKABLE),
	ARITHMETIC(0x10, OP(ADC), LOCKABLE), ARITHMETIC(0x18, OP(SBB), LOCKABLE),
	ARITHMETIC(0x20, OP(AND), LOCKABLE), ARITHMETIC(0x28, OP(SUB), LOCKABLE),
	ARITHMETIC(0x30, OP(XOR), LOCKABLE), ARITHMETIC(0x38, OP(CMP), 0),
	/* PUSH and POP of segment registers; 0F is the escape to the next map */
	[0x06] = OTHER_INV64, [0x07] = OTHER_INV64, [0x0e] = OTHER_INV64,
	[0x16] = OTHER_INV64, [0x17] = OTHER_INV64, [0x1e] = OTHER_INV64, [0x1f] = OTHER_INV64,
	/* DAA, DAS, AAA, AAS */
	[0x27] = OTHER_INV64, [0x2f] = OTHER_INV64, [0x37] = OTHER_INV64, [0x3f] = OTHER_INV64,
	/* ES, CS, SS, DS, FS, GS, operand size, address size, LOCK, REPNE, REP */
	[0x26] = PREFIX, [0x2e] = PREFIX, [0x36] = PREFIX, [0x3e] = PREFIX, [0x64 ... 0x67] = PREFIX,
	[0xf0] = PREFIX, [0xf2] = PREFIX, [0xf3] = PREFIX,
	[0x40 ... 0x47] = OP(INC) | PLAIN(OPCODE) | W(V) | INV64, /* REX in 64-bit mode */
	[0x48 ... 0x4f] = OP(DEC) | PLAIN(OPCODE) | W(V) | INV64,
	[0x50 ... 0x57] = OP(PUSH) | PLAIN(OPCODE) | W(STACK),
	[0x58 ... 0x5f] = OP(POP) | PLAIN(OPCODE) | W(STACK),
	[0x60 ... 0x61] = OTHER_INV64,		     /* PUSHA, POPA */
	[0x62] = OTHER_RM | INV64 | MEM,	     /* BOUND; EVEX */
	[0x63] = OP(MOVSX) | FORM(REG_RM) | W(V_D),  /* MOVSXD; ARPL outside 64-bit mode */
	[0x68] = OP(PUSH) | W(STACK) | IMM(Z), [0x6a] = OP(PUSH) | W(STACK) | IMM(B),
	[0x69] = OTHER_RM | IMM(Z), [0x6b] = OTHER_RM | IMM(B), /* IMUL */
	PAIR_Z(0x6c, OP(INS) | PLAIN(DI)), PAIR_Z(0x6e, OP(OUTS) | PLAIN(SI)),
	[0x70 ... 0x7f] = OTHER | IMM(B), /* Jcc */
	[0x80] = GROUP(1) | W(B) | IMM(B), [0x81] = GROUP(1) | W(V) | IMM(Z),
	[0x82] = GROUP(1) | W(B) | IMM(B) | INV64, [0x83] = GROUP(1) | W(V) | IMM(B),
	PAIR(0x84, OP(TEST) | FORM(RM_REG)), PAIR(0x86, OP(XCHG) | FORM(RM_REG) | LOCKABLE),
	PAIR(0x88, OP(MOV) | FORM(RM_REG)), PAIR(0x8a, OP(MOV) | FORM(REG_RM)),
	[0x8c] = OTHER_RM, [0x8e] = OTHER_RM, /* MOV from and to segment registers */
	[0x8d] = OTHER_RM | MEM,	      /* LEA */
	[0x8f] = GROUP(1A),		      /* POP; XOP */
	[0x90] = OP(PAUSE),		      /* with F3; else NOP or XCHG */
	[0x91 ... 0x99] = OTHER,	      /* XCHG, CBW, CWD */
	[0x9a] = OTHER_INV64 | IMM(FAR),      /* CALL far */
	[0x9b] = OTHER,			      /* WAIT */
	[0x9c] = OP(PUSHF) | W(STACK), [0x9d] = OP(POPF) | W(STACK),
	[0x9e ... 0x9f] = OTHER, /* SAHF, LAHF */
	PAIR(0xa0, OP(MOV) | PLAIN(ACC_MOFFS)), PAIR(0xa2, OP(MOV) | PLAIN(MOFFS_ACC)),
	PAIR(0xa4, OP(MOVS) | PLAIN(SI)), PAIR(0xa6, OP(CMPS) | PLAIN(SI)),
	PAIR(0xa8, OP(TEST) | PLAIN(ACC) | IMM(SIZED)), PAIR(0xaa, OP(STOS) | PLAIN(DI)),
	PAIR(0xac, OP(LODS) | PLAIN(SI)), PAIR(0xae, OP(SCAS) | PLAIN(ACC_DI)),
	[0xb0 ... 0xb7] = OP(MOV) | PLAIN(OPCODE) | W(B) | IMM(B),
	[0xb8 ... 0xbf] = OP(MOV) | PLAIN(OPCODE) | W(V) | IMM(V),
	[0xc0 ... 0xc1] = OTHER_IMM8, [0xd0 ... 0xd3] = OTHER_RM, /* shifts */
	[0xc2] = OTHER | IMM(W), [0xc3] = OTHER,		  /* RET, and far */
	[0xca] = OTHER | IMM(W), [0xcb] = OTHER,
	[0xc4 ... 0xc5] = OTHER_RM | INV64 | MEM, /* LES, LDS; VEX */
	PAIR(0xc6, GROUP(11) | IMM(SIZED)),
	[0xc8] = OTHER | IMM(ENTER), [0xc9] = OTHER, /* LEAVE */
	[0xcc] = OP(INT3), [0xcd] = OP(INT) | IMM(UB), [0xce] = OTHER_INV64, [0xf1] = OP(INT1),
	[0xcf] = OP(IRET) | W(V),
	[0xd4 ... 0xd5] = OTHER_INV64 | IMM(UB), /* AAM, AAD */
	[0xd6] = OTHER_INV64, [0xd7] = OTHER,    /* SALC, XLAT */
	[0xd8 ... 0xdf] = OTHER_RM,		 /* x87 */
	[0xe0 ... 0xe3] = OTHER | IMM(B),	 /* LOOP, JCXZ */
	PAIR_Z(0xe4, OP(IN) | PLAIN(ACC) | IMM(UB)), PAIR_Z(0xe6, OP(OUT) | PLAIN(ACC) | IMM(UB)),
	PAIR_Z(0xec, OP(IN) | PLAIN(ACC)), PAIR_Z(0xee, OP(OUT) | PLAIN(ACC)),
	[0xe8 ... 0xe9] = OTHER | IMM(Z),		       /* CALL, JMP */
	[0xea] = OTHER_INV64 | IMM(FAR), [0xeb] = OTHER | IMM(B), /* JMP far and short */
	[0xf4] = OP(HLT), [0xf5] = OTHER, [0xf8 ... 0xfd] = OTHER, /* CMC, CLC to STD */
	PAIR(0xf6, GROUP(3)),
	[0xfe] = GROUP(4), [0xff] = GROUP(5),
};

const u32 opcode_map_0f[256] = {
	[0x00] = GROUP(6), [0x01] = GROUP(7),
	[0x02 ... 0x03] = OTHER_RM,			  /* LAR, LSL */
	[0x05] = OTHER, [0x06] = OP(CLTS), [0x07] = OTHER, /* SYSCALL, SYSRET */
	[0x08] = OP(INVD), [0x09] = OP(WBINVD), [0x0b] = OTHER, /* UD2 */
	[0x0d] = OTHER_RM, [0x0e] = OTHER, [0x0f] = OTHER_IMM8, /* PREFETCH, FEMMS, 3DNow! */
	[0x10 ... 0x1f] = OTHER_RM,
	[0x20] = OP(MOV_FROM_CR) | FORM(CONTROL) | W(LONG),
	[0x21] = OP(MOV_FROM_DR) | FORM(CONTROL) | W(LONG),
	[0x22] = OP(MOV_TO_CR) | FORM(CONTROL) | W(LONG),
	[0x23] = OP(MOV_TO_DR) | FORM(CONTROL) | W(LONG),
	[0x28 ... 0x2f] = OTHER_RM,
	[0x30] = OP(WRMSR), [0x31] = OP(RDTSC), [0x32] = OP(RDMSR), [0x33] = OP(RDPMC),
	[0x34 ... 0x35] = OTHER, [0x37] = OTHER, /* SYSENTER, SYSEXIT, GETSEC */
	[0x40 ... 0x6f] = OTHER_RM, [0x70 ... 0x73] = OTHER_IMM8, [0x74 ... 0x76] = OTHER_RM,
	[0x77] = OTHER,			   /* EMMS */
	[0x78 ... 0x79] = OP(VMX) | MODRM, /* VMREAD, VMWRITE; with 66 or F2: SSE4A */
	[0x7c ... 0x7f] = OTHER_RM,
	[0x80 ... 0x8f] = OTHER | IMM(Z),		/* Jcc */
	[0x90 ... 0x9f] = OTHER_RM,			/* SETcc */
	[0xa0 ... 0xa1] = OTHER, [0xa8 ... 0xa9] = OTHER, /* PUSH and POP of FS and GS */
	[0xa2] = OP(CPUID), [0xaa] = OP(RSM),
	[0xa3] = OP(BT) | FORM(RM_REG) | W(V),
	[0xab] = OP(BTS) | FORM(RM_REG) | W(V) | LOCKABLE,
	[0xb3] = OP(BTR) | FORM(RM_REG) | W(V) | LOCKABLE,
	[0xbb] = OP(BTC) | FORM(RM_REG) | W(V) | LOCKABLE,
	[0xba] = GROUP(8) | W(V) | IMM(UB),
	[0xa4] = OTHER_IMM8, [0xa5] = OTHER_RM, [0xac] = OTHER_IMM8, [0xad] = OTHER_RM, /* SHxD */
	[0xae ... 0xaf] = OTHER_RM, /* FXSAVE, fences, XSAVE; IMUL */
	PAIR(0xb0, OP(CMPXCHG) | FORM(RM_REG) | LOCKABLE),
	[0xb2] = OTHER_RM | MEM, [0xb4 ... 0xb5] = OTHER_RM | MEM, /* LSS, LFS, LGS */
	[0xb6] = OP(MOVZX) | FORM(REG_RM) | W(V_B), [0xb7] = OP(MOVZX) | FORM(REG_RM) | W(V_W),
	[0xbe] = OP(MOVSX) | FORM(REG_RM) | W(V_B), [0xbf] = OP(MOVSX) | FORM(REG_RM) | W(V_W),
	[0xb8 ... 0xb9] = OTHER_RM, [0xbc ... 0xbd] = OTHER_RM, /* POPCNT: with F3 only; UD1, BSF */
	PAIR(0xc0, OP(XADD) | FORM(RM_REG) | LOCKABLE),
	[0xc2] = OTHER_IMM8, [0xc3] = OP(MOVNTI) | FORM(RM_REG) | W(Y) | MEM,
	[0xc4 ... 0xc6] = OTHER_IMM8,
	[0xc7] = GROUP(9),
	[0xc8 ... 0xcf] = OTHER, /* BSWAP */
	[0xd0 ... 0xff] = OTHER_RM,
};

const u32 opcode_groups[GROUPS][8] = {
	[GROUP_1] = { OP(ADD) | FORM(RM) | LOCKABLE, OP(OR) | FORM(RM) | LOCKABLE,
		OP(ADC) | FORM(RM) | LOCKABLE, OP(SBB) | FORM(RM) | LOCKABLE,
		OP(AND) | FORM(RM) | LOCKABLE, OP(SUB) | FORM(RM) | LOCKABLE,
		OP(XOR) | FORM(RM) | LOCKABLE, OP(CMP) | FORM(RM) },
	[GROUP_1A] = { OP(POP) | FORM(RM) | W(STACK) },
	[GROUP_3] = { OP(TEST) | FORM(RM) | IMM(SIZED), OP(TEST) | FORM(RM) | IMM(SIZED),
		OP(NOT) | FORM(RM) | LOCKABLE, OP(NEG) | FORM(RM) | LOCKABLE,
		OTHER, OTHER, OTHER, OTHER }, /* MUL to IDIV */
	[GROUP_4] = { OP(INC) | FORM(RM) | W(B) | LOCKABLE, OP(DEC) | FORM(RM) | W(B) | LOCKABLE },
	[GROUP_5] = { OP(INC) | FORM(RM) | W(V) | LOCKABLE, OP(DEC) | FORM(RM) | W(V) | LOCKABLE,
		OTHER, OTHER | MEM, OTHER, OTHER | MEM, /* CALL, JMP, near and far */
		OP(PUSH) | FORM(RM_SRC) | W(STACK) },
	[GROUP_6] = { OP(SLDT) | FORM(RM) | W(W_V), OP(STR) | FORM(RM) | W(W_V),
		OP(LLDT) | FORM(RM_SRC) | W(W), OP(LTR) | FORM(RM_SRC) | W(W),
		OTHER, OTHER }, /* VERR, VERW */
	[GROUP_7] = { OP(SGDT) | FORM(RM), OP(SIDT) | FORM(RM), OP(LGDT) | FORM(RM_SRC),
		OP(LIDT) | FORM(RM_SRC), OP(SMSW) | FORM(RM) | W(W_V), OTHER, /* RSTORSSP */
		OP(LMSW) | FORM(RM_SRC) | W(W), OP(INVLPG) | FORM(RM_SRC) },
	[GROUP_8] = { [4] = OP(BT) | FORM(RM), OP(BTS) | FORM(RM) | LOCKABLE,
		OP(BTR) | FORM(RM) | LOCKABLE, OP(BTC) | FORM(RM) | LOCKABLE },
	[GROUP_9] = { [1] = OP(CMPXCHG8B) | FORM(RM) | W(Q) | MEM | LOCKABLE,
		[3] = OTHER | MEM, OTHER | MEM, OTHER | MEM, /* XRSTORS, XSAVEC, XSAVES */
		OP(VMX), OP(VMX) }, /* VMPTRLD and its kin; RDRAND, RDSEED in registers */
	[GROUP_11] = { OP(MOV) | FORM(RM), [7] = OTHER | REG }, /* XABORT, XBEGIN */
};

const u32 opcode_group7_reg[64] = {
	[000] = OTHER, [005 ... 006] = OTHER, [017] = OTHER, /* ENCLV, PCONFIG, WRMSRNS, ENCLS */
	[001] = OP(VMCALL), [002 ... 004] = OP(VMX), /* VMLAUNCH, VMRESUME, VMXOFF */
	[010] = OP(MONITOR), [011] = OP(MWAIT), [012 ... 013] = OTHER, /* CLAC, STAC */
	[020] = OTHER, [021] = OP(XSETBV), [024 ... 027] = OTHER, /* XGETBV, VMFUNC, TSX, ENCLU */
	[030] = OP(VMRUN), [031] = OP(VMMCALL), [032] = OP(VMLOAD), [033] = OP(VMSAVE),
	[034] = OP(STGI), [035] = OP(CLGI), [036] = OP(SKINIT), [037] = OP(INVLPGA),
	[040 ... 047] = OP(SMSW) | FORM(RM) | W(W_V), [060 ... 067] = OP(LMSW) | FORM(RM_SRC) | W(W),
	[050] = OTHER, [052] = OTHER, [056 ... 057] = OTHER, /* SERIALIZE, SAVEPREVSSP, xxPKRU */
	[070] = OTHER | ONLY64, [071] = OP(RDTSCP), /* SWAPGS */
	[072] = OP(MONITOR), [073] = OP(MWAIT), [074] = OTHER, [075] = OP(RDPRU), /* CLZERO */
	[076 ... 077] = OTHER, /* INVLPGB, TLBSYNC */
};
/* clang-format on */
