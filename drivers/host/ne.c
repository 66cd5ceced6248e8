/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NE2000 network cards on PCI (National Semiconductor, "DP8390D/NS32490D NIC Network Interface
 * Controller": "Internal Registers", "Buffer Ring Overflow", "Remote DMA", "Initialization
 * Procedures"; Realtek RTL8029AS). Everything goes through its ports, so the card reaches no
 * memory. Its own 16 KiB hold one frame to be sent and behind that the ring of those that came.
 *
 * What the card says is input: a page outside the ring or a frame of another length than its pages
 * have makes it begin anew. It is looked at once in a while, and takes so much of our time then and
 * no more, however much may come.
 */
#include "drivers/host/uplink.h"

/* Registers of range 0, of page 0 where there are pages. */
#define R_COMMAND  0x00
#define R_START	   0x01
#define R_STOP	   0x02
#define R_BOUNDARY 0x03
#define R_TX_PAGE  0x04
#define R_TX_LEN   0x05 /* and 0x06 */
#define R_STATUS   0x07 /* interrupt status: what is written as one is cleared */
#define R_AT	   0x08 /* and 0x09: remote DMA's address */
#define R_COUNT	   0x0a /* and 0x0b: its bytes */
#define R_RECEIVE  0x0c
#define R_TRANSMIT 0x0d
#define R_DATA	   0x0e
#define R_MASK	   0x0f
#define R_PORT	   0x10 /* the words of remote DMA */
#define R_RESET	   0x1f
#define R1_ADDRESS 0x01 /* page 1: to 0x06 */
#define R1_CURRENT 0x07
#define R1_GROUPS  0x08 /* to 0x0f */
#define RANGE_LEN  0x20

#define COMMAND_STOP	 0x01
#define COMMAND_START	 0x02
#define COMMAND_TRANSMIT 0x04
#define COMMAND_READ	 0x08
#define COMMAND_WRITE	 0x10
#define COMMAND_NO_DMA	 0x20
#define COMMAND_PAGE1	 0x40
#define HALT		 (COMMAND_NO_DMA | COMMAND_STOP)
#define RUN		 (COMMAND_NO_DMA | COMMAND_START)

#define STATUS_SENT    0x0a /* or given up */
#define STATUS_OVERRUN 0x10
#define STATUS_DMA     0x40
#define STATUS_RESET   0x80
#define STATUS_ALL     0xff

#define RECEIVE_ALL	0x1c /* for any card, all groups, all */
#define RECEIVE_MONITOR 0x20
#define TRANSMIT_NORMAL 0x00
#define TRANSMIT_INSIDE 0x02 /* loopback */
#define DATA_WORDS	0x49 /* of 16 bits, by four of them */
#define FRAME_GOOD	0x01
#define CHECK_LEN	4
#define FRAME_LONGEST	1518 /* with a tag */
#define FRAME_SHORTEST	14   /* some do not fill up what they loop back */

#define PAGE	   256u
#define TX_PAGE	   0x40u
#define RING_START 0x46u
#define RING_STOP  0x80u
#define RING_PAGES (RING_STOP - RING_START)

#define AT_ONE_GO 8  /* frames in each direction */
#define PATIENCE  16 /* looks at the status */

#define US	    1000ull
#define STOPPING_NS (2000 * US)	  /* until a frame on the wire has ended for sure */
#define SENDING_NS  (100000 * US) /* the longest that it may take */
#define BYTE_NS	    800ull
#define ABSENT_NS   (1000000 * US)

enum phase {
	PHASE_ABSENT, /* it has no ports */
	PHASE_RESET,  /* waits for the card to have stopped */
	PHASE_RUN,
	PHASE_OVERRUN, /* likewise */
};

struct ne {
	struct uplink uplink;
	u8 phase;
	u8 next;	 /* page of the ring from which on nothing was read */
	u32 sending_len; /* bytes on the wire */
	u64 sending_ns;	 /* since then, 0: none are */
	u64 until_ns;	 /* the phase lasts till then */
};

/* What the card puts before a frame in the ring. */
struct ne_header {
	u8 status, next;
	u16 len; /* with the check sequence, without this */
};
ASSERT_SIZE(struct ne_header, 4);

static u8 get(u32 reg)
{
	return (u8)l1_reg_read(DEVICE_REG(0, reg), 1);
}

static void set(u32 reg, u32 value)
{
	l1_reg_write(DEVICE_REG(0, reg), 1, value & 0xff);
}

static void set16(u32 reg, u32 value)
{
	set(reg, value);
	set(reg + 1, value >> 8);
}

/* --- its memory ---------------------------------------------------------------------------- */

static void begin_dma(u32 at, u32 len, u32 command)
{
	set16(R_COUNT, len);
	set16(R_AT, at);
	set(R_COMMAND, command | COMMAND_START);
}

static void end_dma(void)
{
	set(R_COMMAND, RUN);
	set(R_STATUS, STATUS_DMA);
}

/* Whole words. */
static void read_card(u32 at, void *to, u32 len)
{
	len = ALIGN_UP(len, 2);
	begin_dma(at, len, COMMAND_READ);
	l1_reg_block(DEVICE_REG(0, R_PORT), false, to, len / 2);
	end_dma();
}

/* False: the card did not take it. */
static bool write_card(u32 at, const void *from, u32 len)
{
	bool done = false;

	len = ALIGN_UP(len, 2);
	begin_dma(at, len, COMMAND_WRITE);
	l1_reg_block(DEVICE_REG(0, R_PORT), true, (void *)(u64)from, len / 2);
	for (u32 i = 0; !done && i < PATIENCE; i++)
		done = get(R_STATUS) & STATUS_DMA;
	end_dma();
	return done;
}

/* Of the ring, from byte `at` of the card's memory, to its end and on from its start. */
static void read_ring(u32 at, u8 *to, u32 len)
{
	u32 n = MIN(len, RING_STOP * PAGE - at);

	read_card(at, to, n);
	if (n < len)
		read_card(RING_START * PAGE, to + n, len - n);
}

/* --- beginning ----------------------------------------------------------------------------- */

static void wait_in(struct ne *ne, u8 phase, u64 ns)
{
	ne->phase = phase;
	ne->until_ns = l1_now_ns() + ns;
}

static void begin_reset(struct ne *ne)
{
	set(R_RESET, get(R_RESET));
	ne->sending_ns = 0;
	wait_in(ne, PHASE_RESET, STOPPING_NS);
}

static void restart(struct ne *ne)
{
	ne->uplink.info[UPLINK_RESTARTS]++;
	begin_reset(ne);
}

/* The address is in the card's first bytes, each of them twice, and hears for us as well. */
static void read_address(struct ne *ne, u8 mac[6])
{
	u8 twice[12];
	u64 address = 0;

	read_card(0, twice, sizeof(twice));
	for (u32 i = 0; i < 6; i++) {
		mac[i] = twice[2 * i];
		address = address << 8 | mac[i];
	}
	ne->uplink.info[UPLINK_ADDRESS] = address;
}

static void set_page1(const u8 mac[6], u32 current)
{
	set(R_COMMAND, HALT | COMMAND_PAGE1);
	for (u32 i = 0; i < 6; i++)
		set(R1_ADDRESS + i, mac[i]);
	for (u32 i = 0; i < 8; i++)
		set(R1_GROUPS + i, 0xff);
	set(R1_CURRENT, current);
}

/* "Initialization Procedures": in that order, and nothing is received meanwhile. */
static void set_up(struct ne *ne)
{
	u8 mac[6];

	set(R_COMMAND, HALT);
	set(R_DATA, DATA_WORDS);
	set16(R_COUNT, 0);
	set(R_RECEIVE, RECEIVE_MONITOR);
	set(R_TRANSMIT, TRANSMIT_INSIDE);
	read_address(ne, mac);
	set(R_COMMAND, HALT);
	set(R_START, RING_START);
	set(R_STOP, RING_STOP);
	set(R_BOUNDARY, RING_START);
	set(R_STATUS, STATUS_ALL);
	set(R_MASK, 0);
	ne->next = RING_START + 1;
	set_page1(mac, ne->next);
	set(R_COMMAND, RUN);
	set(R_TRANSMIT, TRANSMIT_NORMAL);
	set(R_RECEIVE, RECEIVE_ALL);
	ne->phase = PHASE_RUN;
}

/* --- receiving ----------------------------------------------------------------------------- */

static bool in_ring(u32 page)
{
	return page >= RING_START && page < RING_STOP;
}

/* How many pages it is from one to the other; equal ones: all of them. */
static u32 distance(u32 from, u32 to)
{
	return to > from ? to - from : to + RING_PAGES - from;
}

/* Of all that the card may say this has to fit together; the last page may be left unused. */
static bool makes_sense(const struct ne_header *h, u32 page, u32 len)
{
	u32 pages = 1 + (len + CHECK_LEN) / PAGE;
	u32 gone = in_ring(h->next) ? distance(page, h->next) : 0;

	return (h->status & FRAME_GOOD) && len >= FRAME_SHORTEST && len <= FRAME_LONGEST &&
	       (gone == pages || gone == pages + 1);
}

static bool receive_one(struct ne *ne)
{
	struct uplink *u = &ne->uplink;
	struct ne_header h;
	u32 len, at = ne->next * PAGE;

	read_ring(at, (u8 *)&h, sizeof(h));
	len = h.len - (u32)CHECK_LEN;
	if (!makes_sense(&h, ne->next, len))
		return false;
	if (len <= UPLINK_FRAME_MAX) {
		read_ring(at + sizeof(h), u->memory->in[0], len);
		uplink_received(u, 0, 0, len);
	} else {
		u->info[UPLINK_UNFIT]++;
	}
	ne->next = h.next;
	set(R_BOUNDARY, h.next == RING_START ? RING_STOP - 1 : h.next - 1u);
	return true;
}

static u8 current_page(void)
{
	u8 page;

	set(R_COMMAND, RUN | COMMAND_PAGE1);
	page = get(R1_CURRENT);
	set(R_COMMAND, RUN);
	return page;
}

/* False: the card begins anew. */
static bool receive(struct ne *ne)
{
	u8 current = current_page();
	bool good = in_ring(current);

	for (u32 n = 0; good && n < AT_ONE_GO && ne->next != current; n++)
		good = receive_one(ne);
	if (!good)
		restart(ne);
	return good;
}

/* --- sending ------------------------------------------------------------------------------- */

/* Whether the card is still at it. */
static bool is_sending(struct ne *ne)
{
	if (ne->sending_ns && !(get(R_COMMAND) & COMMAND_TRANSMIT))
		ne->sending_ns = 0;
	return ne->sending_ns;
}

static void go(void)
{
	set(R_STATUS, STATUS_SENT);
	set(R_COMMAND, RUN | COMMAND_TRANSMIT);
}

static void transmit(struct ne *ne)
{
	const u8 *frame;
	u32 len;

	for (u32 n = 0; n < AT_ONE_GO && !is_sending(ne); n++) {
		frame = uplink_next(&ne->uplink, &len);
		if (!frame)
			return;
		if (!write_card(TX_PAGE * PAGE, frame, len)) {
			restart(ne);
			return;
		}
		uplink_given(&ne->uplink);
		uplink_sent(&ne->uplink);
		set(R_TX_PAGE, TX_PAGE);
		set16(R_TX_LEN, len);
		go();
		ne->sending_ns = l1_now_ns();
		ne->sending_len = len;
	}
}

/* --- all of it ----------------------------------------------------------------------------- */

/* "Buffer Ring Overflow": the card has to stop before it can be helped. */
static void begin_overrun(struct ne *ne)
{
	ne->uplink.info[UPLINK_OVERRUNS]++;
	(void)is_sending(ne);
	set(R_COMMAND, HALT);
	set16(R_COUNT, 0);
	wait_in(ne, PHASE_OVERRUN, STOPPING_NS);
}

/* Once there is room; what was being sent and did not end goes out again. */
static void end_overrun(struct ne *ne)
{
	bool cut_off = ne->sending_ns && !(get(R_STATUS) & STATUS_SENT);

	set(R_TRANSMIT, TRANSMIT_INSIDE);
	set(R_COMMAND, RUN);
	ne->phase = PHASE_RUN;
	if (!receive(ne))
		return;
	set(R_STATUS, STATUS_OVERRUN | STATUS_RESET);
	set(R_TRANSMIT, TRANSMIT_NORMAL);
	if (cut_off)
		go();
}

/* Whatever it had to say before is cleared: where all is still set there is no card. */
static void end_reset(struct ne *ne)
{
	u8 status;

	set(R_STATUS, STATUS_ALL);
	status = get(R_STATUS);
	if ((status & STATUS_RESET) && status != STATUS_ALL)
		set_up(ne);
	else
		wait_in(ne, PHASE_RESET, ABSENT_NS);
}

static void work(struct ne *ne)
{
	u8 status = get(R_STATUS);

	if (status & STATUS_OVERRUN)
		begin_overrun(ne);
	else if ((status & STATUS_RESET) ||
		 (ne->sending_ns && l1_now_ns() - ne->sending_ns > SENDING_NS && is_sending(ne)))
		restart(ne);
	else if (receive(ne))
		transmit(ne);
}

/* When it is to be looked at again. */
static u64 next_ns(struct ne *ne)
{
	u64 sent_ns = ne->sending_ns + ne->sending_len * BYTE_NS;
	u64 look_ns = uplink_look_ns(&ne->uplink);

	if (ne->phase != PHASE_RUN)
		return ne->until_ns;
	if (ne->sending_ns && l1_now_ns() < sent_ns)
		return sent_ns;
	return look_ns;
}

static void ne_timer(void *state)
{
	struct ne *ne = state;
	bool over = l1_now_ns() >= ne->until_ns;

	if (ne->phase == PHASE_ABSENT)
		return;
	uplink_mail(&ne->uplink);
	if (ne->phase == PHASE_RUN)
		work(ne);
	else if (over && ne->phase == PHASE_RESET)
		end_reset(ne);
	else if (over)
		end_overrun(ne);
	l1_timer_arm(next_ns(ne));
}

static void ne_start(void *state, const struct driver_setup *setup)
{
	struct ne *ne = state;

	uplink_start(&ne->uplink, setup, 0);
	if (setup->device.range_len[0] < RANGE_LEN)
		return;
	begin_reset(ne);
	l1_timer_arm(next_ns(ne));
}

static const struct driver_device ne_device = {
	.match = { { .vendor = 0x10ec, .device = 0x8029 } },
	.memory_bytes = ALIGN_UP(UPLINK_MEMORY(1), PAGE_SIZE),
};

static const struct driver ne_driver = {
	.name = "ne",
	.role = PEER_COUNT,
	.state_size = sizeof(struct ne),
	.grants = GRANT_TIMER | GRANT_PEER(PEER_SWITCH),
	.device = &ne_device,
	.start = ne_start,
	.call = uplink_call,
	.mail = ne_timer,
	.timer = ne_timer,
};
DRIVER_REGISTER(ne_driver);
