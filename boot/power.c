/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Off or reboot (ACPI Specification, "Sleeping and Waking" and "Reset
 * Register"). Each way that fails falls through to the next.
 */
#include "core/l1/power.h"

#include "boot/acpi.h"
#include "arch/x86/cpu.h"
#include "arch/x86/hv.h"
#include "arch/x86/io.h"
#include "arch/x86/smp.h"
#include "core/l1/log.h"
#include "core/l1/uart_port.h"

#define SLP_EN	    BIT(13)
#define KBC_COMMAND 0x64
#define KBC_RESET   0xfe

void machine_halt(void)
{
	irq_off();
	for (;;)
		asm volatile("hlt");
}

void machine_power_off(void)
{
	log_flush();
	smp_stop_others();
	if (acpi.has_s5 && acpi.pm1a_control) {
		out16(acpi.pm1a_control, (u16)(acpi.s5_a << 10 | SLP_EN));
		if (acpi.pm1b_control)
			out16(acpi.pm1b_control, (u16)(acpi.s5_b << 10 | SLP_EN));
	}
	uart_port_puts_polled("KFV machine halted: it may be switched off now.\r\n");
	machine_halt();
}

/* A CPU in VMX operation would not take the INIT that a reset may be made of. */
static void leave_virtualisation(void)
{
	if (hv)
		hv->cpu_disable();
}

void machine_reboot(void)
{
	struct {
		u16 limit;
		u64 base;
	} __packed no_idt = { 0, 0 };

	log_flush();
	smp_stop_others();
	leave_virtualisation();
	if (acpi.reset_address && acpi.reset_space == 1)
		out8((u16)acpi.reset_address, acpi.reset_value);
	out8(KBC_COMMAND, KBC_RESET);
	asm volatile("lidt %0; int3" ::"m"(no_idt));
	machine_halt();
}
