/* SPDX-License-Identifier: MIT */
/*
 * Space in the chunks of per-CPU memory: which bytes of a unit are in use. (A relative of TLSF, Masmano et al. 2004.)
 *
 * 1. A unit is divided into granules of 16 bytes, and granules form runs: an object is a run, and the space between two
 *    objects is one free run. All units of a chunk are alike, so this is kept once for each chunk:
 *
 *	granule	 0   1   2   3   4   5   6   7   8   9 ..
 *		[ object    ][ free          ][ object  ][ free ...
 *	tag	 U3  .   .   F4  .   .   f4   U3  .   .	 U, F: the first one of a run; f: the last of a free one
 *
 *    Every other tag is 0. So one look answers each question about an address or a neighbour. A free merges runs at
 *    once, so two free runs are never side by side.
 *
 * 2. A chunk has a list of free runs for each class. There are four classes to a power of two. A chunk is in the slot
 *    of the highest class in which it has a run.
 *
 *	slot 31 -> chunk C			Two searches in a bitmap of 45 bits find a nearly full chunk with room:
 *	slot 37 -> chunk A -> chunk D		the lowest slot, and in its chunk the lowest class, in which every
 *	slot 44 -> chunk B			run is large enough with the worst alignment.
 *
 * 3. These searches may miss a run of a lower class that is just large enough, or well aligned. So before a new chunk
 *    is made, LOOKS of such runs are tried. No other step takes longer than that.
 *
 * Only percpu_space_make() allocates. Nothing here touches the memory of the units, which may not be mapped.
 */
#include "mm/kva/percpu/percpu_internal.h"

#define NONE	 0xffffu /* no granule */
#define RUN_LEN	 0x1fffu
#define RUN_HEAD 0x4000u /* the first granule of the run */
#define RUN_USED 0x8000u
#define LOOKS	 48u

static struct list_head slots[NR_CLASSES + 1]; /* the last slot: full chunks */
static DECLARE_BITMAP(slot_map, NR_CLASSES);   /* the slots that are not empty, without the last */
static struct rb_root tree = RB_ROOT;
static unsigned long nr_chunks;

static u16 *word(const struct percpu_chunk *chunk, enum percpu_word which, unsigned int granule)
{
	return &chunk->part[which][granule / PART_GRANULES][granule % PART_GRANULES];
}

static u16 *tag(const struct percpu_chunk *chunk, unsigned int granule) { return word(chunk, PERCPU_TAG, granule); }

static unsigned int run_len(const struct percpu_chunk *chunk, unsigned int at) { return *tag(chunk, at) & RUN_LEN; }

/* 1, 2, 3, then four to a power of two: 4, 5, 6, 7, 8 (8 and 9 granules), 9 (10 and 11) ... 44 (4096). */
static unsigned int class_of(unsigned int n)
{
	unsigned int shift = n < 4 ? 0 : ilog2(n) - 2;

	return (shift << 2) + (n >> shift);
}

