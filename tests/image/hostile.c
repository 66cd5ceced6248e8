/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a driver in an attacker's hands may try. All of it lies in the drivers' text and constants,
 * and each act is a function of its own, so that no table of jumps is needed in the nucleus's.
 */
#include "tests/image/hostile.h"

#include "boot/layout.h"

#define INSIDE static __noinline __used __section(".driver.text")

struct hostile {
	u64 answer;
	u8 rest[HOSTILE_STATE - 8];
};

/* An instruction that leaves no trace in C. */
#define ACT(name, ...)                                                                             \
	INSIDE void act_##name(struct hostile *h, u64 value)                                       \
	{                                                                                          \
		(void)h;                                                                           \
		asm volatile(__VA_ARGS__ ::"a"(value), "d"(value), "c"(value) : "memory");         \
	}

INSIDE void act_nothing(struct hostile *h, u64 value)
{
	h->answer = value;
}

INSIDE void act_read(struct hostile *h, u64 value)
{
	h->answer = *(volatile u64 *)value;
}

INSIDE void act_write(struct hostile *h, u64 value)
{
	(void)h;
	*(volatile u64 *)value = 0x4b465621;
}

ACT(jump, "jmp *%%rax")
ACT(cli, "cli")
ACT(sti, "sti")
ACT(hlt, "hlt")
ACT(in, "inb $0x60, %%al")
ACT(out, "outb %%al, %%dx")
ACT(outs, "movq %%rsp, %%rsi; outsb")
ACT(read_cr0, "movq %%cr0, %%rbx; movq %%rbx, %%rbx")
ACT(write_cr0, "movq %%rax, %%cr0")
ACT(read_cr3, "movq %%cr3, %%rax")
ACT(write_cr3, "movq %%rax, %%cr3")
ACT(write_cr4, "movq %%rax, %%cr4")
ACT(write_cr8, "movq %%rax, %%cr8")
ACT(write_dr7, "movq %%rax, %%db7")
ACT(rdmsr, "rdmsr")
ACT(wrmsr, "wrmsr")
ACT(lgdt, "lgdt (%%rsp)")
ACT(lidt, "lidt (%%rsp)")
ACT(ltr, "ltr %%ax")
ACT(lldt, "lldt %%ax")
ACT(lmsw, "lmsw %%ax")
ACT(clts, "clts")
ACT(invlpg, "invlpg (%%rsp)")
ACT(invd, "invd")
ACT(wbinvd, "wbinvd")
ACT(swapgs, "swapgs")
ACT(xsetbv, "xsetbv")
ACT(rdpmc, "rdpmc")
ACT(sysret, "sysretq")
ACT(iret_to_ring0, "pushq $0x10; pushq %%rsp; pushfq; pushq $8; pushq %%rax; iretq")
ACT(far_return, "pushq $8; pushq %%rax; lretq")
ACT(far_jump, "pushq %%rax; pushq %%rax; movw $8, 8(%%rsp); .byte 0x48; ljmp *(%%rsp)")
ACT(syscall, "syscall")
ACT(sysenter, "sysenter")
ACT(vmcall, "vmcall")
ACT(vmmcall, "vmmcall")
ACT(vmxon, "vmxon (%%rsp)")
ACT(vmrun, "vmrun %%rax")
ACT(clgi, "clgi")
ACT(mwait, "mwait")
ACT(int_nmi, "int $2")
ACT(int_kick, "int $0xf1")
ACT(int_timer, "int $0xf0")
ACT(int_line, "int $0x24")
ACT(int_df, "int $8")
ACT(int3, "int3")
ACT(icebp, ".byte 0xf1; nop")
ACT(ud2, "ud2")
ACT(divide, "xorl %%ecx, %%ecx; divl %%ecx")
ACT(x87, "fninit")
ACT(sse, "movups %%xmm0, (%%rsp)")
ACT(load_ds, "movl %%eax, %%ds")
ACT(load_ss, "movl %%eax, %%ss")
ACT(load_gs, "movl %%eax, %%gs")
ACT(zero_gs, "xorl %%eax, %%eax; movl %%eax, %%gs; movl %%eax, %%fs; movl %%eax, %%ds; "
	     "movl %%eax, %%es")
ACT(user_selectors, "movl $0x33, %%eax; movl %%eax, %%gs; movl %%eax, %%fs; movl %%eax, %%ds; "
		    "movl %%eax, %%es; movl %%eax, %%ss")
