/* SPDX-License-Identifier: MIT */
/* The processors of a machine without ACPI, from the tables of the MultiProcessor Specification 1.4. */
#pragma once

#include <lib/compiler.h>

struct acpi_cpus;

/*
 * Look for the tables, and list the enabled CPUs that they name. cpus->nr 0: there are no tables. Boot CPU, needs
 * arch_device_mapper.
 */
void mptable_read_cpus(struct acpi_cpus *cpus);

/* The same from a table of `len` bytes, at least a header. Boot CPU. */
void mptable_decode(const void *bytes, size_t len, struct acpi_cpus *cpus);

/*
 * Add the other CPUs of each package: a table names only the first one. CPUID says how many ids a package has. All of
 * them are listed; a CPU that does not answer later does not exist. Boot CPU, after either of the above.
 */
void mptable_add_siblings(struct acpi_cpus *cpus, unsigned int in_package);
