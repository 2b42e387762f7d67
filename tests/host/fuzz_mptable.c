/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer for arch/x86/cpu/acpi/mptable.c: the pointer, wherever it lies in the first MiB, and the table that it
 * leads to. Whatever the bytes are, nothing is read beyond a table, everything that was mapped is given back, and no
 * CPU is listed twice.
 */
#include "tests/host/port/host.h"

#include <asm/acpi.h>
#include <asm/mptable.h>

#include "tests/host/fuzz_seed.h"

#define TABLE 0xf0100u
#define CPUS  4

static u8 memory[1 << 20];

static void put(size_t at, u64 value, size_t size)
{
	memcpy(memory + at, &value, size);
}

static void fix_sum(size_t from, size_t size, size_t sum_at)
{
	u8 sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += memory[from + i];
	memory[sum_at] -= sum;
}

static void make_good(size_t pointer)
{
	memset(memory + 0xf0000, 0, 0x1000);
	memset(memory + 0x9f000, 0, 0x1000);
	put(0x40e, 0x9f80, 2);
	memcpy(memory + pointer, "_MP_", 4);
	put(pointer + 4, TABLE, 4);
	put(pointer + 8, 0x0401, 2);
	memcpy(memory + TABLE, "PCMP", 4);
	put(TABLE + 4, 44 + 20 * CPUS + 8, 2);
	put(TABLE + 34, CPUS + 1, 2);
	put(TABLE + 36, 0xfee00000, 4);
	for (unsigned int i = 0; i < CPUS; i++)
		put(TABLE + 44 + 20 * i, 0x01110000 | i << 8, 4);
	put(TABLE + 44 + 20 * CPUS, 1, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t places[] = { 0x9f800, 0x9fc00, 0xf0000, 0xf0ff0 };
	struct acpi_cpus cpus;
	size_t pointer;
	unsigned int kind;

	bytes = data;
	nr_bytes = size;
	kind = next_byte();
	pointer = places[kind >> 1 & 3];
	make_good(pointer);
	change(memory + TABLE, 256);
	change(memory + pointer, 16);
	if (kind & 1)
		fix_sum(TABLE, memory[TABLE + 4] | (size_t)memory[TABLE + 5] % 8 << 8, TABLE + 7);
	fix_sum(pointer, 16, pointer + 10);
	host_device(0, memory, sizeof(memory));
	mptable_read_cpus(&cpus);
	MUST(cpus.nr <= MAX_CPUS && (cpus.nr == MAX_CPUS || !cpus.dropped));
	for (unsigned int i = 0; i < cpus.nr; i++)
		for (unsigned int j = 0; j < i; j++)
			MUST(cpus.apic_id[i] != cpus.apic_id[j]);
	MUST(host_device_maps() == 0);
	host_device_forget();
	return 0;
}
