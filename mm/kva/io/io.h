/* SPDX-License-Identifier: MIT */
/* The private contract of io/ towards kva.c. */
#pragma once

void ioremap_init(void); /* boot, with vmalloc_init() */
