/* SPDX-License-Identifier: MIT */
/*
 * Frames of RAM on any host. The host's allocator gives physical addresses; kva's chambers want a struct page for each
 * frame. So kva keeps an array of its own, indexed by frame number, at the lower end of the arena. Only the parts that
 * describe RAM are mapped: one part in 128 of all RAM (32 bytes a page), on i386 one in 256.
 *
 * kva_init() makes all of the array, and it never grows. So its windows are the ranges of RAM in the configuration.
 */
#include "mm/kva/floor/floor.h"

struct page_window page_windows[PAGE_WINDOWS], *page_windows_main = page_windows;
unsigned long pages_retyped;

atomic_long_t pages_taken;
static unsigned long ram_pages;
static bool array_complete;
static struct page *put_off; /* frees that wait for a thread: a stack, linked by `slab` */
static void (*on_shortage)(void);

/* --- which frames are RAM ----------------------------------------------------------------------------------------- */

static unsigned long first_pfn(const struct kva_ram *ram)
{
	return (unsigned long)((ram->start + PAGE_SIZE - 1) >> PAGE_SHIFT);
}
static unsigned long end_pfn(const struct kva_ram *ram) { return (unsigned long)(ram->end >> PAGE_SHIFT); }

/* The first range of RAM that ends above the address, or NULL. */
static const struct kva_ram *ram_above(u64 addr)
{
	unsigned int low = 0, high = kva_config.nr_ram;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (kva_config.ram[middle].end > addr)
			high = middle;
		else
			low = middle + 1;
	}
	return low < kva_config.nr_ram ? &kva_config.ram[low] : NULL;
}

bool memblock_overlaps_ram(u64 start, u64 end)
{
	const struct kva_ram *ram = ram_above(start);

	return ram && ram->start < end;
}

/* Ranges of the configuration may touch each other. */
bool memblock_is_ram(u64 start, u64 end)
{
	const struct kva_ram *ram = ram_above(start);

	for (; ram && start < end && ram->start <= start; ram++) {
		start = ram->end;
		if (ram + 1 == kva_config.ram + kva_config.nr_ram)
			break;
	}
	return start >= end;
}

/* The range that has the whole frame, or NULL. */
static const struct kva_ram *ram_of(u64 pfn)
{
	const struct kva_ram *ram = ram_above(pfn << PAGE_SHIFT);

	return ram && pfn >= first_pfn(ram) && pfn < end_pfn(ram) ? ram : NULL;
}

struct page_window page_find_window(const struct page *page)
{
	u64 pfn = ((unsigned long)page - (unsigned long)vmemmap) / sizeof(*page);
	const struct kva_ram *ram = (const char *)page >= (const char *)vmemmap ? ram_of(pfn) : NULL;

	if (!ram)
		return (struct page_window){ NULL, 0 };
	return (struct page_window){ pfn_to_page(first_pfn(ram)), end_pfn(ram) - first_pfn(ram) };
}

unsigned long page_window_extend(const struct page *first __maybe_unused, unsigned long nr)
{
	return nr;
}

bool pfn_valid(unsigned long pfn)
{
	return ram_of(pfn) != NULL;
}

struct page *pfn_to_page_checked(unsigned long pfn)
{
	return pfn_valid(pfn) ? pfn_to_page(pfn) : NULL;
}

unsigned long totalram_pages(void)
{
	return ram_pages;
}

/* --- the array ---------------------------------------------------------------------------------------------------- */

unsigned long pages_array_size(const struct kva_config *config)
{
	u64 frames = config->ram[config->nr_ram - 1].end >> PAGE_SHIFT;

	return (unsigned long)(frames * sizeof(struct page));
}

