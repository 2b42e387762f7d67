/* SPDX-License-Identifier: MIT */
/* What our own kernel's tests need of a kernel beyond kva, made of the host's functions for tests. */
#include "mm/kva/floor/floor.h"
#include "mm/kva/floor/test/kva_test.h"
#include "mm/kva/floor/test/threads.h"

#include <arch/context.h>
#include <mm/mm.h>

/* --- threads ------------------------------------------------------------------------------------------------------ */

struct task *thread_run_on(unsigned int cpu, void (*fn)(void *), void *arg, const char *name __maybe_unused)
{
	return host_test_thread(cpu, fn, arg);
}

struct task *thread_run(void (*fn)(void *), void *arg, const char *name __maybe_unused)
{
	return host_test_thread(smp_processor_id(), fn, arg);
}

void thread_join(struct task *task) { host_test_join(task); }
void schedule(void) { host_yield(); }
void msleep(unsigned int ms) { host_test_sleep(ms); }
u64 arch_uptime_ms(void) { return host_test_ms(); }

void arch_udelay(unsigned int us)
{
	for (unsigned int i = 0; i < us * 64; i++)
		cpu_relax();
}

void sleep_until(bool (*ready)(const void *arg), const void *arg)
{
	while (!ready(arg))
		host_yield();
}

/* --- address spaces ----------------------------------------------------------------------------------------------- */

struct mm_struct *mm_create(void)
{
	struct mm_struct *mm = kmalloc(sizeof(*mm), GFP_KERNEL);

	if (mm && !pgtable_init_process(&mm->pgtable))
		return mm;
	kfree(mm);
	return NULL;
}

void mm_destroy(struct mm_struct *mm)
{
	pgtable_exit_process(&mm->pgtable);
	kfree(mm);
}

void kthread_use_mm(struct mm_struct *mm) { host_test_load(mm->pgtable.root_phys); }
void kthread_unuse_mm(struct mm_struct *mm __maybe_unused) { host_test_load(0); }

/* --- probing ------------------------------------------------------------------------------------------------------ */

enum probe_result probe_read(const void *addr, u8 *value)
{
	enum probe_result result = (enum probe_result)host_test_probe(addr, 0);

	if (result == PROBE_OK && value)
		*value = READ_ONCE(*(const u8 *)addr);
	return result;
}

enum probe_result probe_write(void *addr) { return (enum probe_result)host_test_probe(addr, 1); }
enum probe_result probe_exec(void *addr) { return (enum probe_result)host_test_probe(addr, 2); }
