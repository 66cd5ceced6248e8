/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the comparison with the CPU cannot show: ports, the local APIC, hooks, borders of regions,
 * faults in the middle, other modes, and instructions that change after they exited.
 */
#include "tests/host/machine.h"

#include "arch/x86/cpu.h"
#include "core/l3/fetch.h"
#include "tests/dialect.h"

#include <string.h>

#define CODE(...) machine_code((const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }))

#define GPR machine.v.hv.gpr
#define RIP machine.v.hv.rip

static u64 moved(void)
{
	return RIP - MACHINE_CODE;
}

static void port(u16 number, u8 width, bool in)
{
	machine.v.exit = (struct exit){ .kind = EXIT_IO, .insn_len = 1 };
	machine.v.exit.io.port = number;
	machine.v.exit.io.width = width;
	machine.v.exit.io.in = in;
	emulate_io(&machine.v, &machine.v.exit);
}

static void string_port(u16 number, u8 width, bool in)
{
	machine.v.exit = (struct exit){ .kind = EXIT_IO };
	machine.v.exit.io.port = number;
	machine.v.exit.io.width = width;
	machine.v.exit.io.in = in;
	machine.v.exit.io.string = true;
	emulate_io(&machine.v, &machine.v.exit);
}

TEST(io_registers_keep_or_lose_their_upper_half)
{
	machine_reset();
	CODE(0xec);
	memcpy(machine.dev, "\x11\x22\x33\x44\x55", 5);
	GPR[RAX] = ~0ull;
	port(MACHINE_PORTS + 1, 1, true);
	EXPECT_EQ(GPR[RAX], 0xffffffffffffff22);
	port(MACHINE_PORTS + 1, 2, true);
	EXPECT_EQ(GPR[RAX], 0xffffffffffff3322);
	port(MACHINE_PORTS + 1, 4, true);
	EXPECT_EQ(GPR[RAX], 0x55443322);
	EXPECT_EQ(moved(), 3);
	GPR[RAX] = 0xaabbccddeeff0011;
	port(MACHINE_PORTS + 8, 2, false);
	EXPECT_MEM(machine.dev + 8, "\x11\x00\x00", 3);
	EXPECT_EQ(machine.writes, 1);
}

TEST(io_absent_and_across_a_border)
{
	machine_reset();
	CODE(0xed);
	GPR[RAX] = 0;
	port(0x7777, 2, true);
	EXPECT_EQ(GPR[RAX], 0xffff);
	port(0xffff, 4, true);
	EXPECT_EQ(GPR[RAX], 0xffffffff);
	machine.dev[0] = 0x12;
	machine.dev[1] = 0x34;
	port(MACHINE_PORTS - 2, 4, true);
	EXPECT_EQ(GPR[RAX], 0x3412ffff);
	EXPECT_EQ(machine.reads, 2);
	GPR[RAX] = 0x44332211;
	port(MACHINE_PORTS + MACHINE_PORT_LEN - 1, 4, false);
	EXPECT_EQ(machine.dev[MACHINE_PORT_LEN - 1], 0x11);
	EXPECT_EQ(machine.writes, 1);
	port(0x7777, 1, false);
	EXPECT_EQ(machine.writes, 1);
	EXPECT_EQ(machine.stray, 0);
}

TEST(io_hooks_see_everything_and_may_deny)
{
	machine_reset();
	CODE(0xec);
	port(MACHINE_PORTS, 1, true);
	EXPECT_EQ(machine.hooks, 0);
	machine.device.armed = HOOK_BIT(HOOK_L3_PORT_READ) | HOOK_BIT(HOOK_L3_PORT_WRITE);
	port(MACHINE_PORTS + 3, 1, true);
	EXPECT_EQ(machine.hooks, 1);
	EXPECT_EQ(machine.hook.op, HOOK_L3_PORT_READ);
	EXPECT_EQ(machine.hook.subject, machine.v.hrsc.id);
	EXPECT_EQ(machine.hook.object, machine.device.id);
	EXPECT_EQ(machine.hook.arg[0], MACHINE_PORTS + 3);
	EXPECT_EQ(machine.hook.arg[1], 1);
	machine.verdict = HOOK_DENY;
	machine.dev[3] = GPR[RAX] = 0;
	machine.reads = 0;
	port(MACHINE_PORTS + 3, 1, true);
	EXPECT_EQ(GPR[RAX], 0xff);
	GPR[RAX] = 0x55;
	port(MACHINE_PORTS + 3, 1, false);
	EXPECT_EQ(machine.hook.arg[2], 0x55);
	EXPECT_EQ(machine.reads + machine.writes, 0);
	machine.hooks = 0;
	machine.vm.hrsc.armed = ~0ull;
	port(0x7000, 4, true);
	EXPECT_EQ(machine.hooks, 1);
	EXPECT_EQ(machine.hook.object, machine.vm.hrsc.id);
}

