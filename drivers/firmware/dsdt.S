/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's DSDT, as iasl compiled it from dsdt.asl, and its length in bytes. */
	.section .rodata
	.balign 8
	.global guest_dsdt, guest_dsdt_len
guest_dsdt:
	.incbin "dsdt.aml"
1:
	.balign 4
guest_dsdt_len:
	.long 1b - guest_dsdt

	.section .note.GNU-stack, "", @progbits
