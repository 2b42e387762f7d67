/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer for address space: the tree of holes, the index, the caches. The bytes are requests of any size, alignment,
 * skew and window, claims right and wrong, ranges given back or retired, flushes, reclaim, failing allocations, changes
 * of the CPU. The judge looks at what is not free, range by range, and searches for the lowest place by trying.
 */
#include "tests/host/vm_machine.h"
#include "tests/host/fuzz_bytes.h"

#include "mm/kva/area/area.h"

#define MOST 200u

static struct vm_range *live[MOST];
static unsigned int nr_live;

static vaddr_t some_address(void)
{
	unsigned long arena = VMALLOC_END - VMALLOC_START;

	if (next_byte() & 1)
		return VMALLOC_START + (next_byte() | (vaddr_t)next_byte() << 8) % 4096 * PAGE_SIZE;
	return ALIGN_DOWN(VMALLOC_START + arena / 256 * next_byte(), PAGE_SIZE);
}

static struct vm_request some_request(void)
{
	struct vm_request rq = { .lo = VMALLOC_START, .hi = VMALLOC_END, .kind = VM_RANGE_RAM };
	unsigned int how = next_byte();

	rq.size = (1ul + next_byte()) * PAGE_SIZE;
	if (how % 8 == 7)
		rq.size <<= next_byte() % 12;
	rq.align = PAGE_SIZE << (how & 8 ? next_byte() % VM_ALIGN_CLASSES : 0);
	rq.skew = how & 16 ? (next_byte() * PAGE_SIZE) & (rq.align - 1) : 0;
	if (how & 32) {
		rq.lo = some_address();
		rq.hi = how & 64 ? VMALLOC_END : min(rq.lo + rq.size + rq.align * (next_byte() % 4), VMALLOC_END);
	}
	return rq;
}

/* Does the request fit into the free stretch [start, end)? The lowest place, or 0. */
static vaddr_t place_in(const struct vm_request *rq, vaddr_t start, vaddr_t end)
{
	vaddr_t at = ALIGN(max(start, rq->lo), rq->align);

	if (at < start || at >= end || end - at < rq->size + rq->skew || at >= rq->hi ||
	    rq->hi - at < rq->size + rq->skew)
		return 0;
	return at + rq->skew;
}

static vaddr_t lowest_place(const struct vm_request *rq)
{
	struct vm_range_info used;
	vaddr_t free = VMALLOC_START, at;

	while (vm_range_next(free, &used)) {
		at = place_in(rq, free, used.start);
		if (at)
			return at;
		free = used.end;
	}
	return place_in(rq, free, VMALLOC_END);
}

static void take(bool cached)
{
	struct vm_request rq = some_request();
	vaddr_t expected;
	struct vm_range *range;

	if (nr_live == MOST || rq.lo >= rq.hi)
		return;
	expected = lowest_place(&rq);
	range = cached ? vm_range_obtain(&rq) : vm_range_alloc(&rq);
	if (!cached)
		BUG_ON((range ? range->start : 0) != expected);
	BUG_ON(!range && expected);
	if (!range)
		return;
	BUG_ON(range->start < rq.lo || range->end > rq.hi || vm_range_size(range) != rq.size);
	BUG_ON(!IS_ALIGNED(range->start - rq.skew, rq.align));
	vm_range_publish(range);
	live[nr_live++] = range;
}

static void give(bool retire)
{
	unsigned int i = nr_live ? next_byte() % nr_live : 0;
	struct vm_range *range;
	vaddr_t start;

	if (!nr_live)
		return;
	start = live[i]->start;
	BUG_ON(vm_range_claim(start, VM_RANGE_BLOCK, 0));
	BUG_ON(vm_range_size(live[i]) > PAGE_SIZE && vm_range_claim(start + PAGE_SIZE, VM_RANGE_RAM, 0));
	range = vm_range_claim(start, VM_RANGE_RAM, 0);
	BUG_ON(range != live[i] || vm_range_claim(start, VM_RANGE_RAM, 0));
	live[i] = live[--nr_live];
	if (retire)
		vm_range_retire(range);
	else
		vm_range_free(range);
}

/* Without memory for a descriptor nothing happens. */
static void take_failing(void)
{
	struct vm_request rq = some_request();
	struct vm_range *range;

	if (rq.lo >= rq.hi || nr_live == MOST)
		return;
	inject_set(INJECT_SLAB, 1 + next_byte() % 3);
	range = vm_range_alloc(&rq);
	inject_clear(INJECT_SLAB);
	if (!range)
		return;
	vm_range_publish(range);
	live[nr_live++] = range;
}

static void step(void)
{
	unsigned int what = next_byte();

	switch (what % 16) {
	case 0: flush_tlb_all(); break;
	case 1: vm_cache_reclaim(); break;
	case 2: host_run_on(what & 16 ? 2 : 0); break;
	case 3: take_failing(); break;
	case 4: vm_purge_drain(); break;
	case 5: vm_tables_reclaim(); break;
	case 6: case 7: case 8: give(false); break;
	case 9: case 10: give(true); break;
	case 11: take(true); break;
	default: take(false);
	}
	BUG_ON(vmalloc_check());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	unsigned long largest;

	if (!ready)
		vm_machine(64 * MIB, 1 | 1 << 2);
	ready = true;
	bytes = data;
	nr_bytes = min(size, (size_t)1500);
	while (nr_bytes)
		step();
	while (nr_live)
		give(nr_live & 1);
	vmalloc_shrink();
	rcu_barrier();
	BUG_ON(vm_holes(&largest) != VMALLOC_END - VMALLOC_START);
	return 0;
}
