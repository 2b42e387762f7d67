/* SPDX-License-Identifier: MIT */
/* The processors of a machine without ACPI, from the tables of the MultiProcessor Specification 1.4. */
#pragma once

#include <lib/compiler.h>

struct acpi_cpus;

/*
 * Look for the tables, and list the CPUs of theirs that are enabled. None: there are no tables. Boot CPU, needs
 * arch_device_mapper.
 */
void mptable_read_cpus(struct acpi_cpus *cpus);

/* The same from the bytes of a table with `len` of them, its header at least. Boot CPU. */
void mptable_decode(const void *bytes, size_t len, struct acpi_cpus *cpus);

/*
 * A table names the first CPU of each package only, as its authors were told when one package had one. CPUID says how
 * many ids a package has: those of the others are listed too, and who does not answer is not there. Boot CPU, after
 * either of the above.
 */
void mptable_add_siblings(struct acpi_cpus *cpus, unsigned int in_package);
