/* SPDX-License-Identifier: MIT */
/* Shared by summary.c and summary_picture.c. */
#pragma once

#include <kernel/summary.h>

/*
 * Draw the text as a QR code to the right of the screen's first `cols` columns: as many of its lines as there is room
 * for, perhaps none.
 */
void summary_draw(const struct summary_text *text, unsigned int cols);
