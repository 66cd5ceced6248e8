/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything at once, on all CPUs, a fixed number of times: pages change their type and with it the
 * host's own mapping, stage 2 is made and torn down, CPUs are kicked and flushed, vCPUs get events
 * and are throttled, VMs are made, started, paused, reset, remembered, brought back and destroyed;
 * in between each CPU goes once round the main loop. What was taken must be there again at the end.
 *
 * stress=SEED on the boot command line (1), rounds=N for each CPU (300). The guest is the boot
 * module `restless`.
 */
#include "tests/dialect.h"
#include "tests/image/resolve.h"

#include "arch/x86/apic.h"
#include "arch/x86/hv.h"
#include "arch/x86/paging.h"
#include "arch/x86/percpu.h"
#include "arch/x86/smp.h"
#include "arch/x86/trap.h"
#include "arch/x86/window.h"
#include "boot/ap.h"
#include "core/l1/frame.h"
#include "core/l1/log.h"
#include "core/l1/time.h"
#include "core/l2/modules.h"
#include "core/l2/sched.h"
#include "core/l2/snapshot.h"
#include "core/l2/vm.h"
#include "core/l2/vlapic.h"
#include "core/l2/vlapic_ipi.h"
#include "core/lib/fmt.h"
#include "core/lib/string.h"
#include "core/lib/text.h"
#include "core/loop.h"
#include "kfv/actuators.h"
#include "kfv/mediation.h"

#define GUEST	    "restless"
#define VMS	    4
#define GUEST_IPI   0x20
#define OWNER	    OWNER_VM(VM_MAX + 1 + this_cpu(id) % 16) /* nobody's */
#define BLOCKS_SEEN 4096
#define THROTTLE_NS 1000000

static u64 seed, rounds;
static u64 random[CPU_MAX]; /* (o) */
static u64 turns[CPU_MAX];  /* (o) rounds that ended with a vCPU loaded */
static u64 failures;	    /* (a) */

static u64 draw(u64 below)
{
	u64 *x = &random[this_cpu(id)];

	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return (*x >> 11) % below;
}

/* EXPECT() is for one CPU at a time. */
static bool hold(bool ok)
{
	if (!ok)
		__atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
	return ok;
}

static bool retype_pages(void)
{
	u32 n = 1 + (u32)draw(3), level;
	u8 *page = pages_alloc(n, FRAME_S2_TABLE), *data = pages_alloc(n, FRAME_DATA);

	if (!page || !data)
		return false;
	hold(!(pt_lookup(&host_tables, (u64)page, &level) & host_tables.format->write));
	for (u32 i = 0; i < n * PAGE_SIZE; i += 64)
		hold(!data[i]);
	memset(data, 0xa5, n * PAGE_SIZE);
	pages_free(page, n);
	pages_free(data, n);
	return true;
}

static bool map_stage2(void)
{
	u64 at = draw(512) * BLOCK_SIZE, page = at + draw(512) * PAGE_SIZE;
	struct pagetable s2;
	hpa_t block, out;

	if (pt_init(&s2, hv->s2_format, OWNER) || block_alloc(OWNER, &block))
		return hold(false);
	hold(pt_map(&s2, at, block, BLOCK_SIZE, PROT_RWX) == 0);
	hold(pt_protect(&s2, page, PAGE_SIZE, PROT_READ) == 0);
	hold(pt_resolve(&s2, page, &out) == 0 && out.v == block.v + (page - at));
	pt_unmap(&s2, page, PAGE_SIZE);
	hold(pt_resolve(&s2, page, &out) == -EFAULT);
	pt_destroy(&s2);
	block_free(block);
	return true;
}

static bool look_through_windows(void)
{
	u64 mark = draw(~0ull >> 12), page = draw(BLOCK_SIZE / PAGE_SIZE) * PAGE_SIZE;
	hpa_t block;

	if (block_alloc(OWNER, &block))
		return hold(false);
	window_write(HPA(block.v + page), &mark, sizeof(mark));
	window_copy(HPA(block.v + (page ^ PAGE_SIZE)), HPA(block.v + page), PAGE_SIZE);
	hold(window_read64(HPA(block.v + (page ^ PAGE_SIZE))) == mark);
	block_free(block);
	return true;
}

static bool kick(void)
{
	smp_kick((u32)draw(cpu_count));
	return true;
}

static bool flush(void)
{
	smp_flush();
	return true;
}

