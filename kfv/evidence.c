/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The evidence log: records are kept in a ring on the hooks' path and become lines later. What has
 * been written stays in the ring until its place is needed, for the `events` command.
 */
#include "kfv/evidence.h"

#include "core/l1/log.h"
#include "core/l1/time.h"
#include "core/lib/fmt.h"
#include "drivers/api/siphash.h"
#include "core/lib/string.h"
#include "kfv/actuators.h"
#include "kfv/agent.h"
#include "kfv/mediation.h"

#define RECORDS	  256 /* a power of two */
#define RESERVED  64  /* for ALERT and above, the VO and the framework */
#define LINE_MAX  235 /* with the MAC the longest text that log_print() takes */
#define NS_PER_MS 1000000ul

static struct evidence records[RECORDS]; /* (o) */
static u32 head, tail;			 /* (o) ever recorded, ever written */
static u32 lost, lost_reported;		 /* (o) */
static u32 next_sequence;		 /* (o) */
static u64 mac;				 /* (o) of the last line */
static u8 key[SHA256_SIZE];		 /* (c) 16 bytes of key, 4 of its name */

const u8 *evidence_key(void)
{
	return key;
}

void evidence_start(const char *secret)
{
	u64 clock[3] = { __builtin_ia32_rdtsc(), time_now_ns(), (u64)time_wall_at_boot() };
	struct sha256 s;
	u32 name;

	sha256_init(&s);
	if (secret && *secret)
		sha256_update(&s, secret, strlen(secret));
	else
		sha256_update(&s, clock, sizeof(clock));
	sha256_final(&s, key);
	memcpy(&name, key + 16, sizeof(name));
	head = tail = lost = lost_reported = next_sequence = 0;
	mac = 0;
	evidence_note("epoch", "key", name, 0);
}

void evidence_record(const struct evidence *r)
{
	bool local = r->layer != EVIDENCE_FRAMEWORK && r->layer != EVIDENCE_VO;
	u32 keep = local && r->severity < SEVERITY_ALERT ? RESERVED : 0;
	bool taken = lock_take_again(&kfv_lock);

	if (RECORDS - (head - tail) <= keep)
		lost++;
	else
		records[head++ % RECORDS] = *r;
	lock_give_again(&kfv_lock, taken);
}

void evidence_decision(struct evidence *r, const struct hook_event *e, u32 agent)
{
	r->agent = agent_get(agent)->name;
	r->op = e->op;
	r->vm = e->vm;
	r->severity = e->severity;
	memcpy(r->arg, e->arg, sizeof(r->arg));
	evidence_record(r);
}

/* Of what no hook has caused. */
static struct evidence done(const char *agent, const char *why)
{
	return (struct evidence){
		.time_ns = time_now_ns(),
		.agent = agent,
		.why = why,
		.count = 1,
		.op = HOOK_NONE,
		.severity = SEVERITY_INFO,
		.outcome = OUTCOME_DONE,
	};
}

void evidence_snapshot(const struct hook_event *e, const u8 digest[SHA256_SIZE])
{
	struct evidence r = done("snapshot", "sha256");

	r.vm = e->vm;
	r.layer = EVIDENCE_VO;
	r.reaction = R22_SNAPSHOT;
	for (u32 i = 0; i < SHA256_SIZE; i++)
		r.arg[i / 8] = r.arg[i / 8] << 8 | digest[i];
	evidence_record(&r);
}

void evidence_note(const char *agent, const char *why, u64 a, u64 b)
{
	struct evidence r = done(agent, why);

	r.arg[0] = a;
	r.arg[1] = b;
	evidence_record(&r);
}

static u64 chain(const char *line, size_t len)
{
	u8 data[sizeof(mac) + LINE_MAX];

	memcpy(data, &mac, sizeof(mac));
	memcpy(data + sizeof(mac), line, len);
	return siphash24(key, data, sizeof(mac) + len);
}

static void write_line(const struct evidence *r, const char *vm, const char *why)
{
	char line[LINE_MAX], args[84];
	int len;

	evidence_args(args, sizeof(args), r, "");
	len = fmt_string(line, sizeof(line),
		"KFV %u %lu %s %s %s vm=%s op=%s args=%s verdict=%s reaction=R%02u n=%u why=%s",
		r->sequence, r->time_ns / NS_PER_MS, evidence_layers[r->layer], r->agent,
		severity_names[r->severity], vm, hook_name(r->op), args, outcome_names[r->outcome],
		r->reaction, r->count, why);
	mac = chain(line, MIN((size_t)len, sizeof(line) - 1));
	log_info("%s mac=%016lx", line, mac);
}

/* The next record to be written, as it stands in the ring; false: there is none. */
static bool take_record(struct evidence *r)
{
	bool any;

	lock_take(&kfv_lock);
	any = tail != head;
	if (any) {
		records[tail % RECORDS].sequence = next_sequence++;
		*r = records[tail++ % RECORDS];
	}
	lock_give(&kfv_lock);
	return any;
}

void evidence_flush(u32 max)
{
	char vm[EVIDENCE_WORD], why[EVIDENCE_WORD];
	struct evidence r;

	for (; max && take_record(&r); max--) {
		evidence_word(vm, act_vm_name(r.vm));
		evidence_word(why, r.why);
		write_line(&r, vm, why);
		evidence_json(&r, vm, why, mac);
	}
	if (lost != lost_reported) {
		evidence_note("evidence", "overflow", lost - lost_reported, 0);
		lost_reported = lost;
	}
}

bool evidence_waits(void)
{
	return tail != head;
}

const struct evidence *evidence_recent(u32 n)
{
	u32 kept = MIN(tail, RECORDS - (head - tail));

	return n < kept ? &records[(tail - 1 - n) % RECORDS] : NULL;
}
