/* SPDX-License-Identifier: MIT */
/* What kva asks of a kernel (kva_host.h), answered by this one. */
#include "kernel.h"
#include "kva_host.h"

static void must_be_a_thread(void)
{
	if (!interrupts_on() || this_thread()->interrupts || !kva_may_preempt())
		panic("kva asks for pages or frees them where a thread may not sleep");
}

unsigned long long host_pages_alloc(unsigned int order)
{
	void *pages;

	must_be_a_thread();
	pages = pages_alloc(order);
	return pages ? phys_of(pages) : KVA_NO_PAGES;
}

void host_pages_free(unsigned long long phys, unsigned int order)
{
	must_be_a_thread();
	pages_free(direct(phys), order);
}

void *host_object_alloc(size_t size)
{
	return object_alloc(size);
}

void host_object_free(void *object, size_t size)
{
	object_free(object, size);
}

struct kva_thread *host_thread(void)
{
	return &this_thread()->kva;
}

bool host_in_interrupt(void)
{
	return this_thread()->interrupts;
}

void host_yield(void)
{
	yield();
}

void host_reschedule(void)
{
	yield();
}

void host_log(const char *text)
{
	print("# %s", text);
}

void host_panic(const char *text)
{
	panic(text);
}

unsigned int host_cpu(void)
{
	return this_thread()->cpu;
}

unsigned int host_nr_cpus(void)
{
	return processors;
}

void host_send_flush_ipi(unsigned int cpu)
{
	send_flush(cpu);
}
