/* SPDX-License-Identifier: MIT */
/*
 * Changing how memory is mapped while it is in use.
 *
 * 1. The kernel may map one frame of RAM at several addresses. Its owner asks for a change at one of them. The others
 *    must change too: they must not allow what the owner has forbidden, and must not have another memory type, which is
 *    undefined.
 *
 *	vmalloc space   [ page 7 | page 3 | page 4 ]	  the owner asks here: all of the change
 *	direct map	[ 0 1 2 3 4 5 6 7 8 9 ... ]	  follows: type, presence, right to write; it never gets X
 *	image (64-bit)	[ 0 1 2 ... ]			  follows in the same way
 *
 * 2. A change has two scopes. The first splits leaves of the direct map and of the image (pgtable_split.c): those that
 *    reach over an end of the range, and those larger than the owner's (4). It unmaps no frame and changes no right.
 *    Only this part needs memory, so on -ENOMEM no right or type has changed. After its flush no TLB and no process has
 *    the large leaf any more. The second scope changes leaves, with one flush for the whole call.
 *
 * 3. direct_map_lock is held over both scopes. The leaf that one owner splits may contain another owner's pages, and
 *    the other's change must not come before the flush of the split (Xen XSA-345 is a bug of this kind). Only changes
 *    take the lock; readers of the tables take none.
 *
 * 4. From the first change of small pages in vmalloc space on (of more than NX), the direct map of their frames has
 *    small pages too. So each page can be changed back without memory: vfree() never fails.
 *
 * 5. Caches. Memory that becomes uncached or write-combined is flushed from the caches after the TLB flush, when all
 *    kernel mappings have the new type and no TLB has a write-back translation any more.
 *
 * 6. At the end each page gets marks that say what its direct map is now (page_mark.c).
 */
#include "mm/kva/map/direct_map.h"
#include "mm/kva/map/map.h"

static DEFINE_MUTEX(direct_map_lock);

/* --- where things lie --------------------------------------------------------------------------------------------- */

/* Frames that lie side by side and are mapped at addr, with leaves of at most 1 << shift bytes. */
struct frame_run {
	vaddr_t addr;
	unsigned long pfn, nr;
	unsigned int shift;
};

#define ANY_SHIFT 63u

static unsigned long direct_frames(void) { return to_pfn(arch_lowmem_limit()); }
static vaddr_t direct_addr(unsigned long pfn) { return layout.direct_start + (vaddr_t)((u64)pfn << PAGE_SHIFT); }
static bool in_direct_map(vaddr_t addr) { return addr >= layout.direct_start && addr < layout.direct_end; }
static bool in_image(vaddr_t addr) { return addr >= layout.image_start && addr < layout.image_end; }
static unsigned long image_pfn(void) { return to_pfn(image_to_phys((const void *)layout.image_start)); }

/* The leaf at addr, in vmalloc space. */
static struct frame_run leaf_run(vaddr_t addr)
{
	struct pgtable_leaf leaf = pgtable_query(&kernel_pgtable, addr);
	unsigned int shift = ilog2(pt_level_size(leaf.level));
	unsigned long nr = 1ul << (shift - PAGE_SHIFT);

	return (struct frame_run){ addr, pte_pfn(pte_show(leaf.pte)) & ~(nr - 1), nr, shift };
}

/* The frames mapped from addr on, below end, as far as they lie side by side. */
static struct frame_run next_frame_run(vaddr_t addr, vaddr_t end)
{
	unsigned long nr = (end - addr) >> PAGE_SHIFT;
	struct frame_run run, next;

	if (in_direct_map(addr))
		return (struct frame_run){ addr, to_pfn(addr - layout.direct_start), nr, ANY_SHIFT };
	if (in_image(addr))
		return (struct frame_run){ addr, image_pfn() + ((addr - layout.image_start) >> PAGE_SHIFT), nr,
					   ANY_SHIFT };
	run = leaf_run(addr);
	while (run.nr < nr) {
		next = leaf_run(addr + (run.nr << PAGE_SHIFT));
		if (next.pfn != run.pfn + run.nr || next.shift != run.shift)
			break;
		run.nr += next.nr;
	}
	return run;
}

/* --- one run, and its other mappings ------------------------------------------------------------------------------ */

/* One place where a run is mapped: [start, end) maps the frames from pfn on. */
struct place {
	vaddr_t start, end;
	unsigned long pfn;
	unsigned int shift; /* leaves of at most 1 << shift bytes */
	bool main;	    /* the addresses for which the caller asked */
};
typedef int (*place_fn)(struct mmu_update *u, const struct place *place, const struct map_change *change);

