/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capstone as the judge of the instruction decoder: what it calls an instruction must be what we
 * call it, as long, with the same operands. Where it is known to be wrong, or to speak of another
 * CPU, the case is excused below with the reason.
 */
#include "tests/host/decode_oracle.h"

#include <string.h>

enum { WIDTHS = 4 };

static const x86_reg gpr[WIDTHS][16] = {
	{ X86_REG_AL, X86_REG_CL, X86_REG_DL, X86_REG_BL, X86_REG_SPL, X86_REG_BPL, X86_REG_SIL,
		X86_REG_DIL, X86_REG_R8B, X86_REG_R9B, X86_REG_R10B, X86_REG_R11B, X86_REG_R12B,
		X86_REG_R13B, X86_REG_R14B, X86_REG_R15B },
	{ X86_REG_AX, X86_REG_CX, X86_REG_DX, X86_REG_BX, X86_REG_SP, X86_REG_BP, X86_REG_SI,
		X86_REG_DI, X86_REG_R8W, X86_REG_R9W, X86_REG_R10W, X86_REG_R11W, X86_REG_R12W,
		X86_REG_R13W, X86_REG_R14W, X86_REG_R15W },
	{ X86_REG_EAX, X86_REG_ECX, X86_REG_EDX, X86_REG_EBX, X86_REG_ESP, X86_REG_EBP, X86_REG_ESI,
		X86_REG_EDI, X86_REG_R8D, X86_REG_R9D, X86_REG_R10D, X86_REG_R11D, X86_REG_R12D,
		X86_REG_R13D, X86_REG_R14D, X86_REG_R15D },
	{ X86_REG_RAX, X86_REG_RCX, X86_REG_RDX, X86_REG_RBX, X86_REG_RSP, X86_REG_RBP, X86_REG_RSI,
		X86_REG_RDI, X86_REG_R8, X86_REG_R9, X86_REG_R10, X86_REG_R11, X86_REG_R12,
		X86_REG_R13, X86_REG_R14, X86_REG_R15 },
};
static const x86_reg high8[4] = { X86_REG_AH, X86_REG_CH, X86_REG_DH, X86_REG_BH };
static const x86_reg segments[6] = { X86_REG_ES, X86_REG_CS, X86_REG_SS, X86_REG_DS, X86_REG_FS,
	X86_REG_GS };

