#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Lists the functions of an image as an assembly table for backtraces: symbols.sh IMAGE > symbols.S
set -eu
${NM:-nm} -n "$1" | awk '
BEGIN { print ".section .symbols, \"a\"\n.balign 8\n.globl symbols\nsymbols:" }
$2 ~ /^[tT]$/ && $3 !~ /^\./ && $3 !~ /_end$/ {
	n++
	print ".quad 0x" $1 ", .Lname" n
	names = names ".Lname" n ": .asciz \"" $3 "\"\n"
}
END {
	print ".globl symbol_count\nsymbol_count: .quad " n "\n" names
	print ".section .note.GNU-stack, \"\", @progbits"
}'
