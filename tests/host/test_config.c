/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration: what a good text becomes, and for every way to go wrong the place and the
 * words with which it is refused.
 */
#include "tests/host/config_text.h"

TEST(config_nothing_is_fine)
{
	static const char *const texts[] = { "", "\n", " \t\r\n", "# only this", ";;;\n#\n;" };

	for (u32 i = 0; i < ARRAY_LEN(texts); i++) {
		good(texts[i]);
		EXPECT_EQ(config.nvms, 0);
		EXPECT_EQ(config.focus, -1);
		EXPECT_EQ(config.policy.line, 0);
	}
}

TEST(config_vm_in_full)
{
	const struct config_vm *vm = &config.vms[0];

	if (!good("# two VMs\n"
		  "vm linux {\n"
		  "	memory 256M   # plenty\n"
		  "	vcpus 2\n"
		  "	kernel vmlinuz-6.1.0\n"
		  "	initrd \"initrd.img\"\n"
		  "	cmdline \"console=ttyS0 dyndbg=\\\"a;b # {}\\\" \\\\\"\n"
		  "	modules one two three four\n"
		  "	devices uart pmtimer\n"
		  "	confined pit virtio\n"
		  "	weight 250\n"
		  "	cap 50\n"
		  "	cpus 0 2-3\n"
		  "	reboot stop\n"
		  "	pvclock off\n"
		  "}\n"))
		return;
	EXPECT_EQ(config.nvms, 1);
	EXPECT_STR(vm->name, "linux");
	EXPECT_EQ(vm->memory_bytes, MIB(256));
	EXPECT_EQ(vm->vcpus, 2);
	EXPECT_STR(vm->kernel, "vmlinuz-6.1.0");
	EXPECT_STR(vm->initrd, "initrd.img");
	EXPECT_STR(vm->cmdline, "console=ttyS0 dyndbg=\"a;b # {}\" \\");
	EXPECT_EQ(vm->nmodules, 4);
	EXPECT_STR(vm->modules[0], "one");
	EXPECT_STR(vm->modules[3], "four");
	EXPECT_EQ(vm->devices, BIT(DEVICE_UART) | BIT(DEVICE_PMTIMER));
	EXPECT_EQ(vm->confined, BIT(DEVICE_PIT) | BIT(CONFINED_VIRTIO));
	EXPECT_EQ(vm->weight, 250);
	EXPECT_EQ(vm->cap, 50);
	EXPECT_EQ(vm->cpus, 0xd);
	EXPECT_EQ(vm->reboot, REBOOT_STOP);
	EXPECT_EQ(vm->pvclock, PVCLOCK_OFF);
	EXPECT_EQ(vm->line, 2);
	EXPECT_EQ(vm->column, 4);
}

TEST(config_vm_defaults)
{
	const struct config_vm *vm = &config.vms[0];

	good("vm a{memory 8M;kernel k}");
	EXPECT_EQ(vm->memory_bytes, MIB(8));
	EXPECT_EQ(vm->vcpus, 1);
	EXPECT_EQ(vm->weight, 100);
	EXPECT_EQ(vm->cap, 0);
	EXPECT_EQ(vm->cpus, ~0ull);
	EXPECT_EQ(vm->devices, BIT(DEVICE_COUNT) - 1);
	EXPECT_EQ(vm->reboot, REBOOT_RESTART);
	EXPECT_EQ(vm->pvclock, PVCLOCK_ON);
	EXPECT_EQ(vm->nmodules, 0);
	EXPECT_STR(vm->initrd, "");
	EXPECT_STR(vm->cmdline, "");
	EXPECT_EQ(config.focus, 0);
}

