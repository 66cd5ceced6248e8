/* SPDX-License-Identifier: BSD-2-Clause */
/* Evidence for machines: lines of JSON on the second serial port. */
#pragma once

#include "core/lib/types.h"

/* Finds the port; what was emitted before is sent. Without one, lines are dropped uncounted. */
void evidence_init(void);
/* One line, without its newline. Never blocks; a line without room is dropped whole and counted. */
void evidence_emit(const char *json, u32 len);
/* Sends what the port takes. Called between exits and when idle. */
void evidence_poll(void);
u64 evidence_dropped(void);
