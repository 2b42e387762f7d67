#!/bin/sh
# SPDX-License-Identifier: MIT
#
# make setup: see to it that everything is there that building and testing need.
#
# On Debian and Ubuntu missing packages are installed; elsewhere the missing programs are named. When nothing is
# missing, nothing is done.
set -eu

PACKAGES="gcc libc6-dev clang lld libclang-rt-dev libcmocka-dev
	grub-pc-bin grub-efi-amd64-bin xorriso mtools psf-unifont
	qemu-system-x86 ovmf bochs bochsbios vgabios python3 perl"
PROGRAMS="gcc ld clang grub-mkrescue xorriso mformat qemu-system-x86_64 bochs python3 prove"

# Packages of the list that this release has and that are not installed. (Older releases have libclang-rt in clang.)
missing_packages() {
	for package in $PACKAGES; do
		case $(dpkg-query -W -f '${Status}' $package 2>/dev/null) in
		"install ok installed") ;;
		*) [ -z "$(apt-cache madison $package 2>/dev/null)" ] && [ "$1" = known ] || echo $package ;;
		esac
	done
}

missing_programs() {
	for program in $PROGRAMS; do
		command -v $program >/dev/null || echo $program
	done
}

if ! command -v apt-get >/dev/null; then
	missing=$(echo $(missing_programs))
	[ -n "$missing" ] || exit 0
	echo "Please install what gives these programs: $missing"
	echo "On Debian the packages are:" $PACKAGES
	exit 1
fi

[ -n "$(missing_packages any)" ] || exit 0
root=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || { echo "As root: apt-get install" $(missing_packages any); exit 1; }
	root=sudo
fi
$root apt-get update -q
packages=$(missing_packages known)
[ -n "$packages" ] || exit 0
echo "installing:" $packages
$root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages
