/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console's hardware side and its hRSC: bytes between COM1, the terminal (drivers/terminal)
 * and the VMs' UARTs and virtio consoles. Where there is no serial port, the screen shows what it
 * would have said.
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
#include "core/l2/typing.h"
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
static u8 kfv_data[16384], vm_data[VM_MAX][4096];

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
	return true;
}

void console_vm_new(u16 vm_id)
{
	lock_take(&console_lock);
	terminal.mux.party[vm_id].name[0] = 0;
	typing_forget(vm_id);
	lock_give(&console_lock);
}

bool console_give_line(u32 vm_id)
{
	bool done;

	lock_take(&console_lock);
	done = (!vm_id || vms[vm_id]) && know(vm_id) && mux_focus(&terminal.mux, vm_id);
	lock_give(&console_lock);
	has_work();
	return done;
}

void console_start(void)
{
	if (uart_console.present)
		screen_puts("The console goes on at the first serial port (115200 8N1).\n");
	log_set_sink(write, flush);
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

static struct hrsc *virtio_console(const struct vm *vm)
{
	for (u32 i = 0; i < vm->config->nfunctions; i++)
		if (vm->config->functions[i].kind == FUNCTION_CONSOLE)
			return vm->peer[PEER_FUNCTION + i + 1];
	return NULL;
}

static u64 tell(struct hrsc *h, u32 fn, u64 a)
{
	return l2_gate_call(&console_hrsc, h, fn, a, 0);
}

/* To the UART until the guest's driver of a virtio console is ready. */
u64 console_give_key(struct vm *vm, u8 byte)
{
	u64 answer;

	lock_take(&vm->lock);
	answer = tell(virtio_console(vm), BUS_CONSOLE_INPUT, byte);
	if (answer == BUS_NO_PEER)
		answer = tell(vm->peer[PEER_UART], BUS_CONSOLE_INPUT, byte);
	lock_give(&vm->lock);
	return answer;
}

void console_tell_room(struct vm *vm)
{
	tell(vm->peer[PEER_UART], BUS_CONSOLE_DRAINED, 0);
	tell(virtio_console(vm), BUS_CONSOLE_DRAINED, 0);
}

static void tell_drained(u32 drained)
{
	for (u32 id = 1; drained >> id; id++) {
		if (!(drained >> id & 1) || !vms[id])
			continue;
		lock_take(&vms[id]->lock);
		console_tell_room(vms[id]);
		lock_give(&vms[id]->lock);
	}
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
	bool retry;
	u32 steps = 0, drained;

	console_has_work = false;
	lock_take(&console_lock);
	if (!uart_console.interrupts)
		uart_port_irq(&uart_console);
	lock_give(&console_lock);
	typing_take(&terminal);
	lock_take(&console_lock);
	while (steps < STEPS_MAX && mux_step(&terminal.mux, now))
		steps++;
	drained = terminal.mux.drained;
	terminal.mux.drained = 0;
	lock_give(&console_lock);
	tell_drained(drained);
	retry = !typing_give();
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