TEST(io_of_a_driver_in_quarantine)
{
	machine_reset();
	CODE(0xec);
	machine.device.state = HRSC_FAILED;
	port(MACHINE_PORTS, 1, true);
	EXPECT_EQ(GPR[RAX], 0xff);
	port(MACHINE_PORTS, 1, false);
	EXPECT_EQ(machine.reads + machine.writes, 0);
}

TEST(io_length_from_the_instruction)
{
	machine_reset();
	CODE(0x66, 0xe5, 0x05);
	machine.v.exit = (struct exit){ .kind = EXIT_IO };
	machine.v.exit.io.port = 5;
	machine.v.exit.io.width = 2;
	machine.v.exit.io.in = true;
	emulate_io(&machine.v, &machine.v.exit);
	EXPECT_EQ(moved(), 3);
}

TEST(ins_goes_on_where_it_was)
{
	machine_reset();
	CODE(0xf3, 0x6c);
	memset(machine.dev, 0x5a, 64);
	GPR[RCX] = 150;
	GPR[RDI] = 0x9000;
	for (u32 i = 0; i < 2; i++) {
		string_port(MACHINE_PORTS, 1, true);
		EXPECT_EQ(moved(), 0);
	}
	EXPECT_EQ(GPR[RCX], 150 - 128);
	string_port(MACHINE_PORTS, 1, true);
	EXPECT_EQ(moved(), 2);
	EXPECT_EQ(GPR[RCX], 0);
	EXPECT_EQ(GPR[RDI], 0x9000 + 150);
	EXPECT_EQ(machine_number(0x9000 + 149, 2), 0x5a);
	EXPECT_EQ(machine.reads, 150);
	string_port(MACHINE_PORTS, 1, true);
	EXPECT_EQ(machine.reads, 150);
}

TEST(ins_stops_at_a_fault)
{
	machine_reset();
	CODE(0xf3, 0x66, 0x6d);
	machine_map(0x400000, 0x9000, MAP_W);
	machine.v.hv.rflags |= RFLAGS_DF;
	GPR[RCX] = 10;
	GPR[RDI] = 0x400004;
	string_port(MACHINE_PORTS, 2, true);
	EXPECT(machine.raised);
	EXPECT_EQ(machine.vector, VECTOR_PF);
	EXPECT_EQ(machine.regs[REG_CR2], 0x3ffffe);
	EXPECT_EQ(machine.error, PF_WRITE);
	EXPECT_EQ(GPR[RCX], 7);
	EXPECT_EQ(machine.reads, 3);
	EXPECT_EQ(moved(), 0);
}

TEST(outs_from_another_segment)
{
	machine_reset();
	CODE(0x64, 0x67, 0x6f);
	machine.segs[SEG_FS].base = 0x9000;
	machine_store(0x9010, 4, 0xdeadbeef);
	GPR[RSI] = 0xffffffff00000010;
	string_port(MACHINE_PORTS + 4, 4, false);
	EXPECT_EQ(moved(), 3);
	EXPECT_MEM(machine.dev + 4, "\xef\xbe\xad\xde", 4);
	EXPECT_EQ(GPR[RSI], 0x14);
}

TEST(string_io_in_16_bit_mode)
{
	machine_reset();
	machine_protected(false);
	CODE(0xf3, 0x6c);
	machine.segs[SEG_ES].base = 0x9000;
	GPR[RCX] = 0x10002;
	GPR[RDI] = 0x2ffff;
	string_port(MACHINE_PORTS, 1, true);
	EXPECT_EQ(GPR[RDI], 0x20001);
	EXPECT_EQ(GPR[RCX], 0x10000);
	EXPECT_EQ(moved(), 2);
	CODE(0x6d);
	GPR[RDI] = 0xffff;
	string_port(MACHINE_PORTS, 2, true);
	EXPECT(machine.raised);
	EXPECT_EQ(machine.vector, VECTOR_GP);
}