ACT(flags, "pushq %%rax; popfq; xorl %%r10d, %%r10d; int $0x80")
ACT(single_step, "pushq $0x102; popfq; nop; nop")
ACT(stack_nowhere, "movq $0x20000000, %%rsp; pushq %%rax")
ACT(stack_noncanonical, "movq %%rax, %%rsp; pushq %%rax")
/* With a stack of the nucleus's it calls out: only the pointer goes there. */
ACT(stack_of_nucleus, "movq %%rax, %%rsp; xorl %%r10d, %%r10d; int $0x80")
ACT(bad_return, "pushq %%rax; ret")
ACT(loop_interrupts_off, "pushq $2; popfq; 1: jmp 1b")
ACT(call_unknown, "movl $1000, %%r10d; int $0x80")
ACT(call_huge, "movq $-1, %%r10; int $0x80")
ACT(leave_early, "pushq %%rax; xorl %%r10d, %%r10d; int $0x80")

/* Deeper and deeper, with something on each step. */
INSIDE u64 deeper(u64 n)
{
	volatile u64 here[16];

	here[n % 16] = n;
	return n >> 40 ? 0 : deeper(n + 1) + here[n % 16];
}

INSIDE void act_recurse(struct hostile *h, u64 value)
{
	h->answer = deeper(value);
}

INSIDE void act_stack_low(struct hostile *h, u64 value)
{
	(void)h;
	*(volatile u64 *)(COMPARTMENT_STACK - 4 * PAGE_SIZE) = value;
}

INSIDE void act_smash_data(struct hostile *h, u64 value)
{
	*(volatile u64 *)((u8 *)h + HOSTILE_STATE) = value;
}

INSIDE void act_run_over_data(struct hostile *h, u64 value)
{
	for (volatile u64 *at = (u64 *)h;; at++)
		*at = value;
}

INSIDE void act_loop(struct hostile *h, u64 value)
{
	(void)h;
	while (value)
		asm volatile("");
}

INSIDE void act_loop_calling(struct hostile *h, u64 value)
{
	while (value)
		h->answer = l1_now_ns();
}

INSIDE void act_call_peer(struct hostile *h, u64 value)
{
	h->answer = l2_call((enum bus_peer)value, BUS_INFO, 0, 0);
}

/* Its own role is the PIT's: the call comes back to it, which makes it call again. */
INSIDE void act_call_self(struct hostile *h, u64 value)
{
	h->answer = l2_call(PEER_PIT, BUS_LINE, value, 0);
}

INSIDE void act_call_nobody(struct hostile *h, u64 value)
{
	h->answer = l2_call((enum bus_peer)(PEER_COUNT + (u32)value), BUS_INFO, 0, 0);
}

INSIDE void act_raise_line(struct hostile *h, u64 value)
{
	(void)h;
	l3_raise_irq((u32)value, true);
}

INSIDE void act_raise_high_line(struct hostile *h, u64 value)
{
	(void)h;
	l3_raise_irq((u32)value + 4096, true);
}

INSIDE void act_send_msi(struct hostile *h, u64 value)
{
	(void)h;
	l3_msi(0xfee00000, (u32)value);
}

INSIDE void act_set_intr(struct hostile *h, u64 value)
{
	(void)h;
	l3_intr(value != 0);
}

INSIDE void act_arm_timer(struct hostile *h, u64 value)
{
	(void)h;
	l1_timer_arm(value);
}

