/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The nucleus around the emulator, as far as that can tell.
 */
#include "tests/host/machine.h"

#include "arch/x86/cpu.h"
#include "arch/x86/window.h"
#include "core/l3/inject.h"

#include <stdlib.h>
#include <string.h>

#define RAM_HPA 0x7700000000ull /* host addresses look like none of the guest's */

struct machine machine;

static u8 *ram_at(hpa_t pa, u32 len)
{
	static u8 nowhere[PAGE_SIZE];
	u64 offset = pa.v - RAM_HPA;

	if (offset < MACHINE_RAM && len <= MACHINE_RAM - offset &&
		(offset & ~PAGE_MASK) + len <= PAGE_SIZE)
		return machine.ram + offset;
	machine.stray++;
	return nowhere;
}

int vm_ram(const struct vm *vm, gpa_t gpa, hpa_t *out)
{
	if (vm != &machine.vm || gpa.v >= MACHINE_RAM)
		return -EFAULT;
	*out = HPA(RAM_HPA + gpa.v);
	return 0;
}

void window_read(hpa_t pa, void *to, u32 len)
{
	memcpy(to, ram_at(pa, len), len);
}

void window_write(hpa_t pa, const void *from, u32 len)
{
	memcpy(ram_at(pa, len), from, len);
}

bool window_same(hpa_t pa, const void *bytes, u32 len)
{
	return !memcmp(ram_at(pa, len), bytes, len);
}

u64 window_read64(hpa_t pa)
{
	u64 value;

	memcpy(&value, ram_at(HPA(pa.v & ~7ull), 8), 8);
	return value;
}

bool window_exchange(hpa_t pa, u32 width, u64 expected, u64 value)
{
	u8 *at = ram_at(pa, width);
	u64 now = 0;

	if (pa.v & (width - 1))
		machine.stray++;
	memcpy(&now, at, width);
	if (machine.exchange_fails || now != expected)
		return false;
	memcpy(at, &value, width);
	return true;
}

void vcpu_inject_exception(struct vcpu *v, u8 vector, bool has_error, u32 error)
{
	if (v != &machine.v || machine.raised)
		abort(); /* nothing raises twice */
	machine.raised = true;
	machine.vector = vector;
	machine.has_error = has_error;
	machine.error = error;
}

void vcpu_inject_page_fault(struct vcpu *v, u64 address, u32 error)
{
	machine.regs[REG_CR2] = address;
	vcpu_inject_exception(v, VECTOR_PF, true, error);
}

void vcpu_inject_gp(struct vcpu *v)
{
	vcpu_inject_exception(v, VECTOR_GP, true, 0);
}

void vcpu_inject_ud(struct vcpu *v)
{
	vcpu_inject_exception(v, VECTOR_UD, false, 0);
}

void vm_fail(struct vm *vm, const char *why)
{
	if (vm != &machine.vm)
		abort();
	machine.failed = why;
}

u32 vlapic_read(struct vcpu *v, u32 offset)
{
	(void)v;
	if (offset & 15 || offset >= PAGE_SIZE)
		abort();
	return machine.apic[offset / 16];
}

void vlapic_write(struct vcpu *v, u32 offset, u32 value)
{
	(void)v;
	if (offset & 15 || offset >= PAGE_SIZE)
		abort();
	machine.apic[offset / 16] = value;
}

enum hook_verdict hook_fire(u16 op, u16 subject, u16 object, u64 a0, u64 a1, u64 a2, u64 a3)
{
	machine.hook = (struct hook_event){
		.op = op, .subject = subject, .object = object, .arg = { a0, a1, a2, a3 }
	};
	machine.hooks++;
	return machine.verdict;
}

/* Region 0 are the ports, region 1 the memory; the first bytes of both are the same. */
static u8 *device_access(struct hrsc *h, u32 region, u32 offset, u32 width)
{
	u32 len = region == 0 ? MACHINE_PORT_LEN : MACHINE_DEV_LEN;

	if (h != &machine.device || region > 1 || offset > len || width > len - offset ||
		(width != 1 && width != 2 && width != 4 && width != 8))
		abort();
	machine.last_region = region;
	machine.last_offset = offset;
	machine.last_width = width;
	return machine.dev + offset;
}

static u64 device_read(struct hrsc *h, u32 region, u32 offset, u32 width)
{
	u64 value = 0;

	memcpy(&value, device_access(h, region, offset, width), width);
	machine.reads++;
	/* A driver may leave rubbish above what was asked for. */
	return width == 8 ? value : value | 0xa5ull << 56;
}

static void device_write(struct hrsc *h, u32 region, u32 offset, u32 width, u64 value)
{
	memcpy(device_access(h, region, offset, width), &value, width);
	machine.writes++;
}

static u64 reg_read(const struct hv_vcpu *v, enum hv_reg reg)
{
	(void)v;
	return machine.regs[reg];
}