TEST(string_io_respects_segments)
{
	machine_reset();
	machine_protected(true);
	CODE(0x6c);
	machine.segs[SEG_ES].attr = 0xc91; /* read-only */
	string_port(MACHINE_PORTS, 1, true);
	EXPECT(machine.raised && machine.vector == VECTOR_GP && machine.has_error);
	machine.raised = false;
	machine.segs[SEG_ES] = (struct segment){ 0x10, 0x497, 0x8fff, 0 }; /* expands down */
	GPR[RDI] = 0x9000;
	string_port(MACHINE_PORTS, 1, true);
	EXPECT(!machine.raised);
	GPR[RDI] = 0x8fff;
	RIP = MACHINE_CODE;
	string_port(MACHINE_PORTS, 1, true);
	EXPECT(machine.raised && machine.vector == VECTOR_GP);
	machine.raised = false;
	CODE(0x36, 0x6e);
	machine.segs[SEG_SS].attr = SEG_ATTR_UNUSABLE;
	string_port(MACHINE_PORTS, 1, false);
	EXPECT(machine.raised && machine.vector == VECTOR_SS);
	EXPECT_EQ(machine.reads, 1);
	EXPECT_EQ(machine.writes, 0);
}

TEST(apic_registers)
{
	machine_reset();
	machine_map(0x500000, VLAPIC_BASE, MAP_W);
	GPR[RBX] = 0x500020;
	machine.apic[2] = 0x12345678;
	GPR[RAX] = ~0ull;
	CODE(0x8b, 0x03);
	machine_mmio(VLAPIC_BASE + 0x20, S2_READ);
	EXPECT_EQ(GPR[RAX], 0x12345678);
	CODE(0x8a, 0x43, 0x01);
	machine_mmio(VLAPIC_BASE + 0x21, S2_READ);
	EXPECT_EQ(GPR[RAX], 0x12345656);
	CODE(0x88, 0x03);
	machine_mmio(VLAPIC_BASE + 0x20, S2_WRITE);
	EXPECT_EQ(machine.apic[2], 0x12345678);
	CODE(0xc7, 0x03, 1, 2, 3, 4);
	machine_mmio(VLAPIC_BASE + 0x20, S2_WRITE);
	EXPECT_EQ(machine.apic[2], 0x04030201);
	EXPECT_EQ(moved(), 6);
	machine.v.hrsc.armed = ~0ull;
	machine.verdict = HOOK_DENY;
	CODE(0x8b, 0x03);
	machine_mmio(VLAPIC_BASE + 0x20, S2_READ);
	EXPECT_EQ(GPR[RAX], 0xffffffff);
	EXPECT_EQ(machine.hook.op, HOOK_L3_MMIO_READ);
	machine.v.apic.base_msr &= ~BIT(11);
	machine.v.hrsc.armed = 0;
	GPR[RAX] = 0;
	CODE(0x8b, 0x03);
	machine_mmio(VLAPIC_BASE + 0x20, S2_READ);
	EXPECT_EQ(GPR[RAX], 0xffffffff);
}

TEST(mmio_at_the_end_of_a_device)
{
	machine_reset();
	machine_map(0x500000, MACHINE_DEVICE + MACHINE_DEV_LEN - PAGE_SIZE, MAP_W);
	machine_map(0x501000, MACHINE_DEVICE + MACHINE_DEV_LEN, MAP_W);
	memset(machine.dev, 0x77, sizeof(machine.dev));
	GPR[RBX] = 0x500ffe;
	CODE(0x8b, 0x03);
	machine_mmio(MACHINE_DEVICE + MACHINE_DEV_LEN - 2, S2_READ);
	EXPECT_EQ(GPR[RAX], 0xffff7777);
	GPR[RAX] = 0x11223344;
	CODE(0x89, 0x03);
	machine_mmio(MACHINE_DEVICE + MACHINE_DEV_LEN, S2_WRITE); /* its second half was refused */
	EXPECT_EQ(moved(), 2);
	EXPECT_MEM(machine.dev + MACHINE_DEV_LEN - 3, "\x77\x44\x33", 3);
}