/* As a device does: the VM was running when it was looked for. It is there until we are quiet. */
static bool send_event(void)
{
	struct vm *vm = vms[1 + draw(VMS)];
	struct vcpu *v;

	if (!vm || vm->state != VM_RUNNING)
		return false;
	v = vm->vcpu[draw(vm->nvcpus)];
	lock_take(&vm->lock);
	if (draw(2))
		vlapic_accept(v, GUEST_IPI, false);
	else
		vlapic_nmi(v);
	lock_give(&vm->lock);
	return true;
}

static bool throttle(void)
{
	bool taken = lock_take_again(&kfv_lock), done;

	done = act_throttle((u16)(1 + draw(VMS)), 0, time_now_ns() + THROTTLE_NS) == 0;
	lock_give_again(&kfv_lock, taken);
	return done;
}

static bool freeze(void)
{
	if (draw(2))
		return false;
	sched_freeze();
	return true;
}

static struct vm *some_vm(void)
{
	char name[] = { 's', (char)('0' + draw(VMS)), 0 };

	return vm_find(name);
}

static bool make_vm(void)
{
	static struct config_vm config; /* (l) life_lock */
	struct vm *vm;

	config = (struct config_vm){
		.name = { 's', (char)('0' + draw(VMS)) },
		.memory_bytes = MIB(8),
		.vcpus = 1 + (u32)draw(4),
		.weight = 1 + (u32)draw(200),
		.cap = draw(3) ? 0 : 50,
		.cpus = draw(4) ? ~0ull : BIT(draw(cpu_count)),
		.devices = BIT(DEVICE_COUNT) - 1,
		.reboot = draw(2) ? REBOOT_RESTART : REBOOT_STOP,
		.kernel = GUEST,
	};
	if (vm_find(config.name) || !hold(vm_create(&config, &vm) == 0))
		return false;
	vm_start(vm);
	return true;
}

static bool stop_or_go(void)
{
	struct vm *vm = some_vm();

	if (!vm)
		return false;
	if (vm->state == VM_RUNNING)
		vm_pause(vm);
	else
		vm_resume(vm);
	return true;
}

static bool reset_vm(void)
{
	struct vm *vm = some_vm();

	return vm && hold(vm_restart(vm) == 0);
}

static bool remember_vm(void)
{
	struct vm *vm = some_vm();

	return vm && vm_snapshot(vm) == 0;
}

static bool bring_back_vm(void)
{
	struct vm *vm = some_vm();

	return vm && vm_restore(vm) == 0;
}

static bool end_vm(void)
{
	struct vm *vm = some_vm();

	if (!vm || vm->state == VM_STOPPED)
		return false;
	vm_end(vm, END_KILLED, 0);
	return true;
}

static bool destroy_vm(void)
{
	struct vm *vm = some_vm();

	if (vm)
		vm_destroy(vm);
	return vm;
}

/* Every `share` of the rounds goes to it; `done` counts what was more than an attempt. */
static struct {
	const char *name;
	bool (*run)(void);
	u32 share;
	bool life; /* with LOCK_LIFE */
	u32 done;  /* (a) */
} deeds[] = {
	{ "pages", retype_pages, 10, false, 0 },
	{ "stage2", map_stage2, 10, false, 0 },
	{ "window", look_through_windows, 10, false, 0 },
	{ "kick", kick, 10, false, 0 },
	{ "flush", flush, 10, false, 0 },
	{ "event", send_event, 20, false, 0 },
	{ "throttle", throttle, 4, false, 0 },
	{ "freeze", freeze, 4, false, 0 },
	{ "create", make_vm, 16, true, 0 },
	{ "pause", stop_or_go, 10, true, 0 },
	{ "reset", reset_vm, 6, true, 0 },
	{ "snapshot", remember_vm, 8, true, 0 },
	{ "restore", bring_back_vm, 8, true, 0 },
	{ "end", end_vm, 3, true, 0 },
	{ "destroy", destroy_vm, 5, true, 0 },
};

static u32 choose(void)
{
	u32 shares = 0, i = 0;
	u64 left;

	for (u32 k = 0; k < ARRAY_LEN(deeds); k++)
		shares += deeds[k].share;
	for (left = draw(shares); left >= deeds[i].share; i++)
		left -= deeds[i].share;
	return i;
}

/* LOCK_LIFE is never waited for: who has it may wait for us to be quiet. */
static void do_something(void)
{
	u32 i = choose();

	if (deeds[i].life && !lock_try(&life_lock))
		return;
	if (deeds[i].run())
		__atomic_add_fetch(&deeds[i].done, 1, __ATOMIC_RELAXED);
	if (deeds[i].life)
		lock_give(&life_lock);
}

