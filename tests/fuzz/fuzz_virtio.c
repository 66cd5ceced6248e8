/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtio devices under a guest that writes what it likes: registers, configuration space, rings and
 * descriptors, everywhere and at any time. The sanitizers watch each state block and the RAM; what
 * has to hold besides is written below. The first byte chooses the device.
 */
#include "tests/fuzz/holds.h"
#include "tests/host/virtio_guest.h"

/* Checksums, TCP segments both ways, merged buffers. */
#define FEATURES_NET 0x9983

static const char *const devices[] = { "blk", "entropy", "net", "balloon", "hostblk", "console" };

/* One step as the fuzzer writes it. */
struct step {
	u8 op, queue;
	u16 where;
	u32 value;
};
ASSERT_SIZE(struct step, 8);

/* Addresses that lead somewhere, mostly. */
static u64 address_of(const struct step *s)
{
	return s->value & BIT(31) ? (u64)s->value << (s->where & 31) : s->value % (GUEST_RAM + 64);
}

static void write_word(const struct step *s)
{
	u64 at = (u64)s->where * 4 % (GUEST_RAM - 8);

	ram_set(at, s->value, 4);
}

/* A frame of TCP segments that is right but for one word, in two pieces. */
static void send_segments(const struct step *s)
{
	static const u32 good[] = { 0x00360101, 0x002205a8, 0x10, 0xffffffff, 0x5452ffff,
		0x01000000, 0x00450008, 0, 0x06400000 };
	u64 at = GUEST_DATA + 0x8000;
	u32 len = MIN(s->value & 0x1ffff, 0x10100u);

	memset(pc.ram + at, 0x55, 80);
	memcpy(pc.ram + at, good, sizeof(good));
	pc.ram[at] = 1;
	pc.ram[at + 1] = s->where & 32 ? 4 : 1;
	ram_set(at + (s->where & 31) * 2, s->value >> 16, s->where & 64 ? 2 : 0);
	describe_in(1, 0, at, s->where >> 10, F_NEXT, 1);
	describe_in(1, 1, at + (s->where >> 10), len, 0, 0);
	offer(1, 0);
	notify(1);
}

static void run(const struct step *s)
{
	u32 width = 1u << (s->queue >> 4) % 4;

	switch (s->op % 13) {
	case 0:
		set_bar(s->where % (MACHINE_BAR_LEN - 8), width, s->value);
		break;
	case 1:
		bar(s->where % (MACHINE_BAR_LEN - 8), width);
		break;
	case 2:
		config_write(s->where & 0xfc, s->value);
		break;
	case 3:
		config_read(s->where & 0xfc);
		break;
	case 4:
		write_word(s);
		break;
	case 5:
		describe_in(s->queue % 4, s->where % GUEST_QUEUE, address_of(s), s->value >> 20,
			s->where >> 6 & 7, s->where >> 9 & 63);
		break;
	case 6:
		describe(GUEST_DATA + s->where % 64 * 16, address_of(s), s->value >> 20,
			s->where >> 6 & 7, s->where >> 9 & 63);
		break;
	case 7:
		offer(s->queue % 4, s->where);
		notify(s->queue % 4);
		break;
	case 8:
		notify(s->queue);
		pc_advance(s->value);
		break;
	case 9:
		set_queue(s->queue % 4, DESC_AT(s->queue % 4), AVAIL_AT(s->queue % 4),
			USED_AT(s->queue % 4));
		set_bar(R_STATUS, 1, s->where & 1 ? STATUS_READY : s->value);
		break;
	case 10:
		pc_renew(s->where % 2); /* of a device, or the switch beside it */
		pc_advance(1);
		break;
	case 11:
		pc.console_room = s->value % 4096;
		pc_call("console", s->where & 1 ? BUS_CONSOLE_INPUT : BUS_CONSOLE_DRAINED, 'k', 0);
		break;
	case 12:
		send_segments(s);
		break;
	}
}

/* A physical disk that answers as the input has it, and one that keeps the rules. */
static u64 seed;

static u64 odd_disk(u32 fn, u64 a, u64 b)
{
	seed = (seed + a + b + fn) * 0x9e3779b97f4a7c15;
	return seed >> 60 ? seed >> 62 : BUS_NO_PEER;
}

static u64 good_disk(u32 fn, u64 a, u64 b)
{
	(void)a, (void)b;
	return fn == BUS_DISK_RESULT ? DISK_DONE : DISK_PENDING;
}

/* No message but for a local APIC, no more work for one exit than a few rings hold. */
static void check(u32 accesses)
{
	for (u32 i = 0; i < MIN(pc.msis, PC_MSIS); i++) {
		HOLDS(pc.msi[i].address >> 20 == 0xfee);
		HOLDS(!(pc.msi[i].data & ~0xc7ffu));
	}
	HOLDS(pc.accesses - accesses < 40000);
}

/* It works again, whatever was done to it. */
static void check_reset(const char *device)
{
	u32 broken = (u32)pc_call(device, BUS_INFO, 1, 0);

	pc.disk_call = good_disk;
	HOLDS(pc_call(device, BUS_RESET, 0, 0) == 0);
	HOLDS(!pc.line[MACHINE_SLOT_GSI(1)]);
	memset(pc.ram, 0, GUEST_RAM);
	config_write(4, 6);
	accept_features(FEATURE_1);
	set_queue(0, DESC_AT(0), AVAIL_AT(0), USED_AT(0));
	set_bar(R_STATUS, 1, STATUS_READY);
	ram_set(GUEST_DATA, 4, 4); /* flush, for a disk */
	describe_in(0, 0, GUEST_DATA, 16, F_NEXT, 1);
	describe_in(0, 1, GUEST_DATA + 64, 1, F_WRITE, 0);
	offer(0, 0);
	notify(0);
	pc_call(device, BUS_CONSOLE_INPUT, 'k', 0); /* what a console waits for */
	HOLDS(used_index(0) == 1);
	HOLDS(pc_call(device, BUS_INFO, 1, 0) == broken);
}

/* A network device has another one, at the mirror, to which its frames go: one that takes all there
 * is, or whose frames are made for it. */
static void add_station(u64 features)
{
	for (u32 port = 0; port < 2; port++)
		pc_call("vswitch", port << BUS_PORT_SHIFT | BUS_PORT_CONFIGURE,
			BUS_PORT_USED | BUS_PORT_OPEN | BUS_PORT_MIRROR | PC_MAC(port + 1), 0);
	add_device("net", 2, 0, features, 2);
	for (u32 i = 0; i < GUEST_QUEUE; i++) {
		describe_in(
			0, i, GUEST_DATA, features && i % 2 ? 12 + i : BUS_FRAME_MAX, F_WRITE, 0);
		offer(0, (u16)i);
	}
	notify(0);
	guest_slot = 1;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	const char *device = devices[size ? data[0] % ARRAY_LEN(devices) : 0];
	bool net = !strcmp(device, "net");

	guest_slot = 1;
	seed = 0;
	bring_up(device, PC_DISK,
		FEATURE_INDIRECT | (size & 1 ? FEATURE_EVENT : 0) |
			(net && (size & 2) ? FEATURES_NET : 0),
		net ? 2 : 1);
	pc.disk_call = odd_disk;
	if (net)
		add_station(data[0] & 128 ? FEATURES_NET : 0);
	for (size_t at = 1; at + sizeof(struct step) <= size; at += sizeof(struct step)) {
		struct step s;
		u32 accesses = pc.accesses;

		memcpy(&s, data + at, sizeof(s));
		run(&s);
		check(accesses);
	}
	check_reset(device);
	pc_stop();
	return 0;
}
