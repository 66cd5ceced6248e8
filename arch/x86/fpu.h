/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FPU and vector state (SDM volume 1, "Managing State Using the XSAVE Feature Set"). The nucleus
 * never touches it; it changes hands when another vCPU gets the CPU.
 */
#pragma once

#include "core/lib/types.h"

/* How many pages an area has. */
u32 fpu_pages(void);
/* A fresh area as after INIT. NULL: no memory. */
void *fpu_alloc(void);
void fpu_free(void *area);
void fpu_reset(void *area);
void fpu_save(void *area);
/* Loads the area; XCR0 is `xcr0` afterwards. */
void fpu_load(const void *area, u64 xcr0);
