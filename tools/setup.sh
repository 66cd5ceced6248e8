#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Installs the packages of tools/packages.txt that are missing. Root gets them installed; anyone
# else gets the exact command to give to someone who is. With nothing missing it does nothing.
set -eu
cd "$(dirname "$0")"

wanted=$(sed -e 's/#.*//' packages.txt)

if ! command -v dpkg-query >/dev/null; then
	echo "setup: this is not a Debian machine; install the equivalents of:" $wanted >&2
	exit 1
fi

# dpkg-query fails when a package is unknown to it, which is one of the answers asked for.
installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' $wanted 2>/dev/null |
	sed -n 's/ installed$//p') || true
missing=$(printf '%s\n' $wanted | grep -vxF "$(printf '%s\n' $installed)") || true
missing=$(echo $missing)
[ -n "$missing" ] || exit 0

install="apt-get install -y --no-install-recommends $missing"
if [ "$(id -u)" != 0 ]; then
	printf 'setup: packages are missing; as root:\n\n\t%s\n\n' "$install" >&2
	exit 1
fi

echo "setup: installing $missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086
$install </dev/null
