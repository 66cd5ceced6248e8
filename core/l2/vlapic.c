/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual local APIC (SDM volume 3, "Advanced Programmable Interrupt Controller"): registers,
 * acceptance and end of interrupts, the local vector table and its timer. IPIs and messages are in
 * core/l2/vlapic_ipi.c. The timer counts nanoseconds: its bus runs at 1 GHz, and the guest
 * calibrates it. No TSC deadline, no x2APIC, no suppression of EOI broadcasts.
 */
#include "core/l2/vlapic.h"

#include "core/l1/time.h"
#include "core/l2/gate.h"
#include "core/l2/sched.h"
#include "core/l2/vlapic_ipi.h"
#include "core/l2/vm.h"

/* A periodic timer fires no faster than this. */
#define MIN_PERIOD_NS 50000

enum {
	REG_ID = 0x020,
	REG_VERSION = 0x030,
	REG_TPR = 0x080,
	REG_PPR = 0x0a0,
	REG_EOI = 0x0b0,
	REG_LDR = 0x0d0,
	REG_DFR = 0x0e0,
	REG_SVR = 0x0f0,
	REG_ISR = 0x100,
	REG_TMR = 0x180,
	REG_IRR = 0x200,
	REG_ESR = 0x280,
	REG_ICR_LOW = 0x300,
	REG_ICR_HIGH = 0x310,
	REG_LVT = 0x320,
	REG_TIMER_INITIAL = 0x380,
	REG_TIMER_CURRENT = 0x390,
	REG_TIMER_DIVIDE = 0x3e0,
	REG_END = 0x400,
};

#define VERSION		   (0x14 | (LVTS - 1) << 16)
#define SVR_BITS	   0x3ff
#define DFR_FIXED	   0x0fffffff
#define LVT_VECTOR	   0xff
#define LVT_MODE	   (7u << 8)
#define LVT_MODE_FIXED	   (0u << 8)
#define LVT_MODE_NMI	   (4u << 8)
#define LVT_MODE_EXTINT	   (7u << 8)
#define LVT_MASKED	   BIT(16)
#define LVT_TIMER_PERIODIC BIT(17)
#define DIVIDE_BITS	   0xb

static const u32 lvt_writable[LVTS] = {
	[LVT_TIMER] = 0x300ff,
	[LVT_THERMAL] = 0x107ff,
	[LVT_PERFORMANCE] = 0x107ff,
	[LVT_LINT0] = 0x1a7ff,
	[LVT_LINT1] = 0x1a7ff,
	[LVT_ERROR] = 0x100ff,
};

/* Where a register that is simply read lies in struct vlapic, in words; 0: it is none. */
#define WORD(field) (offsetof(struct vlapic, field) / 4)
#define WORDS8(reg, field)                                                                         \
	[(reg) >> 4] = WORD(field), WORD(field) + 1, WORD(field) + 2, WORD(field) + 3,             \
		  WORD(field) + 4, WORD(field) + 5, WORD(field) + 6, WORD(field) + 7

static const u8 word_of[REG_END >> 4] = {
	[REG_ID >> 4] = WORD(id),
	[REG_VERSION >> 4] = WORD(version),
	[REG_TPR >> 4] = WORD(tpr),
	[REG_LDR >> 4] = WORD(ldr),
	[REG_DFR >> 4] = WORD(dfr),
	[REG_SVR >> 4] = WORD(svr),
	WORDS8(REG_ISR, isr),
	WORDS8(REG_TMR, tmr),
	WORDS8(REG_IRR, irr),
	[REG_ESR >> 4] = WORD(esr),
	[REG_ICR_LOW >> 4] = WORD(icr_low),
	[REG_ICR_HIGH >> 4] = WORD(icr_high),
	[REG_LVT >> 4] = WORD(lvt[0]),
	WORD(lvt[1]),
	WORD(lvt[2]),
	WORD(lvt[3]),
	WORD(lvt[4]),
	WORD(lvt[5]),
	[REG_TIMER_INITIAL >> 4] = WORD(timer_initial),
	[REG_TIMER_DIVIDE >> 4] = WORD(timer_divide),
};
static_assert(sizeof(struct vlapic) / 4 < 256, "word_of[] holds bytes");

static int highest(const u32 *words, u32 any)
{
	u32 i;

	if (!any)
		return -1;
	i = 31 - __builtin_clz(any);
	return i * 32 + 31 - __builtin_clz(words[i]);
}

static void vector_set(u32 *words, u32 *any, u8 vector)
{
	words[vector / 32] |= BIT(vector % 32);
	*any |= BIT(vector / 32);
}

static void vector_clear(u32 *words, u32 *any, u8 vector)
{
	words[vector / 32] &= ~BIT(vector % 32);
	if (!words[vector / 32])
		*any &= ~BIT(vector / 32);
}

