/* SPDX-License-Identifier: MIT */
/* Commands about memory and page tables. */
#include "internal.h"

#include <arch/layout.h>
#include <arch/mmu_sync.h>
#include <arch/pgtable.h>
#include <arch/tlb_oracle.h>
#include <kernel/printk.h>
#include <lib/parse.h>
#include <lib/size.h>
#include <lib/string.h>
#include <mm/memtype.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

static u64 bytes(unsigned long pages)
{
	return (u64)pages << PAGE_SHIFT;
}

/* "-m": exact numbers, for programs. "": for people. Anything else is an error. */
static bool parse_machine(const char *argument, bool *machine)
{
	*machine = strcmp(argument, "-m") == 0;
	if (*argument && !*machine)
		cprintf("nothing, or -m for exact numbers, KEY=VALUE\n");
	return !*argument || *machine;
}

static void print_zone(const struct zone_stats *zone)
{
	cprintf("%-8s %10s present %10s free %10s on CPU lists %10s not yet online; free blocks by order:", zone->name,
		SIZE(bytes(zone->present)), SIZE(bytes(zone->free)), SIZE(bytes(zone->cached)),
		SIZE(bytes(zone->offline)));
	for (unsigned int order = 0; order <= MAX_PAGE_ORDER; order++)
		cprintf(" %lu", zone->free_blocks[order]);
	cprintf("\n");
}

static void print_zone_exactly(const struct zone_stats *zone)
{
	cprintf("zone name=%s present=%llu free=%llu cached=%llu offline=%llu blocks=", zone->name,
		bytes(zone->present), bytes(zone->free), bytes(zone->cached), bytes(zone->offline));
	for (unsigned int order = 0; order <= MAX_PAGE_ORDER; order++)
		cprintf("%s%lu", order ? "," : "", zone->free_blocks[order]);
	cprintf("\n");
}

static void for_each_zone(void (*print)(const struct zone_stats *zone))
{
	for (unsigned int id = 0; id < NR_ZONES; id++) {
		struct zone_stats zone;

		zone_stats(id, &zone);
		if (zone.present)
			print(&zone);
	}
}

static void print_memory(const struct vmalloc_stats *v)
{
	cprintf("RAM %s, free %s, slabs %s, kernel page tables %s\n", SIZE(bytes(totalram_pages())),
		SIZE(bytes(nr_free_pages())), SIZE(bytes(slab_pages())), SIZE(bytes(pgtable_kernel_pages())));
	for_each_zone(print_zone);
	slab_dump();
	cprintf("vmalloc: %lu areas %s, %lu pages of their own; %lu blocks %s; free %s, largest hole %s\n", v->areas,
		SIZE(v->area_bytes), v->nr_pages, v->blocks, SIZE(v->block_bytes), SIZE(v->free_bytes),
		SIZE(v->largest_free));
}

static void print_memory_exactly(const struct vmalloc_stats *v)
{
	cprintf("ram total=%llu free=%llu slabs=%llu kernel_tables=%llu\n", bytes(totalram_pages()),
		bytes(nr_free_pages()), bytes(slab_pages()), bytes(pgtable_kernel_pages()));
	for_each_zone(print_zone_exactly);
	slab_dump_machine();
	cprintf("vmalloc areas=%lu area_bytes=%lu pages=%lu blocks=%lu block_bytes=%lu free=%lu largest_free=%lu\n",
		v->areas, v->area_bytes, v->nr_pages, v->blocks, v->block_bytes, v->free_bytes, v->largest_free);
}

static void cmd_meminfo(char *argument)
{
	struct vmalloc_stats stats;
	bool machine;

	if (!parse_machine(argument, &machine))
		return;
	vmalloc_stats(&stats);
	if (machine)
		print_memory_exactly(&stats);
	else
		print_memory(&stats);
}

static void emit_line(void *ctx, const char *line)
{
	(void)ctx;
	cprintf("%s", line);
}

static void cmd_vmallocinfo(char *argument)
{
	bool machine;

	if (!parse_machine(argument, &machine))
		return;
	if (machine)
		vmallocinfo_machine(emit_line, NULL);
	else
		vmallocinfo_human(emit_line, NULL);
}

static void cmd_memtypes(void)
{
	struct memtype_info info = { 0 };

	cprintf("PAT memtype list:\n");
	while (memtype_next(&info)) {
		cprintf("PAT: [mem 0x%016llx-0x%016llx] %s", info.start, info.end - 1, memtype_name(info.type));
		if (info.count > 1)
			cprintf(" x%lu", info.count);
		cprintf("\n");
	}
}

/* Parse a hexadecimal address, with or without 0x. False: it is none, or wider than this mode's addresses. */
static bool parse_address(const char *text, vaddr_t *addr)
{
	u64 value;

	if (kstrtou64(text, 16, &value) != 0 || value != (vaddr_t)value)
		return false;
	*addr = (vaddr_t)value;
	return true;
}

struct part {
	const char *name;
	vaddr_t start, end;
};

/* The parts of the layout that have a name, from n = 0 on; false: there are no more. */
static bool part_of_layout(unsigned int n, struct part *part)
{
	const struct part parts[] = {
		{ "user", 0, layout.user_end },
		{ "direct", layout.direct_start, layout.direct_end },
		{ "vmemmap", layout.vmemmap_start, layout.vmemmap_end },
		{ "vmalloc", layout.vmalloc_start, layout.vmalloc_end },
		{ "private", layout.private_start, layout.private_end },
		{ "fixmap", layout.fixmap_start, layout.fixmap_end },
		{ "image", layout.image_start, layout.image_end },
		{ "entry", layout.entry_start, layout.entry_end }, /* with page-table isolation only */
	};

	if (n >= ARRAY_SIZE(parts) || !parts[n].end)
		return false;
	*part = parts[n];
	return true;
}

