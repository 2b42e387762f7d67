/* SPDX-License-Identifier: MIT */
/*
 * The free ranges of vmalloc space, and the search for space. (vm_index.c has all other ranges: in
 * use, or cached.)
 *
 * 1. The arena [VMALLOC_START, VMALLOC_END) is cut into ranges without gaps or overlaps. A range is either a hole or in
 *    the index, so holes + index = arena. vm_range_check() checks that. A range that is freed becomes a hole with the
 *    same descriptor, so freeing needs no memory.
 *
 * 2. The tree of holes is sorted by address. Neighbours never touch: freeing merges them.
 *
 * 3. The search. For a hole [s, e) and an alignment a let fit(a) = e - (s rounded up to a), or 0 if that is negative.
 *    It is the largest size that fits into the hole at an aligned address. Each node of the tree keeps the maximum of
 *    fit over its subtree, in pages and capped (4), for every alignment from a page to the largest leaf:
 *
 *			[ 5 | 4 | 0 ]			a = 1, 2, 4 pages
 *			 /         \
 *		[ 3 | 2 | 0 ]   [ 5 | 4 | 0 ]		so "4 pages aligned to 2" goes right without looking left
 *
 *    The search wants the lowest hole that fits and starts at lo or above. Without lo it goes down from the root.
 *    Otherwise it begins at the first hole there, goes up and then down, and never has to turn back: O(log n) for every
 *    size and alignment. The one hole that contains lo is checked first. hi needs no search: if the lowest place is too
 *    high, so is every other one.
 *
 *    A request with skew s is one for size + s bytes, of which the first s stay free.
 *
 * 4. A key is at most `fit_most`, so the keys of vast holes do not change when their borders move. Most new space comes
 *    out of such a hole, and neither it nor a node above it has to be looked at then: a node whose last key is at the
 *    cap (so all are, 5) stays so as long as a child or its own hole is. A request for more than the cap looks at the
 *    holes at the cap one by one. These are few, since each is a part of VAST_HOLES of the arena.
 *
 * 5. The keys of a node never grow from one alignment to the next. So behind the first class where the old key and the
 *    new one are 0, all are. Small holes have few keys.
 *
 * 6. When a range leaves a rest on both sides, or joins two holes, the larger hole keeps its node. So the small one is
 *    inserted or erased, whose keys matter to few nodes above it.
 */
#include "mm/kva/space/space.h"

#define VAST_HOLES 128u
#define LAST_CLASS (VM_ALIGN_CLASSES - 1)

DEFINE_RANKED_SPINLOCK(vm_hole_lock, RANK_VM_HOLES);
static struct rb_root holes = RB_ROOT;
static unsigned long hole_bytes; /* of all holes */
static u32 fit_most;		 /* pages */

static struct kmem_cache *range_cache;
void (*vm_array_free)(const void *array) = kfree;

static struct vm_range *to_range(struct rb_node *node)
{
	return rb_entry_safe(node, struct vm_range, node);
}

/* --- the search key --------------------------------------------------------------------------------------------- */

/* Room in [start, end) from the first address on that is aligned to 1 << shift. */
static unsigned long room(vaddr_t start, vaddr_t end, unsigned int shift)
{
	vaddr_t at = ALIGN(start, 1UL << shift);

	return at >= start && at < end ? end - at : 0;
}

static unsigned long hole_room(const struct vm_range *hole, unsigned int class)
{
	return room(hole->start, hole->end, class + PAGE_SHIFT);
}

/* The key of so many bytes. */
static u32 capped(unsigned long bytes)
{
	return (u32)min(bytes >> PAGE_SHIFT, (unsigned long)fit_most);
}

/* key: capped(). */
static bool subtree_fits(struct rb_node *node, unsigned int class, u32 key)
{
	return node && to_range(node)->fit[class] >= key;
}

static bool hole_fits(struct rb_node *node, unsigned int class, u32 key)
{
	return capped(hole_room(to_range(node), class)) >= key;
}

static u32 subtree_fit(const struct vm_range *hole, unsigned int class)
{
	const struct vm_range *left = to_range(hole->node.rb_left), *right = to_range(hole->node.rb_right);
	u32 fit = capped(hole_room(hole, class));

	if (left)
		fit = max(fit, left->fit[class]);
	if (right)
		fit = max(fit, right->fit[class]);
	return fit;
}

