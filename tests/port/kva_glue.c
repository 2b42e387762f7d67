/* SPDX-License-Identifier: MIT */
/* What kva's own tests ask of a kernel (kva_test.h), answered by this one. */
#include "kernel.h"
#include "kva_test.h"

/* kva's threads get a pointer, ours a word. */
struct call {
	void (*fn)(void *arg);
	void *arg;
};

static void run_call(unsigned long arg)
{
	struct call call = *(struct call *)arg;

	object_free((void *)arg, sizeof(call));
	call.fn(call.arg);
}

void *host_test_thread(unsigned int cpu, void (*fn)(void *arg), void *arg)
{
	struct call *call = object_alloc(sizeof(*call));

	*call = (struct call){ fn, arg };
	return thread_start_on(cpu, run_call, (unsigned long)call);
}

void host_test_join(void *thread)
{
	thread_join(thread);
}

unsigned long host_test_ms(void)
{
	return ticks / 5; /* of 200 us */
}

void host_test_sleep(unsigned int ms)
{
	unsigned long end = host_test_ms() + ms;

	while (host_test_ms() < end)
		yield();
}

int host_test_probe(const void *addr, int what)
{
	return probe(addr, what);
}

unsigned long host_test_faults(void)
{
	return 0; /* any other fault is a panic here */
}

void host_test_load(kva_phys_t root)
{
	static unsigned long usual;

	if (!usual)
		usual = this_thread()->root;
	use_root(root ? (unsigned long)root : usual);
}

/* Many of the tests look at what one CPU keeps: they run on one. */
static void all(unsigned long arg __attribute__((unused)))
{
	const char *quick = "vmalloc.*,vm_*,ioremap.*,set_memory.*,xarray.*,museum.*,tlb.*";
	unsigned int failed = kva_test(option("quick") ? quick : NULL);

	power_off(failed ? 1 : 0);
}

/* In the place of test.c's. */
void tests(void)
{
	thread_join(thread_start_on(0, all, 0));
}
