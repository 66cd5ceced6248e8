/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A physical driver in an attacker's hands: of its device it reaches what it was given, anything
 * else is its end; and its device is cut off from memory when it fails.
 */
#include "tests/dialect.h"

#include "arch/x86/compartment.h"
#include "arch/x86/cpu.h"
#include "arch/x86/trap.h"
#include "boot/layout.h"
#include "boot/pci.h"
#include "core/l1/frame.h"
#include "core/l1/gate.h"
#include "core/l1/time.h"
#include "core/l2/host.h"
#include "core/l2/placement.h"
#include "tests/image/hostile.h"

#define DELAY_PORT  0x80
#define NOBODY	    0xffff /* a function that no machine has */
#define PORTS	    0	   /* ranges */
#define MEMORY	    1
#define PCI_COMMAND 4
#define COMMAND_DMA BIT(2)
#define CLASS_DISK  0x01
#define REGISTERS   64
#define CLOSED	    16
#define CLOSED_END  32

static u64 registers[REGISTERS / 8 + 1];

static struct device device = {
	.address = NOBODY,
	.range = { { .base = DELAY_PORT, .len = 3 }, { .base = GIB(3),
							     .len = REGISTERS,
							     .mapped = (u8 *)registers,
							     .closed = CLOSED,
							     .closed_end = CLOSED_END } },
};

static struct hrsc *place(const struct driver *d, struct device *its)
{
	struct hrsc *h;

	if (!EXPECT_EQ(driver_place(&host_vm, d, 0, true), 0))
		return NULL;
	h = host_vm.driver[host_vm.ndrivers - 1];
	h->device = its;
	driver_start(h);
	return h;
}

static void remove_all(void)
{
	while (host_vm.ndrivers)
		driver_remove(host_vm.driver[--host_vm.ndrivers]);
	time_arm(0);
	asm volatile("sti; nop; cli" ::: "memory");
}

static void expect_end(struct hrsc *h, enum hostile_act act, u64 value, u64 cause)
{
	driver_start(h);
	h->l3->write(h, 0, act, 8, value);
	EXPECT_EQ(h->state, HRSC_FAILED);
	if (!EXPECT_EQ(h->compartment->fault.cause, cause))
		test_printf("# act %u with %#lx: %s\n", act, (unsigned long)value,
			cause_name(h->compartment->fault.cause));
}

static void expect_fine(struct hrsc *h, enum hostile_act act, u64 value)
{
	driver_start(h);
	h->l3->write(h, 0, act, 8, value);
	if (!EXPECT_EQ(h->state, HRSC_LIVE))
		test_printf("# act %u with %#lx: %s\n", act, (unsigned long)value,
			cause_name(h->compartment->fault.cause));
}

TEST(device_is_reached_in_its_ranges)
{
	struct hrsc *h = place(&hostile_driver, &device);

	if (!h)
		return;
	registers[0] = 0x8877665544332211;
	expect_fine(h, ACT_reg_read, HOSTILE_REG(MEMORY, 0, 8));
	EXPECT_EQ(h->l3->read(h, 0, 0, 8), 0x8877665544332211);
	expect_fine(h, ACT_reg_read, HOSTILE_REG(MEMORY, 4, 4));
	EXPECT_EQ(h->l3->read(h, 0, 0, 8), 0x88776655);
	expect_fine(h, ACT_reg_read, HOSTILE_REG(MEMORY, 2, 2));
	EXPECT_EQ(h->l3->read(h, 0, 0, 8), 0x4433);
	expect_fine(h, ACT_reg_read, HOSTILE_REG(MEMORY, 7, 1));
	EXPECT_EQ(h->l3->read(h, 0, 0, 8), 0x88);
	expect_fine(h, ACT_reg_write, HOSTILE_REG(MEMORY, REGISTERS - 4, 4));
	EXPECT_EQ(registers[REGISTERS / 8 - 1] >> 32, DEVICE_REG(MEMORY, REGISTERS - 4));
	EXPECT_EQ(registers[REGISTERS / 8], 0);
	expect_fine(h, ACT_reg_write, HOSTILE_REG(MEMORY, CLOSED - 8, 8));
	expect_fine(h, ACT_reg_read, HOSTILE_REG(MEMORY, CLOSED_END, 4));
	expect_fine(h, ACT_reg_read, HOSTILE_REG(PORTS, 0, 1));
	expect_fine(h, ACT_reg_write, HOSTILE_REG(PORTS, 2, 1));
	expect_fine(h, ACT_reg_in, HOSTILE_REG(PORTS, 0, 4));
	expect_fine(h, ACT_reg_out, HOSTILE_REG(PORTS, 0, 4));
	remove_all();
}