/* The keys of a subtree, which may be empty. */
static const u32 *fits_of(struct rb_node *node)
{
	static const u32 none[VM_ALIGN_CLASSES];

	return node ? to_range(node)->fit : none;
}

/*
 * Recompute one node's keys: subtree_fit() of all classes. A hole is smaller than half of all addresses, so the
 * difference is negative where there is no room, because the aligned start lies behind the end. False: the keys were
 * right.
 */
static bool update_fit(struct rb_node *node)
{
	struct vm_range *hole = to_range(node);
	const u32 *left = fits_of(node->rb_left), *right = fits_of(node->rb_right);
	unsigned long start = hole->start >> PAGE_SHIFT, end = hole->end >> PAGE_SHIFT, mask = 0;
	u32 changed = 0;

	if (hole->fit[LAST_CLASS] == fit_most && (left[LAST_CLASS] == fit_most || right[LAST_CLASS] == fit_most ||
						  hole_fits(node, LAST_CLASS, fit_most)))
		return false;
	for (unsigned int class = 0; class < VM_ALIGN_CLASSES; class++, mask = 2 * mask + 1) {
		long own = (long)(end - ((start + mask) & ~mask));
		u32 was = hole->fit[class], fit = max((u32)clamp(own, 0l, (long)fit_most), max(left[class], right[class]));

		if (!(was | fit))
			break;
		changed |= was ^ fit;
		hole->fit[class] = fit;
	}
	return changed;
}

static void fit_propagate(struct rb_node *node, struct rb_node *stop)
{
	while (node != stop && update_fit(node))
		node = rb_parent(node);
}

static void fit_copy(struct rb_node *from, struct rb_node *to)
{
	memcpy(to_range(to)->fit, to_range(from)->fit, sizeof(to_range(to)->fit));
}

static void fit_rotate(struct rb_node *down, struct rb_node *up)
{
	fit_copy(down, up);
	update_fit(down);
}

static const struct rb_augment_callbacks fit_callbacks = { fit_propagate, fit_copy, fit_rotate };

/* The lowest hole that fits, in a subtree that has one. */
static struct rb_node *leftmost_fit(struct rb_node *node, unsigned int class, u32 key)
{
	for (;;) {
		if (subtree_fits(node->rb_left, class, key))
			node = node->rb_left;
		else if (hole_fits(node, class, key))
			return node;
		else
			node = node->rb_right;
	}
}

/* The lowest hole that fits, of `node` and all behind it. */
static struct rb_node *next_fit(struct rb_node *node, unsigned int class, u32 key)
{
	while (node) {
		struct rb_node *child;

		if (hole_fits(node, class, key))
			return node;
		if (subtree_fits(node->rb_right, class, key))
			return leftmost_fit(node->rb_right, class, key);
		do {
			child = node;
			node = rb_parent(child);
		} while (node && child == node->rb_right);
	}
	return NULL;
}

static void hole_insert(struct vm_range *hole)
{
	hole->kind = VM_RANGE_HOLE;
	memset(hole->fit, 0, sizeof(hole->fit));
	vm_tree_link(&holes, hole);
	update_fit(&hole->node);
	fit_propagate(rb_parent(&hole->node), NULL);
	rb_insert_augmented(&hole->node, &holes, &fit_callbacks);
}

static void hole_erase(struct vm_range *hole)
{
	rb_erase_augmented(&hole->node, &holes, &fit_callbacks);
}

/* A hole got new borders, without moving past a neighbour. */
static void hole_resize(struct vm_range *hole, vaddr_t start, vaddr_t end)
{
	hole->start = start;
	hole->end = end;
	fit_propagate(&hole->node, NULL);
}

/* --- taking ----------------------------------------------------------------------------------------------------- */

/* The lowest hole that fits, of all that start at lo or above: `first` is the first such one, NULL: of all. */
static struct rb_node *first_fit(struct rb_node *first, unsigned int class, u32 key)
{
	if (first)
		return next_fit(first, class, key);
	return subtree_fits(holes.rb_node, class, key) ? leftmost_fit(holes.rb_node, class, key) : NULL;
}

