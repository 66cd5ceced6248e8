/* SPDX-License-Identifier: BSD-2-Clause */
/* What the person at the console sees first: what this is, what it runs on, uses, goes without. */
#pragma once

#include "arch/x86/hv.h"
#include "boot/mb2.h"

void banner_print(const struct boot_info *info, const struct hv_features *features, hpa_t image);
