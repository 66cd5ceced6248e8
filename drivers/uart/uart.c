/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The serial port COM1: a 16550A at 0x3f8, IRQ 4 ("PC16550D Universal Asynchronous
 * Receiver/Transmitter with FIFOs", National Semiconductor: register descriptions). Its line ends
 * at the VM's console. Sending takes no time while the console has room; without room the
 * transmitter stays busy and keeps up to a FIFO of bytes, so that nothing is lost. Input below the
 * FIFO's trigger level is announced at once as a character timeout.
 */
#include "drivers/api/bytes.h"
#include "drivers/api/driver.h"

#define UART_PORT  0x3f8
#define UART_IRQ   4
#define FIFO_BYTES 16u

/* Offsets; those of a pair differ by direction, or by LCR_DLAB. */
enum { RBR_THR_DLL, IER_DLM, IIR_FCR, LCR, MCR, LSR, MSR, SCR, UART_REGISTERS };

#define IER_RX	  BIT(0)
#define IER_TX	  BIT(1)
#define IER_LINE  BIT(2)
#define IER_MODEM BIT(3)
#define IER_BITS  0x0f

#define IIR_MODEM   0x00
#define IIR_NONE    0x01
#define IIR_TX	    0x02
#define IIR_RX	    0x04
#define IIR_LINE    0x06
#define IIR_TIMEOUT 0x0c
#define IIR_FIFOS   0xc0

#define FCR_ENABLE   BIT(0)
#define FCR_CLEAR_RX BIT(1)
#define FCR_TRIGGER  6 /* shift */

#define LCR_DLAB BIT(7)

#define MCR_DTR	 BIT(0)
#define MCR_RTS	 BIT(1)
#define MCR_OUT1 BIT(2)
#define MCR_OUT2 BIT(3) /* on a PC it opens the way of the interrupt to the bus */
#define MCR_LOOP BIT(4)
#define MCR_BITS 0x1f

#define LSR_READY   BIT(0)
#define LSR_OVERRUN BIT(1)
#define LSR_ERRORS  0x1e
#define LSR_IDLE    0x60 /* THRE and TEMT */

#define MSR_TERI   BIT(2)
#define MSR_DELTAS 0x0f
#define MSR_CTS	   BIT(4)
#define MSR_DSR	   BIT(5)
#define MSR_RI	   BIT(6)
#define MSR_DCD	   BIT(7)

struct uart {
	u8 ier, iir, fcr, lcr, mcr, lsr, msr, scr;
	u8 divisor[2];
	bool tx_event; /* THR became empty, and nobody has read that from IIR */
	bool blocked;  /* the console has no room */
	bool line;
	u8 rx_head, rx_count;
	u8 tx_head, tx_count;
	u8 rx[FIFO_BYTES], tx[FIFO_BYTES];
	u64 sent, received, overruns;
};

static u8 interrupt_cause(const struct uart *u)
{
	static const u8 trigger[] = { 1, 4, 8, 14 };

	if ((u->ier & IER_LINE) && (u->lsr & LSR_ERRORS))
		return IIR_LINE;
	if ((u->ier & IER_RX) && u->rx_count) {
		bool enough =
			!(u->fcr & FCR_ENABLE) || u->rx_count >= trigger[u->fcr >> FCR_TRIGGER];

		return enough ? IIR_RX : IIR_TIMEOUT;
	}
	if ((u->ier & IER_TX) && u->tx_event)
		return IIR_TX;
	if ((u->ier & IER_MODEM) && (u->msr & MSR_DELTAS))
		return IIR_MODEM;
	return IIR_NONE;
}

static void update(struct uart *u)
{
	u8 cause = interrupt_cause(u);
	/* The loop disconnects the pins, OUT2 among them. */
	bool line = !(cause & IIR_NONE) && (u->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;

	u->iir = cause | (u->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
	if (line == u->line)
		return;
	u->line = line;
	l3_raise_irq(UART_IRQ, line);
}

static u32 rx_room(const struct uart *u)
{
	return (u->fcr & FCR_ENABLE ? FIFO_BYTES : 1) - u->rx_count;
}

static bool receive(struct uart *u, u8 byte)
{
	if (!rx_room(u))
		return false;
	u->rx[(u->rx_head + u->rx_count++) % FIFO_BYTES] = byte;
	u->lsr |= LSR_READY;
	u->received++;
	return true;
}

static u8 receive_read(struct uart *u)
{
	u8 byte = u->rx[u->rx_head];

	if (!u->rx_count)
		return 0;
	u->rx_head = (u->rx_head + 1) % FIFO_BYTES;
	if (!--u->rx_count)
		u->lsr &= ~LSR_READY;
	update(u);
	return byte;
}

static void clear_receiver(struct uart *u)
{
	u->rx_head = u->rx_count = 0;
	u->lsr &= ~(LSR_READY | LSR_ERRORS);
}

/* Hands one byte to the console; false: it was the last one that had room there. */
static bool send(struct uart *u, u8 byte)
{
	u->sent++;
	if (l2_call(PEER_CONSOLE, BUS_CONSOLE_WRITE, byte, 0))
		return true;
	u->blocked = true;
	u->lsr &= ~LSR_IDLE;
	u->tx_event = false;
	return false;
}

static void transmit(struct uart *u, u8 byte)
{
	if (u->mcr & MCR_LOOP) {
		if (!receive(u, byte))
			u->lsr |= LSR_OVERRUN;
		u->tx_event = true;
	} else if (!u->blocked) {
		u->tx_event = true;
		send(u, byte);
	} else if (u->tx_count < FIFO_BYTES) {
		u->tx[(u->tx_head + u->tx_count++) % FIFO_BYTES] = byte;
	} else {
		u->overruns++;
	}
	update(u);
}

static void drained(struct uart *u)
{
	if (!u->blocked)
		return;
	while (u->tx_count) {
		u8 byte = u->tx[u->tx_head];

		u->tx_head = (u->tx_head + 1) % FIFO_BYTES;
		u->tx_count--;
		if (!send(u, byte))
			return;
	}
	u->blocked = false;
	u->lsr |= LSR_IDLE;
	u->tx_event = true;
	update(u);
}

/* What the modem's lines say: in the loop our own outputs, else a terminal that is always there. */
static u8 modem_inputs(const struct uart *u)
{
	if (!(u->mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	return (u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) |
	       (u->mcr & MCR_OUT1 ? MSR_RI : 0) | (u->mcr & MCR_OUT2 ? MSR_DCD : 0);
}

static void write_mcr(struct uart *u, u8 value)
{
	u8 inputs, changed;

	u->mcr = value & MCR_BITS;
	inputs = modem_inputs(u);
	changed = (u->msr ^ inputs) & 0xf0;
	if ((changed & MSR_RI) && (inputs & MSR_RI)) /* only its trailing edge counts */
		changed &= ~MSR_RI;
	u->msr = inputs | (u->msr & MSR_DELTAS) | changed >> 4;
	update(u);
}

static void write_ier(struct uart *u, u8 value)
{
	u8 enabled = ~u->ier & value;

	u->ier = value & IER_BITS;
	/* Enabling it announces an empty transmitter anew; drivers start to send that way. */
	if ((enabled & IER_TX) && !u->blocked)
		u->tx_event = true;
	update(u);
}

/* What waits for room at the console survives FCR's reset of the transmitter: it counts as sent. */
static void write_fcr(struct uart *u, u8 value)
{
	if ((value & FCR_CLEAR_RX) || ((value ^ u->fcr) & FCR_ENABLE))
		clear_receiver(u);
	u->fcr = value & FCR_ENABLE ? value & (FCR_ENABLE | 3 << FCR_TRIGGER) : 0;
	update(u);
}

static u8 read_iir(struct uart *u)
{
	u8 iir = u->iir;

	if ((iir & ~IIR_FIFOS) == IIR_TX) {
		u->tx_event = false;
		update(u);
	}
	return iir;
}

static u8 read_lsr(struct uart *u)
{
	u8 lsr = u->lsr;

	if (unlikely(lsr & LSR_ERRORS)) {
		u->lsr &= ~LSR_ERRORS;
		update(u);
	}
	return lsr;
}

static u8 read_msr(struct uart *u)
{
	u8 msr = u->msr;

	if (msr & MSR_DELTAS) {
		u->msr &= ~MSR_DELTAS;
		update(u);
	}
	return msr;
}

static u8 read_register(void *state, u32 region, u32 offset)
{
	struct uart *u = state;

	(void)region;
	switch (offset) {
	case LSR:
		return read_lsr(u);
	case RBR_THR_DLL:
		return u->lcr & LCR_DLAB ? u->divisor[0] : receive_read(u);
	case IER_DLM:
		return u->lcr & LCR_DLAB ? u->divisor[1] : u->ier;
	case IIR_FCR:
		return read_iir(u);
	case LCR:
		return u->lcr;
	case MCR:
		return u->mcr;
	case MSR:
		return read_msr(u);
	default:
		return u->scr;
	}
}

static void write_register(void *state, u32 region, u32 offset, u8 value)
{
	struct uart *u = state;

	(void)region;
	if (offset <= IER_DLM && (u->lcr & LCR_DLAB))
		u->divisor[offset] = value;
	else if (offset == RBR_THR_DLL)
		transmit(u, value);
	else if (offset == IER_DLM)
		write_ier(u, value);
	else if (offset == IIR_FCR)
		write_fcr(u, value);
	else if (offset == LCR)
		u->lcr = value;
	else if (offset == MCR)
		write_mcr(u, value);
	else if (offset == SCR)
		u->scr = value;
}

static u64 uart_read(void *state, u32 region, u32 offset, u32 width)
{
	return bytes_read(read_register, state, region, offset, width);
}

static void uart_write(void *state, u32 region, u32 offset, u32 width, u64 value)
{
	bytes_write(write_register, state, region, offset, width, value);
}

/* What the console has yet to take outlives a reset: it may be a guest's last words. */
static void reset(struct uart *u)
{
	clear_receiver(u);
	u->ier = u->fcr = u->lcr = u->mcr = u->scr = 0;
	u->divisor[0] = 12;
	u->divisor[1] = 0;
	u->lsr = u->blocked ? 0 : LSR_IDLE;
	u->msr = modem_inputs(u);
	u->tx_event = false;
	update(u);
}

static void uart_start(void *state, const struct driver_setup *setup)
{
	(void)setup;
	reset(state);
}

static u64 input(struct uart *u, u8 byte)
{
	if ((u->mcr & MCR_LOOP) || !receive(u, byte))
		return 0;
	update(u);
	return 1;
}

/* BUS_INFO: 0 bytes sent, 1 bytes received, 2 bytes lost by a guest that did not heed THRE. */
static u64 uart_call(void *state, u32 fn, u64 a, u64 b)
{
	struct uart *u = state;

	(void)b;
	switch (fn) {
	case BUS_CONSOLE_INPUT:
		return input(u, a);
	case BUS_CONSOLE_DRAINED:
		drained(u);
		return 0;
	case BUS_RESET:
		reset(u);
		return 0;
	case BUS_INFO:
		return a == 0 ? u->sent : a == 1 ? u->received : a == 2 ? u->overruns : BUS_NO_PEER;
	default:
		return BUS_NO_PEER;
	}
}

static const struct driver uart_driver = {
	.name = "uart",
	.role = PEER_UART,
	.state_size = sizeof(struct uart),
	.grants = GRANT_LINE(UART_IRQ) | GRANT_PEER(PEER_CONSOLE),
	.regions = { { REGION_PORT, UART_PORT, UART_REGISTERS } },
	.start = uart_start,
	.read = uart_read,
	.write = uart_write,
	.call = uart_call,
};
DRIVER_REGISTER(uart_driver);
