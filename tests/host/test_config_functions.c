/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration of devices on PCI, and the boot modules that are to be disks. */
#include "drivers/api/load.h"
#include "core/lib/fmt.h"
#include "tests/host/config_text.h"

TEST(config_functions)
{
	const struct config_function *f = config.vms[0].functions;

	if (!good("vm a { memory 8M; kernel k\n"
		  "disk root root.img cow\n"
		  "entropy on\n"
		  "disk data \"a b\"\n"
		  "disk scratch c rw }"))
		return;
	EXPECT_EQ(config.vms[0].nfunctions, 4);
	EXPECT_EQ(f[0].kind, FUNCTION_DISK);
	EXPECT_STR(f[0].name, "root");
	EXPECT_STR(f[0].source, "root.img");
	EXPECT_EQ(f[0].mode, DISK_COW);
	EXPECT_EQ(f[0].line, 2);
	EXPECT_EQ(f[0].column, 6);
	EXPECT_EQ(f[1].kind, FUNCTION_ENTROPY);
	EXPECT_STR(f[1].name, "entropy");
	EXPECT_EQ(f[2].mode, DISK_RO);
	EXPECT_STR(f[2].source, "a b");
	EXPECT_EQ(f[3].mode, DISK_RW);
	good("vm a { memory 8M; kernel k; entropy off; console off; devices uart }");
	EXPECT_EQ(config.vms[0].nfunctions, 0);
	good("console { focus a }; vm a { memory 8M; kernel k; console on; balloon on }");
	EXPECT_EQ(config.vms[0].nfunctions, 2);
	EXPECT_EQ(f[0].kind, FUNCTION_CONSOLE);
	EXPECT_EQ(f[1].kind, FUNCTION_BALLOON);
}

TEST(config_physical_disks)
{
	static const char *const modules[] = { "ide", "idea0", "ide0:", "ide0:0", "ide0:17",
		"ide256", "ide0:1x", "ide0x", "ahci-1", "ide99999999999", "ide0:99999999999",
		"disk0" };
	const struct config_function *f = config.vms[0].functions;
	char text[100];

	if (!good("vm a { memory 8M; kernel k\n"
		  "disk a ide3 rw\n"
		  "disk b ide0:16 cow\n"
		  "disk c nvme12:3 cow 32M\n"
		  "disk d ahci255 }\n"
		  "driver ide trusted; driver nvme\n"))
		return;
	for (u32 i = 0; i < 4; i++)
		EXPECT_EQ(f[i].kind, FUNCTION_HOST_DISK);
	EXPECT_STR(f[0].source, "ide3");
	EXPECT_EQ(f[0].partition, 0);
	EXPECT_EQ(f[0].mode, DISK_RW);
	EXPECT_STR(f[1].source, "ide0");
	EXPECT_EQ(f[1].partition, 16);
	EXPECT_EQ(f[1].cow_bytes, MIB(8));
	EXPECT_STR(f[2].source, "nvme12");
	EXPECT_EQ(f[2].partition, 3);
	EXPECT_EQ(f[2].cow_bytes, MIB(32));
	EXPECT_EQ(f[3].mode, DISK_RO);
	EXPECT_EQ(config.ndrivers, 2);
	EXPECT(config.drivers[0].trusted && !config.drivers[1].trusted);
	EXPECT_STR(config.drivers[1].name, "nvme");
	for (u32 i = 0; i < ARRAY_LEN(modules); i++) {
		fmt_string(
			text, sizeof(text), "vm a { memory 8M; kernel k; disk a %s }", modules[i]);
		if (good(text)) {
			EXPECT_EQ(f[0].kind, FUNCTION_DISK);
			EXPECT_STR(f[0].source, modules[i]);
		}
	}
	bad_in_vm("disk a ide0 cow 34M", 17, "expected 8 to 32 MiB for what is written");
	bad_in_vm("disk a ide0 cow 4M", 17, "expected a multiple of 2M from 8M to 4G, got \"4M\"");
	bad_in_vm("disk a ide0 rw 8M", 16, "expected the end of the line, got \"8M\"");
	bad_in_vm("disk a root.img cow 8M", 21, "expected the end of the line, got \"8M\"");
	bad("driver ide loose", 1, 12, "expected confined or trusted, got \"loose\"");
	bad("driver", 1, 7,
		"expected a physical driver's name (a letter, then up to 30 letters, digits, - or "
		"_), got the end of the text");
}

