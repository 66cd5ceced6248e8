/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hostile kernels: whatever the file says, the loaders stay within the file and within RAM, write
 * nothing when they refuse, and say why in a terminated line.
 */
#include "drivers/api/load.h"
#include "tests/host/guest_ram.h"

#define RAM MIB(32)

static struct guest_ram ram;

static void judge(int result, const struct load_error *err)
{
	if (ram.stray)
		abort();
	if (result && (result != -EINVAL || ram.writes || !err->message[0] ||
			      !memchr(err->message, 0, sizeof(err->message))))
		abort();
}

/* Reading the whole source shows the sanitizer any length that is too large. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	struct load_source kernel = { "kernel", data, len };
	struct load_source module = { "module", data, len / 2 };
	struct boot_state state;
	struct load_error err = { "" };

	if (!ram.bytes)
		guest_ram_make(&ram, RAM);
	ram.writes = 0;
	judge(load_linux(&ram.memory, &kernel, &module, "quiet", &state, &err), &err);
	err.message[0] = 0;
	ram.writes = 0;
	judge(load_multiboot(&ram.memory, &kernel, &module, 1, "quiet", &state, &err), &err);
	return 0;
}
