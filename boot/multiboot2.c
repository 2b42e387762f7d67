/* SPDX-License-Identifier: MIT */
/*
 * From the boot loader's tags to struct boot_info (Multiboot2 specification 2.0, 3.6).
 *
 * The tags are not trusted: every length is checked against the remaining bytes before one is read, and numbers may be
 * unaligned. A missing or broken memory map is an error; a broken screen is just not used. Each read_ function below
 * gets one tag, which has at least the bytes that the table `readers` demands.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <boot/info_max.h>
#include "memory_map.h"

#define INFO_HEADER  8 /* total size, reserved */
#define TAG_HEADER   8 /* type, size */

struct tag {
	u32 type;
	u32 len;	/* bytes of data */
	const u8 *data; /* behind the header */
};

struct parser {
	struct boot_info *info;
	bool cut; /* there was no room for all tags */
	struct memory_map bios_map, efi_map;
};

static u32 get32(const u8 *p)
{
	u32 value;

	memcpy(&value, p, sizeof(value));
	return value;
}

static u64 get64(const u8 *p)
{
	u64 value;

	memcpy(&value, p, sizeof(value));
	return value;
}

/* --- texts ---------------------------------------------------------------------------------------------------- */

/* Copies as much of the text as fits, and a NUL. */
static void copy_text(char *to, size_t size, const u8 *text, u32 len)
{
	size_t n = strnlen((const char *)text, min_t(size_t, len, size - 1));

	memcpy(to, text, n);
	to[n] = '\0';
}

static const char *read_cmdline(struct parser *p, const struct tag *tag)
{
	u32 most = min_t(u32, tag->len, BOOT_TEXT_LEN);

	if (strnlen((const char *)tag->data, most) == most)
		return "The kernel's command line is longer than 511 characters, or has no end.";
	copy_text(p->info->cmdline, BOOT_TEXT_LEN, tag->data, tag->len);
	return NULL;
}

static const char *read_loader(struct parser *p, const struct tag *tag)
{
	copy_text(p->info->loader, sizeof(p->info->loader), tag->data, tag->len);
	return NULL;
}

/* --- modules, ACPI, EFI --------------------------------------------------------------------------------------- */

static const char *read_module(struct parser *p, const struct tag *tag)
{
	struct boot_module *module = &p->info->module[p->info->nr_modules];

	if (p->info->nr_modules == BOOT_MAX_MODULES)
		return "The boot loader gives more than 8 modules.";
	module->start = get32(tag->data);
	module->end = get32(tag->data + 4);
	if (module->start > module->end)
		return "A module of the boot loader ends before it starts.";
	copy_text(module->name, sizeof(module->name), tag->data + 8, tag->len - 8);
	p->info->nr_modules++;
	return NULL;
}

/* The root pointer has 20 bytes (old) or 36 (new). UEFI gives both; the longer one is kept. */
static const char *read_rsdp(struct parser *p, const struct tag *tag)
{
	u32 len = min_t(u32, tag->len, sizeof(p->info->rsdp));

	if (len > p->info->rsdp_len) {
		memcpy(p->info->rsdp, tag->data, len);
		p->info->rsdp_len = len;
	}
	return NULL;
}

static const char *read_efi(struct parser *p, const struct tag *tag)
{
	(void)tag;
	p->info->efi = true;
	return NULL;
}

/* --- screen --------------------------------------------------------------------------------------------------- */

#define FB_TYPE_INDEXED 0
#define FB_TYPE_RGB	1
#define FB_TYPE_TEXT	2
#define FB_RGB_LEN	30 /* bytes of data with the positions of the colours */
#define FB_PALETTE	26 /* where in the data the palette begins, behind its 16-bit size */
#define FB_LARGEST	16384 /* pixels or characters */

/* Do all pixels lie inside? If this were wrong, drawing could write anywhere, so a strange framebuffer is not used. */
static bool framebuffer_is_sane(const struct boot_framebuffer *fb)
{
	unsigned int bits = fb->kind == BOOT_FB_TEXT ? 16 : fb->bpp;

	if (fb->width == 0 || fb->height == 0 || fb->width > FB_LARGEST || fb->height > FB_LARGEST)
		return false;
	if (fb->phys == 0 || fb->phys >= MEMORY_MAP_END || fb->pitch < (fb->width * bits + 7) / 8 ||
	    fb->pitch > FB_LARGEST * 8)
		return false;
	if (fb->kind == BOOT_FB_TEXT)
		return true;
	if (fb->kind == BOOT_FB_INDEXED)
		return fb->bpp == 8;
	return fb->bpp >= 8 && fb->bpp <= 32 && fb->red_pos + fb->red_size <= fb->bpp &&
	       fb->green_pos + fb->green_size <= fb->bpp && fb->blue_pos + fb->blue_size <= fb->bpp;
}

