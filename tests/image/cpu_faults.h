/* SPDX-License-Identifier: BSD-2-Clause */
/* What cannot be expected of the CPU that the image runs on. */
#pragma once

#include "tests/faults/faults.h"

/* Tries it, and states it as a line of the test that holds only in part because of it. */
bool cpu_fault(enum fault f);
