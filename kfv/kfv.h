/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The self-defence framework as the start-up code sees it. Everything else of it that the core
 * calls is in kfv/hook.h.
 */
#pragma once

#include "drivers/api/config.h"

/*
 * Starts the evidence log and puts a policy in force; from here on hooks are armed. `policy` NULL
 * or without a name: the built-in default. `secret`: for the log's key; NULL or empty: none.
 * Returns -EINVAL with the place and what was expected, and has the default policy in force then.
 */
int __must_check kfv_init(
	const struct policy_text *policy, const char *secret, struct config_error *error);
