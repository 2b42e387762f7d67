/* SPDX-License-Identifier: MIT */
/*
 * Everything at once, at random, on all CPUs, for `stress=SECONDS`: no part of `test=all`; `make stress SECONDS=60`,
 * and machines of the matrix with little memory, where much of it fails.
 *
 * Each player is a thread in a process of its own. It keeps a few objects, each stamped with a word that nobody else
 * uses; each step makes one, or looks at one and ends it, or does something to the machine: moves itself to another
 * CPU, flushes aliases, touches user memory, runs in a short-lived process. What is wrong shows at once (a stamp, a
 * panic, the oracle) or at the end, when the guards around every test compare the books. Every other half second
 * allocations are made to fail again and again (kernel/inject.h), each kind in a way that chance chooses.
 */
#include "places.h"
#include "worker.h"

#include <arch/irq.h>
#include <arch/uaccess.h>
#include <kernel/cmdline.h>
#include <kernel/inject.h>
#include <lib/random.h>
#include <mm/ioremap.h>
#include <mm/slab.h>
#include <mm/percpu_alloc.h>

CMDLINE_OPTION(stress, "stress=SECONDS", "how long test=stress goes on (10)");

#define OBJECTS	   12
#define MOST_PAGES 40
#define LARGE_PAGES 2400 /* some of these together are more than a small machine has */
#define USER_ADDR  0x400000ul
#define USER_PAGES 64
#define REPORT_MS  10000 /* between signs of life */
#define PHASE_MS   500	 /* without failures, then with, and so on */

enum kind { NOTHING, AREA, MAP, RAM, DEVICE, LARGE, HUGE, ANY, PERCPU, NR_KINDS };

struct object {
	enum kind kind;
	char *mem;
	unsigned int pages;
	u32 stamp;
};

struct player {
	struct rnd_state random;
	struct worker *worker;
	struct object object[OBJECTS];
	struct page *page[MOST_PAGES]; /* what maps show */
	u32 last_stamp;
	unsigned long steps, failed; /* failed: for want of memory or space, which is no fault */
};

static struct crew crew;
static struct player player[CREW_MOST];
static bool stop;
static atomic_t ready; /* players that have what they begin with: until all have, nothing is made to fail */
static unsigned long made_to_fail;

static u32 below(struct player *p, u32 n)
{
	return random_below(&p->random, n);
}

/* --- objects ------------------------------------------------------------------------------------------------------ */

static volatile u32 *word_of(const struct object *o, unsigned int page)
{
	return (u32 *)(o->mem + page * PAGE_SIZE);
}

static bool is_map(const struct object *o) { return o->kind == MAP || o->kind == RAM; }
static bool is_stamped(const struct object *o)
{
	return o->kind == AREA || o->kind == LARGE || o->kind == HUGE || o->kind == ANY;
}

/* Maps show the player's own pages, in order, and each page has its own word. */
static u32 word_expected(const struct object *o, unsigned int page)
{
	return is_map(o) ? page : o->stamp + page;
}

static void put_stamps(struct object *o, unsigned int from)
{
	for (unsigned int i = from; i < o->pages; i++)
		*word_of(o, i) = word_expected(o, i);
}

static void check_stamps(const struct object *o)
{
	for (unsigned int i = 0; i < o->pages; i++)
		EXPECT_EQ(*word_of(o, i), word_expected(o, i));
}

static void make(struct player *p, struct object *o)
{
	*o = (struct object){ .kind = 1 + below(p, NR_KINDS - 1), .pages = 1 + below(p, MOST_PAGES) };
	switch (o->kind) {
	case AREA:
		o->mem = vmalloc(o->pages * PAGE_SIZE);
		break;
	case MAP:
		o->mem = vmap(p->page, o->pages, VM_MAP, PAGE_KERNEL);
		break;
	case RAM:
		o->mem = vm_map_ram(p->page, o->pages, -1);
		break;
	case LARGE:
		o->pages = 1 + below(p, LARGE_PAGES);
		o->mem = __vmalloc(o->pages * PAGE_SIZE, GFP_KERNEL | __GFP_NOWARN);
		break;
	case HUGE:
		o->pages = 512 + below(p, 700);
		o->mem = vmalloc_huge(o->pages * PAGE_SIZE, GFP_KERNEL | __GFP_NOWARN);
		break;
	case ANY:
		o->mem = kvmalloc(o->pages * PAGE_SIZE, GFP_KERNEL | __GFP_NOWARN);
		break;
	case PERCPU:
		o->mem = __alloc_percpu(64 * (1 + below(p, 16)), 64);
		break;
	default:
		o->mem = ioremap(0xfec00000, o->pages * PAGE_SIZE);
	}
	if (!o->mem) {
		o->kind = NOTHING;
		p->failed++;
		return;
	}
	o->stamp = p->last_stamp += 0x100;
	if (is_stamped(o))
		put_stamps(o, 0);
}

