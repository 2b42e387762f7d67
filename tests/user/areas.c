/* SPDX-License-Identifier: MIT */
/* As many areas as a process may have, and one more: that is refused, and nothing is lost. A child has as many. */
#include "program.h"

#define MOST 65530ul /* USER_AREAS_MAX of the kernel */
#define FEW  16	     /* those that a program begins with */

static char *const at = (char *)0x40000000;
static char *heap;

/* No two of them touch. */
static char *area(unsigned long i) { return at + 2 * i * PAGE; }

static unsigned long map_until_refused(void)
{
	unsigned long nr = 0;
	char *map;

	while ((map = mmap(area(nr), PAGE)) == area(nr))
		nr++;
	CHECK((long)map == -ENOMEM);
	return nr;
}

static unsigned long nr;

/* Anything that would make one more is refused; what makes none is not. */
static int at_the_limit(void)
{
	CHECK(munmap(heap + PAGE, PAGE) == -ENOMEM);
	CHECK(mmap(area(nr), PAGE) == (char *)-ENOMEM);
	CHECK(*area(0) == 1 && *area(nr - 1) == 2);
	CHECK(brk(heap + 4 * PAGE) == heap + 4 * PAGE);
	CHECK(munmap(area(nr / 2), PAGE) == 0);
	CHECK(mmap(area(nr), PAGE) == area(nr));
	CHECK(mmap(area(nr / 2), PAGE) == (char *)-ENOMEM);
	CHECK(munmap(at, 2 * nr * PAGE) == 0);
	CHECK(munmap(heap + PAGE, PAGE) == 0);
	return 0;
}

static int run(void)
{
	heap = brk(NULL);
	CHECK(brk(heap + 3 * PAGE) == heap + 3 * PAGE);
	nr = map_until_refused();
	CHECK(nr < MOST && nr > MOST - FEW);
	*area(0) = 1;
	*area(nr - 1) = 2;
	CHECK(status_of(in_child(at_the_limit)) == 0);
	return at_the_limit();
}
PROGRAM(run)
