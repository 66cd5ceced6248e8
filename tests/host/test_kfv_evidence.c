/* SPDX-License-Identifier: BSD-2-Clause */
#include "kfv/evidence.h"

#include "drivers/api/siphash.h"
#include "tests/dialect.h"
#include "tests/host/kfv_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Starts a chain at 12345 ms with nothing logged yet. */
static void start(void)
{
	fake_reset();
	fake.now_ns = 12345 * MS;
	evidence_start("secret");
}

static void end(u64 now_ns)
{
	fake.now_ns = now_ns;
}

static struct evidence decision(u8 severity)
{
	return (struct evidence){ .time_ns = 12346 * MS,
		.arg = { 0x1f0, 1 },
		.agent = "range",
		.why = "absent-ports",
		.count = 4,
		.op = HOOK_L3_PORT_READ,
		.vm = FAKE_A,
		.layer = 3,
		.severity = severity,
		.outcome = OUTCOME_DENY,
		.reaction = 1 };
}

static void record(u8 severity)
{
	struct evidence r = decision(severity);

	evidence_record(&r);
}

/*
 * Follows the chain as a verifier does that only knows the key and the format. Returns how many
 * lines are genuine and in their places, from the first on.
 */
static u32 verify(const char *log)
{
	u8 data[600] = { 0 }; /* MAC of the line before, then the line */
	u32 lines = 0;

	for (const char *line = log; *line; line = strchr(line, '\n') + 1, lines++) {
		const char *tail = strstr(line, " mac=");
		size_t len = (size_t)(tail - line);
		char want[20], prefix[20];
		u64 mac;

		if (!tail || len > 500)
			return lines;
		memcpy(data + 8, line, len);
		mac = siphash24(evidence_key(), data, 8 + len);
		snprintf(want, sizeof(want), "%016llx\n", (unsigned long long)mac);
		snprintf(prefix, sizeof(prefix), "KFV %u ", lines);
		if (strncmp(tail + 5, want, 17) || strncmp(line, prefix, strlen(prefix)))
			return lines;
		memcpy(data, &mac, 8);
	}
	return lines;
}

/* The verifier's own test (tests/tools/test_verify.py) holds the same lines. */
TEST(kfv_evidence_golden_lines)
{
	u64 now = fake.now_ns;

	start();
	record(SEVERITY_WARNING);
	evidence_flush(10);
	EXPECT_STR(fake.log,
		"KFV 0 12345 L0 epoch info vm=host op=- args=0xcdeae0bd verdict=done reaction=R00 n=1 "
		"why=key mac=c81d5bfbe2d6b3f6\n"
		"KFV 1 12346 L3 range warning vm=a op=L3_PORT_READ args=0x1f0,0x1 verdict=deny "
		"reaction=R01 n=4 why=absent-ports mac=2507495fe8d33ade\n");
	EXPECT_STR(fake.json,
		"{\"seq\":0,\"time_ms\":12345,\"layer\":\"L0\",\"agent\":\"epoch\",\"severity\":\"info\","
		"\"vm\":\"host\",\"op\":\"-\",\"args\":[\"0xcdeae0bd\"],\"verdict\":\"done\",\"reaction\":\"R00\","
		"\"n\":1,\"why\":\"key\",\"mac\":\"c81d5bfbe2d6b3f6\"}\n"
		"{\"seq\":1,\"time_ms\":12346,\"layer\":\"L3\",\"agent\":\"range\",\"severity\":\"warning\","
		"\"vm\":\"a\",\"op\":\"L3_PORT_READ\",\"args\":[\"0x1f0\",\"0x1\"],\"verdict\":\"deny\","
		"\"reaction\":\"R01\",\"n\":4,\"why\":\"absent-ports\",\"mac\":\"2507495fe8d33ade\"}\n");
	end(now + 7200000 * MS);
}

TEST(kfv_evidence_chain_holds)
{
	static char copy[1 << 16];
	u64 now = fake.now_ns;
	char *second, *third;

	start();
	for (u32 i = 0; i < 20; i++)
		record(SEVERITY_ALERT);
	evidence_flush(100);
	EXPECT_EQ(verify(fake.log), 21);

	strcpy(copy, fake.log); /* one bit of one line */
	strstr(copy, "KFV 7 ")[60] ^= 1;
	EXPECT_EQ(verify(copy), 7);

	strcpy(copy, fake.log); /* one line gone */
	second = strstr(copy, "KFV 4 ");
	third = strstr(copy, "KFV 5 ");
	memmove(second, third, strlen(third) + 1);
	EXPECT_EQ(verify(copy), 4);

	strcpy(copy, fake.log); /* two lines of the same length change places */
	second = strstr(copy, "KFV 4 ");
	third = strstr(copy, "KFV 5 ");
	for (size_t i = 0, n = (size_t)(third - second); i < n; i++) {
		char c = second[i];

		second[i] = third[i];
		third[i] = c;
	}
	EXPECT_EQ(verify(copy), 4);
	end(now + 7200000 * MS);
}

