/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio device as a PCI function: its configuration space, with the capabilities that say where
 * its registers are (VIRTIO 1.2, "Virtio Structure PCI Capabilities"; PCI Local Bus Specification,
 * "Configuration Space Organization" and "MSI-X Capability and Table Structures"). Its one range of
 * addresses is fixed: another can be written to the base address register, but there the function
 * does not answer.
 */
#include "drivers/virtio/virtio.h"

#define VENDOR	     0x1af4
#define DEVICE(id)   (0x1040u + (id))
#define REVISION     1
#define SUBSYSTEM    0x1100u
#define STATUS_LIST  BIT(20) /* there are capabilities */
#define STATUS_PIN   BIT(19)
#define COMMAND_MEM  BIT(1)
#define COMMAND_BITS (COMMAND_MEM | COMMAND_DMA | BIT(6) | BIT(8) | COMMAND_NO_PIN)

enum {
	WORD_ID,
	WORD_COMMAND,
	WORD_CLASS,
	WORD_CACHE,
	WORD_BAR,
	WORD_SUBSYSTEM = 11,
	WORD_LIST = 13,
	WORD_INTERRUPT = 15
};

#define CAP_MSIX   0x11
#define CAP_VENDOR 0x09

/* Offsets of the capabilities, and the kinds of virtio's. */
#define LIST_MSIX   (AT_MSIX_WORD * 4)
#define LIST_COMMON 0x50
#define LIST_NOTIFY 0x60
#define LIST_ISR    0x74
#define LIST_ACCESS 0x84
#define LIST_DEVICE 0x98

enum { CFG_COMMON = 1, CFG_NOTIFY, CFG_ISR, CFG_DEVICE, CFG_ACCESS };

/* The capability through which the registers can be reached from configuration space. */
#define WORD_ACCESS (LIST_ACCESS / 4)
enum { ACCESS_BAR = WORD_ACCESS + 1, ACCESS_OFFSET, ACCESS_LEN, ACCESS_DATA };

static void add_capability(
	struct virtio *v, u32 at, u32 next, u32 len, u32 kind, u32 offset, u32 bytes)
{
	u32 *word = &v->config[at / 4];

	word[0] = CAP_VENDOR | next << 8 | len << 16 | kind << 24;
	word[2] = offset;
	word[3] = bytes;
}

void function_reset(const struct virtio_class *c, struct virtio *v)
{
	u32 *w = v->config;

	for (u32 i = 0; i < VIRTIO_CONFIG_WORDS; i++)
		w[i] = 0;
	w[WORD_ID] = VENDOR | DEVICE(c->id) << 16;
	w[WORD_COMMAND] = STATUS_LIST | COMMAND_MEM;
	w[WORD_CLASS] = REVISION | c->pci_class << 8;
	w[WORD_BAR] = MACHINE_BAR(v->slot);
	w[WORD_SUBSYSTEM] = VENDOR | SUBSYSTEM << 16;
	w[WORD_LIST] = LIST_MSIX;
	w[WORD_INTERRUPT] = MACHINE_SLOT_GSI(v->slot) | 1 << 8;
	w[AT_MSIX_WORD] = CAP_MSIX | LIST_COMMON << 8 | (c->queues + 0u) << 16;
	w[AT_MSIX_WORD + 1] = AT_MSIX;
	w[AT_MSIX_WORD + 2] = AT_PENDING;
	add_capability(v, LIST_COMMON, LIST_NOTIFY, 16, CFG_COMMON, AT_COMMON, COMMON_LEN);
	add_capability(
		v, LIST_NOTIFY, LIST_ISR, 20, CFG_NOTIFY, AT_NOTIFY, c->queues * NOTIFY_EACH);
	w[LIST_NOTIFY / 4 + 4] = NOTIFY_EACH;
	add_capability(v, LIST_ISR, LIST_ACCESS, 16, CFG_ISR, AT_ISR, 1);
	add_capability(v, LIST_ACCESS, c->config_len ? LIST_DEVICE : 0, 20, CFG_ACCESS, 0, 0);
	if (c->config_len)
		add_capability(v, LIST_DEVICE, 0, 16, CFG_DEVICE, AT_DEVICE, c->config_len);
}

bool function_decodes(const struct virtio *v)
{
	return (v->config[WORD_COMMAND] & COMMAND_MEM) &&
	       v->config[WORD_BAR] == MACHINE_BAR(v->slot);
}

static u32 writable(u32 word)
{
	switch (word) {
	case WORD_COMMAND:
		return COMMAND_BITS;
	case WORD_CACHE:
	case WORD_INTERRUPT:
	case ACCESS_BAR:
		return 0xff;
	case WORD_BAR:
		return ~(MACHINE_BAR_LEN - 1u);
	case AT_MSIX_WORD:
		return MSIX_ENABLE | MSIX_MASK_ALL;
	case ACCESS_OFFSET:
	case ACCESS_LEN:
	case ACCESS_DATA:
		return UINT32_MAX;
	default:
		return 0;
	}
}

/* What the access capability points to is one register of our range. */
static bool access_is_valid(const struct virtio *v, u32 *offset, u32 *width)
{
	*offset = v->config[ACCESS_OFFSET];
	*width = v->config[ACCESS_LEN];
	return !v->config[ACCESS_BAR] && (*width == 1 || *width == 2 || *width == 4) &&
	       *offset < MACHINE_BAR_LEN && !(*offset & (*width - 1));
}

u64 function_config_read(const struct virtio_class *c, void *state, u32 offset)
{
	struct virtio *v = state;
	u32 word = offset / 4, at, width;

	if (word >= VIRTIO_CONFIG_WORDS)
		return 0;
	if (word == ACCESS_DATA && access_is_valid(v, &at, &width))
		v->config[word] = (u32)virtio_read(c, state, at, width);
	if (word == WORD_COMMAND && v->isr)
		return v->config[word] | STATUS_PIN;
	return v->config[word];
}

void function_config_write(
	const struct virtio_class *c, void *state, u32 offset, u32 value, u32 mask)
{
	struct virtio *v = state;
	u32 word = offset / 4, at, width;

	if (word >= VIRTIO_CONFIG_WORDS)
		return;
	mask &= writable(word);
	v->config[word] = (v->config[word] & ~mask) | (value & mask);
	if (word == ACCESS_DATA && access_is_valid(v, &at, &width))
		virtio_write(c, state, at, width, v->config[word] & (BIT(8 * width) - 1));
	if (word == AT_MSIX_WORD || word == WORD_COMMAND)
		interrupt_update(v);
}
