/* SPDX-License-Identifier: MIT */
/*
 * A fuzzer in ring 3: children that do what no program should, beside children that do what is right and know what must
 * come of it. tests/kernel/fuzz_user.c gives the seed, ends what spins, and looks at the kernel afterwards.
 *
 * Some kinds of children are wild: how they end says nothing. The others end with 0, or for want of memory, or because
 * somebody has ended them; anything else is the kernel's fault. And whatever the children do to the pages that they
 * share with this process, it finds its own as it left them.
 */
#include "fuzz_calls.h"
#include "fuzz_code.h"
#include "fuzz_cow.h"
#include "fuzz_memory.h"
#include "fuzz_order.h"

#define AT_A_TIME    3
#define CANARY_PAGES 4

static const struct kind {
	const char *name;
	int (*run)(void);
	int wild;
} kinds[] = {
	{ "calls", wild_calls, 1 },	    { "calls", wild_calls, 1 },	       { "code", wild_code, 1 },
	{ "code", wild_code, 1 },	    { "code", wild_code, 1 },	       { "accesses", wild_accesses, 1 },
	{ "exec", wild_exec, 1 },	    { "registers", registers_stay, 0 }, { "family", cow_family, 0 },
	{ "memory", memory_changes, 0 },
};
#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct child {
	long pid; /* 0: none */
	const struct kind *kind;
	unsigned int seed;
} child[AT_A_TIME];

static volatile unsigned long canary[CANARY_PAGES][PAGE / sizeof(long)] __attribute__((aligned(4096)));

static unsigned long song(unsigned int page, unsigned int word)
{
	return 0x5ca1ab1eul * (page * 1024 + word + 1);
}

static void put_canaries(void)
{
	for (unsigned int page = 0; page < CANARY_PAGES; page++)
		for (unsigned int word = 0; word < PAGE / sizeof(long); word++)
			canary[page][word] = song(page, word);
}

static void look_at_canaries(void)
{
	for (unsigned int page = 0; page < CANARY_PAGES; page++)
		for (unsigned int word = 0; word < PAGE / sizeof(long); word++)
			CHECK(canary[page][word] == song(page, word));
}

static void start(struct child *c)
{
	c->kind = &kinds[below(NR_KINDS)];
	c->seed = random_u32();
	c->pid = fork();
	if (c->pid == 0) {
		chance_seed(c->seed);
		exit(c->kind->run());
	}
	if (c->pid < 0)
		c->pid = 0; /* no memory, or too many processes */
}

static void report(const struct child *c, long pid, int status)
{
	print_number("fuzz: child ", (unsigned long)pid);
	print(" of the kind ");
	print(c->kind->name);
	print_number(", seed ", c->seed);
	print_number(": status ", (unsigned long)status);
	print("\n");
}

/* Wait for one child. False: it ended as no such child should. */
static int end_one(void)
{
	int status = -1;
	long pid = wait(&status);

	CHECK(pid > 0);
	for (struct child *c = child; c < child + AT_A_TIME; c++) {
		if (c->pid != pid)
			continue;
		c->pid = 0;
		if (c->kind->wild || is_clean_end(status))
			return 1;
		report(c, pid, status);
		return 0;
	}
	CHECK(!"a child that nobody has started");
	return 0;
}

static unsigned int alive(void)
{
	unsigned int n = 0;

	for (const struct child *c = child; c < child + AT_A_TIME; c++)
		n += c->pid != 0;
	return n;
}

static struct child *free_place(void)
{
	struct child *c = child;

	while (c->pid)
		c++;
	return c;
}

static struct fuzz_order take_order(void)
{
	struct fuzz_order order, larger[2];
	const unsigned int taken = 0;

	CHECK(kbuf_read(0, &order, sizeof(order)) == sizeof(order) && order.seed);
	CHECK(kbuf_write(0, &taken, sizeof(taken)) == sizeof(taken));
	while (kbuf_read(0, larger, sizeof(larger)) == -EINVAL)
		yield();
	return order;
}

static int run(void)
{
	struct fuzz_order order = take_order();
	int right = 1;

	chance_seed(order.seed);
	put_canaries();
	for (unsigned int left = order.children; left; left--) {
		start(free_place());
		if (alive() == AT_A_TIME)
			right &= end_one();
		look_at_canaries();
	}
	while (alive())
		right &= end_one();
	look_at_canaries();
	return right ? 0 : 1;
}
PROGRAM(run)
