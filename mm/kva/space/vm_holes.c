/* SPDX-License-Identifier: MIT */
/*
 * The free ranges of vmalloc space: taking and giving back. (vm_index.c has all other ranges: in use, or cached.)
 *
 * 1. The arena [VMALLOC_START, VMALLOC_END) is cut into ranges without gaps or overlaps. A range is either a hole or in
 *    the index, so holes + index = arena (but for a range that is just being cut out or given back). vm_range_check()
 *    checks that at a quiet moment. A range that is freed becomes a hole with the same descriptor, or a part of a
 *    neighbour, so freeing needs no memory.
 *
 * 2. The tree of holes is sorted by address. Neighbours never touch: freeing merges them. The search: vm_hole_tree.c.
 */
#include "mm/kva/space/vm_hole_tree.h"

DEFINE_RANKED_SPINLOCK(vm_hole_lock, RANK_VM_HOLES);
static unsigned long hole_bytes; /* of all holes */

static struct kmem_cache *range_cache __ro_after_init;
void (*vm_array_free)(const void *array) __ro_after_init = kfree;

/* --- taking ----------------------------------------------------------------------------------------------------- */

/* [start, end) leaves a hole and a rest remains on both sides: the larger one stays `hole`, the other is `rest`. */
static void split_hole(struct vm_range *hole, vaddr_t start, vaddr_t end, struct vm_range *rest)
{
	vaddr_t hole_start = hole->start, hole_end = hole->end;
	bool front = start - hole_start > hole_end - end;

	rest->start = front ? end : hole_start;
	rest->end = front ? hole_end : start;
	if (front)
		vm_hole_resize(hole, hole_start, start);
	else
		vm_hole_resize(hole, end, hole_end);
	vm_hole_insert(rest);
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
		vm_hole_erase(hole);
		return hole;
	}
	fresh[0] = NULL;
	WRITE_ONCE(range->start, start);
	WRITE_ONCE(range->end, end);
	if (hole->start == start) {
		vm_hole_resize(hole, end, hole->end);
	} else if (hole->end == end) {
		vm_hole_resize(hole, hole->start, start);
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

	hole = vm_hole_find(rq, size, &at);
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

	vm_hole_erase(other);
	vm_hole_resize(larger, start, end);
	return other;
}

/*
 * Make the range a hole and merge it with its neighbours. unused[0..1]: the descriptors that are not needed any more.
 */
static void give_back(struct vm_range *range, struct vm_range *unused[2])
{
	struct vm_range *near = vm_tree_above(&vm_hole_root, range->start - 1);
	struct vm_range *prev = near && near->end == range->start ? near : NULL;
	struct vm_range *next = prev ? vm_to_range(rb_next(&prev->node)) : near;
	bool touches = next && next->start == range->end;

	if (next && next->start < range->end)
		panic("vmalloc: %lx-%lx is freed, but %lx-%lx is free", range->start, range->end, next->start,
		      next->end);
	hole_bytes += vm_range_size(range);
	if (!prev && !touches) {
		vm_hole_insert(range);
		return;
	}
	unused[0] = range;
	if (prev && touches)
		unused[1] = join_holes(prev, next);
	else if (prev)
		vm_hole_resize(prev, prev->start, range->end);
	else
		vm_hole_resize(next, range->start, next->end);
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
	struct rb_node *node = vm_hole_root.rb_node;
	struct vm_range *found = NULL;

	while (node) {
		struct vm_range *hole = vm_to_range(node);

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

	WRITE_ONCE(range->kind, (u8)kind);
	range->area = NULL;
	range->ptes = range->more_ptes = NULL;
	range->pages = NULL;
	range->unlisted = 0;
	range->shift = (u8)shift;
	vm_range_weigh(range, vm_range_size(range) >> (shift ? shift : PAGE_SHIFT));
	err = CONFIG_KASAN ? kasan_range_enters(range, gfp) : 0;
	if (!err) {
		err = vm_index_add(range, gfp);
		if (CONFIG_KASAN && err)
			kasan_range_leaves(range);
	}
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

/* Take the range, whose page array is gone, out of the index. */
static void leave_index(struct vm_range *range)
{
	trace(TRACE_FREE_VMAP_AREA_NOFLUSH, range->start, 0, 0);
	tlb_oracle(given_back(range->start, range->end));
	if (CONFIG_KASAN)
		kasan_range_leaves(range);
	vm_index_remove(range);
}

void vm_range_free(struct vm_range *range)
{
	leave_index(range);
	vm_hole_give_back(range, NULL);
}

static void free_array(struct vm_range *range)
{
	if (range->pages != range->own_pages)
		vm_array_free(range->pages);
	range->pages = NULL;
}

void vm_range_discard(struct vm_range *range)
{
	free_array(range);
	vm_range_free(range);
}

/* The range is beside `hole`: make them one. */
static bool joins(struct vm_range *hole, const struct vm_range *range)
{
	if (range->end == hole->start)
		WRITE_ONCE(hole->start, range->start);
	else if (range->start == hole->end)
		WRITE_ONCE(hole->end, range->end);
	else
		return false;
	return true;
}

void vm_range_discard_list(struct vm_range *list)
{
	struct vm_range *hole = NULL, *next;

	for (struct vm_range *range = list; range; range = next) {
		next = range->next;
		free_array(range);
		leave_index(range);
		if (hole && joins(hole, range)) {
			call_rcu(&range->rcu, free_later);
			continue;
		}
		if (hole)
			vm_hole_give_back(hole, NULL);
		hole = range;
	}
	if (hole)
		vm_hole_give_back(hole, NULL);
}

void vm_range_init(void)
{
	struct vm_range *all;

	range_cache = kmem_cache_create("vm_range", sizeof(struct vm_range), 0, 0, NULL);
	all = range_cache ? kmem_cache_alloc(range_cache, GFP_KERNEL) : NULL;
	if (!all)
		panic("vmalloc: no memory for the first range");
	vm_hole_tree_init();
	all->start = VMALLOC_START;
	all->end = VMALLOC_END;
	vm_hole_give_back(all, NULL);
}

/* --- reports and checks ----------------------------------------------------------------------------------------- */

unsigned long vm_holes(unsigned long *largest)
{
	unsigned long bytes;

	spin_lock(&vm_hole_lock);
	bytes = hole_bytes;
	*largest = vm_hole_largest();
	spin_unlock(&vm_hole_lock);
	return bytes;
}

bool vm_range_has_hole(const struct vm_range *range)
{
	const struct vm_range *hole;

	spin_lock(&vm_hole_lock);
	hole = vm_tree_above(&vm_hole_root, range->start);
	spin_unlock(&vm_hole_lock);
	return hole && hole->start < range->end;
}

unsigned int vm_holes_check(void)
{
	vaddr_t above = VMALLOC_START; /* the next hole must not start lower */
	unsigned long bytes = 0;
	unsigned int faults = 0;

	spin_lock(&vm_hole_lock);
	for (struct rb_node *node = rb_first(&vm_hole_root); node; node = rb_next(node)) {
		const struct vm_range *hole = vm_to_range(node);

		if (hole->start < above || hole->start >= hole->end || hole->end > VMALLOC_END ||
		    hole->kind != VM_RANGE_HOLE || !vm_hole_keys_right(hole)) {
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
