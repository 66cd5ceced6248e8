/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's own virtio network devices, where a hypervisor is beneath (VIRTIO 1.2, "Network
 * Device"): one queue each way, no offloads, a frame in each buffer. Nothing is said of what is to
 * be received: a device that was not told receives all that its network has for it, as hypervisors
 * have it. Rings and frames are in the memory that driver and device share, and what is sent goes
 * out from where the switch has put it.
 *
 * What the device writes back is input, read once: an index that is not further on than there are
 * buffers, a buffer that it has, a length that is in it. For anything else the device is reset, and
 * when it sends nothing of what it was given for a while though there is a link.
 */
#include "drivers/host/uplink.h"
#include "drivers/host/vpci.h"

#include "core/lib/string.h"

#define F_MAC	 BIT(5)
#define F_STATUS BIT(16)

#define NET_MAC	    0 /* registers of its own */
#define NET_STATUS  6
#define STATUS_LINK 1

enum { RX, TX, QUEUES };

#define QUEUE	   UPLINK_IN	    /* buffers, a bit of a word for each */
#define AT_ONE_GO  UPLINK_AT_ONE_GO /* frames in each direction */
#define MS	   1000000ull
#define ABSENT_NS  (1000 * MS)
#define SENDING_NS (1000 * MS) /* the longest until the next one is sent */
#define SHORTEST   (UPLINK_HEADER + 14)

static_assert(UPLINK_OUT < QUEUE && QUEUE == 32, "one queue's length is for both");

struct ring {
	struct vpci_desc desc[QUEUE];
	u16 avail_flags, avail_index, avail[QUEUE], unused[4];
	volatile u16 used_flags, used_index;
	volatile u64 used[QUEUE]; /* buffer, and above it a length */
};
ASSERT_OFFSET(struct ring, avail_flags, 512);
ASSERT_OFFSET(struct ring, used_flags, 588);
ASSERT_OFFSET(struct ring, used, 592);

struct rings {
	struct ring queue[QUEUES] __aligned(16);
};
static_assert(sizeof(struct rings) <= PAGE_SIZE, "before the frames");

struct vnet {
	struct uplink uplink;
	struct vpci vpci;
	struct rings *rings;
	u64 rings_at;
	u32 notify[QUEUES];
	u32 has[QUEUES]; /* buffers that the device has, a bit for each */
	u16 used[QUEUES];
	bool ready, tells_link;
	u32 tx, done;	/* frames given, and sent */
	u64 until_ns;	/* not ready: is set up then */
	u64 sending_ns; /* since then nothing was sent of what is to be */
};

/* --- queues -------------------------------------------------------------------------------- */

/* Gives buffer i to the device, which does not know yet. */
static void give(struct vnet *v, u32 queue, u32 i, const void *at, u32 len)
{
	struct ring *r = &v->rings->queue[queue];

	r->desc[i] = (struct vpci_desc){ .address = uplink_at(&v->uplink, at),
		.len = len,
		.flags = queue == RX ? DESC_WRITE : 0 };
	r->avail[r->avail_index % QUEUE] = (u16)i;
	vpci_barrier();
	r->avail_index++;
	v->has[queue] |= BIT(i);
}

static void notify(const struct vnet *v, u32 queue)
{
	vpci_barrier();
	l1_reg_write(v->notify[queue], 2, queue);
}

/*
 * A buffer that the device is done with, and how much it has written. 0: there is none; -EINVAL:
 * what it says cannot be.
 */
static int take(struct vnet *v, u32 queue, u32 *i, u32 *len)
{
	struct ring *r = &v->rings->queue[queue];
	u16 n = (u16)(r->used_index - v->used[queue]);
	u64 used;

	if (!n)
		return 0;
	used = r->used[v->used[queue]++ % QUEUE];
	*i = (u32)used;
	*len = used >> 32;
	if (n > QUEUE || *i >= QUEUE || !(v->has[queue] & BIT(*i)))
		return -EINVAL;
	v->has[queue] &= ~BIT(*i);
	return 1;
}

/* --- beginning ----------------------------------------------------------------------------- */

static bool set_queue(struct vnet *v, u32 queue)
{
	u64 at = v->rings_at + queue * sizeof(struct ring);
	const struct vpci_parts parts = { at, at + offsetof(struct ring, avail_flags),
		at + offsetof(struct ring, used_flags) };

	v->used[queue] = 0;
	v->has[queue] = 0;
	if (!vpci_set_queue(&v->vpci, queue, QUEUE, &parts, &v->notify[queue]))
		return false;
	v->uplink.called = v->vpci.messages;
	v->rings->queue[queue].avail_flags = v->vpci.messages ? 0 : NO_INTERRUPT;
	return true;
}

static void read_address(struct vnet *v)
{
	u64 mac = 0;

	for (u32 i = 0; i < 6; i++)
		mac = mac << 8 | vpci_read(&v->vpci, NET_MAC + i, 1);
	v->uplink.info[UPLINK_ADDRESS] = mac;
}

static bool set_up(struct vnet *v)
{
	u64 features = vpci_reset(&v->vpci) ? vpci_agree(&v->vpci, F_MAC | F_STATUS) : 0;

	v->tells_link = features & F_STATUS;
	v->tx = v->done = 0;
	memset(v->rings, 0, sizeof(*v->rings));
	if (!(features & F_MAC) || !set_queue(v, RX) || !set_queue(v, TX))
		return false;
	for (u32 i = 0; i < QUEUE; i++)
		give(v, RX, i, v->uplink.memory->in[i], UPLINK_ROOM);
	read_address(v);
	l1_bus_master(true);
	vpci_go(&v->vpci);
	notify(v, RX);
	return true;
}

