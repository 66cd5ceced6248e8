/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The serial port: what Linux asks of it when it probes, flow control that loses nothing, and
 * guests that do not play by the rules.
 */
#include "tests/dialect.h"
#include "tests/host/fake_gate.h"

enum { THR = 0x3f8, RBR = 0x3f8, IER, IIR, LCR, MCR, LSR, MSR, SCR, FCR = IIR };

#define IRQ pc.line[4]

static void setup(void)
{
	pc_start(MIB(256));
	pc_out(MCR, 1, 0x0b); /* DTR, RTS, OUT2 */
	(void)pc_in(MSR, 1);
}

TEST(uart_answers_the_probe_of_linux)
{
	setup();
	pc_out(IER, 1, 0);
	EXPECT_EQ(pc_in(IER, 1), 0);
	pc_out(IER, 1, 0x0f);
	EXPECT_EQ(pc_in(IER, 1), 0x0f);
	pc_out(IER, 1, 0xff); /* no sleep mode, no UUE */
	EXPECT_EQ(pc_in(IER, 1), 0x0f);
	pc_out(MCR, 1, 0x1a);
	EXPECT_EQ(pc_in(MSR, 1) & 0xf0, 0x90);
	pc_out(MCR, 1, 0x08);
	pc_out(FCR, 1, 0x01);
	EXPECT_EQ(pc_in(IIR, 1) >> 6, 3);
	pc_out(FCR, 1, 0x21); /* no 64-byte FIFO */
	EXPECT_EQ(pc_in(IIR, 1) >> 5, 6);
	pc_out(SCR, 1, 0x5a);
	EXPECT_EQ(pc_in(SCR, 1), 0x5a);
	pc_out(LCR, 1, 0xbf); /* where better chips have their enhanced features */
	EXPECT(pc_in(IIR, 1) != 0);
	pc_stop();
}

TEST(uart_divisor_is_behind_dlab)
{
	setup();
	pc_out(LCR, 1, 0x83);
	pc_out(THR, 2, 0x1234);
	EXPECT_EQ(pc_in(THR, 2), 0x1234);
	pc_out(LCR, 1, 0x03);
	EXPECT_EQ(pc_in(IER, 1), 0);
	EXPECT_EQ(pc.console_len, 0);
	pc_stop();
}

/* Linux looks whether enabling the interrupt again announces the empty transmitter again. */
TEST(uart_enabling_thre_announces_it)
{
	setup();
	for (u32 i = 0; i < 2; i++) {
		pc_out(IER, 1, 0);
		EXPECT(!IRQ);
		pc_out(IER, 1, 2);
		EXPECT(IRQ);
		EXPECT_EQ(pc_in(IIR, 1), 0x02);
		EXPECT(!IRQ);
		EXPECT_EQ(pc_in(IIR, 1), 0x01);
	}
	pc_out(THR, 1, 'x');
	EXPECT(IRQ);
	EXPECT_EQ(pc_in(LSR, 1), 0x60);
	pc_stop();
}

TEST(uart_interrupt_needs_out2)
{
	setup();
	pc_out(MCR, 1, 0x03);
	pc_out(IER, 1, 2);
	EXPECT(!IRQ);
	EXPECT_EQ(pc_in(LSR, 1), 0x60);
	pc_out(MCR, 1, 0x0b);
	EXPECT(IRQ);
	pc_stop();
}

TEST(uart_loses_no_byte_to_a_full_console)
{
	char sent[64];
	u32 n = 0;

	setup();
	pc_out(FCR, 1, 1);
	pc_out(IER, 1, 2);
	pc.console_room = 3;
	while (n < sizeof(sent)) {
		for (u32 burst = 0; burst < 16; burst++, n++) { /* as a driver of a 16550A sends */
			sent[n] = 'a' + n % 26;
			pc_out(THR, 1, sent[n]);
		}
		while (!(pc_in(LSR, 1) & 0x20)) {
			EXPECT(!IRQ);
			pc.console_room = 5;
			pc_call("uart", BUS_CONSOLE_DRAINED, 0, 0);
		}
		EXPECT(IRQ);
	}
	EXPECT_EQ(pc.console_len, sizeof(sent));
	EXPECT_MEM(pc.console, sent, sizeof(sent));
	EXPECT_EQ(pc.console_refused, 0);
	EXPECT_EQ(pc_call("uart", BUS_INFO, 2, 0), 0);
	pc_stop();
}