/* The lowest class of which every run has at least n granules; NR_CLASSES or more: there is none. */
static unsigned int class_of_all(unsigned int n)
{
	return class_of(n + (n < 4 ? 0 : (1u << (ilog2(n) - 2)) - 1));
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

static void slot_leave(struct percpu_chunk *chunk)
{
	list_del(&chunk->list);
	if (chunk->slot < NR_CLASSES && list_empty(&slots[chunk->slot]))
		__clear_bit(chunk->slot, slot_map);
}

static void slot_enter(struct percpu_chunk *chunk)
{
	list_add(&chunk->list, &slots[chunk->slot]);
	if (chunk->slot < NR_CLASSES)
		__set_bit(chunk->slot, slot_map);
}

/* The runs of the chunk have changed: move it to the right slot. */
static void slot_settle(struct percpu_chunk *chunk)
{
	unsigned int slot = find_last_bit(chunk->classes, NR_CLASSES); /* NR_CLASSES: it is full */

	if (slot == chunk->slot)
		return;
	slot_leave(chunk);
	chunk->slot = slot;
	slot_enter(chunk);
}

static void run_add(struct percpu_chunk *chunk, unsigned int at, unsigned int n)
{
	unsigned int class = class_of(n), next = chunk->head[class];

	*tag(chunk, at + n - 1) = (u16)n;
	*tag(chunk, at) = (u16)(RUN_HEAD | n);
	*word(chunk, PERCPU_NEXT, at) = (u16)next;
	*word(chunk, PERCPU_PREV, at) = NONE;
	if (next != NONE)
		*word(chunk, PERCPU_PREV, next) = (u16)at;
	chunk->head[class] = (u16)at;
	__set_bit(class, chunk->classes);
}

static void run_remove(struct percpu_chunk *chunk, unsigned int at)
{
	unsigned int n = run_len(chunk, at), class = class_of(n);
	unsigned int next = *word(chunk, PERCPU_NEXT, at), prev = *word(chunk, PERCPU_PREV, at);

	if (next != NONE)
		*word(chunk, PERCPU_PREV, next) = (u16)prev;
	if (prev != NONE)
		*word(chunk, PERCPU_NEXT, prev) = (u16)next;
	else
		chunk->head[class] = (u16)next;
	if (chunk->head[class] == NONE)
		__clear_bit(class, chunk->classes);
	*tag(chunk, at) = *tag(chunk, at + n - 1) = 0;
}

/* --- taking ------------------------------------------------------------------------------------------------------- */

/* Cut the place out of the free run that begins at `run`. */
static void carve(const struct percpu_place *place, unsigned int run)
{
	struct percpu_chunk *chunk = place->chunk;
	unsigned int run_end = run + run_len(chunk, run), end = place->at + place->n;

	run_remove(chunk, run);
	if (run != place->at)
		run_add(chunk, run, place->at - run);
	if (end != run_end)
		run_add(chunk, end, run_end - end);
	*tag(chunk, place->at) = (u16)(RUN_HEAD | RUN_USED | place->n);
	chunk->nr_used += place->n;
	slot_settle(chunk);
}

/* Take room in a run of a class of which every run is large enough. False: there is none. */
static bool take_sure(struct percpu_place *place, unsigned int align)
{
	unsigned int class = class_of_all(place->n + align - 1), slot, run;

	slot = find_next_bit(slot_map, NR_CLASSES, min(class, NR_CLASSES));
	if (slot == NR_CLASSES)
		return false;
	place->chunk = list_first_entry(&slots[slot], struct percpu_chunk, list);
	run = place->chunk->head[find_next_bit(place->chunk->classes, NR_CLASSES, class)];
	place->at = ALIGN(run, align);
	carve(place, run);
	return true;
}

static unsigned int page_of(unsigned int granule) { return granule / PAGE_GRANULES; }

bool percpu_space_populated(const struct percpu_place *place)
{
	unsigned int end = page_of(place->at + place->n - 1) + 1;

	return find_next_zero_bit(place->chunk->populated, end, page_of(place->at)) == end;
}

/* Set place->at if the place fits into the run. False: it does not. */
static bool fits(struct percpu_place *place, unsigned int run, unsigned int align)
{
	place->at = ALIGN(run, align);
	return place->at + place->n <= run + run_len(place->chunk, run);
}

static bool fits_populated(struct percpu_place *place, unsigned int run, unsigned int align)
{
	const unsigned long *there = place->chunk->populated;
	unsigned int end = run + run_len(place->chunk, run), page;

	for (place->at = ALIGN(run, align); place->at + place->n <= end; place->at = page * PAGE_GRANULES) {
		if (percpu_space_populated(place))
			return true;
		page = find_next_zero_bit(there, UNIT_PAGES, page_of(place->at));
		page = find_next_bit(there, UNIT_PAGES, page);
	}
	return false;
}

typedef bool (*fit_fn)(struct percpu_place *place, unsigned int run, unsigned int align);

/* Try the runs of the chunk, at most *looks of them. */
static bool look_in(struct percpu_place *place, unsigned int align, fit_fn fit, unsigned int *looks)
{
	const struct percpu_chunk *chunk = place->chunk;
	unsigned int class = class_of(place->n);

	while ((class = find_next_bit(chunk->classes, NR_CLASSES, class)) != NR_CLASSES) {
		for (unsigned int run = chunk->head[class++]; run != NONE; run = *word(chunk, PERCPU_NEXT, run)) {
			if (!*looks)
				return false;
			--*looks;
			if (!fit(place, run, align))
				continue;
			carve(place, run);
			return true;
		}
	}
	return false;
}

static bool look(struct percpu_place *place, unsigned int align, fit_fn fit)
{
	unsigned int slot = class_of(place->n), looks = LOOKS;

	while ((slot = find_next_bit(slot_map, NR_CLASSES, slot)) != NR_CLASSES) {
		list_for_each_entry(place->chunk, &slots[slot], list) {
			if (look_in(place, align, fit, &looks))
				return true;
			if (!looks)
				return false;
		}
		slot++;
	}
	return false;
}

bool percpu_space_take(struct percpu_place *place, unsigned int align)
{
	return take_sure(place, align) || look(place, align, fits);
}

bool percpu_space_take_in(struct percpu_chunk *fresh, struct percpu_place *place, unsigned int align)
{
	unsigned int looks = 1;

	place->chunk = fresh;
	return look_in(place, align, fits, &looks);
}

bool percpu_space_take_populated(struct percpu_place *place, unsigned int align)
{
	return look(place, align, fits_populated);
}

/* --- giving back -------------------------------------------------------------------------------------------------- */

static struct percpu_chunk *chunk_of(vaddr_t addr)
{
	struct rb_node *node = tree.rb_node;

	while (node) {
		struct percpu_chunk *chunk = rb_entry(node, struct percpu_chunk, node);

		if (addr - chunk->base < PERCPU_UNIT_SIZE)
			return chunk;
		node = addr < chunk->base ? node->rb_left : node->rb_right;
	}
	return NULL;
}

/* The length of the free run that begins or ends at this granule, or 0. */
static unsigned int free_at(const struct percpu_chunk *chunk, unsigned int granule)
{
	return granule < NR_GRANULES && !(*tag(chunk, granule) & RUN_USED) ? run_len(chunk, granule) : 0;
}

/* Free granules [at, end) and merge them with the free runs on both sides. */
static void merge(struct percpu_chunk *chunk, unsigned int at, unsigned int end)
{
	unsigned int before = free_at(chunk, at - 1), behind = free_at(chunk, end);

	if (before)
		run_remove(chunk, at - before);
	if (behind)
		run_remove(chunk, end);
	run_add(chunk, at - before, end + behind - (at - before));
}

struct percpu_chunk *percpu_space_free(vaddr_t addr, unsigned int *n)
{
	struct percpu_chunk *chunk = chunk_of(addr);
	unsigned int at;

	if (!chunk || !IS_ALIGNED(addr - chunk->base, 1u << GRANULE_SHIFT))
		return NULL;
	at = (unsigned int)((addr - chunk->base) >> GRANULE_SHIFT);
	if (!(*tag(chunk, at) & RUN_USED))
		return NULL;
	*n = run_len(chunk, at);
	chunk->nr_used -= *n;
	*tag(chunk, at) = 0;
	merge(chunk, at, at + *n);
	slot_settle(chunk);
	return chunk;
}

unsigned int percpu_space_cut(vaddr_t addr, struct percpu_place *place)
{
	struct percpu_chunk *chunk = chunk_of(addr);
	unsigned int at = (unsigned int)((addr - chunk->base) >> GRANULE_SHIFT), had = run_len(chunk, at);

	if (had < place->n)
		return had;
	place->chunk = chunk;
	place->at = at;
	if (had == place->n)
		return had;
	*tag(chunk, at) = (u16)(RUN_HEAD | RUN_USED | place->n);
	chunk->nr_used -= had - place->n;
	merge(chunk, at + place->n, at + had);
	slot_settle(chunk);
	return had;
}

/* --- chunks ------------------------------------------------------------------------------------------------------- */

bool percpu_space_make(struct percpu_chunk *chunk, gfp_t gfp)
{
	for (unsigned int i = 0; i < NR_PERCPU_WORDS * NR_PARTS; i++) {
		u16 *part = kzalloc(PART_GRANULES * sizeof(*part), gfp);

		if (!part) {
			percpu_space_destroy(chunk);
			return false;
		}
		chunk->part[i / NR_PARTS][i % NR_PARTS] = part;
	}
	return true;
}

void percpu_space_destroy(struct percpu_chunk *chunk)
{
	for (unsigned int i = 0; i < NR_PERCPU_WORDS * NR_PARTS; i++)
		kfree(chunk->part[i / NR_PARTS][i % NR_PARTS]);
}

static void tree_link(struct percpu_chunk *chunk)
{
	struct rb_node **link = &tree.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = chunk->base < rb_entry(parent, struct percpu_chunk, node)->base ? &parent->rb_left
										       : &parent->rb_right;
	}
	rb_link_node(&chunk->node, parent, link);
	rb_insert_color(&chunk->node, &tree);
}

