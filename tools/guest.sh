#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Makes the Linux guest in build/guest: vmlinuz is Debian's unmodified cloud kernel, initrd.img a
# busybox system with its virtio modules, small enough to unpack in no time on an emulator. The
# kernel package is kept in build/guest/cache, so only the first run needs the network.
# Usage: tools/guest.sh [BUILD_DIR]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../build}/guest
meta=linux-image-cloud-amd64
# In the order in which one needs the other: how tools/guest/init loads them.
modules="virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk
	virtio-rng failover net_failover virtio_net virtio_console virtio_balloon"

fail()
{
	echo "guest: $*" >&2
	exit 1
}

# The package that $meta stands for today, e.g. linux-image-6.1.0-56-cloud-amd64.
kernel_package()
{
	apt-cache depends --no-recommends --no-suggests $meta 2>/dev/null |
		sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -n 1
}

refresh_lists()
{
	[ "$(id -u)" = 0 ] || fail "apt knows no $meta; as root: apt-get update"
	apt-get update -q || fail "apt-get update failed: is there a network?"
}

# Index files may be missing (fresh container) or name a version that has left the archive.
download_kernel()
{
	pkg=$(kernel_package)
	if [ -n "$pkg" ] && try_download "$pkg"; then
		return
	fi
	refresh_lists
	pkg=$(kernel_package)
	[ -n "$pkg" ] || fail "apt offers no $meta"
	try_download "$pkg" || fail "cannot download $pkg"
}

try_download()
{
	rm -rf "$out/cache/new"
	mkdir -p "$out/cache/new"
	echo "guest: downloading $1"
	(cd "$out/cache/new" && apt-get -q -o APT::Sandbox::User=root download "$1") || return 1
	mv "$out"/cache/new/*.deb "$out/cache/"
	rmdir "$out/cache/new"
}

cached_kernel()
{
	find "$out/cache" -maxdepth 1 -name 'linux-image-*.deb' | sort -V | tail -n 1
}

extract_kernel()
{
	[ "$out/vmlinuz" -nt "$1" ] && return
	rm -rf "$out/unpacked"
	mkdir -p "$out/unpacked"
	dpkg-deb --fsys-tarfile "$1" | tar -x -C "$out/unpacked" --wildcards './boot/vmlinuz-*' ||
		fail "$1 holds no kernel; delete it and try again"
	mv "$out"/unpacked/boot/vmlinuz-* "$out/vmlinuz"
	touch "$out/vmlinuz"
	rm -rf "$out/unpacked"
}

# They are put one behind the other by a number, as the archive keeps no order.
copy_modules()
{
	mkdir -p "$out/unpacked" "$root/lib/modules"
	dpkg-deb --fsys-tarfile "$1" | tar -x -C "$out/unpacked" --wildcards './lib/modules/*.ko' ||
		fail "$1 holds no modules; delete it and try again"
	number=10
	for module in $modules; do
		find "$out/unpacked/lib/modules" -name "$module.ko" \
			-exec cp {} "$root/lib/modules/$number-$module.ko" \;
		[ -f "$root/lib/modules/$number-$module.ko" ] || fail "$1 holds no $module.ko"
		number=$((number + 1))
	done
	rm -rf "$out/unpacked"
}

# Static, without a C library: the guest has none, and it stays a few kilobytes.
build_helper()
{
	${CC:-${CROSS_COMPILE:-}gcc} -std=gnu17 -O2 -Wall -Wextra -Werror -ffreestanding \
		-fno-stack-protector -fno-asynchronous-unwind-tables -fno-pie -no-pie \
		-nostdlib -static -Wl,--build-id=none -o "$2" "$1"
}

build_initrd()
{
	root=$out/root
	rm -rf "$root"
	mkdir -p "$root/bin" "$root/dev" "$root/proc" "$root/sys" "$root/tmp"
	cp "$(static_busybox)" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	cp "$here/guest/init" "$root/init"
	chmod 755 "$root/init" "$root/bin/busybox"
	build_helper "$here/guest/beat.c" "$root/bin/beat"
	copy_modules "$(cached_kernel)"
	(cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet --reproducible) \
		>"$out/initrd.img.new"
	mv "$out/initrd.img.new" "$out/initrd.img"
}

# Left uncompressed: 2 MB cost GRUB nothing, while gunzip costs an emulated guest real time.
static_busybox()
{
	dpkg -L busybox-static | grep -x '.*/bin/busybox' | head -n 1
}

initrd_is_current()
{
	for source in "$0" "$here/guest/init" "$here/guest/beat.c"; do
		[ "$out/initrd.img" -nt "$source" ] || return 1
	done
}

mkdir -p "$out/cache"
out=$(cd "$out" && pwd)
[ -n "$(cached_kernel)" ] || download_kernel
extract_kernel "$(cached_kernel)"
initrd_is_current || build_initrd
