/* SPDX-License-Identifier: MIT */
/*
 * Families: processes that share pages and write to them, each of which knows what it must find. Every page has its
 * stamp in two places; the stamps that a process expects lie in pages of their own, which are shared and copied like
 * the others.
 */
#pragma once

#include "fuzz.h"

#define COW_PAGES  10
#define COW_WORDS  (PAGE / sizeof(long))
#define GENERATIONS 3
#define MOST_KIDS  3
#define MOST_STEPS 24

static volatile unsigned long cow_data[COW_PAGES][COW_WORDS] __attribute__((aligned(4096)));
static unsigned long cow_want[COW_PAGES] __attribute__((aligned(4096)));

static void cow_write(unsigned int page)
{
	unsigned long stamp = random_word();

	cow_want[page] = stamp;
	cow_data[page][0] = stamp;
	cow_data[page][COW_WORDS - 1] = ~stamp;
}

static int cow_right(unsigned int page)
{
	return cow_data[page][0] == cow_want[page] && cow_data[page][COW_WORDS - 1] == ~cow_want[page];
}

static int cow_all_right(void)
{
	for (unsigned int page = 0; page < COW_PAGES; page++)
		if (!cow_right(page))
			return 0;
	return 1;
}

static void cow_begin(void)
{
	for (unsigned int page = 0; page < COW_PAGES; page++)
		cow_write(page);
}

/* The kernel writes to a page that may be shared: between its stamps. */
static void cow_kernel_writes(unsigned int page)
{
	long result = kbuf_read(0, (void *)&cow_data[page][1], sizeof(long) * below(COW_WORDS - 2));

	CHECK(result >= 0 || result == -EINVAL || result == -EFAULT); /* -EFAULT: no memory for the copy */
}

static int cow_generation(unsigned int generation);

/* The child and its parent go on from different seeds. */
static unsigned int cow_fork(unsigned int generation)
{
	unsigned int seed = random_u32();
	long pid = fork();

	if (pid == 0) {
		chance_seed(seed);
		exit(cow_generation(generation + 1));
	}
	return pid > 0;
}

static void cow_wait(void)
{
	int status = -1;

	CHECK(wait(&status) > 0);
	CHECK(is_clean_end(status));
}

static int cow_generation(unsigned int generation)
{
	unsigned int kids = 0, page;

	for (unsigned int left = 1 + below(MOST_STEPS); left; left--) {
		page = below(COW_PAGES);
		CHECK(cow_right(page));
		switch (below(8)) {
		case 0:
		case 1:
			if (generation < GENERATIONS && kids < MOST_KIDS)
				kids += cow_fork(generation);
			break;
		case 2:
			cow_kernel_writes(page);
			break;
		case 3:
			yield();
			break;
		case 4:
			if (kids && kids--)
				cow_wait();
			break;
		default:
			cow_write(page);
		}
	}
	while (kids--)
		cow_wait();
	CHECK(cow_all_right());
	return 0;
}

static int cow_family(void)
{
	cow_begin();
	return cow_generation(0);
}