static bool enabled(const struct vlapic *a)
{
	return a->svr & APIC_SVR_ENABLED;
}

/* SDM, "Task and Processor Priorities". */
u32 vlapic_ppr(const struct vlapic *a)
{
	int serving = highest(a->isr, a->isr_words);

	return serving >= 0 && (serving & 0xf0) > (int)(a->tpr & 0xf0) ? serving & 0xf0 : a->tpr;
}

int vlapic_pending(const struct vcpu *v)
{
	const struct vlapic *a = &v->apic;
	int vector = highest(a->irr, a->irr_words);

	if (vector < 0 || (vector & 0xf0) <= (int)(vlapic_ppr(a) & 0xf0))
		return -1;
	return vector;
}

void vlapic_acknowledge(struct vcpu *v, u8 vector)
{
	vector_clear(v->apic.irr, &v->apic.irr_words, vector);
	vector_set(v->apic.isr, &v->apic.isr_words, vector);
}

/* Delivers an entry of the local vector table as its event occurs. */
static void fire(struct vcpu *v, enum vlapic_lvt which)
{
	u32 entry = v->apic.lvt[which];

	if (entry & LVT_MASKED)
		return;
	if ((entry & LVT_MODE) == LVT_MODE_FIXED)
		vlapic_accept(v, entry & LVT_VECTOR, false);
	else if ((entry & LVT_MODE) == LVT_MODE_NMI)
		vlapic_nmi(v);
}

/* An error that the error interrupt itself meets raises no second one. */
void vlapic_error(struct vcpu *v, u32 error)
{
	struct vlapic *a = &v->apic;
	bool new = !(a->errors & error);

	a->errors |= error;
	if (new && (a->lvt[LVT_ERROR] & LVT_VECTOR) >= APIC_FIRST_VECTOR)
		fire(v, LVT_ERROR);
}

void vlapic_accept(struct vcpu *v, u8 vector, bool level)
{
	struct vlapic *a = &v->apic;

	if (!enabled(a))
		return;
	if (vector < APIC_FIRST_VECTOR) {
		vlapic_error(v, APIC_ERROR_RECEIVED_VECTOR);
		return;
	}
	vector_set(a->irr, &a->irr_words, vector);
	if (level)
		a->tmr[vector / 32] |= BIT(vector % 32);
	else
		a->tmr[vector / 32] &= ~BIT(vector % 32);
	vcpu_kick(v);
}

void vlapic_nmi(struct vcpu *v)
{
	v->nmi_pending = true;
	vcpu_kick(v);
}

static void end_of_interrupt(struct vcpu *v)
{
	struct vlapic *a = &v->apic;
	int vector = highest(a->isr, a->isr_words);

	if (vector < 0)
		return;
	vector_clear(a->isr, &a->isr_words, vector);
	if (unlikely(a->tmr[vector / 32] & BIT(vector % 32)))
		l2_gate_call(&v->hrsc, v->vm->peer[PEER_IOAPIC], BUS_EOI, vector, 0);
	if (a->irr_words)
		vcpu_hazard(v, HAZARD_EVENT);
}

/* SDM, "Divide Configuration Register": bits 3, 1 and 0; all set divide by 1. */
static u32 divide_shift(const struct vlapic *a)
{
	return ((a->timer_divide >> 1 & 4) + (a->timer_divide & 3) + 1) & 7;
}

static u64 period_ns(const struct vlapic *a)
{
	return (u64)a->timer_initial << divide_shift(a);
}

static bool periodic(const struct vlapic *a)
{
	return a->lvt[LVT_TIMER] & LVT_TIMER_PERIODIC;
}

static u32 timer_current(const struct vlapic *a)
{
	u64 now, left;

	if (!a->timer_deadline_ns)
		return 0;
	now = time_now_ns();
	if (now < a->timer_deadline_ns)
		left = a->timer_deadline_ns - now;
	else if (periodic(a)) /* due, not fired yet: already in the next round */
		left = period_ns(a) - (now - a->timer_deadline_ns) % period_ns(a);
	else
		return 0;
	return (left + BIT(divide_shift(a)) - 1) >> divide_shift(a);
}

static void timer_start(struct vlapic *a, u32 count)
{
	a->timer_initial = count;
	a->timer_deadline_ns = count ? time_now_ns() + period_ns(a) : 0;
	sched_timers_changed();
}

/* The rest of the count goes on at the new rate. */
static void timer_divide(struct vlapic *a, u32 value)
{
	u64 left = timer_current(a);

	a->timer_divide = value & DIVIDE_BITS;
	if (a->timer_deadline_ns)
		a->timer_deadline_ns = time_now_ns() + (left << divide_shift(a));
	sched_timers_changed();
}

