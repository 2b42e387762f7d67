/* SPDX-License-Identifier: MIT */
/*
 * How a kernel describes its address space to kva, and starts it: our own, and any other one (mm/kva/floor/PORTING.md).
 */
#pragma once

/* A stretch of RAM: physical addresses, the end exclusive. */
struct kva_ram {
	unsigned long long start, end;
};

/* What kva must know of the address space that it finds. */
struct kva_config {
	/*
	 * The kernel's half: [kernel_start, the end of the address space), the same in every address space but for
	 * [private_start, private_end), which each has for itself (0, 0: there is no such part).
	 */
	unsigned long kernel_start;
	unsigned long private_start, private_end;
	/* The direct map: physical address p, from 0 to direct_size, is mapped at direct_start + p. */
	unsigned long direct_start;
	unsigned long long direct_size;
	/* Addresses for kva alone, in the kernel's half. Nothing is mapped there. */
	unsigned long arena_start, arena_end;
	/* All RAM, sorted, with what the kernel occupies. kva keeps the pointer. */
	const struct kva_ram *ram;
	unsigned int nr_ram;
	/* Most CPUs that there will ever be, 0: KVA_MAX_CPUS. */
	unsigned int cpus;
	/*
	 * Physical address of the top page table in which kernel mappings are changed, and from which address spaces
	 * copy. It must stay for ever. 0: the one in CR3.
	 */
	unsigned long long root;
};

/*
 * Adopt the page tables, check what can be checked, and start. Boot CPU, interrupts on or off, before any other call.
 * 0; -EINVAL: the configuration cannot be right, and host_log() has said why; -ENOMEM.
 */
int kva_init(const struct kva_config *config);