TEST(mmio_and_ram_in_one_operand)
{
	machine_reset();
	machine_map(0x500000, 0x9000, MAP_W);
	machine_map(0x501000, MACHINE_DEVICE, MAP_W);
	GPR[RBX] = 0x500ffd;
	GPR[RAX] = 0x8877665544332211;
	CODE(0x48, 0x89, 0x03);
	machine_mmio(MACHINE_DEVICE, S2_WRITE);
	EXPECT_EQ(moved(), 3);
	EXPECT_EQ(machine_number(0x9ffd, 3), 0x332211);
	EXPECT_MEM(machine.dev, "\x44\x55\x66\x77\x88", 5);
	machine_map(0x500000, 0x9000, 0);
	machine_store(0x9ffd, 3, 0);
	CODE(0x48, 0x89, 0x03);
	machine_mmio(MACHINE_DEVICE, S2_WRITE);
	EXPECT(machine.raised && machine.vector == VECTOR_PF);
	EXPECT_EQ(machine.error, PF_PRESENT | PF_WRITE);
	EXPECT_EQ(machine_number(0x9ffd, 3), 0);
	EXPECT_EQ(moved(), 0);
}

TEST(mmio_compare_exchange_16_aligned)
{
	machine_reset();
	machine_map(0x500000, MACHINE_DEVICE, MAP_W);
	GPR[RBX] = 0x500008;
	CODE(0x48, 0x0f, 0xc7, 0x0b);
	machine_mmio(MACHINE_DEVICE + 8, S2_WRITE);
	EXPECT(machine.raised && machine.vector == VECTOR_GP);
	EXPECT_EQ(machine.writes, 0);
}

/* Swapped after the exit: what is there now is run, not emulated; nothing changes until then. */
TEST(swapped_instruction_is_not_emulated)
{
	static const u8 codes[][5] = { { 0x90 }, { 0x0f, 0xa2 }, { 0x0f, 0x0b }, { 0xf0, 0x90 },
		{ 0x0f, 0x28, 0x03 }, { 0x50 } };
	u8 before[MACHINE_DEV_LEN];

	for (u32 i = 0; i < ARRAY_LEN(codes); i++) {
		machine_reset();
		machine_map(0x500000, MACHINE_DEVICE, MAP_W);
		GPR[RBX] = 0x500000;
		memcpy(before, machine.dev, sizeof(before));
		machine_code(codes[i], 5);
		for (u32 n = 1; n < 64; n++) {
			machine_mmio(MACHINE_DEVICE, S2_WRITE);
			if (!EXPECT(!machine.raised) || !EXPECT_EQ(moved(), 0))
				break;
		}
		machine_mmio(MACHINE_DEVICE, S2_WRITE);
		EXPECT(machine.raised && machine.vector == VECTOR_UD);
		EXPECT_EQ(machine.v.unemulated, 1);
		EXPECT_MEM(machine.dev, before, sizeof(before));
	}
}

TEST(swapped_operand_gains_nothing)
{
	machine_reset();
	machine_map(0x500000, MACHINE_DEVICE, MAP_U);
	machine_map(0x600000, 0x9000, MAP_W | MAP_U);
	machine.cpl = 3;
	GPR[RBX] = 0x500010;
	GPR[RAX] = 0x99;
	CODE(0x89, 0x03); /* was a read: the page may not be written */
	machine_mmio(MACHINE_DEVICE + 0x10, S2_READ);
	EXPECT(machine.raised && machine.vector == VECTOR_PF);
	EXPECT_EQ(machine.error, PF_PRESENT | PF_WRITE | PF_USER);
	EXPECT_EQ(machine.writes, 0);
	machine.raised = false;
	GPR[RBX] = 0x600020;
	CODE(0xf0, 0x01, 0x03); /* memory that is no device's */
	machine_mmio(MACHINE_DEVICE + 0x10, S2_WRITE);
	EXPECT(!machine.raised);
	EXPECT_EQ(moved(), 0);
	EXPECT_EQ(machine_number(0x9020, 4), 0);
	GPR[RBX] = 0x8000000000000010; /* not canonical */
	CODE(0x8b, 0x4b, 0x20);
	machine_mmio(MACHINE_DEVICE + 0x10, S2_READ);
	EXPECT(machine.raised && machine.vector == VECTOR_GP);
}

