/* SPDX-License-Identifier: MIT */
/*
 * Which features are in use, and the control registers that switch them on. The registers are written whole, because
 * firmware leaves anything in them; the bits that chose the paging mode (PAE, LA57) were set before paging was and
 * cannot change now, so they are taken from the CPU.
 */
#include <arch/cpu.h>
#include <asm/cr.h>
#include <asm/msr.h>
#include <asm/smap.h>
#include <lib/format.h>
#include "features.h"

#define CR0_VALUE (CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE)

/* The power-on value: entry i of WB WT UC- UC, twice; what PWT and PCD in an entry mean. */
#define PAT_VALUE 0x0007040600070406ULL

struct cpu_info boot_cpu;
bool smap_enabled;

static bool features[NR_FEATURES];
static char name[sizeof(boot_cpu.vendor) + sizeof(boot_cpu.model)];

bool cpu_has(enum cpu_feature feature)
{
	return features[feature];
}

const char *cpu_name(void)
{
	return name;
}

static unsigned long cr4_value(const struct cpu_info *c)
{
	unsigned long cr4 = read_cr4() & (CR4_PAE | CR4_LA57);

	cr4 |= c->pse ? CR4_PSE : 0;
	cr4 |= c->mce ? CR4_MCE : 0;
	cr4 |= c->pge ? CR4_PGE : 0;
	cr4 |= c->umip ? CR4_UMIP : 0;
	cr4 |= c->smep ? CR4_SMEP : 0;
	cr4 |= c->smap ? CR4_SMAP : 0;
	return cr4;
}

/* CR4 came with CPUID; EFER with long mode or NX. */
static void write_registers(const struct cpu_info *c)
{
	write_cr0(CR0_VALUE);
	if (c->cpuid)
		write_cr4(cr4_value(c));
	if (c->nx || c->long_mode)
		wrmsr(MSR_EFER, (rdmsr(MSR_EFER) & (EFER_LME | EFER_LMA)) | (c->nx ? EFER_NXE : 0));
	if (c->pat)
		wrmsr(MSR_PAT, PAT_VALUE);
}

static void decide(const struct cpu_info *c)
{
	unsigned long cr4 = c->cpuid ? read_cr4() : 0;
	bool wide = cr4 & CR4_PAE; /* 64-bit entries */

	features[FEATURE_HUGE_2M] = wide || c->pse;
	features[FEATURE_HUGE_1G] = BITS_PER_LONG == 64 && c->huge_1g;
	features[FEATURE_NX] = wide && c->nx;
	features[FEATURE_GLOBAL] = c->pge;
	features[FEATURE_LA57] = cr4 & CR4_LA57;
	features[FEATURE_SMEP] = c->smep;
	features[FEATURE_SMAP] = c->smap;
	features[FEATURE_X2APIC] = c->x2apic;
	features[FEATURE_HYPERVISOR] = c->hypervisor;
	smap_enabled = c->smap;
}

void features_init(void)
{
	cpu_info_read(&boot_cpu);
	write_registers(&boot_cpu);
	decide(&boot_cpu);
	snprintf(name, sizeof(name), "%s%s%s", boot_cpu.vendor, boot_cpu.vendor[0] ? " " : "", boot_cpu.model);
}

/* Page tables and CR4 are common to all CPUs, so is what they rely on. */
static bool has_all_of_boot_cpu(const struct cpu_info *c)
{
	return c->pse >= boot_cpu.pse && c->pge >= boot_cpu.pge && c->pat >= boot_cpu.pat && c->nx >= boot_cpu.nx &&
	       c->huge_1g >= boot_cpu.huge_1g && c->smep >= boot_cpu.smep && c->smap >= boot_cpu.smap &&
	       c->umip >= boot_cpu.umip && c->mce >= boot_cpu.mce && c->x2apic >= boot_cpu.x2apic &&
	       c->phys_bits >= boot_cpu.phys_bits;
}

bool features_init_ap(void)
{
	struct cpu_info info;

	cpu_info_read(&info);
	if (!has_all_of_boot_cpu(&info))
		return false;
	write_registers(&boot_cpu);
	return true;
}
