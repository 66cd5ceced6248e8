/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console: one serial line for the hypervisor's prompt and the serial lines of all VMs. An hRSC
 * that UARTs and virtio consoles call (BUS_CONSOLE_WRITE, b = VM id) and that calls them
 * (BUS_CONSOLE_INPUT, BUS_CONSOLE_DRAINED).
 */
#pragma once

#include "core/hrsc.h"

struct vm;

extern struct hrsc console_hrsc;

/* At boot: makes the console an hRSC and the serial ports work by interrupt. */
void console_init(void);
/* When boot is over: from now on text waits for console_poll(). */
void console_start(void);
/* Gives the line to a VM, 0 to the hypervisor; false when there is none of that id. */
bool console_give_line(u32 vm_id);

/* A VM was made under this id: what was known of the one before is forgotten. */
void console_vm_new(u16 vm_id);
/* How many bytes a VM may write; and a byte of one, which returns the same. */
u32 console_vm_room(u16 vm_id);
u32 console_vm_write(u16 vm_id, u8 byte);

/* Gives a VM what is typed; 0: it has no room for it. */
u64 console_give_key(struct vm *vm, u8 byte);
/* The VM, which is locked, has room at the console again. */
void console_tell_room(struct vm *vm);

/* Whether console_poll() has something to do: the run loop's one test. */
extern volatile bool console_has_work;
/* Whether this CPU, having no better to do with a guest, should leave it and poll. */
bool console_wants_cpu(void);
/*
 * Moves input and output, runs commands. Bounded but for commands; never from within a hook.
 * On the boot CPU, with LOCK_LIFE held: commands change what there is.
 */
void console_poll(void);
