/* SPDX-License-Identifier: MIT */
/*
 * The start of the kernel: kmain() is a list of calls, with the reasons for their order. If a lower layer needs
 * something from a higher one, it is handed over here.
 */
#include <arch/console.h>
#include <arch/cpu.h>
#include <arch/fault.h>
#include <arch/init.h>
#include <arch/irq.h>
#include <arch/mmu_sync.h>
#include <kernel/backtrace.h>
#include <kernel/boot_info.h>
#include <kernel/bug.h>
#include <kernel/cmdline.h>
#include <kernel/cpumask.h>
#include <kernel/ktest.h>
#include <kernel/longest.h>
#include <kernel/printk.h>
#include <kernel/process.h>
#include <kernel/rcupdate.h>
#include <kernel/shell.h>
#include <kernel/smp.h>
#include <kernel/stack_protector.h>
#include <kernel/summary.h>
#include <kernel/task.h>
#include <kernel/workqueue.h>
#include <kernel/trace.h>
#include <kernel/xarray.h>
#include <lib/format.h>
#include <lib/random.h>
#include <mm/highmem.h>
#include <mm/ioremap.h>
#include <mm/kasan.h>
#include <mm/kstack.h>
#include <mm/kva_config.h>
#include <mm/memblock.h>
#include <mm/mm.h>
#include <mm/percpu_alloc.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

CMDLINE_OPTION(vmalloc, "vmalloc=SIZE", "size of vmalloc space (32-bit modes)");
CMDLINE_OPTION(nohuge, "nohuge", "map everything with 4K pages");
CMDLINE_OPTION(nosmp, "nosmp", "use one CPU");
CMDLINE_OPTION(maxcpus, "maxcpus=N", "use at most N CPUs");
CMDLINE_OPTION(test, "test=GLOB[,GLOB]", "run these tests (suite.name), then go on; all, smoke (the default)");
CMDLINE_OPTION(seed, "seed=N", "seed of everything random in tests");
CMDLINE_OPTION(nokaslr, "nokaslr", "regions of the kernel's address space at their fixed places");
CMDLINE_OPTION(kaslr, "kaslr=N", "at the random places of N (as always: of seed=N, or new ones)");
CMDLINE_OPTION(shell, "shell", "no self-test: straight to the shell");
CMDLINE_OPTION(exit, "exit", "after the tests end the machine, with the verdict as QEMU's exit status");
CMDLINE_OPTION(no5lvl, "no5lvl", "use 4 levels where the CPU has 5 (read by the entry code)");

struct boot_info boot_info __ro_after_init;

/* --- memory ----------------------------------------------------------------------------------------------------- */

static void reserve_in_use(void)
{
	memblock_reserve(0, 1 << 20); /* firmware's tables, the APs' trampoline */
	memblock_reserve(image_to_phys(__image_start), image_to_phys(__image_end));
	for (unsigned int i = 0; i < boot_info.nr_modules; i++)
		memblock_reserve(PAGE_ALIGN_DOWN(boot_info.module[i].start), PAGE_ALIGN(boot_info.module[i].end));
}

static void map_ram(u64 low, u64 high)
{
	const struct memblock_region *ram;
	unsigned int n = memblock_ram(&ram);

	for (unsigned int i = 0; i < n; i++)
		pgtable_map_direct(max(ram[i].start, low), min(ram[i].end, high));
}

/*
 * The direct map, in steps as large as the memory that the boot tables map. The page tables of a step lie in memory
 * that an earlier step has mapped. A large module may fill all that the boot tables map, and more. Then the first
 * tables are the image's own (table_alloc_early).
 */
static void map_all_ram(void)
{
	u64 step = arch_boot_reach(), end = min(memblock_end_of_ram(), arch_lowmem_limit());

	for (u64 low = 0; low < end; low += step) {
		map_ram(low, min(low + step, end));
		if (!low)
			pgtable_init_done();
		memblock_mapped(min(low + step, end));
	}
}

#define SPARE_TABLES 32 /* on i386, where the boot tables map least, these map 128 MiB in 4K pages */

/* A page table in RAM that is mapped; if modules fill that, one of the image's own. 0: none. */
static phys_addr_t table_alloc_early(gfp_t gfp)
{
	static char spare[SPARE_TABLES][PAGE_SIZE] __aligned(PAGE_SIZE);
	static unsigned int used;
	phys_addr_t table = memblock_table_alloc(gfp);

	if (!table && used < SPARE_TABLES)
		table = image_to_phys(spare[used++]);
	return table;
}

static void table_free_early(phys_addr_t frame)
{
	panic("table page %pa freed before there is a page allocator", &frame);
}

static void *alloc_xa_node(size_t bytes, gfp_t gfp)
{
	return kmalloc(bytes, gfp);
}

static void free_xa_node(void *node)
{
	kfree(node);
}

