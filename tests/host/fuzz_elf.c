/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer for kernel/proc/elf.c. What is accepted can be loaded: its segments are sorted, share no page, lie between
 * page 0 and the limit and inside the file, none is written and executed, and the program begins in one that is
 * executed.
 */
#include <kernel/proc/internal.h>
#include <lib/errno.h>

#include "tests/host/fuzz_seed.h"

#define LIMIT	  0x10000000ul
#define FILE_SIZE 0x3000

static u8 good[FILE_SIZE];

static void put(size_t at, u64 value, size_t size)
{
	memcpy(good + at, &value, size);
}

static void put_segment(unsigned int n, u32 flags, u64 offset, u64 addr, u64 file_size, u64 size)
{
	size_t at = 64 + n * 56;

	put(at, 1, 4);
	put(at + 4, flags, 4);
	put(at + 8, offset, 8);
	put(at + 16, addr, 8);
	put(at + 32, file_size, 8);
	put(at + 40, size, 8);
}

/* 64 bits: code, constants, data; offsets of fields as in the System V ABI. */
static void make_good(void)
{
	memset(good, 0, sizeof(good));
	memcpy(good, "\177ELF\2\1\1", 7);
	put(16, 2, 2);	      /* executable */
	put(18, 62, 2);	      /* x86-64 */
	put(24, 0x400010, 8); /* entry */
	put(32, 64, 8);	      /* program headers */
	put(54, 56, 2);
	put(56, 3, 2);
	put_segment(0, 5, 0x1000, 0x400000, 0x800, 0x800);
	put_segment(1, 4, 0x1800, 0x401000, 0x400, 0x400);
	put_segment(2, 6, 0x2000, 0x402000, 0x10, 0x5000);
}

/* As exec.c reads it. */
static void check_segment(const struct elf_segment *s, const u8 *file, size_t size)
{
	unsigned int sum = 0;

	MUST(s->size && s->file_size <= s->size);
	MUST(s->addr >= PAGE_SIZE && s->addr < LIMIT && s->size <= LIMIT - s->addr);
	MUST(s->offset <= size && s->file_size <= size - s->offset);
	MUST((s->rights & VM_READ) && (s->rights & (VM_WRITE | VM_EXEC)) != (VM_WRITE | VM_EXEC));
	for (unsigned long i = 0; i < s->file_size; i++)
		sum += file[s->offset + i];
	__asm__ volatile("" : : "r"(sum));
}

static void check(const struct elf_image *image, const u8 *file, size_t size)
{
	vaddr_t free_from = PAGE_SIZE;
	unsigned int entries = 0;

	MUST(image->nr && image->nr <= ELF_MAX_SEGMENTS);
	for (unsigned int i = 0; i < image->nr; i++) {
		const struct elf_segment *s = &image->segment[i];

		check_segment(s, file, size);
		MUST(PAGE_ALIGN_DOWN(s->addr) >= free_from);
		free_from = PAGE_ALIGN(s->addr + s->size);
		entries += (s->rights & VM_EXEC) && image->entry >= s->addr && image->entry - s->addr < s->size;
	}
	MUST(entries == 1);
}

static void parse(const u8 *file, size_t size)
{
	u8 *exact = exact_copy(file, size);
	struct elf_image image;
	int err = elf_parse(exact, size, LIMIT, &image);

	MUST(err == 0 || err == -ENOEXEC);
	if (!err)
		check(&image, exact, size);
	free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bytes = data;
	nr_bytes = size;
	if (next_byte() & 1) {
		parse(bytes, nr_bytes);
		return 0;
	}
	make_good();
	size = FILE_SIZE - next_byte() * 16 % FILE_SIZE;
	change(good, 64 + 3 * 56 + 64);
	parse(good, size);
	return 0;
}
