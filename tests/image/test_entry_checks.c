/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The entry checks: each rule of hv->audit is broken on purpose. The audit must name it, and the
 * CPU must refuse the entry. A guest with an empty stage 2 is enough: whole, it enters and exits at
 * its first fetch.
 */
#include "tests/image/entry_checks.h"

#include "arch/x86/paging.h"
#include "core/l1/frame.h"
#include "core/lib/string.h"

#define TEST_OWNER OWNER_VM(15)
#define BROKEN_MAX 16

static struct {
	struct hv_vcpu v;
	struct pagetable s2;
	struct exit exit;
} guest;

static bool guest_make(void)
{
	memset(&guest, 0, sizeof(guest));
	if (!EXPECT_EQ(pt_init(&guest.s2, hv->s2_format, TEST_OWNER), 0))
		return false;
	if (!EXPECT_EQ(hv->vcpu_init(&guest.v, &guest.s2), 0))
		return false;
	hv->vcpu_load(&guest.v);
	return true;
}

static void guest_free(void)
{
	hv->vcpu_unload(&guest.v);
	hv->vcpu_free(&guest.v);
	pt_destroy(&guest.s2);
}

static u8 enter(void)
{
	hv->enter(&guest.v, &guest.exit);
	return guest.exit.kind;
}

/* Whether the audit names the field and says the rule. */
static bool named(const struct entry_break *b)
{
	struct hv_audit broken[BROKEN_MAX];
	int n = hv->audit(&guest.v, broken, BROKEN_MAX);

	for (int i = 0; i < n; i++) {
		if (!strcmp(broken[i].field, b->field) && !strcmp(broken[i].rule, b->rule))
			return true;
	}
	for (int i = 0; i < n; i++)
		test_printf("# named instead: %s: %s\n", broken[i].field, broken[i].rule);
	return false;
}

/* False: the CPU keeps no such value in the field (some drop reserved bits). */
static bool poke(const struct entry_suite *suite, const struct entry_poke *p, u64 old)
{
	u64 value = (old & ~p->clear) | p->set;

	suite->write(&guest.v, p->what, value);
	return suite->read(&guest.v, p->what) == value;
}

/*
 * A refused or a wrong entry may have changed the guest's state: each rule starts from INIT.
 * Returns whether the rule could be broken.
 */
static bool break_one(const struct entry_suite *suite, const struct entry_break *b, bool refused)
{
	u64 old[ENTRY_POKES];
	bool ok, broken = true;

	hv->vcpu_reset(&guest.v);
	for (u32 i = 0; i < ENTRY_POKES && b->pokes[i].what; i++) {
		old[i] = suite->read(&guest.v, b->pokes[i].what);
		broken &= poke(suite, &b->pokes[i], old[i]);
	}
	if (broken) {
		ok = EXPECT(named(b));
		if (enter() != EXIT_ENTRY_FAILED && refused)
			ok = EXPECT_EQ(guest.exit.kind, EXIT_ENTRY_FAILED);
		if (!ok)
			test_printf("# broken: %s: %s\n", b->field, b->rule);
	}
	for (u32 i = 0; i < ENTRY_POKES && b->pokes[i].what; i++)
		suite->write(&guest.v, b->pokes[i].what, old[i]);
	return broken;
}

TEST(entry_whole_guest_enters)
{
	struct hv_audit broken[BROKEN_MAX];

	if (!guest_make())
		return;
	EXPECT_EQ(hv->audit(&guest.v, broken, BROKEN_MAX), 0);
	EXPECT_EQ(enter(), EXIT_S2);
	EXPECT_EQ(guest.exit.s2.gpa.v, 0xfffffff0);
	EXPECT_EQ(guest.exit.s2.access, S2_EXEC);
	EXPECT_EQ(hv->audit(&guest.v, broken, BROKEN_MAX), 0);
	guest_free();
}

TEST(entry_every_broken_rule_is_named_and_refused)
{
	const struct entry_suite *suite = hv == &vmx_ops ? &vmx_entry_suite : &svm_entry_suite;
	u32 done = 0;

	if (!guest_make())
		return;
	for (u32 i = 0; i < suite->count; i++)
		done += break_one(suite, &suite->breaks[i], true);
	for (u32 i = 0; i < suite->nunchecked; i++)
		done += break_one(suite, &suite->unchecked[i], false);
	EXPECT(done >= suite->least);
	hv->vcpu_reset(&guest.v);
	EXPECT_EQ(enter(), EXIT_S2); /* and whole again it enters */
	test_printf("# %u of %u rules broken on %s\n", done, suite->count + suite->nunchecked,
		hv->name);
	guest_free();
}

TEST(entry_sealed_fields_are_verified_and_restored)
{
	const struct entry_suite *suite = hv == &vmx_ops ? &vmx_entry_suite : &svm_entry_suite;

	if (!guest_make())
		return;
	EXPECT(!hv->verify(&guest.v));
	for (u32 i = 0; i < suite->nsealed; i++) {
		u16 what = suite->sealed[i];
		u64 old = suite->read(&guest.v, what);

		suite->write(&guest.v, what, old ^ suite->flip);
		EXPECT(hv->verify(&guest.v));
		EXPECT_EQ(hv->restore(&guest.v), 1);
		EXPECT_EQ(suite->read(&guest.v, what), old);
		EXPECT(!hv->verify(&guest.v));
	}
	EXPECT_EQ(enter(), EXIT_S2);
	guest_free();
}
