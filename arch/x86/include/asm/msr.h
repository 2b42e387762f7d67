/* SPDX-License-Identifier: MIT */
/* Model-specific registers and the time stamp counter. Without _safe: only where CPUID says that they exist. */
#pragma once

#include <lib/types.h>
#include <asm/cr_bits.h>
#include <asm/extable.h>

#define MSR_APIC_BASE	   0x01b
#define MSR_ARCH_CAPABILITIES 0x10a
#define ARCH_CAP_RDCL_NO   0x1 /* no Meltdown */
#define MSR_SYSENTER_CS	   0x174
#define MSR_SYSENTER_ESP   0x175
#define MSR_SYSENTER_EIP   0x176
#define MSR_DEBUGCTL	   0x1d9 /* branch traces, single steps of branches */
#define MSR_PERF_GLOBAL_CTRL 0x38f
#define MSR_RTIT_CTL	   0x570 /* processor trace */
#define MSR_TSC_DEADLINE   0x6e0
#define MSR_MTRR_CAP	   0x0fe /* bits 0-7: variable ranges */
#define MSR_MTRR_BASE	   0x200 /* + 2 * range; the mask follows */
#define MSR_PAT		   0x277
#define MSR_MTRR_DEF_TYPE  0x2ff
#define MSR_X2APIC	   0x800 /* + register offset / 16 */
#define MSR_STAR	   0xc0000081
#define MSR_LSTAR	   0xc0000082
#define MSR_CSTAR	   0xc0000083
#define MSR_SFMASK	   0xc0000084
#define MSR_FS_BASE	   0xc0000100
#define MSR_GS_BASE	   0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX	   0xc0000103

static inline u64 rdmsr(u32 msr)
{
	u32 low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
	return (u64)high << 32 | low;
}

static inline void wrmsr(u32 msr, u64 value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

/* For a register that may not exist, or a value that it may refuse. 0: written; else nothing was written. */
static inline int wrmsr_safe(u32 msr, u64 value)
{
	u32 result = (u32)value;

	__asm__ volatile("1:\twrmsr\n\txor %%eax, %%eax\n"
			 "2:\n\t" EXCEPTION_ENTRY(1b, 2b)
			 : "+a"(result)
			 : "c"(msr), "d"((u32)(value >> 32)), [word] "i"(sizeof(vaddr_t))
			 : "memory", "cc");
	return (int)result;
}

/* 0 if the register does not exist. */
static inline u64 rdmsr_safe(u32 msr)
{
	u32 low, high = 0, missing = 1;

	__asm__ volatile("1:\trdmsr\n\txor %[missing], %[missing]\n"
			 "2:\n\t" EXCEPTION_ENTRY(1b, 2b)
			 : "=a"(low), "+d"(high), [missing] "+r"(missing)
			 : "c"(msr), [word] "i"(sizeof(vaddr_t))
			 : "memory", "cc");
	return missing ? 0 : (u64)high << 32 | low;
}

static inline u64 rdtsc(void)
{
	u32 low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (u64)high << 32 | low;
}
