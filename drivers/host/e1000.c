/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intel's 82540EM and 82545EM ("PCI/PCI-X Family of Gigabit Ethernet Controllers Software
 * Developer's Manual") and 82574L ("82574 GbE Controller Family Datasheet"): "Initialization",
 * "Receive Functionality", "Transmit Functionality", "Register Descriptions". One ring of legacy
 * descriptors each way; rings and frames are in the memory that driver and card share, and what is
 * sent goes out from where the switch has put it.
 *
 * What the card writes back is input, read once: of a descriptor that it is done, whether all went
 * well, and a length, which is checked. The card's own indexes are not asked for. It is reset when
 * what it says makes no sense, when it does not receive any more, and when it sends nothing of what
 * it was given for a while though there is a link.
 */
#include "drivers/host/uplink.h"

/* Registers. */
#define R_CTRL	 0x0000
#define R_STATUS 0x0008
#define R_EERD	 0x0014
#define R_ICR	 0x00c0 /* what has happened; reading clears */
#define R_ITR	 0x00c4 /* between two interrupts, in 256 ns */
#define R_IMS	 0x00d0 /* lets causes interrupt, and the next keeps them from it */
#define R_IMC	 0x00d8
#define R_RCTL	 0x0100
#define R_TCTL	 0x0400
#define R_TIPG	 0x0410
#define R_RX	 0x2800 /* the ring's registers, by RING_ below */
#define R_TX	 0x3800
#define R_RXCSUM 0x5000
#define R_RAL	 0x5400
#define R_RAH	 0x5404
#define R_END	 0x6000

#define RING_LOW  0x00
#define RING_HIGH 0x04
#define RING_LEN  0x08
#define RING_HEAD 0x10
#define RING_TAIL 0x18
#define RING_CTL  0x28

#define CTRL_LRST    BIT(3)
#define CTRL_ASDE    BIT(5)
#define CTRL_SLU     BIT(6)
#define CTRL_ILOS    BIT(7)
#define CTRL_FORCED  (BIT(11) | BIT(12)) /* speed and duplex by hand */
#define CTRL_RST     BIT(26)
#define CTRL_PAUSE   (BIT(27) | BIT(28)) /* flow control */
#define CTRL_VME     BIT(30)		 /* takes VLANs' tags off */
#define CTRL_CLEARED (CTRL_LRST | CTRL_ILOS | CTRL_FORCED | CTRL_PAUSE | CTRL_VME)
#define STATUS_LU    BIT(1)
#define ICR_TXDW     BIT(0) /* something was sent */
#define ICR_LSC	     BIT(2)
#define ICR_RXO	     BIT(6) /* something was lost */
#define ICR_RXT	     BIT(7) /* something came */
#define EERD_START   1u
#define RCTL_EN	     BIT(1)
#define RCTL_UPE     BIT(3) /* for any card, all groups, all */
#define RCTL_MPE     BIT(4)
#define RCTL_BAM     BIT(15)
#define RCTL_SECRC   BIT(26) /* without check sequence */
#define RCTL_RUN     (RCTL_EN | RCTL_UPE | RCTL_MPE | RCTL_BAM | RCTL_SECRC)
#define TCTL_RUN     0x400fau	/* EN, PSP, CT, and COLD for full duplex */
#define TIPG_COPPER  0x0060200a /* "Transmit IPG Register": what it recommends */
#define TXDCTL_82574 (BIT(22) | BIT(24))
#define RAH_AV	     BIT(31)
#define GONE	     UINT32_MAX

/* Of a descriptor's second half, both kinds. */
#define WORD_LEN    0xffffu
#define WORD_DONE   BIT(32)
#define RX_WHOLE    BIT(33)
#define RX_ERRORS   (0x97ull << 40)		  /* but those of checksums further in */
#define TX_COMMANDS (BIT(24) | BIT(25) | BIT(27)) /* EOP, IFCS, RS */
#define RX_SHORTEST 14
#define RX_LONGEST  1522

#define RX_RING UPLINK_IN
#define TX_RING 32u
static_assert(TX_RING > UPLINK_OUT, "it is never full");

#define AT_ONE_GO  UPLINK_AT_ONE_GO /* frames in each direction */
#define PATIENCE   500		    /* looks at the EEPROM, for each word */
#define US	   1000ull
#define RESET_NS   (10000 * US) /* until all registers are as at power-on */
#define ABSENT_NS  (1000000 * US)
#define SENDING_NS (100000 * US) /* the longest until the next one is sent */

/* In what they differ. */
struct model {
	u16 device;
	u8 eeprom_address, eeprom_done; /* shift and bit in EERD */
	u32 txdctl;			/* bits that have to be set */
};

static const struct model models[] = {
	{ .device = 0x100e, .eeprom_address = 8, .eeprom_done = BIT(4) },
	{ .device = 0x100f, .eeprom_address = 8, .eeprom_done = BIT(4) },
	{ .device = 0x10d3, .eeprom_address = 2, .eeprom_done = BIT(1), .txdctl = TXDCTL_82574 },
};

struct descriptor {
	u64 address;
	volatile u64 word;
};

