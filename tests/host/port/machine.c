/* SPDX-License-Identifier: MIT */
/*
 * RAM and the address map. One mapping of this process is the whole physical memory. Pages that nobody touches cost
 * nothing (MAP_NORESERVE), so a test may have a machine of any size. The page array is there as a whole from the start.
 *
 * Addresses of the 32-bit modes are 32-bit numbers, sign-extended: 0xc0000000 is 0xffffffffc0000000 here. So the
 * kernel's half ends where the numbers end and wrap to 0, as it does on the real machine.
 */
#include "tests/host/port/port.h"
#include "tests/host/port/host.h"

#include <kernel/preempt.h>
#include <kernel/task.h>

#include <asm/boot.h>
#include <asm/cpuid.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define SIZEOF_STRUCT_PAGE (4 * sizeof(long)) /* mm/page.h is above this file, and asserts it */

struct vm_layout layout;
char *host_ram, *host_page_array;
static size_t ram_size, page_array_size;

/* The layout code reads these. */
unsigned int host_levels = HOST_LEVELS;
u32 boot_levels;
struct cpu_info boot_cpu;
u8 boot_root[PAGE_SIZE], boot_root5[PAGE_SIZE];
char __image_start[1], __image_end[1];

/* 4 and 5 levels have the same table format, so they are one program: HOST_LEVELS=5 in its environment chooses. */
__attribute__((constructor)) static void choose_levels(void)
{
	const char *wanted = getenv("HOST_LEVELS");

	if (wanted)
		host_levels = (unsigned int)atoi(wanted);
	if (host_levels != HOST_LEVELS && (HOST_LEVELS != 4 || host_levels != 5)) {
		fprintf(stderr, "HOST_LEVELS=%s: this program was built for %d\n", wanted, HOST_LEVELS);
		exit(2);
	}
	boot_levels = host_levels;
	boot_cpu.phys_bits = host_levels == 5 ? 52 : host_levels == 4 ? 46 : 36;
}

const char *host_geometry_name(void)
{
	static const char *const names[] = { [2] = "2 levels", [3] = "PAE", [4] = "4 levels", [5] = "5 levels" };

	return names[host_levels];
}

static void renew(char **memory, size_t *size, size_t new_size)
{
	if (*memory)
		munmap(*memory, *size);
	*size = PAGE_ALIGN(new_size);
	*memory = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (*memory == MAP_FAILED) {
		perror("mmap of the host machine's RAM");
		exit(1);
	}
}

static void sign_extend(vaddr_t *addr) { *addr = (vaddr_t)(long)(int)*addr; }

static void sign_extend_layout(void)
{
	vaddr_t *border = (vaddr_t *)&layout;

	for (size_t i = 0; i < sizeof(layout) / sizeof(*border); i++)
		if (border + i != &layout.user_end)
			sign_extend(border + i);
}

void host_machine_cpus(u64 ram_bytes, u64 cpu_mask)
{
	renew(&host_ram, &ram_size, ram_bytes);
	renew(&host_page_array, &page_array_size, (ram_bytes >> PAGE_SHIFT) * SIZEOF_STRUCT_PAGE);
	arch_init_layout(ram_bytes, SIZEOF_STRUCT_PAGE, 0);
	if (host_levels <= 3)
		sign_extend_layout();
	host_percpu_init(cpu_mask);
	host_tasks_init(cpu_mask);
	preempt_set_schedule(schedule); /* from now on might_sleep() and this_cpu_ptr() judge */
	host_run_on(0);
	host_log_clear();
}

u64 host_ram_size(void) { return ram_size; }

void host_machine(u64 ram_bytes, unsigned int cpus)
{
	host_machine_cpus(ram_bytes, cpus < 64 ? (1ull << cpus) - 1 : ~0ull);
}

struct image_part arch_image_part(phys_addr_t phys __maybe_unused)
{
	return (struct image_part){ .end = ~(phys_addr_t)0 };
}

phys_addr_t image_to_phys(const void *virt) { return (phys_addr_t)(vaddr_t)virt; }
