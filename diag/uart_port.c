/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 16550 as a port of this machine (PC16550D data sheet, "Registers"). Register accesses pass
 * the L1 gate, but for the polled writes, which must work when nothing else does.
 */
#include "core/l1/uart_port.h"

#include "arch/x86/io.h"
#include "core/l1/gate.h"

#define IER_RECEIVED  0x01
#define IER_THR_EMPTY 0x02
#define IIR_NONE      0x01
#define IIR_CAUSE     0x0e
#define CAUSE_MODEM   0x00
#define LSR_DATA      0x01
#define LSR_THR_EMPTY 0x20

#define SPINS_MAX  0x10000 /* more than a FIFO takes to empty at 115200 */
#define CAUSES_MAX 64

static u8 console_tx[4096], console_rx[4096], evidence_tx[16384], evidence_rx[16];

struct uart_port uart_console = {
	.base = 0x3f8,
	.line = 4,
	.owner = &host_hrsc,
	.tx = RING_INIT(console_tx, sizeof(console_tx)),
	.rx = RING_INIT(console_rx, sizeof(console_rx)),
};

struct uart_port uart_evidence = {
	.base = 0x2f8,
	.line = 3,
	.owner = &host_hrsc,
	.tx = RING_INIT(evidence_tx, sizeof(evidence_tx)),
	.rx = RING_INIT(evidence_rx, sizeof(evidence_rx)),
};

static u8 get(const struct uart_port *p, u16 reg)
{
	return (u8)l1_gate_read(p->owner, p->base + reg, 1);
}

static void set(const struct uart_port *p, u16 reg, u8 value)
{
	l1_gate_write(p->owner, p->base + reg, 1, value);
}

void uart_port_start(struct uart_port *p, struct hrsc *owner)
{
	if (!p->probed)
		uart_port_init(p);
	p->owner = owner;
	if (!p->present)
		return;
	p->interrupts = l1_irq_attach(p->line, owner) == 0;
	if (p->interrupts)
		set(p, REG_IER, IER_RECEIVED);
	uart_port_irq(p);
}

static void receive(struct uart_port *p)
{
	for (u32 i = 0; i < 4 * FIFO_BYTES && get(p, REG_LSR) & LSR_DATA; i++)
		if (!ring_put(&p->rx, get(p, REG_DATA)))
			p->lost++;
}

void uart_port_send(struct uart_port *p)
{
	bool more;
	u8 byte;

	if (!p->present || (!p->sending && !ring_used(&p->tx)))
		return;
	if (get(p, REG_LSR) & LSR_THR_EMPTY)
		for (u32 i = 0; i < p->fifo && ring_get(&p->tx, &byte); i++)
			set(p, REG_DATA, byte);
	more = p->interrupts && ring_used(&p->tx);
	if (more != p->sending)
		set(p, REG_IER, IER_RECEIVED | (more ? IER_THR_EMPTY : 0));
	p->sending = more;
}

/* The line is edge-triggered: another edge comes only after all causes were seen to be gone. */
void uart_port_irq(struct uart_port *p)
{
	for (u32 i = 0; p->present && i < CAUSES_MAX; i++) {
		u8 cause = get(p, REG_IIR);

		if (cause & IIR_NONE)
			break;
		if ((cause & IIR_CAUSE) == CAUSE_MODEM)
			get(p, REG_MSR);
		receive(p);
		uart_port_send(p);
	}
	if (p->present && !p->interrupts)
		receive(p);
}

static bool put_polled(const struct uart_port *p, u8 byte)
{
	for (u32 spins = 0; spins < SPINS_MAX; spins++)
		if (in8(p->base + REG_LSR) & LSR_THR_EMPTY) {
			out8(p->base + REG_DATA, byte);
			return true;
		}
	return false;
}

void uart_port_flush(struct uart_port *p)
{
	u8 byte;

	while (p->present && ring_get(&p->tx, &byte))
		if (!put_polled(p, byte))
			return;
}

void uart_port_sync(void)
{
	uart_port_flush(&uart_console);
	uart_port_flush(&uart_evidence);
}

void uart_port_write_polled(const char *text, u32 len)
{
	struct uart_port *p = &uart_console;

	if (!p->probed)
		uart_port_init(p);
	for (u32 i = 0; p->present && i < len; i++) {
		if (text[i] == '\n')
			put_polled(p, '\r');
		put_polled(p, (u8)text[i]);
	}
}

void uart_port_puts_polled(const char *text)
{
	uart_port_write_polled(text, (u32)__builtin_strlen(text));
}
