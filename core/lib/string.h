/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The few functions of the C library that compilers call on their own, and those everybody expects.
 * In the image they are core/lib/string.c; on the host they are the C library's.
 */
#pragma once

#include "core/lib/types.h"

void *memcpy(void *to, const void *from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int value, size_t len);
int memcmp(const void *a, const void *b, size_t len);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t len);
char *strchr(const char *s, int c);

/* Freestanding compilers would call even for eight bytes: let them know these again. */
#if !__STDC_HOSTED__
#define memcpy(to, from, len)  __builtin_memcpy(to, from, len)
#define memset(to, value, len) __builtin_memset(to, value, len)
#define memcmp(a, b, len)      __builtin_memcmp(a, b, len)
#define strlen(s)	       __builtin_strlen(s)
#endif
