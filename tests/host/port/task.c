/* SPDX-License-Identifier: MIT */
/* Threads as the code under test sees them: each CPU runs one, and nobody ever has to wait for another. */
#include <arch/irq.h>
#include <kernel/task.h>
#include <kernel/wait.h>

void host_tasks_init(u64 cpu_mask)
{
	static struct task boot_task[MAX_CPUS];

	for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++) {
		if (!(cpu_mask >> cpu & 1))
			continue;
		boot_task[cpu] = (struct task){ .id = cpu, .cpu = cpu, .state = TASK_RUNNING, .name = "host" };
		per_cpu(current_task, cpu) = &boot_task[cpu];
	}
}

/* Of each thread, whichever CPU it plays. */
struct lazy_mmu *arch_lazy_mmu(void)
{
	static __thread struct lazy_mmu lazy;

	return &lazy;
}

void schedule(void) { cpu_relax(); }

/* Who waits looks again and again, so nobody needs to be woken, and no timer to end a wait. */
void set_current_state(enum task_state state) { current->state = state; }
int wake_up_process(struct task *task __maybe_unused) { return 0; }
signed long schedule_timeout(signed long timeout)
{
	arch_udelay(1000);
	return timeout - 1;
}
signed long schedule_timeout_uninterruptible(signed long timeout) { return schedule_timeout(timeout); }

void task_set_pgtable(struct task *task, struct pgtable *pgtable, struct mm_struct *mm)
{
	task->pgtable = pgtable;
	task->mm = mm;
}
