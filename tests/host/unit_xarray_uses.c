/* SPDX-License-Identifier: MIT */
/*
 * The XArray in the hands of its usual users, in small: a registry of objects, a cache of pages with marks, a table
 * that a timer writes too, numbers that go round. Every name of Linux's API that this kernel has stands here at least
 * once, in the way in which drivers and file systems write it, so what compiles there compiles here.
 */
#include "tests/host/port/host.h"
#include "tests/host/xarray_check.h"

#include <kernel/rcupdate.h>

static void *alloc_node(size_t size, gfp_t gfp __maybe_unused) { return malloc(size); }

static int begin(void **state)
{
	(void)state;
	xa_set_allocator(alloc_node, free);
	return 0;
}

static int nothing_left(void **state)
{
	(void)state;
	rcu_barrier();
	return xa_nr_nodes() != 0;
}

/* --- a registry: numbers for objects, found without a lock -------------------------------------------------------- */

struct session {
	u32 id;
	int users;
	struct rcu_head rcu;
};

static DEFINE_XARRAY_ALLOC1(sessions);

static int session_open(struct session **out)
{
	struct session *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->users = 1;
	err = xa_alloc(&sessions, &s->id, s, XA_LIMIT(1, 1000), GFP_KERNEL);
	if (err) {
		free(s);
		return err;
	}
	*out = s;
	return 0;
}

static struct session *session_get(u32 id)
{
	struct session *s;

	rcu_read_lock();
	s = xa_load(&sessions, id);
	if (s)
		s->users++;
	rcu_read_unlock();
	return s;
}

static void session_free(struct rcu_head *rcu) { free(container_of(rcu, struct session, rcu)); }

static void session_put(struct session *s)
{
	if (--s->users)
		return;
	assert_ptr_equal(xa_erase(&sessions, s->id), s);
	call_rcu(&s->rcu, session_free);
}

static void registry(void **state)
{
	struct session *s[3], *found;
	unsigned long id;
	unsigned int n = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(session_open(&s[i]), 0);
	found = session_get(2);
	assert_ptr_equal(found, s[1]);
	session_put(found);
	assert_null(session_get(7));
	session_put(s[1]);
	assert_null(session_get(2));
	xa_for_each(&sessions, id, found)
		n += found->id == id;
	assert_int_equal(n, 2);
	assert_int_equal(session_open(&s[1]), 0);
	assert_int_equal(s[1]->id, 2); /* the lowest that is free */
	xa_for_each(&sessions, id, found)
		session_put(found);
	assert_true(xa_empty(&sessions));
	xa_destroy(&sessions);
}

/* --- a cache of pages: dirty ones are written back in order ------------------------------------------------------- */

#define DIRTY	  XA_MARK_0
#define WRITEBACK XA_MARK_1

struct cache {
	struct xarray pages;
	unsigned long nr, written;
};

/* Insert unless something is there; the usual loop round the lock. */
static int cache_add(struct cache *c, unsigned long index, void *page, gfp_t gfp)
{
	XA_STATE(xas, &c->pages, index);

	do {
		void *conflict;

		xas_lock_irq(&xas);
		xas_for_each_conflict(&xas, conflict) {
			if (!xa_is_value(conflict)) { /* a value: what was known of a page that has been dropped */
				xas_set_err(&xas, -EEXIST);
				goto unlock;
			}
		}
		xas_store(&xas, page);
		if (!xas_error(&xas)) {
			assert_int_equal(xas_get_order(&xas), 0);
			xas_init_marks(&xas);
			c->nr++;
		}
unlock:
		xas_unlock_irq(&xas);
	} while (xas_nomem(&xas, gfp));
	return xas_error(&xas);
}

static void cache_dirty(struct cache *c, unsigned long index)
{
	bool flags;

	xa_lock_irqsave(&c->pages, flags);
	__xa_set_mark(&c->pages, index, DIRTY);
	xa_unlock_irqrestore(&c->pages, flags);
}

/* From dirty to under-writeback, with a pause now and then. */
static void cache_tag(struct cache *c, unsigned long first, unsigned long last)
{
	XA_STATE(xas, &c->pages, first);
	unsigned int tagged = 0;
	void *page;

	xas_lock_irq(&xas);
	xas_for_each_marked(&xas, page, last, DIRTY) {
		xas_set_mark(&xas, WRITEBACK);
		xas_clear_mark(&xas, DIRTY);
		if (++tagged % 4) /* XA_CHECK_SCHED in earnest */
			continue;
		xas_pause(&xas);
		xas_unlock_irq(&xas);
		xas_lock_irq(&xas);
	}
	xas_unlock_irq(&xas);
}

