/* SPDX-License-Identifier: MIT */
/* boot/multiboot2.c with tag streams made by hand: every kind of memory map that a firmware has been seen to give. */
#include "tests/host/port/host.h"

#include <kernel/boot_info.h>
#include <lib/errno.h>
#include <lib/string.h>

#include <stdlib.h>

#define MiB (1ull << 20)
#define TOP (1ull << 52)

/* A stream under construction. It is parsed from a heap block of exactly its size, so reading too far is seen. */
static struct {
	u8 data[80 * 1024];
	u32 len, tag;
} stream;

static struct boot_info info;
static const char *why;

static void put(const void *data, size_t n)
{
	assert_true(stream.len + n <= sizeof(stream.data));
	memcpy(stream.data + stream.len, data, n);
	stream.len += (u32)n;
}

static void put32(u32 v) { put(&v, 4); }
static void put64(u64 v) { put(&v, 8); }
static void patch32(u32 at, u32 v) { memcpy(stream.data + at, &v, 4); }

static void begin(void)
{
	memset(&stream, 0, sizeof(stream));
	put64(0);
}

static void tag_begin(u32 type)
{
	stream.len = ALIGN(stream.len, 8);
	stream.tag = stream.len;
	put32(type);
	put32(0);
}

static void tag_end(void) { patch32(stream.tag + 4, stream.len - stream.tag); }

static void tag(u32 type, const void *data, size_t n)
{
	tag_begin(type);
	put(data, n);
	tag_end();
}

static int parse(void)
{
	u8 *copy = malloc(stream.len);
	int err;

	memcpy(copy, stream.data, stream.len);
	memset(&info, 0xa5, sizeof(info));
	why = NULL;
	err = multiboot2_parse(copy, stream.len, &info, &why);
	free(copy);
	if (err) {
		assert_int_equal(err, -EINVAL);
		assert_non_null(why);
		assert_true(strlen(why) > 10);
	}
	return err;
}

static int finish(void)
{
	tag(0, NULL, 0);
	patch32(0, stream.len);
	return parse();
}

struct entry {
	u64 start, len;
	u32 type;
};

static void bios_map(const struct entry *entries, unsigned int n)
{
	tag_begin(6);
	put32(24);
	put32(0);
	for (unsigned int i = 0; i < n; i++) {
		put64(entries[i].start);
		put64(entries[i].len);
		put32(entries[i].type);
		put32(0);
	}
	tag_end();
}

static void efi_map(const struct entry *entries, unsigned int n, u32 entry_size)
{
	tag_begin(17);
	put32(entry_size);
	put32(1);
	for (unsigned int i = 0; i < n; i++) {
		put32(entries[i].type);
		put32(0);
		put64(entries[i].start);
		put64(0);
		put64(entries[i].len); /* pages */
		put64(0xf);
		for (u32 extra = 40; extra < entry_size; extra += 4)
			put32(~0u);
	}
	tag_end();
}

static const struct entry some_ram = { MiB, 63 * MiB, 1 };

static int finish_with_ram(void)
{
	bios_map(&some_ram, 1);
	return finish();
}

#define MAP(...) ((const struct entry[]){ __VA_ARGS__ }), ARRAY_SIZE(((const struct entry[]){ __VA_ARGS__ }))

static void assert_regions(const struct boot_region *expected, unsigned int n)
{
	assert_int_equal(info.nr_regions, n);
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(info.region[i].start, expected[i].start);
		assert_int_equal(info.region[i].end, expected[i].end);
		assert_int_equal(info.region[i].kind, expected[i].kind);
	}
}
#define EXPECT_REGIONS(...) do { \
	static const struct boot_region _expected[] = { __VA_ARGS__ }; \
	assert_regions(_expected, ARRAY_SIZE(_expected)); \
} while (0)

/* --- maps ------------------------------------------------------------------------------------------------------- */

