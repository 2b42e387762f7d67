/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer for the walker and the sync hook. The bytes are operations on one window of vmalloc space: mappings of
 * physical ranges and of single pages, with and without table pages to be had, unmapping, rights, tables that make
 * room, and processes that come and go meanwhile. The model (pgtable_model.h) is compared after each; so are all trees
 * (parity).
 */
#include "tests/host/pgtable_model.h"
#include "tests/host/processes.h"
#include "tests/host/fuzz_bytes.h"

#include <lib/string.h>

static const unsigned int shifts[] = { 12, 21, 22, 30 };

static unsigned int pick_shift(void) { return shifts[next_byte() % ARRAY_SIZE(shifts)]; }

struct range {
	vaddr_t start, stop;
	u64 phys;
};

/* A place out of 256 in the window, and a few pages on; so many pages, or some large leaves and a rest. */
static struct range pick_range(void)
{
	vaddr_t room = window_end - window, size = (vaddr_t)1 << pick_shift();
	struct range r;

	size = min(size, room / 4);
	r.start = window + room / 256 * next_byte() + (next_byte() % 8) * PAGE_SIZE;
	r.stop = min(r.start + size * (next_byte() % 4) + (next_byte() % 64 + 1) * PAGE_SIZE, window_end);
	r.phys = (u64)next_byte() << 27 | (u64)next_byte() << PAGE_SHIFT; /* of any alignment */
	if (next_byte() & 1)
		r.phys = (r.phys & ~(u64)(size - 1)) | (r.start & (size - 1)); /* of that which large leaves want */
	return r;
}

static pgprot_t pick_right(void) { return next_byte() & 1 ? PROT_BIT_RW : PROT_BIT_NX; }

static pgprot_t pick_prot(void)
{
	const pgprot_t prots[] = { PAGE_KERNEL, PAGE_KERNEL_RO, PAGE_KERNEL_ROX, pgprot_writecombine(PAGE_KERNEL_RO) };

	return prots[next_byte() % ARRAY_SIZE(prots)];
}

static void map_something(const struct range *r)
{
	unsigned int shift = pick_shift(), how = next_byte();

	if (!model_is_free(r->start, r->stop))
		return;
	if (how % 4 == 0 && r->stop - r->start <= 100 * PAGE_SIZE)
		do_map_pages(r->start, r->stop, r->phys, PAGE_SIZE * (how / 4), pick_prot());
	else if (model_count(r->start, r->stop, r->phys, shift) > 600)
		return;
	else if (how % 4 == 1)
		do_map_failing(r->start, r->stop, r->phys, shift, how / 4 % 8 + 1);
	else
		do_map(r->start, r->stop, r->phys, pick_prot(), shift);
}

static void come_or_go(unsigned int i)
{
	if (alive[i])
		destroy(i);
	else
		create(i);
}

static void step(void)
{
	unsigned int what = next_byte();
	struct range r = pick_range();

	if (what % 8 == 0)
		come_or_go(what / 8 % NR_PROCESSES);
	else if (what % 8 == 1)
		do_protect(r.start, r.stop, pick_right(), pick_right());
	else if (what % 8 == 2)
		do_clear_tables(r.start, r.stop, pick_shift());
	else if (what % 8 <= 4)
		do_unmap(r.start, r.stop);
	else
		map_something(&r);
	assert_parity();
	if (nr_leaves > MAX_LEAVES / 2)
		do_unmap(window, window_end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bytes = data;
	nr_bytes = size;
	host_set_feature(FEATURE_HUGE_2M, true);
	host_set_feature(FEATURE_HUGE_1G, next_byte() & 1);
	model_restart();
	slot_size = size_of(pt_sync_level());
	memset(alive, 0, sizeof(alive));
	while (nr_bytes && nr_tables < MAX_TABLES / 2)
		step();
	do_unmap(window, window_end);
	for (unsigned int i = 0; i < NR_PROCESSES; i++)
		if (alive[i])
			destroy(i);
	assert_int_equal(sync_counters().mismatches, 0);
	return 0;
}
