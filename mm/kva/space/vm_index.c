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
 *    (reap() frees a covered range that the cache does not keep: LAZY, HELD, hole.) So an ordinary vmalloc or vfree
 *    changes only the state of its range. It neither locks nor writes the index.
 *
 * 2. The index is an xarray by first page, and reading it takes no lock. Some callers name a range by its start. Others
 *    ask which range contains an address: that is the last one that starts there or below, if it reaches so far. By the
 *    time somebody keeps a range still, its descriptor may belong to another one, so everybody looks at its borders
 *    after that. If they are wrong, the range that was looked for has been given back meanwhile.
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

static DEFINE_XARRAY(by_start);

static unsigned long page_index(vaddr_t addr)
{
	return (addr - VMALLOC_START) >> PAGE_SHIFT;
}

/* Borders of ranges in the index do not change, and under the lock no range leaves it. */
static void check_overlap(const struct vm_range *range) __must_hold(by_start.xa_lock)
{
	unsigned long index = page_index(range->end) - 1;
	const struct vm_range *other = xa_find_below(&by_start, &index);

	if (unlikely(other && other->end > range->start))
		panic("vmalloc: range %lx-%lx (kind %d) overlaps %lx-%lx (kind %d)", range->start, range->end,
		      range->kind, other->start, other->end, other->kind);
}

int vm_index_add(struct vm_range *range, gfp_t gfp)
{
	int err;

	vm_range_set_state(range, VM_HELD);
	xa_lock(&by_start);
	check_overlap(range);
	err = __xa_insert(&by_start, page_index(range->start), range, gfp);
	xa_unlock(&by_start);
	return err;
}

void vm_index_remove(struct vm_range *range)
{
	if (xa_erase(&by_start, page_index(range->start)) != range || READ_ONCE(range->state) == VM_BUSY)
		panic("vmalloc: %lx-%lx (state %u) is given back, but somebody else has it", range->start, range->end,
		      range->state);
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

/* The busy range that contains addr, now still, or NULL. With interrupts off. */
static struct vm_range *hold_at(vaddr_t addr)
{
	unsigned long index = page_index(addr);
	struct vm_range *range = xa_find_below(&by_start, &index);

	if (!range || !stand_still(range))
		return NULL;
	if (range->start <= addr && addr < range->end)
		return range;
	make_busy(range);
	return NULL;
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
	flags = arch_local_irq_save();
	range = hold_at(addr);
	found = range && let_go(range);
	local_irq_restore(flags);
	return found ? &range->va : NULL;
}

struct vm_struct *vm_range_area(vaddr_t addr)
{
	struct vm_range *range;
	struct vm_struct *area;
	bool flags;

	assert_thread();
	flags = arch_local_irq_save();
	range = hold_at(addr);
	area = range ? let_go(range) : NULL;
	local_irq_restore(flags);
	return area;
}

struct vm_struct *vm_range_area_after(vaddr_t addr, bool (*work)(struct vm_range *range))
{
	struct vm_range *range;
	struct vm_struct *area;
	bool more, flags;

	assert_thread();
	do { /* one piece in each stretch with interrupts off */
		flags = arch_local_irq_save();
		range = hold_at(addr);
		more = range && work(range);
		area = range ? let_go(range) : NULL;
		local_irq_restore(flags);
	} while (more);
	return area;
}

/*
 * Copy what is known of the range. False: it is held. try: the caller may have interrupted a thread that looks at the
 * range, so it does not wait for one that is still; that counts as held. With interrupts off.
 */
static bool copy_range(struct vm_range *range, bool try, struct vm_range_info *info)
{
	bool busy = try ? cmpxchg(&range->state, VM_BUSY, VM_STILL) == VM_BUSY : stand_still(range);

	info->start = READ_ONCE(range->start);
	info->end = READ_ONCE(range->end);
	info->kind = READ_ONCE(range->kind);
	info->state = busy ? VM_BUSY : smp_load_acquire(&range->state);
	if (busy && range->kind == VM_RANGE_AREA)
		info->area = *range->area;
	if (busy)
		make_busy(range);
	return info->state != VM_HELD && info->state != VM_STILL;
}

/*
 * The first range in [*index, ...] goes to *info, and *index behind its first page. Returns 1; 0: it is held, or was
 * given back meanwhile; -1: there is none.
 */
static int copy_next(unsigned long *index, bool try, struct vm_range_info *info)
{
	bool flags = arch_local_irq_save();
	struct vm_range *range = xa_find(&by_start, index, ~0ul, XA_PRESENT);
	bool copied = range && copy_range(range, try, info) && page_index(info->start) == *index;

	local_irq_restore(flags);
	++*index;
	return range ? copied : -1;
}

bool vm_range_next(vaddr_t from, struct vm_range_info *info)
{
	unsigned long index = page_index(max(from, VMALLOC_START) + PAGE_SIZE - 1);
	int copied;

	assert_thread();
	do
		copied = copy_next(&index, false, info);
	while (!copied);
	return copied > 0;
}

bool vm_range_at(vaddr_t addr, bool try, struct vm_range_info *info)
{
	unsigned long index = page_index(max(addr, VMALLOC_START));
	int copied;

	if (!try)
		assert_thread();
	xa_find_below(&by_start, &index); /* the range there may begin below addr */
	do
		copied = copy_next(&index, try, info);
	while (copied >= 0 && !(copied && info->state == VM_BUSY && info->end > addr));
	return copied > 0;
}

/* At a quiet moment. */
unsigned int vm_index_check(unsigned long *bytes, bool (*has_hole)(const struct vm_range *range))
{
	vaddr_t above = VMALLOC_START; /* the next range must not start lower */
	const struct vm_range *range;
	unsigned int faults = 0;
	unsigned long index;

	xa_for_each(&by_start, index, range) {
		if (page_index(range->start) != index || range->start < above || range->start >= range->end ||
		    range->end > VMALLOC_END || READ_ONCE(range->kind) == VM_RANGE_HOLE ||
		    range->state >= NR_VM_RANGE_STATES || has_hole(range)) {
			printk("vmalloc: bad range %lx-%lx, kind %d, state %u, expected above %lx\n", range->start,
			       range->end, range->kind, range->state, above);
			faults++;
		}
		*bytes += vm_range_size(range);
		above = range->end;
	}
	return faults;
}