TEST(config_sizes)
{
	static const struct {
		const char *size;
		u64 bytes;
	} sizes[] = { { "8M", MIB(8) }, { "8388608", MIB(8) }, { "0x1000000", MIB(16) },
		{ "12288K", MIB(12) }, { "0x10M", MIB(16) }, { "4G", GIB(4) }, { "1G", GIB(1) } };
	char text[80];

	for (u32 i = 0; i < ARRAY_LEN(sizes); i++) {
		snprintf(text, sizeof(text), "vm a { memory %s; kernel k }", sizes[i].size);
		good(text);
		EXPECT_EQ(config.vms[0].memory_bytes, sizes[i].bytes);
	}
}

TEST(config_largest_values)
{
	const struct policy_text *p = &config.policy;

	good("vm a { memory 4G; kernel k; vcpus 16; weight 1000 }\n"
	     "policy p { version 4294967295\n"
	     "agent a { x 0-18446744073709551615 }\n"
	     "when a severity info do R23 then R23 after 1000000 within 3600s }");
	EXPECT_EQ(config.vms[0].vcpus, 16);
	EXPECT_EQ(config.vms[0].weight, 1000);
	EXPECT_EQ(p->version, UINT32_MAX);
	EXPECT_EQ(p->agents[0].params[0].last, UINT64_MAX);
	EXPECT_EQ(p->horizontals[0].after, 1000000);
	EXPECT_EQ(p->horizontals[0].within_ns, 3600000000000);
}

TEST(config_devices_none)
{
	good("vm a { memory 8M; kernel k; devices none }");
	EXPECT_EQ(config.vms[0].devices, 0);
}

TEST(config_confined)
{
	good("vm a { memory 8M; kernel k }");
	EXPECT_EQ(config.vms[0].confined, BIT(DEVICE_COUNT + 1) - 1);
	good("vm a { memory 8M; kernel k; confined none }");
	EXPECT_EQ(config.vms[0].confined, 0);
	good("vm a { memory 8M; kernel k; confined all; devices uart }");
	EXPECT_EQ(config.vms[0].confined, BIT(DEVICE_COUNT + 1) - 1);
	EXPECT_EQ(config.vms[0].devices, BIT(DEVICE_UART));
}

TEST(config_focus)
{
#define TWO_VMS "vm a { memory 8M; kernel k }\nvm b { memory 8M; kernel k }\n"
	good("console { focus b }\n" TWO_VMS);
	EXPECT_EQ(config.nvms, 2);
	EXPECT_EQ(config.focus, 1);
	good(TWO_VMS "console { focus kfv ; }");
	EXPECT_EQ(config.focus, -1);
	good(TWO_VMS "console { }");
	EXPECT_EQ(config.focus, 0);
	bad(TWO_VMS "console { focus c }", 3, 17,
		"expected the name of a VM in this text or kfv, got \"c\"");
}

TEST(config_policy_in_full)
{
	const struct policy_text *p = &config.policy;

	if (!good("policy strict-1 {\n"
		  "	version 7\n"
		  "	mode detect\n"
		  "	agent range { ports 0x20-0x3f; window_ms 100 }\n"
		  "	agent rate {\n"
		  "	}\n"
		  "	when range severity warning do R01\n"
		  "	when rate severity critical do R02 then R18 after 8 within 1500ms\n"
		  "	across L1.rate and L3.range within 250us do R18 on subject\n"
		  "	across rate count 3 within 1s do R16\n"
		  "}\n"))
		return;
	EXPECT_STR(p->name, "strict-1");
	EXPECT_EQ(p->line, 1);
	EXPECT_EQ(p->column, 8);
	EXPECT_EQ(p->version, 7);
	EXPECT_EQ(p->mode, POLICY_DETECT);
	EXPECT_EQ(p->nagents, 2);
	EXPECT_STR(p->agents[0].name, "range");
	EXPECT_EQ(p->agents[0].nparams, 2);
	EXPECT_STR(p->agents[0].params[0].name, "ports");
	EXPECT_EQ(p->agents[0].params[0].first, 0x20);
	EXPECT_EQ(p->agents[0].params[0].last, 0x3f);
	EXPECT_STR(p->agents[0].params[1].name, "window_ms");
	EXPECT_EQ(p->agents[0].params[1].first, 100);
	EXPECT_EQ(p->agents[0].params[1].last, 100);
	EXPECT_EQ(p->agents[0].params[1].column, 33);
	EXPECT_EQ(p->agents[1].nparams, 0);
	EXPECT_EQ(p->agents[1].line, 5);
}