static void usual_pc(void **state)
{
	(void)state;
	begin();
	bios_map(MAP({ 0, 0x9fc00, 1 }, { 0x9fc00, 0x400, 2 }, { 0xf0000, 0x10000, 2 }, { MiB, 0x7ee0000 - MiB, 1 },
		     { 0x7fe0000, 0x20000, 3 }, { 0xfffc0000, 0x40000, 2 }));
	assert_int_equal(finish(), 0);
	EXPECT_REGIONS({ 0, 0x9f000, BOOT_MEM_RAM }, { 0x9f000, 0xa0000, BOOT_MEM_RESERVED },
		       { 0xf0000, 0x100000, BOOT_MEM_RESERVED }, { MiB, 0x7ee0000, BOOT_MEM_RAM },
		       { 0x7fe0000, 0x8000000, BOOT_MEM_ACPI }, { 0xfffc0000, 0x100000000, BOOT_MEM_RESERVED });
	assert_int_equal(info.dropped_entries, 0);
}

static void unsorted_neighbours_are_merged(void **state)
{
	(void)state;
	begin();
	bios_map(MAP({ 8 * MiB, MiB, 1 }, { 2 * MiB, 2 * MiB, 1 }, { MiB, MiB, 1 }, { 4 * MiB, MiB, 2 }));
	assert_int_equal(finish(), 0);
	EXPECT_REGIONS({ MiB, 4 * MiB, BOOT_MEM_RAM }, { 4 * MiB, 5 * MiB, BOOT_MEM_RESERVED },
		       { 8 * MiB, 9 * MiB, BOOT_MEM_RAM });
}

static void overlap_goes_to_the_more_careful_kind(void **state)
{
	(void)state;
	begin();
	bios_map(MAP({ MiB, 15 * MiB, 1 }, { 4 * MiB, 2 * MiB, 2 }, { 5 * MiB, 3 * MiB, 3 }, { 12 * MiB, 8 * MiB, 5 }));
	assert_int_equal(finish(), 0);
	EXPECT_REGIONS({ MiB, 4 * MiB, BOOT_MEM_RAM }, { 4 * MiB, 6 * MiB, BOOT_MEM_RESERVED },
		       { 6 * MiB, 8 * MiB, BOOT_MEM_ACPI }, { 8 * MiB, 12 * MiB, BOOT_MEM_RAM },
		       { 12 * MiB, 20 * MiB, BOOT_MEM_RESERVED });
}

/* Two entries may share a page if both are RAM. */
static void ram_is_cut_to_whole_pages_and_the_rest_grows(void **state)
{
	(void)state;
	begin();
	bios_map(MAP({ 0x1001, 0x2fff, 1 }, { 0x8000, 0x1801, 1 }, { 0xa801, 0x10, 2 }, { 0xc800, 0x800, 1 },
		     { 0xd000, 0x800, 1 }, { 0x11000, 0x1800, 1 }, { 0x12800, 0x800, 1 }));
	assert_int_equal(finish(), 0);
	EXPECT_REGIONS({ 0x2000, 0x4000, BOOT_MEM_RAM }, { 0x8000, 0x9000, BOOT_MEM_RAM },
		       { 0xa000, 0xb000, BOOT_MEM_RESERVED }, { 0x11000, 0x13000, BOOT_MEM_RAM });
}

static void senseless_entries_are_dropped_and_counted(void **state)
{
	(void)state;
	begin();
	bios_map(MAP({ MiB, MiB, 1 }, { 4 * MiB, 0, 1 }, { ~0ull - 0xfff, 0x2000, 1 }, { 8 * MiB, ~0ull, 2 },
		     { TOP, MiB, 1 }));
	assert_int_equal(finish(), 0);
	EXPECT_REGIONS({ MiB, 2 * MiB, BOOT_MEM_RAM });
	assert_int_equal(info.dropped_entries, 4);
}

