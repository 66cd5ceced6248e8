/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clock that guests share with the hypervisor: where its records may lie, what they say, and
 * that a guest which reads at any moment is never told a half-written one.
 */
#include "tests/dialect.h"

#define vm_write     pvclock_test_vm_write
#define cpu_features pvclock_test_cpu_features

#include "core/l3/pvclock.c"

#include <stdlib.h>
#include <string.h>

#define RAM   0x8000u
#define PLACE 0x1000u

static u8 ram[RAM];
static u32 writes;
static void (*between)(void); /* what the guest does after each write */
static u64 offset;
static struct config_vm config;
static struct vm vm;
static struct vcpu vcpu[2];
struct cpu_features cpu_features;
struct time_scale time_scale;

int vm_write(struct vm *to, gpa_t gpa, const void *from, u64 len)
{
	if (to != &vm || gpa.v > RAM || len > RAM - gpa.v)
		return -EFAULT;
	memcpy(ram + gpa.v, from, len);
	writes++;
	if (between)
		between();
	return 0;
}

static u64 reg_read(const struct hv_vcpu *v, enum hv_reg reg)
{
	(void)v;
	if (reg != REG_TSC_OFFSET)
		abort();
	return offset;
}

static const struct hv_ops pvclock_hv = { .name = "pvclock", .reg_read = reg_read };

/* As the vCPU's reset leaves it; a TSC of 2.5 GHz that has counted for a while. */
static struct vcpu *setup(u32 nvcpus)
{
	memset(ram, 0, sizeof(ram));
	memset(vcpu, 0, sizeof(vcpu));
	vm = (struct vm){ .config = &config, .nvcpus = nvcpus };
	vcpu[0].vm = vcpu[1].vm = &vm;
	config.pvclock = PVCLOCK_ON;
	cpu_features.invariant_tsc = true;
	time_scale = (struct time_scale){ 123456789, 0x66666666, 0 };
	hv = &pvclock_hv;
	between = NULL;
	writes = 0;
	offset = 0;
	return &vcpu[0];
}

static struct pvclock_time time_record(u64 gpa)
{
	struct pvclock_time record;

	memcpy(&record, ram + gpa, sizeof(record));
	return record;
}

static struct pvclock_steal steal_record(u64 gpa)
{
	struct pvclock_steal record;

	memcpy(&record, ram + gpa, sizeof(record));
	return record;
}

/* As a guest does it. */
static u64 guest_ns(const struct pvclock_time *t, u64 tsc)
{
	u64 ticks = (tsc - t->tsc_timestamp) << t->shift;

	return t->system_time + (u64)((unsigned __int128)ticks * t->mul >> 32);
}

static u64 host_ns(u64 tsc)
{
	u64 ticks = (tsc - time_scale.tsc_start) << time_scale.shift;

	return (u64)((unsigned __int128)ticks * time_scale.mul >> 32);
}

TEST(pvclock_records_are_laid_out_as_documented)
{
	EXPECT_EQ(offsetof(struct pvclock_time, tsc_timestamp), 8);
	EXPECT_EQ(offsetof(struct pvclock_time, system_time), 16);
	EXPECT_EQ(offsetof(struct pvclock_time, mul), 24);
	EXPECT_EQ(offsetof(struct pvclock_time, shift), 28);
	EXPECT_EQ(offsetof(struct pvclock_time, flags), 29);
	EXPECT_EQ(offsetof(struct pvclock_wall, sec), 4);
	EXPECT_EQ(offsetof(struct pvclock_steal, version), 8);
	EXPECT_EQ(offsetof(struct pvclock_steal, flags), 12);
	EXPECT_EQ(offsetof(struct pvclock_steal, preempted), 16);
	EXPECT_EQ(PVCLOCK_FEATURES, 0x01000028);
}

