/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMCB's integrity: its must-be fields against a sealed copy. The manual's consistency checks
 * and the dump are in diag/svm_check.c.
 */
#include "arch/x86/svm/svm.h"

#include "core/lib/string.h"

/* What no exit and no guest changes; the copy lies at the same offsets in a page of its own. */
struct sealed_field {
	const char *name;
	u16 offset;
	u8 width;
	u64 mask; /* bits that must be as sealed; 0: all */
};

#define FIELD(name, width, mask)                                                                   \
	{                                                                                          \
#name, offsetof(struct vmcb, name), width, mask                                    \
	}

static const struct sealed_field fields[] = {
	FIELD(cr_read, 8, 0), /* and cr_write, dr_read, dr_write */
	FIELD(exceptions, 4, 0),
	FIELD(misc1, 4, ~(u64)(INTERCEPT_VINTR | INTERCEPT_IRET)),
	FIELD(misc2, 4, 0),
	FIELD(misc3, 4, 0),
	FIELD(iopm_base, 8, 0),
	FIELD(msrpm_base, 8, 0),
	FIELD(asid, 4, 0),
	FIELD(np_enable, 8, 0),
	FIELD(n_cr3, 8, 0),
	FIELD(avic_bar, 8, 0),
};

static u64 load(const void *base, u16 offset, u8 width)
{
	const u8 *p = (const u8 *)base + offset;

	return width == 8 ? *(const u64 *)p : *(const u32 *)p;
}

static u64 wrong_bits(const struct hv_vcpu *v, const struct sealed_field *f)
{
	u64 diff = load(v->control, f->offset, f->width) ^ load(v->sealed, f->offset, f->width);

	return f->mask ? diff & f->mask : diff;
}

void svm_seal(struct hv_vcpu *v)
{
	for (u32 i = 0; i < ARRAY_LEN(fields); i++)
		memcpy((u8 *)v->sealed + fields[i].offset, (u8 *)v->control + fields[i].offset,
			fields[i].width);
}

/* Before every entry: unrolled, the table costs four instructions a field. */
const char *svm_verify(const struct hv_vcpu *v)
{
#pragma GCC unroll 16
	for (u32 i = 0; i < ARRAY_LEN(fields); i++) {
		if (unlikely(wrong_bits(v, &fields[i])))
			return fields[i].name;
	}
	return NULL;
}

int svm_restore(struct hv_vcpu *v)
{
	int n = 0;

	for (u32 i = 0; i < ARRAY_LEN(fields); i++) {
		u64 wrong = wrong_bits(v, &fields[i]), value;

		if (!wrong)
			continue;
		value = load(v->control, fields[i].offset, fields[i].width) ^ wrong;
		memcpy((u8 *)v->control + fields[i].offset, &value, fields[i].width);
		n++;
	}
	return n;
}