static void nothing_lies_above_52_bits(void **state)
{
	(void)state;
	begin();
	bios_map(MAP({ TOP - 16 * MiB, 32 * MiB, 1 }, { TOP - MiB, 2 * MiB, 2 }));
	assert_int_equal(finish(), 0);
	EXPECT_REGIONS({ TOP - 16 * MiB, TOP - MiB, BOOT_MEM_RAM }, { TOP - MiB, TOP, BOOT_MEM_RESERVED });
}

/* 2,600 entries that overlap in a tangle and leave one region are fine; so are as many that leave as many. */
static void absurdly_many_entries(void **state)
{
	static struct entry many[2600];

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct entry){ MiB + (u64)(i * 7919 % ARRAY_SIZE(many)) * 4096, 8192, 1 };
	begin();
	bios_map(many, ARRAY_SIZE(many));
	assert_int_equal(finish(), 0);
	EXPECT_REGIONS({ MiB, MiB + (ARRAY_SIZE(many) + 1) * 4096, BOOT_MEM_RAM });
	for (unsigned int i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct entry){ (u64)i * 8192, 4096, 1 };
	begin();
	bios_map(many, ARRAY_SIZE(many));
	assert_int_equal(finish(), 0);
}

static void longest_map_that_fits(void **state)
{
	static struct entry many[BOOT_MAX_REGIONS + 1];

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct entry){ (u64)i * 8192, 4096, 1 };
	begin();
	bios_map(many, BOOT_MAX_REGIONS);
	assert_int_equal(finish(), 0);
	assert_int_equal(info.nr_regions, BOOT_MAX_REGIONS);
	begin();
	bios_map(many, BOOT_MAX_REGIONS + 1); /* what is left out then: unit_memory_map */
	assert_int_equal(finish(), 0);
	assert_int_equal(info.nr_regions, BOOT_MAX_REGIONS);
}

static void entries_may_be_longer_than_known(void **state)
{
	(void)state;
	begin();
	tag_begin(6);
	put32(32);
	put32(0);
	for (u64 i = 1; i <= 2; i++) {
		put64(i * 2 * MiB);
		put64(MiB);
		put64(1);
		put64(~0ull);
	}
	put64(~0ull); /* a rest that is no entry */
	tag_end();
	assert_int_equal(finish(), 0);
	EXPECT_REGIONS({ 2 * MiB, 3 * MiB, BOOT_MEM_RAM }, { 4 * MiB, 5 * MiB, BOOT_MEM_RAM });
}

static void entries_that_are_too_short(void **state)
{
	static const u32 sizes[] = { 0, 1, 23 };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		begin();
		bios_map(&some_ram, 1);
		patch32(stream.tag + 8, sizes[i]);
		assert_int_equal(finish(), -EINVAL);
		begin();
		efi_map(&some_ram, 1, 40);
		patch32(stream.tag + 8, sizes[i]);
		assert_int_equal(finish(), -EINVAL);
	}
}

static void efi_map_alone(void **state)
{
	(void)state;
	begin();
	efi_map(MAP({ 0, 0x80, 3 }, { 0x80000, 0x20, 6 }, { MiB, 0x700, 7 }, { 8 * MiB, 8, 2 }, { 9 * MiB, 0x10, 9 },
		    { 10 * MiB, 1, 10 }, { 11 * MiB, 1, 0 }, { 12 * MiB, 1ull << 40, 7 }, { 13 * MiB, 0, 7 }), 48);
	assert_int_equal(finish(), 0);
	EXPECT_REGIONS({ 0, 0x80000, BOOT_MEM_RAM }, { 0x80000, 0xa0000, BOOT_MEM_RESERVED },
		       { MiB, 8 * MiB + 0x8000, BOOT_MEM_RAM }, { 9 * MiB, 9 * MiB + 0x10000, BOOT_MEM_ACPI },
		       { 10 * MiB, 10 * MiB + 4096, BOOT_MEM_RESERVED },
		       { 11 * MiB, 11 * MiB + 4096, BOOT_MEM_RESERVED });
	assert_true(info.efi);
	assert_int_equal(info.dropped_entries, 2);
}

