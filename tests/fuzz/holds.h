/* SPDX-License-Identifier: BSD-2-Clause */
/* What has to be true for any input; where it is not, the fuzzer keeps the input. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#define HOLDS(x)                                                                                   \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #x);     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)
