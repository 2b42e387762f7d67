#!/bin/sh
# SPDX-License-Identifier: MIT
#
# make-iso.sh OUT.iso KERNEL...: one image that boots as CD and as USB stick, with BIOS and with UEFI.
#
# A kernel is called after the folder that it was built in: build/i386-pae/kernel becomes /boot/kvasir-i386-pae.
# BOOT='kvasir:KERNEL WORDS' boots that at once, where no firmware can say it (iso/README.md).
# The same kernels and the same GRUB give the same image, byte for byte: every date in it is fixed, and all of the platforms must be
# there.
set -eu

EPOCH=1700000000		# 2023-11-14 22:13:20, any fixed moment
VOLUME_DATE=2023111422132000
PLATFORMS="i386-pc i386-efi x86_64-efi" # BIOS, UEFI of 32 and of 64 bits
GRUB=${GRUB:-/usr/lib/grub}
FONT=${FONT:-/usr/share/consolefonts/Unifont-APL8x16.psf.gz}
MODULES="normal multiboot2 all_video serial terminal cpuid smbios regexp echo test boot configfile
	part_msdos part_gpt part_apple part_acorn part_amiga part_bsd part_dfly part_dvh part_plan part_sun part_sunpc"

fail() { echo "make-iso.sh: $*" >&2; exit 1; }

out=$1
shift
here=$(dirname "$0")

for tool in grub-mkrescue xorriso mformat; do
	command -v $tool >/dev/null || fail "$tool is missing: run 'make setup'"
done
for platform in $PLATFORMS; do
	[ -f "$GRUB/$platform/moddep.lst" ] || fail "GRUB for $platform is missing: run 'make setup'"
done
[ -f "$FONT" ] || fail "$FONT is missing: run 'make setup'"

# Nothing to do if nothing it is made of is newer.
if [ -f "$out" ] && [ -z "$(find "$@" "$here/grub.cfg" "$0" "$FONT" -newer "$out")" ]; then
	exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/tree/boot/grub" "$(dirname "$out")"
{
	[ -z "${BOOT-}" ] || echo "set serial='$BOOT'"
	cat "$here/grub.cfg"
} > "$work/tree/boot/grub/grub.cfg"
gzip -dc "$FONT" > "$work/tree/boot/font.psf"
for kernel in "$@"; do
	cp "$kernel" "$work/tree/boot/kvasir-$(basename "$(dirname "$kernel")")"
done

echo "  ISO     $out: GRUB for" $PLATFORMS
SOURCE_DATE_EPOCH=$EPOCH grub-mkrescue --install-modules="$(echo $MODULES)" --locales= --fonts= --themes= \
	-o "$work/image" "$work/tree" -- -padding 0 \
	-volume_date uuid $VOLUME_DATE -alter_date_r b =$EPOCH / -- >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }

report=$(xorriso -indev "$work/image" -report_el_torito plain 2>/dev/null)
case $report in *BIOS*UEFI*) ;; *) fail "the image does not boot with both BIOS and UEFI: $report" ;; esac
lba=$(echo "$report" | awk '/boot img/ && $7 == "UEFI" { print $NF }')
for file in bootia32.efi bootx64.efi; do
	mdir -b -i "$work/image@@$((lba * 2048))" "::/efi/boot/$file" >/dev/null 2>&1 || fail "the image lacks $file for UEFI"
done

# The one thing that grub-mkrescue leaves to chance: the serial number of the FAT file system that UEFI starts from.
printf KVSR | dd of="$work/image" bs=1 seek=$((lba * 2048 + 39)) conv=notrunc status=none

mv "$work/image" "$out"
