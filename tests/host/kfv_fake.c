/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/host/kfv_fake.h"

#include "core/l1/evidence_port.h"
#include "core/l1/gate.h"
#include "core/l1/log.h"
#include "core/l1/time.h"
#include "core/l2/modules.h"
#include "kfv/actuators.h"
#include "kfv/evidence.h"
#include "kfv/policy.h"
#include "tests/dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake fake;
u32 fake_version = 1;
struct vm fake_vm[3];
struct vcpu fake_vcpu[3];
struct hrsc fake_driver[3];

u64 time_now_ns(void)
{
	return fake.now_ns;
}

s64 time_wall_at_boot(void)
{
	return 1700000000;
}

static void append(char *to, size_t size, const char *text)
{
	size_t len = strlen(to);

	snprintf(to + len, size - len, "%s", text);
}

void log_print(enum log_level level, const char *fmt, ...)
{
	char line[1024];
	va_list args;

	(void)level;
	va_start(args, fmt);
	vsnprintf(line, 256, fmt, args);
	va_end(args);
	append(line, sizeof(line), "\n");
	append(fake.log, sizeof(fake.log), line);
}

void out(const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	append(fake.log, sizeof(fake.log), text);
}

void panic(const char *fmt, ...)
{
	(void)fmt;
	abort();
}

void evidence_emit(const char *json, u32 len)
{
	char line[1024];

	snprintf(line, sizeof(line), "%.*s\n", (int)len, json);
	append(fake.json, sizeof(fake.json), line);
}

static const char *verify(const struct hv_vcpu *v)
{
	return fake.broken[container_of(v, struct vcpu, hv)->hrsc.vm_id];
}

static const struct hv_ops fake_hv = { .name = "fake", .verify = verify };
const struct hv_ops *hv = &fake_hv;

static int act(const char *what, u16 vm)
{
	char text[64];

	if (!vm || vm > FAKE_B)
		return -ENOENT;
	fake.touched |= BIT(vm);
	snprintf(text, sizeof(text), "%s %u;", what, vm);
	append(fake.acts, sizeof(fake.acts), text);
	return 0;
}

const char *act_vm_name(u16 vm)
{
	static const char *const names[] = { "host", "a", "b" };

	return vm == FAKE_A && fake.vm_name ? fake.vm_name : vm <= FAKE_B ? names[vm] : "?";
}

bool act_vm_running(u16 vm)
{
	return fake.running[vm];
}

int act_throttle(u16 vm, u16 subject, u64 until_ns)
{
	fake.throttled_until_ns[vm] = MAX(fake.throttled_until_ns[vm], until_ns);
	fake.throttled_vcpu = subject;
	return act("throttle", vm);
}

int act_restore(u16 vm)
{
	if (!fake.unrepairable)
		fake.broken[vm] = NULL;
	return act("restore", vm) ? -ENOENT : fake.broken[vm] ? -EIO : 0;
}

bool act_intact(u16 vm)
{
	return !fake.broken[vm];
}

int act_measure(u16 vm, u8 digest[SHA256_SIZE])
{
	memset(digest, 0xab, SHA256_SIZE);
	return act("measure", vm);
}

int act_keep(u16 vm)
{
	return act("keep", vm);
}

int act_microreboot(u16 vm, u16 subject)
{
	fake.microrebooted = subject;
	return act("microreboot", vm);
}

int act_isolate(u16 vm, u16 subject)
{
	fake.isolated = subject;
	return act("isolate", vm);
}

void act_own_ports(const struct policy_table *t)
{
	fake.ports = t;
	fake.ports_told++;
}

int act_pause(u16 vm)
{
	fake.running[vm] = false;
	return act("pause", vm);
}

int act_resume(u16 vm)
{
	fake.running[vm] = true;
	return act("resume", vm);
}

int act_kill(u16 vm)
{
	fake.running[vm] = false;
	return act("kill", vm);
}

int act_restart(u16 vm)
{
	return act("restart", vm);
}

int act_safe_state(void)
{
	append(fake.acts, sizeof(fake.acts), "safe;");
	return 0;
}

void act_call_orchestrator(u16 vm)
{
	fake.called |= BIT(vm);
}

const struct load_source *module_find(const char *name)
{
	static struct load_source source;

	if (!fake.module || strcmp(name, "policy.conf"))
		return NULL;
	source =
		(struct load_source){ "policy.conf", (const u8 *)fake.module, strlen(fake.module) };
	return &source;
}

int fake_policy_compile(struct policy_table *out, const struct policy_text *text,
	const struct catalogue *c, struct config_error *error)
{
	int err = policy_compile(out, text, c, error);

	if (!err && fake.damage)
		fake.damage(out);
	return err;
}

