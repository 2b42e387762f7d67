# SPDX-License-Identifier: MIT
#
# nm -n kernel | awk -f boot/symbols.awk: the kernel's symbols as an assembly file, in the format that
# <kernel/symbols.h> describes. Without input: an empty table, for the first link.
#
# Addresses are passed to the assembler as text, because awk's numbers cannot hold 64 bits.

BEGIN { n = offset = 0 }

$3 == "__image_start" { image_start = $1 }
$3 == "__image_end" { exit }

# Functions and data that have names in the source; no labels that the assembler, gcc or clang made.
image_start != "" && $2 ~ /^[TtDdBbRrWwVv]$/ && $3 !~ /^(\.|__.*_(start|end)$|__compound_literal|__func__|__PRETTY)/ {
	address[n] = $1
	name[n] = $3
	n++
}

END {
	print "/* Made by boot/symbols.awk. */"
	print "\t.section .symtab_kvasir, \"a\""
	print "\t.globl __symbols\n\t.balign 16\n__symbols:"
	print "\t.long " n
	for (i = 0; i < n; i++)
		print "\t.long 0x" address[i] " - 0x" image_start
	for (i = 0; i < n; i++) {
		print "\t.long " offset
		offset += length(name[i]) + 1
	}
	for (i = 0; i < n; i++)
		print "\t.asciz \"" name[i] "\""
	print "\t.section .note.GNU-stack, \"\", @progbits"
}