static void without_a_map_or_without_ram(void **state)
{
	(void)state;
	begin();
	assert_int_equal(finish(), -EINVAL);
	begin();
	bios_map(NULL, 0);
	assert_int_equal(finish(), -EINVAL);
	begin();
	bios_map(MAP({ MiB, MiB, 2 }, { 4 * MiB, 0x800, 1 }));
	assert_int_equal(finish(), -EINVAL);
}

/* --- other tags ------------------------------------------------------------------------------------------------- */

static void texts(void **state)
{
	char longest[BOOT_TEXT_LEN];

	(void)state;
	begin();
	tag(1, "vmalloc=64M test=all", 21);
	tag(2, "GRUB 2.06", 10);
	assert_int_equal(finish_with_ram(), 0);
	assert_string_equal(info.cmdline, "vmalloc=64M test=all");
	assert_string_equal(info.loader, "GRUB 2.06");
	memset(longest, 'x', sizeof(longest));
	longest[BOOT_TEXT_LEN - 1] = '\0';
	begin();
	tag(1, longest, sizeof(longest));
	tag(2, longest, sizeof(longest));
	assert_int_equal(finish_with_ram(), 0);
	assert_int_equal(strlen(info.cmdline), BOOT_TEXT_LEN - 1);
	assert_int_equal(strlen(info.loader), sizeof(info.loader) - 1);
	begin();
	tag(1, "no end", 6);
	assert_int_equal(finish_with_ram(), -EINVAL);
}

static void module_tag(u32 start, u32 end, const char *name)
{
	tag_begin(3);
	put32(start);
	put32(end);
	put(name, strlen(name) + 1);
	tag_end();
}

static void modules(void **state)
{
	(void)state;
	begin();
	for (u32 i = 0; i < BOOT_MAX_MODULES; i++)
		module_tag(0x1000 * i, 0x1000 * i + 5, "font.psf");
	assert_int_equal(finish_with_ram(), 0);
	assert_int_equal(info.nr_modules, BOOT_MAX_MODULES);
	assert_int_equal(info.module[3].start, 0x3000);
	assert_int_equal(info.module[3].end, 0x3005);
	assert_string_equal(info.module[7].name, "font.psf");
	begin();
	for (u32 i = 0; i <= BOOT_MAX_MODULES; i++)
		module_tag(0x1000, 0x2000, "x");
	assert_int_equal(finish_with_ram(), -EINVAL);
	begin();
	module_tag(0x2000, 0x1000, "x");
	assert_int_equal(finish_with_ram(), -EINVAL);
}

static void acpi_pointers(void **state)
{
	u8 old[20], new[36];

	(void)state;
	memset(old, 1, sizeof(old));
	memset(new, 2, sizeof(new));
	for (int new_first = 0; new_first < 2; new_first++) {
		begin();
		tag(new_first ? 15 : 14, new_first ? new : old, new_first ? 36 : 20);
		tag(new_first ? 14 : 15, new_first ? old : new, new_first ? 20 : 36);
		assert_int_equal(finish_with_ram(), 0);
		assert_int_equal(info.rsdp_len, 36);
		assert_memory_equal(info.rsdp, new, 36);
	}
	begin();
	assert_int_equal(finish_with_ram(), 0);
	assert_int_equal(info.rsdp_len, 0);
	begin();
	tag(14, old, 19);
	assert_int_equal(finish_with_ram(), -EINVAL);
}

static void framebuffer_tag(u64 phys, u32 pitch, u32 width, u32 height, u8 bpp, u8 type)
{
	static const u8 colours[6] = { 16, 8, 8, 8, 0, 8 };

	tag_begin(8);
	put64(phys);
	put32(pitch);
	put32(width);
	put32(height);
	put(&bpp, 1);
	put(&type, 1);
	put("\0", 2);
	put(colours, sizeof(colours));
	tag_end();
}

static enum boot_fb_kind fb_of(u64 phys, u32 pitch, u32 width, u32 height, u8 bpp, u8 type)
{
	begin();
	framebuffer_tag(phys, pitch, width, height, bpp, type);
	assert_int_equal(finish_with_ram(), 0);
	return info.fb.kind;
}

