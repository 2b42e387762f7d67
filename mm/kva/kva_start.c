/* SPDX-License-Identifier: MIT */
/* kva_init() of our own kernel, which has made its page tables already. For other kernels: floor/api.c. */
#include "mm/kva/kva_internal.h"

#include <mm/vmalloc.h>

int kva_init(const struct kva_config *config)
{
	int err = kva_config_check(config);

	if (!err)
		vmalloc_init();
	return err;
}