/* Whatever it is at, it reaches no memory until it has forgotten that. */
static void begin(struct vnet *v)
{
	l1_bus_master(false);
	uplink_forget(&v->uplink);
	v->ready = set_up(v);
	v->until_ns = l1_now_ns() + ABSENT_NS;
}

static void restart(struct vnet *v)
{
	v->uplink.info[UPLINK_RESTARTS]++;
	begin(v);
}

/* --- receiving ----------------------------------------------------------------------------- */

static bool receive_one(struct vnet *v, u32 i, u32 len)
{
	if (len < SHORTEST || len > UPLINK_ROOM)
		return false;
	if (len > UPLINK_HEADER + UPLINK_FRAME_MAX)
		v->uplink.info[UPLINK_UNFIT]++;
	else
		uplink_received(&v->uplink, i, UPLINK_HEADER, len - UPLINK_HEADER);
	give(v, RX, i, v->uplink.memory->in[i], UPLINK_ROOM);
	return true;
}

static void want_interrupts(struct vnet *v, bool on)
{
	v->rings->queue[RX].avail_flags = on && v->uplink.called ? 0 : NO_INTERRUPT;
	vpci_barrier();
}

/* None interrupts that would not be taken. False: the device is to begin anew. */
static bool receive(struct vnet *v)
{
	u32 i, len, n = 0;
	int more = 0;

	if (!uplink_may_take(&v->uplink)) {
		want_interrupts(v, false);
		return true;
	}
	want_interrupts(v, true);
	while (n < AT_ONE_GO && (more = take(v, RX, &i, &len)) > 0) {
		if (!receive_one(v, i, len))
			return false;
		n++;
	}
	if (n)
		notify(v, RX);
	uplink_took(&v->uplink, n);
	return more >= 0;
}

/* --- sending ------------------------------------------------------------------------------- */

/* In whatever order it sends, their buffers go back in that in which they came. False: as above. */
static bool take_back(struct vnet *v)
{
	u32 i, len, before = v->done;
	int more;

	while ((more = take(v, TX, &i, &len)) > 0)
		;
	for (; v->done != v->tx && !(v->has[TX] & BIT(v->done % QUEUE)); v->done++)
		uplink_sent(&v->uplink);
	if (v->done != before)
		v->sending_ns = l1_now_ns();
	return more == 0;
}

/* The header asks for nothing. */
static void transmit(struct vnet *v)
{
	u32 len, before = v->tx;
	u8 *frame;

	while (v->tx - before < AT_ONE_GO && (frame = uplink_next(&v->uplink, &len))) {
		memset(frame - UPLINK_HEADER, 0, UPLINK_HEADER);
		give(v, TX, v->tx++ % QUEUE, frame - UPLINK_HEADER, UPLINK_HEADER + len);
		uplink_given(&v->uplink);
	}
	if (v->tx == before)
		return;
	if (v->done == before)
		v->sending_ns = l1_now_ns();
	notify(v, TX);
}

/* --- all of it ----------------------------------------------------------------------------- */

static bool is_up(const struct vnet *v)
{
	return !v->tells_link || (vpci_read(&v->vpci, NET_STATUS, 2) & STATUS_LINK);
}

/* As in drivers/host/e1000.c: without a link it keeps what it has, and what comes waits here. */
static void work(struct vnet *v)
{
	bool well = vpci_is_well(&v->vpci) && take_back(v), up = is_up(v);
	u64 now = l1_now_ns();

	v->uplink.info[UPLINK_DOWN] = !up;
	if (!up)
		v->sending_ns = now;
	if (well && v->done != v->tx && now > v->sending_ns + SENDING_NS)
		well = false;
	if (!well || !receive(v))
		restart(v);
	else if (up)
		transmit(v);
}

static void vnet_timer(void *state)
{
	struct vnet *v = state;

	uplink_mail(&v->uplink);
	if (v->ready)
		work(v);
	else if (l1_now_ns() >= v->until_ns)
		begin(v);
	l1_timer_arm(v->ready ? uplink_look_ns(&v->uplink) : v->until_ns);
}

static void vnet_start(void *state, const struct driver_setup *setup)
{
	struct vnet *v = state;

	uplink_start(&v->uplink, setup, PAGE_SIZE);
	v->rings = (struct rings *)setup->device.memory;
	v->rings_at = setup->device.memory_at;
	vpci_find(&v->vpci, &setup->device);
	begin(v);
	vnet_timer(state);
}

static const struct driver_device vnet_device = {
	.match = { { .vendor = VPCI_VENDOR, .device = 0x1041 },
		{ .vendor = VPCI_VENDOR, .device = 0x1000 } },
	.memory_bytes = PAGE_SIZE + ALIGN_UP(UPLINK_MEMORY(QUEUE), PAGE_SIZE),
};

static const struct driver vnet_driver = {
	.name = "vnet",
	.role = PEER_COUNT,
	.state_size = sizeof(struct vnet),
	.grants = GRANT_TIMER | GRANT_DMA | GRANT_PEER(PEER_SWITCH),
	.device = &vnet_device,
	.start = vnet_start,
	.call = uplink_call,
	.mail = vnet_timer,
	.timer = vnet_timer,
};
DRIVER_REGISTER(vnet_driver);