TEST(config_writers_have_a_disk_alone)
{
	static const char *const apart[] = {
		"disk a ide0:1 rw; disk b ide0:2 rw; disk c ide0:3; disk d ide1 rw",
		"disk a ide0; disk b ide0 cow; disk c ide0:1 cow; disk d ide0:1; disk e ide0",
		"disk a ide0 rw; disk b vblk0 rw; disk c ide10; disk d ahci0:1 rw; disk e root rw; "
		"disk f root rw",
	};
	char text[200];

	for (u32 i = 0; i < ARRAY_LEN(apart); i++) {
		fmt_string(text, sizeof(text), "vm a { memory 8M; kernel k; %s }", apart[i]);
		good(text);
	}
	good("vm a { memory 8M; kernel k; disk a ide0:1 rw; disk b ide1 }\n"
	     "vm b { memory 8M; kernel k; disk a ide0:2 rw; disk b ide1:7 cow }");
	bad("vm a { memory 8M; kernel k\ndisk one ide0\ndisk two ide0 rw }", 3, 6,
		"expected nobody beside disk two on ide0, as one of them writes, got disk one of "
		"vm a (line 2)");
	bad("vm a { memory 8M; kernel k\ndisk one ide0:1 rw }\nvm b { memory 8M; kernel k\n"
	    "entropy on; disk two ide0:1 cow }",
		4, 18,
		"expected nobody beside disk two on ide0, as one of them writes, got disk one of "
		"vm a (line 2)");
	bad("vm a { memory 8M; kernel k\ndisk one ide0 rw }\nvm c { memory 8M; kernel k }\n"
	    "vm b { memory 8M; kernel k; disk two ide0:16 }",
		4, 34,
		"expected nobody beside disk two on ide0, as one of them writes, got disk one of "
		"vm a (line 2)");
	bad("vm a { memory 8M; kernel k\ndisk one nvme3:2 rw; disk two nvme3 rw }", 2, 27,
		"expected nobody beside disk two on nvme3, as one of them writes, got disk one of "
		"vm a (line 2)");
}

TEST(config_nets)
{
	const struct config_function *f = config.vms[0].functions;
	u64 made_up;

	if (!good("vm a { memory 8M; kernel k\n"
		  "net lan0 office\n"
		  "net lan1 office mac 52:54:00:aB:34:56 open rate 1000 ip 10.0.0.254 mirror vlan 4094\n"
		  "}; vm b { memory 8M; kernel k; net lan0 office }"))
		return;
	EXPECT_EQ(f[0].kind, FUNCTION_NET);
	EXPECT_STR(f[0].name, "lan0");
	EXPECT_STR(f[0].source, "office");
	made_up = f[0].port.mac;
	EXPECT_EQ(made_up >> 40 & 3, 2); /* one card's, no vendor's */
	EXPECT_EQ(made_up >> 48, 0);
	EXPECT_EQ(f[0].port.vlan + f[0].port.rate_kib + f[0].port.open + f[0].port.mirror, 0);
	EXPECT_EQ(f[1].port.mac, 0x525400ab3456);
	EXPECT_EQ(f[1].port.vlan, 4094);
	EXPECT_EQ(f[0].port.ip, 0);
	EXPECT_EQ(f[1].port.ip, 0x0a0000fe);
	EXPECT_EQ(f[1].port.rate_kib, 1000);
	EXPECT(f[1].port.open && f[1].port.mirror);
	EXPECT(config.vms[1].functions[0].port.mac != made_up);
	good("vm a { memory 8M; kernel k; net lan0 office }");
	EXPECT_EQ(f[0].port.mac, made_up);
}

