/* SPDX-License-Identifier: MIT */
/* Clearing a page in the way that this processor does fastest. */
#pragma once

#include <lib/compiler.h>

/* Write zeroes to the page that is mapped at `page`, page-aligned. Any context. */
void arch_clear_page(void *page);
