/* SPDX-License-Identifier: MIT */
/*
 * The headers of an ELF file (System V ABI, chapters 4 and 5, with its field names), for the class of this machine: 32
 * or 64 bits, the width of a word. The file is not trusted: every number is checked before it is used.
 */
#include "internal.h"

#include <arch/layout.h>
#include <lib/errno.h>
#include <lib/string.h>

#define ELF_CLASS   (sizeof(long) == 8 ? 2 : 1)
#define ELF_MACHINE (sizeof(long) == 8 ? 62 : 3)
#define ET_EXEC	    2
#define PT_LOAD	    1
#define PF_X	    1u
#define PF_W	    2u

/* The same order of fields in both classes. */
struct elf_header {
	u8 magic[4];
	u8 class, data, ident_version, padding[9];
	u16 type, machine;
	u32 version;
	unsigned long entry, phoff, shoff;
	u32 flags;
	u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

/*
 * Here the classes differ: p_flags has 32 bits; it is second with 64 bits and second last with 32. All other fields are
 * words in the same order, if p_type counts as one.
 */
enum { P_TYPE, P_OFFSET, P_VADDR, P_PADDR, P_FILESZ, P_MEMSZ, P_WORDS = sizeof(long) == 8 ? 7 : 8 };
#define P_FLAGS_AT (sizeof(long) == 8 ? 4 : 24)

struct elf_program_header {
	unsigned long word[P_WORDS];
};

static u32 program_header_u32(const struct elf_program_header *ph, size_t at)
{
	u32 value;

	memcpy(&value, (const char *)ph + at, sizeof(value));
	return value;
}

static bool header_valid(const struct elf_header *h, size_t size)
{
	return memcmp(h->magic, "\177ELF", 4) == 0 && h->class == ELF_CLASS && h->data == 1 && h->type == ET_EXEC &&
	       h->machine == ELF_MACHINE && h->phentsize == sizeof(struct elf_program_header) && h->phoff <= size &&
	       h->phnum <= (size - h->phoff) / sizeof(struct elf_program_header);
}

/* A segment is writable or executable, not both. */
static bool read_rights(u32 flags, unsigned int *rights)
{
	*rights = VM_READ | (flags & PF_W ? VM_WRITE : 0) | (flags & PF_X ? VM_EXEC : 0);
	return (flags & (PF_W | PF_X)) != (PF_W | PF_X);
}

static bool segment_valid(const struct elf_segment *s, size_t size, vaddr_t lowest, vaddr_t limit)
{
	return s->addr >= lowest && s->addr < limit && s->size <= limit - s->addr && s->file_size <= s->size &&
	       s->offset <= size && s->file_size <= size - s->offset;
}

static int add_segment(struct elf_image *image, const struct elf_program_header *ph, size_t size, vaddr_t limit)
{
	const struct elf_segment *last = image->nr ? &image->segment[image->nr - 1] : NULL;
	vaddr_t lowest = last ? PAGE_ALIGN(last->addr + last->size) : PAGE_SIZE;
	struct elf_segment s = {
		.addr = ph->word[P_VADDR],
		.size = ph->word[P_MEMSZ],
		.offset = ph->word[P_OFFSET],
		.file_size = ph->word[P_FILESZ],
	};

	if (!s.size)
		return 0;
	if (!read_rights(program_header_u32(ph, P_FLAGS_AT), &s.rights) || !segment_valid(&s, size, lowest, limit) ||
	    image->nr == ELF_MAX_SEGMENTS)
		return -ENOEXEC;
	image->segment[image->nr++] = s;
	return 0;
}

static bool entry_valid(const struct elf_image *image)
{
	for (unsigned int i = 0; i < image->nr; i++)
		if ((image->segment[i].rights & VM_EXEC) &&
		    image->entry - image->segment[i].addr < image->segment[i].size)
			return true;
	return false;
}

/* `file` may have any alignment, so structures are copied out before they are read. limit: page-aligned. */
int elf_parse(const void *file, size_t size, vaddr_t limit, struct elf_image *image)
{
	struct elf_header header;
	int err = 0;

	if (size < sizeof(header))
		return -ENOEXEC;
	memcpy(&header, file, sizeof(header));
	if (!header_valid(&header, size))
		return -ENOEXEC;
	*image = (struct elf_image){ .entry = header.entry };
	for (unsigned int i = 0; i < header.phnum && !err; i++) {
		struct elf_program_header ph;

		memcpy(&ph, (const char *)file + header.phoff + i * sizeof(ph), sizeof(ph));
		if (program_header_u32(&ph, 0) == PT_LOAD)
			err = add_segment(image, &ph, size, limit);
	}
	return err ? err : entry_valid(image) ? 0 : -ENOEXEC;
}
