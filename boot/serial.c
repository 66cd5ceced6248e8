/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds the machine's serial ports and sets them up (PC16550D data sheet, "Registers"). */
#include "core/l1/gate.h"
#include "core/l1/uart_port.h"

#define IIR_FIFO      0xc0
#define FCR_ON	      0x07 /* enabled, both FIFOs emptied */
#define FCR_TRIGGER_8 0x80
#define LCR_8N1	      0x03
#define LCR_DLAB      0x80
#define MCR_READY     0x0b /* DTR, RTS, and OUT2, which lets interrupts through on a PC */
#define LSR_ABSENT    0xff

#define DIVISOR_115200 1

static u8 get(const struct uart_port *p, u16 reg)
{
	return (u8)l1_gate_read(p->owner, p->base + reg, 1);
}

static void set(const struct uart_port *p, u16 reg, u8 value)
{
	l1_gate_write(p->owner, p->base + reg, 1, value);
}

static bool answers(const struct uart_port *p)
{
	set(p, REG_SCRATCH, 0x5a);
	if (get(p, REG_SCRATCH) != 0x5a)
		return false;
	set(p, REG_SCRATCH, 0xa5);
	return get(p, REG_SCRATCH) == 0xa5 && get(p, REG_LSR) != LSR_ABSENT;
}

void uart_port_init(struct uart_port *p)
{
	p->probed = true;
	p->present = answers(p);
	if (!p->present)
		return;
	set(p, REG_LCR, LCR_DLAB);
	set(p, REG_DATA, DIVISOR_115200);
	set(p, REG_IER, 0);
	set(p, REG_LCR, LCR_8N1);
	set(p, REG_IER, 0);
	set(p, REG_FCR, FCR_ON | FCR_TRIGGER_8);
	set(p, REG_MCR, MCR_READY);
	p->fifo = (get(p, REG_IIR) & IIR_FIFO) == IIR_FIFO ? FIFO_BYTES : 1;
}
