/* SPDX-License-Identifier: MIT */
/*
 * Is page-table isolation used? On CPUs with the Meltdown flaw a program can read, by speculation, whatever its tables
 * map for the kernel alone. The user root (arch/x86/mm/user_root.c) maps next to nothing of the kernel.
 */
#include <asm/msr.h>
#include <asm/pti.h>
#include <kernel/cmdline.h>
#include <kernel/printk.h>
#include <lib/string.h>

CMDLINE_OPTION(pti, "pti=auto|on|off", "programs run on tables of their own, without the kernel's memory");

/* Atoms that execute in order (Bonnell, Saltwell), and all CPUs before family 6. */
static bool executes_in_order(const struct cpu_info *c)
{
	static const u8 models[] = { 0x1c, 0x26, 0x27, 0x35, 0x36 };

	for (unsigned int i = 0; i < ARRAY_SIZE(models); i++)
		if (c->family == 6 && c->model_nr == models[i] && strcmp(c->vendor, "GenuineIntel") == 0)
			return true;
	return c->family < 6;
}

bool cpu_needs_pti(const struct cpu_info *c, u64 arch_capabilities, const char **why)
{
	*why = "this CPU may read for programs what is the kernel's";
	if (strcmp(c->vendor, "AuthenticAMD") == 0 || strcmp(c->vendor, "HygonGenuine") == 0)
		*why = "CPUs of this vendor look at rights before they read";
	else if (arch_capabilities & ARCH_CAP_RDCL_NO)
		*why = "the CPU says that it looks at rights before it reads";
	else if (!c->cpuid || executes_in_order(c))
		*why = "this CPU does not read ahead of rights";
	else
		return true;
	return false;
}

static bool wanted(const struct cpu_info *c, u64 arch_capabilities, const char **why)
{
	const char *word = cmdline_value("pti");
	bool on = cpu_needs_pti(c, arch_capabilities, why);

	if (!word || strcmp(word, "auto") == 0)
		return on;
	if (strcmp(word, "on") != 0 && strcmp(word, "off") != 0) {
		pr_warn("pti=%s: neither auto nor on nor off, using auto\n", word);
		return on;
	}
	*why = "as the command line says";
	return strcmp(word, "on") == 0;
}

bool pti_decide(const struct cpu_info *c, u64 arch_capabilities)
{
	const char *why;

	pti_on = wanted(c, arch_capabilities, &why);
	printk("page-table isolation: %s, %s\n", pti_on ? "on" : "off", why);
	return pti_on;
}