/* Capstone's names of what we tell apart; anything else must be INSN_OTHER. */
static const u8 op_of[X86_INS_ENDING] = {
	[X86_INS_ADD] = INSN_ADD,
	[X86_INS_OR] = INSN_OR,
	[X86_INS_ADC] = INSN_ADC,
	[X86_INS_SBB] = INSN_SBB,
	[X86_INS_AND] = INSN_AND,
	[X86_INS_SUB] = INSN_SUB,
	[X86_INS_XOR] = INSN_XOR,
	[X86_INS_CMP] = INSN_CMP,
	[X86_INS_TEST] = INSN_TEST,
	[X86_INS_INC] = INSN_INC,
	[X86_INS_DEC] = INSN_DEC,
	[X86_INS_NOT] = INSN_NOT,
	[X86_INS_NEG] = INSN_NEG,
	[X86_INS_BT] = INSN_BT,
	[X86_INS_BTS] = INSN_BTS,
	[X86_INS_BTR] = INSN_BTR,
	[X86_INS_BTC] = INSN_BTC,
	[X86_INS_MOV] = INSN_MOV,
	[X86_INS_MOVABS] = INSN_MOV,
	[X86_INS_MOVZX] = INSN_MOVZX,
	[X86_INS_MOVSX] = INSN_MOVSX,
	[X86_INS_MOVSXD] = INSN_MOVSX,
	[X86_INS_MOVBE] = INSN_MOVBE,
	[X86_INS_MOVNTI] = INSN_MOVNTI,
	[X86_INS_XCHG] = INSN_XCHG,
	[X86_INS_XADD] = INSN_XADD,
	[X86_INS_CMPXCHG] = INSN_CMPXCHG,
	[X86_INS_CMPXCHG8B] = INSN_CMPXCHG8B,
	[X86_INS_CMPXCHG16B] = INSN_CMPXCHG8B,
	[X86_INS_PUSH] = INSN_PUSH,
	[X86_INS_POP] = INSN_POP,
	[X86_INS_MOVSB] = INSN_MOVS,
	[X86_INS_MOVSW] = INSN_MOVS,
	[X86_INS_MOVSD] = INSN_MOVS,
	[X86_INS_MOVSQ] = INSN_MOVS,
	[X86_INS_CMPSB] = INSN_CMPS,
	[X86_INS_CMPSW] = INSN_CMPS,
	[X86_INS_CMPSD] = INSN_CMPS,
	[X86_INS_CMPSQ] = INSN_CMPS,
	[X86_INS_STOSB] = INSN_STOS,
	[X86_INS_STOSW] = INSN_STOS,
	[X86_INS_STOSD] = INSN_STOS,
	[X86_INS_STOSQ] = INSN_STOS,
	[X86_INS_LODSB] = INSN_LODS,
	[X86_INS_LODSW] = INSN_LODS,
	[X86_INS_LODSD] = INSN_LODS,
	[X86_INS_LODSQ] = INSN_LODS,
	[X86_INS_SCASB] = INSN_SCAS,
	[X86_INS_SCASW] = INSN_SCAS,
	[X86_INS_SCASD] = INSN_SCAS,
	[X86_INS_SCASQ] = INSN_SCAS,
	[X86_INS_INSB] = INSN_INS,
	[X86_INS_INSW] = INSN_INS,
	[X86_INS_INSD] = INSN_INS,
	[X86_INS_OUTSB] = INSN_OUTS,
	[X86_INS_OUTSW] = INSN_OUTS,
	[X86_INS_OUTSD] = INSN_OUTS,
	[X86_INS_IN] = INSN_IN,
	[X86_INS_OUT] = INSN_OUT,
	[X86_INS_CPUID] = INSN_CPUID,
	[X86_INS_RDMSR] = INSN_RDMSR,
	[X86_INS_WRMSR] = INSN_WRMSR,
	[X86_INS_HLT] = INSN_HLT,
	[X86_INS_PAUSE] = INSN_PAUSE,
	[X86_INS_VMCALL] = INSN_VMCALL,
	[X86_INS_VMMCALL] = INSN_VMMCALL,
	[X86_INS_CLTS] = INSN_CLTS,
	[X86_INS_LMSW] = INSN_LMSW,
	[X86_INS_SMSW] = INSN_SMSW,
	[X86_INS_INVLPG] = INSN_INVLPG,
	[X86_INS_INVPCID] = INSN_INVPCID,
	[X86_INS_INVD] = INSN_INVD,
	[X86_INS_WBINVD] = INSN_WBINVD,
	[X86_INS_XSETBV] = INSN_XSETBV,
	[X86_INS_RDTSC] = INSN_RDTSC,
	[X86_INS_RDTSCP] = INSN_RDTSCP,
	[X86_INS_RDPMC] = INSN_RDPMC,
	[X86_INS_MONITOR] = INSN_MONITOR,
	[X86_INS_MWAIT] = INSN_MWAIT,
	[X86_INS_SGDT] = INSN_SGDT,
	[X86_INS_SIDT] = INSN_SIDT,
	[X86_INS_LGDT] = INSN_LGDT,
	[X86_INS_LIDT] = INSN_LIDT,
	[X86_INS_SLDT] = INSN_SLDT,
	[X86_INS_STR] = INSN_STR,
	[X86_INS_LLDT] = INSN_LLDT,
	[X86_INS_LTR] = INSN_LTR,
	[X86_INS_PUSHF] = INSN_PUSHF,
	[X86_INS_PUSHFD] = INSN_PUSHF,
	[X86_INS_PUSHFQ] = INSN_PUSHF,
	[X86_INS_POPF] = INSN_POPF,
	[X86_INS_POPFD] = INSN_POPF,
	[X86_INS_POPFQ] = INSN_POPF,
	[X86_INS_IRET] = INSN_IRET,
	[X86_INS_IRETD] = INSN_IRET,
	[X86_INS_IRETQ] = INSN_IRET,
	[X86_INS_INT] = INSN_INT,
	[X86_INS_INT3] = INSN_INT3,
	[X86_INS_INT1] = INSN_INT1,
	[X86_INS_RSM] = INSN_RSM,
	[X86_INS_VMRUN] = INSN_VMRUN,
	[X86_INS_VMLOAD] = INSN_VMLOAD,
	[X86_INS_VMSAVE] = INSN_VMSAVE,
	[X86_INS_STGI] = INSN_STGI,
	[X86_INS_CLGI] = INSN_CLGI,
	[X86_INS_SKINIT] = INSN_SKINIT,
	[X86_INS_INVLPGA] = INSN_INVLPGA,
	[X86_INS_INVEPT] = INSN_VMX,
	[X86_INS_INVVPID] = INSN_VMX,
	[X86_INS_VMCLEAR] = INSN_VMX,
	[X86_INS_VMLAUNCH] = INSN_VMX,
	[X86_INS_VMPTRLD] = INSN_VMX,
	[X86_INS_VMPTRST] = INSN_VMX,
	[X86_INS_VMREAD] = INSN_VMX,
	[X86_INS_VMRESUME] = INSN_VMX,
	[X86_INS_VMWRITE] = INSN_VMX,
	[X86_INS_VMXOFF] = INSN_VMX,
	[X86_INS_VMXON] = INSN_VMX,
};