TEST(config_errors_of_nets)
{
	static const char *const macs[] = { "1", "52:54:00:12:34", "52:54:00:12:34:5g",
		"52-54-00-12-34-56", "52:54:00:12:34:567", "01:00:00:00:00:01", "00:00:00:00:00:00",
		"52:54:00:12:34:5" };
	static const char *const ips[] = { "1", "10.0.0", "10.0.0.256", "10.0.0.", "10.0.0.1.2",
		"0.0.0.1", "224.0.0.1", "255.255.255.255", ".1.2.3", "10..0.1", "1000.0.0.1",
		"0x1.2.3.4", "1.2.3.a" };
	char line[80], words[160];

	bad_in_vm("net", 4,
		"expected a network device's name (a letter, then up to 30 letters, digits, - or "
		"_), got the end of the line");
	bad_in_vm("net a", 6,
		"expected a switch's name (a letter, then up to 30 letters, digits, - or _), got "
		"the end of the line");
	bad_in_vm("net a b fast", 9, "expected vlan, rate, mirror, mac, open or ip, got \"fast\"");
	bad_in_vm("net a b open open", 14, "expected open only once");
	bad_in_vm("net a b vlan 4095", 14, "expected a number from 0 to 4094, got \"4095\"");
	bad_in_vm(
		"net a b rate 1048577", 14, "expected a number from 0 to 1048576, got \"1048577\"");
	bad_in_vm("net a b mac", 12,
		"expected an address of one card like 52:54:00:12:34:56, got the end of the line");
	for (u32 i = 0; i < ARRAY_LEN(macs); i++) {
		snprintf(line, sizeof(line), "net a b mac %s", macs[i]);
		snprintf(words, sizeof(words),
			"expected an address of one card like 52:54:00:12:34:56, got \"%s\"",
			macs[i]);
		bad_in_vm(line, 13, words);
	}
	for (u32 i = 0; i < ARRAY_LEN(ips); i++) {
		snprintf(line, sizeof(line), "net a b ip %s", ips[i]);
		snprintf(words, sizeof(words),
			"expected an IPv4 address of one machine like 10.0.0.2, or any, got \"%s\"",
			ips[i]);
		bad_in_vm(line, 12, words);
	}
}

TEST(config_reads_uplinks)
{
	const struct config_function *f = config.uplinks;

	good("uplink office ne0; uplink lab ne12 mirror vlan 7 rate 1000; uplink c e1000-3\n"
	     "vm a { memory 8M; kernel k }");
	EXPECT_EQ(config.nuplinks, 3);
	EXPECT(!strcmp(f[0].name, "ne0") && !strcmp(f[0].source, "office"));
	EXPECT(f[0].port.open && !f[0].port.mirror && !f[0].port.vlan && !f[0].port.rate_kib);
	EXPECT(!strcmp(f[1].name, "ne12") && !strcmp(f[1].source, "lab"));
	EXPECT(f[1].port.open && f[1].port.mirror);
	EXPECT(f[1].port.vlan == 7 && f[1].port.rate_kib == 1000 && f[1].line == 1);
	EXPECT_STR(f[2].name, "e1000-3");
	good("vm a { memory 8M; kernel k }");
	EXPECT_EQ(config.nuplinks, 0);
}

TEST(config_errors_of_uplinks)
{
	static const char *const cards[] = { "ne", "ne256", "ne0x", "n0", "e1000", "e10000",
		"e1000-", "e1000-256", "ide0", "ne0-", "ne-0" };
	char line[80], words[160];

	bad("uplink", 1, 7,
		"expected a switch's name (a letter, then up to 30 letters, digits, - or _), got "
		"the end of the text");
	bad("uplink a\n", 1, 9,
		"expected a physical card's name (a letter, then up to 30 letters, digits, - or "
		"_), got the end of the line");
	bad("\nuplink a ne0 open", 2, 14, "expected vlan, rate or mirror, got \"open\"");
	bad("uplink a ne0 vlan 1 vlan 1", 1, 21, "expected vlan only once");
	bad("uplink a ne0; uplink b ne0", 1, 24,
		"expected a card that is no uplink yet, got \"ne0\"");
	bad("uplink a ne0; uplink a ne1; uplink a ne2; uplink a ne3; uplink a ne4", 1, 64,
		"expected at most 4 uplinks");
	for (u32 i = 0; i < ARRAY_LEN(cards); i++) {
		snprintf(line, sizeof(line), "uplink a %s", cards[i]);
		snprintf(words, sizeof(words),
			"expected a physical card's name, driver and number like ne0 or e1000-0, got \"%s\"",
			cards[i]);
		bad(line, 1, 10, words);
	}
}

