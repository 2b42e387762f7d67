/* SPDX-License-Identifier: MIT */
/* What the two files of the block share. */
#pragma once

#include <kernel/summary.h>

/*
 * Draw it as a QR code to the right of the screen's first `cols` columns: as many of its lines as there is room for, or
 * nothing.
 */
void summary_draw(const struct summary_text *text, unsigned int cols);
