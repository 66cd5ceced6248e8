/* SPDX-License-Identifier: BSD-2-Clause */
/* What people and machines read of the evidence: names, and a record as a JSON object. */
#include "core/l1/evidence_port.h"
#include "core/lib/fmt.h"
#include "kfv/evidence.h"

#define JSON_MAX  512
#define NS_PER_MS 1000000ul

const char *const outcome_names[OUTCOMES] = {
	[OUTCOME_ALLOW] = "allow",
	[OUTCOME_DENY] = "deny",
	[OUTCOME_DONE] = "done",
	[OUTCOME_FAILED] = "failed",
	[OUTCOME_WITHHELD] = "withheld",
};

const char *const evidence_layers[] = { "L0", "L1", "L2", "L3", "VO" };

#define X(name, iface, args)                                                                       \
	case HOOK_##name:                                                                          \
		return #name;
const char *hook_name(u16 op)
{
	switch (op) {
		HOOK_TABLE(X)
	}
	return "-";
}
#undef X

static bool plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.' || c == '/';
}

const char *evidence_word(char out[EVIDENCE_WORD], const char *in)
{
	u32 n = 0;

	for (; *in && n + 4 < EVIDENCE_WORD; in++)
		if (plain(*in))
			out[n++] = *in;
		else
			n += (u32)fmt_string(out + n, EVIDENCE_WORD - n, "%%%02x", (u8)*in);
	out[n] = 0;
	return out;
}

/* No hook has a fourth worth a word. */
void evidence_args(char *out, size_t size, const struct evidence *r, const char *quote)
{
	int last = r->op == HOOK_NONE ? 3 : 2, n = 0;

	while (last > 0 && !r->arg[last])
		last--;
	for (int i = 0; i <= last && (size_t)n < size; i++)
		n += fmt_string(out + n, size - (size_t)n, "%s%s0x%lx%s", i ? "," : "", quote,
			r->arg[i], quote);
}

void evidence_json(const struct evidence *r, const char *vm, const char *why, u64 mac)
{
	char json[JSON_MAX], args[100];
	int len;

	evidence_args(args, sizeof(args), r, "\"");
	len = fmt_string(json, sizeof(json),
		"{\"seq\":%u,\"time_ms\":%lu,\"layer\":\"%s\",\"agent\":\"%s\",\"severity\":\"%s\","
		"\"vm\":\"%s\",\"op\":\"%s\",\"args\":[%s],\"verdict\":\"%s\",\"reaction\":\"R%02u\","
		"\"n\":%u,\"why\":\"%s\",\"mac\":\"%016lx\"}",
		r->sequence, r->time_ns / NS_PER_MS, evidence_layers[r->layer], r->agent,
		severity_names[r->severity], vm, hook_name(r->op), args, outcome_names[r->outcome],
		r->reaction, r->count, why, mac);
	evidence_emit(json, (u32)MIN((size_t)len, sizeof(json) - 1));
}
