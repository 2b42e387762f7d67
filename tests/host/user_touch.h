/* SPDX-License-Identifier: MIT */
/* A program's access to its memory, for the tests of processes. */
#pragma once

#include "tests/host/vm_machine.h"

#include <arch/fault.h>
#include <kernel/task.h>
#include <mm/mm.h>

/* What a program's access does: translate; if that is not allowed, fault and try again. NULL: it would be killed. */
static inline char *touch(struct mm_struct *mm, vaddr_t addr, bool write)
{
	struct task task = { .mm = mm };

	for (unsigned int i = 0; i < 3; i++) {
		struct pgtable_leaf leaf = pgtable_query(&mm->pgtable, addr);
		unsigned int access = (write ? FAULT_WRITE : 0) | (leaf.present ? FAULT_PRESENT : 0);
		int result;

		if (leaf.present && (!write || pte_writable(leaf.pte)))
			return phys_to_virt(leaf.phys);
		result = mm_handle_fault(&task, addr, access, pgtable_flushed(&mm->pgtable));
		assert_int_not_equal(result, FAULT_SPURIOUS);
		if (result)
			return NULL;
	}
	fail_msg("a fault is served again and again");
	return NULL;
}