static void reg_write(struct hv_vcpu *v, enum hv_reg reg, u64 value)
{
	(void)v;
	machine.regs[reg] = value;
}

static void segment_read(const struct hv_vcpu *v, enum hv_segment seg, struct segment *out)
{
	(void)v;
	*out = machine.segs[seg];
}

static int cpl(const struct hv_vcpu *v)
{
	(void)v;
	return machine.cpl;
}

static u64 code_space(const struct hv_vcpu *v)
{
	u16 attr = machine.segs[SEG_CS].attr;
	u64 mode = !!(attr & SEG_ATTR_DB);

	(void)v;
	if ((attr & SEG_ATTR_L) && (machine.regs[REG_EFER] & EFER_LMA))
		mode = INSN_MODE_64;
	return (machine.regs[REG_CR3] & ~(3ull << 62)) | mode << 62;
}

static const struct hv_ops machine_hv = {
	.name = "machine",
	.reg_read = reg_read,
	.reg_write = reg_write,
	.segment_read = segment_read,
	.cpl = cpl,
	.code_space = code_space,
};

static void set_segments(u16 code_attr, u16 data_attr, u32 limit)
{
	for (u32 i = SEG_ES; i <= SEG_GS; i++)
		machine.segs[i] = (struct segment){ 0x10, data_attr, limit, 0 };
	machine.segs[SEG_CS] = (struct segment){ 8, code_attr, limit, 0 };
}

void machine_reset(void)
{
	static const struct l3_if l3 = { device_read, device_write };

	memset(&machine, 0, sizeof(machine));
	hv = &machine_hv;
	machine.vm.hrsc = (struct hrsc){ .id = 1, .state = HRSC_LIVE, .vm_id = 1 };
	machine.v.hrsc = (struct hrsc){ .id = 2, .state = HRSC_LIVE, .vm_id = 1 };
	machine.device = (struct hrsc){ .id = 3, .state = HRSC_LIVE, .vm_id = 1, .l3 = &l3 };
	machine.device.owner = machine.v.hrsc.owner = machine.v.vm = &machine.vm;
	machine.v.apic.base_msr = VLAPIC_BASE | BIT(11);
	if (region_add(&machine.vm.ports, MACHINE_PORTS, MACHINE_PORT_LEN, 0, &machine.device) ||
		region_add(&machine.vm.mmio, MACHINE_DEVICE, MACHINE_DEV_LEN, 1, &machine.device))
		abort();
	set_segments(0xa9b, 0xc93, ~0u);
	machine.regs[REG_CR0] = CR0_PE | CR0_PG | CR0_WP;
	machine.regs[REG_CR4] = CR4_PAE;
	machine.regs[REG_EFER] = EFER_LME | EFER_LMA | EFER_NXE;
	machine.regs[REG_CR3] = MACHINE_TABLES;
	machine.v.hv.rflags = RFLAGS_FIXED;
	machine.next_table = MACHINE_TABLES + PAGE_SIZE;
	for (u64 at = 0; at < MACHINE_RAM; at += PAGE_SIZE)
		machine_map(at, at, MAP_W | MAP_U);
}

void machine_protected(bool wide)
{
	machine.regs[REG_CR0] = wide ? CR0_PE : 0;
	machine.regs[REG_CR4] = machine.regs[REG_EFER] = 0;
	if (wide)
		set_segments(0xc9b, 0xc93, ~0u);
	else
		set_segments(0x9b, 0x93, 0xffff);
}

void machine_map(u64 linear, u64 gpa, u64 flags)
{
	u64 table = MACHINE_TABLES;

	for (u32 level = 4; level > 1; level--) {
		u64 at = table + (linear >> (12 + 9 * (level - 1)) & 511) * 8;

		table = machine_number(at, 8);
		if (!table) {
			table = machine.next_table | 7;
			machine.next_table += PAGE_SIZE;
			machine_store(at, 8, table);
		}
		table &= PAGE_MASK;
	}
	machine_store(table + (linear >> 12 & 511) * 8, 8, gpa | flags | 1);
}

void machine_code(const u8 *bytes, u32 len)
{
	memcpy(machine.ram + MACHINE_CODE, bytes, len);
	machine.v.hv.rip = MACHINE_CODE;
}

u64 machine_number(u64 gpa, u32 width)
{
	u64 value = 0;

	if (gpa + width > MACHINE_RAM)
		abort();
	memcpy(&value, machine.ram + gpa, width);
	return value;
}

void machine_store(u64 gpa, u32 width, u64 value)
{
	if (gpa + width > MACHINE_RAM)
		abort();
	memcpy(machine.ram + gpa, &value, width);
}

void machine_mmio(u64 gpa, u8 access)
{
	machine.v.exit = (struct exit){ .kind = EXIT_S2 };
	machine.v.exit.s2.gpa = GPA(gpa);
	machine.v.exit.s2.access = access;
	emulate_mmio(&machine.v, &machine.v.exit);
}