void percpu_space_join(struct percpu_chunk *chunk)
{
	if (!slots[0].next)
		for (unsigned int i = 0; i <= NR_CLASSES; i++)
			INIT_LIST_HEAD(&slots[i]);
	for (unsigned int class = 0; class < NR_CLASSES; class++)
		chunk->head[class] = NONE;
	run_add(chunk, 0, NR_GRANULES);
	chunk->slot = find_last_bit(chunk->classes, NR_CLASSES);
	slot_enter(chunk);
	tree_link(chunk);
	nr_chunks++;
}

void percpu_space_leave(struct percpu_chunk *chunk)
{
	BUG_ON(chunk->nr_used || run_len(chunk, 0) != NR_GRANULES);
	slot_leave(chunk);
	rb_erase(&chunk->node, &tree);
	nr_chunks--;
}

/* --- the check ---------------------------------------------------------------------------------------------------- */

static unsigned int fault(const struct percpu_chunk *chunk, unsigned int at, const char *what)
{
	printk("percpu_alloc_check: chunk at %lx, granule %u, tag %x: %s\n", chunk->base, at, *tag(chunk, at), what);
	return 1;
}

/* Is the free run in the list of its class, and is its end marked? */
static unsigned int check_free_run(const struct percpu_chunk *chunk, unsigned int at, unsigned int n)
{
	unsigned int faults = 0, class = class_of(n), run = chunk->head[class], prev = NONE;

	for (; run != at && run != NONE; run = *word(chunk, PERCPU_NEXT, run))
		prev = run;
	if (run != at)
		return fault(chunk, at, "in no list");
	if (*word(chunk, PERCPU_PREV, at) != prev)
		faults += fault(chunk, at, "a wrong link");
	if (n > 1 && *tag(chunk, at + n - 1) != n)
		faults += fault(chunk, at + n - 1, "not the end of a run");
	if (!test_bit(class, chunk->classes))
		faults += fault(chunk, at, "its class is not marked");
	return faults;
}

