/* SPDX-License-Identifier: MIT */
/*
 * Reservations of memory types: one interval tree for each type.
 *
 * The only question is whether another type is in use anywhere in a range. It takes one descent in each tree of another
 * type, however many mappings share the frames: every node keeps the highest end of its subtree, so a subtree that ends
 * too early is not entered. Equal reservations are one node with a count.
 *
 *	write-back      [0x7fe0000 0x8000000) x2
 *	uncached-minus  [0xfec00000 0xfec01000)   [0xfee00000 0xfee01000)
 *	write-combining [0xfd000000 0xfd300000)
 *
 * The reservation that was freed last stays in its tree, with a count of 0, until another one is made. Drivers map the
 * same registers again and again. If the next reservation is the same, it needs no check: the old one agreed with all
 * others, and no other was made since.
 *
 * RAM is in no tree, and memtype_reserve() refuses it. Its type is the one of its direct map (page_memtype()).
 */
#include "mm/kva/map/map.h"

#include <mm/memtype.h>

struct reservation {
	struct rb_node node;	  /* sorted by start, then end */
	unsigned long start, end; /* frames: on 32-bit an address would be two words */
	unsigned long last;	  /* the highest end in this subtree */
	unsigned long count;
};

static u64 to_addr(unsigned long pfn) { return (u64)pfn << PAGE_SHIFT; }

static DEFINE_RANKED_SPINLOCK(memtype_lock, RANK_MEMTYPE);
static struct rb_root trees[NR_MEMTYPES];
static unsigned long used; /* bit t: trees[t] is not empty */
static struct {
	struct reservation *r; /* freed last; NULL: there is none, or idle_remove() has taken it */
	enum memtype type;
} idle;

void memtype_init(void)
{
	memset(trees, 0, sizeof(trees));
	used = 0;
	idle.r = NULL;
}

const char *memtype_name(enum memtype type)
{
	static const char *const names[NR_MEMTYPES] = {
		[MEMTYPE_WB] = "write-back", [MEMTYPE_WT] = "write-through",   [MEMTYPE_UC_MINUS] = "uncached-minus",
		[MEMTYPE_UC] = "uncached",   [MEMTYPE_WC] = "write-combining",
	};

	return names[type];
}

/* --- one tree --------------------------------------------------------------------------------------------------- */

static struct reservation *entry(struct rb_node *node)
{
	return rb_entry_safe(node, struct reservation, node);
}

static unsigned long last_below(const struct rb_node *node)
{
	return node ? rb_entry(node, struct reservation, node)->last : 0;
}

static unsigned long own_end(const struct reservation *r) { return r->end; }

RB_DECLARE_CALLBACKS_MAX(static, augment, struct reservation, node, unsigned long, last, own_end);

/* <0: [start, end) comes before the reservation; 0: it is the same; >0: it comes behind. */
static int compare(unsigned long start, unsigned long end, const struct reservation *r)
{
	if (start != r->start)
		return start < r->start ? -1 : 1;
	return end == r->end ? 0 : end < r->end ? -1 : 1;
}

/* Any reservation that has an address in common with [start, end), or NULL. */
static struct reservation *find_overlap(const struct rb_root *tree, unsigned long start, unsigned long end)
{
	struct rb_node *node = tree->rb_node;

	while (node) {
		struct reservation *r = entry(node);

		if (last_below(node->rb_left) > start)
			node = node->rb_left; /* if nothing there overlaps, one starts too high, and so do all others */
		else if (r->start < end && start < r->end)
			return r;
		else
			node = r->start < end ? node->rb_right : NULL;
	}
	return NULL;
}

/* The reservation of exactly this range, or else the first behind it, or NULL. */
static struct reservation *find_from(const struct rb_root *tree, unsigned long start, unsigned long end)
{
	struct reservation *found = NULL;

	for (struct rb_node *node = tree->rb_node; node;) {
		struct reservation *r = entry(node);
		int order = compare(start, end, r);

		if (order <= 0)
			found = r;
		if (!order)
			break;
		node = order < 0 ? node->rb_left : node->rb_right;
	}
	return found;
}

static struct reservation *find_same(const struct rb_root *tree, unsigned long start, unsigned long end)
{
	struct reservation *r = find_from(tree, start, end);

	return r && !compare(start, end, r) ? r : NULL;
}

/* Count one more of the same, or insert `new`. True: `new` is in the tree and belongs to it. */
static bool insert(struct rb_root *tree, struct reservation *new)
{
	struct rb_node **link = &tree->rb_node, *parent = NULL;

	while (*link) {
		int order;

		parent = *link;
		order = compare(new->start, new->end, entry(parent));
		if (!order) {
			entry(parent)->count++;
			return false;
		}
		link = order < 0 ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&new->node, parent, link);
	augment_propagate(parent, NULL);
	rb_insert_augmented(&new->node, tree, &augment);
	return true;
}