struct rings {
	struct descriptor rx[RX_RING], tx[TX_RING];
};
ASSERT_SIZE(struct descriptor, 16);
static_assert(RX_RING % 8 == 0 && TX_RING % 8 == 0, "rings are in multiples of 128 bytes");
static_assert(sizeof(struct rings) <= PAGE_SIZE, "before the frames");

enum phase {
	PHASE_ABSENT, /* it has no registers */
	PHASE_RESET,  /* waits for the card to have finished */
	PHASE_RUN,
};

struct e1000 {
	struct uplink uplink;
	const struct model *model;
	struct rings *rings;
	u64 rings_at;
	u32 rx;		/* descriptors ever taken */
	u32 tx, done;	/* and given, and sent */
	u64 until_ns;	/* the phase lasts till then */
	u64 sending_ns; /* since then nothing was sent of what is to be */
	u8 phase;
};

static u32 get(u32 reg)
{
	return (u32)l1_reg_read(DEVICE_REG(0, reg), 4);
}

static void set(u32 reg, u64 value)
{
	l1_reg_write(DEVICE_REG(0, reg), 4, value & UINT32_MAX);
}

/* --- beginning ----------------------------------------------------------------------------- */

static void wait_reset(struct e1000 *e, u64 ns)
{
	e->phase = PHASE_RESET;
	e->until_ns = l1_now_ns() + ns;
}

/* Whatever it is at, it reaches no memory from now on. */
static void begin_reset(struct e1000 *e)
{
	l1_bus_master(false);
	set(R_IMC, UINT32_MAX);
	set(R_RCTL, 0);
	set(R_TCTL, 0);
	set(R_CTRL, get(R_CTRL) | CTRL_RST);
	uplink_forget(&e->uplink);
	wait_reset(e, RESET_NS);
}

static void restart(struct e1000 *e)
{
	e->uplink.info[UPLINK_RESTARTS]++;
	begin_reset(e);
}

/* A word of the EEPROM; all ones: it does not answer. */
static u32 read_eeprom(const struct e1000 *e, u32 at)
{
	u32 value = 0;

	set(R_EERD, EERD_START | at << e->model->eeprom_address);
	for (u32 i = 0; i < PATIENCE && !(value & e->model->eeprom_done); i++)
		value = get(R_EERD);
	return value & e->model->eeprom_done ? value >> 16 : GONE;
}

/* Where it comes from once more than the reset has loaded it: words of two bytes, the first one in
 * the low bits. */
static u64 join(u32 a, u32 b, u32 c)
{
	return __builtin_bswap64((u64)a | (u64)b << 16 | (u64)c << 32) >> 16;
}

/* The card's address. False: it has none that one card could have, or not yet. */
static bool read_address(struct e1000 *e)
{
	u32 low = get(R_RAL), high = get(R_RAH);
	u64 mac = join(low & 0xffff, low >> 16, high & 0xffff);

	if (!(high & RAH_AV) || !mac)
		mac = join(read_eeprom(e, 0) & 0xffff, read_eeprom(e, 1) & 0xffff,
			read_eeprom(e, 2) & 0xffff);
	if (!mac || (mac & BIT(40)))
		return false;
	e->uplink.info[UPLINK_ADDRESS] = mac;
	return true;
}

static void set_ring(u32 base, u64 at, u32 bytes)
{
	set(base + RING_LOW, at);
	set(base + RING_HIGH, at >> 32);
	set(base + RING_LEN, bytes);
	set(base + RING_HEAD, 0);
	set(base + RING_TAIL, 0);
}

static void give_buffer(const struct e1000 *e, u32 i)
{
	struct descriptor *d = &e->rings->rx[i];

	d->address = uplink_at(&e->uplink, e->uplink.memory->in[i]);
	d->word = 0;
}

/* "Receive Initialization": the tail is moved when the receiver is on. */
static void set_up(struct e1000 *e)
{
	const struct rings *r = e->rings;

	for (u32 i = 0; i < RX_RING; i++)
		give_buffer(e, i);
	e->rx = e->tx = e->done = 0;
	set(R_IMC, UINT32_MAX);
	(void)get(R_ICR);
	set(R_CTRL, (get(R_CTRL) & ~CTRL_CLEARED) | CTRL_SLU | CTRL_ASDE);
	set(R_RXCSUM, 0);
	set_ring(R_RX, e->rings_at, sizeof(r->rx));
	set_ring(R_TX, e->rings_at + offsetof(struct rings, tx), sizeof(r->tx));
	if (e->model->txdctl)
		set(R_TX + RING_CTL, get(R_TX + RING_CTL) | e->model->txdctl);
	set(R_TIPG, TIPG_COPPER);
	l1_bus_master(true);
	set(R_TCTL, TCTL_RUN);
	set(R_RCTL, RCTL_RUN);
	set(R_RX + RING_TAIL, RX_RING - 1);
	if (e->uplink.called) {
		set(R_ITR, UPLINK_GAP_NS / 256);
		set(R_IMS, ICR_TXDW | ICR_LSC | ICR_RXO | ICR_RXT);
	}
	e->phase = PHASE_RUN;
}

