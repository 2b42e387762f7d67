#!/bin/sh
# SPDX-License-Identifier: MIT
#
# make setup: install what building and testing need.
#
# On Debian and Ubuntu missing packages are installed; elsewhere the missing programs are named. If nothing is missing,
# nothing is done.
set -eu

PACKAGES="gcc libc6-dev clang lld libclang-rt-dev libcmocka-dev
	grub-pc-bin grub-efi-amd64-bin grub-efi-ia32-bin xorriso mtools psf-unifont
	qemu-system-x86 ovmf ovmf-ia32 bochs bochsbios vgabios seabios python3 perl patch zbar-tools imagemagick"
WEB="node:nodejs npm:npm chromium:chromium" # program:package, for web/; the programs need not come from Debian
PROGRAMS="gcc ld patch clang grub-mkimage xorriso mformat qemu-system-x86_64 bochs python3 prove"

# The packages of the list that are not installed. With "known" only those that this release has: older releases have
# libclang-rt in clang.
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

for pair in $WEB; do
	command -v ${pair%:*} >/dev/null || PACKAGES="$PACKAGES ${pair#*:}"
done

# Elsewhere than on Debian and Ubuntu: only say what is missing.
name_programs() {
	missing=$(echo $(missing_programs))
	[ -n "$missing" ] || return 0
	echo "Please install what gives these programs: $missing"
	echo "On Debian the packages are:" $PACKAGES
	exit 1
}

install_packages() {
	[ -n "$(missing_packages any)" ] || return 0
	root=
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || { echo "As root: apt-get install" $(missing_packages any); exit 1; }
		root=sudo
	fi
	$root apt-get update -q
	packages=$(missing_packages known)
	[ -n "$packages" ] || return 0
	echo "installing:" $packages
	$root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages
}

# v86 and the other modules of web/, in the versions of web/package-lock.json.
install_modules() {
	[ web/node_modules/.package-lock.json -nt web/package-lock.json ] && return
	command -v npm >/dev/null && (cd web && npm ci --no-audit --no-fund) ||
		echo "npm could not install what web/package-lock.json lists: no 'make web', and no tests in v86"
}

if command -v apt-get >/dev/null; then install_packages; else name_programs; fi
install_modules
