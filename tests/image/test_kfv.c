/* SPDX-License-Identifier: BSD-2-Clause */
/* Complete mediation in the image itself: with the witness at every hook, every gate is seen. */
#include "tests/dialect.h"

#include "core/l1/device.h"
#include "core/l1/gate.h"
#include "core/l2/gate.h"
#include "core/l2/sched.h"
#include "core/l2/snapshot.h"
#include "core/l3/gate.h"
#include "kfv/mediation.h"
#include "tests/image/fault.h"

#define DELAY_PORT 0x80

static struct vm vm;
static struct hrsc driver;
static struct vcpu vcpu;

#define SEEN(op, crossing)                                                                         \
	do {                                                                                       \
		u64 before = witness_seen(op);                                                     \
		(void)(crossing, 0);                                                               \
		EXPECT_EQ(witness_seen(op) - before, 1);                                           \
	} while (0)

static void cross_every_gate(void)
{
	static u64 entry, value;
	const struct device_range ports = { .base = DELAY_PORT, .len = 1 };
	const struct device_range memory = { .base = GIB(3), .len = 8, .mapped = (u8 *)&entry };

	SEEN(HOOK_L1_IRQ, l1_gate_irq(&driver, 4));
	SEEN(HOOK_L1_EXIT, l1_gate_exit(&vcpu.hrsc, EXIT_CPUID, 0, 0));
	SEEN(HOOK_L1_TIMER, l1_gate_timer(&driver));
	SEEN(HOOK_L1_FAULT, fault_on_purpose());
	SEEN(HOOK_L1_REG_READ, l1_gate_read(&driver, DELAY_PORT, 1));
	SEEN(HOOK_L1_REG_WRITE, l1_gate_write(&driver, DELAY_PORT, 1, 0));
	SEEN(HOOK_L1_REG_READ, l1_gate_reg(&driver, &ports, 0, 1, NULL));
	SEEN(HOOK_L1_REG_WRITE, l1_gate_reg(&driver, &ports, 0, 1, &value));
	SEEN(HOOK_L1_REG_READ, l1_gate_reg(&driver, &memory, 0, 8, NULL));
	SEEN(HOOK_L1_REG_WRITE, l1_gate_reg(&driver, &memory, 0, 4, &value));
	SEEN(HOOK_L1_REG_READ, l1_gate_block(&driver, DELAY_PORT, false, &value, 1));
	SEEN(HOOK_L1_REG_WRITE, l1_gate_block(&driver, DELAY_PORT, true, &value, 1));
	SEEN(HOOK_L1_DMA, l1_gate_dma(&driver, HPA(0), PAGE_SIZE));
	SEEN(HOOK_L1_TIMER_ARM, l1_gate_timer_arm(&driver, 0));
	SEEN(HOOK_L1_TABLE_WRITE, l1_gate_table_write(&entry, 0));
	SEEN(HOOK_L2_ENTER, l2_gate_enter(&vcpu.hrsc, vcpu.hv.control));
	SEEN(HOOK_L2_MAP, l2_gate_map(&vm.hrsc, 0, 0, BLOCK_SIZE, 0));
	SEEN(HOOK_L2_LIFE, l2_gate_life(&vm.hrsc, VM_EMPTY, VM_READY, END_NONE));
	SEEN(HOOK_L2_DISK, l2_gate_disk(&driver, DISK_READ, 0, 0, 512));
	SEEN(HOOK_L2_SEND, l2_gate_send(&vm.hrsc, &driver, BUS_RENEW, 0, 0));
	SEEN(HOOK_L2_REFUSED, l2_gate_send(&vm.hrsc, &driver, BUS_FRAME_REFUSED, 0, 0));
	SEEN(HOOK_L2_GRANT, l2_gate_grant(&driver, &vm.hrsc, BUS_READ, 1, 0, 512));
	SEEN(HOOK_L2_COPY, l2_gate_copy(&driver, 1, 2, 512));
	SEEN(HOOK_L3_PORT_READ, l3_port_read(&vcpu, 0x1234, 1));
	SEEN(HOOK_L3_PORT_WRITE, l3_port_write(&vcpu, 0x1234, 1, 0));
	SEEN(HOOK_L3_MMIO_READ, l3_mmio_read(&vcpu, GIB(3), 4));
	SEEN(HOOK_L3_MMIO_WRITE, l3_mmio_write(&vcpu, GIB(3), 4, 0));
	SEEN(HOOK_L3_CPUID, l3_gate_cpuid(&vcpu.hrsc, 0, 0));
	SEEN(HOOK_L3_MSR_READ, l3_gate_msr_read(&vcpu.hrsc, 0));
	SEEN(HOOK_L3_MSR_WRITE, l3_gate_msr_write(&vcpu.hrsc, 0, 0));
	SEEN(HOOK_L3_HYPERCALL, l3_gate_hypercall(&vcpu.hrsc, 0, 0, 0, 0));
	SEEN(HOOK_L3_CONTROL, l3_gate_control(&vcpu.hrsc, 0, 0));
	SEEN(HOOK_L3_IRQ, l3_gate_irq(&driver, 4, true));
	SEEN(HOOK_L3_INJECT, l3_gate_inject(&vcpu.hrsc, 13, 0));
	SEEN(HOOK_L3_MEMORY, l3_gate_memory(&driver, 0, 4, false));
}

