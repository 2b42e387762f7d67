/* SPDX-License-Identifier: MIT */
/* Size of a stack in the image, alone and with its guard page. Constants only: assembly includes it too. */
#pragma once

#define IMAGE_STACK_SIZE   16384
#define GUARDED_STACK_UNIT (4096 + IMAGE_STACK_SIZE)
