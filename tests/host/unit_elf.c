/* SPDX-License-Identifier: MIT */
/* The ELF parser: one good file, every way to damage it, and any bytes at all. */
#include "tests/host/port/host.h"

#include <kernel/proc/internal.h>
#include <lib/errno.h>
#include <lib/string.h>

#define LIMIT 0x10000000ul

/* A file of 64 bits with a text and a data segment; offsets of fields as in the System V ABI. */
static u8 file[0x3000];

static void put(size_t at, u64 value, size_t bytes)
{
	memcpy(file + at, &value, bytes);
}

static size_t program_header(unsigned int n)
{
	return 64 + n * 56;
}

static void put_segment(unsigned int n, u32 flags, u64 offset, u64 addr, u64 file_size, u64 size)
{
	size_t at = program_header(n);

	put(at, 1, 4);
	put(at + 4, flags, 4);
	put(at + 8, offset, 8);
	put(at + 16, addr, 8);
	put(at + 32, file_size, 8);
	put(at + 40, size, 8);
}

static int setup(void **state)
{
	(void)state;
	memset(file, 0, sizeof(file));
	memcpy(file, "\177ELF\2\1\1", 7);
	put(16, 2, 2);	      /* e_type: executable */
	put(18, 62, 2);	      /* e_machine: x86-64 */
	put(24, 0x400010, 8); /* e_entry */
	put(32, 64, 8);	      /* e_phoff */
	put(54, 56, 2);	      /* e_phentsize */
	put(56, 3, 2);	      /* e_phnum */
	put_segment(0, 5, 0x1000, 0x400000, 0x800, 0x800);
	put_segment(1, 6, 0x2000, 0x401000, 0x10, 0x5000);
	put_segment(2, 4, 0, 0, 0, 0);
	put(program_header(2), 0x6474e551, 4); /* of a kind that nobody loads */
	return 0;
}

static int parse(struct elf_image *image)
{
	return elf_parse(file, sizeof(file), LIMIT, image);
}

static int parse_only(void)
{
	struct elf_image image;

	return parse(&image);
}

static void a_good_file(void **state)
{
	struct elf_image image;

	(void)state;
	assert_int_equal(parse(&image), 0);
	assert_int_equal(image.entry, 0x400010);
	assert_int_equal(image.nr, 2);
	assert_int_equal(image.segment[0].addr, 0x400000);
	assert_int_equal(image.segment[0].rights, VM_READ | VM_EXEC);
	assert_int_equal(image.segment[1].offset, 0x2000);
	assert_int_equal(image.segment[1].file_size, 0x10);
	assert_int_equal(image.segment[1].size, 0x5000);
	assert_int_equal(image.segment[1].rights, VM_READ | VM_WRITE);
}

/* One field each, put to a value that it must not have. */
static void bad_files(void **state)
{
	static const struct { const char *what; size_t at, bytes; u64 value;
	} bad[] = {
		{ "magic", 0, 1, 0x7e },
		{ "class", 4, 1, 1 },
		{ "byte order", 5, 1, 2 },
		{ "type", 16, 2, 3 },
		{ "machine", 18, 2, 3 },
		{ "entry below", 24, 8, 0x3fffff },
		{ "entry in data", 24, 8, 0x401000 },
		{ "entry behind", 24, 8, 0x400800 },
		{ "phoff", 32, 8, sizeof(file) + 1 },
		{ "phoff wraps", 32, 8, ~0ull },
		{ "phentsize", 54, 2, 32 },
		{ "phnum", 56, 2, 0xffff },
		{ "no segment", 56, 2, 0 },
		{ "flags", 64 + 4, 4, 7 },
		{ "offset", 64 + 8, 8, sizeof(file) },
		{ "offset wraps", 64 + 8, 8, ~0ull },
		{ "page 0", 64 + 16, 8, 0 },
		{ "kernel", 64 + 16, 8, ~0ull << 40 },
		{ "limit", 64 + 40, 8, LIMIT },
		{ "size wraps", 64 + 40, 8, ~0ull },
		{ "file size", 64 + 32, 8, 0x801 },
		{ "file size in file", 64 + 56 + 32, 8, 0x1001 },
		{ "order", 64 + 56 + 16, 8, 0x3f0000 },
		{ "same page", 64 + 56 + 16, 8, 0x400900 },
		{ "overlap", 64 + 40, 8, 0x1001 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		setup(state);
		put(bad[i].at, bad[i].value, bad[i].bytes);
		if (parse_only() != -ENOEXEC)
			fail_msg("accepted: %s", bad[i].what);
	}
	setup(state);
	for (size_t size = 0; size < program_header(2); size++)
		assert_int_equal(elf_parse(file, size, LIMIT, &(struct elf_image){ 0 }), -ENOEXEC);
}

static void too_many_segments(void **state)
{
	(void)state;
	put(56, ELF_MAX_SEGMENTS + 1, 2);
	for (unsigned int n = 0; n <= ELF_MAX_SEGMENTS; n++)
		put_segment(n, 5, 0, 0x400000 + n * PAGE_SIZE, 16, 16);
	assert_int_equal(parse_only(), -ENOEXEC);
	put(56, ELF_MAX_SEGMENTS, 2);
	put(24, 0x400000, 8);
	assert_int_equal(parse_only(), 0);
}

/* What is accepted is inside the file and below the limit, whatever the bytes. */
static void any_bytes(void **state)
{
	unsigned int accepted = 0;

	for (unsigned int round = 0; round < 200000; round++) {
		struct elf_image image;

		if (round % 64 == 0)
			setup(state);
		file[16 + host_random_below(program_header(2) - 16)] = (u8)host_random();
		if (parse(&image))
			continue;
		accepted++;
		for (unsigned int i = 0; i < image.nr; i++) {
			const struct elf_segment *s = &image.segment[i];

			assert_true(s->file_size <= sizeof(file) && s->offset <= sizeof(file) - s->file_size);
			assert_true(s->addr >= PAGE_SIZE && s->addr < LIMIT && s->size <= LIMIT - s->addr);
		}
	}
	assert_true(accepted > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_good_file, setup),
		cmocka_unit_test_setup(bad_files, setup),
		cmocka_unit_test_setup(too_many_segments, setup),
		cmocka_unit_test_setup(any_bytes, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
