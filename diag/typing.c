/* SPDX-License-Identifier: BSD-2-Clause */
/* From the keys of a person to commands, and to the serial lines of VMs. */
#include "core/l2/typing.h"

#include "core/l1/command.h"
#include "core/l1/log.h"
#include "core/l1/uart_port.h"
#include "core/l2/console.h"
#include "core/l2/vm.h"
#include "core/lib/string.h"

static struct {
	struct ring ring; /* (o) typed, not yet taken by its device */
	bool deaf;	  /* (o) what was typed last found no room */
	u8 data[2048];
} inputs[VM_MAX + 1]; /* by VM id */

void typing_forget(u16 vm_id)
{
	inputs[vm_id].ring = (struct ring)RING_INIT(inputs[vm_id].data, sizeof(inputs[0].data));
	inputs[vm_id].deaf = false;
}

bool console_focus(const char *name)
{
	const struct vm *vm = vm_find(name);

	return (vm || !strcmp(name, "kfv")) && console_give_line(vm ? vm->id : 0);
}

static void vm_key(u32 vm_id, u8 byte)
{
	bool taken = vms[vm_id] && ring_put(&inputs[vm_id].ring, byte);

	if (!taken && !inputs[vm_id].deaf)
		log_warn("console: %s takes no input: what is typed is lost",
			vms[vm_id] ? vms[vm_id]->name : "a VM that is gone");
	inputs[vm_id].deaf = !taken;
}

/* What a key asks for beyond the terminal. */
static void answer(struct terminal *t, enum terminal_event event, u8 byte, u32 number)
{
	switch (event) {
	case TERMINAL_LINE:
		command_run(t->typed);
		break;
	case TERMINAL_BYTE:
		vm_key(number, byte);
		break;
	case TERMINAL_FOCUS:
		if (!console_give_line(number))
			out("--- console: there is no VM %u; \"vms\" lists them ---\n", number);
		break;
	case TERMINAL_HELP:
		out("--- Ctrl-] 0: kfv   Ctrl-] 1 to 9: VM   Ctrl-] Ctrl-]: Ctrl-] itself ---\n");
		break;
	case TERMINAL_NOTHING:
		break;
	}
}

void typing_take(struct terminal *t)
{
	enum terminal_event event;
	u32 number = 0;
	bool taken;
	u8 byte = 0;

	do {
		lock_take(&console_lock);
		taken = terminal_takes_keys(t) && ring_get(&uart_console.rx, &byte);
		event = taken ? terminal_key(t, byte, &number) : TERMINAL_NOTHING;
		lock_give(&console_lock);
		answer(t, event, byte, number);
	} while (taken);
}

static bool give(u32 vm_id)
{
	struct ring *r = &inputs[vm_id].ring;
	u8 byte;

	while (ring_used(r)) {
		byte = r->data[r->tail & r->mask];
		if (vms[vm_id] && console_give_key(vms[vm_id], byte) == 0)
			return false;
		ring_get(r, &byte); /* taken, or there is nobody to take it */
	}
	return true;
}

bool typing_give(void)
{
	bool done = true;

	for (u32 id = 1; id <= VM_MAX; id++)
		done &= give(id);
	return done;
}