/* --- all of them ------------------------------------------------------------------------------------------------ */

/* A reservation of another type than `type` in the range; *other: which one. */
static struct reservation *find_conflict(unsigned long start, unsigned long end, enum memtype type, enum memtype *other)
{
	for (unsigned long left = used & ~(1ul << type); left; left &= left - 1) {
		enum memtype t = (enum memtype)__builtin_ctzl(left);
		struct reservation *r = find_overlap(&trees[t], start, end);

		if (!r)
			continue;
		*other = t;
		return r;
	}
	return NULL;
}

static void report_conflict(u64 start, u64 end, enum memtype type, const struct memtype_info *other)
{
	printk("memtype: 0x%llx-0x%llx as %s refused: 0x%llx-0x%llx is mapped %s\n", start, end - 1, memtype_name(type),
	       other->start, other->end - 1, memtype_name(other->type));
}

/* Count or insert `new`, unless another type stands in the way. True: `new` is in the tree and belongs to it. */
static bool reserve_locked(enum memtype type, struct reservation *new, struct memtype_info *conflict)
{
	struct reservation *r = find_conflict(new->start, new->end, type, &conflict->type);

	if (r) {
		conflict->start = to_addr(r->start);
		conflict->end = to_addr(r->end);
		conflict->count = r->count;
		return false;
	}
	used |= 1ul << type;
	return insert(&trees[type], new);
}

/* Take the idle reservation out of its tree. The caller kfrees it, without the lock. */
static struct reservation *idle_remove(void)
{
	struct reservation *r = idle.r;

	idle.r = NULL;
	if (!r)
		return NULL;
	rb_erase_augmented(&r->node, &trees[idle.type], &augment);
	if (!trees[idle.type].rb_node)
		used &= ~(1ul << idle.type);
	return r;
}

/* If the idle reservation is this one, it counts again: true. */
static bool idle_revive(unsigned long start, unsigned long end, enum memtype type)
{
	bool same;

	spin_lock(&memtype_lock);
	same = idle.r && idle.type == type && !compare(start, end, idle.r);
	if (same) {
		idle.r->count = 1;
		idle.r = NULL;
	}
	spin_unlock(&memtype_lock);
	return same;
}

int memtype_reserve(u64 start, u64 end, enum memtype type)
{
	struct memtype_info conflict = { 0 };
	struct reservation *new, *gone;
	bool inserted;

	if (likely(idle_revive(to_pfn(start), to_pfn(end), type)))
		return 0;
	if (WARN_ONCE(memblock_overlaps_ram(start, end), "memtype: 0x%llx-0x%llx as %s refused: RAM in use", start,
		      end - 1,
		      memtype_name(type)))
		return -EBUSY;
	new = kmalloc(sizeof(*new), GFP_KERNEL);
	if (!new)
		return -ENOMEM;
	*new = (struct reservation){ .start = to_pfn(start), .end = to_pfn(end), .last = to_pfn(end), .count = 1 };
	spin_lock(&memtype_lock);
	gone = idle_remove();
	inserted = reserve_locked(type, new, &conflict);
	spin_unlock(&memtype_lock);
	kfree(gone);
	if (!inserted)
		kfree(new);
	if (!conflict.count)
		return 0;
	report_conflict(start, end, type, &conflict);
	return -EBUSY;
}

int memtype_free(u64 start, u64 end, enum memtype type)
{
	struct reservation *r, *gone = NULL;
	bool reserved;

	spin_lock(&memtype_lock);
	r = find_same(&trees[type], to_pfn(start), to_pfn(end));
	reserved = r && r->count;
	if (reserved && !--r->count) {
		gone = idle_remove();
		idle.r = r;
		idle.type = type;
	}
	spin_unlock(&memtype_lock);
	if (unlikely(gone))
		kfree(gone);
	WARN_ONCE(!reserved, "memtype: 0x%llx-0x%llx is not reserved as %s", start, end - 1, memtype_name(type));
	return reserved ? 0 : -EINVAL;
}

void memtype_forget(void)
{
	struct reservation *gone;

	spin_lock(&memtype_lock);
	gone = idle_remove();
	spin_unlock(&memtype_lock);
	kfree(gone);
}

/* --- frames that lie anywhere ------------------------------------------------------------------------------------- */