static void cache_write(struct cache *c)
{
	unsigned long index;
	void *page;

	xa_for_each_marked(&c->pages, index, page, WRITEBACK) {
		xa_lock_irq(&c->pages);
		__xa_clear_mark(&c->pages, index, WRITEBACK);
		xa_unlock_irq(&c->pages);
		c->written++;
	}
}

/* A lookup that is told when the page went while it took its reference. */
static void *cache_get(struct cache *c, unsigned long index)
{
	XA_STATE(xas, &c->pages, index);
	void *page;

	rcu_read_lock();
repeat:
	xas_reset(&xas);
	page = xas_load(&xas);
	if (xas_retry(&xas, page))
		goto repeat;
	if (page && xas_reload(&xas) != page)
		goto repeat;
	rcu_read_unlock();
	return page;
}

/* Drop pages, and leave a value where each was. */
static void cache_truncate(struct cache *c, unsigned long first)
{
	XA_STATE(xas, &c->pages, first);
	void *page;

	xas_lock_irq(&xas);
	xas_for_each(&xas, page, ULONG_MAX) {
		if (xa_is_value(page))
			continue;
		xas_store(&xas, xa_mk_value(xas.xa_index));
		c->nr--;
	}
	xas_unlock_irq(&xas);
}

/* How many pages in a row there are from index on, and before it. */
static unsigned long cache_run(struct cache *c, unsigned long index)
{
	XA_STATE(xas, &c->pages, index);
	unsigned long n = 0;

	rcu_read_lock();
	while (xas_next(&xas) && xas.xa_index >= index)
		n++;
	xas_set(&xas, index);
	xas_load(&xas);
	while (xas_prev(&xas) && xas.xa_index < index)
		n++;
	rcu_read_unlock();
	return n;
}

static void page_cache(void **state)
{
	static u32 pages[100];
	struct cache c = { .nr = 0 };
	void *some[8];

	(void)state;
	xa_init_flags(&c.pages, XA_FLAGS_LOCK_IRQ | XA_FLAGS_ACCOUNT);
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(cache_add(&c, 1000 + i, &pages[i], GFP_KERNEL), 0);
	assert_int_equal(cache_add(&c, 1050, &pages[0], GFP_KERNEL), -EEXIST);
	for (unsigned int i = 0; i < 100; i += 10)
		cache_dirty(&c, 1000 + i);
	assert_true(xa_marked(&c.pages, DIRTY));
	cache_tag(&c, 1000, 1079);
	assert_false(xa_get_mark(&c.pages, 1070, DIRTY));
	assert_true(xa_get_mark(&c.pages, 1080, DIRTY));
	assert_int_equal(xa_extract(&c.pages, some, 0, ULONG_MAX, 8, WRITEBACK), 8);
	assert_ptr_equal(some[7], &pages[70]);
	cache_write(&c);
	assert_int_equal(c.written, 8);
	assert_false(xa_marked(&c.pages, WRITEBACK));
	assert_ptr_equal(cache_get(&c, 1001), &pages[1]);
	assert_int_equal(cache_run(&c, 1040), 100);
	cache_truncate(&c, 1020);
	assert_int_equal(c.nr, 20);
	assert_int_equal(xa_to_value(cache_get(&c, 1020)), 1020);
	assert_int_equal(cache_add(&c, 1020, &pages[20], GFP_KERNEL), 0); /* over what is left of the old one */
	assert_false(xa_get_mark(&c.pages, 1020, DIRTY));
	assert_int_equal(xa_get_order(&c.pages, 1020), 0);
	xarray_check(&c.pages);
	xa_destroy(&c.pages);
}

/* --- a table that a timer writes too ------------------------------------------------------------------------------ */

static DEFINE_XARRAY_FLAGS(peers, XA_FLAGS_LOCK_BH);

