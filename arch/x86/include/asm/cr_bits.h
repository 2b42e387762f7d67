/* SPDX-License-Identifier: MIT */
/* Bits of CR0, CR4 and EFER (Intel SDM vol. 3, 2.5 and 2.2.1). Constants only: assembly includes it too. */
#pragma once

#define CR0_PE 0x00000001 /* protected mode */
#define CR0_MP 0x00000002 /* WAIT obeys TS */
#define CR0_EM 0x00000004 /* there is no FPU */
#define CR0_ET 0x00000010 /* always 1 */
#define CR0_NE 0x00000020 /* FPU errors as exceptions */
#define CR0_WP 0x00010000 /* read-only holds for ring 0 too */
#define CR0_NW 0x20000000
#define CR0_CD 0x40000000 /* caches off */
#define CR0_PG 0x80000000 /* paging */

#define CR4_DE	       0x00000008
#define CR4_PSE	       0x00000010 /* 4M leaves with 2 levels */
#define CR4_PAE	       0x00000020
#define CR4_MCE	       0x00000040 /* machine checks are exceptions, not a shutdown */
#define CR4_PGE	       0x00000080 /* global pages */
#define CR4_OSFXSR     0x00000200
#define CR4_OSXMMEXCPT 0x00000400
#define CR4_UMIP       0x00000800
#define CR4_LA57       0x00001000 /* 5 levels; cannot change in long mode */
#define CR4_FSGSBASE   0x00010000
#define CR4_PCIDE      0x00020000
#define CR4_SMEP       0x00100000
#define CR4_SMAP       0x00200000

#define MSR_EFER 0xc0000080
#define EFER_SCE 0x001 /* SYSCALL */
#define EFER_LME 0x100 /* long mode enabled */
#define EFER_LMA 0x400 /* long mode active, read-only */
#define EFER_NXE 0x800 /* no-execute bit */
