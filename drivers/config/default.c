/* SPDX-License-Identifier: BSD-2-Clause */
/* The policy that is in force where the configuration has no policy block. */
#include "drivers/api/policy.h"

const char policy_default[] =
	"policy default {\n"
	"	version 0\n"
	"	mode on\n"
	"	when range severity notice do R00\n"
	"	when range severity warning do R01 then R02 after 32 within 1s\n"
	"	when rate severity warning do R02\n"
	"	when control severity critical do R07\n"
	"	when fault severity warning do R10\n"
	"	when flood severity warning do R02\n"
	"	when forgery severity warning do R00 then R13 after 16 within 1s\n"
	"	across L1.rate count 4 within 2s do R18\n"
	"	across L1.rate and L3.range count 6 within 2s do R16\n"
	"	across L1.rate count 16 within 10s do R16\n"
	"	across L2.flood count 4096 within 2s do R18\n"
	"	across L2.control within 1s do R22\n"
	"	across L2.control count 4 within 60s do R16\n"
	"}\n";