TEST(pvclock_bad_places_are_refused)
{
	static const struct {
		u32 msr;
		u64 value;
	} bad[] = {
		{ MSR_KVM_SYSTEM_TIME_NEW, PLACE | 3 },			 /* alignment */
		{ MSR_KVM_SYSTEM_TIME_NEW, PLACE + PAGE_SIZE - 28 + 1 }, /* across a page */
		{ MSR_KVM_SYSTEM_TIME_NEW, RAM | 1 },
		{ MSR_KVM_SYSTEM_TIME_NEW, 0xfee00001 },
		{ MSR_KVM_SYSTEM_TIME_NEW, ~0ull },
		{ MSR_KVM_SYSTEM_TIME_NEW, 0xffffffffffffffe1 },
		{ MSR_KVM_SYSTEM_TIME_NEW, BIT(63) | PLACE | 1 },
		{ MSR_KVM_STEAL_TIME, PLACE | 0x21 },
		{ MSR_KVM_STEAL_TIME, PLACE | 3 },
		{ MSR_KVM_STEAL_TIME, RAM | 1 },
		{ MSR_KVM_STEAL_TIME, 0xffffffffffffffc1 },
		{ MSR_KVM_WALL_CLOCK_NEW, PLACE | 1 },
		{ MSR_KVM_WALL_CLOCK_NEW, PLACE + PAGE_SIZE - 8 },
		{ MSR_KVM_WALL_CLOCK_NEW, RAM },
		{ MSR_KVM_WALL_CLOCK_NEW, ~3ull },
	};
	struct vcpu *v = setup(1);
	u64 clock = 0, steal = 0;

	EXPECT_EQ(pvclock_write(v, MSR_KVM_SYSTEM_TIME_NEW, PLACE | 1), 0);
	EXPECT_EQ(pvclock_write(v, MSR_KVM_STEAL_TIME, PLACE | 0x41), 0);
	writes = 0;
	for (u32 i = 0; i < ARRAY_LEN(bad); i++)
		EXPECT(pvclock_write(v, bad[i].msr, bad[i].value) < 0);
	EXPECT_EQ(writes, 0);
	EXPECT_EQ(pvclock_read(v, MSR_KVM_SYSTEM_TIME_NEW, &clock), 0);
	EXPECT_EQ(pvclock_read(v, MSR_KVM_STEAL_TIME, &steal), 0);
	EXPECT_EQ(clock, PLACE | 1);
	EXPECT_EQ(steal, PLACE | 0x41);
}

TEST(pvclock_last_places_are_taken)
{
	struct vcpu *v = setup(1);

	EXPECT_EQ(pvclock_write(v, MSR_KVM_SYSTEM_TIME_NEW, (RAM - 32) | 1), 0);
	EXPECT_EQ(pvclock_write(v, MSR_KVM_STEAL_TIME, (RAM - 128) | 1), 0);
	EXPECT_EQ(pvclock_write(v, MSR_KVM_WALL_CLOCK_NEW, PAGE_SIZE - 12), 0);
	EXPECT_EQ(pvclock_write(v, MSR_KVM_SYSTEM_TIME_NEW, 0 | 1), 0); /* the first page is RAM */
}