/* Of the lowest rank: the check of the order says if this CPU holds any other. */
static void hold_nothing(void)
{
	struct lock lowest = LOCK_INIT(LOCK_LIFE);

	lock_take(&lowest);
	lock_give(&lowest);
}

/* Its own kick wakes it should there be nothing to do. */
static void be_busy(void)
{
	u32 me = this_cpu(id);

	random[me] = (seed + 1) * 0x9e3779b97f4a7c15ull * (me + 1) | 1;
	for (u64 i = 0; i < rounds; i++) {
		do_something();
		hold_nothing();
		apic_send(this_cpu(apic_id), VECTOR_KICK);
		loop_round();
		turns[me] += this_cpu(loaded) != NULL;
	}
	sched_unload();
}

struct stock {
	struct frame_stats stats;
	u64 blocks[3]; /* free, the VMs', others' */
	u64 pages[FRAME_TYPES];
	u32 hrscs;
};

static u64 counted;

static void count_page(void *page)
{
	(void)page;
	counted++;
}

static void take_stock(struct stock *s)
{
	*s = (struct stock){ 0 };
	frame_stats(&s->stats);
	for (u64 i = 0; i < BLOCKS_SEEN; i++) {
		u16 owner = frame_owner(HPA(i * BLOCK_SIZE));

		s->blocks[owner == OWNER_FREE ? 0 : owner >= OWNER_VM(0) ? 1 : 2]++;
	}
	for (u32 type = 0; type < FRAME_TYPES; type++) {
		counted = 0;
		frame_each(type, count_page);
		s->pages[type] = counted;
	}
	for (u16 id = 0; id < HRSC_MAX; id++)
		s->hrscs += hrsc_get(id) != NULL;
}

/* Large leaves of the host's tables that were split stay so. */
static void expect_all_back(const struct stock *before)
{
	struct stock after;

	take_stock(&after);
	EXPECT_EQ(after.stats.free, before->stats.free);
	EXPECT_EQ(after.stats.vm, before->stats.vm);
	EXPECT_EQ(after.blocks[0], before->blocks[0]);
	EXPECT_EQ(after.blocks[0] * BLOCK_SIZE, after.stats.free);
	EXPECT_EQ(after.blocks[1], 0);
	EXPECT_EQ(after.pages[FRAME_DATA], before->pages[FRAME_DATA]);
	EXPECT_EQ(after.pages[FRAME_S2_TABLE], before->pages[FRAME_S2_TABLE]);
	EXPECT_EQ(after.pages[FRAME_CONTROL], before->pages[FRAME_CONTROL]);
	EXPECT(after.pages[FRAME_HOST_TABLE] <=
		before->pages[FRAME_HOST_TABLE] + CONFIG_POOL_BYTES / BLOCK_SIZE);
	EXPECT_EQ(after.hrscs, before->hrscs);
}

static void expect_rest(void)
{
	for (u32 id = 0; id < cpu_count; id++) {
		EXPECT(!cpus[id]->vcpu && !cpus[id]->loaded);
		EXPECT(!cpus[id]->running);
		EXPECT(turns[id] > 0);
	}
	EXPECT(!lock_busy(&life_lock) && !lock_busy(&kfv_lock) && !lock_busy(&console_lock));
	EXPECT(!sched_anyone());
}

static void destroy_all(void)
{
	EXPECT(lock_try(&life_lock));
	for (u32 id = 1; id <= VM_MAX; id++) {
		if (vms[id])
			vm_destroy(vms[id]);
	}
	lock_give(&life_lock);
}

TEST(stress_all_cpus_at_everything)
{
	struct stock before;

	if (!EXPECT(module_find(GUEST) != NULL))
		return;
	seed = test_number("stress", 1);
	rounds = test_number("rounds", 300);
	test_printf("# stress: seed %lu, %lu rounds on each of %u CPUs\n", seed, rounds, cpu_count);
	take_stock(&before);
	failures = 0;
	ap_errand(be_busy);
	destroy_all();
	for (u32 i = 0; i < ARRAY_LEN(deeds); i++) {
		test_printf("# %s: %u\n", deeds[i].name, deeds[i].done);
		EXPECT(deeds[i].done > 0);
	}
	EXPECT_EQ(failures, 0);
	expect_rest();
	expect_all_back(&before);
	ap_errand(hold_nothing);
}
