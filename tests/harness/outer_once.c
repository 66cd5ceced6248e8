/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outer_once: makes an interrupt that the outer KVM injects arrive once. QEMU's emulator keeps the
 * vector of an interrupt that VMRUN has delivered as an exception still to come, until the next
 * exit; if one of its timers runs out before that, it delivers the vector again, whatever IF says.
 * An interrupt of the outer system's own that waits at VMRUN makes that exit come before the
 * handler's first instruction.
 *
 * Two BPF programs do that (Linux, Documentation/bpf/standardization/instruction-set.rst; bpf(2)):
 * the first notes that KVM injects, the second runs before VMRUN, with interrupts off, and sends
 * signal 0, which is none, for which the kernel interrupts itself. They last as long as the process
 * that is left behind.
 */
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LEN(a) (sizeof(a) / sizeof(*(a)))
#define INSN(op, d, s, o, i)                                                                       \
	{                                                                                          \
		.code = (op), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)               \
	}
#define SET(d, i)	INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define LOAD(d, s)	INSN(BPF_LDX | BPF_MEM | BPF_W, d, s, 0, 0)
#define STORE(d, i)	INSN(BPF_ST | BPF_MEM | BPF_W, d, 0, 0, i)
#define SKIP_IF_0(r, n) INSN(BPF_JMP | BPF_JEQ | BPF_K, r, 0, n, 0)
#define CALL(f)		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)
#define EXIT		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
/* The address of the map's one value. */
#define VALUE(d, map)                                                                              \
	INSN(BPF_LD | BPF_DW | BPF_IMM, d, BPF_PSEUDO_MAP_VALUE, 0, map), INSN(0, 0, 0, 0, 0)

static int bpf(int command, union bpf_attr *attr, const char *what)
{
	int fd = (int)syscall(SYS_bpf, command, attr, sizeof(*attr));

	if (fd < 0) {
		perror(what);
		exit(1);
	}
	return fd;
}

static int one_value(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 1,
	};

	return bpf(BPF_MAP_CREATE, &attr, "map");
}

static void run_at(char *tracepoint, const struct bpf_insn *insns, uint32_t count)
{
	static char license[] = "BSD";
	union bpf_attr program = {
		.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
		.insn_cnt = count,
		.insns = (uintptr_t)insns,
		.license = (uintptr_t)license,
	}, open = { .raw_tracepoint.name = (uintptr_t)tracepoint };

	open.raw_tracepoint.prog_fd = (uint32_t)bpf(BPF_PROG_LOAD, &program, "program");
	bpf(BPF_RAW_TRACEPOINT_OPEN, &open, tracepoint);
}

int main(void)
{
	int injects = one_value();
	const struct bpf_insn note[] = {
		VALUE(BPF_REG_1, injects),
		STORE(BPF_REG_1, 1),
		SET(BPF_REG_0, 0),
		EXIT,
	};
	const struct bpf_insn interrupt[] = {
		VALUE(BPF_REG_1, injects),
		LOAD(BPF_REG_2, BPF_REG_1),
		SKIP_IF_0(BPF_REG_2, 3),
		STORE(BPF_REG_1, 0),
		SET(BPF_REG_1, 0),
		CALL(BPF_FUNC_send_signal),
		SET(BPF_REG_0, 0),
		EXIT,
	};

	run_at("kvm_inj_virq", note, LEN(note));
	run_at("kvm_entry", interrupt, LEN(interrupt));
	printf("kvm's interrupts arrive once\n");
	if (fork() == 0)
		for (;;)
			pause();
	return 0;
}