TEST(config_errors_of_functions)
{
	bad_in_vm("disk", 5,
		"expected a disk's name (a letter, then up to 30 letters, digits, - or _), got the "
		"end of the line");
	bad_in_vm("disk 1 b", 6,
		"expected a disk's name (a letter, then up to 30 letters, digits, - or _), got "
		"\"1\"");
	bad_in_vm("disk a", 7,
		"expected the name of a boot module of 1 to 31 bytes, got the end of the line");
	bad_in_vm("disk a b wo", 10, "expected ro, cow or rw, got \"wo\"");
	bad_in_vm("disk a b ro ro", 13, "expected the end of the line, got \"ro\"");
	bad_in_vm("disk a b; disk a c", 16, "expected a name that no other device has, got \"a\"");
	bad_in_vm("entropy on; disk entropy c", 18,
		"expected a name that no other device has, got \"entropy\"");
	bad_in_vm("entropy maybe", 9, "expected off or on, got \"maybe\"");
	bad_in_vm("entropy on; entropy on", 13, "expected entropy only once in this block");
	bad_in_vm("disk a b; disk c b; disk d b; disk e b; disk f b; disk g b; disk h b; disk i "
		  "b; disk j b",
		86, "expected at most 8 devices on PCI");
	bad("vm a { memory 8M; kernel k; devices uart; entropy on }", 1, 51,
		"expected pci among the devices: entropy is one on PCI");
}

static const struct load_source sources[] = { { "good", NULL, MIB(5) }, { "odd", NULL, 513 },
	{ "empty", NULL, 0 } };

static const struct load_source *find(const char *name)
{
	for (u32 i = 0; i < ARRAY_LEN(sources); i++)
		if (!strcmp(sources[i].name, name))
			return &sources[i];
	return NULL;
}

static int load(const char *text, u32 *blocks)
{
	static struct guest_disk disks[CONFIG_FUNCTIONS + 1];
	struct load_error why = { "" };
	int err;

	good(text);
	memset(disks, 0, sizeof(disks));
	err = load_disks(&config.vms[0], find, disks, blocks, &why);
	EXPECT(!err == !why.message[0]);
	if (err)
		return err;
	for (u32 i = 1; i <= CONFIG_FUNCTIONS; i++)
		if (disks[i].module)
			EXPECT_EQ(disks[i].mode, config.vms[0].functions[i - 1].mode);
	return 0;
}

TEST(disks_need_blocks_for_their_copies)
{
	u32 blocks = 4;

	EXPECT_EQ(load("vm a { memory 8M; kernel k; disk a good; entropy on; disk b good cow;"
		       "disk c good rw }",
			  &blocks),
		0);
	EXPECT_EQ(blocks, 4 + 3 + 3);
	EXPECT_EQ(load("vm a { memory 8M; kernel k; disk a odd }", &blocks), -EINVAL);
	EXPECT_EQ(load("vm a { memory 8M; kernel k; disk a empty }", &blocks), -EINVAL);
	EXPECT_EQ(
		load("vm a { memory 8M; kernel k; disk a good; disk b other }", &blocks), -ENOENT);
	EXPECT_EQ(blocks, 10);
}

TEST(physical_disks_are_those_found_at_boot)
{
	struct load_host_disk *d = load_host_disks;
	u32 blocks = 4;

	*d = (struct load_host_disk){ .name = "ide1", .unit = 1, .sectors = { 100, 0, 20 } };
	EXPECT_EQ(load("vm a { memory 8M; kernel k; disk a ide1; disk b ide1:2 cow 16M }", &blocks),
		0);
	EXPECT_EQ(blocks, 4 + 8);
	EXPECT_EQ(load("vm a { memory 8M; kernel k; disk a ide1:2 rw }", &blocks), 0);
	EXPECT_EQ(blocks, 4 + 8);
	EXPECT_EQ(load("vm a { memory 8M; kernel k; disk a ide1:1 }", &blocks), -ENOENT);
	EXPECT_EQ(load("vm a { memory 8M; kernel k; disk a ide0 }", &blocks), -ENOENT);
	EXPECT_EQ(load("vm a { memory 8M; kernel k; disk a ide1:3 }", &blocks), -ENOENT);
	*d = (struct load_host_disk){ .name = "" };
}

TEST(physical_disks_have_one_writer)
{
	static struct config_vm first;
	struct load_error why = { "" };

	good("vm a { memory 8M; kernel k; disk one ide1:1 rw; disk two ide0 }");
	first = config.vms[0];
	good("vm b { memory 8M; kernel k; disk x ide1:2 rw; disk y ide0 }");
	EXPECT_EQ(load_beside(&config.vms[0], &first, &why), 0);
	EXPECT_EQ(load_beside(&first, &first, &why), 0);
	EXPECT_STR(why.message, "");
	good("vm b { memory 8M; kernel k\ndisk x ide1 }");
	EXPECT_EQ(load_beside(&config.vms[0], &first, &why), -EBUSY);
	EXPECT_STR(why.message,
		"line 2, disk x: expected nobody beside it on ide1, as one of them writes, found "
		"disk one of vm a");
}