static bool named_range(const char *name, vaddr_t *start, vaddr_t *end)
{
	struct part part;

	for (unsigned int n = 0; part_of_layout(n, &part); n++) {
		if (strcmp(name, part.name) == 0) {
			*start = part.start;
			*end = part.end;
			return true;
		}
	}
	return false;
}

/* "START-END", or a name. */
static bool parse_range(char *text, vaddr_t *start, vaddr_t *end)
{
	char *dash = strchr(text, '-');

	if (!dash)
		return named_range(text, start, end);
	*dash = '\0';
	return parse_address(text, start) && parse_address(dash + 1, end) && *start < *end;
}

static const char *range_names(unsigned int n)
{
	struct part part;

	return part_of_layout(n, &part) ? part.name : NULL;
}

/* Is the line's first word "-m"? Then *line moves to the next word. */
static bool take_machine(char **line)
{
	char *rest = *line + 2;

	if (strncmp(*line, "-m", 2) != 0 || (*rest && *rest != ' '))
		return false;
	while (*rest == ' ')
		rest++;
	*line = rest;
	return true;
}

static void print_parts(void)
{
	struct part part;

	for (unsigned int n = 0; part_of_layout(n, &part); n++)
		cprintf("part start=0x%lx end=0x%lx size=%lu name=%s\n", part.start, part.end, part.end - part.start,
			part.name);
}

static void dump_exactly(const struct pgtable *pt, vaddr_t start, vaddr_t end)
{
	print_parts();
	pgtable_range_machine(pt, start, end);
}

static void cmd_ptdump(char *range)
{
	vaddr_t start = layout.kernel_start, end = 0; /* the kernel's half */
	bool machine = take_machine(&range);

	if (!*range || parse_range(range, &start, &end))
		(machine ? dump_exactly : pgtable_dump_range)(pgtable_current(), start, end);
	else
		cprintf("a range is START-END (hexadecimal), or user, direct, vmemmap, vmalloc, private, fixmap, "
			"image\n");
}

static void print_area(const void *addr)
{
	const struct vm_struct *area = find_vm_area(addr);

	if (area)
		cprintf("in the area 0x%p-0x%p of %pS\n", area->addr, (const char *)area->addr + area->size,
			(void *)area->caller);
}

/* Walks the reference, and the tree in use if that is another one. */
static void walk_exactly(const struct pgtable *here, vaddr_t addr)
{
	pgtable_walk_machine(&kernel_pgtable, addr);
	if (here != &kernel_pgtable)
		pgtable_walk_machine(here, addr);
}

static void walk_for_people(const struct pgtable *here, vaddr_t addr)
{
	cprintf("reference table%s:\n", here == &kernel_pgtable ? ", which is in use" : "");
	pgtable_dump_walk(&kernel_pgtable, addr);
	if (here != &kernel_pgtable) {
		cprintf("table %u, which is in use:\n", here->id);
		pgtable_dump_walk(here, addr);
	}
	if (addr >= VMALLOC_START && addr < VMALLOC_END)
		print_area((const void *)addr);
}

static void cmd_walk(char *text)
{
	bool machine = take_machine(&text);
	vaddr_t addr;

	if (parse_address(text, &addr))
		(machine ? walk_exactly : walk_for_people)(pgtable_current(), addr);
	else
		cprintf("an address is hexadecimal, like %lx\n", VMALLOC_START);
}

static void cmd_pgds(char *argument)
{
	bool machine;

	if (parse_machine(argument, &machine))
		(machine ? pgd_parity_machine : pgd_parity_dump)();
}

static void cmd_oracle(char *word)
{
	if (!CONFIG_TLB_ORACLE)
		cprintf("this kernel was built without it\n");
	else if (*word && strcmp(word, "on") != 0 && strcmp(word, "off") != 0)
		cprintf("on or off\n");
	else if (*word)
		tlb_oracle(enable(strcmp(word, "on") == 0));
	else
		tlb_oracle(report());
}

const struct shell_command shell_memory_commands[] = {
	{ "meminfo", "[-m]", "pages by zone, slabs, page tables, vmalloc space; -m: exactly, for programs",
	  .run_with = cmd_meminfo },
	{ "vmallocinfo", "[-m]", "areas of vmalloc space; -m: exactly, for programs", .run_with = cmd_vmallocinfo },
	{ "pat_memtype_list", "", "physical ranges that are mapped, and how they are cached", .run = cmd_memtypes },
	{ "ptdump", "[-m] [RANGE]", "ranges of equal rights in the page tables (kernel); -m: for programs",
	  .run_with = cmd_ptdump, .words = range_names },
	{ "walk", "[-m] ADDR", "the entries that translate one address; -m: for programs", .run_with = cmd_walk },
	{ "oracle", "[on|off]", "what the TLBs may still hold, and verdicts", .run_with = cmd_oracle },
	{ "pgds", "[-m]", "top-level entries of every process against the reference; -m: for programs",
	  .run_with = cmd_pgds },
	{ 0 },
};
