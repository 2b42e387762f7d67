/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer for the XArray: the bytes choose the kind of array, where its places lie, which allocations fail, and the
 * steps; the model (xarray_model.h) is compared with it all along.
 */
#include "tests/host/xarray_model.h"
#include "tests/host/fuzz_bytes.h"

static unsigned int model_pick(unsigned int n)
{
	unsigned int value = n > 1 ? next_byte() : 0;

	if (n > 256)
		value = value << 8 | next_byte();
	return n ? value % n : 0;
}

/* Up to 15 runs of up to 20 neighbours; a run begins at 16 chosen bits, put anywhere. */
static void choose_places(void)
{
	for (unsigned int runs = model_pick(15) + 1; runs; runs--) {
		unsigned long start = (unsigned long)model_pick(65536) << model_pick(BITS_PER_LONG);
		unsigned int length = model_pick(20) + 1;

		if (model_pick(4) == 0)
			start = -start;
		for (unsigned int k = 0; k < length; k++)
			model_add_place(start + k);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc __maybe_unused, char ***argv __maybe_unused)
{
	host_machine(0x1000, 1);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const gfp_t kinds[] = { 0, XA_FLAGS_ALLOC, XA_FLAGS_ALLOC1, XA_FLAGS_LOCK_IRQ };

	bytes = data;
	nr_bytes = size;
	choose_places();
	model_begin(kinds[model_pick(ARRAY_SIZE(kinds))]);
	model_fail_every = model_pick(8);
	model_fail_nowait = model_pick(4) == 0;
	while (nr_bytes) {
		model_step();
		if (nr_bytes % 32 == 0)
			model_compare();
	}
	model_compare();
	model_end();
	return 0;
}
