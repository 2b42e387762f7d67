/* SPDX-License-Identifier: MIT */
/* Fault injection: counts allocations, and chooses the ones that fail. */
#include <kernel/inject.h>
#include <arch/barrier.h>
#include <arch/irq.h>
#include <kernel/bug.h>
#include <kernel/cmdline.h>
#include <kernel/preempt.h>
#include <kernel/printk.h>
#include <lib/atomic.h>
#include <lib/parse.h>
#include <lib/string.h>

CMDLINE_OPTION(inject, "inject=SITE:nth=N",
	       "in each test the N-th allocation of a kind fails: page, table, slab, any; each N-th with every=N, "
	       "every N ms with ms=N, of one caller with :by=FUNCTION");
CMDLINE_OPTION(fail_page_alloc, "fail_page_alloc=N", "the same as inject=page:nth=N");

#define BY_MAX	 32
#define NTH_MOST 0x7fffffffu

unsigned int inject_armed; /* number of armed sites */

static struct injection {
	const char *name;
	struct task *task;	     /* thread whose allocations count; NULL: all threads */
	unsigned int left;	     /* allocations up to the failing one; 0: not armed; 1 while failures repeat */
	struct inject_repeat repeat; /* all 0: one failure */
	atomic_t seen, failures;
	unsigned long next_ms;	     /* time of the next failure, with `ms` */
	bool told;		     /* print a line at the first failure */
	char by[BY_MAX];	     /* the caller, from the command line */
} sites[NR_INJECT_SITES] = {
	[INJECT_PAGE] = { .name = "page" },
	[INJECT_TABLE] = { .name = "table" },
	[INJECT_SLAB] = { .name = "slab" },
};

static void arm(enum inject_site site, unsigned int nth, struct task *task, struct inject_repeat repeat)
{
	struct injection *s = &sites[site];

	inject_clear(site);
	if (!nth)
		return;
	s->task = task;
	s->told = false;
	s->repeat = repeat;
	s->next_ms = (unsigned long)arch_uptime_ms();
	atomic_set(&s->seen, 0);
	atomic_set(&s->failures, 0);
	__atomic_fetch_add(&inject_armed, 1, __ATOMIC_SEQ_CST);
	smp_store_release(&s->left, nth);
}

void inject_set(enum inject_site site, unsigned int nth)
{
	arm(site, nth, current, (struct inject_repeat){ 0 });
}

void inject_set_for_all(enum inject_site site, unsigned int nth)
{
	arm(site, nth, NULL, (struct inject_repeat){ 0 });
}

void inject_repeat(enum inject_site site, const struct inject_repeat *repeat)
{
	BUG_ON(!repeat->every == !repeat->ms);
	arm(site, 1, NULL, *repeat);
}

unsigned int inject_clear(enum inject_site site)
{
	unsigned int left = xchg(&sites[site].left, 0);

	if (left)
		__atomic_fetch_sub(&inject_armed, 1, __ATOMIC_SEQ_CST);
	return left;
}

unsigned int inject_failures(enum inject_site site)
{
	return (unsigned int)atomic_read(&sites[site].failures);
}

/* Subtract one. Returns the old value. */
static unsigned int count_down(struct injection *s)
{
	unsigned int left = READ_ONCE(s->left), was;

	for (; left; left = was) {
		was = cmpxchg(&s->left, left, left - 1);
		if (was == left)
			break;
	}
	return left;
}

/* If several threads come when the time is up, one of them gets true. */
static bool time_is_up(struct injection *s)
{
	unsigned long now = (unsigned long)arch_uptime_ms(), next = READ_ONCE(s->next_ms);

	return (long)(now - next) >= 0 && cmpxchg(&s->next_ms, next, now + s->repeat.ms) == next;
}

static bool is_next(struct injection *s)
{
	if (s->repeat.ms)
		return time_is_up(s);
	if (s->repeat.every)
		return (unsigned int)atomic_inc_return(&s->seen) % s->repeat.every == 0;
	if (count_down(s) != 1)
		return false;
	__atomic_fetch_sub(&inject_armed, 1, __ATOMIC_SEQ_CST);
	return true;
}