/* kva starts as in any other kernel, with a description of the address space. */
static void init_kva(void)
{
	struct kva_config config = {
		.kernel_start = layout.kernel_start,
		.private_start = layout.private_start,
		.private_end = layout.private_end,
		.direct_start = layout.direct_start,
		.direct_size = layout.direct_end - layout.direct_start,
		.arena_start = layout.vmalloc_start,
		.arena_end = layout.vmalloc_end,
	};
	const struct memblock_region *ram;

	static_assert(sizeof(*ram) == sizeof(*config.ram), "both are a start and an end");
	config.nr_ram = memblock_ram(&ram);
	config.ram = (const struct kva_ram *)ram;
	if (kva_init(&config))
		panic("the address space of this mode is not what kva can use");
}

static u64 places_seed(void)
{
	const char *word = cmdline_value("kaslr");

	if (word && *word)
		return cmdline_number("kaslr", 0);
	return cmdline_has("seed") ? cmdline_number("seed", 0) : arch_random();
}

static void move_regions(void)
{
	unsigned int bits;
	char again[32];
	u64 seed;

	if (cmdline_has("nokaslr"))
		return;
	seed = places_seed();
	bits = arch_move_layout(seed);
	scnprintf(again, sizeof(again), "kaslr=0x%llx", seed);
	ktest_add_replay(again);
	printk("kaslr: seed=0x%llx, %u bits a region; direct map %lx, page array %lx, vmalloc space %lx\n", seed, bits,
	       layout.direct_start, layout.vmemmap_start, layout.vmalloc_start);
}

/* From the loader's map to kmalloc. Table pages come from memblock until the page allocator can give them. */
static void init_memory(void)
{
	memblock_init(&boot_info, arch_phys_limit());
	reserve_in_use();
	arch_init_layout(memblock_end_of_ram(), sizeof(struct page), cmdline_size("vmalloc", 0));
	move_regions();
	pgtable_set_allocator(table_alloc_early, table_free_early);
	pgtable_init_image(!cmdline_has("nohuge"));
	if (CONFIG_KASAN)
		kasan_map_image();
	map_all_ram();
	if (CONFIG_KASAN)
		kasan_map_lowmem();
	arch_move_percpu(percpu_areas_init()); /* before any code keeps a pointer into them */
	arch_init_entry_area();
	page_alloc_init();
	pgtable_set_allocator(mm_table_alloc, mm_table_free);
	pgtable_set_deferred_free(mm_table_defer);
	slab_init();
	xa_set_allocator(alloc_xa_node, free_xa_node);
	rcu_set_free(kvfree);
	highmem_init();
	init_kva();
}

/* --- what lower layers need from mm ------------------------------------------------------------------------------ */

/* Firmware's tables and the loader's modules (MEMTYPE_WB) may lie in RAM, which the direct map maps already. */
static void *map_device(phys_addr_t phys, unsigned long size, enum memtype type)
{
	if (type == MEMTYPE_WB)
		return memremap(phys, size, MEMREMAP_WB);
	return ioremap_prot(phys, size, pgprot_set_memtype(PAGE_KERNEL, type));
}

static void *alloc_zeroed(size_t bytes)
{
	return kzalloc(bytes, GFP_KERNEL);
}

static void free_memory(void *object)
{
	kfree(object);
}

static int user_fault(vaddr_t addr, unsigned int access, unsigned long flushed)
{
	return mm_handle_fault(current, addr, access, flushed);
}

static void hand_over(void)
{
	static const struct device_mapper mapper = { map_device, memunmap };

	arch_set_device_mapper(&mapper);
	arch_set_percpu_allocator(percpu_area_alloc);
	arch_set_user_fault_handler(user_fault);
	sched_set_stack_allocator(kstack_alloc, kstack_free);
	workqueue_set_allocator(alloc_zeroed, free_memory);
}

/* Code that still writes to the ring has interrupts off, so it is an RCU reader. */
static void free_trace_ring(void *ring)
{
	synchronize_rcu();
	vfree(ring);
}

static void *alloc_trace_ring(size_t bytes)
{
	return vzalloc(bytes);
}

/* trace=: from now on, with rings for all CPUs. */
static void init_trace(void)
{
	const char *globs = cmdline_value("trace");

	trace_set_allocator(alloc_trace_ring, free_trace_ring);
	if (globs && trace_start(globs))
		pr_warn("trace=%s: no event has such a name\n", globs);
}

/* --- panic ------------------------------------------------------------------------------------------------------- */

static void print_walks(vaddr_t addr)
{
	if (!kernel_pgtable.root_phys)
		return; /* the boot tables are still in use */
	cprintf("walk of %lx in the tree of this CPU (%u):\n", addr, pgtable_current()->id);
	pgtable_dump_walk(pgtable_current(), addr);
	if (pgtable_current() == &kernel_pgtable)
		return;
	cprintf("and in the reference tree:\n");
	pgtable_dump_walk(&kernel_pgtable, addr);
}

static void exit_after_panic(void)
{
	if (arch_in_qemu())
		arch_exit(KTEST_CRASH);
	arch_cpu_stop();
}

