/* SPDX-License-Identifier: MIT */
/* What kva does here, as TAP. */
#include "kernel.h"

#define HPET    0xfed00000u /* a device that every PC of QEMU has; its first register begins with Intel's number */
#define WORKERS 5
#define MOST    8 /* pages of a mapping */
#define ROUNDS  60

static unsigned int tests_run, tests_failed;
static volatile unsigned int faults;

static void ok(bool good, const char *name)
{
	tests_failed += !good;
	print("%sok %u - %s\n", good ? "" : "not ", ++tests_run, name);
}

/* --- data that shows where it belongs ----------------------------------------------------------------------------- */

static void fill(unsigned long *p, unsigned int pages, unsigned long tag)
{
	for (unsigned long i = 0; i < pages * PAGE / sizeof(*p); i++)
		p[i] = tag + i;
}

static void compare(const char *what, const unsigned long *p, unsigned int pages, unsigned long tag)
{
	for (unsigned long i = 0; i < pages * PAGE / sizeof(*p); i++) {
		if (p[i] == tag + i)
			continue;
		print("# %s: %lx has %lx, not %lx\n", what, (unsigned long)(p + i), p[i], tag + i);
		__atomic_fetch_add(&faults, 1, __ATOMIC_RELAXED);
		return;
	}
}

static void expect(bool good, const char *what)
{
	if (good)
		return;
	print("# %s\n", what);
	__atomic_fetch_add(&faults, 1, __ATOMIC_RELAXED);
}

/* --- stress ------------------------------------------------------------------------------------------------------- */

static void use_vmalloc(unsigned long tag, unsigned int pages)
{
	unsigned long *p = pages == MOST ? vmalloc_huge(512 * PAGE, 0) : vmalloc(pages * PAGE);

	expect(p, "vmalloc() finds no memory");
	if (!p)
		return;
	fill(p, pages, tag);
	yield();
	compare("vmalloc", p, pages, tag);
	vfree(p);
}

static void use_rights(unsigned long tag, unsigned int pages)
{
	unsigned long *p = vmalloc(pages * PAGE);

	expect(p, "vmalloc() finds no memory");
	if (!p)
		return;
	fill(p, pages, tag);
	expect(!set_memory_ro((unsigned long)p, (int)pages), "set_memory_ro() fails");
	expect(!can_write(p) && !can_write(direct(kva_phys(p))), "read-only memory is written");
	compare("read-only", p, pages, tag);
	expect(!set_memory_rw((unsigned long)p, (int)pages), "set_memory_rw() fails");
	expect(can_write(p) && can_write(direct(kva_phys(p))), "memory stays read-only");
	vfree(p);
}

/* Pages of the caller, written through a mapping, and read through the direct map. */
static void use_map_ram(void **mine, unsigned long tag, unsigned int count)
{
	struct page *pages[MOST];
	unsigned long *p;

	for (unsigned int i = 0; i < count; i++)
		pages[i] = kva_page(phys_of(mine[i]));
	p = tag & 1 ? vm_map_ram(pages, count, -1) : kva_vmap(pages, count, KVA_RW);
	expect(p, "a mapping finds no memory");
	if (!p)
		return;
	fill(p, count, tag);
	for (unsigned int i = 0; i < count; i++)
		compare("mapping", mine[i], 1, tag + i * PAGE / sizeof(*p));
	if (tag & 1)
		vm_unmap_ram(p, count);
	else
		vunmap(p);
}

static void use_device(void)
{
	volatile uint32_t *hpet = ioremap(HPET, PAGE);

	expect(hpet && *hpet >> 16 == 0x8086, "ioremap() does not show the device");
	iounmap(hpet);
}

static void use_percpu(unsigned long tag)
{
	char *p = __alloc_percpu(sizeof(tag), sizeof(tag));

	expect(p, "__alloc_percpu() finds no memory");
	if (!p)
		return;
	for (unsigned int cpu = 0; cpu < KVA_MAX_CPUS; cpu++) {
		unsigned long *its = kva_per_cpu_ptr(p, cpu);

		expect(!*its, "new per-CPU memory is not zero");
		*its = tag + cpu;
	}
	yield();
	for (unsigned int cpu = 0; cpu < KVA_MAX_CPUS; cpu++)
		expect(*(unsigned long *)kva_per_cpu_ptr(p, cpu) == tag + cpu, "per-CPU memory has changed");
	free_percpu(p);
}

static void free_without_sleep(unsigned long tag)
{
	unsigned long *p = vmalloc(PAGE);
	bool on = interrupts_disable();

	if (p)
		*p = tag;
	vfree(p);
	interrupts_restore(on);
}

static void worker(unsigned long number)
{
	void *mine[MOST];

	for (unsigned int i = 0; i < MOST; i++)
		mine[i] = pages_alloc(0);
	for (unsigned long round = 0; round < ROUNDS; round++) {
		unsigned long tag = (number << 16 | round) << 12;
		unsigned int pages = 1 + random() % MOST;

		switch (random() % 8) {
		case 0:
			use_rights(tag, pages);
			break;
		case 1:
			use_device();
			break;
		case 2:
			use_percpu(tag);
			break;
		case 3:
			free_without_sleep(tag);
			break;
		case 4:
		case 5:
			use_map_ram(mine, tag | (round & 1), pages);
			break;
		default:
			use_vmalloc(tag, pages);
		}
	}
	vm_unmap_aliases(); /* before the pages go to somebody else */
	for (unsigned int i = 0; i < MOST; i++)
		pages_free(mine[i], 0);
}

