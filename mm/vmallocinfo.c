/* SPDX-License-Identifier: MIT */
/*
 * Who uses vmalloc space: a line for each range in use, in the format of Linux's /proc/vmallocinfo, sorted by address.
 * Each line is a copy taken under the lock; it is printed without one, so a slow console stops nobody.
 */
#include "vm_internal.h"

#define LINE_SIZE 160

static int format_area(char *buf, size_t size, const struct vm_struct *area)
{
	int len = scnprintf(buf, size, " %pS", (void *)area->caller);

	if (area->nr_pages)
		len += scnprintf(buf + len, size - len, " pages=%u", area->nr_pages);
	if (area->phys_addr)
		len += scnprintf(buf + len, size - len, " phys=%pa", &area->phys_addr);
	return len + scnprintf(buf + len, size - len, "%s%s%s%s%s", area->flags & VM_IOREMAP ? " ioremap" : "",
			       area->flags & VM_ALLOC ? " vmalloc" : "", area->flags & VM_MAP ? " vmap" : "",
			       area->flags & VM_USERMAP ? " user" : "",
			       is_vmalloc_addr(area->pages) ? " vpages" : "");
}

void vmallocinfo(void (*emit)(void *ctx, const char *line), void *ctx)
{
	struct vm_range_info range;
	char line[LINE_SIZE];

	for (vaddr_t from = 0; vm_range_next(from, &range); from = range.end) {
		const size_t room = sizeof(line) - 1; /* the end of the line */
		int len = scnprintf(line, room, "0x%p-0x%p %7ld", (void *)range.start, (void *)range.end,
				    (long)(range.end - range.start));

		if (range.state == VM_CLEAN)
			continue;
		if (range.state == VM_LAZY)
			len += scnprintf(line + len, room - len, " unpurged vm_area");
		else if (range.kind == VM_RANGE_AREA)
			len += format_area(line + len, room - len, &range.area);
		else
			len += scnprintf(line + len, room - len, " vm_map_ram");
		scnprintf(line + len, sizeof(line) - len, "\n");
		emit(ctx, line);
	}
}