TEST(config_policy_rules)
{
	const struct policy_text *p = &config.policy;

	good("policy p { version 0x10\n"
	     "when range severity info do R00\n"
	     "when rate severity critical do R02 then R18 after 8 within 1500ms\n"
	     "across L1.rate and L3.range within 250us do R23 on subject\n"
	     "across rate count 3 within 1s do R16 }\n");
	EXPECT_EQ(p->version, 16);
	EXPECT_EQ(p->mode, POLICY_ON);
	EXPECT_EQ(p->nhorizontals, 2);
	EXPECT_STR(p->horizontals[0].agent, "range");
	EXPECT_EQ(p->horizontals[0].severity, SEVERITY_INFO);
	EXPECT_EQ(p->horizontals[0].reaction, 0);
	EXPECT_EQ(p->horizontals[0].after, 0);
	EXPECT_EQ(p->horizontals[1].severity, SEVERITY_CRITICAL);
	EXPECT_EQ(p->horizontals[1].reaction, 2);
	EXPECT_EQ(p->horizontals[1].then, 18);
	EXPECT_EQ(p->horizontals[1].after, 8);
	EXPECT_EQ(p->horizontals[1].within_ns, 1500000000);
	EXPECT_EQ(p->horizontals[1].line, 3);
	EXPECT_EQ(p->horizontals[1].column, 6);
	EXPECT_EQ(p->nverticals, 2);
	EXPECT_EQ(p->verticals[0].nsources, 2);
	EXPECT_EQ(p->verticals[0].sources[0].layer, 1);
	EXPECT_STR(p->verticals[0].sources[1].agent, "range");
	EXPECT_EQ(p->verticals[0].sources[1].layer, 3);
	EXPECT_EQ(p->verticals[0].sources[1].column, 20);
	EXPECT_EQ(p->verticals[0].count, 2);
	EXPECT_EQ(p->verticals[0].within_ns, 250000);
	EXPECT_EQ(p->verticals[0].reaction, 23);
	EXPECT_EQ(p->verticals[0].target, TARGET_SUBJECT);
	EXPECT_EQ(p->verticals[1].nsources, 1);
	EXPECT_EQ(p->verticals[1].sources[0].layer, 0);
	EXPECT_EQ(p->verticals[1].count, 3);
	EXPECT_EQ(p->verticals[1].target, TARGET_VM);
}

TEST(config_refuses_what_is_no_text)
{
	bad_bytes("vm a\0b {", 8, 1, 5, "expected printable ASCII text, got the byte 0x00");
	bad_bytes("", 1, 1, 1, "expected printable ASCII text, got the byte 0x00");
	bad("# gr\xc3\xbc\xc3\x9f\n", 1, 5, "expected printable ASCII text, got the byte 0xc3");
	bad("\n\n \x1b[2J", 3, 2, "expected printable ASCII text, got the byte 0x1b");
	bad("vm \x7f", 1, 4, "expected printable ASCII text, got the byte 0x7f");
}

TEST(config_refuses_too_much)
{
	static char text[CONFIG_TEXT_MAX + 2];

	memset(text, ' ', sizeof(text) - 1);
	bad(text, 1, 1, "expected at most 65536 bytes of text, got 65537");
	text[CONFIG_TEXT_MAX] = 0;
	good(text);
}

