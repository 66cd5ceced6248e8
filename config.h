/* SPDX-License-Identifier: BSD-2-Clause */
/* What may be chosen when the image is built. Everything else is chosen at boot. */
#pragma once

#define KFV_VERSION "0.1"

/* The nucleus's pool: page tables, control structures, per-VM records. */
#define CONFIG_POOL_BYTES (16ul << 20)

/* The test image: in-image tests and planted bugs; the Makefile sets it for kfv-test.elf only. */
#ifndef CONFIG_TEST
#define CONFIG_TEST 0
#endif
