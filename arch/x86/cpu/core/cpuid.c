/* SPDX-License-Identifier: MIT */
/* Decoding CPUID (Intel SDM vol. 2; AMD APM vol. 3, appendix E). */
#include <asm/cpuid.h>
#include <asm/irqflags.h>
#include <lib/compiler.h>
#include <lib/format.h>
#include <lib/string.h>

#define LEAF_PERF	   0x0000000a
#define LEAF_EXTENDED	   0x80000000
#define LEAF_EXT_FEATURES  0x80000001
#define LEAF_BRAND	   0x80000002 /* three leaves of 16 characters */
#define LEAF_POWER	   0x80000007
#define LEAF_ADDRESS_SIZES 0x80000008

/* Not every 486 has the instruction. The CPU has it if the ID flag can be changed. */
static bool cpuid_exists(void)
{
	unsigned long before = read_flags(), after;

	write_flags(before ^ FLAGS_ID);
	after = read_flags();
	write_flags(before);
	return (before ^ after) & FLAGS_ID;
}

static void read_identity(struct cpu_info *info)
{
	struct cpuid_regs r = cpuid_raw(0, 0);

	info->max_leaf = r.eax;
	memcpy(info->vendor, &r.ebx, 4);
	memcpy(info->vendor + 4, &r.edx, 4);
	memcpy(info->vendor + 8, &r.ecx, 4);
	/* CPUs without extended leaves answer with the data of some other leaf. */
	r = cpuid_raw(LEAF_EXTENDED, 0);
	if (r.eax > LEAF_EXTENDED && r.eax < LEAF_EXTENDED + 0x10000)
		info->max_ext_leaf = r.eax;
}

static struct cpuid_regs leaf(const struct cpu_info *info, u32 nr, u32 subleaf)
{
	u32 limit = nr & LEAF_EXTENDED ? info->max_ext_leaf : info->max_leaf;

	if (!info->cpuid || nr > limit)
		return (struct cpuid_regs){ 0 };
	return cpuid_raw(nr, subleaf);
}

static void read_features(struct cpu_info *info)
{
	struct cpuid_regs r = leaf(info, 1, 0);

	info->family = r.eax >> 8 & 15;
	info->model_nr = r.eax >> 4 & 15;
	if (info->family == 6 || info->family == 15)
		info->model_nr |= r.eax >> 12 & 0xf0;
	if (info->family == 15)
		info->family += r.eax >> 20 & 0xff;
	info->initial_apic_id = r.ebx >> 24;
	info->clflush_bytes = r.edx & BIT(19) ? (r.ebx >> 8 & 0xff) * 8 : 0;
	info->pse = r.edx & BIT(3);
	info->tsc = r.edx & BIT(4);
	info->msr = r.edx & BIT(5);
	info->pae = r.edx & BIT(6);
	info->mce = r.edx & BIT(7);
	info->apic = r.edx & BIT(9);
	info->sysenter = r.edx & BIT(11);
	info->mtrr = r.edx & BIT(12);
	info->pge = r.edx & BIT(13);
	info->pat = r.edx & BIT(16);
	info->pse36 = r.edx & BIT(17);
	info->pcid = r.ecx & BIT(17);
	info->x2apic = r.ecx & BIT(21);
	info->tsc_deadline = r.ecx & BIT(24);
	info->rdrand = r.ecx & BIT(30);
	info->hypervisor = r.ecx & BIT(31);

	r = leaf(info, 7, 0);
	info->smep = r.ebx & BIT(7);
	info->invpcid = r.ebx & BIT(10);
	info->smap = r.ebx & BIT(20);
	info->processor_trace = r.ebx & BIT(25);
	info->umip = r.ecx & BIT(2);
	info->la57 = r.ecx & BIT(16);
	info->rdpid = r.ecx & BIT(22);
	info->arch_capabilities = r.edx & BIT(29);
	info->perf_version = leaf(info, LEAF_PERF, 0).eax & 0xff;

	r = leaf(info, LEAF_EXT_FEATURES, 0);
	info->syscall = r.edx & BIT(11);
	info->nx = r.edx & BIT(20);
	info->huge_1g = r.edx & BIT(26);
	info->rdtscp = r.edx & BIT(27);
	info->long_mode = r.edx & BIT(29);

	r = leaf(info, LEAF_POWER, 0);
	info->invariant_tsc = r.edx & BIT(8);
}

static void read_address_sizes(struct cpu_info *info)
{
	u32 sizes = leaf(info, LEAF_ADDRESS_SIZES, 0).eax;

	info->phys_bits = sizes & 0xff;
	info->virt_bits = sizes >> 8 & 0xff;
	if (!info->phys_bits)
		info->phys_bits = info->pae || info->pse36 ? 36 : 32; /* SDM vol. 3, 4.1.4 */
	if (!info->virt_bits)
		info->virt_bits = 32;
}

static void read_model(struct cpu_info *info)
{
	u32 text[12], i;
	const char *start = (const char *)text;

	if (info->max_ext_leaf < LEAF_BRAND + 2) {
		snprintf(info->model, sizeof(info->model), "family %u model %u", info->family, info->model_nr);
		return;
	}
	for (i = 0; i < 3; i++) {
		struct cpuid_regs r = cpuid_raw(LEAF_BRAND + i, 0);

		memcpy(text + 4 * i, &r, sizeof(r));
	}
	for (i = sizeof(text); i && *start == ' '; i--)
		start++;
	memcpy(info->model, start, i);
}

void cpu_info_read(struct cpu_info *info)
{
	*info = (struct cpu_info){ .cpuid = cpuid_exists() };
	if (info->cpuid)
		read_identity(info);
	read_features(info);
	read_address_sizes(info);
	read_model(info);
}

struct cpuid_regs cpuid(u32 nr, u32 subleaf)
{
	return leaf(&boot_cpu, nr, subleaf);
}
