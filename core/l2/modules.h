/* SPDX-License-Identifier: BSD-2-Clause */
/* What GRUB loaded beside the image, by name: kernels, initrds. Mapped read-only, kept for
 * restarts. */
#pragma once

#include "drivers/api/load.h"

#define MODULES_MAX 24

/* Maps [hpa, hpa+len) and remembers it. -ENOSPC, -ENOMEM. */
int __must_check module_add(const char *name, u32 name_len, hpa_t hpa, u64 len);
/* NULL when there is none of this name. */
const struct load_source *module_find(const char *name);