static u64 answer(struct hrsc *h, u32 fn, u64 a, u64 b)
{
	(void)h, (void)fn, (void)a, (void)b;
	return 7;
}

static void cross_the_bus(void)
{
	static const struct l2_if bus = { .call = answer };

	driver.l2 = &bus;
	SEEN(HOOK_L2_CALL, l2_gate_call(&vm.hrsc, &driver, BUS_INFO, 0, 0));
	SEEN(HOOK_L2_FRAME, l2_gate_call(&vm.hrsc, &driver, 3 << BUS_PORT_SHIFT | BUS_FRAME, 0, 0));
	driver.l2 = NULL;
}

TEST(kfv_every_gate_calls_its_hook)
{
	enum policy_mode mode = policy_active()->table.mode;

	vcpu.vm = &vm;
	driver.owner = &vm;
	if (!EXPECT_EQ(hrsc_add(&vm.hrsc, HRSC_VM, 0, "t") |
			       hrsc_add(&driver, HRSC_DRIVER, 0, "t") |
			       hrsc_add(&vcpu.hrsc, HRSC_VCPU, 0, "t"),
		    0))
		return;
	EXPECT_EQ(policy_set_mode(POLICY_OFF), 0); /* the witness alone */
	EXPECT_EQ(hook_arm_all(true), 0);
	cross_every_gate();
	cross_the_bus();
	EXPECT_EQ(hook_arm_all(false), 0);
	EXPECT_EQ(driver.armed | vcpu.hrsc.armed | host_hrsc.armed, 0);
	EXPECT_EQ(policy_set_mode(mode), 0);
	hrsc_remove(&vm.hrsc);
	hrsc_remove(&driver);
	hrsc_remove(&vcpu.hrsc);
}

static u64 life_events(void)
{
	static u64 before;
	u64 since = witness_seen(HOOK_L2_LIFE) - before;

	before += since;
	return since;
}

static void live(struct vm *vm)
{
	vm_start(vm);
	EXPECT_EQ(life_events(), 1);
	vm_pause(vm);
	vm_resume(vm);
	EXPECT_EQ(life_events(), 2);
	EXPECT_EQ(vm_snapshot(vm), 0); /* paused for it */
	EXPECT_EQ(life_events(), 2);
	EXPECT_EQ(vm_restart(vm), 0); /* the same */
	EXPECT_EQ(life_events(), 2);
	vm_end(vm, END_KILLED, 0);
	EXPECT_EQ(life_events(), 1);
	EXPECT_EQ(vm_restore(vm), 0); /* paused, then running */
	EXPECT_EQ(life_events(), 2);
	vm_destroy(vm);
	EXPECT_EQ(life_events(), 1);
}

TEST(kfv_every_step_of_a_life_is_seen)
{
	static const struct config_vm config = { .name = "life",
		.memory_bytes = MIB(8),
		.vcpus = 1,
		.weight = WEIGHT_DEFAULT,
		.cpus = ~0ull,
		.kernel = "restless" };
	enum policy_mode mode = policy_active()->table.mode;
	struct vm *vm;

	EXPECT_EQ(policy_set_mode(POLICY_OFF), 0);
	EXPECT(lock_try(&life_lock));
	if (EXPECT_EQ(vm_create(&config, &vm), 0)) {
		EXPECT_EQ(hook_arm_all(true), 0);
		(void)life_events();
		live(vm);
		EXPECT_EQ(hook_arm_all(false), 0);
	}
	lock_give(&life_lock);
	EXPECT_EQ(policy_set_mode(mode), 0);
}

TEST(kfv_policy_in_force_is_armed_everywhere)
{
	EXPECT(policy_active()->table.attached);
	for (u16 id = 0; id < HRSC_MAX; id++)
		if (hrsc_get(id))
			EXPECT_EQ(hrsc_get(id)->armed, policy_active()->armed);
}