/* Map zeroed memory at [addr, end), where nothing is mapped yet. */
static int map_array(vaddr_t addr, vaddr_t end)
{
	struct mmu_update u;
	int err = 0;

	arch_update_kernel_mappings_begin(&u, addr, end);
	for (; addr != end && !err; addr += PAGE_SIZE) {
		phys_addr_t phys = mm_table_alloc(GFP_KERNEL); /* zeroed, and in the direct map */

		err = phys ? pgtable_map(&kernel_pgtable, &u, addr, addr + PAGE_SIZE, phys, PAGE_KERNEL, PAGE_SHIFT)
			   : -ENOMEM;
	}
	arch_update_kernel_mappings_end(&u);
	return err;
}

static void describe(struct page *page)
{
	*page = (struct page){ .state = PAGE_RESERVED };
	page->zone = page_to_phys(page) < arch_lowmem_limit() ? ZONE_NORMAL : ZONE_HIGHMEM;
}

/* The windows are the two largest ranges, the largest first. */
static void note_window(struct page_window w)
{
	if (w.nr > page_windows[0].nr)
		swap(w, page_windows[0]);
	if (w.nr > page_windows[1].nr)
		page_windows[1] = w;
}

/* *mapped: where the array is mapped up to. Two ranges may share a page of it. */
static int describe_range(const struct kva_ram *ram, vaddr_t *mapped)
{
	struct page *first = pfn_to_page(first_pfn(ram)), *end = pfn_to_page(end_pfn(ram));
	vaddr_t from = max(PAGE_ALIGN_DOWN((vaddr_t)first), *mapped);
	int err;

	if (first >= end)
		return 0;
	err = from < (vaddr_t)end ? map_array(from, PAGE_ALIGN((vaddr_t)end)) : 0;
	if (err)
		return err;
	*mapped = PAGE_ALIGN((vaddr_t)end);
	for (struct page *page = first; page != end; page++)
		describe(page);
	ram_pages += (unsigned long)(end - first);
	note_window((struct page_window){ first, (unsigned long)(end - first) });
	return 0;
}

int pages_init(void)
{
	vaddr_t mapped = 0;
	int err = 0;

	for (unsigned int i = 0; i < kva_config.nr_ram && !err; i++)
		err = describe_range(&kva_config.ram[i], &mapped);
	array_complete = !err;
	return err;
}

/* --- taking and giving back --------------------------------------------------------------------------------------- */

/* KVA_NO_PAGES: none, or the caller may not sleep. Memory is short only if single pages are. */
static u64 ask_host(unsigned int order)
{
	u64 phys;

	if (!preemptible())
		return KVA_NO_PAGES;
	phys = host_pages_alloc(order);
	if (phys == KVA_NO_PAGES && !order && on_shortage && chores_allowed()) {
		on_shortage();
		kva_do_chores();
		phys = host_pages_alloc(order);
	}
	if (!phys)
		panic("host_pages_alloc(%u) gave 0: say KVA_NO_PAGES if there is none, and keep page 0", order);
	if (phys != KVA_NO_PAGES &&
	    (!IS_ALIGNED(phys, PAGE_SIZE << order) || phys + (PAGE_SIZE << order) > arch_lowmem_limit()))
		panic("host_pages_alloc(%u) gave %llx: not aligned, or not in the direct map", order, phys);
	if (CONFIG_DEBUG_MM && phys != KVA_NO_PAGES)
		atomic_long_add(1l << order, &pages_taken);
	return phys;
}

/* The tails of a block: whoever changes rights asks whether a page is in use. */
static void set_tails(struct page *head, unsigned int order, enum page_state state)
{
	for (unsigned long i = 1; i < 1ul << order; i++)
		head[i].state = state;
}

/* A frame of the host becomes kva's, until give_page_back(). */
static void enter_page(struct page *page, unsigned int order, enum page_state state)
{
	if (page->state != PAGE_RESERVED)
		panic("host_pages_alloc(%u) gave %llx, which kva has already", order, (u64)page_to_phys(page));
	page->state = state;
	page->order = (u8)order;
	set_tails(page, order, PAGE_TAIL);
}

static struct page *take_pages(gfp_t gfp, unsigned int order, enum page_state state)
{
	u64 phys = inject_fails(INJECT_PAGE) ? KVA_NO_PAGES : ask_host(order);
	struct page *page;

