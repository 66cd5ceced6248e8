/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a panic shows: the exception (SDM volume 3, "Exception and Interrupt Reference"), registers,
 * names for addresses. Runs with nothing to rely on: no lock, no memory but its stack.
 */
#include "arch/x86/panic.h"

#include "arch/x86/compartment.h"
#include "arch/x86/cpu.h"
#include "arch/x86/percpu.h"

struct symbol {
	u64 address;
	const char *name;
};

/* Made from the linked image by tools/symbols.sh; sorted. */
extern const struct symbol symbols[] __attribute__((weak));
extern const u64 symbol_count __attribute__((weak));
extern char image_start[], text_end[];

/* Exceptions, and what else compartments fail of. */
static const char *const causes[CAUSES] = {
	"divide error",
	"debug",
	"NMI",
	"breakpoint",
	"overflow",
	"bound",
	"invalid opcode",
	"no FPU",
	"double fault",
	"coprocessor overrun",
	"invalid TSS",
	"segment not present",
	"stack fault",
	"general protection",
	"page fault",
	"reserved",
	"x87 error",
	"alignment check",
	"machine check",
	"SIMD error",
	"virtualisation",
	"control protection",
	[CAUSE_BUDGET] = "ran for too long",
	[CAUSE_STACK] = "stack overrun",
	[CAUSE_DATA] = "data overrun",
	[CAUSE_CALL] = "call of an unknown number",
	[CAUSE_POINTER] = "call with foreign memory",
	[CAUSE_GRANT] = "call without a grant",
	[CAUSE_NESTING] = "calls nested too deep",
	[CAUSE_ORDER] = "ended by the operator",
};

const char *cause_name(u64 cause)
{
	return cause < CAUSES && causes[cause] ? causes[cause] : "reserved";
}

const char *symbol_find(u64 address, u64 *offset)
{
	u64 lo = 0, hi = &symbol_count ? symbol_count : 0;

	if (!hi || address < (u64)image_start || address >= (u64)text_end)
		return NULL;
	while (hi - lo > 1) {
		u64 mid = (lo + hi) / 2;

		if (symbols[mid].address <= address)
			lo = mid;
		else
			hi = mid;
	}
	*offset = address - symbols[lo].address;
	return symbols[lo].name;
}

void panic_dump(const struct trap_frame *f)
{
	panic_say(
		"rip %04lx:%016lx  rflags %08lx  error %lx\n", f->cs, f->rip, f->rflags, f->error);
	panic_say("rax %016lx  rbx %016lx  rcx %016lx\n", f->rax, f->rbx, f->rcx);
	panic_say("rdx %016lx  rsi %016lx  rdi %016lx\n", f->rdx, f->rsi, f->rdi);
	panic_say("rbp %016lx  rsp %016lx  r8  %016lx\n", f->rbp, f->rsp, f->r8);
	panic_say("r9  %016lx  r10 %016lx  r11 %016lx\n", f->r9, f->r10, f->r11);
	panic_say("r12 %016lx  r13 %016lx  r14 %016lx\n", f->r12, f->r13, f->r14);
	panic_say("r15 %016lx  cr2 %016lx  cr3 %016lx\n", f->r15, cr2_read(), cr3_read());
	panic_say("cr0 %016lx  cr4 %016lx  efer %015lx\n", cr0_read(), cr4_read(), rdmsr(MSR_EFER));
}

static void say_address(u64 address)
{
	u64 offset;
	const char *name = symbol_find(address, &offset);

	if (name)
		panic_say("  %016lx  %s+0x%lx\n", address, name, offset);
	else
		panic_say("  %016lx\n", address);
}

void backtrace_print(u64 rip, u64 rbp)
{
	u64 stack = (u64)this_cpu(stack);

	panic_say("backtrace, CPU %u:\n", this_cpu(id));
	say_address(rip);
	for (u32 depth = 0; depth < 24; depth++) {
		const u64 *frame = (const u64 *)rbp;

		if (rbp - stack > STACK_BYTES - 16 || (rbp & 7) || !frame[1])
			return;
		say_address(frame[1]);
		if (frame[0] <= rbp)
			return;
		rbp = frame[0];
	}
}
