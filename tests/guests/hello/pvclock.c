/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clock by agreement with the hypervisor, as the guest of a friend and of an enemy would use
 * it. On the command line pvclock=off says that the configuration has switched it off.
 */
#include "core/l3/pvclock_abi.h"
#include "core/lib/string.h"
#include "tests/dialect.h"
#include "tests/guests/kit/kit.h"

#define PM_TIMER 0x608
#define PM_HZ	 3579545ull
#define ROUNDS	 200

/* A page and the start of the next one, for records and for what may not be touched around them. */
static u8 pages[2 * PAGE_SIZE] __aligned(4096);

static u64 page(void)
{
	return (u64)pages;
}

static u8 try_write(u32 msr, u64 value)
{
	TRY("wrmsr", ::"c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
	return (u8)trap_vector;
}

/* Now, by the record (Linux documentation, "KVM-specific MSRs"). */
static u64 now_ns(const volatile struct pvclock_time *t)
{
	u32 version;
	u64 ticks, ns;

	do {
		version = t->version;
		ticks = (rdtsc() - t->tsc_timestamp) << t->shift;
		ns = t->system_time + (u64)((unsigned __int128)ticks * t->mul >> 32);
	} while ((version & 1) || version != t->version);
	return ns;
}

static const struct pvclock_time *clock_on(void)
{
	wrmsr(MSR_KVM_SYSTEM_TIME_NEW, page() | PVCLOCK_ENABLE);
	return (struct pvclock_time *)pages;
}

static void clock_off(void)
{
	wrmsr(MSR_KVM_SYSTEM_TIME_NEW, 0);
}

/* Never outside of what the hypervisor itself says before and after, to the nanosecond. */
static void expect_agreement(const struct pvclock_time *t)
{
	bool agrees = true;

	for (u32 i = 0; i < ROUNDS; i++) {
		u64 before = (u64)hypercall(HYPERCALL_TIME_NS, 0, 0, 0), now = now_ns(t);

		agrees = agrees && before <= now &&
			 now <= (u64)hypercall(HYPERCALL_TIME_NS, 0, 0, 0);
	}
	EXPECT(agrees);
}

TEST(kfv_pvclock_is_offered_as_configured)
{
	bool wanted = !argument("pvclock");
	struct cpuid signature = cpuid(PVCLOCK_CPUID_LEAF, 0);
	struct cpuid features = cpuid(PVCLOCK_CPUID_LEAF + 1, 0);

	EXPECT_EQ(signature.eax, wanted ? PVCLOCK_CPUID_LEAF + 1 : 0);
	EXPECT_EQ(signature.ebx, wanted ? 0x4b4d564b : 0);
	EXPECT_EQ(signature.ecx, wanted ? 0x564b4d56 : 0);
	EXPECT_EQ(signature.edx, wanted ? 0x4d : 0);
	EXPECT_EQ(features.eax, wanted ? PVCLOCK_FEATURES : 0);
	EXPECT_EQ(try_write(MSR_KVM_SYSTEM_TIME_NEW, page() | PVCLOCK_ENABLE),
		wanted ? TRAP_NONE : EXCEPTION_GP);
	EXPECT_EQ(try_write(MSR_KVM_WALL_CLOCK_NEW, page()), wanted ? TRAP_NONE : EXCEPTION_GP);
	EXPECT_EQ(try_write(MSR_KVM_STEAL_TIME, 0), wanted ? TRAP_NONE : EXCEPTION_GP);
	EXPECT_EQ(try_write(MSR_KVM_SYSTEM_TIME_NEW + 1, 0), EXCEPTION_GP);
}

TEST(kfv_pvclock_agrees_with_the_hypervisor)
{
	const struct pvclock_time *t = clock_on();

	EXPECT_EQ(rdmsr(MSR_KVM_SYSTEM_TIME_NEW), page() | PVCLOCK_ENABLE);
	EXPECT_EQ(t->version & 1, 0);
	expect_agreement(t);
	clock_off();
	EXPECT_EQ(rdmsr(MSR_KVM_SYSTEM_TIME_NEW), 0);
}

/* Another guest's turn may come in between anywhere: the clock is read on both sides. */
TEST(kfv_pvclock_agrees_with_the_pm_timer)
{
	const struct pvclock_time *t = clock_on();
	u64 first_early, first_late, last_early, last_late, ns;
	u32 ticks;

	first_early = now_ns(t);
	ticks = in32(PM_TIMER);
	first_late = now_ns(t);
	pit_wait(30000);
	last_early = now_ns(t);
	ticks = (in32(PM_TIMER) - ticks) & 0xffffff;
	last_late = now_ns(t);
	ns = ticks * 1000000000ull / PM_HZ;
	EXPECT(ns + 1000 >= last_early - first_late);
	EXPECT(ns <= last_late - first_early + 1000);
	clock_off();
}

TEST(kfv_pvclock_follows_the_tsc)
{
	const struct pvclock_time *t = clock_on();
	u64 away = 0x123456789abc;

	wrmsr(MSR_TSC, rdtsc() + away);
	expect_agreement(t);
	wrmsr(MSR_TSC, rdtsc() - away);
	expect_agreement(t);
	clock_off();
}

TEST(kfv_pvclock_wall_clock)
{
	const struct pvclock_wall *wall = (struct pvclock_wall *)pages;

	wrmsr(MSR_KVM_WALL_CLOCK_NEW, page());
	EXPECT_EQ(wall->version & 1, 0);
	EXPECT(wall->version != 0);
	EXPECT(wall->sec > 1600000000);
	EXPECT(wall->nsec < 1000000000);
}

TEST(kfv_pvclock_steal)
{
	const volatile struct pvclock_steal *s = (struct pvclock_steal *)pages;
	u64 before;

	memset(pages, 0xff, sizeof(pages));
	wrmsr(MSR_KVM_STEAL_TIME, page() | PVCLOCK_ENABLE);
	EXPECT_EQ(s->steal, 0);
	EXPECT_EQ(s->version & 1, 0);
	EXPECT_EQ(pages[sizeof(*s)], 0xff);
	before = (u64)hypercall(HYPERCALL_TIME_NS, 0, 0, 0);
	pit_wait(20000);
	EXPECT(s->steal <= (u64)hypercall(HYPERCALL_TIME_NS, 0, 0, 0) - before);
	wrmsr(MSR_KVM_STEAL_TIME, 0);
}

/* Each of these raises #GP, and no byte of the guest's own pages changes either. */
TEST(kfv_pvclock_refuses_bad_places)
{
	u64 bad[] = { page() + 2, page() + PAGE_SIZE - 28, ram_end(), ram_end() + MIB(1),
		ram_end() - 28, APIC_BASE, 0xc0000000, GIB(4), GIB(64), BIT(51), BIT(63) | page(),
		~0ull << 6 };
	bool touched = false;

	memset(pages, 0xa5, sizeof(pages));
	for (u32 i = 0; i < ARRAY_LEN(bad); i++) {
		EXPECT_EQ(
			try_write(MSR_KVM_SYSTEM_TIME_NEW, bad[i] | PVCLOCK_ENABLE), EXCEPTION_GP);
		EXPECT_EQ(try_write(MSR_KVM_STEAL_TIME, bad[i] | PVCLOCK_ENABLE), EXCEPTION_GP);
	}
	for (u32 i = 2; i < ARRAY_LEN(bad); i++)
		EXPECT_EQ(try_write(MSR_KVM_WALL_CLOCK_NEW, bad[i] | 1), EXCEPTION_GP);
	EXPECT_EQ(try_write(MSR_KVM_WALL_CLOCK_NEW, page() + PAGE_SIZE - 8), EXCEPTION_GP);
	EXPECT_EQ(try_write(MSR_KVM_STEAL_TIME, page() + 32 + PVCLOCK_ENABLE), EXCEPTION_GP);
	for (u32 i = 0; i < sizeof(pages); i++)
		touched = touched || pages[i] != 0xa5;
	EXPECT(!touched);
	EXPECT_EQ(rdmsr(MSR_KVM_SYSTEM_TIME_NEW), 0);
	EXPECT_EQ(rdmsr(MSR_KVM_STEAL_TIME), 0);
}