TEST(config_errors_of_blocks)
{
	bad("host a {}", 1, 1, "expected vm, driver, uplink, console or policy, got \"host\"");
	bad("\n  }", 2, 3, "expected vm, driver, uplink, console or policy, got \"}\"");
	bad("vm a", 1, 5, "expected {, got the end of the text");
	bad("vm a\n{ }", 1, 5, "expected {, got the end of the line");
	bad("vm a {\nmemory 8M; kernel k", 2, 20,
		"expected memory, vcpus, kernel, initrd, cmdline, modules, devices, confined, "
		"weight, cap, cpus, reboot, pvclock, disk, entropy, balloon, console, net or }, got the end of the text");
	bad("console { colour red }", 1, 11, "expected focus or }, got \"colour\"");
	bad("console { } console { }", 1, 13, "expected the end of the line, got \"console\"");
	bad("console { }; console { }", 1, 14, "expected console only once in this block");
	bad("policy a { version 1 }\npolicy b { version 2 }", 2, 1,
		"expected policy only once in this block");
	bad("console { focus \"a\" }", 1, 17,
		"expected a VM's name or kfv (a letter, then up to 30 letters, digits, - or _), got \"a\"");
}

#define NAME_31 "abcdefghijabcdefghijabcdefghij1"

TEST(config_errors_of_vm_names)
{
#define VM_NAME_RULE "expected a VM's name (a letter, then up to 30 letters, digits, - or _), got "
	bad("vm {", 1, 4, VM_NAME_RULE "\"{\"");
	bad("vm", 1, 3, VM_NAME_RULE "the end of the text");
	bad("vm 1st {", 1, 4, VM_NAME_RULE "\"1st\"");
	bad("vm a/b {", 1, 4, VM_NAME_RULE "\"a/b\"");
	bad("vm " NAME_31 "x {", 1, 4, VM_NAME_RULE "\"abcdefghijabcdefghij...\"");
	good("vm " NAME_31 " { memory 8M; kernel k }");
	EXPECT_STR(config.vms[0].name, NAME_31);
	bad(TWO_VMS "vm a {", 3, 4, "expected a name that is not taken, got \"a\"");
	bad("vm kfv {", 1, 4, "expected a name that is not taken, got \"kfv\"");
}

TEST(config_errors_of_vms)
{
	bad_in_vm("memroy 8M", 1,
		"expected memory, vcpus, kernel, initrd, cmdline, modules, devices, confined, "
		"weight, cap, cpus, reboot, pvclock, disk, entropy, balloon, console, net or }, got \"memroy\"");
	bad_in_vm("memory 8M; memory 8M", 12, "expected memory only once in this block");
	bad_in_vm("vcpus 1 2", 9, "expected the end of the line, got \"2\"");
	bad("vm a { memory 8M }", 1, 18, "expected kernel, got \"}\"");
	bad("vm a { kernel k\n}", 2, 1, "expected memory, got \"}\"");
}

TEST(config_errors_of_memory)
{
	static const char *const sizes[] = { "6M", "9M", "8193K", "5G", "0", "M", "8MB", "8m",
		"-8M", "\"8M\"", "99999999999999999999", "17179869184G", "8388609", "8.5M" };
	char line[80], message[120];

	for (u32 i = 0; i < ARRAY_LEN(sizes); i++) {
		snprintf(line, sizeof(line), "memory %s", sizes[i]);
		snprintf(message, sizeof(message),
			"expected a multiple of 2M from 8M to 4G, got \"%s\"",
			sizes[i][0] == '"' ? "8M" : sizes[i]);
		bad_in_vm(line, 8, message);
	}
	bad_in_vm("memory", 7, "expected a multiple of 2M from 8M to 4G, got the end of the line");
	bad_in_vm("memory;", 7, "expected a multiple of 2M from 8M to 4G, got \";\"");
}

