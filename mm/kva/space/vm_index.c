/* SPDX-License-Identifier: MIT */
/*
 * The index: all ranges that are no holes, by address.
 *
 * 1. A range enters the index when it is cut out of a hole. It leaves the index when it becomes a hole again. In
 *    between it may have many users in turn, and only its state changes (mm/README.md lists the functions):
 *
 *		  alloc		     publish		  claim or look
 *	   hole ---------> HELD ----------------> BUSY <----------------> STILL
 *	     ^		   ^ | ^					    |
 *	     +---- free ---+ | +------------------ claim -------------------+
 *			     |
 *	     retire  +-------+ <---- cache_get or cache_find, or to free it ----+
 *		     v							        |
 *		   LAZY ---- reap: a flush has covered its stamp ----------> CLEAN
 *
 *    (reap() frees a covered range that the cache does not keep: LAZY, HELD, hole.)
 *    So an ordinary vmalloc or vfree changes one word here. It takes no lock and writes nothing shared.
 *
 * 2. There are two structures. An xarray by first page serves callers who name a range by its start; reading it takes
 *    no lock. A tree by address serves callers who ask which range contains an address, and walks in order.
 *
 * 3. A claim decides who frees. It takes the range from BUSY to STILL by compare-and-exchange, so of two callers who
 *    free the same range one comes too late. The descriptor that the claim found may belong to another range by now:
 *    RCU keeps its memory, but it may have become a hole and then a range again. So the claim checks start, kind and
 *    flags while the range stands still. If they are right, the range goes on to HELD; if not, back to BUSY. Other
 *    callers wait for that answer. All have preemption off meanwhile. So a wrong call never makes the owner's right one
 *    fail.
 *
 * 4. Interrupt handlers claim too (vfree). A caller who only looks at a range has interrupts off while the range stands
 *    still. A claim leaves interrupts on, to be quick. So a handler may interrupt a claim of the range that it wants
 *    itself. One of the two calls is wrong then, and the handler must not wait for ever: it has HANDLER_PATIENCE.
 */
#include "mm/kva/space/space.h"

static DEFINE_RANKED_SPINLOCK(index_lock, RANK_VM_INDEX);
static struct rb_root ranges = RB_ROOT;
static DEFINE_XARRAY(by_start);

static unsigned long page_index(vaddr_t addr)
{
	return (addr - VMALLOC_START) >> PAGE_SHIFT;
}

int vm_index_add(struct vm_range *range, gfp_t gfp)
{
	int err;

	vm_range_set_state(range, VM_HELD);
	err = xa_insert(&by_start, page_index(range->start), range, gfp);
	if (err)
		return err;
	spin_lock(&index_lock);
	vm_tree_link(&ranges, range);
	rb_insert_color(&range->node, &ranges);
	spin_unlock(&index_lock);
	return 0;
}

void vm_index_remove(struct vm_range *range)
{
	if (xa_erase(&by_start, page_index(range->start)) != range || READ_ONCE(range->state) == VM_BUSY)
		panic("vmalloc: %lx-%lx (state %u) is given back, but somebody else has it", range->start, range->end,
		      range->state);
	spin_lock(&index_lock);
	rb_erase(&range->node, &ranges);
	spin_unlock(&index_lock);
}

static bool is_wanted(const struct vm_range *range, vaddr_t addr, enum vm_range_kind kind, unsigned long flags)
{
	return range->start == addr && range->kind == kind &&
	       (kind != VM_RANGE_AREA || flags == VM_ANY || (range->area->flags & flags));
}

/* Tries: longer than a look on another CPU takes, even one that lists the range's pages. */
#define HANDLER_PATIENCE 1000000u

/* Another caller looks at the range or claims it. */
static __noinline bool wait_and_stand_still(struct vm_range *range)
{
	u32 was = VM_STILL;

	for (unsigned int i = 0; was == VM_STILL && (i < HANDLER_PATIENCE || !in_interrupt()); i++) {
		cpu_relax();
		was = cmpxchg(&range->state, VM_BUSY, VM_STILL);
	}
	return was == VM_BUSY;
}

/* Keep a busy range as it is until make_busy(). Preemption is off. False: it is not busy. */
static inline bool stand_still(struct vm_range *range)
{
	u32 was = cmpxchg(&range->state, VM_BUSY, VM_STILL);

	return unlikely(was == VM_STILL) ? wait_and_stand_still(range) : was == VM_BUSY;
}

static void make_busy(struct vm_range *range)
{
	vm_range_set_state(range, VM_BUSY);
}

/* With preemption off: this is an RCU read section, so the descriptor's memory stays. */
static struct vm_range *claim(vaddr_t addr, enum vm_range_kind kind, unsigned long flags)
{
	struct vm_range *range = xa_load(&by_start, page_index(addr));

	if (unlikely(!range || !stand_still(range)))
		return NULL;
	schedule_point("vm:claim");
	if (likely(is_wanted(range, addr, kind, flags))) {
		vm_range_set_state(range, VM_HELD);
		return range;
	}
	make_busy(range);
	return NULL;
}

struct vm_range *vm_range_claim(vaddr_t addr, enum vm_range_kind kind, unsigned long flags)
{
	struct vm_range *range;

