/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The instruction decoder held against Capstone: shared by its tests and its fuzzer.
 */
#pragma once

#include "drivers/api/decode.h"

#include <capstone/capstone.h>

#define ORACLE_BYTES 16 /* at least what oracle_check() is given */

/* One mode of the CPU, and what came of all checks in it. */
struct oracle {
	csh capstone;
	cs_insn *theirs;
	enum insn_mode mode;
	u64 compared; /* both accepted */
	u64 operands; /* of those, with operands that were compared too */
	u64 wrong;
};

bool oracle_open(struct oracle *o, enum insn_mode mode);
void oracle_close(struct oracle *o);

/*
 * Decodes both ways. Returns NULL if they agree or if one of the listed differences explains it,
 * else what differs.
 */
const char *oracle_check(struct oracle *o, const u8 bytes[ORACLE_BYTES]);
