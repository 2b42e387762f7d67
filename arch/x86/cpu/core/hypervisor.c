/* SPDX-License-Identifier: MIT */
/* Does a hypervisor run this kernel, and which one? An emulator's ways to end a run are not for real machines. */
#include <arch/cpu.h>
#include <asm/cpuid.h>
#include <asm/io.h>
#include <asm/platform.h>
#include <lib/string.h>

#define HYPERVISOR_LEAF 0x40000000

#define FW_CFG_SELECT	 0x510
#define FW_CFG_DATA	 0x511
#define FW_CFG_SIGNATURE 0

#define BOCHS_DEBUG_PORT 0xe9

const char *hypervisor_name(void)
{
	static const struct {
		char signature[13];
		const char *name;
	} known[] = {
		{ "TCGTCGTCGTCG", "QEMU (TCG)" },
		{ "KVMKVMKVM\0\0\0", "KVM" },
		{ "VMwareVMware", "VMware" },
		{ "VBoxVBoxVBox", "VirtualBox" },
		{ "Microsoft Hv", "Hyper-V" },
		{ "XenVMMXenVMM", "Xen" },
		{ "bhyve bhyve ", "bhyve" },
	};
	struct cpuid_regs r;
	u32 signature[3];

	if (!cpu_has(FEATURE_HYPERVISOR))
		return NULL;
	r = cpuid_raw(HYPERVISOR_LEAF, 0);
	signature[0] = r.ebx;
	signature[1] = r.ecx;
	signature[2] = r.edx;
	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++)
		if (memcmp(signature, known[i].signature, sizeof(signature)) == 0)
			return known[i].name;
	return "an unknown hypervisor";
}

bool qemu_present(void)
{
	static const char expected[] = { 'Q', 'E', 'M', 'U' };

	if (!cpu_has(FEATURE_HYPERVISOR))
		return false;
	outw(FW_CFG_SIGNATURE, FW_CFG_SELECT);
	for (unsigned int i = 0; i < sizeof(expected); i++)
		if (inb(FW_CFG_DATA) != expected[i])
			return false;
	return true;
}

bool bochs_present(void)
{
	return inb(BOCHS_DEBUG_PORT) == BOCHS_DEBUG_PORT;
}