/* Rounds that were missed are not made up for: their interrupts would be one. */
static u64 next_round(const struct vlapic *a, u64 now)
{
	u64 period = MAX(period_ns(a), MIN_PERIOD_NS), late = now - a->timer_deadline_ns;

	return periodic(a) ? a->timer_deadline_ns + (late / period + 1) * period : 0;
}

u64 vlapic_deadline(const struct vcpu *v)
{
	return v->apic.lvt[LVT_TIMER] & LVT_MASKED ? 0 : v->apic.timer_deadline_ns;
}

u64 vlapic_timer(struct vcpu *v, u64 now_ns)
{
	struct vlapic *a = &v->apic;

	if (!vlapic_deadline(v))
		return 0;
	if (now_ns < a->timer_deadline_ns)
		return a->timer_deadline_ns;
	a->timer_deadline_ns = next_round(a, now_ns);
	fire(v, LVT_TIMER);
	return a->timer_deadline_ns;
}

static void write_lvt(struct vlapic *a, enum vlapic_lvt which, u32 value)
{
	u64 now = time_now_ns();

	/* What came due while it was masked is past. */
	if (which == LVT_TIMER && a->timer_deadline_ns && a->timer_deadline_ns <= now)
		a->timer_deadline_ns = next_round(a, now);
	a->lvt[which] = value & lvt_writable[which];
	if (!enabled(a))
		a->lvt[which] |= LVT_MASKED;
	sched_timers_changed();
}

static void write_svr(struct vlapic *a, u32 value)
{
	a->svr = value & SVR_BITS;
	if (enabled(a))
		return;
	for (u32 i = 0; i < LVTS; i++)
		a->lvt[i] |= LVT_MASKED;
}

u32 vlapic_read(struct vcpu *v, u32 offset)
{
	const struct vlapic *a = &v->apic;
	u8 word = offset < REG_END ? word_of[offset >> 4] : 0;

	if (likely(word))
		return ((const u32 *)a)[word];
	if (offset == REG_TIMER_CURRENT)
		return timer_current(a);
	if (offset == REG_PPR)
		return vlapic_ppr(a);
	if (offset != REG_EOI)
		vlapic_error(v, APIC_ERROR_REGISTER);
	return 0;
}

/* The rarer registers. */
static void write_setup(struct vcpu *v, u32 offset, u32 value)
{
	struct vlapic *a = &v->apic;

	switch (offset) {
	case REG_LDR:
		a->ldr = value & 0xff000000;
		break;
	case REG_DFR:
		a->dfr = value | DFR_FIXED;
		break;
	case REG_SVR:
		write_svr(a, value);
		break;
	case REG_ESR:
		a->esr = a->errors;
		a->errors = 0;
		break;
	case REG_TIMER_DIVIDE:
		timer_divide(a, value);
		break;
	default:
		if (offset >= REG_LVT && offset < REG_LVT + LVTS * 16)
			write_lvt(a, (offset - REG_LVT) >> 4, value);
		else if (offset >= REG_END || !word_of[offset >> 4])
			vlapic_error(v, APIC_ERROR_REGISTER);
	}
}

void vlapic_write(struct vcpu *v, u32 offset, u32 value)
{
	struct vlapic *a = &v->apic;

	switch (offset) {
	case REG_EOI:
		end_of_interrupt(v);
		break;
	case REG_TIMER_INITIAL:
		timer_start(a, value);
		break;
	case REG_ICR_LOW:
		vlapic_send(v, value);
		break;
	case REG_ICR_HIGH:
		a->icr_high = value & 0xff000000;
		break;
	case REG_TPR:
		a->tpr = value & 0xff;
		vcpu_hazard(v, HAZARD_EVENT);
		break;
	default:
		write_setup(v, offset, value);
	}
}

/* The boot vCPU is as firmware leaves it for those who know no APIC: the PIC goes through LINT0. */
void vlapic_reset(struct vcpu *v)
{
	struct vlapic *a = &v->apic;
	bool boot = v->index == 0;

	*a = (struct vlapic){
		.base_msr = VLAPIC_BASE | APIC_BASE_ENABLED | (boot ? APIC_BASE_BOOT_CPU : 0),
		.id = v->index << 24,
		.version = VERSION,
		.dfr = UINT32_MAX,
		.svr = 0xff | (boot ? APIC_SVR_ENABLED : 0),
	};
	for (u32 i = 0; i < LVTS; i++)
		a->lvt[i] = LVT_MASKED;
	if (boot) {
		a->lvt[LVT_LINT0] = LVT_MODE_EXTINT;
		a->lvt[LVT_LINT1] = LVT_MODE_NMI;
	}
}

bool vlapic_takes_extint(const struct vcpu *v)
{
	u32 entry = v->apic.lvt[LVT_LINT0];

	if (!(v->apic.base_msr & APIC_BASE_ENABLED))
		return true;
	return (entry & (LVT_MASKED | LVT_MODE)) == LVT_MODE_EXTINT;
}
