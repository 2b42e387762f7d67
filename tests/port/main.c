/* SPDX-License-Identifier: MIT */
/* The start: what the loader says of memory, this kernel's own parts, then kva. */
#include "kernel.h"

/* What a PVH loader passes. */
struct start_info {
	uint32_t magic, version, flags, modules;
	uint64_t module_list, command_line, rsdp, memory_map;
	uint32_t memory_ranges;
};

struct memory_range {
	uint64_t start, size;
	uint32_t type, reserved; /* type 1: RAM */
};

#define TRAMPOLINE 0x8000ul

extern char image_end[], trampoline[], trampoline_end[];
extern void *boot_stack_top;
extern void (*boot_main)(uint32_t info);

static char boot_stack[STACK] __attribute__((aligned(STACK)));
static char command_line[128];
static struct kva_ram ram[16];
static struct kva_config config = {
	.kernel_start = DIRECT,
	.direct_start = DIRECT,
	.direct_size = DIRECT_SIZE,
	.arena_start = ARENA,
	.arena_end = ARENA_END,
	.ram = ram,
};

bool option(const char *name)
{
	const char *at = command_line, *n;

	for (;; at++) {
		for (n = name; *n && *at == *n; n++)
			at++;
		if (!*n && (*at == ' ' || !*at))
			return true;
		while (*at && *at != ' ')
			at++;
		if (!*at)
			return false;
	}
}

unsigned int random(void)
{
	static unsigned int state = 1;

	state = state * 1664525 + 1013904223;
	return state >> 16;
}

/* Behind the image; with PAE, behind the part of the direct map that is executable because the image is in it. */
static unsigned long first_page(void)
{
	unsigned long end = (unsigned long)image_end - IMAGE;

	return IMAGE == DIRECT && end < EXECUTABLE ? EXECUTABLE : end;
}

/* RAM up to the end of the direct map. The allocator gets what lies behind the image. */
static void read_memory_map(const struct start_info *info)
{
	const struct memory_range *range = direct(info->memory_map);

	for (unsigned int i = 0; i < info->memory_ranges; i++) {
		unsigned long long start = range[i].start, end = start + range[i].size;

		end = end < DIRECT_SIZE ? end : DIRECT_SIZE;
		if (range[i].type != 1 || start >= end)
			continue;
		ram[config.nr_ram++] = (struct kva_ram){ start, end };
		if (start <= (1 << 20) && end > (1 << 20))
			pages_init(first_page(), end);
	}
}

static void second_main(uint32_t info __attribute__((unused)))
{
	thread_adopt(1);
	traps_init();
	if (kva_cpu_online())
		panic("kva_cpu_online() fails");
	processors = 2;
	timer_start();
	for (;;) {
		yield();
		__asm__ volatile("hlt");
	}
}

/* The second processor comes through the same entry as the first, with a stack of its own. */
static void start_second(void)
{
	memcpy(direct(TRAMPOLINE), trampoline, (size_t)(trampoline_end - trampoline));
	boot_stack_top = (char *)pages_alloc(2) + STACK;
	boot_main = second_main;
	send_start(1, TRAMPOLINE / PAGE);
	while (processors < 2)
		yield();
}

static void kernel_main(uint32_t info_phys)
{
	const struct start_info *info = direct(info_phys);

	thread_adopt(0);
	console_init();
	for (unsigned int i = 0; i < sizeof(command_line) - 1 && info->command_line; i++)
		if (!(command_line[i] = *((const char *)direct(info->command_line) + i)))
			break;
	read_memory_map(info);
	traps_init();
	timer_start();
	if (kva_init(&config))
		panic("kva_init() fails");
	if (KVA_MAX_CPUS > 1 && !option("alone"))
		start_second();
	boot_top[0] = 0; /* from now on, a NULL pointer faults */
	write_cr3(read_cr3());
	tests();
}

void *boot_stack_top = boot_stack + STACK;
void (*boot_main)(uint32_t info) = kernel_main;
