/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The instruction decoder (drivers/decode), and the arithmetic it needs to finish a memory access
 * on a device: pure functions over bytes that a guest chose. Needed because a CPU may tell neither
 * the next RIP of an exit nor the bytes behind a stage-2 fault. What they answer is checked by
 * core/l3/insn.c.
 *
 * Implements AMD APM volume 3, "Instruction Encoding" and its opcode maps, with SDM volume 2,
 * "Instruction Format" and "Opcode Map" for what only Intel has.
 */
#pragma once

#include "core/lib/types.h"

#define INSN_MAX_LEN 15
#define INSN_NO_REG  0xff

/*
 * Instructions that are told apart; of INSN_OTHER only the length is known. The arithmetic ones are
 * in the order in which opcodes number them. MOVSX is MOVSXD too, CMPXCHG8B with width 16 is 16B,
 * WBINVD WBNOINVD, MONITOR and MWAIT their X forms, VMX all of VT-x but VMCALL and VMFUNC. MOV to
 * and from CR and DR have that register in reg and the general one in rm; INT its vector in imm.
 */
/* clang-format off */
enum insn_op {
	INSN_OTHER,
	INSN_ADD, INSN_OR, INSN_ADC, INSN_SBB, INSN_AND, INSN_SUB, INSN_XOR, INSN_CMP,
	INSN_TEST, INSN_INC, INSN_DEC, INSN_NOT, INSN_NEG,
	INSN_BT, INSN_BTS, INSN_BTR, INSN_BTC,
	INSN_MOV, INSN_MOVZX, INSN_MOVSX, INSN_MOVBE, INSN_MOVNTI,
	INSN_XCHG, INSN_XADD, INSN_CMPXCHG, INSN_CMPXCHG8B, INSN_PUSH, INSN_POP,
	INSN_MOVS, INSN_CMPS, INSN_STOS, INSN_LODS, INSN_SCAS, INSN_INS, INSN_OUTS,
	INSN_IN, INSN_OUT,
	INSN_CPUID, INSN_RDMSR, INSN_WRMSR, INSN_HLT, INSN_PAUSE, INSN_VMCALL, INSN_VMMCALL,
	INSN_MOV_FROM_CR, INSN_MOV_TO_CR, INSN_MOV_FROM_DR, INSN_MOV_TO_DR,
	INSN_CLTS, INSN_LMSW, INSN_SMSW, INSN_INVLPG, INSN_INVPCID, INSN_INVD, INSN_WBINVD,
	INSN_XSETBV, INSN_RDTSC, INSN_RDTSCP, INSN_RDPMC, INSN_RDPRU, INSN_MONITOR, INSN_MWAIT,
	INSN_SGDT, INSN_SIDT, INSN_LGDT, INSN_LIDT, INSN_SLDT, INSN_STR, INSN_LLDT, INSN_LTR,
	INSN_PUSHF, INSN_POPF, INSN_IRET, INSN_INT, INSN_INT3, INSN_INT1, INSN_RSM,
	INSN_VMRUN, INSN_VMLOAD, INSN_VMSAVE, INSN_STGI, INSN_CLGI, INSN_SKINIT, INSN_INVLPGA,
	INSN_VMX,
	INSN_OPS,
};
/* clang-format on */

/* How the code segment and the mode of the CPU make an instruction read. */
enum insn_mode { INSN_MODE_16, INSN_MODE_32, INSN_MODE_64 };

/*
 * Registers are numbered as the hardware does, and so are segments (ES CS SS DS FS GS). Operands
 * are left and right as the manuals write them. At most one of them is in memory, but MOVS and CMPS
 * have two: described is the one at rSI, the other is ES:rDI and takes no override.
 */
struct insn {
	u8 op;	       /* enum insn_op */
	u8 len;	       /* of the instruction in bytes */
	u8 width;      /* of the operands in bytes: 1, 2, 4, 8, 16; 0 if the instruction has none */
	u8 src_width;  /* of the right operand: MOVZX, MOVSX; else the same as width */
	u8 addr_width; /* of an address, and of rCX, rSI and rDI in a string instruction: 2, 4, 8 */
	u8 modrm;
	u8 reg; /* the register operand, INSN_NO_REG if none; AH..BH: 0-3 with reg_high8 */
	u8 rm;	/* the other one; INSN_NO_REG if that is in memory, or none */
	u8 seg, base, index, scale; /* of the memory operand; base and index may be INSN_NO_REG */
	bool mem;
	bool mem_is_dest; /* memory is the left operand: written, except by CMP, TEST and BT */
	bool rip_relative;
	bool has_imm;
	bool reg_high8, rm_high8;
	bool lock;
	bool rep;   /* F3, and in a string instruction F2 too: it repeats */
	bool repne; /* F2: a repeated SCAS or CMPS goes on while unequal */
	s64 disp;
	u64 imm; /* sign-extended to 64 bits; port, vector and bit numbers are not */
};

/*
 * Decodes one instruction of which `available` bytes are at hand; reads no byte after it or beyond
 * INSN_MAX_LEN. Returns
 *   0        and the instruction in *out;
 *   -EFAULT  if the instruction goes on after the bytes at hand (never with INSN_MAX_LEN of them);
 *   -EINVAL  if no CPU accepts the bytes: undefined opcode or operand, a LOCK that is not allowed,
 *            more than 15 bytes.
 * After an error *out is undefined. Success does not promise that a CPU has the instruction: in the
 * vector maps (0F 38, 0F 3A, VEX, EVEX, XOP) every opcode passes as INSN_OTHER.
 *
 * LOCK MOV CR0 is how AMD reaches CR8 outside 64-bit mode: it decodes as MOV CR8.
 * A near branch with an operand-size prefix in 64-bit mode is as long as on AMD: 16-bit offset.
 */
int __must_check insn_decode(struct insn *out, const u8 *bytes, u32 available, enum insn_mode mode);

/*
 * Computes INSN_ADD to INSN_BTC on the low `width` bytes (1, 2, 4 or 8) and puts the arithmetic
 * flags into *rflags, all other bits of which stay. Returns the new left operand: CMP, TEST and BT
 * return the old one. AF after a logical operation is 0, where the manuals leave it undefined.
 */
u64 insn_alu(u8 op, u8 width, u64 dst, u64 src, u64 *rflags);