/* How many frames lie side by side, from the first on. */
static unsigned long run_length(const unsigned long *pfns, unsigned long count)
{
	unsigned long n = 1;

	while (n < count && pfns[n] == pfns[0] + n)
		n++;
	return n;
}

void memtype_free_frames(const unsigned long *pfns, unsigned long count, enum memtype type)
{
	for (unsigned long done = 0, n; done < count; done += n) {
		n = run_length(pfns + done, count - done);
		memtype_free(to_addr(pfns[done]), to_addr(pfns[done] + n), type);
	}
}

int memtype_reserve_frames(const unsigned long *pfns, unsigned long count, enum memtype type)
{
	for (unsigned long done = 0, n; done < count; done += n) {
		int err;

		n = run_length(pfns + done, count - done);
		err = memtype_reserve(to_addr(pfns[done]), to_addr(pfns[done] + n), type);
		if (!err)
			continue;
		memtype_free_frames(pfns, done, type);
		return err;
	}
	return 0;
}

bool memtype_agrees(unsigned long pfn, enum memtype type)
{
	const struct page *page = pfn_to_page_checked(pfn);
	struct reservation *r, *gone;
	enum memtype other;

	if (page)
		return page_memtype(page) == type;
	spin_lock(&memtype_lock);
	gone = idle_remove();
	r = find_conflict(pfn, pfn + 1, type, &other);
	spin_unlock(&memtype_lock);
	kfree(gone);
	return !r;
}

/* --- RAM ---------------------------------------------------------------------------------------------------------- */

bool pages_agree_slow(struct page **pages, unsigned long count, pgprot_t prot)
{
	enum memtype type = pgprot_memtype(prot);

	for (unsigned long i = 0; i < count; i++) {
		struct page_window window = page_find_window(pages[i]);

		if (page_window_index(window, pages[i]) >= window.nr || page_memtype(pages[i]) == type)
			continue;
		printk("memtype: frame %lx as %s refused: it is RAM that is mapped %s\n", page_to_pfn(pages[i]),
		       memtype_name(type), memtype_name(page_memtype(pages[i])));
		return false;
	}
	return true;
}

/* --- for people and tests --------------------------------------------------------------------------------------- */

/* Does the reservation come behind the place, in the order of start, end, type? */
static bool is_behind(const struct memtype_info *place, const struct reservation *r, enum memtype type)
{
	int order = compare(to_pfn(place->start), to_pfn(place->end), r);

	return !place->count || order < 0 || (!order && type > place->type);
}

/* The first reservation of a tree behind the place. */
static struct reservation *first_behind(enum memtype type, const struct memtype_info *place)
{
	struct reservation *r = find_from(&trees[type], to_pfn(place->start), to_pfn(place->end));

	return r && !is_behind(place, r, type) ? entry(rb_next(&r->node)) : r;
}

bool memtype_next(struct memtype_info *info)
{
	struct memtype_info best = { 0 };
	struct reservation *gone;

	spin_lock(&memtype_lock);
	gone = idle_remove(); /* only what is reserved is shown */
	for (enum memtype type = 0; type < NR_MEMTYPES; type++) {
		const struct reservation *r = first_behind(type, info);

		if (r && (!best.count || compare(to_pfn(best.start), to_pfn(best.end), r) > 0))
			best = (struct memtype_info){ to_addr(r->start), to_addr(r->end), type, r->count };
	}
	spin_unlock(&memtype_lock);
	kfree(gone);
	*info = best;
	return best.count;
}

static unsigned int check_one(const struct reservation *r, enum memtype type)
{
	const struct reservation *before = entry(rb_prev(&r->node));
	enum memtype other;
	unsigned long last = max(r->end, max(last_below(r->node.rb_left), last_below(r->node.rb_right)));
	bool ordered = r->start < r->end && r->count && (!before || compare(before->start, before->end, r) < 0);

	if (ordered && r->last == last && !find_conflict(r->start, r->end, type, &other))
		return 0;
	printk("memtype: bad reservation of frames %lx-%lx %s x%lu, last %lx\n", r->start, r->end, memtype_name(type),
	       r->count, r->last);
	return 1;
}

unsigned int memtype_check(void)
{
	struct reservation *gone;
	unsigned int faults = 0;

	spin_lock(&memtype_lock);
	gone = idle_remove();
	for (enum memtype type = 0; type < NR_MEMTYPES; type++)
		for (struct rb_node *node = rb_first(&trees[type]); node; node = rb_next(node))
			faults += check_one(entry(node), type);
	spin_unlock(&memtype_lock);
	kfree(gone);
	return faults;
}

const struct vm_keeper memtype_keeper = { .shrink = memtype_forget };
