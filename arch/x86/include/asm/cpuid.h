/* SPDX-License-Identifier: MIT */
/*
 * CPUID (Intel SDM vol. 2; AMD APM vol. 3, E), decoded once, within the leaf limits. A 486 without the instruction has
 * no features. Whether a feature is *in use*: cpu_has() in <arch/cpu.h>.
 */
#pragma once

#include <lib/types.h>

struct cpuid_regs {
	u32 eax, ebx, ecx, edx;
};

/* The raw instruction. The caller has checked that it exists and that the leaf is within the maximum. */
static inline struct cpuid_regs cpuid_raw(u32 leaf, u32 subleaf)
{
	struct cpuid_regs r;

	__asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
	return r;
}

struct cpu_info {
	u32 max_leaf, max_ext_leaf; /* highest basic and extended (0x8000....) leaf; 0 = none */
	char vendor[13];	    /* "GenuineIntel"; "" without CPUID */
	char model[49];		    /* brand string, leading blanks dropped; "family 5 model 2" if there is none */
	unsigned int family, model_nr; /* as Intel counts them, with the extended parts */
	u32 initial_apic_id;
	unsigned int phys_bits, virt_bits;
	bool cpuid;		    /* the instruction exists */
	unsigned int perf_version;  /* of the performance counters; 0 = none */

	bool tsc, msr, apic, mce, pse, pse36, pae, pge, pat, mtrr, sysenter; /* leaf 1, EDX */
	unsigned int clflush_bytes;			     /* how much one CLFLUSH writes back; 0: there is none */
	bool pcid, x2apic, tsc_deadline, rdrand, hypervisor; /* leaf 1, ECX */
	bool smep, smap, umip, la57, invpcid, rdpid, processor_trace; /* leaf 7 */
	bool arch_capabilities;			     /* leaf 7: the register of that name */
	bool nx, huge_1g, long_mode, syscall, rdtscp;	     /* leaf 0x80000001, EDX */
	bool invariant_tsc;				     /* leaf 0x80000007 */
};

/* Read the CPUID of this CPU. */
void cpu_info_read(struct cpu_info *info);

/* The boot CPU's; valid after arch_init_cpu(). pge: false also with `nopge` or page-table isolation. */
extern struct cpu_info boot_cpu;

/* Does INVLPG work while PCIDs are on? False: a known erratum; PCIDs are not used. */
bool cpu_pcid_trusted(const struct cpu_info *info);

/* A basic or extended leaf, all zeros if the CPU does not have it. */
struct cpuid_regs cpuid(u32 leaf, u32 subleaf);
