/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's own page tables (boot/layout.h) once they are sealed: their one writer, and pages that
 * become tables or stop being some.
 */
#include "arch/x86/seal.h"

#include "arch/x86/cpu.h"
#include "arch/x86/paging.h"
#include "arch/x86/smp.h"
#include "core/l1/lock.h"
#include "core/l1/log.h"

struct pagetable host_tables;
bool nucleus_sealed __sealed;
static struct lock map_lock = LOCK_INIT(LOCK_MAP);

/*
 * SDM, "Paging: Determination of Access Rights": with CR0.WP clear, the supervisor writes read-only
 * pages. Interrupts are off, and nothing but this one store happens in between.
 */
void table_store(u64 *entry, u64 value)
{
	u64 cr0;

	if (!nucleus_sealed) {
		*(volatile u64 *)entry = value;
		return;
	}
	cr0 = cr0_read();
	cr0_write(cr0 & ~CR0_WP);
	*(volatile u64 *)entry = value;
	cr0_write(cr0);
}

void page_typed(void *page, bool table)
{
	if (!nucleus_sealed)
		return;
	lock_take(&map_lock);
	CHECK(pt_protect(&host_tables, (u64)page, PAGE_SIZE, table ? PROT_READ : PROT_RW) == 0);
	lock_give(&map_lock);
	smp_flush();
}
