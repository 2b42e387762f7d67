/* SPDX-License-Identifier: MIT */
/*
 * Processors on any host. kva switches nothing on or off (only a flush clears CR4.PGE and sets it again): it finds out
 * what the host has switched on, and uses that. A CPU that comes later must have switched on the same.
 */
#include "mm/kva/floor/floor.h"

#include <arch/lazy_mmu.h>
#include <asm/cr.h>
#include <asm/msr.h>
#include <asm/tlb.h>
#include "arch/x86/cpu/core/features.h"
#include "arch/x86/mm/internal.h"

#define PAT_SAFE 0x00070406ull /* slots 0 to 3, the same since power-on: WB, WT, UC-, UC */
#define PAT_WC(pat) (((pat) >> 48 & 0xff) == 1) /* slot 6 */

struct cpu_info boot_cpu;
const struct kva_thread *kva_boot_thread;
bool kva_announced[MAX_CPUS] = { true }, kva_booting = true;
cpumask_t __cpu_online_mask, __cpu_possible_mask;
vaddr_t per_cpu_offset[MAX_CPUS];
DEFINE_DECLARED_PER_CPU(struct cpu_mmu, cpu_mmu);

unsigned int pt_levels = 4; /* x86_64; other targets have one depth */
static bool features[NR_FEATURES];
static u64 boot_pat;

bool cpu_has(enum cpu_feature feature) { return features[feature]; }
bool in_nmi(void) { return false; } /* the host keeps kva out of NMIs, but for what kva.h allows there */

void kva_not_announced(unsigned int cpu)
{
	if (cpu < MAX_CPUS)
		kva_announced[cpu] = true; /* so that the panic does not meet itself */
	panic("CPU %u has not called kva_cpu_online(): nobody would flush its TLB", cpu);
}

/* --- what the host has switched on -------------------------------------------------------------------------------- */

static bool nx_on(void) { return boot_cpu.nx && (rdmsr(MSR_EFER) & EFER_NXE); }

static int adopt_levels(unsigned long cr4)
{
	bool wide = cr4 & CR4_PAE;

	pt_levels = cr4 & CR4_LA57 ? 5 : 4;
	if (wide != (PT_MAX_LEVEL > 2))
		return kva_refuse("CR4.PAE is %s, but kva was compiled for %s (KVA_TARGET)", wide ? "on" : "off",
				  PT_MAX_LEVEL > 2 ? "entries of 64 bits" : "2 levels");
	if (!(read_cr0() & CR0_WP))
		printk("CR0.WP is off: the kernel writes to what is mapped read-only\n");
	return 0;
}

static int adopt_pcid(unsigned long cr4)
{
	if (!(cr4 & CR4_PCIDE))
		return 0;
	if (boot_cpu.invpcid)
		tlb_use_invpcid();
	else if (!(cr4 & CR4_PGE))
		return kva_refuse("PCIDs are on, but neither global pages (CR4.PGE) nor INVPCID: other address spaces "
				  "would keep what is unmapped");
	return 0;
}

/* WC stands in slot 6, or kva's write-combining is uncached. */
static int adopt_pat(void)
{
	boot_pat = boot_cpu.pat ? rdmsr(MSR_PAT) : 0;
	if (boot_cpu.pat && (boot_pat & 0xffffffff) != PAT_SAFE)
		return kva_refuse("IA32_PAT is %llx: its slots 0 to 3 must be WB, WT, UC-, UC, as after power-on",
				  boot_pat);
	features[FEATURE_PAT] = boot_cpu.pat && PAT_WC(boot_pat);
	if (boot_cpu.pat && !features[FEATURE_PAT])
		printk("IA32_PAT has no write-combining in slot 6: KVA_WC will be uncached\n");
	return 0;
}

static void adopt_features(unsigned long cr4)
{
	features[FEATURE_HUGE_2M] = cr4 & (CR4_PAE | CR4_PSE);
	features[FEATURE_HUGE_1G] = BITS_PER_LONG == 64 && boot_cpu.huge_1g;
	features[FEATURE_GLOBAL] = cr4 & CR4_PGE;
	features[FEATURE_NX] = PT_MAX_LEVEL > 2 && nx_on();
	if (PT_MAX_LEVEL > 2 && boot_cpu.nx && !features[FEATURE_NX])
		printk("EFER.NXE is off: everything that kva maps is executable\n");
	pte_supported |= features[FEATURE_NX] ? PTE_NX : 0;
	pte_supported |= features[FEATURE_GLOBAL] ? PTE_GLOBAL : 0;
	pte_supported |= features[FEATURE_PAT] ? PTE_PAT : 0;
}

