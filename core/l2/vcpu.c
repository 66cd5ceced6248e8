/* SPDX-License-Identifier: BSD-2-Clause */
/* vCPUs (SDM volume 3, "Processor Management and Initialization" for the state after INIT). */
#include "core/l2/vcpu.h"

#include "arch/x86/cpu.h"
#include "arch/x86/fpu.h"
#include "arch/x86/smp.h"
#include "core/l1/frame.h"
#include "core/lib/fmt.h"
#include "core/lib/string.h"
#include "kfv/hook.h"

#define MTRR_DEFAULT_WRITE_BACK 0xc06 /* enabled, fixed ranges enabled, write-back */
#define MISC_ENABLE_FAST_STRING BIT(0)
#define ATTR_CODE_64		0xa9b
#define ATTR_CODE_32		0xc9b
#define ATTR_DATA		0xc93

#define VCPU_PAGES PAGES_FOR(sizeof(struct vcpu))

int vcpu_create(struct vm *vm, u32 index)
{
	struct vcpu *v = pages_alloc(VCPU_PAGES, FRAME_DATA);
	char name[sizeof(v->hrsc.name)];
	int err;

	if (!v)
		return -ENOMEM;
	v->vm = vm;
	v->index = index;
	v->hrsc.owner = v;
	v->cpu = CPU_NONE;
	v->fpu = fpu_alloc();
	err = v->fpu ? hv->vcpu_init(&v->hv, &vm->s2) : -ENOMEM;
	if (!err) {
		fmt_string(name, sizeof(name), "%.12s/cpu%u", vm->name, index);
		err = hrsc_add(&v->hrsc, HRSC_VCPU, vm->id, name);
	}
	if (err) {
		vcpu_destroy(v);
		return err;
	}
	vm->vcpu[index] = v;
	vm->nvcpus = index + 1;
	vcpu_reset(v);
	return 0;
}

void vcpu_destroy(struct vcpu *v)
{
	hrsc_remove(&v->hrsc);
	hv->vcpu_free(&v->hv);
	fpu_free(v->fpu);
	pages_free(v, VCPU_PAGES);
}

void vcpu_reset(struct vcpu *v)
{
	hv->vcpu_reset(&v->hv);
	fpu_reset(v->fpu);
	vlapic_reset(v);
	v->xcr0 = 1;
	v->mtrr_def_type = MTRR_DEFAULT_WRITE_BACK;
	v->misc_enable = MISC_ENABLE_FAST_STRING;
	v->tsc_aux = 0;
	v->halted = v->asleep = v->nmi_pending = false;
	v->waiting = v->index != 0;
	/* Reset while it runs, it must be loaded anew before it enters again. */
	vcpu_hazard(v, HAZARD_EVENT | HAZARD_RESCHED);
	v->pv = (struct pvclock){ 0 };
	hv->vcpu_release(&v->hv);
}

void vcpu_set_start(struct vcpu *v, u8 sipi_vector)
{
	struct segment code = { (u16)(sipi_vector << 8), 0x9b, 0xffff, (u64)sipi_vector << 12 };

	hv->segment_write(&v->hv, SEG_CS, &code);
	v->hv.rip = 0;
	hv->vcpu_release(&v->hv);
}

void vcpu_set_boot_state(struct vcpu *v, const struct boot_state *b)
{
	struct segment code = { b->cs, b->long_mode ? ATTR_CODE_64 : ATTR_CODE_32, ~0u, 0 };
	struct segment data = { b->ds, ATTR_DATA, ~0u, 0 };
	struct segment gdt = { .limit = b->gdt_limit, .base = b->gdt_base };

	hv->segment_write(&v->hv, SEG_CS, &code);
	for (int seg = SEG_ES; seg <= SEG_GS; seg++) {
		if (seg != SEG_CS)
			hv->segment_write(&v->hv, seg, &data);
	}
	hv->segment_write(&v->hv, SEG_GDTR, &gdt);
	hv->reg_write(&v->hv, REG_CR0, CR0_PE | CR0_ET | CR0_NE | (b->long_mode ? CR0_PG : 0));
	if (b->long_mode) {
		hv->reg_write(&v->hv, REG_CR4, CR4_PAE);
		hv->reg_write(&v->hv, REG_CR3, b->cr3);
		hv->reg_write(&v->hv, REG_EFER, EFER_LME | EFER_LMA);
	}
	v->hv.rip = b->rip;
	v->hv.gpr[RSP] = b->rsp;
	v->hv.gpr[RAX] = b->rax;
	v->hv.gpr[RBX] = b->rbx;
	v->hv.gpr[RSI] = b->rsi;
	hv->vcpu_release(&v->hv);
}
