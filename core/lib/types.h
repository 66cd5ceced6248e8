/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words everything else is written in: fixed-width integers, the address types, error
 * numbers and the compiler's attributes. Freestanding, and compiled on the host by the unit tests.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

/* An address says whose it is: mixing two of these does not compile. */
typedef struct {
	u64 v;
} hpa_t; /* host physical */
typedef struct {
	u64 v;
} gpa_t; /* guest physical */
typedef struct {
	u64 v;
} gva_t; /* guest linear */
typedef struct {
	u64 v;
} iova_t; /* as a device sees it */

#define HPA(x) ((hpa_t){ (x) })
#define GPA(x) ((gpa_t){ (x) })
#define GVA(x) ((gva_t){ (x) })

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096ul
#define PAGE_MASK  (~(PAGE_SIZE - 1))
#define BLOCK_SIZE (2ul << 20) /* what one large page maps */

#define KIB(n) ((u64)(n) << 10)
#define MIB(n) ((u64)(n) << 20)
#define GIB(n) ((u64)(n) << 30)

#define __must_check   __attribute__((warn_unused_result))
#define __packed       __attribute__((packed))
#define __aligned(n)   __attribute__((aligned(n)))
#define __used	       __attribute__((used))
#define __unused       __attribute__((unused))
#define __noreturn     __attribute__((noreturn))
#define __section(s)   __attribute__((section(s)))
#define __printf(f, a) __attribute__((format(printf, f, a)))
#define __noinline     __attribute__((noinline))
#undef __always_inline /* the host's C library has its own */
#define __always_inline inline __attribute__((always_inline))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ARRAY_LEN(a)	      (sizeof(a) / sizeof((a)[0]))
#define BIT(n)		      (1ull << (n))
#define MIN(a, b)	      ((a) < (b) ? (a) : (b))
#define MAX(a, b)	      ((a) > (b) ? (a) : (b))
#define ALIGN_UP(x, a)	      (((x) + (a)-1) & ~((typeof(x))(a)-1))
#define ALIGN_DOWN(x, a)      ((x) & ~((typeof(x))(a)-1))
#define PAGES_FOR(bytes)      ((u32)(ALIGN_UP((u64)(bytes), PAGE_SIZE) >> PAGE_SHIFT))
#define container_of(p, t, m) ((t *)((char *)(p)-offsetof(t, m)))
#define static_assert _Static_assert

/* In-memory formats of the hardware are pinned with these two. */
#define ASSERT_SIZE(type, size) static_assert(sizeof(type) == (size), #type " size")
#define ASSERT_OFFSET(type, field, off)                                                            \
	static_assert(offsetof(type, field) == (off), #type "." #field)

/* Error numbers: functions return 0 or -Exxx. The values are those of Linux. */
enum {
	EPERM = 1,
	ENOENT = 2,
	EIO = 5,
	E2BIG = 7,
	EAGAIN = 11,
	ENOMEM = 12,
	EACCES = 13,
	EFAULT = 14,
	EBUSY = 16,
	EEXIST = 17,
	ENODEV = 19,
	EINVAL = 22,
	ENOSPC = 28,
	ERANGE = 34,
	ENOSYS = 38,
	EBADMSG = 74,
	EOVERFLOW = 75,
	ETIMEDOUT = 110,
	ESTALE = 116,
};
