/* SPDX-License-Identifier: MIT */
/*
 * Which features are in use, and the control registers that switch them on. The registers are written whole, because
 * firmware may have left anything in them. Two bits of CR4 stay as they are: PAE and LA57 chose the paging mode before
 * paging was switched on, and cannot change now.
 */
#include <arch/cpu.h>
#include <asm/cr.h>
#include <asm/leftovers.h>
#include <asm/msr.h>
#include <asm/pti.h>
#include <asm/smap.h>
#include <asm/tlb.h>
#include <kernel/cmdline.h>
#include <kernel/printk.h>
#include <lib/format.h>
#include <lib/string.h>
#include "features.h"

CMDLINE_OPTION(nopge, "nopge", "no global pages");
CMDLINE_OPTION(nopat, "nopat", "no page attribute tables: write-combining becomes uncached");
CMDLINE_OPTION(pcid, "pcid", "tag TLB entries with process-context identifiers, where the CPU has them");
CMDLINE_OPTION(nopcid, "nopcid", "do not, whatever else is said");
CMDLINE_OPTION(noinvpcid, "noinvpcid", "with pcid: flush without INVPCID");

/* EM: x87 and SSE instructions raise an exception, because a thread switch does not save their registers. */
#define CR0_VALUE (CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_EM | CR0_MP | CR0_PE)

struct cpu_info boot_cpu __ro_after_init;
bool smap_enabled __ro_after_init;

static bool features[NR_FEATURES] __ro_after_init;
static char name[sizeof(boot_cpu.vendor) + sizeof(boot_cpu.model)] __ro_after_init;

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
	cr4 |= features[FEATURE_PCID] ? CR4_PCIDE : 0;
	return cr4;
}

/* A CPU with CPUID has CR4. A CPU with SYSCALL, long mode or NX has EFER. */
static void write_registers(const struct cpu_info *c)
{
	write_cr0(CR0_VALUE);
	if (c->cpuid)
		write_cr4(cr4_value(c));
	if (c->nx || c->long_mode || c->syscall)
		wrmsr(MSR_EFER, (rdmsr(MSR_EFER) & (EFER_LME | EFER_LMA)) | (c->nx ? EFER_NXE : 0));
	pat_write(c); /* loading the reference tables, on every CPU, drops the TLB entries made before it */
}

static void decide(const struct cpu_info *c)
{
	unsigned long cr4 = c->cpuid ? read_cr4() : 0;
	bool wide = cr4 & CR4_PAE; /* 64-bit entries */

	features[FEATURE_HUGE_2M] = wide || c->pse;
	features[FEATURE_HUGE_1G] = BITS_PER_LONG == 64 && c->huge_1g;
	features[FEATURE_NX] = wide && c->nx;
	features[FEATURE_GLOBAL] = c->pge;
	features[FEATURE_PAT] = c->pat;
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
	mtrr_read(&boot_cpu, &mtrr_state);
	decide(&boot_cpu);
	snprintf(name, sizeof(name), "%s%s%s", boot_cpu.vendor, boot_cpu.vendor[0] ? " " : "", boot_cpu.model);
}

/*
 * On these Intel models, with older microcode, INVLPG does not flush global pages while PCIDs are on. So PCIDs stay off
 * there. (Intel's errata ADL063 and RPL; the models are Alder Lake, Raptor Lake and their kin.)
 */
bool cpu_pcid_trusted(const struct cpu_info *c)
{
	static const u8 models[] = { 0x97, 0x9a, 0xb7, 0xba, 0xbe, 0xbf };

	for (unsigned int i = 0; i < ARRAY_SIZE(models); i++)
		if (c->family == 6 && c->model_nr == models[i] && strcmp(c->vendor, "GenuineIntel") == 0)
			return false;
	return true;
}

static bool want_pcid(void)
{
	if (!cmdline_has("pcid") || cmdline_has("nopcid"))
		return false;
	if (BITS_PER_LONG == 64 && boot_cpu.pcid && cpu_pcid_trusted(&boot_cpu))
		return true;
	printk("pcid: not with this CPU in this mode\n");
	return false;
}

/* PCIDs may be switched on only while the low bits of CR3 are 0. They are: CR3 still has the boot tables. */
void arch_apply_options(void)
{
	u64 capabilities = boot_cpu.msr && boot_cpu.arch_capabilities ? rdmsr_safe(MSR_ARCH_CAPABILITIES) : 0;

	features[FEATURE_PCID] = want_pcid();
	features[FEATURE_INVPCID] = features[FEATURE_PCID] && boot_cpu.invpcid && !cmdline_has("noinvpcid");
	features[FEATURE_PTI] = pti_decide(&boot_cpu, capabilities);
	if (cmdline_has("nopge") || pti_on) /* a program could find the kernel's global pages */
		features[FEATURE_GLOBAL] = boot_cpu.pge = false;
	if (cmdline_has("nopat"))
		features[FEATURE_PAT] = false;
	if (boot_cpu.cpuid)
		write_cr4(cr4_value(&boot_cpu));
	if (features[FEATURE_INVPCID])
		tlb_use_invpcid();
	leftovers_fill(&boot_cpu);
	leftovers_remove(&boot_cpu);
}

/* All CPUs share the page tables and the value of CR4, so each must have the features that these use. */
static bool has_all_of_boot_cpu(const struct cpu_info *c)
{
	return c->pse >= boot_cpu.pse && c->pge >= boot_cpu.pge && c->pat >= boot_cpu.pat && c->nx >= boot_cpu.nx &&
	       c->huge_1g >= boot_cpu.huge_1g && c->smep >= boot_cpu.smep && c->smap >= boot_cpu.smap &&
	       c->umip >= boot_cpu.umip && c->mce >= boot_cpu.mce && c->x2apic >= boot_cpu.x2apic &&
	       c->phys_bits >= boot_cpu.phys_bits && c->pcid >= features[FEATURE_PCID] &&
	       c->invpcid >= features[FEATURE_INVPCID];
}

bool features_init_ap(void)
{
	struct cpu_info info;

	cpu_info_read(&info);
	if (!has_all_of_boot_cpu(&info))
		return false;
	write_registers(&boot_cpu);
	leftovers_fill(&info);
	leftovers_remove(&info);
	return true;
}