TEST(kfv_evidence_keys_differ)
{
	u64 now = fake.now_ns;
	u8 first[SHA256_SIZE];

	start();
	memcpy(first, evidence_key(), sizeof(first));
	evidence_start("secret2");
	EXPECT(memcmp(first, evidence_key(), 16));
	evidence_start("secret");
	EXPECT_MEM(evidence_key(), first, 16);
	/* Without a secret no two starts have the same key. */
	evidence_start(NULL);
	memcpy(first, evidence_key(), sizeof(first));
	evidence_start(NULL);
	EXPECT(memcmp(first, evidence_key(), 16));
	end(now + 7200000 * MS);
}

TEST(kfv_evidence_escapes_names)
{
	u64 now = fake.now_ns;

	start();
	fake.vm_name = "a b\"\n\x80KFV 1 mac=00";
	record(SEVERITY_WARNING);
	evidence_flush(10);
	EXPECT_EQ(fake_logged("vm=a%20b%22%0a%80KFV%201%20 op="), 1);
	EXPECT_EQ(fake_logged("\n"), 2);
	EXPECT_EQ(verify(fake.log), 2);
	fake.vm_name = NULL;
	end(now + 7200000 * MS);
}

TEST(kfv_evidence_lines_are_whole)
{
	u64 now = fake.now_ns;
	struct evidence r = decision(SEVERITY_CRITICAL);

	start();
	fake.vm_name = "a-name-of-thirty-one-characters";
	r.agent = "an-agent-of-20-bytes";
	r.why = "a-reason-that-is-far-too-long-for-a-line";
	r.time_ns = ~0ull;
	r.count = ~0u;
	r.op = HOOK_L3_PORT_WRITE;
	r.outcome = OUTCOME_WITHHELD;
	memset(r.arg, 0xff, sizeof(r.arg));
	evidence_record(&r);
	evidence_flush(10);
	EXPECT_EQ(verify(fake.log), 2);
	EXPECT(strstr(fake.json, "\"mac\":\"") && strstr(fake.json, "\"}\n"));
	end(now + 7200000 * MS);
}

TEST(kfv_evidence_flood_leaves_room_for_alerts)
{
	u64 now = fake.now_ns;

	start();
	for (u32 i = 0; i < 1000; i++)
		record(SEVERITY_WARNING);
	for (u32 i = 0; i < 64; i++)
		record(SEVERITY_ALERT);
	for (u32 i = 0; i < 10; i++)
		record(SEVERITY_ALERT);
	evidence_flush(1000);
	evidence_flush(1000);
	EXPECT_EQ(fake_logged(" range alert "), 64);
	EXPECT_EQ(fake_logged(" range warning "), 191);
	/* What was lost is told: 809 warnings and 10 alerts. */
	EXPECT_EQ(fake_logged(
			  "L0 evidence info vm=host op=- args=0x333 verdict=done reaction=R00 n=1 "
			  "why=overflow"),
		1);
	EXPECT_EQ(verify(fake.log), 257);
	end(now + 7200000 * MS);
}

TEST(kfv_evidence_recent_is_what_was_written)
{
	u64 now = fake.now_ns;

	start();
	EXPECT(!evidence_recent(0));
	record(SEVERITY_WARNING);
	EXPECT(!evidence_recent(0));
	evidence_flush(10);
	EXPECT_STR(evidence_recent(0)->agent, "range");
	EXPECT_STR(evidence_recent(1)->agent, "epoch");
	EXPECT(!evidence_recent(2));
	for (u32 i = 0; i < 1000; i++) {
		record(SEVERITY_WARNING);
		evidence_flush(10);
	}
	EXPECT(evidence_recent(255));
	EXPECT(!evidence_recent(256));
	EXPECT_EQ(evidence_recent(255)->sequence, 1001 - 255);
	end(now + 7200000 * MS);
}