static void table_with_a_timer(void **state)
{
	static u32 a, b;
	unsigned long flags;
	u32 id, next = 0;

	(void)state;
	local_irq_enable();
	assert_null(xa_store_bh(&peers, 5, &a, GFP_KERNEL));
	assert_int_equal(xa_insert_bh(&peers, 5, &b, GFP_KERNEL), -EBUSY);
	assert_ptr_equal(xa_cmpxchg_bh(&peers, 5, &a, &b, GFP_KERNEL), &a);
	assert_int_equal(xa_reserve_bh(&peers, 6, GFP_KERNEL), 0);
	xa_lock_bh(&peers);
	assert_true(irqs_disabled()); /* so no timer comes in between */
	assert_null(__xa_store(&peers, 6, &a, GFP_ATOMIC));
	xa_unlock_bh(&peers);
	assert_false(irqs_disabled());
	xa_lock_irqsave(&peers, flags);
	assert_ptr_equal(__xa_erase(&peers, 6), &a);
	xa_unlock_irqrestore(&peers, flags);
	assert_ptr_equal(xa_erase_bh(&peers, 5), &b);
	assert_true(xa_empty(&peers));
	assert_true(xa_trylock(&peers));
	xa_unlock(&peers);

	xa_init_flags(&peers, XA_FLAGS_ALLOC | XA_FLAGS_LOCK_BH);
	assert_int_equal(xa_alloc_bh(&peers, &id, &a, xa_limit_32b, GFP_KERNEL), 0);
	assert_int_equal(xa_alloc_cyclic_bh(&peers, &id, &b, xa_limit_31b, &next, GFP_KERNEL), 0);
	assert_int_equal(id, 1);
	xa_destroy(&peers);
}

/* --- places that are kept, and tagged pointers -------------------------------------------------------------------- */

static void places_are_kept(void **state)
{
	struct xarray xa;
	static u32 a;
	unsigned long index = 0;

	(void)state;
	xa_init(&xa);
	assert_int_equal(xa_reserve(&xa, 12, GFP_KERNEL), 0);
	assert_null(xa_load(&xa, 12));
	assert_null(xa_find(&xa, &index, ULONG_MAX, XA_PRESENT)); /* kept is not there */
	assert_int_equal(xa_insert(&xa, 12, &a, GFP_NOWAIT), -EBUSY);
	assert_null(xa_store(&xa, 12, xa_tag_pointer(&a, 1), GFP_NOWAIT)); /* cannot fail */
	assert_int_equal(xa_pointer_tag(xa_load(&xa, 12)), 1);
	assert_ptr_equal(xa_untag_pointer(xa_load(&xa, 12)), &a);
	assert_int_equal(xa_reserve(&xa, 13, GFP_KERNEL), 0);
	xa_release(&xa, 13);
	xa_release(&xa, 12); /* used meanwhile: stays */
	assert_ptr_equal(xa_find(&xa, &index, ULONG_MAX, XA_PRESENT), xa_tag_pointer(&a, 1));
	assert_int_equal(index, 12);
	assert_null(xa_find_after(&xa, &index, ULONG_MAX, XA_PRESENT));
	assert_int_equal(xa_err(xa_store(&xa, 12, xa_mk_internal(5), GFP_KERNEL)), -EINVAL);
	xa_erase(&xa, 12);
	assert_true(xa_empty(&xa));
}

/* A store covers one index, so one entry can stand in its way, and the cursor is still good for the store. */
static void conflicts(void **state)
{
	struct xarray xa;
	XA_STATE(xas, &xa, 7);
	static u32 a, b;

	(void)state;
	xa_init(&xa);
	xas_lock(&xas);
	assert_null(xas_find_conflict(&xas));
	assert_null(xas_store(&xas, &a));
	xas_set(&xas, 6);
	assert_null(xas_find_conflict(&xas)); /* the neighbour is in nobody's way */
	xas_set(&xas, 7);
	assert_ptr_equal(xas_find_conflict(&xas), &a);
	assert_null(xas_find_conflict(&xas));
	assert_ptr_equal(xas_store(&xas, &b), &a);
	xas_set_err(&xas, -EIO);
	assert_null(xas_find_conflict(&xas));
	xas_unlock(&xas);
	xa_destroy(&xa);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, nothing_left)
	const struct CMUnitTest tests[] = {
		TEST(registry), TEST(page_cache), TEST(table_with_a_timer), TEST(places_are_kept), TEST(conflicts),
	};

	host_machine(0x1000, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
