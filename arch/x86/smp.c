/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A flush is an epoch: who asks raises it, kicks the others and waits until each has said that it
 * has come as far (SDM volume 3, "Propagation of Paging-Structure Changes to Multiple Processors").
 * tests/models/shootdown.pml is its model.
 */
#include "arch/x86/smp.h"

#include "arch/x86/apic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/hv.h"
#include "arch/x86/percpu.h"
#include "arch/x86/trap.h"
#include "core/l1/log.h"
#include "core/l1/time.h"

#define PATIENCE_MS 10000u /* longer than what is done between two looks takes, on any machine */

struct percpu *cpus[CPU_MAX] = { &boot_cpu };
u32 cpu_count = 1;

static u32 epoch;	     /* (a) */
static volatile u32 stopper; /* (a) id + 1 of the CPU that ends all others */

bool smp_stopping(void)
{
	return stopper;
}

void smp_poll(void)
{
	u32 now = __atomic_load_n(&epoch, __ATOMIC_ACQUIRE);

	if (this_cpu(flushed) == now)
		return;
	cr3_write(cr3_read());
	__atomic_store_n(&this_cpu(self)->flushed, now, __ATOMIC_RELEASE);
}

static void kicked(u8 vector)
{
	(void)vector;
	apic_eoi();
	smp_poll();
}

static void stopped(u8 vector)
{
	(void)vector;
	if (stopper != this_cpu(id) + 1 && hv)
		hv->cpu_disable(); /* in VMX operation, an INIT would not get through */
	while (stopper && stopper != this_cpu(id) + 1)
		asm volatile("cli; hlt");
}

void smp_init(void)
{
	trap_set_handler(VECTOR_KICK, kicked);
	trap_set_handler(VECTOR_NMI, stopped);
}

void smp_kick(u32 id)
{
	if (id != this_cpu(id) && id < cpu_count)
		apic_send(cpus[id]->apic_id, VECTOR_KICK);
}

static void kick_others(void)
{
	for (u32 id = 0; id < cpu_count; id++)
		smp_kick(id);
}

/* It is stopped like all others, and then where it stood can be said. */
void smp_wait_for(u32 id, u64 *began)
{
	u64 now = rdtsc();

	if (!*began)
		*began = now;
	smp_poll();
	cpu_relax();
	if ((now - *began) / 1000 < PATIENCE_MS * time_tsc_khz() / 1000 || stopper)
		return;
	smp_stop_others();
	while ((rdtsc() - now) / 1000 < time_tsc_khz() / 10 && !cpus[id]->nmi_rip)
		cpu_relax();
	panic("CPU %u does not answer CPU %u: it is at %#lx", id, this_cpu(id), cpus[id]->nmi_rip);
}

void smp_flush(void)
{
	u64 began = 0;
	u32 mine;

	if (cpu_count == 1)
		return;
	mine = __atomic_add_fetch(&epoch, 1, __ATOMIC_ACQ_REL);
	kick_others();
	for (u32 id = 0; id < cpu_count; id++) {
		while ((s32)(__atomic_load_n(&cpus[id]->flushed, __ATOMIC_ACQUIRE) - mine) < 0 &&
			!stopper)
			smp_wait_for(id, &began);
	}
}

void smp_quiet(void)
{
	smp_poll(); /* turns may follow each other without a guest that a kick gets out of */
	__atomic_store_n(&this_cpu(self)->quiet, this_cpu(quiet) + 1, __ATOMIC_RELEASE);
}

void smp_wait_quiet(void)
{
	u64 before[CPU_MAX] = { 0 }, began = 0;

	for (u32 id = 0; id < cpu_count; id++)
		before[id] = __atomic_load_n(&cpus[id]->quiet, __ATOMIC_ACQUIRE);
	kick_others();
	for (u32 id = 0; id < cpu_count; id++) {
		while (id != this_cpu(id) && !stopper &&
			__atomic_load_n(&cpus[id]->quiet, __ATOMIC_ACQUIRE) == before[id])
			smp_wait_for(id, &began);
	}
}

void smp_stop_others(void)
{
	u32 nobody = 0, me = this_cpu(id) + 1;

	if (cpu_count == 1)
		return;
	if (!__atomic_compare_exchange_n(
		    &stopper, &nobody, me, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) &&
		nobody != me)
		stopped(0);
	for (u32 id = 0; id < cpu_count; id++) {
		if (id != this_cpu(id))
			apic_send(cpus[id]->apic_id, IPI_NMI);
	}
}