TEST(device_is_not_reached_elsewhere)
{
	static const u64 foreign[] = { HOSTILE_REG(PORTS, 3, 1), HOSTILE_REG(PORTS, 2, 2),
		HOSTILE_REG(PORTS, 1, 2), HOSTILE_REG(PORTS, 0, 4), HOSTILE_REG(PORTS, 0, 8),
		HOSTILE_REG(PORTS, 0, 0), HOSTILE_REG(PORTS, 0, 3),
		HOSTILE_REG(PORTS, 0xfffffff, 1), HOSTILE_REG(MEMORY, REGISTERS, 1),
		HOSTILE_REG(MEMORY, REGISTERS - 4, 8), HOSTILE_REG(MEMORY, 4, 8),
		HOSTILE_REG(MEMORY, 1, 2), HOSTILE_REG(MEMORY, 0, 16),
		HOSTILE_REG(MEMORY, CLOSED, 1), HOSTILE_REG(MEMORY, CLOSED_END - 8, 8),
		HOSTILE_REG(MEMORY, CLOSED_END - 1, 1), HOSTILE_REG(MEMORY, 0xffffff8, 8),
		HOSTILE_REG(2, 0, 1), HOSTILE_REG(5, 0, 4), HOSTILE_REG(6, 0, 1),
		HOSTILE_REG(15, 0, 1), HOSTILE_REG(MEMORY, 0, 0x80000000) };
	struct hrsc *h = place(&hostile_driver, &device);

	for (u32 i = 0; h && i < ARRAY_LEN(foreign); i++) {
		expect_end(h, ACT_reg_read, foreign[i], CAUSE_GRANT);
		expect_end(h, ACT_reg_write, foreign[i], CAUSE_GRANT);
	}
	if (h) {
		expect_end(h, ACT_reg_in, HOSTILE_REG(MEMORY, 0, 1), CAUSE_GRANT);
		expect_end(h, ACT_reg_out, HOSTILE_REG(PORTS, 2, 1), CAUSE_GRANT);
		expect_end(h, ACT_reg_in, HOSTILE_REG(PORTS, 0, 0x80000000), CAUSE_GRANT);
		expect_end(h, ACT_reg_in, HOSTILE_REG(PORTS, 0, 2048), CAUSE_POINTER);
		expect_end(h, ACT_reg_out, HOSTILE_REG(PORTS, 0, 2047), CAUSE_POINTER);
		expect_end(h, ACT_bus_master, 1, CAUSE_GRANT);
		h->device = NULL; /* no device, no register */
		expect_end(h, ACT_reg_read, HOSTILE_REG(PORTS, 0, 1), CAUSE_GRANT);
		expect_end(h, ACT_reg_out, HOSTILE_REG(PORTS, 0, 1), CAUSE_GRANT);
	}
	remove_all();
}

TEST(device_memory_is_shared_and_ends)
{
	struct hrsc *h = place(&hostile_driver, &device);
	u8 *page = pages_alloc(1, FRAME_COMPARTMENT);

	if (!h || !EXPECT(page) || !EXPECT_EQ(compartment_share(h->compartment, page, 1), 0))
		return;
	expect_end(h, ACT_read, COMPARTMENT_SHARED - 8, VECTOR_PF);
	expect_end(h, ACT_write, COMPARTMENT_SHARED + PAGE_SIZE, VECTOR_PF);
	expect_end(h, ACT_jump, COMPARTMENT_SHARED, VECTOR_PF);
	expect_fine(h, ACT_write, COMPARTMENT_SHARED + PAGE_SIZE - 8);
	EXPECT_EQ(*(u64 *)(page + PAGE_SIZE - 8), 0x4b465621);
	remove_all();
	pages_free(page, 1);
}

static struct device *find_disk(void)
{
	for (struct device *d = devices; d < devices + device_count; d++)
		if (d->setup.config[2] >> 24 == CLASS_DISK)
			return d;
	return NULL;
}

/* Every emulated machine here boots from a disk or a CD. */
TEST(device_of_a_failed_driver_reaches_no_memory)
{
	struct device *d = find_disk();
	struct hrsc *h = EXPECT(d) ? place(&granted_driver, d) : NULL;
	u32 before = d ? pci_read(d->address, PCI_COMMAND) & 0xffff : 0;

	if (!h)
		return;
	d->memory = (u8 *)h->compartment;
	expect_fine(h, ACT_bus_master, 1);
	EXPECT(pci_read(d->address, PCI_COMMAND) & COMMAND_DMA);
	expect_fine(h, ACT_bus_master, 0);
	EXPECT(!(pci_read(d->address, PCI_COMMAND) & COMMAND_DMA));
	expect_fine(h, ACT_bus_master, 1);
	expect_end(h, ACT_ud2, 0, 6);
	EXPECT(!(pci_read(d->address, PCI_COMMAND) & COMMAND_DMA));
	EXPECT_EQ(pci_read(d->address, PCI_COMMAND) & 3, before & 3);
	d->memory = NULL;
	pci_write(d->address, PCI_COMMAND, before);
	remove_all();
}
