/* SPDX-License-Identifier: MIT */
/* What the files of this folder share (theory: README.md). */
#pragma once

#include <arch/kasan.h>
#include <kernel/kasan.h>

void kasan_early_init(void); /* called by boot/high_64.S, before kmain() */
