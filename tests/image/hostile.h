/* SPDX-License-Identifier: BSD-2-Clause */
/* A driver of the test image that does in its compartment whatever it is told, see hostile.c. */
#pragma once

#include "drivers/api/driver.h"

#define HOSTILE_STATE 200 /* bytes */

/* X(name): one function of hostile.c. */
/* clang-format off */
#define HOSTILE_ACTS(X) \
	X(nothing) X(read) X(write) X(jump) X(cli) X(sti) X(hlt) X(in) X(out) X(outs) \
	X(read_cr0) X(write_cr0) X(read_cr3) X(write_cr3) X(write_cr4) X(write_cr8) X(write_dr7) \
	X(rdmsr) X(wrmsr) X(lgdt) X(lidt) X(ltr) X(lldt) X(lmsw) X(clts) X(invlpg) X(invd) \
	X(wbinvd) X(swapgs) X(xsetbv) X(rdpmc) X(sysret) X(iret_to_ring0) X(far_return) \
	X(far_jump) X(syscall) X(sysenter) X(vmcall) X(vmmcall) X(vmxon) X(vmrun) X(clgi) \
	X(mwait) X(int_nmi) X(int_kick) X(int_timer) X(int_line) X(int_df) X(int3) X(icebp) \
	X(ud2) X(divide) X(x87) X(sse) X(load_ds) X(load_ss) X(load_gs) X(zero_gs) \
	X(user_selectors) X(flags) X(single_step) X(recurse) X(stack_low) X(stack_nowhere) \
	X(stack_noncanonical) X(stack_of_nucleus) X(bad_return) X(smash_data) X(run_over_data) \
	X(loop) X(loop_calling) X(loop_interrupts_off) X(call_unknown) X(call_huge) X(call_peer) \
	X(call_self) X(call_nobody) X(raise_line) X(raise_high_line) X(send_msi) X(set_intr) \
	X(arm_timer) X(leave_early) X(registers) X(read_ram) X(random) X(disk) X(fail_once) \
	X(bus_send) X(bus_receive) X(bus_grant_ram) X(bus_grant_own) X(bus_pieces) X(bus_copy) \
	X(bus_peek) \
	X(reg_read) X(reg_write) X(reg_in) X(reg_out) X(bus_master)
/* clang-format on */

#define X(name) ACT_##name,
enum hostile_act { HOSTILE_ACTS(X) HOSTILE_COUNT };
#undef X

/* What the acts on registers take: which, and how wide, or how much of it goes in or out. */
#define HOSTILE_REG(range, at, n) ((u64)(n) << 32 | DEVICE_REG(range, at))

/* Its write() performs act `offset` with `value`; its read() answers what the last one left. */
extern const struct driver hostile_driver;
/* The same without calls to serve, and with every grant. */
extern const struct driver granted_driver;
