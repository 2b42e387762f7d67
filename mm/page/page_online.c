/* SPDX-License-Identifier: MIT */
/*
 * Bringing RAM online: the array of struct pages at layout.vmemmap_start, mapped piece by piece.
 *
 * 1. The array has addresses for all of physical memory, but a piece of it is mapped only where it describes RAM. RAM
 *    is divided into sections. A section is "online" when its piece is mapped and its free frames are in the buddy
 *    system:
 *
 *	RAM	 [ section 0 | section 1 | (hole)    | section 3 | section 4 ]
 *	array	 [ mapped    | mapped    |  nothing  | not yet   | not yet   ]
 *
 *    Boot brings some sections online; the rest follows when a zone runs low. So a boot with 70 GiB writes hardly more
 *    struct pages than one with 512 MiB.
 *
 * 2. The struct pages of a section lie in the first free frames of that section. So going online needs no memory but a
 *    few table pages. For those a margin is kept that no other allocation may use (ONLINE_MARGIN_PAGES). A section
 *    whose free frames could not even hold its struct pages never comes online.
 *
 * 3. The piece of a section reaches from its first to its last RAM, rounded out to blocks of MAX_PAGE_ORDER. So each
 *    buddy has a struct page. Frames in between that are not RAM are PAGE_HOLE.
 *
 * 4. Mapping a piece changes kernel page tables and may need a new top entry. It uses the same scope as any other
 *    mapping, so every process has the piece before its first struct page is used.
 *
 * 5. One CPU at a time does this (online_owner). The memory map in memblock, read-only by then, tells what is free.
 */
#include "mm/page/page_internal.h"

/* Four words, so that an index becomes an address by a shift. */
struct section {
	unsigned long first;  /* the first frame with a struct page when online; never changes */
	unsigned long nr;     /* how many frames have a struct page; 0 while offline */
	unsigned long usable; /* frames that the buddy system gets; 0: the section never comes online */
	unsigned long ram;    /* the first region of memblock that reaches into it */
};

static_assert(sizeof(struct section) == 4 * sizeof(long), "finding one must stay a shift");

#define BLOCK_PAGES	 (1ul << MAX_PAGE_ORDER)

static struct section *sections;
static unsigned long nr_sections, sections_end; /* sections_end: the first frame behind them */
static unsigned int online_owner; /* CPU + 1 that is bringing a section online; 0 = nobody */
struct page_window page_windows[PAGE_WINDOWS], *page_windows_main = page_windows;

static_assert(BLOCK_PAGES * sizeof(struct page) % 4096 == 0, "a block's struct pages must fill whole pages");

static u64 section_addr(unsigned long nr) { return (u64)nr << SECTION_SHIFT; }
static enum zone_id section_zone(unsigned long nr) { return pfn_zone(to_pfn(section_addr(nr))); }

/* --- questions ---------------------------------------------------------------------------------------------------- */

struct page *pfn_to_page_checked(unsigned long pfn)
{
	const struct section *s;
	struct page *page;

	if (unlikely(pfn >= sections_end))
		return NULL;
	s = &sections[pfn / SECTION_PAGES];
	if (unlikely(pfn - s->first >= smp_load_acquire(&s->nr)))
		return NULL;
	page = pfn_to_page(pfn);
	return likely(READ_ONCE(page->state) != PAGE_HOLE) ? page : NULL;
}

bool pfn_valid(unsigned long pfn)
{
	return pfn_to_page_checked(pfn) != NULL;
}

struct page_window page_find_window(const struct page *page)
{
	unsigned long pfn = ((unsigned long)page - (unsigned long)vmemmap) / sizeof(*page);
	const struct section *s = pfn < sections_end ? &sections[pfn / SECTION_PAGES] : NULL;
	unsigned long nr = s ? smp_load_acquire(&s->nr) : 0;
	const struct memblock_region *ram;
	unsigned int n = memblock_ram(&ram);

