# SPDX-License-Identifier: MIT
#
# nm kernel | awk -f boot/check_symbols.awk: fails when the kernel has an undefined symbol or a helper of the compiler's
# library. The linker accepts undefined weak symbols. Helpers (for example 64-bit division on i386) must not even be
# written by hand: they would hide a costly operation in a harmless-looking line.

$1 == "U" || $1 == "w" || $1 == "v" {
	print "undefined symbol: " $2
	bad = 1
}

$NF ~ /^__(u?div|u?mod|u?divmod|popcount|ctz|clz|ffs|parity|ashl|ashr|lshr|mul|cmp|ucmp|neg)([sdt]i[234]?|[sdt]i)$/ ||
$NF ~ /^__(atomic|sync)_/ {
	print "helper of the compiler's library: " $NF
	bad = 1
}

END { exit bad }
