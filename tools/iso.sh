#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Writes a hybrid boot image: El Torito and USB stick, BIOS and UEFI.
# Usage: tools/iso.sh OUT.iso KERNEL.elf GRUB.cfg [MODULE | NAME=MODULE]...
# The kernel becomes /boot/kfv.elf and every module /boot/NAME (by default its file name).
set -eu

# Each of these exists for both platforms. A name that only one of them has would silently cost
# the image the other one. grub-mkrescue's own EFI start-up asks for every kind of partition.
grub_modules="normal multiboot multiboot2 linux serial all_video iso9660 fat search echo test cat
	configfile halt help ls reboot part_msdos part_gpt part_apple part_acorn part_amiga part_bsd
	part_dfly part_dvh part_plan part_sun part_sunpc wrmsr"

if [ $# -lt 3 ]; then
	echo "usage: $0 OUT.iso KERNEL.elf GRUB.cfg [MODULE | NAME=MODULE]..." >&2
	exit 2
fi
out=$1 kernel=$2 config=$3
shift 3

mkdir -p "$(dirname "$out")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/boot/grub"
cp "$kernel" "$work/root/boot/kfv.elf"
cp "$config" "$work/root/boot/grub/grub.cfg"
for module; do
	name=$(basename "${module%%=*}")
	cp "${module#*=}" "$work/root/boot/$name"
done

# What grub-mkrescue and xorriso have to say is shown only when they failed.
if ! grub-mkrescue -o "$work/out.iso" --install-modules="$(echo $grub_modules)" \
	--locales= --fonts= --themes= "$work/root" -- -volid KUNGFUVISOR >"$work/log" 2>&1; then
	cat "$work/log" >&2
	exit 1
fi
mv "$work/out.iso" "$out"
