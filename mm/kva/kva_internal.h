/* SPDX-License-Identifier: MIT */
/* What the files above all chambers share. */
#pragma once

#include "mm/page/page_internal.h"

#include <mm/kva_config.h>

/* Bytes that an entry of the level which address spaces copy spans. */
#define SHARED_SLOT pt_level_size(pt_sync_level())

/* A sentence about what cannot be right. Returns -EINVAL. */
int kva_refuse(const char *fmt, ...) __printf(1, 2);
/* 0, or -EINVAL after the sentence. */
int kva_config_check(const struct kva_config *config);
