/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Included before the sources of the emulator when they are compiled for the host: what they call
 * in the nucleus is tests/host/machine.c, under names that no other test's world has.
 */
#pragma once

#define hook_fire	       machine_hook_fire
#define vcpu_inject_exception  machine_inject_exception
#define vcpu_inject_gp	       machine_inject_gp
#define vcpu_inject_page_fault machine_inject_page_fault
#define vcpu_inject_ud	       machine_inject_ud
#define vlapic_read	       machine_apic_read
#define vlapic_write	       machine_apic_write
#define vm_fail		       machine_vm_fail
#define vm_ram		       machine_vm_ram
#define window_exchange	       machine_window_exchange
#define window_read	       machine_window_read
#define window_read64	       machine_window_read64
#define window_write	       machine_window_write
