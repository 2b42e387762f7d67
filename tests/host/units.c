// SPDX-License-Identifier: MIT
/*
 * All unit tests of a set in one program, which is the one that it is called as: 70 links would take longer than the
 * tests.
 */
#include <lib/string.h>

#define UNIT(name) int main_of_##name(void);
#include UNITS
#undef UNIT

#define UNIT(name) { #name, main_of_##name },
static const struct {
	const char *name;
	int (*run)(void);
} units[] = {
#include UNITS
};

int main(int argc, char **argv)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL, *name = slash ? slash + 1 : argc ? argv[0] : "";

	for (unsigned int i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(units[i].name, name) == 0)
			return units[i].run();
	return 2;
}
