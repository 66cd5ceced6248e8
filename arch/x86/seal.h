/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sealing: what is written only while the nucleus boots lies in sections of its own, which
 * seal_nucleus() (boot/host_map.c) makes read-only together with the page tables.
 */
#pragma once

#include "core/lib/types.h"

/* A variable that is constant after init. */
#define __sealed __attribute__((section(".data.sealed")))

extern bool nucleus_sealed; /* (c) */
/* Read-only from here on: sealed data and every page-table page. Called once. */
void seal_nucleus(void);