	if (!nr || pfn - s->first >= nr)
		return (struct page_window){ NULL, 0 };
	for (unsigned long i = s->ram; i < n; i++) {
		unsigned long start = max(s->first, to_pfn(ram[i].start)), end = min(s->first + nr, to_pfn(ram[i].end));

		if (pfn < end)
			return (struct page_window){ pfn_to_page(start), pfn < start ? 0 : end - start };
	}
	return (struct page_window){ NULL, 0 };
}

unsigned long page_window_extend(const struct page *first, unsigned long nr)
{
	struct page_window next = page_find_window(first + nr);

	while (next.nr && next.first == first + nr) {
		nr += next.nr;
		next = page_find_window(first + nr);
	}
	return nr;
}

struct page *virt_to_page_checked(const void *virt)
{
	unsigned long pfn = to_pfn(virt_to_phys(virt)); /* an address outside the direct map gives no lowmem frame */

	return pfn < zones[ZONE_NORMAL].end ? pfn_to_page_checked(pfn) : NULL;
}

unsigned long totalram_pages(void)
{
	return to_pfn(memblock_ram_size());
}

bool page_offline_left(void)
{
	for (unsigned int z = 0; z < NR_ZONES; z++)
		if (READ_ONCE(zones[z].offline))
			return true;
	return false;
}

bool page_online_here(void)
{
	bool here;

	preempt_disable();
	here = READ_ONCE(online_owner) == smp_processor_id() + 1;
	preempt_enable();
	return here;
}

/* --- a section's piece of the array ------------------------------------------------------------------------------- */

/* The frames of section nr that need struct pages: its RAM, rounded out to blocks. False: it has no RAM. */
static bool section_span(unsigned long nr, unsigned long *first, unsigned long *last)
{
	u64 low = section_addr(nr), high = section_addr(nr + 1), start = high, end = low;
	const struct memblock_region *ram;
	unsigned int n = memblock_ram(&ram);

	for (unsigned int i = 0; i < n; i++) {
		if (ram[i].end <= low || ram[i].start >= high)
			continue;
		start = min(start, max(ram[i].start, low));
		end = max(end, min(ram[i].end, high));
	}
	*first = ALIGN_DOWN(to_pfn(start), BLOCK_PAGES);
	*last = ALIGN(to_pfn(end), BLOCK_PAGES);
	return start < end;
}

static vaddr_t piece_addr(unsigned long pfn)
{
	return layout.vmemmap_start + pfn * sizeof(struct page);
}

static unsigned long piece_bytes(unsigned long first, unsigned long last)
{
	return (last - first) * sizeof(struct page);
}

/*
 * Map the struct pages of frames [first, last) to the first free frames among them. There are enough, because `usable`
 * is not 0. reserve: at boot the walker takes table pages from memblock, so reserve the frames there at once.
 */
static int map_piece(struct mmu_update *u, unsigned long first, unsigned long last, bool reserve)
{
	vaddr_t addr = piece_addr(first), end = piece_addr(last);
	u64 pos, stop;
	int err = 0;

	for (pos = (u64)first << PAGE_SHIFT; addr < end && !err; pos = stop) {
		vaddr_t next;

		if (!memblock_next_free(&pos, &stop, (u64)last << PAGE_SHIFT))
			return -ENOMEM;
		next = addr + (vaddr_t)min(stop - pos, (u64)(end - addr));
		if (reserve)
			memblock_reserve(pos, pos + (next - addr));
		err = pgtable_map(&kernel_pgtable, u, addr, next, (phys_addr_t)pos, PAGE_KERNEL, SECTION_SHIFT);
		addr = next;
	}
	return err;
}

static int section_map(unsigned long first, unsigned long last, bool reserve)
{
	vaddr_t start = piece_addr(first), end = piece_addr(last);
	struct mmu_update u;
	int err;

	BUG_ON(end > layout.vmemmap_end);
	arch_update_kernel_mappings_begin(&u, start, end);
	err = map_piece(&u, first, last, reserve);
	if (err) {
		pgtable_unmap(&kernel_pgtable, &u, start, end);
		tlb_batch_add(&u.tlb, start, end);
	}
	arch_update_kernel_mappings_end(&u);
	return err;
}

/* --- its struct pages and free frames ----------------------------------------------------------------------------- */

