/* SPDX-License-Identifier: MIT */
/* Objects are the host's: objects.c. */
#pragma once

#include <mm/slab.h>
