/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reactions: the catalogue, in the order of its codes. Each acts on the VM whose event is answered
 * and on no other, because that event is all it is given: a VM cannot have another one punished.
 */
#pragma once

#include "drivers/api/config.h"
#include "kfv/hook.h"

#define REACTIONS CONFIG_REACTIONS

enum {
	R00_LOG = 0,
	R01_DENY = 1,
	R16_PAUSE = 16,
	R22_SNAPSHOT = 22,
	R23_SAFE_STATE = 23,
};

/* From here on the VM is contained first and a snapshot taken. */
#define RUNG_CONTAIN 4

/* What came of a reaction, or of the access that the event stands for. */
enum outcome {
	OUTCOME_ALLOW,
	OUTCOME_DENY,
	OUTCOME_DONE,
	OUTCOME_FAILED,
	OUTCOME_WITHHELD,
	OUTCOMES
};

struct reaction {
	const char *name;
	u8 rung;
	u8 layers; /* BIT(layer) in which a horizontal orchestrator may use it; 0: only across */
	/*
	 * Acts on e's VM. NULL: not available, and `needs` says what it would take. Returns what
	 * the crossing's gate shall do: OUTCOME_ALLOW or OUTCOME_DENY, OUTCOME_FAILED if it did not
	 * work.
	 */
	enum outcome (*run)(const struct hook_event *e);
	const char *needs;
};

extern const struct reaction reactions[REACTIONS];