static void set_states(unsigned long first, unsigned long last, enum page_state state)
{
	for (unsigned long pfn = first; pfn < last; pfn++) {
		struct page *page = pfn_to_page(pfn);

		page->state = state;
		page->zone = pfn_zone(pfn);
	}
}

static void describe_ram(unsigned long first, unsigned long last)
{
	const struct memblock_region *ram;
	unsigned int n = memblock_ram(&ram);

	memset(pfn_to_page(first), 0, piece_bytes(first, last));
	for (unsigned int i = 0; i < n; i++)
		set_states(max(first, to_pfn(ram[i].start)), min(last, to_pfn(ram[i].end)), PAGE_RESERVED);
}

/* Only `nr` changes, so readers need not read both words at one moment. */
static void window_extend(struct page_window *w)
{
	if (w->nr)
		smp_store_release(&w->nr, page_window_extend(w->first, w->nr));
}

/*
 * A window begins as the longest stretch of RAM among frames [first, last), the first section on its side that comes
 * online. `first` is written before `nr`: a CPU that sees an open window sees where it begins. The allocator prefers
 * RAM above 4 GiB, so that window is the main one as soon as it is open.
 */
static void window_open(struct page_window *w, unsigned long first, unsigned long last)
{
	struct page_window longest = { NULL, 0 };
	const struct memblock_region *ram;
	unsigned int n = memblock_ram(&ram);

	for (unsigned int i = 0; i < n; i++) {
		unsigned long pfn = max(to_pfn(ram[i].start), first);
		struct page_window window = page_find_window(pfn_to_page(pfn));

		if (pfn < last && window.nr > longest.nr)
			longest = window;
	}
	WRITE_ONCE(w->first, longest.first);
	smp_store_release(&w->nr, longest.nr);
	smp_store_release(&page_windows_main, w);
}

/* Frames [first, last), a section, have struct pages now. */
static void windows_update(unsigned long first, unsigned long last)
{
	struct page_window *w = &page_windows[first >= to_pfn(1ull << 32)];

	if (!w->nr)
		window_open(w, first, last);
	for (unsigned int i = 0; i < PAGE_WINDOWS; i++)
		window_extend(&page_windows[i]);
}

/* Write the struct pages and free the free frames, except the first `taken` bytes, which hold these struct pages. */
static void section_populate(unsigned long nr, unsigned long first, unsigned long last, u64 taken)
{
	u64 pos, stop, skip;

	describe_ram(first, last);
	smp_store_release(&sections[nr].nr, last - first);
	windows_update(first, last);
	for (pos = (u64)first << PAGE_SHIFT; memblock_next_free(&pos, &stop, (u64)last << PAGE_SHIFT); pos = stop) {
		skip = min(taken, stop - pos);
		taken -= skip;
		set_states(to_pfn(pos + skip), to_pfn(stop), PAGE_TAIL);
		zones_add_range(to_pfn(pos + skip), to_pfn(stop));
	}
}

/* --- at boot ------------------------------------------------------------------------------------------------------ */

/* How many frames the section would give to the buddy system. 0: no RAM, or too little for its own struct pages. */
static unsigned long section_usable(unsigned long nr)
{
	unsigned long first, last, need, free = 0;
	u64 pos, stop;

	if (!section_span(nr, &first, &last))
		return 0;
	for (pos = section_addr(nr); memblock_next_free(&pos, &stop, section_addr(nr + 1)); pos = stop)
		free += to_pfn(stop - pos);
	need = piece_bytes(first, last) >> PAGE_SHIFT;
	return free > need ? free - need : 0;
}

static void table_entry(unsigned long nr)
{
	struct section *s = &sections[nr];
	const struct memblock_region *ram;
	unsigned int n = memblock_ram(&ram);
	unsigned long last;

	section_span(nr, &s->first, &last);
	while (s->ram < n && ram[s->ram].end <= section_addr(nr))
		s->ram++;
}

