/* SPDX-License-Identifier: MIT */
/* Memory runs out, on several CPUs at once: everybody is told NULL, and all of it comes back. */
#include "worker.h"

#include <arch/tlb.h>
#include <mm/page_alloc.h>
#include <mm/vmalloc.h>

static bool enough_of_it;

static void flush_and_allocate(void *arg)
{
	(void)arg;
	while (!READ_ONCE(enough_of_it)) {
		struct page *page = alloc_page(GFP_KERNEL);

		if (page)
			__free_page(page);
		flush_tlb_all();
	}
}

/* Draining runs in an interrupt, on top of whatever lock of a thread its CPU holds. */
KTEST(shortage, drain_against_flush)
{
	struct worker other;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	ASSERT(worker_start(&other, another_cpu(), false));
	enough_of_it = false;
	worker_post(&other, flush_and_allocate, NULL);
	for (unsigned int i = 0; i < 100; i++)
		drain_page_lists();
	WRITE_ONCE(enough_of_it, true);
	worker_stop(&other);
}

#define CHUNKS 200

struct hog {
	void *chunk[CHUNKS];
	unsigned int nr;
};

static void take_all(void *arg)
{
	struct hog *hog = arg;

	for (unsigned int round = 0; round < 2; round++) {
		for (hog->nr = 0; hog->nr < CHUNKS; hog->nr++) {
			hog->chunk[hog->nr] = vmalloc((hog->nr % 3 ? 1ul : 4ul) << 20);
			if (!hog->chunk[hog->nr])
				break;
			*(volatile u8 *)hog->chunk[hog->nr] = 1;
		}
		while (hog->nr)
			vfree(hog->chunk[--hog->nr]);
	}
}

KTEST(shortage, all_cpus_out_of_memory)
{
	static struct hog hog[CREW_MOST];
	static struct crew crew;

	if (nr_free_pages() << PAGE_SHIFT > CHUNKS << 20)
		KTEST_SKIP("too much memory to use it all up: boot with mem=128M");
	ASSERT(crew_start(&crew, 2));
	for (unsigned int i = 0; i < crew.nr; i++)
		worker_post(&crew.worker[i], take_all, &hog[i]);
	for (unsigned int i = 0; i < crew.nr; i++)
		worker_wait(&crew.worker[i]);
	crew_stop(&crew);
	EXPECT_EQ(vmalloc_check(), 0);
	EXPECT_EQ(page_alloc_check(), 0);
}
