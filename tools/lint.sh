#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Every check that needs no running image; `make lint`. All of them run before it says what failed.
# Usage: tools/lint.sh
set -u

cd "$(dirname "$0")/.."
nucleus="arch core kfv"
image="boot $nucleus drivers"
max_nucleus_lines=12000
failed=

# Tracked files and new ones, so that a commit is checked before it is made.
files()
{
	git ls-files -co --exclude-standard -- "$@" | sort -u | while read -r file; do
		[ ! -f "$file" ] || echo "$file"
	done
}

step()
{
	name=$1
	shift
	"$@" || failed="$failed $name"
}

check_format()
{
	unformatted=$(files '*.c' '*.h' | xargs -r clang-format --dry-run 2>&1 |
		sed -n 's/^\([^ :]*\):[0-9]*:[0-9]*: warning: .*/\1/p' | sort -u)
	[ -n "$unformatted" ] || return 0
	echo "not as clang-format would have it:" $unformatted >&2
	return 1
}

check_style()
{
	files | xargs -r tools/check_style.py
}

# What is on has to be clean; opinions on style stay off. Left out besides: headers that a
# freestanding program lacks, offsets from a segment base (it takes this_cpu() for a null pointer)
# and distances between the link script's symbols (it takes them for unrelated objects).
check_cppcheck()
{
	cppcheck -q -j 2 --std=c11 --language=c --platform=unix64 --error-exitcode=1 \
		--enable=warning,portability --inline-suppr -I . --suppress=missingInclude \
		--suppress=missingIncludeSystem --suppress=unknownMacro \
		--suppress=unmatchedSuppression --suppress=nullPointer --suppress=comparePointers \
		-U__ASSEMBLER__ $(existing "$image")
}

existing()
{
	for folder in $1; do
		[ ! -d "$folder" ] || echo "$folder"
	done
}

check_shell()
{
	status=0
	for script in $(files '*.sh' .ci/run tools/guest/init); do
		sh -n "$script" || status=1
	done
	return $status
}

check_size()
{
	lines=$(cloc --quiet --csv $(existing "$nucleus") | sed -n 's/^.*,SUM,.*,\([0-9]*\)$/\1/p')
	echo "nucleus ($nucleus): ${lines:=0} lines of code of $max_nucleus_lines"
	others=$(cloc --quiet --csv boot diag | sed -n 's/^.*,SUM,.*,\([0-9]*\)$/\1/p')
	echo "beside it in ring 0: boot (once) and diag (explanations): $others"
	[ "$lines" -gt 0 ] && [ "$lines" -le $max_nucleus_lines ]
}

step format check_format
step style check_style
step includes tools/check_includes.py --cc gcc --cc clang
step cppcheck check_cppcheck
step shell check_shell
step size check_size

if [ -n "$failed" ]; then
	echo "lint: failed:$failed" >&2
	exit 1
fi
echo "lint: clean"