/* A number generator of its own, so that a failure comes again. */
static u64 some(u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Values near page ends and the end of RAM: what is taken leaves its bytes there and only there. */
TEST(pvclock_writes_where_it_was_told)
{
	static const u32 msrs[] = { MSR_KVM_WALL_CLOCK_NEW, MSR_KVM_SYSTEM_TIME_NEW,
		MSR_KVM_STEAL_TIME };
	static const u32 len[] = { 12, 32, 64 };
	u64 seed = 0x9e3779b97f4a7c15, taken = 0;

	for (u32 i = 0; i < 20000; i++) {
		struct vcpu *v = setup(1);
		u64 value = some(&seed) % (2 * RAM), gpa;
		u32 which = some(&seed) % 3, stray = 0;

		memset(ram, 0xa5, sizeof(ram));
		if (i % 2) /* well aligned, enabled */
			value = (value & ~63ull) | (which != 0);
		if (i % 8 == 7)
			value |= some(&seed) << 32;
		gpa = value & ~1ull;
		if (pvclock_write(v, msrs[which], value) < 0 || !writes)
			gpa = RAM;
		else
			taken++;
		for (u32 at = 0; at < RAM; at++)
			stray += ram[at] != 0xa5 && (at < gpa || at >= gpa + len[which]);
		EXPECT_EQ(stray, 0);
	}
	EXPECT(taken > 1000);
}

static u32 odd, changed;
static struct pvclock_steal last;

static void look(void)
{
	struct pvclock_steal now = steal_record(PLACE);

	if (now.version & 1)
		odd++;
	else if (now.version == last.version)
		changed += now.steal != last.steal;
	else
		last = now;
}

TEST(pvclock_version_is_odd_while_a_record_changes)
{
	struct vcpu *v = setup(1);

	odd = changed = 0;
	memset(&last, 0, sizeof(last));
	between = look;
	EXPECT_EQ(pvclock_write(v, MSR_KVM_STEAL_TIME, PLACE | 1), 0);
	for (u64 i = 1; i <= 10; i++) {
		u32 before = steal_record(PLACE).version;

		v->stolen_ns = i * 1000;
		pvclock_update(v);
		EXPECT_EQ(steal_record(PLACE).version & 1, 0);
		EXPECT(steal_record(PLACE).version > before);
		EXPECT_EQ(last.steal, i * 1000);
	}
	EXPECT_EQ(odd, 22);
	EXPECT_EQ(changed, 0);
}

TEST(pvclock_guest_and_host_count_alike)
{
	static const struct time_scale scales[] = {
		{ 0, 0x80000000, 0 },		  /* 2 GHz */
		{ 987654321, 0x2aaaaaaa, 0 },	  /* 6 GHz */
		{ 1, 0xc8000000, 6 },		  /* 20 MHz */
		{ ~0ull - 1000, 0xfa000000, 10 }, /* 1 MHz, and the TSC wraps */
	};

	for (u32 i = 0; i < ARRAY_LEN(scales); i++) {
		struct vcpu *v = setup(1);
		struct pvclock_time t;
		u64 before = 0;

		time_scale = scales[i];
		offset = -(u64)i * 0x123456789;
		EXPECT_EQ(pvclock_write(v, MSR_KVM_SYSTEM_TIME_NEW, PLACE | 1), 0);
		t = time_record(PLACE);
		for (u64 tsc = time_scale.tsc_start, n = 0; n < 1000; n++, tsc += n * n * 7919) {
			u64 now = guest_ns(&t, tsc + offset);

			EXPECT_EQ(now, host_ns(tsc));
			EXPECT(now >= before);
			before = now;
		}
	}
}

TEST(pvclock_wall_clock)
{
	struct vcpu *v = setup(1);
	struct pvclock_wall wall;

	EXPECT_EQ(pvclock_write(v, MSR_KVM_WALL_CLOCK_NEW, PLACE), 0);
	memcpy(&wall, ram + PLACE, sizeof(wall));
	EXPECT_EQ(wall.sec, (u32)time_wall_at_boot());
	EXPECT_EQ(wall.nsec, 0);
	EXPECT_EQ(wall.version & 1, 0);
}

TEST(pvclock_steal_counts_from_its_registration)
{
	struct vcpu *v = setup(1);

	v->stolen_ns = 5000;
	EXPECT_EQ(pvclock_write(v, MSR_KVM_STEAL_TIME, PLACE | 1), 0);
	EXPECT_EQ(steal_record(PLACE).steal, 0);
	v->stolen_ns = 7000;
	pvclock_update(v);
	EXPECT_EQ(steal_record(PLACE).steal, 2000);
	writes = 0;
	pvclock_update(v); /* nothing new, nothing written */
	EXPECT_EQ(writes, 0);
	v->stolen_ns = 8000;
	EXPECT_EQ(pvclock_write(v, MSR_KVM_STEAL_TIME, 0), 0);
	pvclock_update(v);
	EXPECT_EQ(steal_record(PLACE).steal, 2000);
	EXPECT_EQ(pvclock_write(v, MSR_KVM_STEAL_TIME, PLACE | 0x41), 0);
	EXPECT_EQ(steal_record(PLACE | 0x40).steal, 0);
}

TEST(pvclock_follows_a_tsc_that_was_set)
{
	struct vcpu *v = setup(1);
	struct pvclock_time t;

	EXPECT_EQ(pvclock_write(v, MSR_KVM_SYSTEM_TIME_NEW, PLACE | 1), 0);
	offset = -987654321;
	vm.tsc_moves++;
	pvclock_update(v);
	t = time_record(PLACE);
	EXPECT_EQ(guest_ns(&t, 1000000000 + offset), host_ns(1000000000));
	EXPECT_EQ(t.flags, PVCLOCK_TSC_STABLE); /* there is no other vCPU to differ from */
}

TEST(pvclock_is_stable_only_if_all_tscs_are_alike)
{
	struct vcpu *v = setup(2);

	EXPECT_EQ(pvclock_write(v, MSR_KVM_SYSTEM_TIME_NEW, PLACE | 1), 0);
	EXPECT_EQ(pvclock_write(&vcpu[1], MSR_KVM_SYSTEM_TIME_NEW, (PLACE + 32) | 1), 0);
	EXPECT_EQ(time_record(PLACE).flags, PVCLOCK_TSC_STABLE);
	vm.tsc_moves++;
	pvclock_update(v);
	pvclock_update(&vcpu[1]);
	EXPECT_EQ(time_record(PLACE).flags, 0);
	EXPECT_EQ(time_record(PLACE + 32).flags, 0);
	v = setup(2);
	cpu_features.invariant_tsc = false;
	EXPECT_EQ(pvclock_write(v, MSR_KVM_SYSTEM_TIME_NEW, PLACE | 1), 0);
	EXPECT_EQ(time_record(PLACE).flags, 0);
}

TEST(pvclock_can_be_switched_off)
{
	struct vcpu *v = setup(1);
	u64 value;

	config.pvclock = PVCLOCK_OFF;
	for (u32 msr = MSR_KVM_WALL_CLOCK_NEW; msr <= MSR_KVM_STEAL_TIME; msr++) {
		EXPECT_EQ(pvclock_read(v, msr, &value), -EPERM);
		EXPECT_EQ(pvclock_write(v, msr, PLACE), -EPERM);
		EXPECT_EQ(pvclock_write(v, msr, PLACE | 1), -EPERM);
	}
	EXPECT_EQ(writes, 0);
}
