/* SPDX-License-Identifier: MIT */
/*
 * Fork: who sees whose writes, who inherits what, who waits for whom. A tree of processes, each of which writes to
 * memory that all of them have from the first one, and sees nothing but its own.
 */
#include "program.h"

#define DEPTH 3
#define WIDTH 2
#define PAGES 4

static volatile unsigned long data[PAGES][PAGE / sizeof(long)] = { { 1 } };
static char *heap;

static void fill_all(unsigned long value)
{
	for (unsigned int i = 0; i < PAGES; i++)
		data[i][0] = value + i;
	*(volatile unsigned long *)heap = value;
}

static int all_are(unsigned long value)
{
	for (unsigned int i = 0; i < PAGES; i++)
		if (data[i][0] != value + i)
			return 0;
	return *(volatile unsigned long *)heap == value;
}

/* Every process of the tree has a number of its own. */
static int tree(unsigned int depth, unsigned long number)
{
	long pid[WIDTH];

	fill_all(number);
	for (unsigned int i = 0; depth && i < WIDTH; i++) {
		pid[i] = fork();
		CHECK(pid[i] >= 0);
		if (pid[i] == 0) {
			CHECK(all_are(number)); /* as the parent left it */
			exit(tree(depth - 1, number * 10 + i + 1));
		}
		yield();
		CHECK(all_are(number)); /* whatever the child did */
	}
	for (unsigned int i = 0; depth && i < WIDTH; i++) {
		int status = -1;
		long who = wait(&status);

		CHECK(who == pid[0] || who == pid[1]);
		CHECK(status == 0);
	}
	CHECK(wait(NULL) == -ECHILD);
	CHECK(all_are(number));
	return 0;
}

/* The parent writes first, the child must still see the old. */
static int child_sees_old(void)
{
	int status;
	long pid;

	fill_all(500);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		for (int i = 0; i < 20; i++)
			yield();
		exit(all_are(500) ? 77 : 1);
	}
	fill_all(600);
	status = status_of(pid);
	CHECK(status == 77);
	CHECK(all_are(600));
	return 0;
}

static int grandchild(void)
{
	for (int i = 0; i < 5; i++)
		yield();
	return 0;
}

/* Ends without waiting: the grandchild becomes an orphan. */
static int leaves_an_orphan(void)
{
	return in_child(grandchild) > 0 ? 9 : 1;
}

static int becomes_hello(void)
{
	exec("no such program");
	exec("hello");
	return 1;
}

static int run(void)
{
	heap = brk(NULL);
	CHECK(brk(heap + PAGE) == heap + PAGE);
	CHECK(data[0][0] == 1);
	CHECK(tree(DEPTH, 1) == 0);
	CHECK(child_sees_old() == 0);
	CHECK(status_of(in_child(leaves_an_orphan)) == 9);
	CHECK(wait(NULL) == -ECHILD); /* an orphan is not inherited */
	CHECK(exec("no such program") == -ENOENT);
	CHECK(exec("a name that is longer than any program's") == -ENOENT);
	CHECK(status_of(in_child(becomes_hello)) == 0);
	CHECK(all_are(600));
	return 0;
}
PROGRAM(run)
