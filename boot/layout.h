/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's linear address space, for C, assembly and the link script.
 *
 *   COMPARTMENT_STATE     in a compartment: its data, and up to COMPARTMENT_STACK its stack;
 *                         behind them COMPARTMENT_SHARED, if anything
 *   DIRECT_BASE + hpa     the nucleus's pool, page by page, never executable
 *   MAP_BASE              devices, ACPI tables, modules while they are read
 *   IMAGE_BASE            the image, -2 GiB and up
 *   EARLY_BASE            one page table for what is read before the real tables exist
 *   WINDOW_BASE           a few pages for each CPU through which guest memory is reached
 */
#pragma once

#define IMAGE_BASE  0xffffffff80000000
#define IMAGE_LMA   0x200000
#define EARLY_BASE  0xffffffffbfe00000
#define WINDOW_BASE 0xffffffffc0000000
#define DIRECT_BASE 0xffff800000000000
#define MAP_BASE    0xffffc00000000000

/* Both in one 2 MiB; what is not mapped around them guards them. */
#define COMPARTMENT_STATE 0x10000000
#define COMPARTMENT_STACK 0x10180000 /* its upper end */
/* And what a physical driver shares with nucleus and device. */
#define COMPARTMENT_SHARED 0x10200000

/* Page tables for the image before C takes over: 2 MiB each. */
#define BOOT_IMAGE_TABLES 2

#define SELECTOR_CODE	   0x08
#define SELECTOR_DATA	   0x10
#define SELECTOR_TSS	   0x18
#define SELECTOR_USER_CODE 0x2b /* RPL 3 */
#define SELECTOR_USER_DATA 0x33