TEST(config_errors_of_numbers)
{
	bad_in_vm("vcpus 0", 7, "expected a number from 1 to 16, got \"0\"");
	bad_in_vm("vcpus 17", 7, "expected a number from 1 to 16, got \"17\"");
	bad_in_vm("vcpus two", 7, "expected a number from 1 to 16, got \"two\"");
	bad_in_vm("vcpus 18446744073709551617", 7,
		"expected a number from 1 to 16, got \"18446744073709551617\"");
	bad_in_vm("weight 1001", 8, "expected a number from 1 to 1000, got \"1001\"");
	bad_in_vm("cap 0", 5, "expected a number from 1 to 6400, got \"0\"");
	bad_in_vm("cpus 1 64", 8, "expected CPUs from 0 to 63, got 64");
	bad_in_vm("cpus 0-64", 6, "expected CPUs from 0 to 63, got 64");
	bad_in_vm("cpus 3-1", 6, "expected a number, or a range such as 0x20-0x3f, got \"3-1\"");
	bad("policy p { version 4294967296 }", 1, 20,
		"expected a number from 0 to 4294967295, got \"4294967296\"");
}

TEST(config_errors_of_strings)
{
	char line[1200] = "cmdline \"";

	bad_in_vm("kernel", 7,
		"expected the name of a boot module of 1 to 31 bytes, got the end of the line");
	bad_in_vm(
		"kernel \"\"", 8, "expected the name of a boot module of 1 to 31 bytes, got \"\"");
	bad_in_vm("initrd " NAME_31 "x", 8,
		"expected the name of a boot module of 1 to 31 bytes, got \"abcdefghijabcdefghij...\"");
	bad_in_vm("cmdline \"quiet", 9, "expected a closing quote in the same line");
	bad_in_vm("cmdline \"quiet\\", 9, "expected a closing quote in the same line");
	bad("vm a { cmdline \"\\", 1, 16, "expected a closing quote in the same line");
	bad_in_vm("cmdline \"a\\nb\"", 12, "expected \" or \\ after \\");
	bad_in_vm("cmdline \"a\tb\"", 11,
		"expected printable text between quotes, got the byte 0x09");
	bad_in_vm("cmdline \"a\r", 11, "expected printable text between quotes, got the byte 0x0d");
	bad_in_vm("cmdline console=ttyS0 quiet", 23, "expected the end of the line, got \"quiet\"");
	memset(line + 9, 'x', 1024);
	strcpy(line + 9 + 1024, "\"");
	bad_in_vm(line, 9,
		"expected a quoted string of 0 to 1023 bytes, got \"xxxxxxxxxxxxxxxxxxxx...\"");
}

TEST(config_longest_cmdline)
{
	char text[1200] = "vm a { memory 8M; kernel k; cmdline \"";
	size_t start = strlen(text);

	memset(text + start, 'x', 1022);
	strcpy(text + start + 1022, "\\\"\" }");
	good(text);
	EXPECT_EQ(strlen(config.vms[0].cmdline), 1023);
	EXPECT_EQ(config.vms[0].cmdline[1022], '"');
}

TEST(config_errors_of_lists)
{
	bad_in_vm("modules", 8,
		"expected the name of a boot module of 1 to 31 bytes, got the end of the line");
	bad_in_vm("modules a b c d e", 17, "expected at most 4 modules");
	bad_in_vm("devices", 8,
		"expected uart, pic, pit, rtc, ioapic, pci, pmtimer, exitport or kbc, "
		"got the end of the line");
	bad_in_vm("devices uart vga", 14,
		"expected uart, pic, pit, rtc, ioapic, pci, pmtimer, exitport or kbc, got \"vga\"");
	bad_in_vm("devices none uart", 14, "expected the end of the line, got \"uart\"");
	bad_in_vm("devices virtio", 9,
		"expected uart, pic, pit, rtc, ioapic, pci, pmtimer, exitport or kbc, "
		"got \"virtio\"");
	bad_in_vm("confined all uart", 14, "expected the end of the line, got \"uart\"");
	bad_in_vm("confined uart; confined none", 16, "expected confined only once in this block");
	bad_in_vm("confined \"all", 10, "expected a closing quote in the same line");
	bad_in_vm("pvclock maybe", 9, "expected on or off, got \"maybe\"");
	bad_in_vm("reboot never", 8, "expected restart or stop, got \"never\"");
}

