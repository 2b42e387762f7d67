/* SPDX-License-Identifier: MIT */
/*
 * Programs by name, and address spaces for them. Programs are part of the kernel's image: boot/kernel.mk puts them
 * there.
 */
#include "internal.h"

#include <kernel/task.h>
#include <lib/errno.h>
#include <lib/string.h>

extern const struct program __programs_start[], __programs_end[];

const char *program_name(unsigned int n)
{
	return n < (unsigned int)(__programs_end - __programs_start) ? __programs_start[n].name : NULL;
}

static const struct program *find_program(const char *name)
{
	for (const struct program *p = __programs_start; p < __programs_end; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

/* A segment need not begin or end at a page border. */
static int map_segment(struct mm_struct *mm, const struct elf_segment *s, const u8 *file)
{
	vaddr_t start = PAGE_ALIGN_DOWN(s->addr), end = PAGE_ALIGN(s->addr + s->size);
	int err = mm_map(mm, start, end - start, s->rights);

	if (!err && s->file_size)
		err = mm_write(mm, s->addr, file + s->offset, s->file_size);
	return err;
}

static int fill(struct mm_struct *mm, const struct elf_image *image, const u8 *file, vaddr_t *sp)
{
	const struct elf_segment *last = &image->segment[image->nr - 1];

	for (unsigned int i = 0; i < image->nr; i++) {
		int err = map_segment(mm, &image->segment[i], file);

		if (err)
			return err;
	}
	mm_set_brk(mm, PAGE_ALIGN(last->addr + last->size));
	return mm_map_stack(mm, sp);
}

struct mm_struct *program_load(const char *name, vaddr_t *ip, vaddr_t *sp)
{
	const struct program *program = find_program(name);
	struct elf_image image;
	struct mm_struct *mm;
	int err;

	if (!program)
		return ERR_PTR(-ENOENT);
	mm = mm_create();
	if (!mm)
		return ERR_PTR(-ENOMEM);
	err = elf_parse(program->start, program->end - program->start, PAGE_ALIGN_DOWN(mm->mmap_base), &image);
	if (!err)
		err = fill(mm, &image, program->start, sp);
	if (err) {
		mm_destroy(mm);
		return ERR_PTR(err);
	}
	*ip = image.entry;
	return mm;
}

/* The old address space is given up only when the new one is complete. */
int process_exec(const char *name, struct trap_frame *frame)
{
	struct process *process = current_process();
	struct mm_struct *mm;
	vaddr_t ip, sp;

	mm = program_load(name, &ip, &sp);
	if (IS_ERR(mm))
		return (int)PTR_ERR(mm);
	kthread_unuse_mm(process->mm);
	mmput(process_set_mm(process, mm)); /* kernel threads may still use the old one */
	kthread_use_mm(mm);
	strscpy(process->name, name, sizeof(process->name));
	strscpy(process->task->name, name, sizeof(process->task->name));
	user_frame_init(frame, ip, sp);
	return 0;
}
