/* SPDX-License-Identifier: MIT */
#include <lib/string.h>
