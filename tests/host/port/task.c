/* SPDX-License-Identifier: MIT */
/* Threads as the code under test sees them: each CPU runs one, and nobody ever has to wait for another. */
#include <kernel/task.h>

DEFINE_PER_CPU(struct task *, current_task);

void host_tasks_init(u64 cpu_mask)
{
	static struct task boot_task[MAX_CPUS];

	for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++) {
		if (!(cpu_mask >> cpu & 1))
			continue;
		boot_task[cpu] = (struct task){ .id = cpu, .cpu = cpu, .state = TASK_RUNNABLE, .name = "host" };
		per_cpu(current_task, cpu) = &boot_task[cpu];
	}
}

void schedule(void) { cpu_relax(); }

void task_set_pgtable(struct task *task, struct pgtable *pgtable, struct mm_struct *mm)
{
	task->pgtable = pgtable;
	task->mm = mm;
}
