/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer for boot/multiboot2.c. Whatever the bytes are, the parser stays inside them and either refuses with a
 * reason or gives a map that can be trusted: sorted, not overlapping, whole pages, with RAM in it.
 *
 * The first byte of an input chooses how it is used: as the stream itself, or as the entries of one well-formed memory
 * map, so that the fuzzer need not find out how tags are framed before it reaches the interesting part.
 */
#include <arch/layout.h>
#include <kernel/boot_info.h>
#include <lib/string.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define MUST(cond) do { if (!(cond)) { fprintf(stderr, "broken: %s\n", #cond); abort(); } } while (0)

static void check_regions(const struct boot_info *info)
{
	unsigned int ram = 0;
	u64 last = 0;

	MUST(info->nr_regions <= BOOT_MAX_REGIONS);
	for (unsigned int i = 0; i < info->nr_regions; i++) {
		const struct boot_region *r = &info->region[i];

		MUST(r->start >= last && r->start < r->end && r->end <= 1ull << 52);
		MUST(!((r->start | r->end) & (PAGE_SIZE - 1)));
		MUST(!i || r->start > last || r->kind != r[-1].kind);
		last = r->end;
		ram += r->kind == BOOT_MEM_RAM;
	}
	MUST(ram);
}

static void check_rest(const struct boot_info *info)
{
	MUST(strnlen(info->cmdline, sizeof(info->cmdline)) < sizeof(info->cmdline));
	MUST(strnlen(info->loader, sizeof(info->loader)) < sizeof(info->loader));
	MUST(info->nr_modules <= BOOT_MAX_MODULES);
	for (unsigned int i = 0; i < info->nr_modules; i++) {
		MUST(info->module[i].start <= info->module[i].end);
		MUST(strnlen(info->module[i].name, 64) < 64);
	}
	MUST(info->rsdp_len <= sizeof(info->rsdp));
	if (info->fb.kind != BOOT_FB_NONE) {
		unsigned int bits = info->fb.kind == BOOT_FB_TEXT ? 16 : info->fb.bpp;

		MUST((u64)info->fb.pitch * 8 >= (u64)info->fb.width * bits);
	}
}

static void parse(const u8 *data, size_t size)
{
	u8 *exact = malloc(size ? size : 1);
	struct boot_info info;
	const char *why = NULL;

	memcpy(exact, data, size);
	if (!multiboot2_parse(exact, size, &info, &why)) {
		check_regions(&info);
		check_rest(&info);
	} else {
		MUST(why && *why);
	}
	free(exact);
}

/* header, one tag of this type with the bytes behind an entry size, end tag */
static void parse_as_map(const u8 *data, size_t size, u32 type, u32 entry_size)
{
	static u32 stream[64 * 1024 / 4];
	u32 rounded = (u32)(size + 7) & ~7u;

	if (size > 32 * 1024)
		return;
	memset(stream, 0, sizeof(stream));
	stream[0] = 8 + 16 + rounded + 8;
	stream[2] = type;
	stream[3] = (u32)(16 + size);
	stream[4] = entry_size;
	memcpy(&stream[6], data, size);
	stream[6 + rounded / 4 + 1] = 8;
	parse((const u8 *)stream, stream[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] == 'b')
		parse_as_map(data + 1, size - 1, 6, 24);
	else if (data[0] == 'e')
		parse_as_map(data + 1, size - 1, 17, 40);
	else
		parse(data + 1, size - 1);
	return 0;
}
