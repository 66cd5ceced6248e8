/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What guests and hypervisor agree on. VMMCALL (AMD) or VMCALL (Intel) with the number in RAX and
 * arguments in RBX, RCX and RDX; the result is in RAX, negative for an error (-Exxx), and no other
 * register changes. Only from CPL 0. CPUID leaf HYPERCALL_CPUID_LEAF has the signature in EBX, ECX
 * and EDX, as other hypervisors do it.
 */
#pragma once

#define HYPERCALL_CPUID_LEAF 0x40000000
#define HYPERCALL_SIGNATURE  "KungFuVisor" /* twelve bytes with the NUL */

#define HYPERCALL_VERSION 1 /* what HYPERCALL_NOP returns */
#define HYPERCALL_NOP	  0
#define HYPERCALL_YIELD	  1
#define HYPERCALL_BEAT	  2 /* RBX: how many heartbeats so far */
#define HYPERCALL_TIME_NS 3 /* nanoseconds since boot, as the VM's devices count them */
#define HYPERCALL_CONSOLE_WRITE                                                                    \
	4 /* RBX: guest physical address, RCX: bytes; returns the bytes taken */
#define HYPERCALL_CONSOLE_MAX 256

/* The test image's planted bugs; the release image has none of them. */
#define HYPERCALL_VULN_FIRST 0x1000
/*
 * Writes the caller's own control structure: RBX where (AMD: byte offset in the VMCB, Intel: field
 * of the VMCS), RCX 32 bits of value, RDX the mask of the bits that change. Returns the 32 bits
 * that were there.
 */
#define HYPERCALL_VULN_CONTROL_WRITE 0x1000
/* Runs the caller's vCPU RBX slices longer than its turn. */
#define HYPERCALL_VULN_UNFAIR 0x1001
/* The CPU never comes out of the hypervisor again. */
#define HYPERCALL_VULN_STUCK 0x1002
/* Takes locks in the wrong order, or with RBX 1 two of one rank. */
#define HYPERCALL_VULN_ORDER 0x1003
/* A round of the caller's chores is done; RBX: wrong answers. Negative: no more are wanted. */
#define HYPERCALL_VULN_ROUND 0x1004
