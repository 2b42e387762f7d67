/* SPDX-License-Identifier: MIT */
/*
 * The boot loader's information, checked and copied from its tags by boot/multiboot2.c. Nothing here points into memory
 * that may be reused.
 */
#pragma once

#include <lib/compiler.h>

#define BOOT_MAX_REGIONS 256 /* real machines have 20 to 60, and two more for each bad page that the loader cuts out */
#define BOOT_MAX_MODULES 8
#define BOOT_TEXT_LEN	 512

/* Kinds of memory. Where two entries of the map overlap, the more careful kind wins. */
enum boot_mem_kind {
	BOOT_MEM_RAM,	   /* free for the kernel */
	BOOT_MEM_ACPI,	   /* RAM with ACPI tables: kept */
	BOOT_MEM_RESERVED, /* firmware, devices, unknown types, bad RAM */
};

struct boot_region {
	u64 start, end; /* bytes, end exclusive; page-aligned inwards for RAM, outwards for the rest */
	enum boot_mem_kind kind;
};

struct boot_module {
	u64 start, end; /* physical, end exclusive */
	char name[64];	/* its command line */
};

enum boot_fb_kind { BOOT_FB_NONE, BOOT_FB_RGB, BOOT_FB_INDEXED, BOOT_FB_TEXT };

struct boot_framebuffer {
	enum boot_fb_kind kind;
	u64 phys;
	u32 pitch;	    /* bytes a line; text: bytes a row of characters */
	u32 width, height;  /* pixels; text: characters */
	u8 bpp;
	u8 darkest, lightest; /* BOOT_FB_INDEXED: indices in the loader's palette */
	u8 red_pos, red_size, green_pos, green_size, blue_pos, blue_size;
};

struct boot_info {
	char cmdline[BOOT_TEXT_LEN];
	char loader[64];
	unsigned int nr_regions; /* sorted by address, not overlapping, neighbours of one kind merged */
	struct boot_region region[BOOT_MAX_REGIONS + 1]; /* one spare, used while it is filled */
	unsigned int left_out;	 /* regions without room here: treated as holes */
	u64 ram_left_out;	 /* bytes */
	u64 ram_in_hole;	 /* bytes that the map calls RAM, where video memory and ROMs are */
	u64 ram_soft_reserved;	 /* bytes that EFI keeps for a special purpose */
	unsigned int nr_modules;
	struct boot_module module[BOOT_MAX_MODULES];
	struct boot_framebuffer fb;
	bool efi;		 /* started by UEFI */
	u8 rsdp[36];		 /* copy of the ACPI root pointer; rsdp_len 0 = none */
	unsigned int rsdp_len;
	u32 unread;		 /* bytes of tags without room, not read */
	unsigned int dropped_entries; /* invalid memory map entries (zero length, wrapping) */
};

/* The information of this boot, filled by kmain(); read-only afterwards. */
extern struct boot_info boot_info;

/*
 * Read `size` bytes of multiboot2 tags at `tags`. 0, or -EINVAL with *why set to a sentence for the user: the tags are
 * malformed, there is no memory map, or no RAM in it. Bytes beyond BOOT_INFO_MAX (<boot/info_max.h>) are counted in
 * info->unread and not read. Pure: host tests and the fuzzer call it too.
 */
int multiboot2_parse(const void *tags, size_t size, struct boot_info *info, const char **why);