static void screens(void **state)
{
	(void)state;
	assert_int_equal(fb_of(0xfd000000, 5120, 1280, 800, 32, 1), BOOT_FB_RGB);
	assert_int_equal(info.fb.phys, 0xfd000000);
	assert_int_equal(info.fb.width, 1280);
	assert_int_equal(info.fb.red_pos, 16);
	assert_int_equal(fb_of(0xb8000, 160, 80, 25, 16, 2), BOOT_FB_TEXT);
	assert_int_equal(fb_of(0xfd000000, 5119, 1280, 800, 32, 1), BOOT_FB_NONE); /* lines overlap */
	assert_int_equal(fb_of(0xfd000000, 5120, 0, 800, 32, 1), BOOT_FB_NONE);
	assert_int_equal(fb_of(0xfd000000, ~0u, ~0u, ~0u, 32, 1), BOOT_FB_NONE);
	assert_int_equal(fb_of(0xfd000000, 1280, 1280, 800, 8, 0), BOOT_FB_INDEXED);
	assert_int_equal(fb_of(0, 5120, 1280, 800, 32, 1), BOOT_FB_NONE);
	assert_int_equal(fb_of(0xfd000000, 3840, 1280, 800, 16, 1), BOOT_FB_NONE); /* red lies above bit 16 */
}

/* --- broken streams --------------------------------------------------------------------------------------------- */

static void build_everything(void)
{
	begin();
	tag(1, "x", 2);
	module_tag(0x1000, 0x2000, "m");
	framebuffer_tag(0xfd000000, 5120, 1280, 800, 32, 1);
	tag(4, "\0\0\0\0\0\0\0\0", 8); /* nobody reads it */
	efi_map(&some_ram, 1, 48);
	bios_map(&some_ram, 1);
	tag(0, NULL, 0);
	patch32(0, stream.len);
}

/* A stream that ends too early is refused wherever it ends, whether its own header admits it or not. */
static void cut_anywhere(void **state)
{
	u32 whole;

	(void)state;
	build_everything();
	assert_int_equal(parse(), 0);
	whole = stream.len;
	for (u32 len = 0; len < whole; len++) {
		build_everything();
		stream.len = len;
		assert_int_equal(parse(), -EINVAL);
		if (len >= 4)
			patch32(0, len);
		assert_int_equal(parse(), -EINVAL);
	}
}

/* The size of the first tag, and that of the whole. */
static void sizes_that_lie(void **state)
{
	static const u32 tag_sizes[] = { 0, 1, 7, 0x10000, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff };
	static const u32 totals[] = { 0, 7, 0x10001, 0x7fffffff, 0xffffffff };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(tag_sizes) + ARRAY_SIZE(totals); i++) {
		bool of_tag = i < ARRAY_SIZE(tag_sizes);

		build_everything();
		patch32(of_tag ? 12 : 0, of_tag ? tag_sizes[i] : totals[i - ARRAY_SIZE(tag_sizes)]);
		assert_int_equal(parse(), -EINVAL);
	}
	build_everything();
	stream.len += 100; /* more memory than stream is fine */
	assert_int_equal(parse(), 0);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(usual_pc), TEST(unsorted_neighbours_are_merged),
		TEST(overlap_goes_to_the_more_careful_kind), TEST(ram_is_cut_to_whole_pages_and_the_rest_grows),
		TEST(senseless_entries_are_dropped_and_counted),
		TEST(nothing_lies_above_52_bits), TEST(absurdly_many_entries),
		TEST(longest_map_that_fits), TEST(entries_may_be_longer_than_known),
		TEST(entries_that_are_too_short), TEST(efi_map_alone),
		TEST(without_a_map_or_without_ram), TEST(texts),
		TEST(modules), TEST(acpi_pointers),
		TEST(screens), TEST(cut_anywhere),
		TEST(sizes_that_lie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
