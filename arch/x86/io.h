/* SPDX-License-Identifier: BSD-2-Clause */
/* Port input and output. Only the L1 gate, panic and early boot use these directly. */
#pragma once

#include "core/lib/types.h"

/* in8(port), out8(port, value), and so on. */
#define PORT_ACCESS(bits, suffix)                                                                  \
	static inline u##bits in##bits(u16 port)                                                   \
	{                                                                                          \
		u##bits v;                                                                         \
		asm volatile("in" suffix " %1, %0" : "=a"(v) : "Nd"(port));                        \
		return v;                                                                          \
	}                                                                                          \
	static inline void out##bits(u16 port, u##bits v)                                          \
	{                                                                                          \
		asm volatile("out" suffix " %0, %1" ::"a"(v), "Nd"(port));                         \
	}
PORT_ACCESS(8, "b")
PORT_ACCESS(16, "w")
PORT_ACCESS(32, "l")
#undef PORT_ACCESS
