/* SPDX-License-Identifier: BSD-2-Clause */
/* Which fault is whose, and what it is called. */
#include "tests/faults/faults.h"

#define X(name, what, manual) [FAULT_##name] = what " (" manual ")",
static const char *const texts[] = { FAULTS(X) };
#undef X

const char *fault_text(enum fault f)
{
	return texts[f];
}

bool fault_seen(enum fault f)
{
	return fault_cpu_is_amd() ? svm_fault_seen(f) : vmx_fault_seen(f);
}