TEST(swapped_port_string_is_not_emulated)
{
	machine_reset();
	CODE(0x6e);
	string_port(MACHINE_PORTS, 1, true);
	CODE(0x6d);
	string_port(MACHINE_PORTS, 1, true);
	CODE(0xec);
	string_port(MACHINE_PORTS, 1, true);
	EXPECT_EQ(moved(), 0);
	EXPECT(!machine.raised);
	EXPECT_EQ(machine.reads + machine.writes, 0);
}

TEST(mmio_that_no_instruction_caused)
{
	machine_reset();
	CODE(0x8b, 0x03);
	machine_mmio(MACHINE_DEVICE, S2_EXEC);
	EXPECT(machine.raised && machine.vector == VECTOR_UD);
	machine_reset();
	machine.v.hv.has_pending = true;
	machine_mmio(MACHINE_DEVICE, S2_WRITE);
	EXPECT(machine.failed && !machine.raised);
	machine_reset();
	machine.v.exit = (struct exit){ .kind = EXIT_S2 };
	machine.v.exit.s2.in_walk = true;
	emulate_mmio(&machine.v, &machine.v.exit);
	EXPECT(machine.failed && !machine.raised);
}

TEST(fetch_across_pages)
{
	struct insn insn;

	machine_reset();
	machine_map(0x500000, 0x9000, 0);
	machine_map(0x501000, 0xb000, 0);
	machine_store(0x9ffe, 2, 0x058b);
	machine_store(0xb000, 4, 0x44332211);
	RIP = 0x500ffe;
	EXPECT_EQ(guest_fetch(&machine.v, &insn), INSN_MODE_64);
	EXPECT_EQ(insn.len, 6);
	EXPECT_EQ(insn.disp, 0x44332211);
	machine_map(0x501000, 0, -1ull); /* gone */
	machine_store(machine.next_table - PAGE_SIZE + 8 * 0x101, 8, 0);
	EXPECT_EQ(guest_fetch(&machine.v, &insn), -EFAULT);
	EXPECT(machine.raised && machine.vector == VECTOR_PF);
	EXPECT_EQ(machine.regs[REG_CR2], 0x501000);
	EXPECT_EQ(machine.error, PF_FETCH);
	machine.raised = false;
	machine_store(0x9fff, 1, 0xf4); /* ends in time: the next page does not matter */
	RIP = 0x500fff;
	EXPECT_EQ(guest_fetch(&machine.v, &insn), INSN_MODE_64);
	EXPECT_EQ(insn.op, INSN_HLT);
}

TEST(fetch_of_code_outside_ram)
{
	struct insn insn;

	machine_reset();
	machine_map(0x500000, MACHINE_DEVICE, 0);
	RIP = 0x500000;
	EXPECT_EQ(guest_fetch(&machine.v, &insn), -EAGAIN);
	EXPECT_EQ(machine.reads + machine.stray, 0);
}

static u8 length(u8 kind)
{
	u8 len = 0xff;

	machine.v.exit.kind = kind;
	return guest_insn_len(&machine.v, &len) ? 0xfe : len;
}

/* What the back end would find for an exit of this kind where RIP is now; 0: nothing. */
static u8 known(u8 kind)
{
	const struct hv_length *l = &machine.v.hv.lengths[machine.v.hv.rip / 2 % HV_LENGTHS];

	return l->rip == machine.v.hv.rip && l->kind == kind ? l->len : 0;
}

