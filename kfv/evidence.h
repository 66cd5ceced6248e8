/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Evidence: every decision is one line of a chained, keyed log, for people on the console
 *
 *	KFV 7 81250 L3 range WARNING vm=linux op=L3_PORT_READ args=0x1f0,0x1 verdict=deny
 *	reaction=R01 n=1 why=absent-ports mac=0123456789abcdef		(one line)
 *
 * and as a JSON object with the same fields for machines. The MAC is SipHash-2-4 over the previous
 * line's MAC (8 bytes, little endian; 0 before line 0) and the line up to " mac=": a line that is
 * forged, changed, removed or moved breaks the chain, which tools/kfv-verify.py checks.
 */
#pragma once

#include "drivers/api/sha256.h"
#include "kfv/reaction.h"

#define HOOK_NONE 0xffff /* op of a record that no hook caused */

enum { EVIDENCE_FRAMEWORK = 0, EVIDENCE_VO = 4 }; /* layers beside 1, 2 and 3 */

struct evidence {
	u64 time_ns;
	u64 arg[4];
	const char *agent, *why; /* constants */
	u32 sequence;		 /* given when the line is written */
	u32 count;
	u16 op, vm;
	u8 layer, severity;
	u8 outcome;  /* enum outcome */
	u8 reaction; /* enum reaction code */
};

/*
 * Starts the chain. The key is derived from `secret`; without one from the clock, which keeps out
 * guests but nobody who knows when this machine was started.
 */
void evidence_start(const char *secret);
/* The key of this chain, for the verifier. */
const u8 *evidence_key(void);

/*
 * Keeps one record; never blocks, prints or fails. When the ring is full the record is counted as
 * lost, and a line will say so. A part of the ring is kept for ALERT and above, for the vertical
 * orchestrator and for the framework itself.
 */
void evidence_record(const struct evidence *r);
/* The same, with what is known of it from the event and its agent. */
void evidence_decision(struct evidence *r, const struct hook_event *e, u32 agent);
void evidence_snapshot(const struct hook_event *e, const u8 digest[SHA256_SIZE]);
/* A line about the framework itself. */
void evidence_note(const char *agent, const char *why, u64 a, u64 b);

/* Writes up to `max` records out as lines. Not on an exit's path. */
void evidence_flush(u32 max);
/* There are records that are not written yet. */
bool evidence_waits(void);
/* The n-th record from the last one written (0: the last), NULL when there is none. */
const struct evidence *evidence_recent(u32 n);

/*
 * diag/evidence_text.c: what is read of it.
 */
extern const char *const outcome_names[OUTCOMES], *const evidence_layers[];
/* Name of a hook's op, "-" for what is none. */
const char *hook_name(u16 op);
#define EVIDENCE_WORD 28
/* One word without spaces, quotes or control characters: others become %XX. Cut when too long. */
const char *evidence_word(char out[EVIDENCE_WORD], const char *in);
/* The arguments up to the last one that is not 0, at least one, with commas; quoted for JSON. */
void evidence_args(char *out, size_t size, const struct evidence *r, const char *quote);
/* Sends it to the machines' port. vm and why are words. */
void evidence_json(const struct evidence *r, const char *vm, const char *why, u64 mac);
