/* SPDX-License-Identifier: MIT */
/*
 * The widths of the host port. Addresses are 64 bits wide even where the geometry under test has 32-bit ones: those are
 * then small numbers. How wide a physical address is comes from host.mk, since it is part of a geometry.
 */
#pragma once

#define BITS_PER_LONG 64

typedef HOST_PHYS_ADDR phys_addr_t;