TEST(config_errors_of_policy)
{
#define RULE "(a letter, then up to 30 letters, digits, - or _), got "
	bad("policy { version 1 }", 1, 8, "expected the policy's name " RULE "\"{\"");
	bad("policy p { mode on }", 1, 20, "expected version, got \"}\"");
	bad_in_policy("mode maybe", 6, "expected on, detect or off, got \"maybe\"");
	bad_in_policy("whenever", 1,
		"expected version, mode, agent, when, across, port or }, got \"whenever\"");
	bad_in_policy("agent {", 7, "expected an agent " RULE "\"{\"");
	bad_in_policy("agent rate", 11, "expected {, got the end of the line");
	bad_in_policy("agent a { }; agent a { }", 20, "expected parameters of a in one block only");
	bad_in_policy("agent a { 5 }", 11, "expected a parameter or } " RULE "\"5\"");
	bad_in_policy("agent a { x 1; x 2 }", 16, "expected x only once in this block");
	bad_in_policy("agent a { a 1;b 1;c 1;d 1;e 1;f 1;g 1;h 1;i 1 }", 43,
		"expected at most 8 parameters");
	bad_in_policy("agent a { x 1 2 }", 15, "expected the end of the line, got \"2\"");
	bad("policy p { version 1; agent a { x 1", 1, 36,
		"expected a parameter or } " RULE "the end of the text");
}

TEST(config_errors_of_ranges)
{
	static const char *const words[] = { "-", "5-", "-5", "6-5", "1-2-3", "1ms", "x",
		"99999999999999999999-5", "0x-0x1" };
	char line[80], message[120];

	for (u32 i = 0; i < ARRAY_LEN(words); i++) {
		snprintf(line, sizeof(line), "agent a { x %s }", words[i]);
		snprintf(message, sizeof(message),
			"expected a number, or a range such as 0x20-0x3f, got \"%.20s%s\"",
			words[i], strlen(words[i]) > 20 ? "..." : "");
		bad_in_policy(line, 13, message);
	}
}

TEST(config_errors_of_when)
{
	bad_in_policy("when L1.rate", 6, "expected an agent " RULE "\"L1.rate\"");
	bad_in_policy("when rate do R01", 11, "expected severity, got \"do\"");
	bad_in_policy("when rate severity none do R01", 20,
		"expected info, notice, warning, alert or critical, got \"none\"");
	bad_in_policy("when rate severity info R01", 25, "expected do, got \"R01\"");
	bad_in_policy("when rate severity info do R24", 28,
		"expected a reaction from R00 to R23, got \"R24\"");
	bad_in_policy("when rate severity info do R1", 28,
		"expected a reaction from R00 to R23, got \"R1\"");
	bad_in_policy("when rate severity info do R0:", 28,
		"expected a reaction from R00 to R23, got \"R0:\"");
	bad_in_policy("when rate severity info do R01 else R02", 32,
		"expected the end of the line, got \"else\"");
	bad_in_policy("when rate severity info do R01 then R02", 40,
		"expected after, got the end of the line");
	bad_in_policy("when rate severity info do R01 then R02 after 0", 47,
		"expected a number from 1 to 1000000, got \"0\"");
	bad_in_policy("when rate severity info do R01 then R02 after 9", 48,
		"expected within, got the end of the line");
}

TEST(config_errors_of_times)
{
	static const char *const times[] = { "1000", "0ms", "ms", "1h", "3601s",
		"18446744073709551s", "1.5s", "\"1s\"", "5 ms" };
	char line[120], message[120];

	for (u32 i = 0; i < ARRAY_LEN(times); i++) {
		const char *shown = i == 7 ? "1s" : i == 8 ? "5" : times[i];

		snprintf(line, sizeof(line), "across a within %s do R01", times[i]);
		snprintf(message, sizeof(message),
			"expected a time from 1us to 3600s, with us, ms or s, got \"%s\"", shown);
		bad_in_policy(line, 17, message);
	}
}