/* Blocked, and the guest goes on writing: the FIFO keeps 16, the rest is counted. */
TEST(uart_guest_that_ignores_thre)
{
	setup();
	pc.console_room = 1;
	for (u32 i = 0; i < 100; i++)
		pc_out(THR, 1, i);
	EXPECT_EQ(pc.console_len, 1);
	EXPECT_EQ(pc_call("uart", BUS_INFO, 2, 0), 83);
	pc_out(FCR, 1, 0x07); /* what was taken is still sent */
	pc.console_room = 100;
	pc_call("uart", BUS_CONSOLE_DRAINED, 0, 0);
	EXPECT_EQ(pc.console_len, 17);
	for (u32 i = 0; i < 17; i++)
		EXPECT_EQ(pc.console[i], i);
	EXPECT_EQ(pc_in(LSR, 1), 0x60);
	pc_call("uart", BUS_CONSOLE_DRAINED, 0, 0);
	EXPECT_EQ(pc.console_len, 17);
	pc_stop();
}

TEST(uart_receives)
{
	setup();
	EXPECT_EQ(pc_call("uart", BUS_CONSOLE_INPUT, 'a', 0), 1);
	EXPECT_EQ(pc_call("uart", BUS_CONSOLE_INPUT, 'b', 0), 0); /* no FIFO yet */
	EXPECT_EQ(pc_in(RBR, 1), 'a');
	pc_out(FCR, 1, 0x81); /* trigger at 8 */
	pc_out(IER, 1, 1);
	for (u32 i = 0; i < 16; i++) {
		EXPECT_EQ(pc_call("uart", BUS_CONSOLE_INPUT, i, 0), 1);
		EXPECT_EQ(pc_in(IIR, 1), i < 7 ? 0xcc : 0xc4);
	}
	EXPECT_EQ(pc_call("uart", BUS_CONSOLE_INPUT, 16, 0), 0);
	for (u32 i = 0; i < 16; i++) {
		EXPECT(IRQ);
		EXPECT_EQ(pc_in(LSR, 1), 0x61);
		EXPECT_EQ(pc_in(RBR, 1), i);
	}
	EXPECT(!IRQ);
	EXPECT_EQ(pc_in(LSR, 1), 0x60);
	EXPECT_EQ(pc_in(RBR, 1), 0);
	pc_stop();
}

TEST(uart_loop_receives_and_overruns)
{
	setup();
	pc_out(MCR, 1, 0x10);
	pc_out(IER, 1, 5);
	for (u32 i = 0; i < 3; i++)
		pc_out(THR, 1, 'x' + i);
	EXPECT_EQ(pc.console_len, 0);
	EXPECT_EQ(pc_call("uart", BUS_CONSOLE_INPUT, 'q', 0), 0);
	EXPECT_EQ(pc_in(IIR, 1), 0x06);
	EXPECT_EQ(pc_in(LSR, 1), 0x63);
	EXPECT_EQ(pc_in(IIR, 1), 0x04);
	EXPECT_EQ(pc_in(RBR, 1), 'x');
	EXPECT_EQ(pc_in(IIR, 1), 0x01);
	pc_stop();
}

TEST(uart_modem_lines_in_the_loop)
{
	setup();
	pc_out(IER, 1, 8);
	pc_out(MCR, 1, 0x14); /* OUT1 is RI; CTS, DSR and DCD fall */
	EXPECT_EQ(pc_in(MSR, 1), 0x4b);
	pc_out(MCR, 1, 0x10);
	EXPECT_EQ(pc_in(IIR, 1), 0x00);
	EXPECT_EQ(pc_in(MSR, 1), 0x04); /* the trailing edge of RI */
	EXPECT_EQ(pc_in(IIR, 1), 0x01);
	pc_stop();
}

TEST(uart_reset_drops_its_line)
{
	setup();
	pc_out(IER, 1, 2);
	EXPECT(IRQ);
	pc_call("uart", BUS_RESET, 0, 0);
	EXPECT(!IRQ);
	EXPECT_EQ(pc_in(IER, 1), 0);
	EXPECT_EQ(pc_in(IIR, 1), 1);
	EXPECT_EQ(pc_call("uart", BUS_EOI, 0, 0), BUS_NO_PEER);
	pc_stop();
}

TEST(uart_last_words_outlive_a_reset)
{
	setup();
	pc.console_room = 1;
	pc_out(THR, 1, 'o');
	pc_out(THR, 1, 'k');
	pc_call("uart", BUS_RESET, 0, 0);
	EXPECT_EQ(pc_in(LSR, 1), 0);
	pc.console_room = 9;
	pc_call("uart", BUS_CONSOLE_DRAINED, 0, 0);
	EXPECT_EQ(pc_in(LSR, 1), 0x60);
	EXPECT_MEM(pc.console, "ok", 2);
	pc_stop();
}
