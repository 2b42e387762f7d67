/* SPDX-License-Identifier: MIT */
/*
 * The functions that code with -fsanitize=undefined calls. Each gets the place in the source and what was wrong there.
 * The names and the layouts are those of gcc's and clang's runtime. Most reports need the place only, with which the
 * description begins. Any context, since checked code runs in any.
 */
#include <kernel/bug.h>
#include <kernel/ubsan.h>

struct place {
	const char *file;
	u32 line, column;
};

/* The description of an access by a pointer. */
struct type_mismatch {
	struct place place;
	const void *type;
	u8 log_alignment;
};

#define REPORTED 0x80000000u /* in `column`: gcc leaves descriptions writable */

struct ubsan_report ubsan_last;

static __noinline void report(struct place *place, const char *kind)
{
	bool warned = READ_ONCE(place->column) & REPORTED;

	ubsan_last = (struct ubsan_report){ kind, place->file, place->line };
	warn_report(&warned, place->file, (int)place->line, "undefined behaviour: %s", kind);
	if (warned)
		__atomic_fetch_or(&place->column, REPORTED, __ATOMIC_RELAXED);
}

#define REPORTS(handler, kind) \
	void __ubsan_handle_##handler(struct place *place); \
	void __ubsan_handle_##handler(struct place *place) { report(place, kind); }

REPORTS(add_overflow, "signed overflow of +")
REPORTS(sub_overflow, "signed overflow of -")
REPORTS(mul_overflow, "signed overflow of *")
REPORTS(negate_overflow, "signed overflow of a negation")
REPORTS(divrem_overflow, "division by 0, or of the least number by -1")
REPORTS(shift_out_of_bounds, "shift")
REPORTS(out_of_bounds, "index")
REPORTS(pointer_overflow, "pointer overflow")
REPORTS(load_invalid_value, "value that a bool or an enum does not have")
REPORTS(vla_bound_not_positive, "array without elements")
REPORTS(nonnull_arg, "NULL where it is not allowed")
REPORTS(invalid_builtin, "count of the zeros of 0")
REPORTS(builtin_unreachable, "unreachable code was reached")

void __ubsan_handle_nonnull_return_v1(void *attribute, struct place *place);
void __ubsan_handle_nonnull_return_v1(void *attribute __maybe_unused, struct place *place)
{
	report(place, "NULL where it is not allowed");
}

void __ubsan_handle_type_mismatch_v1(struct type_mismatch *access, vaddr_t addr);
void __ubsan_handle_type_mismatch_v1(struct type_mismatch *access, vaddr_t addr)
{
	if (!addr)
		report(&access->place, "access by a NULL pointer");
	else if (addr & ((1ul << access->log_alignment) - 1))
		report(&access->place, "misaligned access");
	else
		report(&access->place, "access outside of an object");
}