/* The lowest hole at or above lo with room for `size` bytes. */
static struct vm_range *find_hole(struct rb_node *first, unsigned int class, unsigned long size)
{
	u32 key = capped(size);
	struct rb_node *node = first_fit(first, class, key);

	while (node && hole_room(to_range(node), class) < size) { /* it is at the cap, and size is above */
		node = rb_next(node);
		node = node ? next_fit(node, class, key) : NULL;
	}
	return to_range(node);
}

/* The hole with the lowest place for the request, and *at: the place. `size` includes the skew. NULL: no space. */
static struct vm_range *find_place(const struct vm_request *rq, unsigned long size, vaddr_t *at)
{
	unsigned int class = ilog2(rq->align) - PAGE_SHIFT;
	struct vm_range *hole = NULL;

	if (rq->lo > VMALLOC_START) {
		hole = vm_tree_above(&holes, rq->lo);
		if (hole && hole->start < rq->lo) { /* cut by lo */
			*at = ALIGN(rq->lo, rq->align);
			if (room(rq->lo, hole->end, class + PAGE_SHIFT) >= size)
				return hole;
			hole = to_range(rb_next(&hole->node));
		}
		if (!hole)
			return NULL;
	}
	hole = find_hole(hole ? &hole->node : NULL, class, size);
	if (hole)
		*at = ALIGN(hole->start, rq->align);
	return hole;
}

/* [start, end) leaves a hole and a rest remains on both sides: the larger one stays `hole`, the other is `rest`. */
static void split_hole(struct vm_range *hole, vaddr_t start, vaddr_t end, struct vm_range *rest)
{
	vaddr_t hole_start = hole->start, hole_end = hole->end;
	bool front = start - hole_start > hole_end - end;

	rest->start = front ? end : hole_start;
	rest->end = front ? hole_end : start;
	if (front)
		hole_resize(hole, hole_start, start);
	else
		hole_resize(hole, end, hole_end);
	hole_insert(rest);
}

/*
 * Cut [start, end) out of a hole and return its descriptor, which is the hole's own when nothing remains. fresh[0..1]
 * are unused descriptors; those that go into service are set to NULL. Two are needed when something remains on both
 * sides.
 */
static struct vm_range *cut_hole(struct vm_range *hole, vaddr_t start, vaddr_t end, struct vm_range *fresh[2])
{
	struct vm_range *range = fresh[0];

	hole_bytes -= end - start;
	if (hole->start == start && hole->end == end) {
		hole_erase(hole);
		return hole;
	}
	fresh[0] = NULL;
	range->start = start;
	range->end = end;
	if (hole->start == start) {
		hole_resize(hole, end, hole->end);
	} else if (hole->end == end) {
		hole_resize(hole, hole->start, start);
	} else {
		split_hole(hole, start, end, fresh[1]);
		fresh[1] = NULL;
	}
	return range;
}

/* Find a place and cut it out. NULL: no space. */
static struct vm_range *take(const struct vm_request *rq, struct vm_range *fresh[2])
{
	unsigned long size = rq->size + rq->skew;
	struct vm_range *hole;
	vaddr_t at;

	hole = find_place(rq, size, &at);
	if (!hole || at >= rq->hi || rq->hi - at < size)
		return NULL;
	return cut_hole(hole, at + rq->skew, at + size, fresh);
}

static bool request_valid(const struct vm_request *rq)
{
	return rq->size && IS_ALIGNED(rq->size | rq->skew | rq->lo | rq->hi, PAGE_SIZE) && is_power_of_2(rq->align) &&
	       rq->align >= PAGE_SIZE && rq->align <= VM_ALIGN_MAX && rq->skew < rq->align &&
	       rq->size + rq->skew >= rq->size && rq->lo < rq->hi;
}

/* Can space remain in front of the range? Not if the range begins where its hole begins. */
static bool may_split(const struct vm_request *rq)
{
	return rq->align > PAGE_SIZE || rq->lo > VMALLOC_START;
}

/* --- giving back ------------------------------------------------------------------------------------------------ */

/* A claim on another CPU may still look at a descriptor that was in the index (vm_range_claim). */
static void free_later(struct rcu_head *head)
{
	kmem_cache_free(range_cache, container_of(head, struct vm_range, rcu));
}

