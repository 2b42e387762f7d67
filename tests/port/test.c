/* SPDX-License-Identifier: MIT */
/* What kva does here, as TAP. */
#include "kernel.h"

static unsigned int tests_run, tests_failed;

static void ok(bool good, const char *name)
{
	tests_failed += !good;
	print("%sok %u - %s\n", good ? "" : "not ", ++tests_run, name);
}

static void first_steps(void)
{
	char *p = vmalloc(3 * PAGE);

	ok(p, "vmalloc");
	if (!p)
		return;
	memset(p, 0x5a, 3 * PAGE);
	ok(p[0] == 0x5a && p[3 * PAGE - 1] == 0x5a, "what is written is there");
	ok(*(char *)direct(kva_phys(p + PAGE)) == 0x5a, "the direct map shows it too");
	vfree(p);
	vm_unmap_aliases();
	ok(!can_read(p), "it is gone after vfree and a flush");
}

void tests(void)
{
	first_steps();
	ok(!kva_check(), "kva_check()");
	print("1..%u\n", tests_run);
	power_off(tests_failed ? 1 : 0);
}