/*
 * Find the lightest and the darkest colour, for ink and paper. Without a palette the VGA's is assumed, in which 0 is
 * black and 7 is light grey.
 */
static void read_palette(struct boot_framebuffer *fb, const u8 *colours, u32 nr)
{
	unsigned int least = ~0u, most = 0;

	fb->lightest = 7;
	for (u32 i = 0; i < min(nr, 256u); i++) {
		unsigned int light = colours[3 * i] + colours[3 * i + 1] + colours[3 * i + 2];

		if (light < least)
			fb->darkest = (u8)i, least = light;
		if (light > most)
			fb->lightest = (u8)i, most = light;
	}
}

static const char *read_framebuffer(struct parser *p, const struct tag *tag)
{
	const u8 *d = tag->data;
	struct boot_framebuffer fb = {
		.phys = get64(d), .pitch = get32(d + 8), .width = get32(d + 12), .height = get32(d + 16), .bpp = d[20],
	};

	if (d[21] == FB_TYPE_TEXT) {
		fb.kind = BOOT_FB_TEXT;
	} else if (d[21] == FB_TYPE_RGB && tag->len >= FB_RGB_LEN) {
		fb.kind = BOOT_FB_RGB;
		fb.red_pos = d[24], fb.red_size = d[25];
		fb.green_pos = d[26], fb.green_size = d[27];
		fb.blue_pos = d[28], fb.blue_size = d[29];
	} else if (d[21] == FB_TYPE_INDEXED) {
		u32 nr = tag->len < FB_PALETTE ? 0 : d[24] | (u32)d[25] << 8;

		fb.kind = BOOT_FB_INDEXED;
		read_palette(&fb, d + FB_PALETTE, nr ? min(nr, (tag->len - FB_PALETTE) / 3) : 0);
	}
	if (!framebuffer_is_sane(&fb))
		fb.kind = BOOT_FB_NONE; /* its size is kept for the message */
	p->info->fb = fb;
	return NULL;
}

/* --- memory maps ---------------------------------------------------------------------------------------------- */

#define BIOS_ENTRY_LEN 24
#define EFI_ENTRY_LEN  40

static bool decode_bios_entry(const u8 *entry, u64 *start, u64 *end, enum boot_mem_kind *kind)
{
	u32 type = get32(entry + 16);

	*start = get64(entry);
	*end = *start + get64(entry + 8);
	*kind = type == 1 ? BOOT_MEM_RAM : type == 3 ? BOOT_MEM_ACPI : BOOT_MEM_RESERVED;
	return *end > *start;
}

/* Boot services have ended when the kernel runs, so their memory and the loader's is free (UEFI specification 7.2). */
static enum boot_mem_kind efi_kind(u32 type)
{
	switch (type) {
	case 1: case 2: /* loader, and the kernel */
	case 3: case 4: /* boot services */
	case 7:		/* conventional */
		return BOOT_MEM_RAM;
	case 9:
		return BOOT_MEM_ACPI;
	default:
		return BOOT_MEM_RESERVED;
	}
}

#define EFI_MEMORY_SP 0x40000 /* attribute: conventional, but kept for a special purpose (UEFI specification 7.2.3) */

static bool is_soft_reserved(const u8 *entry)
{
	return efi_kind(get32(entry)) == BOOT_MEM_RAM && (get64(entry + 32) & EFI_MEMORY_SP);
}

static bool decode_efi_entry(const u8 *entry, u64 *start, u64 *end, enum boot_mem_kind *kind)
{
	u64 pages = get64(entry + 24);

	*start = get64(entry + 8);
	*end = *start + (pages << 12);
	*kind = is_soft_reserved(entry) ? BOOT_MEM_RESERVED : efi_kind(get32(entry));
	return pages < MEMORY_MAP_END >> 12 && *end > *start;
}

/* The entries that EFI reserves and that the BIOS format of the map calls RAM. */
static bool decode_soft_reserved(const u8 *entry, u64 *start, u64 *end, enum boot_mem_kind *kind)
{
	return is_soft_reserved(entry) && decode_efi_entry(entry, start, end, kind);
}

static u64 soft_reserved(const struct memory_map *efi)
{
	enum boot_mem_kind kind;
	u64 sum = 0, start, end;

	for (u32 i = 0; efi->entries && i < efi->count; i++)
		if (decode_soft_reserved(efi->entries + (size_t)i * efi->entry_size, &start, &end, &kind))
			sum += end - start;
	return sum;
}

static const char *read_bios_map(struct parser *p, const struct tag *tag)
{
	u32 entry_size = get32(tag->data);

	if (entry_size < BIOS_ENTRY_LEN)
		return "The entries of the boot loader's memory map are too short.";
	p->bios_map = (struct memory_map){
		.entries = tag->data + 8, .count = (tag->len - 8) / entry_size, .entry_size = entry_size,
		.decode = decode_bios_entry,
	};
	return NULL;
}

