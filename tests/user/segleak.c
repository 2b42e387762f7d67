/* SPDX-License-Identifier: MIT */
/*
 * Segment selectors are registers of a program's own, on x86_64 too: it finds them again after each system call and
 * after others have run, its child begins with the same, a new program begins with none, and nobody else ever sees
 * them.
 */
#include "program.h"

#include <asm/vectors.h>

#define OWN (SEL_USER_DATA | 3)

#ifdef __x86_64__
#define AT_START 0
#else
#define AT_START OWN /* DS and ES; FS and GS are empty */
#endif

static unsigned long selectors(void)
{
	unsigned short s[4];

	__asm__ volatile("mov %%ds, %0\n\tmov %%es, %1\n\tmov %%fs, %2\n\tmov %%gs, %3"
			 : "=m"(s[0]), "=m"(s[1]), "=m"(s[2]), "=m"(s[3]));
	return (unsigned long)(s[0] | s[1] << 8) ^ (unsigned long)(s[2] << 16 | s[3] << 24);
}

#define EXPECTED_AT_START ((unsigned long)(AT_START | AT_START << 8))

/* A different one in each register, where the ring allows it: the RPL is part of a selector. */
static void load(unsigned short ds, unsigned short es, unsigned short fs, unsigned short gs)
{
	__asm__ volatile("mov %w0, %%ds\n\tmov %w1, %%es\n\tmov %w2, %%fs\n\tmov %w3, %%gs"
			 :
			 : "r"(ds), "r"(es), "r"(fs), "r"(gs)
			 : "memory");
}

static int same_in_child(void)
{
	return selectors() == ((unsigned long)(OWN | OWN << 8) ^ (unsigned long)((OWN - 1) << 16 | (unsigned)OWN << 24))
		       ? 0
		       : 2;
}

/*
 * What it has loaded is there after system calls, after others have run, and in its child; a new program has none of
 * it.
 */
static int setter(void)
{
	unsigned long mine;

	load(OWN, OWN, OWN - 1, OWN);
	mine = selectors();
	CHECK(getpid() > 0 && selectors() == mine);
	for (unsigned int i = 0; i < 50; i++) {
		yield();
		CHECK(selectors() == mine);
	}
	CHECK(status_of(in_child(same_in_child)) == 0);
	exec("segnone");
	return 1;
}

static int looker(void)
{
	for (unsigned int i = 0; i < 200; i++) {
		if (selectors() != EXPECTED_AT_START)
			return 55;
		yield();
	}
	return 0;
}

static int run(void)
{
	int status;

	CHECK(selectors() == EXPECTED_AT_START);
	for (unsigned int i = 0; i < 20; i++) {
		CHECK(in_child(setter) > 0 && in_child(looker) > 0);
		while (wait(&status) > 0)
			CHECK(status == 0);
		CHECK(selectors() == EXPECTED_AT_START);
	}
	return 0;
}
PROGRAM(run)
