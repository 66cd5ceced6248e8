/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Says hello and looks at the machine from inside: the tests are in hello/, in the same dialect as
 * all others. Those named machine_ hold on any PC, those named kfv_ only under KungFuVisor.
 *
 * Command line: only=TEXT runs the tests whose name contains it. Exits with 0 if all passed.
 */
#include "tests/dialect.h"
#include "tests/guests/kit/kit.h"

/* The first word of the argument. */
static const char *only(void)
{
	static char word[64];
	const char *text = argument("only");

	for (u32 i = 0; text && i < sizeof(word) - 1 && text[i] && text[i] != ' '; i++)
		word[i] = text[i];
	return text ? word : NULL;
}

u32 guest_main(void)
{
	const char *filter = only();

	print("hello from %s\n", hypervisor_present() ? "KungFuVisor" : "another machine");
	timer_calibrate();
	if (!filter && !hypervisor_present())
		filter = "machine_";
	return tests_run(filter) ? 1 : 0;
}
