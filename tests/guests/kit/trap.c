/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IDT. An exception that was asked for is recorded and stepped over, an interrupt goes to its
 * handler, all else ends the guest with a line that says where.
 */
#include "tests/guests/kit/trap.h"
#include "tests/guests/kit/kit.h"

#define VECTORS	     256
#define EXCEPTIONS   32
#define GATE_PRESENT 0x8e00 /* interrupt gate, DPL 0 */
#define CS	     0x08
#define EXIT_TRAP    0x7f

/* SDM volume 3, "64-Bit Mode IDT": a gate of 16 bytes. */
struct gate {
	u16 offset_low, selector, type, offset_mid;
	u32 offset_high, reserved;
};

extern const u8 trap_stubs[];

u64 trap_resume;
u32 trap_vector = TRAP_NONE, trap_error;
u64 trap_cr2, trap_dr6;

static struct gate idt[VECTORS];
static void (*handlers[VECTORS])(void);

void trap_init(void)
{
	struct {
		u16 limit;
		u64 base;
	} __packed pointer = { sizeof(idt) - 1, (u64)idt };

	for (u32 i = 0; i < VECTORS; i++) {
		u64 stub = (u64)trap_stubs + i * 16;

		idt[i] = (struct gate){ stub, CS, GATE_PRESENT, stub >> 16, stub >> 32, 0 };
	}
	asm volatile("lidt %0" ::"m"(pointer));
}

void interrupt_handle(u8 vector, void (*handler)(void))
{
	handlers[vector] = handler;
}

static void exception(struct trap_frame *frame)
{
	trap_vector = frame->vector;
	trap_error = frame->error;
	asm volatile("mov %%cr2, %0" : "=r"(trap_cr2));
	asm volatile("mov %%dr6, %0" : "=r"(trap_dr6));
	frame->rip = trap_resume;
	trap_resume = 0;
	frame->rflags &= ~BIT(8);
}

void trap_handle(struct trap_frame *frame)
{
	if (frame->vector < EXCEPTIONS && trap_resume) {
		exception(frame);
	} else if (handlers[frame->vector]) {
		handlers[frame->vector]();
	} else {
		print("TRAP %lu error 0x%lx rip 0x%lx\n", frame->vector, frame->error, frame->rip);
		guest_exit(EXIT_TRAP);
	}
}