/* An instruction as the oracle sees it, taken apart just enough to find the excuses. */
struct shape {
	u32 prefixes; /* all of them, REX included */
	bool size, lock;
	u8 rex;
	u8 repeat;	  /* the last one of F2 and F3 */
	bool flat, based; /* an override with ES, CS, SS or DS; with FS or GS */
	u8 map;		  /* 0: one byte, 1: 0F, 2: 0F 38, 3: 0F 3A */
	u8 opcode;
};

static bool take_prefix(struct shape *s, u8 byte, bool mode64)
{
	bool rex = mode64 && (byte & 0xf0) == 0x40;

	if (!rex && !(byte && memchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3", byte, 11)))
		return false;
	s->prefixes++;
	s->size |= byte == 0x66;
	s->lock |= byte == 0xf0;
	s->flat |= (byte & 0xe7) == 0x26;
	s->based |= byte == 0x64 || byte == 0x65;
	if (byte == 0xf2 || byte == 0xf3)
		s->repeat = byte;
	s->rex = rex ? byte : 0; /* counts only right before the opcode */
	return true;
}

static struct shape shape_of(const u8 *bytes, enum insn_mode mode)
{
	struct shape s = { 0 };
	u32 i = 0;

	while (i < INSN_MAX_LEN && take_prefix(&s, bytes[i], mode == INSN_MODE_64))
		i++;
	if (i < INSN_MAX_LEN - 1 && bytes[i] == 0x0f) {
		s.map = bytes[i + 1] == 0x38 ? 2 : bytes[i + 1] == 0x3a ? 3 : 1;
		i += s.map == 1 ? 1 : 2;
	}
	s.opcode = bytes[i];
	return s;
}

bool oracle_open(struct oracle *o, enum insn_mode mode)
{
	static const cs_mode modes[] = { CS_MODE_16, CS_MODE_32, CS_MODE_64 };

	*o = (struct oracle){ .mode = mode };
	if (cs_open(CS_ARCH_X86, modes[mode], &o->capstone) != CS_ERR_OK)
		return false;
	cs_option(o->capstone, CS_OPT_DETAIL, CS_OPT_ON);
	o->theirs = cs_malloc(o->capstone);
	return o->theirs;
}

void oracle_close(struct oracle *o)
{
	cs_free(o->theirs, 1);
	cs_close(&o->capstone);
}

/* CALL, JMP, PUSH imm, IN, OUT, INS, OUTS: REX.W makes no difference to them. */
static bool ignores_rex_w(const struct shape *s)
{
	return s->map == 0 && s->opcode &&
	       strchr("\xe8\xe9\x68\xe5\xe7\xed\xef\x6d\x6f", s->opcode);
}

/* Lengths that Capstone gets wrong. */
static bool length_excused(const struct oracle *o, const struct shape *s)
{
	/* XOP's BEXTR has 32 bits of immediate in every mode. */
	if (o->mode == INSN_MODE_16 && s->opcode == 0x8f && o->theirs->id == X86_INS_BEXTR)
		return true;
	/* UD0 and UD1 fault however long they are; Capstone takes them without their ModRM. */
	if (s->map == 1 && (s->opcode == 0xb9 || s->opcode == 0xff))
		return true;
	/* VMREAD and VMWRITE take no prefix; with one the opcodes are SSE4A's, with immediates. */
	if (s->map == 1 && (s->opcode & 0xfe) == 0x78 && s->prefixes)
		return true;
	/* RET imm16 with REX.W: two bytes too long, while it prints the right value. */
	if (s->map == 0 && (s->opcode == 0xc2 || s->opcode == 0xca) && (s->rex & 8))
		return true;
	/* It takes 66 back when another prefix follows, or takes 67 for it when REX.W does. */
	return ignores_rex_w(s) && s->prefixes > 1;
}

/* Operands that it gets wrong, or that have no meaning. */
static bool operands_excused(const struct oracle *o, const struct shape *s, const struct insn *ours)
{
	/* MOVSXD without REX.W extends to 32 bits, not to 64 as Capstone has it. */
	if (s->map == 0 && s->opcode == 0x63 && !(s->rex & 8))
		return true;
	/* It forgets 66 where F2 or F3 does nothing, and ... */
	if (s->size && s->repeat)
		return true;
	/* ... as with lengths; */
	if (ignores_rex_w(s) && s->prefixes > 1)
		return true;
	/* and PUSH and POP of 64 bits become 16 bits wide when REX.W stands beside 66 or 67. */
	if ((ours->op == INSN_PUSH || ours->op == INSN_POP) && (s->rex & 8) && s->prefixes > 1)
		return true;
	/* In 64-bit mode ES, CS, SS, DS are null prefixes; it lets them cancel FS and GS. */
	return o->mode == INSN_MODE_64 && s->flat && s->based;
}

/* APM volume 3, "Lock Prefix": these, with their left operand in memory. */
static bool lockable(const struct oracle *o)
{
	const cs_x86 *x = &o->theirs->detail->x86;
	u8 op = op_of[o->theirs->id];

	if (!x->op_count || x->operands[0].type != X86_OP_MEM)
		return false;
	return (op >= INSN_ADD && op <= INSN_XOR) || (op >= INSN_INC && op <= INSN_NEG) ||
	       (op >= INSN_BTS && op <= INSN_BTC) || (op >= INSN_XCHG && op <= INSN_CMPXCHG8B);
}

/* What Capstone accepts though no CPU does, or none that could run us. */
static bool refusal_excused(const struct oracle *o, const struct shape *s)
{
	/* What is longer than Capstone thinks may be longer than 15 bytes. */
	if (length_excused(o, s))
		return true;
	/* It lets LOCK stand before anything. */
	if (s->lock && !lockable(o))
		return true;
	/* SWAPGS exists in 64-bit mode only. */
	if (o->theirs->id == X86_INS_SWAPGS)
		return o->mode != INSN_MODE_64;
	/* VEX, EVEX or XOP after a prefix that they hold themselves is #UD. */
	if (s->map == 0 && s->opcode && strchr("\xc4\xc5\x62\x8f", s->opcode))
		return s->size || s->repeat || s->rex;
	/* As above: not VMREAD, and EXTRQ takes registers only. */
	if (s->map == 1 && (s->opcode & 0xfe) == 0x78)
		return s->size || s->repeat;
	/* VIA's PadLock. */
	return s->map == 1 && (s->opcode == 0xa6 || s->opcode == 0xa7);
}

/* Capstone has one name for several instructions. */
static u8 expected_op(const struct oracle *o, const struct shape *s)
{
	static const u8 control[] = { INSN_MOV_FROM_CR, INSN_MOV_FROM_DR, INSN_MOV_TO_CR,
		INSN_MOV_TO_DR };
	u8 op = op_of[o->theirs->id];
	bool pause;

	switch (op) {
	case INSN_MOV: /* the same for control, debug and segment registers */
		if (s->map == 1 && s->opcode >= 0x20 && s->opcode <= 0x23)
			return control[s->opcode & 3];
		return s->opcode == 0x8c || s->opcode == 0x8e ? INSN_OTHER : op;
	case INSN_MOVS: /* SSE's MOVSD and CMPSD */
	case INSN_CMPS:
		return s->map ? INSN_OTHER : op;
	case INSN_PUSH: /* of segment registers */
	case INSN_POP:
		return s->map || s->opcode < 0x20 ? INSN_OTHER : op;
	case INSN_MOVBE: /* CRC32, in 16 bits */
		return s->repeat == 0xf2 ? INSN_OTHER : op;
	case INSN_OTHER: /* PAUSE in 16 bits, or with REX.W; with REX.B it is XCHG */
	case INSN_PAUSE:
	case INSN_XCHG: /* with the accumulator: never in memory */
		if (s->map || s->opcode < 0x90)
			return op;
		pause = s->opcode == 0x90 && s->repeat == 0xf3 && !(s->rex & 1);
		return pause ? INSN_PAUSE : INSN_OTHER;
	default:
		return op;
	}
}

static u64 cut(u64 value, u8 width)
{
	return width == 0 || width >= 8 ? value : value & (BIT(width * 8) - 1);
}

static x86_reg reg_name(u8 reg, u8 width, bool high)
{
	if (reg > 15)
		return X86_REG_INVALID;
	return high ? high8[reg & 3] : gpr[__builtin_ctz(width) & 3][reg];
}

static x86_reg base_name(const struct insn *ours)
{
	if (ours->rip_relative)
		return ours->addr_width == 8 ? X86_REG_RIP : X86_REG_EIP;
	return reg_name(ours->base, ours->addr_width, false);
}

static bool at_rdi(x86_reg base)
{
	return base == X86_REG_DI || base == X86_REG_EDI || base == X86_REG_RDI;
}

/* Capstone names what a prefix says, also one that does nothing in 64-bit mode. */
static x86_reg expected_segment(const struct oracle *o, const struct insn *ours, x86_reg theirs)
{
	bool stack = ours->base == 4 || ours->base == 5; /* rSP, rBP */

	if (ours->op >= INSN_MOVS && at_rdi(base_name(ours)))
		return X86_REG_ES;
	if (theirs == X86_REG_FS || theirs == X86_REG_GS)
		return theirs;
	if (theirs != X86_REG_INVALID && o->mode != INSN_MODE_64)
		return theirs;
	return stack ? X86_REG_SS : X86_REG_DS;
}

static const char *compare_memory(
	const struct oracle *o, const struct insn *ours, const cs_x86_op *theirs)
{
	x86_reg index = theirs->mem.index;

	if (index == X86_REG_EIZ || index == X86_REG_RIZ)
		index = X86_REG_INVALID;
	if (theirs->mem.base != base_name(ours))
		return "base";
	if (index != reg_name(ours->index, ours->addr_width, false))
		return "index";
	if (index && theirs->mem.scale != ours->scale)
		return "scale";
	if (cut(theirs->mem.disp, ours->addr_width) != cut(ours->disp, ours->addr_width))
		return "displacement";
	if (segments[ours->seg] != expected_segment(o, ours, theirs->mem.segment))
		return "segment";
	if (theirs->size != (ours->mem_is_dest ? ours->width : ours->src_width))
		return "memory width";
	return NULL;
}

/* All register operands, in either order: which one is left shows where one is in memory. */
static const char *compare_register(const struct insn *ours, x86_reg theirs)
{
	if (theirs == reg_name(ours->reg, ours->width, ours->reg_high8))
		return NULL;
	if (theirs == reg_name(ours->rm, ours->src_width, ours->rm_high8))
		return NULL;
	if (theirs == X86_REG_DX && ours->op >= INSN_INS && ours->op <= INSN_OUT)
		return NULL; /* the port */
	return "register";
}

static const char *compare_operand(
	const struct oracle *o, const struct insn *ours, const cs_x86_op *theirs, bool left)
{
	switch (theirs->type) {
	case X86_OP_REG:
		return compare_register(ours, theirs->reg);
	case X86_OP_IMM:
		if (cut(ours->imm, ours->width) != cut(theirs->imm, ours->width))
			return "immediate";
		return ours->has_imm ? NULL : "no immediate";
	case X86_OP_MEM:
		if (!ours->mem)
			return "memory operand missed";
		if (ours->op == INSN_MOVS || ours->op == INSN_CMPS) {
			if (at_rdi(theirs->mem.base) && left == (ours->op == INSN_MOVS))
				return NULL; /* the one at rDI is not described */
		} else if (ours->op != INSN_PUSH && left != ours->mem_is_dest) {
			return "side of the memory operand";
		}
		return compare_memory(o, ours, theirs);
	default:
		return NULL;
	}
}

static const char *compare_operands(struct oracle *o, const struct insn *ours)
{
	const cs_x86 *x = &o->theirs->detail->x86;
	bool mem = false;

	for (u32 i = 0; i < x->op_count; i++) {
		const char *wrong = compare_operand(o, ours, &x->operands[i], i == 0);

		if (wrong)
			return wrong;
		mem |= x->operands[i].type == X86_OP_MEM;
	}
	o->operands++;
	return mem == ours->mem ? NULL : "memory operand where there is none";
}

static const char *compare(struct oracle *o, const struct shape *s, const struct insn *ours)
{
	o->compared++;
	if (length_excused(o, s))
		return NULL;
	if (ours->len != o->theirs->size)
		return "length";
	if (ours->op != expected_op(o, s))
		return "instruction";
	if (operands_excused(o, s, ours))
		return NULL;
	if (ours->op >= INSN_ADD && ours->op <= INSN_OUT)
		return compare_operands(o, ours);
	return NULL;
}

const char *oracle_check(struct oracle *o, const u8 bytes[ORACLE_BYTES])
{
	struct shape s = shape_of(bytes, o->mode);
	const uint8_t *code = bytes;
	size_t size = INSN_MAX_LEN;
	uint64_t address = 0;
	struct insn ours;
	int err = insn_decode(&ours, bytes, INSN_MAX_LEN, o->mode);
	const char *wrong = NULL;

	if (err != 0 && err != -EINVAL)
		wrong = "error code";
	else if (!err && (ours.len == 0 || ours.len > INSN_MAX_LEN))
		wrong = "impossible length";
	else if (cs_disasm_iter(o->capstone, &code, &size, &address, o->theirs)) {
		if (!err)
			wrong = compare(o, &s, &ours);
		else if (!refusal_excused(o, &s))
			wrong = "refused";
	}
	o->wrong += wrong != NULL;
	return wrong;
}
