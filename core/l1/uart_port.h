/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's own serial ports: COM1 carries the console, COM2 the evidence. Bytes wait in rings
 * that interrupts and polls move; boot and panic write without either.
 */
#pragma once

#include "core/hrsc.h"
#include "core/lib/ring.h"

/* Offsets of its registers (PC16550D data sheet, "Registers"). */
#define REG_DATA    0 /* with DLAB: divisor, low */
#define REG_IER	    1 /* with DLAB: divisor, high */
#define REG_IIR	    2 /* reading */
#define REG_FCR	    2 /* writing */
#define REG_LCR	    3
#define REG_MCR	    4
#define REG_LSR	    5
#define REG_MSR	    6
#define REG_SCRATCH 7

#define FIFO_BYTES 16

struct uart_port {
	u16 base;	    /* (c) first of eight ports */
	u8 line;	    /* (c) ISA interrupt line */
	bool probed;	    /* (o) */
	bool present;	    /* (o) somebody answers at base */
	bool interrupts;    /* (o) started, and its line reaches us */
	bool sending;	    /* (o) the interrupt for an empty transmitter is on */
	u8 fifo;	    /* (o) bytes that the empty transmitter takes */
	struct hrsc *owner; /* (o) whose register accesses these are */
	struct ring tx, rx; /* (o) */
	u32 lost;	    /* (o) bytes received without room for them */
};

extern struct uart_port uart_console, uart_evidence;

/* boot/serial.c: looks for the port and sets 115200 8N1. Without interrupts; `present` says the
 * result. */
void uart_port_init(struct uart_port *p);
/* From now on the port belongs to `owner`, whose l1->irq calls uart_port_irq(). */
void uart_port_start(struct uart_port *p, struct hrsc *owner);
/* Serves what the port asks for: bytes into rx, bytes out of tx. */
void uart_port_irq(struct uart_port *p);
/* Gives the transmitter what it takes now; the rest follows by interrupt. */
void uart_port_send(struct uart_port *p);

/* Waits until tx is out. Bounded: a port that does not send is given up. */
void uart_port_flush(struct uart_port *p);
/* uart_port_flush() for both ports. */
void uart_port_sync(void);
/* At once to COM1, without gate or ring; a newline goes out as CR LF. For boot and panic. */
void uart_port_puts_polled(const char *text);
void uart_port_write_polled(const char *text, u32 len);
