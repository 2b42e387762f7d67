/* SPDX-License-Identifier: MIT */
/*
 * The configuration: what a kernel says about its address space. A contradiction that is found here is refused with a
 * sentence, before it corrupts memory.
 */
#include "mm/kva/kva_internal.h"

int kva_refuse(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printk("%pV\n", &(struct va_format){ fmt, &args });
	va_end(args);
	return -EINVAL;
}

/* --- ranges of addresses ------------------------------------------------------------------------------------------ */

static bool overlaps(vaddr_t start, vaddr_t end, vaddr_t other, vaddr_t other_end)
{
	return start < other_end && other < end;
}

/* Bits 47 (56) to 63 are equal. */
static bool canonical(vaddr_t addr)
{
	unsigned int bits = pt_level[pt_top()].shift + pt_level[pt_top()].bits;

	return BITS_PER_LONG == 32 || (long)(addr << (64 - bits) % 64) >> (64 - bits) % 64 == (long)addr;
}

static int check_half(const struct kva_config *c)
{
	vaddr_t here = (vaddr_t)kva_config_check;

	if (!canonical(c->kernel_start) || (BITS_PER_LONG == 64 && (long)c->kernel_start >= 0))
		return kva_refuse("kernel_start %lx is not in the upper half", (vaddr_t)c->kernel_start);
	if (!IS_ALIGNED(c->kernel_start, SHARED_SLOT))
		return kva_refuse("kernel_start %lx does not begin an entry of the shared level (%lx bytes)",
				  (vaddr_t)c->kernel_start, SHARED_SLOT);
	if (here < c->kernel_start)
		return kva_refuse("kernel_start %lx is above the kernel's own code at %lx", (vaddr_t)c->kernel_start,
				  here);
	if (c->private_start > c->private_end || !IS_ALIGNED(c->private_start | c->private_end, SHARED_SLOT))
		return kva_refuse("private addresses %lx-%lx are not whole entries of the shared level",
				  (vaddr_t)c->private_start, (vaddr_t)c->private_end);
	return 0;
}

static int check_direct(const struct kva_config *c)
{
	vaddr_t end = c->direct_start + (vaddr_t)c->direct_size;

	if (!c->direct_size || !IS_ALIGNED(c->direct_start | c->direct_size, PAGE_SIZE) || end <= c->direct_start)
		return kva_refuse("the direct map, %llx bytes at %lx, is empty or does not fit", (u64)c->direct_size,
				  (vaddr_t)c->direct_start);
	if (c->direct_start < c->kernel_start)
		return kva_refuse(
			"the direct map at %lx begins below kernel_start %lx: address spaces would not share it",
			(vaddr_t)c->direct_start, (vaddr_t)c->kernel_start);
	return 0;
}

static int check_arena(const struct kva_config *c)
{
	vaddr_t start = c->arena_start, end = c->arena_end;

	if (start >= end || !canonical(start) || !canonical(end - 1) || !IS_ALIGNED(start | end, SHARED_SLOT))
		return kva_refuse("the arena %lx-%lx is not made of whole entries of the shared level (%lx bytes)",
				  start, end, SHARED_SLOT);
	if (start < c->kernel_start)
		return kva_refuse("the arena at %lx begins below kernel_start %lx: address spaces would not share it",
				  start, (vaddr_t)c->kernel_start);
	if (overlaps(start, end, c->private_start, c->private_end))
		return kva_refuse("the arena %lx-%lx has private addresses in it", start, end);
	if (overlaps(start, end, c->direct_start, c->direct_start + (vaddr_t)c->direct_size))
		return kva_refuse("the arena %lx-%lx overlaps the direct map", start, end);
	return 0;
}

static int check_ram(const struct kva_config *c)
{
	u64 limit = arch_phys_limit(), above = 0;

	if (!c->nr_ram || !c->ram)
		return kva_refuse("there is no RAM in the configuration (ram, nr_ram)");
	for (unsigned int i = 0; i < c->nr_ram; i++) {
		if (c->ram[i].start < above || c->ram[i].start >= c->ram[i].end)
			return kva_refuse("RAM %llx-%llx is empty, or not behind the range before it", c->ram[i].start,
					  c->ram[i].end);
		if (c->ram[i].end > limit)
			return kva_refuse("RAM %llx-%llx ends above %llx, the highest address of this CPU and mode",
					  c->ram[i].start, c->ram[i].end, limit);
		above = c->ram[i].end;
	}
	if (BITS_PER_LONG == 64 && above > c->direct_size)
		return kva_refuse("RAM ends at %llx, but the direct map has %llx bytes", above, (u64)c->direct_size);
	return 0;
}

int kva_config_check(const struct kva_config *c)
{
	int err = check_half(c);

	err = err ? err : check_direct(c);
	err = err ? err : check_arena(c);
	err = err ? err : check_ram(c);
	if (!err && c->cpus > MAX_CPUS)
		err = kva_refuse("%u CPUs, but there is room for %u", c->cpus, MAX_CPUS);
	return err;
}
