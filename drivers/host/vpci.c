/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's own virtio devices: finding and setting up what they all have. */
#include "drivers/host/vpci.h"

/* Capabilities in configuration space, of a vendor's kind, and what they point to. */
#define LIST_AT	   0x34
#define CAP_VENDOR 0x09
#define CAPS_MAX   16
#define CONFIG_LEN 256
#define CFG_NEEDED (BIT(CFG_COMMON) | BIT(CFG_NOTIFY) | BIT(CFG_DEVICE))

/* Offsets of the common registers. */
#define C_OFFERED_SELECT  0
#define C_OFFERED	  4
#define C_ACCEPTED_SELECT 8
#define C_ACCEPTED	  12
#define C_VECTOR	  16
#define C_STATUS	  20
#define C_QUEUE_SELECT	  22
#define C_QUEUE_SIZE	  24
#define C_QUEUE_VECTOR	  26
#define C_QUEUE_ENABLE	  28
#define C_QUEUE_NOTIFY	  30
#define C_DESC		  32
#define C_AVAIL		  40
#define C_USED		  48

#define STATUS_ACKNOWLEDGE 1
#define STATUS_DRIVER	   2
#define STATUS_DRIVER_OK   4
#define STATUS_FEATURES_OK 8
#define STATUS_AGREED	   (STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK)
#define RESET_LOOKS	   1000
#define NO_VECTOR	   0xffff

/* Addresses are what an IOMMU makes of them: as long as there is none, what they are. */
#define F_PLATFORM BIT(33)

static u64 get(const struct vpci *v, u32 at, u32 width)
{
	return l1_reg_read(v->reg[CFG_COMMON] + at, width);
}

static void set(const struct vpci *v, u32 at, u32 width, u64 value)
{
	l1_reg_write(v->reg[CFG_COMMON] + at, width, value);
}

static void set_address(const struct vpci *v, u32 at, u64 address)
{
	set(v, at, 4, address & UINT32_MAX);
	set(v, at + 4, 4, address >> 32);
}

static u32 byte(const u32 *config, u32 at)
{
	return at < CONFIG_LEN ? config[at / 4] >> at % 4 * 8 & 0xff : 0;
}

static u32 word(const u32 *config, u32 at)
{
	return byte(config, at) | byte(config, at + 1) << 8 | byte(config, at + 2) << 16 |
	       byte(config, at + 3) << 24;
}

/* The nucleus holds every access against the ranges. */
void vpci_find(struct vpci *v, const struct device_setup *device)
{
	const u32 *c = device->config;
	u32 at = byte(c, LIST_AT) & ~3u;

	v->messages = device->messages;
	for (u32 n = 0; at && n < CAPS_MAX; n++, at = byte(c, at + 1) & ~3u) {
		u32 kind = byte(c, at + 3), range = byte(c, at + 4), offset = word(c, at + 8);

		if (byte(c, at) != CAP_VENDOR || !kind || kind >= CFG_KINDS ||
			(v->found & BIT(kind)) || range >= DEVICE_RANGES || offset >= BIT(28))
			continue;
		v->found |= BIT(kind);
		v->reg[kind] = DEVICE_REG(range, offset);
		if (kind == CFG_NOTIFY)
			v->notify_each = word(c, at + 16);
	}
}

bool vpci_reset(const struct vpci *v)
{
	u32 looks = 0;

	if ((v->found & CFG_NEEDED) != CFG_NEEDED)
		return false;
	set(v, C_STATUS, 1, 0);
	while (get(v, C_STATUS, 1) && looks < RESET_LOOKS)
		looks++;
	return looks < RESET_LOOKS;
}

u64 vpci_agree(const struct vpci *v, u64 wanted)
{
	u64 offered;

	set(v, C_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	set(v, C_OFFERED_SELECT, 4, 0);
	offered = get(v, C_OFFERED, 4);
	set(v, C_OFFERED_SELECT, 4, 1);
	offered |= get(v, C_OFFERED, 4) << 32;
	wanted = (wanted | VPCI_F_VERSION_1 | F_PLATFORM) & offered;
	set(v, C_ACCEPTED_SELECT, 4, 0);
	set(v, C_ACCEPTED, 4, wanted & UINT32_MAX);
	set(v, C_ACCEPTED_SELECT, 4, 1);
	set(v, C_ACCEPTED, 4, wanted >> 32);
	set(v, C_STATUS, 1, STATUS_AGREED);
	return (wanted & VPCI_F_VERSION_1) && (get(v, C_STATUS, 1) & STATUS_FEATURES_OK) ? wanted
											 : 0;
}

bool vpci_set_queue(struct vpci *v, u32 n, u32 size, const struct vpci_parts *parts, u32 *notify)
{
	set(v, C_QUEUE_SELECT, 2, n);
	if (get(v, C_QUEUE_SIZE, 2) < size)
		return false;
	set(v, C_QUEUE_SIZE, 2, size);
	set_address(v, C_DESC, parts->desc);
	set_address(v, C_AVAIL, parts->avail);
	set_address(v, C_USED, parts->used);
	if (v->messages) {
		set(v, C_VECTOR, 2, NO_VECTOR);
		set(v, C_QUEUE_VECTOR, 2, 0);
		v->messages = get(v, C_QUEUE_VECTOR, 2) == 0;
	}
	*notify = v->reg[CFG_NOTIFY] + (u32)get(v, C_QUEUE_NOTIFY, 2) * v->notify_each;
	set(v, C_QUEUE_ENABLE, 2, 1);
	return true;
}

void vpci_go(const struct vpci *v)
{
	set(v, C_STATUS, 1, STATUS_AGREED | STATUS_DRIVER_OK);
}

bool vpci_is_well(const struct vpci *v)
{
	return get(v, C_STATUS, 1) == (STATUS_AGREED | STATUS_DRIVER_OK);
}

u64 vpci_read(const struct vpci *v, u32 at, u32 width)
{
	return l1_reg_read(v->reg[CFG_DEVICE] + at, width);
}