TEST(config_errors_of_across)
{
	bad_in_policy("across L4.rate", 8, "expected an agent " RULE "\"L4.rate\"");
	bad_in_policy("across L1.", 8, "expected an agent " RULE "\"L1.\"");
	bad_in_policy("across L1.4", 11, "expected an agent " RULE "\"4\"");
	bad_in_policy("across a and", 13, "expected an agent " RULE "the end of the line");
	bad_in_policy("across a and b and c", 16, "expected within, got \"and\"");
	bad_in_policy(
		"across a and b count 1", 22, "expected a number from 2 to 1000000, got \"1\"");
	bad_in_policy("across a within 1s R01", 20, "expected do, got \"R01\"");
	bad_in_policy("across a within 1s do R01 on all", 30,
		"expected vm, subject or object, got \"all\"");
	bad_in_policy(
		"across a within 1s do R01 to vm", 27, "expected the end of the line, got \"to\"");
}

/* n times the same statement, %u in it being a number, between `before` and `after`. */
static const char *repeat(const char *before, const char *statement, u32 n, const char *after)
{
	static char text[8192];
	size_t len = snprintf(text, sizeof(text), "%s\n", before);

	for (u32 i = 0; i < n; i++)
		len += snprintf(text + len, sizeof(text) - len, statement, i);
	snprintf(text + len, sizeof(text) - len, "%s", after);
	return text;
}

TEST(config_limits)
{
	const char *policy = "policy p { version 1";
	const char *vm = "vm v%u { memory 8M; kernel k }\n", *agent = "agent a%u { x 1 }\n";
	const char *when = "when a%u severity info do R01\n";
	const char *across = "across a%u within 1s do R01\n";

	good(repeat("", vm, CONFIG_VMS, ""));
	EXPECT_EQ(config.nvms, CONFIG_VMS);
	EXPECT_STR(config.vms[CONFIG_VMS - 1].name, "v15");
	bad(repeat("", vm, CONFIG_VMS + 1, ""), 18, 4, "expected at most 16 VMs");
	good(repeat(policy, agent, CONFIG_AGENTS, "}"));
	bad(repeat(policy, agent, CONFIG_AGENTS + 1, "}"), 18, 7, "expected at most 16 agents");
	good(repeat(policy, when, CONFIG_HORIZONTALS, "}"));
	bad(repeat(policy, when, CONFIG_HORIZONTALS + 1, "}"), 34, 6,
		"expected at most 32 rules with when");
	good(repeat(policy, across, CONFIG_VERTICALS, "}"));
	bad(repeat(policy, across, CONFIG_VERTICALS + 1, "}"), 18, 8,
		"expected at most 16 rules with across");
}

/* Cut anywhere, a text is read or refused, but never read beyond its end. */
TEST(config_every_prefix)
{
	static const char text[] = "vm a { memory 8M; kernel \"k\\\"\"; devices uart pic }\n"
				   "console { focus a } # c\n"
				   "policy p { version 1; agent a { x 1-2 }\n"
				   "when a severity info do R01 then R02 after 1 within 1s\n"
				   "across L1.a and b count 2 within 1s do R01 on vm }";
	u32 accepted = 0;

	for (size_t len = 0; len <= strlen(text); len++) {
		if (!parse(text, len)) {
			accepted++;
			continue;
		}
		EXPECT(error.line >= 1 && error.line <= 5);
		EXPECT(error.column >= 1 && error.column <= 60);
		EXPECT(!strncmp(error.message, "expected ", 9));
	}
	/* Nothing; the VM and its newline; the console, its comment and newline; all. */
	EXPECT_EQ(accepted, 1 + 2 + 6 + 1);
}
