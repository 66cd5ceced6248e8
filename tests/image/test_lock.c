/* SPDX-License-Identifier: BSD-2-Clause */
/* The ticket lock, alone and between the CPUs that there are. */
#include "tests/dialect.h"

#include "arch/x86/cpu.h"
#include "arch/x86/percpu.h"
#include "arch/x86/smp.h"
#include "boot/ap.h"
#include "core/l1/lock.h"

#define ROUNDS 2000

static struct lock lock = LOCK_INIT(LOCK_VM), other = LOCK_INIT(LOCK_VM);

TEST(lock_try_takes_what_is_free)
{
	EXPECT(!lock_busy(&lock));
	if (!EXPECT(lock_try(&lock)))
		return;
	EXPECT(lock_busy(&lock));
	EXPECT(!lock_try(&lock));
	lock_give(&lock);
	EXPECT(!lock_busy(&lock));
	EXPECT(lock_try(&lock));
	lock_give(&lock);
}

/* What was tried for is taken: the order holds for it. What was in vain is not. */
TEST(lock_try_in_vain_leaves_nothing)
{
	lock.next++; /* as if another CPU had it */
	EXPECT(!lock_try(&lock));
	EXPECT_EQ((u16)(lock.next - lock.serving), 1);
	lock_take(&other); /* of the same rank */
	lock_give(&other);
	lock.serving++;
	EXPECT(!lock_busy(&lock));
}

TEST(lock_take_again_is_told_apart)
{
	bool outer = lock_take_again(&lock), inner = lock_take_again(&lock);

	EXPECT(outer && !inner);
	EXPECT(lock_mine(&lock));
	lock_give_again(&lock, inner);
	EXPECT(lock_busy(&lock) && lock_mine(&lock));
	lock_give_again(&lock, outer);
	EXPECT(!lock_busy(&lock) && !lock_mine(&lock));
	lock_take(&lock); /* whoever takes it so does not say who it is */
	EXPECT(!lock_mine(&lock));
	lock_give(&lock);
}

TEST(lock_tickets_wrap_around)
{
	lock.next = lock.serving = UINT16_MAX;
	lock_take(&lock);
	EXPECT(lock_busy(&lock) && !lock_try(&lock));
	lock_give(&lock);
	EXPECT(!lock_busy(&lock));
	EXPECT_EQ(lock.serving, 0);
}

static u64 held;	       /* (l) lock: a count that only a lock keeps whole */
static u64 inside, overlapped; /* (a) CPUs between take and give, beyond one at a time */
static u32 not_next;	       /* (l) lock: the CPU that gave it while another one waited */
static u64 overtaken;	       /* (l) lock: how often that CPU had it again at once */

static void contend(void)
{
	for (u32 i = 0; i < ROUNDS; i++) {
		lock_take(&lock);
		if (__atomic_add_fetch(&inside, 1, __ATOMIC_RELAXED) != 1)
			overlapped++;
		overtaken += not_next == this_cpu(id);
		held++;
		for (u32 pause = 0; pause < 20; pause++)
			cpu_relax();
		not_next = (u16)(lock.next - lock.serving) > 1 ? this_cpu(id) : CPU_NONE;
		__atomic_sub_fetch(&inside, 1, __ATOMIC_RELAXED);
		lock_give(&lock);
	}
}

/* In a hypervisor nobody queues: see lock_wait(). */
TEST(lock_is_held_by_one_and_served_in_order)
{
	not_next = CPU_NONE;
	held = overlapped = overtaken = 0;
	ap_errand(contend);
	EXPECT_EQ(held, (u64)ROUNDS * cpu_count);
	EXPECT_EQ(overlapped, 0);
	if (!cpu_features.hypervisor)
		EXPECT_EQ(overtaken, 0);
	EXPECT(!lock_busy(&lock));
}