static void end(struct object *o)
{
	if (is_map(o) || is_stamped(o))
		check_stamps(o);
	switch (o->kind) {
	case AREA:
	case LARGE:
	case HUGE:
		vfree(o->mem);
		break;
	case ANY:
		kvfree(o->mem);
		break;
	case PERCPU:
		free_percpu(o->mem);
		break;
	case MAP:
		vunmap(o->mem);
		break;
	case RAM:
		vm_unmap_ram(o->mem, o->pages);
		break;
	case DEVICE:
		iounmap((void __iomem *)o->mem);
		break;
	default:
		return;
	}
	o->kind = NOTHING;
}

/* --- other steps -------------------------------------------------------------------------------------------------- */

static void move(struct player *p)
{
	unsigned int cpu, n = below(p, num_online_cpus());

	for_each_online_cpu(cpu)
		if (!n--)
			break;
	EXPECT_EQ(set_affinity_cpu(current, cpu), 0);
}

/* A page of the process: zero at first, then what some process of this player has written there. */
static void touch_user_page(struct player *p)
{
	u32 *at = (u32 *)(USER_ADDR + below(p, USER_PAGES) * PAGE_SIZE), own = (u32)(unsigned long)at, old = 0;

	if (copy_from_user(&old, at, sizeof(old)) || copy_to_user(at, &own, sizeof(own)))
		p->failed++;
	EXPECT(!old || old == own);
}

/* An empty address space, or a copy of the player's. */
static struct mm_struct *new_process(struct player *p)
{
	struct mm_struct *mm;

	if (below(p, 2))
		return mm_fork(p->worker->mm);
	mm = mm_create();
	if (!mm || !mm_map_anonymous(mm, USER_ADDR, USER_PAGES * PAGE_SIZE))
		return mm;
	mm_destroy(mm);
	return NULL;
}

/* The player leaves its process, runs in another one, ends that, and comes back. */
static void visit_new_process(struct player *p)
{
	struct mm_struct *mm = new_process(p);

	if (!mm) {
		p->failed++;
		return;
	}
	kthread_unuse_mm(p->worker->mm);
	kthread_use_mm(mm);
	for (unsigned int i = below(p, 4); i; i--)
		touch_user_page(p);
	kthread_unuse_mm(mm);
	mm_destroy(mm);
	kthread_use_mm(p->worker->mm);
}

/* Read-only and back again. Only the first of these may need memory, and when it gets none it changes nothing. */
static void change_rights(struct player *p)
{
	struct object *o = &p->object[below(p, OBJECTS)];

	if (o->kind != AREA)
		return;
	if (set_memory_ro((unsigned long)o->mem, (int)o->pages))
		p->failed++;
	else
		EXPECT_EQ(set_memory_rw((unsigned long)o->mem, (int)o->pages), 0);
	*word_of(o, o->pages - 1) = word_expected(o, o->pages - 1);
}

/* Another size, in place or elsewhere. What it held stays, as far as it goes. */
static void resize(struct player *p)
{
	struct object *o = &p->object[below(p, OBJECTS)];
	unsigned int had = o->pages, now = 1 + below(p, MOST_PAGES);
	char *mem;

	if (o->kind != AREA)
		return;
	mem = vrealloc(o->mem, now * PAGE_SIZE, GFP_KERNEL | __GFP_NOWARN);
	if (!mem) {
		p->failed++;
		return;
	}
	o->mem = mem;
	o->pages = now;
	put_stamps(o, had);
	check_stamps(o);
}