/* Make the section table. Its memory is taken before section_usable() counts what is free. */
static void table_init(void)
{
	u64 bytes, phys;

	nr_sections = (unsigned long)((memblock_end_of_ram() + section_addr(1) - 1) >> SECTION_SHIFT);
	sections_end = nr_sections * SECTION_PAGES;
	bytes = nr_sections * sizeof(*sections);
	phys = memblock_alloc(bytes, PAGE_SIZE, arch_lowmem_limit());
	if (!phys)
		panic("no memory for the table of %lu sections", nr_sections);
	sections = phys_to_virt((phys_addr_t)phys);
	memset(sections, 0, bytes);
	memset(page_windows, 0, sizeof(page_windows));
	page_windows_main = page_windows;
	for (unsigned long nr = 0; nr < nr_sections; nr++)
		table_entry(nr);
}

/* 32-bit: all lowmem. 64-bit: the lowest RAM, until it is BOOT_ONLINE_SIZE. */
static bool wanted_at_boot(unsigned long nr, unsigned long online)
{
	if (sizeof(long) == 4)
		return section_addr(nr) < arch_lowmem_limit();
	return online < to_pfn(BOOT_ONLINE_SIZE);
}

/* Map the pieces of the sections that boot needs. Returns the first section that it does not need. */
static unsigned long map_boot_sections(void)
{
	unsigned long nr, first, last, frames, online = 0;

	for (nr = 0; nr < nr_sections && wanted_at_boot(nr, online); nr++) {
		frames = section_usable(nr);
		if (!frames)
			continue;
		section_span(nr, &first, &last);
		if (section_map(first, last, true))
			continue; /* table pages took what it had left: it never comes online */
		sections[nr].usable = frames;
		online += frames;
	}
	return nr;
}

void page_online_init(void)
{
	unsigned long nr, first, last, boot_end;

	table_init();
	boot_end = map_boot_sections();
	memblock_close(); /* the walker has taken table pages until here; from now on memblock does not change */
	for (nr = 0; nr < nr_sections; nr++) {
		if (nr < boot_end && sections[nr].usable) {
			section_span(nr, &first, &last);
			section_populate(nr, first, last, 0);
		} else if (nr >= boot_end) {
			sections[nr].usable = section_usable(nr);
			zones[section_zone(nr)].offline += sections[nr].usable;
		}
	}
}

/* --- later -------------------------------------------------------------------------------------------------------- */

void page_online_give(u64 start, u64 end)
{
	for (unsigned long pfn = to_pfn(start); pfn < to_pfn(end); pfn++) {
		if (!pfn_valid(pfn))
			continue; /* in a section that is not online */
		BUG_ON(pfn_to_page(pfn)->state != PAGE_RESERVED);
		set_states(pfn, pfn + 1, PAGE_TAIL);
		zones_add_range(pfn, pfn + 1);
	}
}

static void zone_no_longer_offline(struct zone *zone, unsigned long pages)
{
	bool flags;

	spin_lock_irqsave(&zone->lock, flags);
	zone->offline -= pages;
	spin_unlock_irqrestore(&zone->lock, flags);
}

/* The lowest offline section of a zone, or nr_sections. */
static unsigned long next_offline(enum zone_id zone)
{
	unsigned long nr;

	for (nr = 0; nr < nr_sections; nr++)
		if (sections[nr].usable && !sections[nr].nr && section_zone(nr) == zone)
			break;
	return nr;
}

static bool online_one(enum zone_id zone)
{
	unsigned long nr = next_offline(zone), first, last;

	if (nr == nr_sections)
		return false;
	section_span(nr, &first, &last);
	if (section_map(first, last, false))
		return false;
	section_populate(nr, first, last, piece_bytes(first, last));
	zone_no_longer_offline(&zones[zone], sections[nr].usable);
	return true;
}

bool page_online_next(enum zone_id zone, bool wait)
{
	bool done;

	preempt_disable(); /* others may wait for the owner with a lock held, on this CPU too */
	if (cmpxchg(&online_owner, 0u, smp_processor_id() + 1) == 0) {
		done = online_one(zone);
		smp_store_release(&online_owner, 0u);
	} else {
		while (wait && READ_ONCE(online_owner))
			cpu_relax();
		done = wait;
	}
	preempt_enable();
	return done;
}