	if (unlikely(addr < VMALLOC_START || addr >= VMALLOC_END || offset_in_page(addr)))
		return NULL;
	preempt_disable();
	range = claim(addr, kind, flags);
	preempt_enable();
	return range;
}

/* The busy range that contains addr, now still, or NULL. Under the lock. */
static struct vm_range *hold_at(vaddr_t addr)
{
	struct vm_range *range = vm_tree_above(&ranges, addr);

	return range && range->start <= addr && stand_still(range) ? range : NULL;
}

/* The range is busy again. Returns its area, if it has one. */
static struct vm_struct *let_go(struct vm_range *range)
{
	struct vm_struct *area = range->kind == VM_RANGE_AREA ? range->area : NULL;

	make_busy(range);
	return area;
}

static_assert(offsetof(struct vm_range, area) == offsetof(struct vm_range, va.vm) &&
		      offsetof(struct vm_range, end) == offsetof(struct vm_range, va.va_end),
	      "a vmap_area is a range seen from outside");

struct vmap_area *find_vmap_area(unsigned long addr)
{
	struct vm_range *range;
	bool flags, found;

	assert_thread();
	spin_lock_irqsave(&index_lock, flags);
	range = hold_at(addr);
	found = range && let_go(range);
	spin_unlock_irqrestore(&index_lock, flags);
	return found ? &range->va : NULL;
}

struct vm_struct *vm_range_area(vaddr_t addr)
{
	struct vm_range *range;
	struct vm_struct *area;
	bool flags;

	assert_thread();
	spin_lock_irqsave(&index_lock, flags);
	range = hold_at(addr);
	area = range ? let_go(range) : NULL;
	spin_unlock_irqrestore(&index_lock, flags);
	return area;
}

struct vm_struct *vm_range_area_after(vaddr_t addr, bool (*work)(struct vm_range *range))
{
	struct vm_range *range;
	struct vm_struct *area;
	bool more, flags;

	assert_thread();
	do { /* one piece under each holding of the lock */
		spin_lock_irqsave(&index_lock, flags);
		range = hold_at(addr);
		more = range && work(range);
		area = range ? let_go(range) : NULL;
		spin_unlock_irqrestore(&index_lock, flags);
	} while (more);
	return area;
}

/*
 * Copy what is known of the range. False: it is held. try: the caller may have interrupted a thread that looks at the
 * range, so it does not wait for one that is still; that counts as held. Under the lock.
 */
static bool copy_range(struct vm_range *range, bool try, struct vm_range_info *info)
{
	bool flags = arch_local_irq_save();
	bool busy = try ? cmpxchg(&range->state, VM_BUSY, VM_STILL) == VM_BUSY : stand_still(range);

	info->start = range->start;
	info->end = range->end;
	info->kind = READ_ONCE(range->kind);
	info->state = busy ? VM_BUSY : smp_load_acquire(&range->state);
	if (busy && range->kind == VM_RANGE_AREA)
		info->area = *range->area;
	if (busy)
		make_busy(range);
	local_irq_restore(flags);
	return info->state != VM_HELD && info->state != VM_STILL;
}

bool vm_range_next(vaddr_t from, struct vm_range_info *info)
{
	struct vm_range *range;

	assert_thread();
	spin_lock(&index_lock);
	range = vm_tree_above(&ranges, from);
	while (range && (range->start < from || !copy_range(range, false, info)))
		range = rb_entry_safe(rb_next(&range->node), struct vm_range, node);
	spin_unlock(&index_lock);
	return range != NULL;
}

__ts(no_thread_safety_analysis)
int vm_range_at(vaddr_t addr, bool try, struct vm_range_info *info)
{
	struct vm_range *range;

	if (!try)
		assert_thread();
	if (!try)
		spin_lock(&index_lock);
	else if (!spin_trylock(&index_lock))
		return -EAGAIN;
	range = vm_tree_above(&ranges, addr);
	while (range && !(copy_range(range, try, info) && info->state == VM_BUSY))
		range = rb_entry_safe(rb_next(&range->node), struct vm_range, node);
	schedule_point("vm:described");
	spin_unlock(&index_lock);
	return range != NULL;
}

/* At a quiet moment: each range of the tree is in the array too. */
unsigned int vm_index_check(unsigned long *bytes, bool (*has_hole)(const struct vm_range *range))
{
	vaddr_t above = VMALLOC_START; /* the next range must not start lower */
	unsigned int faults = 0;

	spin_lock(&index_lock);
	for (struct rb_node *node = rb_first(&ranges); node; node = rb_next(node)) {
		const struct vm_range *range = rb_entry(node, struct vm_range, node);

		if (range->start < above || range->start >= range->end || range->end > VMALLOC_END ||
		    READ_ONCE(range->kind) == VM_RANGE_HOLE || range->state >= NR_VM_RANGE_STATES ||
		    xa_load(&by_start, page_index(range->start)) != range || has_hole(range)) {
			printk("vmalloc: bad range %lx-%lx, kind %d, state %u, expected above %lx\n", range->start,
			       range->end, range->kind, range->state, above);
			faults++;
		}
		*bytes += vm_range_size(range);
		above = range->end;
	}
	spin_unlock(&index_lock);
	return faults;
}
