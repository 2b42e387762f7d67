/* SPDX-License-Identifier: MIT */
/* The kernel's buffer, by system calls and as mapped memory: both are the same pages, before and after a fork. */
#include "program.h"

#define SIZE (4 * PAGE)

static volatile char *map;

static int child_writes(void)
{
	map[3 * PAGE] = 'c';
	return 0;
}

static int touch_behind(void) { return map[SIZE]; }

static int run(void)
{
	char word[8] = "kvasir!", back[8] = "";
	long pid;

	CHECK(kbuf_write(PAGE - 4, word, 8) == 8); /* across a page */
	CHECK(kbuf_read(PAGE - 4, back, 8) == 8);
	CHECK(back[0] == 'k' && back[6] == '!' && back[7] == 0);
	CHECK(kbuf_read(SIZE, back, 0) == 0);
	CHECK(kbuf_read(SIZE - 7, back, 8) == -EINVAL);
	CHECK(kbuf_read(SIZE, back, 1) == -EINVAL);
	CHECK(kbuf_read(-1ul, back, 8) == -EINVAL);
	CHECK(kbuf_write(8, back, -1ul) == -EINVAL);
	map = kbuf_map();
	CHECK(!failed((void *)map));
	CHECK(map[PAGE - 4] == 'k' && map[PAGE + 2] == '!');
	map[2 * PAGE] = 'm';
	CHECK(kbuf_read(2 * PAGE, back, 1) == 1 && back[0] == 'm');
	pid = in_child(child_writes);
	CHECK(status_of(pid) == 0);
	CHECK(map[3 * PAGE] == 'c'); /* shared, not copied */
	CHECK(status_of(in_child(touch_behind)) == EXIT_KILLED + KILL_MEMORY);
	CHECK(munmap((void *)map, PAGE) == 0 && map[2 * PAGE] == 'm');
	CHECK(munmap((void *)map, SIZE) == 0);
	return 0;
}
PROGRAM(run)