/* The range joins two holes into one. Returns the descriptor that is not needed any more. */
static struct vm_range *join_holes(struct vm_range *prev, struct vm_range *next)
{
	bool front = vm_range_size(prev) > vm_range_size(next);
	struct vm_range *larger = front ? prev : next, *other = front ? next : prev;
	vaddr_t start = prev->start, end = next->end;

	hole_erase(other);
	hole_resize(larger, start, end);
	return other;
}

/*
 * Make the range a hole and merge it with its neighbours. unused[0..1]: the descriptors that are not needed any more.
 */
static void give_back(struct vm_range *range, struct vm_range *unused[2])
{
	struct vm_range *near = vm_tree_above(&holes, range->start - 1);
	struct vm_range *prev = near && near->end == range->start ? near : NULL;
	struct vm_range *next = prev ? to_range(rb_next(&prev->node)) : near;
	bool touches = next && next->start == range->end;

	if (next && next->start < range->end)
		panic("vmalloc: %lx-%lx is freed, but %lx-%lx is free", range->start, range->end, next->start,
		      next->end);
	hole_bytes += vm_range_size(range);
	if (!prev && !touches) {
		hole_insert(range);
		return;
	}
	unused[0] = range;
	if (prev && touches)
		unused[1] = join_holes(prev, next);
	else if (prev)
		hole_resize(prev, prev->start, range->end);
	else
		hole_resize(next, range->start, next->end);
}

void vm_hole_give_back(struct vm_range *range, struct vm_range *keep[2])
{
	struct vm_range *unused[2] = { NULL, NULL };

	spin_lock(&vm_hole_lock);
	give_back(range, unused);
	spin_unlock(&vm_hole_lock);
	for (unsigned int i = 0; i < 2; i++) {
		if (!unused[i])
			continue;
		if (keep && (!keep[0] || !keep[1])) /* a late claim sees that this is another range: vm_index.c, 3 */
			keep[keep[0] != NULL] = unused[i];
		else
			call_rcu(&unused[i]->rcu, free_later);
	}
}

/* --- the steps, for callers who choose the place themselves ------------------------------------------------------- */

struct vm_range *vm_hole_below(vaddr_t addr)
{
	struct rb_node *node = holes.rb_node;
	struct vm_range *found = NULL;

	while (node) {
		struct vm_range *hole = to_range(node);

		if (hole->start < addr) {
			found = hole;
			node = node->rb_right;
		} else {
			node = node->rb_left;
		}
	}
	return found;
}

struct vm_range *vm_hole_cut(vaddr_t start, vaddr_t end, struct vm_range *fresh[2])
{
	return cut_hole(vm_hole_below(end), start, end, fresh);
}

bool vm_descriptors_fill(struct vm_range *fresh[2], gfp_t gfp)
{
	for (unsigned int i = 0; i < 2; i++)
		if (!fresh[i])
			fresh[i] = kmem_cache_alloc(range_cache, gfp);
	return fresh[0] && fresh[1];
}

void vm_descriptors_free(struct vm_range *unused[2])
{
	for (unsigned int i = 0; i < 2; i++)
		if (unused[i])
			kmem_cache_free(range_cache, unused[i]);
}

int vm_range_enter(struct vm_range *range, enum vm_range_kind kind, unsigned int shift, gfp_t gfp)
{
	int err;

	range->kind = (u8)kind;
	range->area = NULL;
	range->ptes = range->more_ptes = range->leaves = NULL;
	range->pages = NULL;
	range->unlisted = 0;
	range->shift = (u8)shift;
	vm_range_weigh(range, vm_range_size(range) >> (shift ? shift : PAGE_SHIFT));
	err = vm_index_add(range, gfp);
	if (err)
		vm_hole_give_back(range, NULL);
	return err;
}

/* --- in and out -------------------------------------------------------------------------------------------------- */

struct vm_range *vm_range_alloc(const struct vm_request *rq)
{
	struct vm_range *fresh[2] = { NULL, NULL }, *range = NULL;
	bool split = may_split(rq);

