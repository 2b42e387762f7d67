#!/bin/sh
# SPDX-License-Identifier: MIT
#
# write-usb.sh IMAGE DEVICE: write the image to a whole USB stick, and read it back.
#
# It refuses everything but a whole disk that nobody uses, says which disk it is, and asks. What is on it is lost.
set -eu

fail() { echo "write-usb.sh: $*" >&2; exit 1; }

image=$1
device=${2:-}
[ -f "$image" ] || fail "there is no $image: run 'make'"
[ -n "$device" ] || fail "which disk? make usb DEV=/dev/sdX; these are there:
$(lsblk -d -o NAME,SIZE,TRAN,MODEL 2>/dev/null)"
[ -b "$device" ] || fail "$device is not a disk"
device=$(readlink -f "$device")

# The kernel's own words about it.
about() { lsblk -n -d -o "$1" "$device" | sed 's/^ *//; s/ *$//'; }

[ "$(about TYPE)" = disk ] || fail "$device is a $(about TYPE), not a whole disk"
[ "$(about RO)" = 0 ] || fail "$device is read-only"
refuse_if_used() {
	used=$(lsblk -n -r -o NAME,MOUNTPOINT "$device" | awk 'NF > 1')
	[ -z "$used" ] || fail "$device is in use, unmount it first:
$used"
}
refuse_if_used
[ -z "$(lsblk -n -o TYPE "$device" | grep -v -e disk -e part)" ] ||
	fail "$device belongs to a RAID, LVM or encrypted volume"
size=$(lsblk -n -b -d -o SIZE "$device")
[ "$size" -ge "$(stat -c %s "$image")" ] || fail "$device has only $size bytes"
[ -w "$device" ] || fail "no right to write to $device: run as root"

echo "$device:" $(about VENDOR) $(about MODEL) $(about SIZE) $(about TRAN)
[ "$(about RM)" = 1 ] || echo "WARNING: this disk is not removable."
echo "Everything on it will be lost. Type the name of the device to go on:"
read -r answer
[ "$answer" = "$device" ] || fail "nothing was written"

refuse_if_used # a desktop may have mounted it while we waited
dd if="$image" of="$device" bs=1M conv=nocreat,fsync status=progress
blockdev --flushbufs "$device" 2>/dev/null || :
cmp -n "$(stat -c %s "$image")" "$image" "$device" || fail "what was read back differs: the stick may be broken"
echo "written and verified: $image on $device"