/* From outside, as a debugger would: the same words. */
static void look_in(struct player *p)
{
	const struct object *o = &p->object[below(p, OBJECTS)];
	unsigned int i = below(p, max(o->pages, 1u));
	u32 word = 0;

	if (!(is_map(o) || is_stamped(o)) || !is_vmalloc_addr(o->mem))
		return;
	EXPECT_EQ(vread((char *)&word, (const char *)word_of(o, i), sizeof(word)), sizeof(word));
	EXPECT_EQ(word, word_expected(o, i));
}

static void step(struct player *p)
{
	struct object *o = &p->object[below(p, OBJECTS)];
	u32 dice = below(p, 100);

	if (dice < 64)
		o->kind == NOTHING ? make(p, o) : end(o);
	else if (dice < 68)
		resize(p);
	else if (dice < 72)
		look_in(p);
	else if (dice < 85)
		touch_user_page(p);
	else if (dice < 90)
		visit_new_process(p);
	else if (dice < 94)
		change_rights(p);
	else if (dice < 97)
		move(p);
	else if (dice < 98)
		vm_unmap_aliases();
	else if (dice < 99)
		vmalloc_shrink();
	else
		schedule();
	p->steps++;
}

/* --- the game ----------------------------------------------------------------------------------------------------- */

static void play(void *arg)
{
	struct player *p = arg;
	bool complete = EXPECT_EQ(alloc_page_array(GFP_KERNEL, MOST_PAGES, p->page), MOST_PAGES);

	EXPECT_EQ(mm_map_anonymous(p->worker->mm, USER_ADDR, USER_PAGES * PAGE_SIZE), 0);
	atomic_inc(&ready);
	if (!complete)
		return;
	for (unsigned int i = 0; i < MOST_PAGES; i++)
		*(u32 *)page_address(p->page[i]) = i;
	while (!READ_ONCE(stop))
		step(p);
	for (unsigned int i = 0; i < OBJECTS; i++)
		end(&p->object[i]);
	free_page_array(p->page, MOST_PAGES);
}

static void start_players(void)
{
	for (unsigned int i = 0; i < crew.nr; i++) {
		player[i] = (struct player){ .worker = &crew.worker[i], .last_stamp = i << 24 };
		random_seed(&player[i].random, ktest_random());
		worker_post(&crew.worker[i], play, &player[i]);
	}
}

/* Every n-th allocation of a kind fails, or one every few milliseconds; from the next phase on none does. */
static void begin_phase(bool failing)
{
	for (unsigned int site = 0; site < NR_INJECT_SITES; site++) {
		u64 random = ktest_random();
		unsigned int n = 1 + (unsigned int)(random >> 8) % 40;

		if (inject_clear((enum inject_site)site))
			made_to_fail += inject_failures((enum inject_site)site);
		if (CONFIG_FAULT_INJECT && failing && random % 4)
			inject_repeat((enum inject_site)site, random % 4 == 1 ? &(struct inject_repeat){ .ms = n } :
										&(struct inject_repeat){ .every = n });
	}
}

static void report(u64 since)
{
	unsigned long steps = 0, failed = 0;

	for (unsigned int i = 0; i < crew.nr; i++) {
		steps += READ_ONCE(player[i].steps);
		failed += READ_ONCE(player[i].failed);
	}
	ktest_note("%llu ms: %lu steps by %u players, %lu without memory; %lu allocations were made to fail",
		   arch_uptime_ms() - since, steps, crew.nr, failed, made_to_fail);
}

static void play_the_game(u64 ms)
{
	u64 start = arch_uptime_ms(), next_report = REPORT_MS;
	bool failing = false;

	start_players();
	while ((unsigned int)atomic_read(&ready) < crew.nr)
		msleep(1);
	for (u64 done = 0; done < ms; done += PHASE_MS, failing = !failing) {
		begin_phase(failing);
		msleep((unsigned int)min(ms - done, (u64)PHASE_MS));
		if (done + PHASE_MS >= next_report) {
			report(start);
			next_report += REPORT_MS;
		}
	}
	begin_phase(false);
	report(start);
	WRITE_ONCE(stop, true);
	for (unsigned int i = 0; i < crew.nr; i++)
		worker_wait(&crew.worker[i]);
	expect_parity();
}

KTEST(stress, everything)
{
	stop = false;
	made_to_fail = 0;
	atomic_set(&ready, 0);
	WITH_CREW(crew, 2, play_the_game(cmdline_count("stress", 10, ~0u) * 1000));
}
