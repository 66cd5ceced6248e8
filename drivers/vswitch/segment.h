/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames that hold several TCP segments, and how they are cut into frames of ordinary size (RFC
 * 9293, "Header Format"; RFC 791; RFC 8200; RFC 1071). Frames are without virtio's header here.
 */
#pragma once

#include "core/lib/types.h"

/* virtio's header (VIRTIO 1.2, "Device Operation" of the network device). */
struct header {
	u8 flags, gso_type;
	u16 header_len, gso_size;
	u16 checksum_start, checksum_offset; /* in the frame */
	u16 buffers;
};
ASSERT_SIZE(struct header, 12);

#define HEADER_CHECKSUM 1 /* flag: the frame's checksum is still to be made */
#define HEADER_TCPV4	1 /* gso_type */
#define HEADER_TCPV6	4

#define TYPE_IPV4 0x0800
#define TYPE_ARP  0x0806
#define TYPE_IPV6 0x86dd

#define SEGMENT_HEADERS (14 + 60 + 60) /* the longest before the payload */

/* Where the parts of such a frame begin, and into what it is cut. */
struct segments {
	u32 tcp, data, len;
	u32 size, n; /* of payload in each but the last; segments */
	bool v6;
};

/*
 * Looks at a frame of `len` bytes, of which `head` holds as many as SEGMENT_HEADERS, or all; false:
 * it is not what its header says, or its segments are no frames of ordinary size.
 */
bool segments_find(struct segments *s, const struct header *h, const u8 *head, u32 len);
/* How much payload segment i has, below s->n. */
u32 segment_len(const struct segments *s, u32 i);
/* Turns the headers of all, behind which segment i's payload lies, into its own. */
void segment_make(const struct segments *s, u32 i, u8 *frame);

/* The checksum that the sender left out, over the rest of the frame of `len` bytes. */
void checksum_make(u8 *frame, const struct header *h, u32 len);
