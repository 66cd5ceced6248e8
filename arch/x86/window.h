/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Windows: the only way from the nucleus to guest memory. A page is mapped for the length of one
 * copy and gone afterwards. The frame must belong to a VM.
 */
#pragma once

#include "core/lib/types.h"

struct percpu;
/* Gives the CPU a table of its own. -ENOMEM. */
int __must_check window_init(struct percpu *cpu);
/* [pa, pa+len) must not cross a page. CHECKs that the frame is of a VM, a snapshot or a module. */
void window_read(hpa_t pa, void *to, u32 len);
void window_write(hpa_t pa, const void *from, u32 len);
void window_fill(hpa_t pa, u8 value, u32 len);
void window_zero(hpa_t page);
/* From one frame to another, neither across a page. */
void window_copy(hpa_t to, hpa_t from, u32 len);
/* Does this lie there? 1 to 16 bytes, not across a page; of `bytes` 8 can be read at least. */
bool window_same(hpa_t pa, const void *bytes, u32 len);
/* One aligned word, for walks of guest page tables. */
u64 window_read64(hpa_t pa);
/* Replaces *pa by `value` if it still is `expected` (aligned, width 1, 2, 4 or 8); false if not. */
bool window_exchange(hpa_t pa, u32 width, u64 expected, u64 value);
