/* SPDX-License-Identifier: BSD-2-Clause */
/* What GRUB loaded beside the image, by name: kernels, initrds. Mapped read-only, kept for
 * restarts. */
#pragma once

#include "drivers/api/load.h"

#define MODULES_MAX 24

extern struct load_source modules[MODULES_MAX]; /* (c) boot/main.c adds them */
extern u32 module_count;			/* (c) */
/* NULL when there is none of this name. */
const struct load_source *module_find(const char *name);