int cpu_adopt(void)
{
	unsigned long cr4;
	int err;

	cpu_info_read(&boot_cpu);
	cr4 = boot_cpu.cpuid ? read_cr4() : 0;
	err = adopt_levels(cr4);
	err = err ? err : adopt_pat();
	err = err ? err : adopt_pcid(cr4);
	if (err)
		return err;
	adopt_features(cr4);
	mtrr_read(&boot_cpu, &mtrr_state);
	return 0;
}

/* --- coming and going --------------------------------------------------------------------------------------------- */

/* First on the list of those that a flush asks, then a flush of its own: so it keeps nothing from the time before. */
void cpu_announce(unsigned int cpu)
{
	if (cpu)
		WRITE_ONCE(kva_booting, false);
	kva_announced[cpu] = true;
	cpumask_set(&__cpu_online_mask, cpu);
	smp_mb();
	flush_tlb_local();
}

bool arch_memtype_check(void) { return !boot_cpu.pat || rdmsr(MSR_PAT) == boot_pat; }

static int compare_with_boot_cpu(unsigned int cpu)
{
	const char *lacks = NULL;

	if (features[FEATURE_GLOBAL] && !(read_cr4() & CR4_PGE))
		lacks = "CR4.PGE";
	else if (features[FEATURE_NX] && !nx_on())
		lacks = "EFER.NXE";
	else if (!arch_memtype_check())
		lacks = "the same IA32_PAT";
	return lacks ? kva_refuse("CPU %u has not %s as the boot CPU has", cpu, lacks) : 0;
}

int kva_cpu_online(void)
{
	unsigned int cpu = host_cpu_number();
	int err;

	if (cpu >= MAX_CPUS || !cpumask_test(&__cpu_possible_mask, cpu))
		return kva_refuse("CPU %u comes online, but there are %u at most (kva_config.cpus, KVA_MAX_CPUS)", cpu,
				  cpumask_weight(&__cpu_possible_mask));
	if (cpumask_test(cpu_online_mask, cpu))
		return kva_refuse("CPU %u is online already: does host_cpu() give each CPU a number of its own?", cpu);
	if (host_thread() == kva_boot_thread)
		return kva_refuse(
			"host_thread() gives CPU %u the words of the boot CPU's thread: each thread has its own", cpu);
	err = compare_with_boot_cpu(cpu);
	if (!err)
		cpu_announce(cpu);
	return err;
}

/*
 * A flush reads the mask and posts its requests with preemption off. So after a grace period nobody asks this CPU any
 * more. What its cache has, others take when they need it.
 */
void kva_cpu_offline(unsigned int cpu)
{
	might_sleep();
	if (cpu >= MAX_CPUS || !cpumask_test(cpu_online_mask, cpu))
		return;
	cpumask_clear(&__cpu_online_mask, cpu);
	synchronize_rcu();
	kva_announced[cpu] = false;
}

void cpu_count_check(void)
{
	static unsigned int said;
	unsigned int running = MAX_CPUS > 1 ? host_nr_cpus() : 1, known = num_online_cpus();

	if (likely(running <= known) || READ_ONCE(said) == running)
		return;
	WRITE_ONCE(said, running);
	printk("%u CPUs run (host_nr_cpus), but %u have called kva_cpu_online(): the others may use what is unmapped\n",
	       running, known);
}

/* --- the tree in CR3 is the host's -------------------------------------------------------------------------------- */

bool pgtable_is_loaded(const struct pgtable *pt __maybe_unused) { return false; }
void pgtable_leave(struct pgtable *pt) { panic("tree %u is taken from a CPU", pt->id); }
struct lazy_mmu *arch_lazy_mmu(void) { return &this_thread()->lazy_mmu; }

u64 arch_cycles(void) { return boot_cpu.tsc ? rdtsc() : 0; }
u64 arch_uptime_us(void) { return arch_cycles() / 1024; } /* some microseconds: only long waits are measured */