	if (phys == KVA_NO_PAGES)
		return NULL;
	page = pfn_to_page_checked(to_pfn(phys));
	if (!page)
		panic("host_pages_alloc(%u) gave %llx, which is no RAM in kva_config.ram", order, phys);
	enter_page(page, order, state);
	if (gfp & __GFP_ZERO)
		memset(phys_to_virt((phys_addr_t)phys), 0, PAGE_SIZE << order);
	tlb_oracle(frames_given(to_pfn(phys), 1ul << order));
	return page;
}

static void give_page_back(struct page *page)
{
	unsigned int order = page->order;

	page->state = PAGE_RESERVED;
	set_tails(page, order, PAGE_RESERVED);
	if (CONFIG_DEBUG_MM)
		atomic_long_add(-(1l << order), &pages_taken);
	host_pages_free(page_to_phys(page), order);
}

static void free_later_page(struct page *page)
{
	stack_push(&put_off, page, slab);
	WRITE_ONCE(kva_chores, true);
}

/* A page that the kernel does not map as ordinary memory (set_memory_*) would be a trap for its next owner. */
static void drop_page(struct page *page)
{
	if (WARN_ONCE(page->flags & PAGE_FLAGS_MAPPED, "frame %lx is freed, but is not mapped as ordinary memory",
		      page_to_pfn(page)))
		return;
	if (preemptible())
		give_page_back(page);
	else
		free_later_page(page);
}

void pages_free_deferred(void)
{
	struct page *page = xchg(&put_off, NULL), *next;

	for (; page; page = next) {
		next = page->slab;
		give_page_back(page);
	}
}

unsigned long alloc_page_array(gfp_t gfp, unsigned long n, struct page **pages)
{
	unsigned long got = 0;

	cpu_count_check();
	while (got < n && (pages[got] = take_pages(gfp, 0, PAGE_USED)))
		got++;
	return got;
}

void free_page_array(struct page **pages, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		drop_page(pages[i]);
}

struct page *alloc_pages_split(gfp_t gfp, unsigned int order)
{
	return take_pages(gfp, order, PAGE_WHOLE);
}

bool free_pages_split(struct page *first, unsigned int order)
{
	if (first->state != PAGE_WHOLE || first->order != order)
		return false;
	drop_page(first);
	return true;
}

void page_on_shortage(void (*call)(void))
{
	on_shortage = call;
}

void page_mark(struct page *page, u8 marks)
{
	u8 was = page->flags & PAGE_FLAG_TYPE;

	page->flags = (page->flags & (u8)~PAGE_FLAGS_MAPPED) | marks;
	pages_retyped += !was && (marks & PAGE_FLAG_TYPE);
	pages_retyped -= was && !(marks & PAGE_FLAG_TYPE);
}

/* Every page that kva uses is in the direct map. */
void *kmap_local_page(struct page *page) { return page_address(page); }
void kunmap_local(const void *addr __maybe_unused) { }

/* --- page tables -------------------------------------------------------------------------------------------------- */

/* Before the page array is there, tables have no struct page. They stay for ever. */
phys_addr_t mm_table_alloc(gfp_t gfp __maybe_unused)
{
	u64 phys = inject_fails(INJECT_TABLE) ? KVA_NO_PAGES : ask_host(0);
	struct page *page;

	if (phys == KVA_NO_PAGES)
		return 0;
	page = array_complete ? pfn_to_page_checked(to_pfn(phys)) : NULL;
	if (page)
		enter_page(page, 0, PAGE_TABLE);
	memset(phys_to_virt((phys_addr_t)phys), 0, PAGE_SIZE);
	return (phys_addr_t)phys;
}

void mm_table_free(phys_addr_t table)
{
	drop_page(phys_to_page(table));
}

static void free_table_after_readers(struct rcu_head *head)
{
	pgtable_free_deferred(page_to_phys(container_of(head, struct page, rcu)));
}

void mm_table_defer(phys_addr_t table)
{
	call_rcu(&phys_to_page(table)->rcu, free_table_after_readers);
}