/* Allocations by interrupt handlers never count. */
bool inject_fails_slow(enum inject_site site)
{
	struct injection *s = &sites[site];

	if (!smp_load_acquire(&s->left) || in_interrupt() || (s->task && s->task != current) ||
	    (s->repeat.by && !inject_called_by(s->repeat.by)) || !is_next(s))
		return false;
	if (atomic_inc_return(&s->failures) == 1 && s->told)
		printk("inject: this allocation of a %s is made to fail", s->name);
	return true;
}

/* --- the command line --------------------------------------------------------------------------------------------- */

struct order {
	unsigned int nth;
	struct inject_repeat repeat;
	char by[BY_MAX];
};

/* The text from *text up to the next `mark`, or `end`. Moves *text behind the mark. */
static size_t part(const char **text, const char *end, char mark, const char **start)
{
	const char *at = *text;

	*start = at;
	while (at < end && *at != mark)
		at++;
	*text = at < end ? at + 1 : end;
	return (size_t)(at - *start);
}

static bool is_word(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && strncmp(text, word, len) == 0;
}

/* Copies VALUE of "name=VALUE"; false: another name, or VALUE is too long. */
static bool value_in(const char *text, size_t len, const char *name, char *value, size_t size)
{
	size_t skip = strlen(name);

	if (len <= skip || strncmp(text, name, skip) != 0 || len - skip >= size)
		return false;
	memcpy(value, text + skip, len - skip);
	value[len - skip] = '\0';
	return true;
}

static bool number_of(const char *text, size_t len, const char *name, unsigned int *number)
{
	char digits[24];
	u64 value;

	if (!value_in(text, len, name, digits, sizeof(digits)) || kstrtou64(digits, 0, &value) || !value ||
	    value > NTH_MOST)
		return false;
	*number = (unsigned int)value;
	return true;
}

static bool read_mode(const char *text, size_t len, struct order *order)
{
	return number_of(text, len, "nth=", &order->nth) || number_of(text, len, "every=", &order->repeat.every) ||
	       number_of(text, len, "ms=", &order->repeat.ms);
}

static void arm_by_order(enum inject_site site, const struct order *order)
{
	struct injection *s = &sites[site];
	struct inject_repeat repeat = order->repeat;

	memcpy(s->by, order->by, sizeof(s->by));
	repeat.by = s->by[0] ? s->by : NULL;
	arm(site, order->nth ? order->nth : 1, NULL, repeat);
	s->told = true;
}

/* One order: SITE:nth=N, SITE:every=N or SITE:ms=N, then perhaps :by=FUNCTION. */
static bool obey(const char *text, size_t len)
{
	const char *end = text + len, *name, *mode, *by;
	size_t name_len = part(&text, end, ':', &name), mode_len = part(&text, end, ':', &mode), by_len;
	struct order order = { 0 };
	bool found = false;

	by_len = part(&text, end, ':', &by);
	if (!len || end[-1] == ':' || text != end || !read_mode(mode, mode_len, &order) ||
	    (by_len && !value_in(by, by_len, "by=", order.by, sizeof(order.by))))
		return false;
	for (unsigned int site = 0; site < NR_INJECT_SITES; site++) {
		if (!is_word(name, name_len, sites[site].name) && !is_word(name, name_len, "any"))
			continue;
		arm_by_order((enum inject_site)site, &order);
		found = true;
	}
	return found;
}

static void obey_all(const char *orders)
{
	const char *end = orders + strlen(orders), *order, *rest = orders;

	for (;;) {
		size_t len = part(&rest, end, ',', &order);

		if (!obey(order, len))
			pr_warn("command line: inject=%s: \"%.*s\" is not SITE:nth=N, SITE:every=N or SITE:ms=N, with "
			       ":by=FUNCTION or "
			       "without; SITE is page, table, slab or any, N is 1 or more\n",
			       orders, (int)len, order);
		if (order + len == end)
			return;
	}
}

void inject_from_cmdline(void)
{
	const char *orders = cmdline_value("inject");
	u64 nth = cmdline_number("fail_page_alloc", 0);

	if (!CONFIG_FAULT_INJECT)
		return;
	if (orders)
		obey_all(orders);
	if (nth)
		arm_by_order(INJECT_PAGE, &(struct order){ .nth = (unsigned int)min(nth, (u64)NTH_MOST) });
}