static enum severity probe_detect(const u32 *param, const struct hook_event *e, const char **why)
{
	(void)param;
	fake.probe_seen++;
	fake.probe_event = *e;
	*why = fake.probe_why ?: "told-to";
	return fake.probe_says;
}

static const u16 probe_ops[] = { HOOK_L2_CALL, HOOK_L3_HYPERCALL };
static const struct agent probe = {
	.name = "probe",
	.help = "says what the test wants",
	.ops = probe_ops,
	.nops = ARRAY_LEN(probe_ops),
	.nparams = 1,
	.params = { { "knob", 5, 1, 10 } },
	.detect = probe_detect,
};
AGENT_REGISTER(probe);

static enum severity echo_detect(const u32 *param, const struct hook_event *e, const char **why)
{
	(void)param, (void)e;
	*why = "echo";
	return fake.echo_says;
}

static const struct agent echo = {
	.name = "echo",
	.help = "a second one at the same hooks",
	.ops = probe_ops,
	.nops = ARRAY_LEN(probe_ops),
	.detect = echo_detect,
};
AGENT_REGISTER(echo);

static void build(u16 id)
{
	static const char *const names[] = { "", "a", "b" };
	static const struct driver descriptor = { .name = "fake-uart" };

	EXPECT_EQ(hrsc_add(&fake_vm[id].hrsc, HRSC_VM, id, names[id]), 0);
	EXPECT_EQ(hrsc_add(&fake_vcpu[id].hrsc, HRSC_VCPU, id, names[id]), 0);
	fake_driver[id].driver = &descriptor;
	EXPECT_EQ(hrsc_add(&fake_driver[id], HRSC_DRIVER, id, names[id]), 0);
	fake_vcpu[id].hv.control = &fake_vcpu[id];
}

void fake_reset(void)
{
	u64 now = fake.now_ns;
	struct config_error error;

	memset(&fake, 0, sizeof(fake));
	hv = &fake_hv; /* other tests have machines of their own */
	fake.now_ns =
		now + 3600000 * MS; /* it never goes back, and what was counted is long over */
	if (!fake_vm[FAKE_A].hrsc.id) {
		build(FAKE_A);
		build(FAKE_B);
	}
	fake.running[FAKE_A] = fake.running[FAKE_B] = true;
	evidence_start("secret");
	EXPECT_EQ(policy_load(policy_default, strlen(policy_default), &error), 0);
	hook_vm_created(&fake_vm[FAKE_A].hrsc);
	hook_vm_created(&fake_vm[FAKE_B].hrsc);
	hook_orchestrate();
	fake.log[0] = fake.json[0] = 0;
}

void fake_policy(const char *statements)
{
	struct config_error error = { 0 };
	char text[4096];
	int len = snprintf(
		text, sizeof(text), "policy test { version %u\n%s\n}\n", fake_version, statements);

	if (!EXPECT_EQ(policy_load(text, (size_t)len, &error), 0))
		test_printf("# %u:%u: %s\n", error.line, error.column, error.message);
}

enum hook_verdict fake_port(u16 vm, u16 port, u8 width)
{
	return HOOK(fake_vcpu[vm].hrsc.armed, HOOK_L3_PORT_READ, fake_vcpu[vm].hrsc.id,
		fake_driver[vm].id, port, width, 0, 0);
}

enum hook_verdict fake_call(u16 vm)
{
	return HOOK(fake_driver[vm].armed, HOOK_L2_CALL, fake_driver[vm].id, fake_driver[vm].id, 1,
		2, 3, 0);
}

enum hook_verdict fake_enter(u16 vm)
{
	return HOOK(fake_vcpu[vm].hrsc.armed, HOOK_L2_ENTER, fake_vcpu[vm].hrsc.id,
		fake_vcpu[vm].hrsc.id, (u64)fake_vcpu[vm].hv.control, 0, 0, 0);
}

enum hook_verdict fake_exit(u16 vm, u32 kind)
{
	const struct hrsc *h = &fake_vcpu[vm].hrsc;

	return h->armed & HOOK_EXIT_BIT(kind)
		       ? hook_fire(HOOK_L1_EXIT, host_hrsc.id, h->id, kind, 0x1000, 100, 0)
		       : HOOK_ALLOW;
}

u32 fake_logged(const char *text)
{
	u32 n = 0;

	for (const char *s = fake.log; (s = strstr(s, text)); s += strlen(text))
		n++;
	return n;
}

bool vcpu_at_hand(const struct vcpu *v)
{
	(void)v;
	return true;
}