/* `frames` frames from pfn `first` on are mapped at `base`. Call fn for the part of the run that is among them. */
static int change_in_window(const struct frame_run *run, vaddr_t base, unsigned long first, unsigned long frames,
			    struct mmu_update *u, place_fn fn, const struct map_change *change)
{
	unsigned long from = max(run->pfn, first), to = min(run->pfn + run->nr, first + frames);
	struct place place = { .pfn = from, .shift = run->shift };

	if (from >= to)
		return 0;
	place.start = base + ((from - first) << PAGE_SHIFT);
	place.end = place.start + ((to - from) << PAGE_SHIFT);
	return place.start == run->addr ? 0 : fn(u, &place, change);
}

static int at_each_place(const struct frame_run *run, struct mmu_update *u, place_fn fn,
			 const struct map_change *change)
{
	struct place main = { run->addr, run->addr + (run->nr << PAGE_SHIFT), run->pfn, run->shift, true };
	unsigned long image_frames = (layout.image_end - layout.image_start) >> PAGE_SHIFT;
	int err = fn(u, &main, change);

	if (err || !change->follow)
		return err;
	if (!in_direct_map(run->addr))
		err = change_in_window(run, layout.direct_start, 0, direct_frames(), u, fn, change);
	if (!err && !in_direct_map(layout.image_start) && !in_image(run->addr))
		err = change_in_window(run, layout.image_start, image_pfn(), image_frames, u, fn, change);
	return err;
}

static int at_all_places(vaddr_t start, vaddr_t end, struct mmu_update *u, place_fn fn, const struct map_change *change)
{
	struct frame_run run;
	int err = 0;

	for (vaddr_t addr = start; addr != end && !err; addr += run.nr << PAGE_SHIFT) {
		run = next_frame_run(addr, end);
		err = at_each_place(&run, u, fn, change);
	}
	return err;
}

/* A scope over all addresses that a change may touch. (Nothing uses the last page of the address space.) */
static void scope_begin(struct mmu_update *u)
{
	arch_update_kernel_mappings_begin(u, layout.direct_start, PAGE_MASK);
}

/* --- splitting ---------------------------------------------------------------------------------------------------- */

static int split_place(struct mmu_update *u, const struct place *place, const struct map_change *change)
{
	if (is_vmalloc_addr((const void *)place->start))
		return 0;
	return pgtable_split(u, place->start, place->end, change->small ? PAGE_SHIFT : place->shift);
}

static int split(vaddr_t start, vaddr_t end, const struct map_change *change)
{
	struct mmu_update u;
	int err;

	scope_begin(&u);
	err = at_all_places(start, end, &u, split_place, change);
	arch_update_kernel_mappings_end(&u);
	return err;
}

/* --- changing ----------------------------------------------------------------------------------------------------- */

/* Leave alone bits that the rules of this part of the image fix, and NX at all places but the main one. */
static int change_part(struct mmu_update *u, vaddr_t start, vaddr_t end, const struct image_part *part, bool main,
		       const struct map_change *change)
{
	pgprot_t set = change->set, clear = change->clear;

	if (part->text || !main)
		set.val &= ~PROT_BIT_NX.val;
	if (part->constant)
		set.val &= ~PROT_BIT_RW.val;
	if (!main)
		clear.val &= ~PROT_BIT_NX.val;
	return pgtable_protect(&kernel_pgtable, u, start, end, set, clear);
}

static int change_place(struct mmu_update *u, const struct place *place, const struct map_change *change)
{
	phys_addr_t phys = (phys_addr_t)place->pfn << PAGE_SHIFT;
	int err = 0;

	for (vaddr_t start = place->start, end; start != place->end && !err; start = end) {
		struct image_part part = arch_image_part(phys + (start - place->start));

		end = place->start + (vaddr_t)min((u64)(part.end - phys), (u64)(place->end - place->start));
		err = change_part(u, start, end, &part, place->main, change);
	}
	return err;
}

static void change_all(vaddr_t start, vaddr_t end, const struct map_change *change)
{
	struct mmu_update u;
	int err;

	scope_begin(&u);
	err = at_all_places(start, end, &u, change_place, change);
	if (change->no_flush)
		tlb_batch_init(&u.tlb);
	arch_update_kernel_mappings_end(&u);
	WARN_ONCE(err, "direct map: %lx-%lx was split, and cannot be changed (error %d)", start, end, err);
}

/* --- caches, marks ------------------------------------------------------------------------------------------------ */

static void flush_caches_here(void *unused __maybe_unused)
{
	arch_flush_caches();
}

/*
 * No line of the range is in any cache afterwards. A page that is not present may have lines from before, and no
 * address by which a CPU could flush them: then all caches are emptied.
 */
