#!/bin/sh
# SPDX-License-Identifier: MIT
#
# make-iso.sh OUT.iso KERNEL...: one image that boots as CD and as USB stick, with BIOS and with UEFI.
#
# A kernel is called after the folder that it was built in: build/i386-pae/kernel becomes /boot/kvasir-i386-pae.
# BOOT='kvasir:KERNEL WORDS' boots that at once, where no firmware can say it (iso/README.md).
#
# The same kernels and the same GRUB give the same image, byte for byte, on any machine: it is made of the three
# platforms that are named here, whatever else is installed, and nothing of who made it, when and where is in it.
set -eu
umask 022
export LC_ALL=C TZ=UTC0 SOURCE_DATE_EPOCH=1700000000	# 2023-11-14 22:13:20, any fixed moment
unset MTOOLSRC POSIXLY_CORRECT

DATE=2023111422132000			# the same; it names the file system, so
UUID=2023-11-14-22-13-20-00		# GRUB finds it under this
FAT_SERIAL=4b565352
GRUB=${GRUB:-/usr/lib/grub}
FONT=${FONT:-/usr/share/consolefonts/Unifont-APL8x16.psf.gz}
MODULES="iso9660 normal multiboot2 serial terminal cpuid smbios regexp echo test boot configfile
	part_msdos part_gpt part_apple part_acorn part_amiga part_bsd part_dfly part_dvh part_plan part_sun part_sunpc"

fail() { echo "make-iso.sh: $*" >&2; exit 1; }

out=$1
shift
here=$(dirname "$0")

for tool in grub-mkimage grub-glue-efi xorriso mformat; do
	command -v $tool >/dev/null || fail "$tool is missing: run 'make setup'"
done
for platform in i386-pc i386-efi x86_64-efi; do # BIOS, UEFI of 32 and of 64 bits
	[ -f "$GRUB/$platform/moddep.lst" ] || fail "GRUB for $platform is missing: run 'make setup'"
done
[ -f "$FONT" ] || fail "$FONT is missing: run 'make setup'"

# Nothing to do if nothing it is made of is newer.
if [ -f "$out" ] && [ -z "$(find "$@" "$here/grub.cfg" "$0" "$FONT" "$GRUB"/*/moddep.lst -newer "$out")" ]; then
	exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
log() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "$1 failed"; }; }

# grub PLATFORM FORMAT PREFIX OUT MODULES...: a GRUB that has in it all that it needs.
grub() {
	platform=$1 format=$2 prefix=$3 to=$4
	shift 4
	log grub-mkimage -d "$GRUB/$platform" -O "$format" -p "$prefix" -o "$to" -c "$work/start.cfg" $MODULES "$@"
}

# UEFI starts its GRUB from a FAT file system of its own; from there it looks for the image, first on the same disk.
make_efi() {
	cat > "$work/start.cfg" <<-END
		regexp --set 1:disk '^\(([^,)]*)' "\$cmdpath"
		search --fs-uuid --set=root --hint "\$disk" $UUID
		set prefix=(\$root)/boot/grub
	END
	for name in ia32:i386-efi x64:x86_64-efi; do
		grub ${name#*:} ${name#*:} /boot/grub "$work/boot${name%:*}.efi" fat search all_video
		touch -d @$SOURCE_DATE_EPOCH "$work/boot${name%:*}.efi"
	done
	log mformat -C -f 2880 -L 16 -N $FAT_SERIAL -i "$tree/efi.img" ::
	log mmd -i "$tree/efi.img" ::/efi ::/efi/boot
	log mcopy -m -i "$tree/efi.img" "$work/bootia32.efi" "$work/bootx64.efi" ::/efi/boot
}

# Apple's firmware starts what is blessed on an HFS+ file system, if that looks like a system's.
make_apple() {
	mkdir -p "$tree/System/Library/CoreServices"
	: > "$tree/mach_kernel"
	log grub-glue-efi -3 "$work/bootia32.efi" -6 "$work/bootx64.efi" -o "$tree/System/Library/CoreServices/boot.efi"
	cat > "$tree/System/Library/CoreServices/SystemVersion.plist" <<-END
		<plist version="1.0"><dict>
		<key>ProductName</key><string>Kvasir</string>
		<key>ProductVersion</key><string></string>
		<key>ProductBuildVersion</key><string></string>
		</dict></plist>
	END
}

# Of the video drivers only VESA's: there is one for VGA too, whose planar modes would be taken where there is no VESA,
# and the kernel would have nothing but a black screen instead of text.
make_bios() {
	echo 'set prefix=($root)/boot/grub' > "$work/start.cfg"
	grub i386-pc i386-pc-eltorito /boot/grub "$tree/boot/grub/bios.img" biosdisk vbe
}

mkdir -p "$tree/boot/grub" "$(dirname "$out")"
{
	[ -z "${BOOT-}" ] || echo "set serial='$BOOT'"
	cat "$here/grub.cfg"
} > "$tree/boot/grub/grub.cfg"
gzip -dc "$FONT" > "$tree/boot/font.psf"
for kernel in "$@"; do
	cp "$kernel" "$tree/boot/kvasir-$(basename "$(dirname "$kernel")")"
done

echo "  ISO     $out: GRUB for BIOS and for UEFI of 32 and 64 bits"
make_bios
make_efi
make_apple
log xorriso -as mkisofs -r --modification-date=$DATE -V KVASIR -preparer Kvasir -appid Kvasir \
	--set_all_file_dates $DATE \
	-b boot/grub/bios.img -no-emul-boot -boot-load-size 4 -boot-info-table --grub2-boot-info \
	--grub2-mbr "$GRUB/i386-pc/boot_hybrid.img" --protective-msdos-label \
	--efi-boot efi.img -efi-boot-part --efi-boot-image \
	-hfsplus -apm-block-size 2048 -hfs-bless-by i /System/Library/CoreServices/boot.efi \
	-no-pad -o "$work/image" "$tree" --sort-weight 0 / --sort-weight 1 /boot

mv "$work/image" "$out"