TEST(length_is_remembered_without_prefixes_only)
{
	machine_reset();
	EXPECT_EQ(known(EXIT_CPUID), 0);
	CODE(0x66, 0x0f, 0xa2);
	EXPECT_EQ(length(EXIT_CPUID), 3);
	EXPECT_EQ(known(EXIT_CPUID), 0);
	CODE(0x0f, 0xa2);
	EXPECT_EQ(length(EXIT_CPUID), 2);
	EXPECT_EQ(known(EXIT_CPUID), 2);
	EXPECT_EQ(known(EXIT_MSR), 0);
	EXPECT_EQ(length(EXIT_MSR), 0xfe);
	EXPECT(!machine.raised);
	CODE(0x0f, 0x30);
	EXPECT_EQ(length(EXIT_MSR), 2);
	CODE(0x0f, 0x01, 0xd9);
	EXPECT_EQ(length(EXIT_HYPERCALL), 3);
	EXPECT_EQ(length(EXIT_HYPERCALL), 3);
	CODE(0xf4);
	EXPECT_EQ(length(EXIT_HLT), 1);
	CODE(0xf3, 0x90);
	EXPECT_EQ(length(EXIT_PAUSE), 2);
	EXPECT_EQ(length(EXIT_HLT), 0xfe);
}

/* Another process at the same RIP: a prefixed instruction is never remembered. */
TEST(length_with_prefixes_is_not_remembered)
{
	machine_reset();
	CODE(0x66, 0x0f, 0xa2);
	EXPECT_EQ(length(EXIT_CPUID), 3);
	machine_map(MACHINE_CODE, 0x9000, 0);
	machine_store(0x9000, 2, 0xa20f);
	EXPECT_EQ(length(EXIT_CPUID), 2);
	machine.regs[REG_CR3] = 0;
	EXPECT_EQ(length(EXIT_CPUID), 0xfe);
}

/* The page of the code was exchanged, and the old one is as it was. */
TEST(remembered_instruction_has_to_be_confirmed)
{
	machine_reset();
	machine_map(0x500000, MACHINE_DEVICE, MAP_W);
	GPR[RBX] = 0x500000;
	GPR[RAX] = 0x44332211;
	CODE(0x89, 0x03);
	machine_mmio(MACHINE_DEVICE, S2_WRITE);
	RIP = MACHINE_CODE;
	machine_map(MACHINE_CODE, 0x9000, 0);
	machine_store(0x9000, 3, 0x084388); /* MOV [RBX + 8], AL */
	machine_mmio(MACHINE_DEVICE + 8, S2_WRITE);
	EXPECT_EQ(moved(), 0);
	machine_mmio(MACHINE_DEVICE + 8, S2_WRITE);
	EXPECT_EQ(moved(), 3);
	EXPECT_MEM(machine.dev, "\x11\x22\x33\x44\0\0\0\0\x11\0", 10);
	EXPECT_EQ(machine.writes, 2);
	machine.segs[SEG_CS].attr = 0xc9b; /* 32-bit code sees other instructions in the bytes */
	machine_store(0x9000, 3, 0x038b48);
	RIP = MACHINE_CODE;
	machine_mmio(MACHINE_DEVICE, S2_READ);
	EXPECT_EQ(moved(), 0);
	EXPECT_EQ(machine.reads, 0);
}

TEST(advance_wraps_and_traps)
{
	machine_reset();
	machine.v.hv.rflags |= RFLAGS_RF;
	RIP = 0xfffffffe;
	vcpu_advance(&machine.v, 3);
	EXPECT_EQ(RIP, 0x100000001);
	EXPECT(!(machine.v.hv.rflags & RFLAGS_RF));
	machine_protected(true);
	RIP = 0xfffffffe;
	vcpu_advance(&machine.v, 3);
	EXPECT_EQ(RIP, 1);
	machine.v.hv.rflags |= RFLAGS_TF;
	vcpu_advance(&machine.v, 3);
	EXPECT_EQ(RIP, 4);
	EXPECT(machine.raised && machine.vector == VECTOR_DB && !machine.has_error);
	EXPECT_EQ(machine.regs[REG_DR6] & BIT(14), BIT(14));
}

TEST(mmio_in_32_bit_mode)
{
	machine_reset();
	machine_protected(true);
	GPR[RBX] = 0xffffffffd0000010 - 4;
	machine.segs[SEG_DS].base = 4;
	memcpy(machine.dev + 0x10, "\x01\x02\x03\x04", 4);
	CODE(0x66, 0x8b, 0x03);
	machine_mmio(MACHINE_DEVICE + 0x10, S2_READ);
	EXPECT_EQ(GPR[RAX], 0x0201);
	EXPECT_EQ(moved(), 3);
}
