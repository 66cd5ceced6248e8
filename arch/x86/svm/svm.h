/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files of the AMD-V back end. */
#pragma once

#include "arch/x86/hv.h"
#include "arch/x86/svm/vmcb.h"

static inline struct vmcb *vmcb_of(const struct hv_vcpu *v)
{
	return v->control;
}

/* What differs between implementations (CPUID Fn8000_000A_EDX). */
struct svm_caps {
	bool nrip, flush_by_asid, pause_filter, repeats_intr;
	u32 asids;
};
extern struct svm_caps svm_caps; /* (c) after svm_probe() */

/* boot/svm_probe.c */
int svm_probe(struct hv_features *f);
int __must_check svm_enable(void);
extern u8 *svm_iopm, *svm_msrpm; /* (c) all ones but few: shared by all VMs */

extern const struct paging_format npt_format;

/* entry.S: saves the host's registers, runs the guest until an exit, restores, and decodes. */
void svm_run(struct hv_vcpu *v, struct exit *exit, u64 vmcb_hpa, u64 host_vmcb_hpa);

/* exit.c */
void svm_enter(struct hv_vcpu *v, struct exit *exit);
void svm_decode(struct hv_vcpu *v, struct exit *exit);

/* regs.c */
u64 svm_reg_read(const struct hv_vcpu *v, enum hv_reg reg);
void svm_reg_write(struct hv_vcpu *v, enum hv_reg reg, u64 value);
void svm_segment_read(const struct hv_vcpu *v, enum hv_segment seg, struct segment *out);
void svm_segment_write(struct hv_vcpu *v, enum hv_segment seg, const struct segment *in);

/* verify.c */
void svm_seal(struct hv_vcpu *v);
const char *svm_verify(const struct hv_vcpu *v);
int svm_restore(struct hv_vcpu *v);
int svm_audit(const struct hv_vcpu *v, struct hv_audit *out, int max);
void svm_dump(const struct hv_vcpu *v);