/* Where it is not done, or all ones are read, there is no card. */
static void end_reset(struct e1000 *e)
{
	if (!(get(R_CTRL) & CTRL_RST) && read_address(e))
		set_up(e);
	else
		wait_reset(e, ABSENT_NS);
}

/* --- receiving ----------------------------------------------------------------------------- */

/* False: that cannot be. */
static bool receive_one(struct e1000 *e, u64 word)
{
	u32 len = word & WORD_LEN;

	if (!(word & RX_WHOLE) || len < RX_SHORTEST || len > RX_LONGEST)
		return false;
	if ((word & RX_ERRORS) || len > UPLINK_FRAME_MAX)
		e->uplink.info[UPLINK_UNFIT]++;
	else
		uplink_received(&e->uplink, e->rx % RX_RING, 0, len);
	return true;
}

/* False: the card begins anew. */
static bool receive(struct e1000 *e)
{
	u32 before = e->rx;
	u64 word;

	if (!uplink_may_take(&e->uplink))
		return true;
	while (e->rx - before < AT_ONE_GO) {
		word = e->rings->rx[e->rx % RX_RING].word;
		if (!(word & WORD_DONE))
			break;
		if (!receive_one(e, word)) {
			restart(e);
			return false;
		}
		give_buffer(e, e->rx++ % RX_RING);
	}
	if (e->rx != before)
		set(R_RX + RING_TAIL, (e->rx - 1) % RX_RING);
	uplink_took(&e->uplink, e->rx - before);
	return true;
}

/* --- sending ------------------------------------------------------------------------------- */

/* False: there is nothing. */
static bool take_back(struct e1000 *e)
{
	u32 before = e->done;

	while (e->done != e->tx && (e->rings->tx[e->done % TX_RING].word & WORD_DONE)) {
		e->done++;
		uplink_sent(&e->uplink);
	}
	return e->done != before;
}

static void transmit(struct e1000 *e)
{
	u32 len, before = e->tx;
	const u8 *frame;

	while (e->tx - before < AT_ONE_GO && (frame = uplink_next(&e->uplink, &len))) {
		struct descriptor *d = &e->rings->tx[e->tx++ % TX_RING];

		d->address = uplink_at(&e->uplink, frame);
		d->word = len | TX_COMMANDS;
		uplink_given(&e->uplink);
	}
	if (e->tx == before)
		return;
	if (e->done == before)
		e->sending_ns = l1_now_ns();
	set(R_TX + RING_TAIL, e->tx % TX_RING);
}

/* --- all of it ----------------------------------------------------------------------------- */

/* A card without a link keeps what it is to send; what comes after that waits here. */
static void work(struct e1000 *e)
{
	u32 status = get(R_STATUS);
	bool up = status & STATUS_LU;
	u64 now = l1_now_ns();

	e->uplink.info[UPLINK_DOWN] = !up;
	e->uplink.info[UPLINK_OVERRUNS] += (get(R_ICR) & ICR_RXO) && status != GONE;
	if (take_back(e) || !up)
		e->sending_ns = now;
	if (status == GONE || !(get(R_RCTL) & RCTL_EN) ||
		(e->done != e->tx && now - e->sending_ns > SENDING_NS))
		restart(e);
	else if (receive(e) && up)
		transmit(e);
}

static void e1000_timer(void *state)
{
	struct e1000 *e = state;

	if (e->phase == PHASE_ABSENT)
		return;
	uplink_mail(&e->uplink);
	if (e->phase == PHASE_RUN)
		work(e);
	else if (l1_now_ns() >= e->until_ns)
		end_reset(e);
	l1_timer_arm(e->phase == PHASE_RUN ? uplink_look_ns(&e->uplink) : e->until_ns);
}

static void e1000_start(void *state, const struct driver_setup *setup)
{
	struct e1000 *e = state;

	uplink_start(&e->uplink, setup, PAGE_SIZE);
	e->uplink.called = setup->device.messages;
	e->rings = (struct rings *)setup->device.memory;
	e->rings_at = setup->device.memory_at;
	for (const struct model *m = models; m < models + ARRAY_LEN(models); m++)
		if (setup->device.config[0] >> 16 == m->device)
			e->model = m;
	if (!e->model || setup->device.range_len[0] < R_END)
		return;
	begin_reset(e);
	l1_timer_arm(e->until_ns);
}

static const struct driver_device e1000_device = {
	.match = { { .vendor = 0x8086, .device = 0x100e }, { .vendor = 0x8086, .device = 0x100f },
		{ .vendor = 0x8086, .device = 0x10d3 } },
	.memory_bytes = PAGE_SIZE + ALIGN_UP(UPLINK_MEMORY(RX_RING), PAGE_SIZE),
};

static const struct driver e1000_driver = {
	.name = "e1000",
	.role = PEER_COUNT,
	.state_size = sizeof(struct e1000),
	.grants = GRANT_TIMER | GRANT_DMA | GRANT_PEER(PEER_SWITCH),
	.device = &e1000_device,
	.start = e1000_start,
	.call = uplink_call,
	.mail = e1000_timer,
	.timer = e1000_timer,
};
DRIVER_REGISTER(e1000_driver);
