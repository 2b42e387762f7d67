/* SPDX-License-Identifier: MIT */
/*
 * The one object of AML byte code that the kernel needs: the package \_S5, whose first two numbers are the sleep types
 * that mean "power off". (ACPI 6.5, 7.4.2.6 and 20.2.) AML is searched, not interpreted:
 *
 *	08 [5c] '_' 'S' '5' '_'   12  length(1..4 bytes)  count  number number ...
 *	Name                      Package
 */
#include <asm/acpi.h>
#include <lib/string.h>

enum { AML_ZERO = 0x00, AML_ONE = 0x01, AML_NAME = 0x08, AML_BYTE = 0x0a, AML_WORD = 0x0b, AML_DWORD = 0x0c,
       AML_PACKAGE = 0x12, AML_ROOT = 0x5c };

/* A position in AML. Reading beyond the end gives 0 and sets overrun. */
struct aml {
	const u8 *p, *end;
	bool overrun;
};

static u8 next(struct aml *aml)
{
	if (aml->p >= aml->end) {
		aml->overrun = true;
		return 0;
	}
	return *aml->p++;
}

/* Reads the low byte of an integer constant: a sleep type has only three bits. */
static bool next_number(struct aml *aml, u8 *value)
{
	u8 op = next(aml);
	unsigned int more = op == AML_WORD ? 1 : op == AML_DWORD ? 3 : 0;

	if (op == AML_ZERO || op == AML_ONE)
		*value = op;
	else if (op == AML_BYTE || op == AML_WORD || op == AML_DWORD)
		*value = next(aml);
	else
		return false;
	while (more--)
		next(aml);
	return !aml->overrun;
}

static bool parse_package(struct aml aml, u8 types[2])
{
	unsigned int length_bytes;
	u8 count;

	if (next(&aml) != AML_PACKAGE)
		return false;
	length_bytes = next(&aml) >> 6;
	while (length_bytes--)
		next(&aml);
	count = next(&aml);
	if (aml.overrun || count == 0 || !next_number(&aml, &types[0]))
		return false;
	types[1] = types[0];
	return count == 1 || next_number(&aml, &types[1]);
}

bool acpi_parse_s5(const u8 *aml, size_t len, u8 types[2])
{
	for (size_t i = 1; i + 4 < len; i++) {
		bool named = aml[i - 1] == AML_NAME || (i > 1 && aml[i - 1] == AML_ROOT && aml[i - 2] == AML_NAME);

		if (named && memcmp(aml + i, "_S5_", 4) == 0 &&
		    parse_package((struct aml){ aml + i + 4, aml + len, false }, types))
			return true;
	}
	return false;
}
