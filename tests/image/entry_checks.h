/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the entry checks know of each vendor: how to break each rule. */
#pragma once

#include "arch/x86/hv.h"
#include "tests/dialect.h"

#define ENTRY_POKES 5

/* One change: the bits of `clear` go, those of `set` come. what: the suite's own name, never 0. */
struct entry_poke {
	u16 what;
	u64 clear, set;
};

struct entry_break {
	const char *field, *rule; /* as the audit is to say them */
	struct entry_poke pokes[ENTRY_POKES];
};

struct entry_suite {
	const struct entry_break *breaks;
	u32 count, least; /* least: so many there must be */
	/* Some emulator does not look at these: it is enough that the audit does. */
	const struct entry_break *unchecked;
	u32 nunchecked;
	const u16 *sealed;
	u32 nsealed;
	u64 flip; /* a bit that every sealed field can have changed */
	u64 (*read)(const struct hv_vcpu *v, u16 what);
	void (*write)(struct hv_vcpu *v, u16 what, u64 value);
};

extern const struct entry_suite vmx_entry_suite, svm_entry_suite;
