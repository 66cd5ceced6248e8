/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console's hardware side and its hRSC: bytes between COM1, the terminal (drivers/terminal)
 * and the VMs' UARTs. Where there is no serial port, the screen shows what it would have said.
 */
#include "core/l2/console.h"

#include "arch/x86/percpu.h"
#include "arch/x86/smp.h"
#include "boot/screen.h"
#include "core/l1/command.h"
#include "core/l1/evidence_port.h"
#include "core/l1/gate.h"
#include "core/l1/log.h"
#include "core/l1/time.h"
#include "core/l1/uart_port.h"
#include "core/l2/gate.h"
#include "core/l2/sched.h"
#include "core/l2/vm.h"
#include "core/lib/string.h"
#include "drivers/api/terminal.h"

#define STEPS_MAX 64 /* for each poll */
#define RETRY_NS  1000000ull
#define FOR_EVER  (~0ull >> 1) /* a time at which no unfinished line waits any more */

static_assert(MUX_PARTIES == VM_MAX + 1, "a party for each VM and the hypervisor");

volatile bool console_has_work;

/* The boot CPU has the serial interrupts, and polls. */
static void has_work(void)
{
	if (console_has_work)
		return;
	console_has_work = true;
	smp_kick(0);
}

bool console_wants_cpu(void)
{
	return console_has_work && this_cpu(id) == 0 && !lock_busy(&life_lock);
}

static struct terminal terminal; /* (l) console_lock */
static u8 kfv_data[16384], vm_data[VM_MAX][4096], input_data[VM_MAX + 1][2048];
static struct ring inputs[VM_MAX + 1]; /* (o) by VM id: typed, not yet taken by its UART */
static bool deaf[VM_MAX + 1];	       /* (o) what was typed last found no room */

static void send(void)
{
	u8 byte;

	uart_port_send(&uart_console);
	while (!uart_console.present && ring_get(&uart_console.tx, &byte))
		screen_write((const char *)&byte, 1);
}

static void sync_until(u64 now_ns)
{
	bool moved;

	do {
		moved = false;
		while (mux_step(&terminal.mux, now_ns))
			moved = true;
		uart_port_flush(&uart_console);
		send();
	} while (moved);
}

/* The log's sink, and its end. */
static void write(const char *text, u32 len, bool wait)
{
	if (!wait && ring_free(&terminal.mux.party[0].tx) < 2 * len)
		return; /* the log ring still has it */
	for (u32 i = 0; i < len; i++) {
		if (ring_free(&terminal.mux.party[0].tx) < 2)
			sync_until(time_now_ns());
		if (text[i] == '\n')
			mux_write(&terminal.mux, 0, '\r', time_now_ns());
		mux_write(&terminal.mux, 0, (u8)text[i], time_now_ns());
	}
	has_work();
}

static void flush(void)
{
	terminal.mux.prompt_shown |= !terminal.mux.focus; /* nobody will type any more */
	sync_until(FOR_EVER);
	uart_port_sync();
}

static void console_irq(struct hrsc *h, u32 line)
{
	(void)h;
	(void)line;
	lock_take(&console_lock);
	uart_port_irq(&uart_console);
	lock_give(&console_lock);
	console_has_work = true;
}

static void console_timer(struct hrsc *h)
{
	(void)h;
	console_has_work = true;
}

static u64 console_call(struct hrsc *h, u32 fn, u64 a, u64 b)
{
	(void)h;
	if (fn != BUS_CONSOLE_WRITE || !b || b > VM_MAX)
		return BUS_NO_PEER;
	return console_vm_write((u16)b, (u8)a);
}

static const struct l1_if console_l1 = { .irq = console_irq, .timer = console_timer };
static const struct l2_if console_l2 = { .call = console_call };
struct hrsc console_hrsc = { .l1 = &console_l1, .l2 = &console_l2 };

void console_init(void)
{
	terminal_init(&terminal, &uart_console.tx, command_name);
	mux_add(&terminal.mux, 0, "kfv", kfv_data, sizeof(kfv_data));
	if (hrsc_add(&console_hrsc, HRSC_CONSOLE, 0, "console"))
		panic("console: no room among the hRSCs");
	uart_port_start(&uart_console, &console_hrsc);
	evidence_init();
}

/* A VM's party exists from the first time that it is needed. */
static bool know(u32 vm_id)
{
	if (terminal.mux.party[vm_id].name[0])
		return true;
	if (vm_id > VM_MAX || !vms[vm_id])
		return false;
	mux_add(&terminal.mux, vm_id, vms[vm_id]->name, vm_data[vm_id - 1], sizeof(vm_data[0]));
	inputs[vm_id] = (struct ring)RING_INIT(input_data[vm_id], sizeof(input_data[0]));
	return true;
}

void console_vm_new(u16 vm_id)
{
	lock_take(&console_lock);
	terminal.mux.party[vm_id].name[0] = 0;
	lock_give(&console_lock);
}

static bool focus(u32 vm_id)
{
	bool done;

	lock_take(&console_lock);
	done = (!vm_id || vms[vm_id]) && know(vm_id) && mux_focus(&terminal.mux, vm_id);
	lock_give(&console_lock);
	has_work();
	return done;
}