	if (WARN_ONCE(!request_valid(rq), "vmalloc: bad request: size %lx align %lx skew %lx in %lx-%lx", rq->size,
		      rq->align, rq->skew, rq->lo, rq->hi))
		return NULL;
	fresh[0] = kmem_cache_alloc(range_cache, rq->gfp | GFP_KERNEL);
	if (split)
		fresh[1] = kmem_cache_alloc(range_cache, rq->gfp | GFP_KERNEL);
	if (fresh[0] && (fresh[1] || !split)) {
		spin_lock(&vm_hole_lock);
		range = take(rq, fresh);
		spin_unlock(&vm_hole_lock);
	}
	vm_descriptors_free(fresh);
	if (!range)
		return NULL;
	if (vm_range_enter(range, rq->kind, rq->shift, rq->gfp | GFP_KERNEL))
		return NULL;
	trace(TRACE_ALLOC_VMAP_AREA, range->start, rq->size, rq->align);
	return range;
}

void vm_range_free(struct vm_range *range)
{
	trace(TRACE_FREE_VMAP_AREA_NOFLUSH, range->start, 0, 0);
	tlb_oracle(given_back(range->start, range->end));
	vm_index_remove(range);
	vm_hole_give_back(range, NULL);
}

void vm_range_discard(struct vm_range *range)
{
	if (range->pages != range->own_pages)
		vm_array_free(range->pages);
	range->pages = NULL;
	vm_range_free(range);
}

void vm_range_init(void)
{
	struct vm_range *all;

	range_cache = kmem_cache_create("vm_range", sizeof(struct vm_range), 0, 0, NULL);
	all = range_cache ? kmem_cache_alloc(range_cache, GFP_KERNEL) : NULL;
	if (!all)
		panic("vmalloc: no memory for the first range");
	fit_most = (u32)clamp((VMALLOC_END - VMALLOC_START) / PAGE_SIZE / VAST_HOLES, 1ul, 1ul << 31);
	all->start = VMALLOC_START;
	all->end = VMALLOC_END;
	vm_hole_give_back(all, NULL);
}

/* --- reports and checks ----------------------------------------------------------------------------------------- */

/* Of holes at the cap all are looked at. */
static unsigned long largest_hole(void)
{
	u32 key = *fits_of(holes.rb_node);
	unsigned long largest = (unsigned long)key << PAGE_SHIFT;
	struct rb_node *node = key && key == fit_most ? leftmost_fit(holes.rb_node, 0, key) : NULL;

	while (node) {
		largest = max(largest, vm_range_size(to_range(node)));
		node = rb_next(node);
		node = node ? next_fit(node, 0, key) : NULL;
	}
	return largest;
}

unsigned long vm_holes(unsigned long *largest)
{
	unsigned long bytes;

	spin_lock(&vm_hole_lock);
	bytes = hole_bytes;
	*largest = largest_hole();
	spin_unlock(&vm_hole_lock);
	return bytes;
}

bool vm_range_has_hole(const struct vm_range *range)
{
	const struct vm_range *hole;

	spin_lock(&vm_hole_lock);
	hole = vm_tree_above(&holes, range->start);
	spin_unlock(&vm_hole_lock);
	return hole && hole->start < range->end;
}

static bool key_right(const struct vm_range *hole)
{
	for (unsigned int class = 0; class < VM_ALIGN_CLASSES; class++)
		if (hole->fit[class] != subtree_fit(hole, class))
			return false;
	return true;
}

unsigned int vm_holes_check(void)
{
	vaddr_t above = VMALLOC_START; /* the next hole must not start lower */
	unsigned long bytes = 0;
	unsigned int faults = 0;

	spin_lock(&vm_hole_lock);
	for (struct rb_node *node = rb_first(&holes); node; node = rb_next(node)) {
		const struct vm_range *hole = to_range(node);

		if (hole->start < above || hole->start >= hole->end || hole->end > VMALLOC_END ||
		    hole->kind != VM_RANGE_HOLE || !key_right(hole)) {
			printk("vmalloc: bad hole %lx-%lx, kind %d, expected above %lx\n", hole->start, hole->end,
			       hole->kind, above);
			faults++;
		}
		bytes += vm_range_size(hole);
		above = hole->end + PAGE_SIZE; /* two holes that touch should have been merged */
	}
	if (bytes != hole_bytes) {
		printk("vmalloc: the holes have %lx bytes, but %lx were counted\n", bytes, hole_bytes);
		faults++;
	}
	spin_unlock(&vm_hole_lock);
	return faults;
}
