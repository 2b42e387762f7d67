/* SPDX-License-Identifier: MIT */
/* Sizes for people. */
#include <lib/size.h>
#include <lib/format.h>

struct size_text size_text(u64 bytes)
{
	static const char units[] = "BKMGTPE";
	struct size_text size;
	unsigned int unit = 0;
	u32 tenths;

	while (unit + 1 < sizeof(units) - 1 && bytes >> (10 * (unit + 1)))
		unit++;
	tenths = unit ? (u32)((bytes >> (10 * (unit - 1)) & 1023) * 10 >> 10) : 0;
	bytes >>= 10 * unit;
	if (tenths)
		snprintf(size.text, sizeof(size.text), "%u.%u %ciB", (u32)bytes, tenths, units[unit]);
	else
		snprintf(size.text, sizeof(size.text), unit ? "%u %ciB" : "%u %c", (u32)bytes, units[unit]);
	return size;
}
