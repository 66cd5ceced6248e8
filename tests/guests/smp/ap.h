/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the guest's first vCPU and those that it starts. */
#pragma once

#define AP_PAGE	 0x8000
#define AP_STACK 4096
#define AP_MAX	 16
