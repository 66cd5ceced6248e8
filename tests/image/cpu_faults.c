/* SPDX-License-Identifier: BSD-2-Clause */
/* The faults of tests/faults, tried in the image: virtualisation is on already. */
#include "tests/image/cpu_faults.h"

#include "arch/x86/apic.h"
#include "arch/x86/hv.h"
#include "arch/x86/paging.h"
#include "core/l1/log.h"
#include "tests/dialect.h"
#include "tests/image/resolve.h"

bool fault_cpu_is_amd(void)
{
	return hv == &svm_ops;
}

u64 fault_physical(const void *p)
{
	hpa_t at;

	CHECK(pt_resolve(&host_tables, (u64)p, &at) == 0);
	return at.v;
}

void fault_interrupt_self(void)
{
	apic_timer_now();
}

bool cpu_fault(enum fault f)
{
	bool seen = fault_seen(f);

	if (seen)
		test_printf("# fault of this CPU: %s\n", fault_text(f));
	return seen;
}
