/* SPDX-License-Identifier: BSD-2-Clause */
/* The entropy device (VIRTIO 1.2, "Entropy Device"): buffers are filled by the CPU's generator. */
#include "drivers/virtio/virtio.h"

#define MOST 1024 /* bytes for one request */

struct entropy {
	struct virtio v;
};

static int fill(void *context, u64 gpa, u32 len)
{
	u32 *written = context;

	for (u64 value; len; gpa += MIN(len, 8u), len -= MIN(len, 8u)) {
		if (!l1_random(&value))
			return -EAGAIN;
		if (l3_memory_write(gpa, &value, MIN(len, 8u)) < 0)
			return -EFAULT;
		*written += MIN(len, 8u);
	}
	return 0;
}

static u32 request(void *state, const struct virtio_chain *chain)
{
	u32 written = 0;

	if (virtio_each(chain, true, 0, MIN(chain->write_len, MOST), fill, &written) == -EFAULT)
		virtio_break(state);
	return written;
}

static void serve(void *state)
{
	virtio_serve(state, 0, request);
}

static void notify(void *state, u32 queue)
{
	(void)queue;
	serve(state);
}

static void entropy_setup(struct entropy *e, const struct driver_setup *setup)
{
	(void)e, (void)setup;
}

static const struct virtio_class entropy_class = {
	.id = 4,
	.queues = 1,
	.pci_class = 0x100000, /* PCI Code and ID Assignment: encryption, other */
	.notify = notify,
};

VIRTIO_DEVICE(entropy, entropy_class, struct entropy, 0, serve, NULL);
