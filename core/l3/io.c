/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports. The CPU has checked the I/O permission before it exited, and the exit says port, width and
 * direction; only string forms have to be read from memory, for their address and segment (APM
 * volume 2, "IOIO_PROT"; SDM volume 3, "Exit Qualification for I/O Instructions").
 */
#include "core/l3/emulate.h"

#include "core/l3/fetch.h"
#include "core/l3/gate.h"
#include "core/l3/string.h"

static void emulate_string_io(struct vcpu *v, const struct exit *exit)
{
	struct emulation e = { .v = v, .exit = exit };
	int mode = guest_fetch(v, &e.insn);

	if (mode < 0)
		return;
	e.mode = (enum insn_mode)mode;
	if (e.insn.op != (exit->io.in ? INSN_INS : INSN_OUTS) || e.insn.width != exit->io.width) {
		guest_retry(v);
		return;
	}
	string_run(&e);
}

void emulate_io(struct vcpu *v, const struct exit *exit)
{
	u32 width = exit->io.width;
	u8 len = exit->insn_len;

	if (unlikely(exit->io.string)) {
		emulate_string_io(v, exit);
		return;
	}
	if (unlikely(!len) && guest_insn_len(v, &len) < 0)
		return;
	if (exit->io.in)
		gpr_write(v, RAX, width, false, l3_port_read(v, exit->io.port, width));
	else
		l3_port_write(v, exit->io.port, width, gpr_read(v, RAX, width, false));
	vcpu_advance(v, len);
}