bool console_focus(const char *name)
{
	const struct vm *vm = vm_find(name);

	if (!vm && strcmp(name, "kfv"))
		return false;
	return focus(vm ? vm->id : 0);
}

void console_start(const char *name)
{
	if (uart_console.present)
		screen_puts("The console goes on at the first serial port (115200 8N1).\n");
	log_set_sink(write, flush);
	if (name)
		console_focus(name);
	has_work();
}

u32 console_vm_room(u16 vm_id)
{
	u32 room;

	lock_take(&console_lock);
	room = know(vm_id) ? ring_free(&terminal.mux.party[vm_id].tx) : 0;
	lock_give(&console_lock);
	return room;
}

u32 console_vm_write(u16 vm_id, u8 byte)
{
	u32 room;

	lock_take(&console_lock);
	room = know(vm_id) ? mux_write(&terminal.mux, vm_id, byte, time_now_ns()) : 0;
	lock_give(&console_lock);
	has_work();
	return room;
}

static void vm_key(u32 vm_id, u8 byte)
{
	bool taken = vms[vm_id] && ring_put(&inputs[vm_id], byte);

	if (!taken && !deaf[vm_id])
		log_warn("console: %s takes no input: what is typed is lost",
			terminal.mux.party[vm_id].name);
	deaf[vm_id] = !taken;
}

/* What a key asks for beyond the terminal. */
static void answer(enum terminal_event event, u8 byte, u32 number)
{
	switch (event) {
	case TERMINAL_LINE:
		command_run(terminal.typed);
		break;
	case TERMINAL_BYTE:
		vm_key(number, byte);
		break;
	case TERMINAL_FOCUS:
		if (!focus(number))
			out("--- console: there is no VM %u; \"vms\" lists them ---\n", number);
		break;
	case TERMINAL_HELP:
		out("--- Ctrl-] 0: kfv   Ctrl-] 1 to 9: VM   Ctrl-] Ctrl-]: Ctrl-] itself ---\n");
		break;
	case TERMINAL_NOTHING:
		break;
	}
}

static void take_input(void)
{
	enum terminal_event event;
	u32 number = 0;
	bool taken;
	u8 byte = 0;

	do {
		lock_take(&console_lock);
		taken = terminal_takes_keys(&terminal) && ring_get(&uart_console.rx, &byte);
		event = taken ? terminal_key(&terminal, byte, &number) : TERMINAL_NOTHING;
		lock_give(&console_lock);
		answer(event, byte, number);
	} while (taken);
}

static u64 tell_uart(struct vm *vm, u32 fn, u64 a)
{
	u64 answer;

	lock_take(&vm->lock);
	answer = l2_gate_call(&console_hrsc, vm->peer[PEER_UART], fn, a, 0);
	lock_give(&vm->lock);
	return answer;
}

/* Returns false when a UART has to be asked again. */
static bool give_input(u32 vm_id)
{
	struct ring *r = &inputs[vm_id];
	u8 byte;

	while (ring_used(r)) {
		byte = r->data[r->tail & r->mask];
		if (vms[vm_id] && tell_uart(vms[vm_id], BUS_CONSOLE_INPUT, byte) == 0)
			return false;
		ring_get(r, &byte); /* taken, or there is nobody to take it */
	}
	return true;
}

static void tell_drained(u32 drained)
{
	for (u32 id = 1; drained >> id; id++)
		if (drained >> id & 1 && vms[id])
			tell_uart(vms[id], BUS_CONSOLE_DRAINED, 0);
}

/* When to come back if nothing happens before. */
static void arm(u64 now, bool retry)
{
	u64 deadline = ring_free(terminal.mux.out) >= MUX_RESERVE ? mux_deadline(&terminal.mux) : 0;

	if (retry && (!deadline || deadline > now + RETRY_NS))
		deadline = now + RETRY_NS;
	if (deadline && deadline <= now) {
		console_has_work = true;
	} else if (deadline != console_hrsc.deadline_ns) {
		l1_gate_timer_arm(&console_hrsc, deadline);
		sched_timers_changed();
	}
}

void console_poll(void)
{
	u64 now = time_now_ns();
	bool retry = false;
	u32 steps = 0, drained;

	console_has_work = false;
	lock_take(&console_lock);
	if (!uart_console.interrupts)
		uart_port_irq(&uart_console);
	lock_give(&console_lock);
	take_input();
	lock_take(&console_lock);
	while (steps < STEPS_MAX && mux_step(&terminal.mux, now))
		steps++;
	drained = terminal.mux.drained;
	terminal.mux.drained = 0;
	lock_give(&console_lock);
	tell_drained(drained);
	for (u32 id = 1; id <= VM_MAX; id++)
		retry |= !give_input(id);
	lock_take(&console_lock);
	send();
	evidence_poll();
	if (steps == STEPS_MAX || ring_used(&uart_console.rx))
		console_has_work = true;
	if (!uart_console.interrupts && ring_used(&uart_console.tx))
		console_has_work = true;
	arm(now, retry);
	lock_give(&console_lock);
}
