/* SPDX-License-Identifier: MIT */
/* A process, for tests: an address space of the host, with an empty user half. */
#pragma once

#include "mm/kva/floor/floor.h"
#include "mm/kva/floor/test/threads.h"

struct mm_struct {
	struct pgtable pgtable;
};

struct mm_struct *mm_create(void);
void mm_destroy(struct mm_struct *mm);
void kthread_use_mm(struct mm_struct *mm);
void kthread_unuse_mm(struct mm_struct *mm);
