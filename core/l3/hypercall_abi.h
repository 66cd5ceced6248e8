/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypercalls, for the nucleus and for guests: VMMCALL (AMD-V) or VMCALL (VT-x) with the number
 * in RAX and arguments in RBX, RCX, RDX; the result comes back in RAX, below zero an error number.
 * Offered where CPUID leaf 0x40000000 says "KungFuVisor". Only from CPL 0.
 */
#pragma once

#define HC_VERSION 0 /* -> 0x0001_0000 | revision; the cheapest call there is */
#define HC_YIELD   1 /* the rest of this slice goes to the others */
#define HC_BEAT	   2 /* a heartbeat: -> how many there were */
#define HC_TIME	   3 /* -> nanoseconds since the hypervisor's boot */
#define HC_WRITE                                                                                   \
	4 /* RBX: guest physical address, RCX: length up to 256: text for the serial line */
#define HC_COUNT 5

/* Planted bugs: in the test image only, and only with the boot option vuln=NAME. */
#define HC_VULN_CONTROL 0x1000 /* vuln=control: RBX byte offset, RCX 32-bit value into the VMCB */
#define HC_VULN_UNFAIR	0x1001 /* vuln=unfair: a call that starts the caller's slice anew */

#define HC_ABI_VERSION 0x00010000