static void give_back(void)
{
	kva_memory_short();
	kva_tidy();
}

/*
 * set_memory_*() gives a large page of the direct map a table, and that stays. Here all get theirs, so that the pages
 * in use can be compared.
 */
static void split_direct_map(void)
{
	for (unsigned long at = 1 << 20; kva_page(at); at += 512 * PAGE) {
		set_memory_uc((unsigned long)direct(at), 1);
		set_memory_wb((unsigned long)direct(at), 1);
	}
}

static void stress(void)
{
	struct thread *threads[WORKERS];
	long pages, objects;

	split_direct_map();
	worker(0); /* some page tables of the arena stay too */
	give_back();
	pages = pages_used - heap_pages;
	objects = objects_used;
	for (unsigned long i = 0; i < WORKERS; i++)
		threads[i] = thread_start(worker, i + 1);
	for (unsigned int i = 0; i < WORKERS; i++)
		thread_join(threads[i]);
	ok(!faults, "stress: all data is as it was written");
	ok(!kva_check(), "stress: kva_check()");
	give_back();
	ok(pages_used - heap_pages == pages && objects_used == objects, "stress: all pages and objects came back");
}

/* --- one thing after the other ------------------------------------------------------------------------------------ */

static void first_steps(void)
{
	char *p = vmalloc(3 * PAGE);

	ok(p, "vmalloc");
	memset(p, 0x5a, 3 * PAGE);
	ok(p[0] == 0x5a && p[3 * PAGE - 1] == 0x5a, "what is written is there");
	ok(*(char *)direct(kva_phys(p + PAGE)) == 0x5a, "the direct map shows it too");
	vfree(p);
	vm_unmap_aliases();
	ok(!can_read(p), "it is gone after vfree() and a flush");
}

/* --- a new top entry, and address spaces that are older ----------------------------------------------------------- */

#define DEVICE 0x100000000ull /* there is nothing, and reading it does no harm */
#define BIG    (16ul << 20)
#define PIECES 20

/* An address space as a kernel makes it by itself: the kernel's entries are copied as they are now. */
static unsigned long make_root(void)
{
	uint64_t *top = memset(pages_alloc(0), 0, PAGE);

#ifdef __x86_64__
	memcpy(top + 256, boot_top + 256, PAGE / 2);
#else
	top[3] = phys_of(memcpy(pages_alloc(0), boot_directory, PAGE)) | 1;
#endif
	return (unsigned long)phys_of(top);
}

static void free_root(unsigned long root)
{
#ifndef __x86_64__
	uint64_t *top = direct(root);

	pages_free(direct(top[3] & ~(PAGE - 1)), 0);
#endif
	pages_free(direct(root), 0);
}

/* Is the memory at p, which fill() has written, there in this address space? */
static bool seen_in(unsigned long root, const unsigned long *p)
{
	unsigned long before = this_thread()->root;
	unsigned int faults_before = faults;
	bool seen;

	use_root(root);
	seen = can_read(p) && can_read((const char *)p + BIG - 1);
	if (seen)
		compare("another address space", p, BIG / PAGE, 7);
	use_root(before);
	return seen && faults == faults_before;
}

/* Take space until a vmalloc() of BIG bytes has to lie behind the top entry that is in use now. */
static unsigned int take_space(volatile void **pieces)
{
	unsigned int n = 0;

	for (unsigned long size = TOP_ENTRY; size >= BIG / 2; size /= 2)
		pieces[n++] = ioremap(DEVICE, size);
	return n;
}

static void address_spaces(void)
{
	unsigned long adopted_root = make_root(), forgotten_root = make_root(), *p;
	struct kva_tree *made = kva_tree_create(), *adopted = kva_tree_adopt(adopted_root), *late;
	volatile void *pieces[PIECES];
	unsigned int n = take_space(pieces);

	p = vmalloc(BIG);
	ok(made && adopted && p && (unsigned long)p / TOP_ENTRY > ARENA / TOP_ENTRY,
	   "vmalloc() reaches a new top entry");
	fill(p, BIG / PAGE, 7);
	ok(seen_in(kva_tree_root(made), p), "an older address space of kva_tree_create() has it");
	ok(seen_in(adopted_root, p), "an older address space of kva_tree_adopt() has it");
	ok(!seen_in(forgotten_root, p), "control: one that was not adopted faults");
	late = kva_tree_adopt(forgotten_root);
	ok(late && seen_in(forgotten_root, p), "adopted now, it has it too");
	ok(!kva_check(), "address spaces: kva_check()");
	kva_tree_destroy(made);
	kva_tree_destroy(adopted);
	kva_tree_destroy(late);
	free_root(adopted_root);
	free_root(forgotten_root);
	vfree(p);
	while (n)
		iounmap(pieces[--n]);
}

/* What a page costs: the least of many times, without the timer's interrupts. With QEMU's -icount, in instructions. */
static void measure(void)
{
	uint64_t least = ~0ull;

	for (unsigned int i = 0; i < 1000; i++) {
		uint64_t start = rdtsc(), end;

		vfree(vmalloc(PAGE));
		end = rdtsc();
		least = end - start < least ? end - start : least;
	}
	print("# vmalloc and vfree of a page: %u\n", (unsigned int)least);
}

void tests(void)
{
	if (option("measure"))
		measure();
	first_steps();
	address_spaces();
	stress();
	print("1..%u\n", tests_run);
	power_off(tests_failed ? 1 : 0);
}
