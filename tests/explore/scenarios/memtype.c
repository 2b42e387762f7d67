/* SPDX-License-Identifier: MIT */
/*
 * Reservations of memory types (mm/kva/map/memtype.c). No frame gets two types, and the books are right, whoever
 * reserves and frees at once; the reservation that was freed last stays for a while.
 */
#include "tests/explore/port/port.h"

#include "mm/kva/map/map.h"
#include <mm/memtype.h>

#define START 0xfd000000ull
#define END   (START + 4 * PAGE_SIZE)

bool memblock_overlaps_ram(phys_addr_t start, phys_addr_t end)
{
	(void)start, (void)end;
	return false;
}

struct page *pfn_to_page_checked(unsigned long pfn)
{
	(void)pfn;
	return NULL;
}

static int result[XP_CPUS];

static void machine(void) { port_machine(3); }
static void one_reserved(void)
{
	machine();
	MUST(!memtype_reserve(START, END, MEMTYPE_UC_MINUS));
}
static void reserve_uc(void) { result[xp_cpu()] = memtype_reserve(START, END, MEMTYPE_UC_MINUS); }
static void reserve_wc(void) { result[xp_cpu()] = memtype_reserve(START + PAGE_SIZE, END, MEMTYPE_WC); }
static void free_uc(void) { MUST(!memtype_free(START, END, MEMTYPE_UC_MINUS)); }
static void reserve_and_free_uc(void)
{
	reserve_uc();
	if (!result[xp_cpu()])
		free_uc();
}
static void forget(void) { memtype_forget(); }

static void books_are_right(void) { MUST(!memtype_check()); }
static void one_type(void)
{
	MUST(!result[0] != !result[1]);
	books_are_right();
}
static void counted_twice(void)
{
	struct memtype_info info = { 0 };

	MUST(!result[0] && !result[1] && memtype_next(&info) && info.count == 2);
	books_are_right();
}

XP_SCENARIO(memtype_conflict) = { .name = "memtype.conflict", .setup = machine, .cpu = { reserve_uc, reserve_wc },
				  .check = one_type };
XP_SCENARIO(memtype_same) = { .name = "memtype.same", .setup = machine, .cpu = { reserve_uc, reserve_uc },
			      .check = counted_twice };
XP_SCENARIO(memtype_free_reserve) = { .name = "memtype.free_conflict", .setup = one_reserved,
				      .cpu = { free_uc, reserve_wc }, .check = books_are_right };
XP_SCENARIO(memtype_free_same) = { .name = "memtype.free_same", .setup = one_reserved, .cpu = { free_uc, reserve_uc },
				   .check = books_are_right };
XP_SCENARIO(memtype_three) = { .name = "memtype.free_reserve_forget", .setup = one_reserved,
			       .cpu = { free_uc, reserve_and_free_uc, forget }, .check = books_are_right };

/* Broken: who asks and who reserves are two critical sections. */
static void reserve_wc_in_two_steps(void)
{
	if (memtype_agrees(START >> PAGE_SHIFT, MEMTYPE_WC))
		result[xp_cpu()] = memtype_reserve(START + 8 * PAGE_SIZE, END + 8 * PAGE_SIZE, MEMTYPE_WC);
	else
		result[xp_cpu()] = -1;
}
XP_SCENARIO(memtype_broken) = { .name = "memtype.broken_two_steps", .setup = machine,
				.cpu = { reserve_uc, reserve_wc_in_two_steps }, .check = one_type,
				.must_fail = "result" };