static const char *read_efi_map(struct parser *p, const struct tag *tag)
{
	u32 entry_size = get32(tag->data);

	p->info->efi = true;
	if (entry_size < EFI_ENTRY_LEN)
		return "The entries of the EFI memory map are too short.";
	p->efi_map = (struct memory_map){
		.entries = tag->data + 8, .count = (tag->len - 8) / entry_size, .entry_size = entry_size,
		.decode = decode_efi_entry,
	};
	return NULL;
}

static bool has_ram(const struct boot_info *info)
{
	for (unsigned int i = 0; i < info->nr_regions; i++)
		if (info->region[i].kind == BOOT_MEM_RAM)
			return true;
	return false;
}

static const char *read_maps(struct parser *p)
{
	struct memory_map maps[2] = { p->bios_map, p->efi_map };

	if (!p->bios_map.entries && !p->efi_map.entries)
		return "The boot loader gives no memory map.";
	p->info->ram_soft_reserved = soft_reserved(&p->efi_map);
	maps[1].decode = decode_soft_reserved;
	if (p->bios_map.count)
		memory_map_resolve(maps, p->efi_map.count ? 2 : 1, p->info);
	else if (p->efi_map.count) /* of two maps one may be empty */
		memory_map_resolve(&p->efi_map, 1, p->info);
	return has_ram(p->info) ? NULL : "The boot loader's memory map has no RAM in it.";
}

/* --- tags ----------------------------------------------------------------------------------------------------- */

#define TAG_END	     0
#define TAG_BIOS_MAP 6
#define TAG_EFI_MAP  17
#define MAP_HEADER   8 /* bytes of data in front of the first entry */

/* All other tags are skipped. `least`: a tag with fewer bytes of data is malformed. */
static const struct tag_reader {
	u32 type, least;
	const char *(*read)(struct parser *p, const struct tag *tag); /* NULL, or what is wrong */
} readers[] = {
	{ 1, 1, read_cmdline },
	{ 2, 1, read_loader },
	{ 3, 8, read_module },
	{ TAG_BIOS_MAP, MAP_HEADER, read_bios_map },
	{ 8, 24, read_framebuffer },
	{ 11, 4, read_efi }, /* 32-bit system table */
	{ 12, 8, read_efi }, /* 64-bit system table */
	{ 14, 20, read_rsdp },
	{ 15, 36, read_rsdp },
	{ TAG_EFI_MAP, MAP_HEADER, read_efi_map },
};

static const char *read_tag(struct parser *p, const struct tag *tag)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(readers); i++) {
		if (readers[i].type != tag->type)
			continue;
		if (tag->len < readers[i].least)
			return "A tag of the boot loader is too short.";
		return readers[i].read(p, tag);
	}
	return NULL;
}

/* The last tag, of which only a part was kept. If it is a memory map, the entries that are there are used. */
static const char *read_cut_tag(struct parser *p, struct tag *tag, u32 size)
{
	tag->len = size - TAG_HEADER;
	if (tag->len < MAP_HEADER || (tag->type != TAG_BIOS_MAP && tag->type != TAG_EFI_MAP))
		return NULL;
	return read_tag(p, tag);
}

/* The tag of type 0 must come before the bytes end. Every tag starts at a multiple of 8 from the start. */
static const char *read_tags(struct parser *p, const u8 *info, u32 total)
{
	const char *wrong = NULL;
	u32 pos = INFO_HEADER;

	while (!wrong && total - pos >= TAG_HEADER) {
		struct tag tag = { .type = get32(info + pos), .data = info + pos + TAG_HEADER };
		u32 size = get32(info + pos + 4);

		if (p->cut && size > total - pos)
			return read_cut_tag(p, &tag, total - pos);
		if (size < TAG_HEADER || size > total - pos)
			return "A tag of the boot loader is longer than the boot information.";
		if (tag.type == TAG_END)
			return NULL;
		tag.len = size - TAG_HEADER;
		wrong = read_tag(p, &tag);
		pos = min(ALIGN(pos + size, 8u), total);
	}
	return wrong || p->cut ? wrong : "The boot information has no end.";
}

int multiboot2_parse(const void *tags, size_t size, struct boot_info *info, const char **why)
{
	struct parser p = { .info = info };
	u32 total;

	memset(info, 0, sizeof(*info));
	*why = "The kernel was not started by a multiboot2 boot loader.";
	if (size < INFO_HEADER)
		return -EINVAL;
	total = get32(tags);
	if (total > size && size == BOOT_INFO_MAX) {
		info->unread = total - BOOT_INFO_MAX;
		p.cut = true;
		total = BOOT_INFO_MAX;
	}
	*why = "The boot information is cut off.";
	if (total < INFO_HEADER || total > size)
		return -EINVAL;
	*why = read_tags(&p, tags, total);
	if (!*why)
		*why = read_maps(&p);
	return *why ? -EINVAL : 0;
}
