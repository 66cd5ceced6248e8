/* SPDX-License-Identifier: BSD-2-Clause */
/* The IDT, the same on all CPUs (SDM volume 3, "64-Bit Mode IDT"). */
#include "arch/x86/cpu.h"
#include "arch/x86/seal.h"
#include "arch/x86/trap.h"
#include "boot/layout.h"

struct idt_gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_mid;
	u32 offset_high, reserved;
};
ASSERT_SIZE(struct idt_gate, 16);

#define GATE_INTERRUPT 0x8e
#define GATE_USER      0xee /* the same, for INT n in ring 3 */

extern const char trap_stubs[], compartment_gate[];

u8 idt[IDT_BYTES] __aligned(16) __sealed;

static void gate_set(u32 vector, const char *stub, u8 type, u8 ist)
{
	((struct idt_gate *)idt)[vector] = (struct idt_gate){
		.ist = ist,
		.offset_low = (u16)(u64)stub,
		.selector = SELECTOR_CODE,
		.type = type,
		.offset_mid = (u16)((u64)stub >> 16),
		.offset_high = (u32)((u64)stub >> 32),
	};
}

void idt_fill(void)
{
	for (u32 v = 0; v < 256; v++)
		gate_set(v, trap_stubs + 16 * v, GATE_INTERRUPT, 0);
	gate_set(VECTOR_CALL, compartment_gate, GATE_USER, 0);
	gate_set(VECTOR_NMI, trap_stubs + 16 * VECTOR_NMI, GATE_INTERRUPT, IST_NMI);
	gate_set(VECTOR_DF, trap_stubs + 16 * VECTOR_DF, GATE_INTERRUPT, IST_DF);
	gate_set(VECTOR_MC, trap_stubs + 16 * VECTOR_MC, GATE_INTERRUPT, IST_MC);
}
