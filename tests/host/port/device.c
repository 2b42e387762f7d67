/* SPDX-License-Identifier: MIT */
/*
 * Device memory that parsers of firmware tables map: a stretch of physical addresses whose bytes a test gives. Each
 * mapping is a copy of exactly its size, so that the sanitizer sees a byte too far; those that are not given back can
 * be counted.
 */
#include "tests/host/port/port.h"
#include "tests/host/port/host.h"

#include <stdlib.h>
#include <string.h>

#define DEVICE_MAPS 64

static struct {
	phys_addr_t start;
	const u8 *bytes;
	size_t size;
	void *map[DEVICE_MAPS];
	unsigned long mapped;
} device;

static void *map_device(phys_addr_t phys, unsigned long size, enum memtype type __maybe_unused)
{
	for (unsigned int i = 0; i < DEVICE_MAPS; i++) {
		if (device.map[i])
			continue;
		if (phys < device.start || phys - device.start > device.size ||
		    size > device.size - (phys - device.start))
			return NULL;
		device.mapped++;
		device.map[i] = malloc(size);
		memcpy(device.map[i], device.bytes + (phys - device.start), size);
		return device.map[i];
	}
	return NULL;
}

static void unmap_device(void *virt)
{
	for (unsigned int i = 0; i < DEVICE_MAPS; i++) {
		if (device.map[i] != virt)
			continue;
		device.map[i] = NULL;
		free(virt);
		return;
	}
	panic("unmapped, but never mapped: %p", virt);
}

static const struct device_mapper mapper = { map_device, unmap_device };

void host_device(phys_addr_t start, const void *bytes, size_t size)
{
	arch_set_device_mapper(&mapper);
	device.start = start;
	device.bytes = bytes;
	device.size = size;
}

unsigned int host_device_maps(void)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < DEVICE_MAPS; i++)
		nr += device.map[i] != NULL;
	return nr;
}

unsigned long host_device_mapped(void)
{
	return device.mapped;
}

void host_device_forget(void)
{
	for (unsigned int i = 0; i < DEVICE_MAPS; i++) {
		free(device.map[i]);
		device.map[i] = NULL;
	}
}
