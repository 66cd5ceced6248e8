/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A keyboard controller without a keyboard: 8042 at 0x60 and 0x64 (IBM, "PS/2 Hardware Interface
 * Technical Reference", "Keyboard and Auxiliary Device Controller") and system control port A at
 * 0x92. Kept for what a PC hides in it: gate A20, which is always open, and the reset line.
 */
#include "drivers/api/bytes.h"
#include "drivers/api/driver.h"

enum { REGION_DATA, REGION_COMMAND, REGION_PORTA };

#define STATUS_OUTPUT_FULL BIT(0)
#define STATUS_SYSTEM	   BIT(2) /* the self-test was passed */
#define STATUS_COMMAND	   BIT(3) /* the last byte written was a command */

#define OUTPUT_RESET BIT(0) /* low: the CPU is held in reset */
#define OUTPUT_A20   BIT(1)

#define PORTA_RESET BIT(0)
#define PORTA_A20   BIT(1)

#define CONFIG_POWER_ON 0x34 /* both interfaces off, system flag */

enum command {
	READ_CONFIG = 0x20,
	WRITE_CONFIG = 0x60,
	DISABLE_AUX = 0xa7,
	ENABLE_AUX = 0xa8,
	TEST_AUX = 0xa9,
	SELF_TEST = 0xaa,
	TEST_KEYBOARD = 0xab,
	DISABLE_KEYBOARD = 0xad,
	ENABLE_KEYBOARD = 0xae,
	READ_OUTPUT = 0xd0,
	WRITE_OUTPUT = 0xd1,
	PULSE = 0xf0, /* and up: bits 0-3 of the output port that do not go low */
};

#define CONFIG_KEYBOARD_OFF BIT(4)
#define CONFIG_AUX_OFF	    BIT(5)
#define SELF_TEST_PASSED    0x55
#define INTERFACE_PASSED    0x00
#define INTERFACE_STUCK	    0x01

struct kbc {
	u8 status, data, config, porta;
	u8 expected; /* the command whose data byte comes next, 0: none */
};

static void reset_vm(void)
{
	l2_call(PEER_VM, BUS_POWER, POWER_REBOOT, 0);
}

static void answer(struct kbc *k, u8 data)
{
	k->data = data;
	k->status |= STATUS_OUTPUT_FULL;
}

static void write_command(struct kbc *k, u8 command)
{
	k->status |= STATUS_COMMAND;
	k->expected = command == WRITE_CONFIG || command == WRITE_OUTPUT ? command : 0;
	if (command >= PULSE && !(command & OUTPUT_RESET))
		reset_vm();
	else if (command == SELF_TEST)
		answer(k, SELF_TEST_PASSED);
	else if (command == TEST_KEYBOARD)
		answer(k, INTERFACE_PASSED);
	else if (command == TEST_AUX)
		answer(k, INTERFACE_STUCK); /* there is none */
	else if (command == READ_CONFIG)
		answer(k, k->config);
	else if (command == READ_OUTPUT)
		answer(k, OUTPUT_RESET | OUTPUT_A20);
	else if (command == DISABLE_KEYBOARD)
		k->config |= CONFIG_KEYBOARD_OFF;
	else if (command == ENABLE_KEYBOARD)
		k->config &= ~CONFIG_KEYBOARD_OFF;
	else if (command == DISABLE_AUX)
		k->config |= CONFIG_AUX_OFF;
	else if (command == ENABLE_AUX)
		k->config &= ~CONFIG_AUX_OFF;
}

/* Bytes for the keyboard itself reach nobody. */
static void write_data(struct kbc *k, u8 data)
{
	k->status &= ~STATUS_COMMAND;
	if (k->expected == WRITE_CONFIG)
		k->config = data;
	else if (k->expected == WRITE_OUTPUT && !(data & OUTPUT_RESET))
		reset_vm();
	k->expected = 0;
}

static void write_porta(struct kbc *k, u8 value)
{
	bool rising = (value & PORTA_RESET) && !(k->porta & PORTA_RESET);

	k->porta = value | PORTA_A20;
	if (rising)
		reset_vm();
}

static u8 read_port(void *state, u32 region, u32 offset)
{
	struct kbc *k = state;

	(void)offset;
	if (region == REGION_COMMAND)
		return k->status;
	if (region == REGION_PORTA)
		return k->porta;
	k->status &= ~STATUS_OUTPUT_FULL;
	return k->data;
}

static void write_port(void *state, u32 region, u32 offset, u8 value)
{
	(void)offset;
	if (region == REGION_COMMAND)
		write_command(state, value);
	else if (region == REGION_PORTA)
		write_porta(state, value);
	else
		write_data(state, value);
}

static u64 kbc_read(void *state, u32 region, u32 offset, u32 width)
{
	return bytes_read(read_port, state, region, offset, width);
}

static void kbc_write(void *state, u32 region, u32 offset, u32 width, u64 value)
{
	bytes_write(write_port, state, region, offset, width, value);
}

static void reset(struct kbc *k)
{
	*k = (struct kbc){
		.status = STATUS_SYSTEM,
		.config = CONFIG_POWER_ON,
		.porta = PORTA_A20,
	};
}

static void kbc_start(void *state, const struct driver_setup *setup)
{
	(void)setup;
	reset(state);
}

static u64 kbc_call(void *state, u32 fn, u64 a, u64 b)
{
	(void)a, (void)b;
	if (fn != BUS_RESET)
		return BUS_NO_PEER;
	reset(state);
	return 0;
}

static const struct driver kbc_driver = {
	.name = "kbc",
	.role = PEER_COUNT,
	.state_size = sizeof(struct kbc),
	.grants = GRANT_PEER(PEER_VM),
	.regions = { [REGION_DATA] = { REGION_PORT, 0x60, 1 },
		[REGION_COMMAND] = { REGION_PORT, 0x64, 1 },
		[REGION_PORTA] = { REGION_PORT, 0x92, 1 } },
	.start = kbc_start,
	.read = kbc_read,
	.write = kbc_write,
	.call = kbc_call,
};
DRIVER_REGISTER(kbc_driver);