static const struct panic_ops panic_ops = {
	.stop_other_cpus = arch_stop_other_cpus,
	.print_registers = arch_print_registers,
	.print_walk = print_walks,
	.exit = exit_after_panic,
};

/* --- CPUs -------------------------------------------------------------------------------------------------------- */

static void ap_main(unsigned int cpu)
{
	(void)cpu;
	sched_init_cpu(NULL);
	cpu_idle_loop();
}

static void init_cpus(void)
{
	u64 limit = cmdline_has("nosmp") ? 1 : cmdline_number("maxcpus", MAX_CPUS);

	arch_start_cpus((unsigned int)clamp(limit, (u64)1, (u64)MAX_CPUS), kstack_alloc, ap_main);
	pgtable_drop_boot_identity();
	percpu_areas_done(); /* the possible CPUs are known now */
	percpu_alloc_init();
}

/* --- the end of the list ------------------------------------------------------------------------------------------ */

static void print_banner(void)
{
	print_line("kvasir " KERNEL_VERSION
		   " %s levels=%u pcid=%u pti=%u cpus=%u mem=%luM boot=%s fb=%ux%ux%u cpu=\"%s\"",
		   arch_mode_name(), pt_top(), cpu_has(FEATURE_PCID), cpu_has(FEATURE_PTI), num_online_cpus(),
		   totalram_pages() >> (20 - PAGE_SHIFT), boot_info.efi ? "uefi" : "bios", boot_info.fb.width,
		   boot_info.fb.height, boot_info.fb.bpp, cpu_name());
}

/* The summary comes last: later output would scroll it off the screen. */
static void report(const struct ktest_outcome *totals)
{
	if (cmdline_has("trace")) {
		trace_stop();
		trace_dump();
	}
	summary_after_tests(totals);
}

static void self_test(void)
{
	const char *globs = cmdline_value("test");
	enum ktest_verdict verdict;

	ktest_set_env(arch_mode_name());
	ktest_seed(cmdline_number("seed", 0x5eed0001));
	ktest_set_report(report);
	verdict = ktest_run(globs && *globs ? globs : "smoke");
	ktest_set_report(NULL);
	if (cmdline_has("exit"))
		arch_exit(verdict);
}

static void report_left_out(void)
{
	if (boot_info.unread)
		pr_warn("boot loader: there is no room for the last %u KiB of what it says: memory that is named there "
			"is not used\n",
			(boot_info.unread >> 10) + 1);
	if (boot_info.left_out)
		pr_warn("memory map: more than %u regions; %u small ones are left out, %llu KiB of RAM with them\n",
			BOOT_MAX_REGIONS, boot_info.left_out, boot_info.ram_left_out >> 10);
	if (boot_info.ram_soft_reserved)
		printk("memory: kept by EFI for a special purpose: %llu MiB not used\n",
		       boot_info.ram_soft_reserved >> 20);
	if (boot_info.ram_in_hole)
		printk("memory: the map has RAM where video memory and ROMs are: %llu KiB not used\n",
		       boot_info.ram_in_hole >> 10);
	if (boot_info.dropped_entries)
		printk("memory map: %u entries have no length, or no end, and are left out\n",
		       boot_info.dropped_entries);
}

/* Called by the entry code on the boot stack: boot tables, interrupts off. */
void kmain(void)
{
	const char *why = NULL;

	panic_set_ops(&panic_ops); /* a panic before the consoles are set up finds the UART itself */
	format_set_symbol_formatter(symbol_format);
	arch_init_cpu(); /* per-CPU data and trap reports: everything below relies on them */
	__stack_chk_guard = STACK_GUARD(arch_random());
	arch_console_early_init();
	if (multiboot2_parse(boot_mbi, boot_mbi_size, &boot_info, &why))
		panic("boot loader: %s", why);
	cmdline_init(boot_info.cmdline);
	cmdline_report_unknown();
	arch_console_option();
	report_left_out();
	tlb_oracle(init());
	arch_apply_options(); /* features that page tables use, before the reference tables are made */
	init_memory();
	hand_over();
	arch_console_init(&boot_info); /* the screen is device memory: it needs ioremap */
	sched_init_cpu(NULL);	  /* kmain() becomes the boot CPU's first thread */
	arch_init_platform(&boot_info);
	local_irq_enable();
	arch_await_tick(); /* without a tick the first thread that sleeps would hang silently */
	sched_start(); /* ticks come: from here on threads are preempted */
	rcu_init(); /* before there is another thread that could read */
	init_cpus();
	if (CONFIG_DEBUG_LOCKS)
		longest_start();
	workqueue_init(); /* a worker on each CPU */
	vmalloc_init_purge();
	init_trace();
	process_init();
	pgtable_protect_image(); /* what was set so far stays as it is */
	print_banner();
	if (cmdline_has("shell"))
		summary_show();
	else
		self_test();
	shell_run();
}
