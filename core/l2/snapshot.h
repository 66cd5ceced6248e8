/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Snapshots: a whole VM as it is between two instructions, kept in blocks of memory of its own, and
 * put back. One for each VM; a later one takes its place.
 *
 * What a guest sees of a restore: nothing but what the world outside remembers. Its TSCs, timers
 * and clocks go on from where they stood at the snapshot, the real-time clock among them, which is
 * late from then on by what has passed since; a reset of the VM sets it right. Of a snapshot it
 * sees that its vCPUs had no CPU for a while.
 */
#pragma once

#include "core/l2/vm.h"

/*
 * Takes a snapshot of a running or paused VM; it goes on as it was. -EINVAL: it is neither, or has
 * just ended; -ENOMEM, logged: it needs the VM's memory once more and a block. An older one is
 * kept on an error. LOCK_LIFE is held, here and below; not from within a turn.
 */
int __must_check vm_snapshot(struct vm *vm);
/*
 * All of the VM is again as it was; it runs, unless it was paused just now. Also for a VM that has
 * ended. -ENOENT: there is no snapshot; nothing else can go wrong.
 */
int __must_check vm_restore(struct vm *vm);
/* Scrubs a snapshot and gives its memory back, if there is one. */
void snapshot_drop(struct vm *vm);