/* All that a call out leaves in the registers that C does not keep. */
INSIDE void act_registers(struct hostile *h, u64 value)
{
	u64 seen = 0;

	(void)value;
	asm volatile("movl $1, %%r10d; int $0x80\n"
		     "	xorl %%eax, %%eax; orq %%rcx, %%rax; orq %%rdx, %%rax; orq %%rsi, %%rax\n"
		     "	orq %%rdi, %%rax; orq %%r8, %%rax; orq %%r9, %%rax; orq %%r10, %%rax\n"
		     "	orq %%r11, %%rax"
		     : "=a"(seen)
		     :
		     : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory");
	h->answer = seen;
}

INSIDE void act_read_ram(struct hostile *h, u64 value)
{
	h->answer = (u64)l3_memory_read(0, (void *)value, 8);
}

INSIDE void act_random(struct hostile *h, u64 value)
{
	h->answer = l1_random((u64 *)value);
}

INSIDE void act_disk(struct hostile *h, u64 value)
{
	h->answer = (u64)l2_disk(DISK_READ, value, 0, 512);
}

INSIDE void act_bus_send(struct hostile *h, u64 value)
{
	h->answer = (u64)l2_send((enum bus_peer)value, BUS_INFO, 0, 0);
}

INSIDE void act_bus_receive(struct hostile *h, u64 value)
{
	h->answer = l2_receive((struct bus_message *)value);
}

INSIDE void act_bus_grant_ram(struct hostile *h, u64 value)
{
	struct bus_piece piece = { .at = value, .len = 8 };

	h->answer = (u64)l2_grant(PEER_PIT, &piece, 1, BUS_READ);
}

INSIDE void act_bus_grant_own(struct hostile *h, u64 value)
{
	struct bus_piece piece = { .at = value, .len = 8 };

	h->answer = (u64)l2_grant(PEER_PIT, &piece, 1, BUS_READ | BUS_OWN);
}

INSIDE void act_bus_pieces(struct hostile *h, u64 value)
{
	h->answer = (u64)l2_grant(PEER_PIT, (const struct bus_piece *)value, 1, BUS_READ | BUS_OWN);
}

INSIDE void act_bus_copy(struct hostile *h, u64 value)
{
	h->answer = (u64)l2_copy(1, 2, (void *)value, BUS_LENGTHS(8, 0, 8));
}

INSIDE void act_bus_peek(struct hostile *h, u64 value)
{
	h->answer = (u64)l2_peek(2, 0, (void *)value, 8);
}

INSIDE void act_reg_read(struct hostile *h, u64 value)
{
	h->answer = l1_reg_read((u32)value, value >> 32);
}

INSIDE void act_reg_write(struct hostile *h, u64 value)
{
	(void)h;
	l1_reg_write((u32)value, value >> 32, value);
}

INSIDE void act_reg_in(struct hostile *h, u64 value)
{
	l1_reg_block((u32)value, false, h->rest, value >> 32);
}

INSIDE void act_reg_out(struct hostile *h, u64 value)
{
	l1_reg_block((u32)value, true, h->rest, value >> 32);
}

INSIDE void act_bus_master(struct hostile *h, u64 value)
{
	(void)h;
	l1_bus_master(value);
}

/* As long as the word there is odd: it is for the test to change that meanwhile. */
INSIDE void act_fail_once(struct hostile *h, u64 value)
{
	h->answer++;
	if (l2_call(PEER_VM, BUS_INFO, value, 0) & 1)
		asm volatile("ud2");
}

#define X(name) act_##name,
static void (*const acts[])(struct hostile *h, u64 value)
	__section(".driver.rodata") = { HOSTILE_ACTS(X) };
#undef X

INSIDE void hostile_start(void *state, const struct driver_setup *setup)
{
	((struct hostile *)state)->answer = setup->vcpus;
}

INSIDE u64 hostile_read(void *state, u32 region, u32 offset, u32 width)
{
	(void)region, (void)offset, (void)width;
	return ((struct hostile *)state)->answer;
}

INSIDE void hostile_write(void *state, u32 region, u32 offset, u32 width, u64 value)
{
	(void)region, (void)width;
	acts[offset](state, value);
}

INSIDE u64 hostile_call(void *state, u32 fn, u64 a, u64 b)
{
	(void)b;
	if (fn == BUS_LINE)
		act_call_self(state, a);
	if (fn == BUS_CONSOLE_DRAINED)
		act_loop(state, 1);
	return fn == BUS_INFO ? 77 : 0;
}

INSIDE void hostile_timer(void *state)
{
	((struct hostile *)state)->answer++;
}

const struct driver hostile_driver = {
	.name = "hostile",
	.role = PEER_PIT,
	.state_size = HOSTILE_STATE,
	.grants = GRANT_PEER(PEER_PIT),
	.start = hostile_start,
	.read = hostile_read,
	.write = hostile_write,
	.call = hostile_call,
	.timer = hostile_timer,
};

const struct driver granted_driver = {
	.name = "granted",
	.role = PEER_UART,
	.state_size = HOSTILE_STATE,
	.grants = ~0ull,
	.start = hostile_start,
	.read = hostile_read,
	.write = hostile_write,
	.call = hostile_call,
	.timer = hostile_timer,
};