/* Check the run that begins at `at`; *n: its length. *free: was the run before it free; is this one? */
static unsigned int check_run(const struct percpu_chunk *chunk, unsigned int at, bool *free, unsigned int *n)
{
	unsigned int faults = 0, quiet;
	bool was_free = *free;

	*n = run_len(chunk, at);
	*free = !(*tag(chunk, at) & RUN_USED);
	if (!(*tag(chunk, at) & RUN_HEAD) || !*n || at + *n > NR_GRANULES) {
		*n = NR_GRANULES - at;
		return fault(chunk, at, "no run begins here");
	}
	if (*free && was_free)
		faults += fault(chunk, at, "two free runs side by side");
	quiet = at + *n - (*free ? 1 : 0);
	for (unsigned int i = at + 1; i < quiet; i++)
		if (*tag(chunk, i))
			faults += fault(chunk, i, "marked, inside a run");
	return faults + (*free ? check_free_run(chunk, at, *n) : 0);
}

static unsigned int check_chunk(const struct percpu_chunk *chunk, struct percpu_alloc_stats *found)
{
	unsigned int faults = 0, used = 0, slot = find_last_bit(chunk->classes, NR_CLASSES);
	bool free = false;

	for (unsigned int at = 0, n; at < NR_GRANULES; at += n) {
		faults += check_run(chunk, at, &free, &n);
		used += free ? 0 : n;
	}
	if (used != chunk->nr_used || !used)
		faults += fault(chunk, used, "so many are in use, and something else was counted");
	if (slot != chunk->slot)
		faults += fault(chunk, slot, "it should be in this slot");
	for (unsigned int class = 0; class < NR_CLASSES; class++)
		if (test_bit(class, chunk->classes) == (chunk->head[class] == NONE))
			faults += fault(chunk, class, "the list of this class and its mark differ");
	for (unsigned int page = 0; page < UNIT_PAGES; page++) {
		found->pages += chunk->page[page] != NULL;
		if (test_bit(page, chunk->populated) != !!chunk->page[page])
			faults += fault(chunk, page * PAGE_GRANULES,
					"a page that is there and not marked, or the other way round");
	}
	found->chunks++;
	found->bytes += (unsigned long)used << GRANULE_SHIFT;
	return faults;
}

/* Is every chunk in the slot that it names, and are there as many chunks in the slots as in the tree? */
static unsigned int check_slots(void)
{
	unsigned int faults = 0;
	unsigned long nr = 0;

	for (unsigned int slot = 0; slot <= NR_CLASSES && slots[0].next; slot++) {
		const struct percpu_chunk *chunk;

		list_for_each_entry(chunk, &slots[slot], list) {
			nr++;
			if (chunk->slot != slot)
				faults += fault(chunk, slot, "in the list of another slot");
		}
		if (slot < NR_CLASSES && test_bit(slot, slot_map) == list_empty(&slots[slot])) {
			printk("percpu_alloc_check: slot %u and its mark differ\n", slot);
			faults++;
		}
	}
	if (nr == nr_chunks)
		return faults;
	printk("percpu_alloc_check: %lu chunks in slots, %lu counted\n", nr, nr_chunks);
	return faults + 1;
}

unsigned int percpu_space_check(struct percpu_alloc_stats *found)
{
	unsigned int faults = check_slots();

	*found = (struct percpu_alloc_stats){ 0 };
	for (struct rb_node *node = rb_first(&tree); node; node = rb_next(node))
		faults += check_chunk(rb_entry(node, struct percpu_chunk, node), found);
	if (found->chunks != nr_chunks) {
		printk("percpu_alloc_check: %lu chunks in the tree, %lu counted\n", found->chunks, nr_chunks);
		faults++;
	}
	return faults;
}