static void flush_caches(vaddr_t start, vaddr_t end)
{
	for (vaddr_t addr = start, next; addr < end; addr = next) {
		struct pgtable_leaf leaf = pgtable_query(&kernel_pgtable, addr);

		next = min(ALIGN_DOWN(addr, pt_level_size(leaf.level)) + pt_level_size(leaf.level), end);
		if (!leaf.present || !arch_flush_cache_range((const void *)addr, next - addr)) {
			on_each_cpu(flush_caches_here, NULL, 1);
			return;
		}
	}
}

static u8 marks_of(const struct page *page, const struct map_change *change)
{
	struct pgtable_leaf leaf;
	enum memtype type;

	if (page->zone == ZONE_HIGHMEM) {
		type = change->type ? pgprot_memtype(change->set) : page_memtype(page);
		return (u8)(type << PAGE_FLAG_TYPE_SHIFT);
	}
	leaf = pgtable_query(&kernel_pgtable, direct_addr(page_to_pfn(page)));
	type = pte_memtype(pte_show(leaf.pte), leaf.level);
	return (u8)((leaf.present && pte_writable(leaf.pte) ? 0 : PAGE_FLAG_DIRECT) | type << PAGE_FLAG_TYPE_SHIFT);
}

/* Pages of the image are never freed, so only their memory type is marked. */
static void mark(unsigned long pfn, const struct map_change *change)
{
	struct page *page = pfn_to_page_checked(pfn);

	if (page)
		page_mark(page,
			  marks_of(page, change) & (page->state == PAGE_RESERVED ? PAGE_FLAG_TYPE : PAGE_FLAGS_MAPPED));
}

static void mark_all(vaddr_t start, vaddr_t end, const struct map_change *change)
{
	struct frame_run run;

	for (vaddr_t addr = start; addr != end; addr += run.nr << PAGE_SHIFT) {
		run = next_frame_run(addr, end);
		for (unsigned long i = 0; i < run.nr; i++)
			mark(run.pfn + i, change);
	}
}

int map_change_range(vaddr_t start, vaddr_t end, const struct map_change *change)
{
	int err;

	might_sleep();
	mutex_lock(&direct_map_lock);
	err = split(start, end, change);
	if (!err && !change->small) {
		change_all(start, end, change);
		if (change->type && pgprot_memtype(change->set) != MEMTYPE_WB)
			flush_caches(start, end);
		if (change->follow || in_direct_map(start))
			mark_all(start, end, change);
	}
	mutex_unlock(&direct_map_lock);
	return err;
}

/* --- back to ordinary pages --------------------------------------------------------------------------------------- */

static const struct map_change *usual_change(struct map_change *change)
{
	*change = (struct map_change){ .clear = MAP_TYPE_BITS, .type = true };
	change->set.val = PROT_BIT_PRESENT.val | PROT_BIT_RW.val | PROT_BIT_NX.val;
	return change;
}

/* How many marked lowmem pages lie side by side from pages[at] on; 0: pages[at] is not marked, or is highmem. */
static unsigned long marked_run(struct page **pages, unsigned long at, unsigned long count)
{
	unsigned long n = 0;

	while (at + n < count && pages[at + n] == pages[at] + n && (pages[at + n]->flags & PAGE_FLAGS_MAPPED) &&
	       pages[at + n]->zone != ZONE_HIGHMEM)
		n++;
	return n;
}

static void reset_mappings(vaddr_t at, struct page **pages, unsigned long count, const struct map_change *change)
{
	struct mmu_update u;

	scope_begin(&u);
	if (at)
		pgtable_protect(&kernel_pgtable, &u, at, at + (count << PAGE_SHIFT), change->set, change->clear);
	for (unsigned long i = 0, n; i < count; i += n + !n) {
		vaddr_t start = direct_addr(page_to_pfn(pages[i]));

		n = marked_run(pages, i, count);
		if (n) /* if this is refused, the marks stay */
			pgtable_protect(&kernel_pgtable, &u, start, start + (n << PAGE_SHIFT), change->set,
					change->clear);
	}
	arch_update_kernel_mappings_end(&u);
}

void map_reset_pages(vaddr_t start, struct page **pages, unsigned long count)
{
	struct map_change change;

	might_sleep();
	mutex_lock(&direct_map_lock);
	reset_mappings(start, pages, count, usual_change(&change));
	for (unsigned long i = 0; i < count; i++)
		if (pages[i]->flags & PAGE_FLAGS_MAPPED)
			mark(page_to_pfn(pages[i]), &change);
	mutex_unlock(&direct_map_lock);
}
