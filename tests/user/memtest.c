/* SPDX-License-Identifier: MIT */
/* Memory of a process: mmap and munmap, the heap, the stack; what may be there and what must not. */
#include "program.h"

#define MANY 40

static void use(char *from, unsigned long len, char value)
{
	for (unsigned long i = 0; i < len; i += PAGE) {
		CHECK(from[i] == 0 && from[i + PAGE - 1] == 0);
		from[i] = value;
		from[i + PAGE - 1] = value;
	}
}

static char *victim;
static int touch_victim(void) { return *(volatile char *)victim ? 1 : 0; }

/* Touching it ends the child. */
static int is_gone(char *addr)
{
	victim = addr;
	return status_of(in_child(touch_victim)) == EXIT_KILLED + KILL_MEMORY;
}

static int mappings(void)
{
	char *map = mmap(NULL, 8 * PAGE), *other;

	CHECK(!failed(map));
	use(map, 8 * PAGE, 1);
	CHECK(munmap(map + 2 * PAGE, 3 * PAGE) == 0); /* out of the middle */
	CHECK(map[0] == 1 && map[5 * PAGE] == 1);
	CHECK(is_gone(map + 2 * PAGE) && is_gone(map + 4 * PAGE));
	CHECK(map[PAGE] == 1 && map[7 * PAGE] == 1);
	CHECK((long)mmap(map + PAGE, 2 * PAGE) == -EEXIST);
	CHECK(mmap(map + 2 * PAGE, 3 * PAGE) == map + 2 * PAGE); /* back again, and zero */
	use(map + 2 * PAGE, 3 * PAGE, 2);
	other = mmap(NULL, PAGE);
	CHECK(!failed(other) && (other < map || other >= map + 8 * PAGE));
	CHECK(munmap(map, 8 * PAGE) == 0 && munmap(other, PAGE) == 0);
	CHECK(is_gone(map) && is_gone(map + 7 * PAGE) && is_gone(other));
	return 0;
}

/* The first 64 KiB stay empty: what lies at NULL, or a little above it, is never a program's. */
static int null_zone(void)
{
	char *zone_end = (char *)0x10000;

	for (char *addr = (char *)PAGE; addr < zone_end; addr += PAGE) {
		CHECK((long)mmap(addr, PAGE) == -EINVAL);
		CHECK((long)mmap(addr, 2 * 0x10000) == -EINVAL);
		CHECK(is_gone(addr));
	}
	CHECK(mmap(zone_end, PAGE) == zone_end);
	use(zone_end, PAGE, 1);
	CHECK(is_gone(zone_end - 1));
	CHECK(munmap(zone_end - PAGE, 2 * PAGE) == 0);
	CHECK(is_gone(zone_end));
	return 0;
}

static int bad_arguments(void)
{
	char *map = mmap(NULL, PAGE);

	CHECK((long)mmap(NULL, 0) == -EINVAL);
	CHECK((long)mmap(NULL, -1ul) == -EINVAL);
	CHECK((long)mmap(NULL, -2 * PAGE) == -EINVAL);
	CHECK((long)mmap((void *)1, PAGE) == -EINVAL);
	CHECK((long)mmap((void *)-PAGE, PAGE) == -EINVAL);
	CHECK((long)mmap((void *)(-1ul / 2 + 1), PAGE) == -EINVAL || sizeof(long) == 4);
	CHECK(munmap(map + 1, PAGE) == -EINVAL);
	CHECK(munmap(map, 0) == -EINVAL);
	CHECK(munmap((void *)-PAGE, PAGE) == -EINVAL);
	CHECK(munmap(map, PAGE) == 0);
	CHECK(munmap(map, PAGE) == 0); /* nothing there is nothing to do */
	return 0;
}

/* Every second one goes, and the holes are used again. */
static int many_mappings(void)
{
	char *map[MANY];

	for (int i = 0; i < MANY; i++) {
		map[i] = mmap(NULL, PAGE);
		CHECK(!failed(map[i]));
		use(map[i], PAGE, 3);
	}
	for (int i = 0; i < MANY; i += 2)
		CHECK(munmap(map[i], PAGE) == 0);
	for (int i = 0; i < MANY; i += 2) {
		char *again = mmap(NULL, PAGE);

		CHECK(again >= map[0] && again <= map[MANY - 1]);
		use(again, PAGE, 4);
		map[i] = again;
	}
	for (int i = 0; i < MANY; i++)
		CHECK(munmap(map[i], PAGE) == 0);
	return 0;
}

static int heap(void)
{
	char *start = brk(NULL);

	CHECK(start != NULL && brk(start + 10) == start + 10);
	start[9] = 5;
	CHECK(brk(start + 20 * PAGE) == start + 20 * PAGE);
	CHECK(start[9] == 5);
	use(start + PAGE, 19 * PAGE, 6);
	CHECK(brk(start + 10) == start + 10);
	CHECK(start[9] == 5 && is_gone(start + PAGE));
	CHECK(brk(start - 1) == start + 10);
	CHECK(brk((void *)-PAGE) == start + 10);
	CHECK(brk(start + 3 * PAGE) == start + 3 * PAGE);
	use(start + PAGE, 2 * PAGE, 7);
	return 0;
}

/* Each call takes more than half a page. */
static int __attribute__((noinline)) deep(int calls)
{
	volatile char room[PAGE / 2];

	__asm__ volatile("" : : "r"(room) : "memory"); /* whole, whatever the compiler thinks of it */
	room[0] = (char)calls;
	room[sizeof(room) - 1] = (char)calls;
	if (calls && deep(calls - 1))
		return 1;
	return room[0] != (char)calls || room[sizeof(room) - 1] != (char)calls;
}

static int too_deep(void) { return deep(1 << 20); }

/* A stranger a little below the stack: the stack stops growing before it comes near. */
static int stack_meets_mapping(void)
{
	char here;
	char *near = (char *)(((unsigned long)&here & -PAGE) - 300 * PAGE);

	CHECK(mmap(near, PAGE) == near);
	*near = 1;
	deep(20);
	return deep(2000);
}

static int run(void)
{
	CHECK(mappings() == 0);
	CHECK(null_zone() == 0);
	CHECK(bad_arguments() == 0);
	CHECK(many_mappings() == 0);
	CHECK(heap() == 0);
	CHECK(deep(100) == 0);
	CHECK(status_of(in_child(too_deep)) == EXIT_KILLED + KILL_MEMORY);
	CHECK(status_of(in_child(stack_meets_mapping)) == EXIT_KILLED + KILL_MEMORY);
	return 0;
}
PROGRAM(run)
