/* SPDX-License-Identifier: MIT */
/*
 * All of mm/ at once under the thread sanitizer: each thread is a CPU that allocates, maps, reads through its mappings,
 * asks about other people's addresses, and frees; one makes and unmakes processes. At the end everything is back.
 */
#include "tests/host/vm_machine.h"

#include <arch/mmu_sync.h>
#include <lib/math.h>
#include <mm/mm.h>

#include <pthread.h>

#define WORKERS 3
#define ROUNDS	2000
#define HELD	8

/* An address of somebody else to ask about; what it names may be gone at any moment. */
static void *gossip;

/* Pages are found through the tables, marked, and must still be marked when they are given back. */
static void mark(const char *addr, unsigned long pages, u64 tag)
{
	for (unsigned long i = 0; i < pages; i++)
		*(u64 *)host_translate((vaddr_t)addr + i * PAGE_SIZE) = tag + i;
}

static void check(const char *addr, unsigned long pages, u64 tag)
{
	for (unsigned long i = 0; i < pages; i++)
		BUG_ON(*(u64 *)host_translate((vaddr_t)addr + i * PAGE_SIZE) != tag + i);
	BUG_ON(host_translate((vaddr_t)addr + pages * PAGE_SIZE)); /* the guard page */
}

static void read_line(void *ctx, const char *line)
{
	(void)ctx;
	BUG_ON(!strstr(line, "0x"));
}

static void ask_around(void)
{
	void *other = __atomic_load_n(&gossip, __ATOMIC_RELAXED);

	if (!other)
		return;
	BUG_ON(!is_vmalloc_addr(other));
	vmalloc_to_pfn(other);
	find_vm_area(other);
	if (host_random() % 64 == 0)
		vmallocinfo(read_line, NULL);
}

struct held {
	char *addr;
	unsigned long pages;
	u64 tag;
};

static void one_vmalloc(struct held *h)
{
	if (h->addr) {
		check(h->addr, h->pages, h->tag);
		vfree(h->addr);
		h->addr = NULL;
		return;
	}
	h->pages = 1 + host_random_below(host_random() & 7 ? 20 : 700);
	h->tag = host_random();
	h->addr = vmalloc(h->pages * PAGE_SIZE);
	BUG_ON(!h->addr);
	mark(h->addr, h->pages, h->tag);
	__atomic_store_n(&gossip, h->addr, __ATOMIC_RELAXED);
}

/* A mapping on its way from the thread that made it to whoever unmaps it. */
struct parcel {
	char *addr;
	unsigned int n;
	struct page *pages[9];
};
static struct parcel *mailbox[4];

static struct parcel *make_parcel(void)
{
	struct parcel *p = kmalloc(sizeof(*p), GFP_KERNEL);

	BUG_ON(!p);
	p->n = 1 + (unsigned int)host_random_below(ARRAY_SIZE(p->pages));
	BUG_ON(alloc_page_array(GFP_KERNEL, p->n, p->pages) != p->n);
	p->addr = vm_map_ram(p->pages, p->n, -1);
	BUG_ON(!p->addr);
	return p;
}

static void open_parcel(struct parcel *p)
{
	if (!p)
		return;
	for (unsigned int i = 0; i < p->n; i++)
		BUG_ON(host_translate((vaddr_t)p->addr + i * PAGE_SIZE) != page_address(p->pages[i]));
	vm_unmap_ram(p->addr, p->n);
	if (host_random() % 16 == 0)
		vm_unmap_aliases();
	free_page_array(p->pages, p->n);
	kfree(p);
}

static void one_vm_map_ram(void)
{
	unsigned int box = (unsigned int)host_random_below(ARRAY_SIZE(mailbox));

	open_parcel(__atomic_exchange_n(&mailbox[box], make_parcel(), __ATOMIC_ACQ_REL));
}

static void *worker(void *arg)
{
	unsigned int cpu = (unsigned int)(unsigned long)arg;
	struct held held[HELD] = { 0 };

	host_run_on(cpu);
	host_random_seed(cpu);
	for (int round = 0; round < ROUNDS; round++) {
		one_vmalloc(&held[host_random_below(HELD)]);
		one_vm_map_ram();
		ask_around();
	}
	for (int i = 0; i < HELD; i++)
		if (held[i].addr)
			one_vmalloc(&held[i]);
	return NULL;
}

static void *process_maker(void *unused)
{
	host_run_on(WORKERS + 1);
	for (int round = 0; round < ROUNDS; round++) {
		struct mm_struct *mm = mm_create();

		BUG_ON(!mm);
		mm_destroy(mm);
	}
	return unused;
}

static void everybody_at_once(void **state)
{
	struct vm_balance before = vm_balance();
	pthread_t thread[WORKERS + 1];

	(void)state;
	for (unsigned long cpu = 1; cpu <= WORKERS; cpu++)
		pthread_create(&thread[cpu - 1], NULL, worker, (void *)cpu);
	pthread_create(&thread[WORKERS], NULL, process_maker, NULL);
	for (int i = 0; i <= WORKERS; i++)
		pthread_join(thread[i], NULL);
	for (unsigned int i = 0; i < ARRAY_SIZE(mailbox); i++)
		open_parcel(__atomic_exchange_n(&mailbox[i], NULL, __ATOMIC_ACQ_REL));
	assert_int_equal(pgd_parity_check().differs + pgd_parity_check().missing, 0);
	assert_balance(before);
}

/* --- pages of one block, each for another CPU ------------------------------------------------------------------- */

#define SINGLES 8

static struct page *first;
static pthread_barrier_t step;

/* Each keeps every WORKERS-th page, while the others do likewise and nothing is split yet. */
static void *keeper(void *cpu)
{
	host_run_on((unsigned int)(unsigned long)cpu);
	for (int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&step); /* handed out */
		for (unsigned long i = (unsigned long)cpu - 1; i < SINGLES; i += WORKERS)
			get_page(first + i);
		pthread_barrier_wait(&step); /* all kept */
		pthread_barrier_wait(&step); /* the owner has freed his */
		for (unsigned long i = (unsigned long)cpu - 1; i < SINGLES; i += WORKERS) {
			BUG_ON(page_count(first + i) != 1);
			put_page(first + i);
		}
		pthread_barrier_wait(&step);
	}
	return NULL;
}

static void block_is_split_once(void **state)
{
	struct vm_balance before = vm_balance();
	pthread_t thread[WORKERS];

	(void)state;
	pthread_barrier_init(&step, NULL, WORKERS + 1);
	for (unsigned long cpu = 1; cpu <= WORKERS; cpu++)
		pthread_create(&thread[cpu - 1], NULL, keeper, (void *)cpu);
	for (int round = 0; round < ROUNDS; round++) {
		first = alloc_pages_split(GFP_KERNEL, ilog2(SINGLES));
		BUG_ON(!first);
		pthread_barrier_wait(&step);
		pthread_barrier_wait(&step);
		BUG_ON(free_pages_split(first, ilog2(SINGLES)));
		for (unsigned long i = 0; i < SINGLES; i++)
			__free_page(first + i);
		pthread_barrier_wait(&step);
		pthread_barrier_wait(&step);
	}
	for (int i = 0; i < WORKERS; i++)
		pthread_join(thread[i], NULL);
	assert_balance(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(everybody_at_once),
					    cmocka_unit_test(block_is_split_once) };

	vm_machine(512 * MIB, (1 << (WORKERS + 2)) - 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
