/* SPDX-License-Identifier: MIT */
/*
 * What callers from Linux use beside the large families: iterators, hash lists, device memory, areas of their own
 * entries.
 */
#include "tests/host/vm_machine.h"

#include <pthread.h>

#include <arch/mmu_sync.h>
#include <lib/hlist.h>
#include <lib/uio.h>
#include <mm/ioremap.h>

#define P PAGE_SIZE

static int setup(void **state)
{
	(void)state;
	vm_machine(64 * MIB, 1);
	return 0;
}

/* --- iterators ---------------------------------------------------------------------------------------------------- */

static void an_iterator_walks_its_pieces(void **state)
{
	char a[3], b[1], c[5], in[16] = "0123456789abcde";
	struct kvec kvec[] = { { a, 3 }, { NULL, 0 }, { b, 1 }, { c, 5 } };
	struct iov_iter iter;

	(void)state;
	iov_iter_kvec(&iter, ITER_DEST, kvec, 4, 8);
	assert_int_equal(copy_to_iter(in, 2, &iter), 2);
	assert_int_equal(copy_to_iter(in + 2, 4, &iter), 4);
	assert_int_equal(iov_iter_count(&iter), 2);
	assert_int_equal(copy_to_iter(in + 6, 9, &iter), 2); /* no more than was said */
	assert_int_equal(copy_to_iter(in, 1, &iter), 0);
	assert_memory_equal(a, "012", 3);
	assert_memory_equal(b, "3", 1);
	assert_memory_equal(c, "4567", 4);
	iov_iter_kvec(&iter, ITER_DEST, kvec, 4, 9);
	iov_iter_advance(&iter, 2);
	assert_int_equal(iov_iter_zero(3, &iter), 3);
	assert_memory_equal(a, "01\0", 3);
	assert_int_equal(b[0] | c[0], 0);
	assert_int_equal(c[1], '5');
	iov_iter_advance(&iter, 100);
	assert_int_equal(iov_iter_count(&iter), 0);
}

static void vread_iter_is_vread_in_pieces(void **state)
{
	static char whole[3 * P], first[P + 7], second[3 * P];
	struct kvec kvec[] = { { first, sizeof(first) }, { second, sizeof(second) } };
	struct iov_iter iter;
	char *p = vmalloc(2 * P);

	(void)state;
	for (unsigned int i = 0; i < 2 * P; i++)
		*(char *)host_translate((vaddr_t)p + i) = (char)(i * 7 + 1);
	assert_int_equal(vread(whole, p + 100, sizeof(whole)), sizeof(whole));
	memset(second, 0x55, sizeof(second));
	iov_iter_kvec(&iter, ITER_DEST, kvec, 2, 2 * P + 500);
	assert_int_equal(vread_iter(&iter, p + 100, 3 * P), 2 * P + 500); /* as many as there is room for */
	assert_memory_equal(first, whole, sizeof(first));
	assert_memory_equal(second, whole + sizeof(first), 2 * P + 500 - sizeof(first));
	assert_int_equal(second[P + 493], 0x55);
	vfree(p);
	vm_unmap_aliases();
	iov_iter_kvec(&iter, ITER_DEST, kvec, 2, P);
	assert_int_equal(vread_iter(&iter, (char *)VMALLOC_END - 2 * P, P), 0);
	assert_int_equal(iov_iter_count(&iter), P);
}

/* --- areas -------------------------------------------------------------------------------------------------------- */

static void a_vmap_area_tells_what_it_spans(void **state)
{
	char *p = vmalloc(3 * P);
	struct vmap_area *va = find_vmap_area((unsigned long)p + 2 * P);

	(void)state;
	assert_non_null(va);
	assert_int_equal(va->va_start, (unsigned long)p);
	assert_int_equal(va->va_end, (unsigned long)p + 4 * P); /* with its guard page */
	assert_ptr_equal(va->vm, find_vm_area(p));
	vfree(p);
	assert_null(find_vmap_area((unsigned long)p));
	assert_null(find_vmap_area(VMALLOC_START - P));
}

static void an_area_of_ones_own_entries(void **state)
{
	struct vm_struct *area = get_vm_area(4 * P, VM_IOREMAP);
	unsigned long at = (unsigned long)area->addr, seq = tlb_log_seq();

	(void)state;
	assert_int_equal(ioremap_page_range(at, at + 4 * P, 1ull << 30, pgprot_noncached(PAGE_KERNEL)), 0);
	vunmap_range(at + P, at + 3 * P);
	assert_true(tlb_log_covers(seq, at + P, at + 3 * P));
	assert_true(pgtable_query(&kernel_pgtable, at).present);
	assert_false(pgtable_query(&kernel_pgtable, at + P).present);
	assert_false(pgtable_query(&kernel_pgtable, at + 2 * P).present);
	assert_true(pgtable_query(&kernel_pgtable, at + 3 * P).present);
	warn_expected(true);
	vunmap_range(at + 1, at + P);
	vunmap_range(at + P, at + P);
	vunmap_range(VMALLOC_START - P, VMALLOC_START);
	vunmap_range(VMALLOC_END - P, VMALLOC_END + P);
	warn_expected(false);
	vunmap_range(at, at + 4 * P);
	assert_false(pgtable_query(&kernel_pgtable, at).present);
	free_vm_area(area);
}

static void what_the_machine_says_of_leaves(void **state)
{
	(void)state;
	assert_int_equal(arch_vmap_pmd_supported(PAGE_KERNEL), pt_leaf_allowed(2));
	assert_int_equal(arch_vmap_pud_supported(PAGE_KERNEL), pt_top() > 3 && pt_leaf_allowed(3));
	assert_false(arch_vmap_p4d_supported(PAGE_KERNEL));
	assert_int_equal(arch_vmap_pte_range_map_size(VMALLOC_START, VMALLOC_END, 0, 30), P);
	assert_int_equal(VMALLOC_TOTAL, VMALLOC_END - VMALLOC_START);
	assert_null(ioremap_np(1u << 30, P));
	assert_int_equal(arch_phys_wc_add(1u << 30, P), 0);
	arch_phys_wc_del(0);
	host_set_feature(FEATURE_PAT, false);
	assert_int_equal(arch_phys_wc_add(1u << 30, P), -ENODEV);
	host_set_feature(FEATURE_PAT, true);
}

/* --- hash lists --------------------------------------------------------------------------------------------------- */

struct item {
	int key;
	struct hlist_node node;
};

static int keys(struct hlist_head *head)
{
	struct item *item;
	int all = 0;

	hlist_for_each_entry(item, head, node)
		all = all * 10 + item->key;
	return all;
}

static void hash_lists(void **state)
{
	struct item item[5] = { { .key = 1 }, { .key = 2 }, { .key = 3 }, { .key = 4 }, { .key = 5 } }, *pos;
	struct hlist_node *next;
	HLIST_HEAD(head);
	HLIST_HEAD(other);

	(void)state;
	assert_true(hlist_empty(&head) && hlist_unhashed(&item[0].node));
	hlist_del_init(&item[0].node); /* on no list: nothing happens */
	hlist_add_head(&item[1].node, &head);
	hlist_add_head(&item[0].node, &head);
	hlist_add_behind(&item[3].node, &item[1].node);
	hlist_add_before(&item[2].node, &item[3].node);
	hlist_add_before(&item[4].node, &item[0].node);
	assert_int_equal(keys(&head), 51234);
	hlist_del(&item[4].node);
	hlist_del_init(&item[3].node);
	assert_true(hlist_unhashed(&item[3].node));
	assert_int_equal(keys(&head), 123);
	hlist_move_list(&head, &other);
	assert_true(hlist_empty(&head));
	hlist_for_each_entry_safe(pos, next, &other, node)
		if (pos->key != 2)
			hlist_del(&pos->node);
	assert_int_equal(keys(&other), 2);
	hlist_del(&item[1].node);
	assert_true(hlist_empty(&other));
}

/* --- device memory ------------------------------------------------------------------------------------------------ */

/* Each byte arrives, nothing beside it changes, whatever the two alignments are. */
static void ranges_of_device_memory(void **state)
{
	u8 device[32] __aligned(8), memory[32];

	(void)state;
	for (unsigned int from = 0; from < 8; from++) {
		for (unsigned int to = 0; to < 8; to++) {
			for (unsigned int n = 0; n <= 16; n++) {
				for (unsigned int i = 0; i < 32; i++)
					device[i] = (u8)(100 + i), memory[i] = (u8)i;
				memcpy_toio(device + to, memory + from, n);
				for (unsigned int i = 0; i < 32; i++)
					assert_int_equal(device[i], i >= to && i < to + n ? from + i - to : 100 + i);
				memcpy_fromio(memory + from, device + to + 1, n);
				for (unsigned int i = 0; i < 32; i++)
					assert_int_equal(memory[i],
							 i >= from && i < from + n ? device[to + 1 + i - from] : i);
				memset_io(device + to, 0xe7, n);
				for (unsigned int i = 0; i < n; i++)
					assert_int_equal(device[to + i], 0xe7);
				assert_int_not_equal(device[to + n], 0xe7);
			}
		}
	}
}

/* A register that changes all at once is never seen half changed. */
static void *changes(void *arg)
{
	u64 *reg = arg;

	for (unsigned int i = 0; i < 2000000; i++)
		writeq(i & 1 ? ~0ull : 0, reg);
	return NULL;
}

static void a_register_of_64_bits_is_one_access(void **state)
{
	static u64 reg;
	pthread_t thread;
	unsigned int torn = 0;

	(void)state;
	if (BITS_PER_LONG == 32)
		skip();
	assert_int_equal(pthread_create(&thread, NULL, changes, &reg), 0);
	for (unsigned int i = 0; i < 2000000; i++) {
		u64 value = readq(&reg);

		torn += value && value != ~0ull;
	}
	pthread_join(thread, NULL);
	assert_int_equal(torn, 0);
}

static void registers(void **state)
{
	u64 reg = 0x0102030405060708;
	u16 fifo = 0x1234, out[3] = { 0 };

	(void)state;
	assert_true(readq(&reg) == 0x0102030405060708 && ioread64(&reg) == readq_relaxed(&reg));
	assert_int_equal(ioread32(&reg), 0x05060708);
	assert_int_equal(ioread32be(&reg), 0x08070605);
	assert_int_equal(ioread16be(&reg), 0x0807);
	assert_true(ioread64be(&reg) == 0x0807060504030201);
	iowrite64be(0x1112131415161718, &reg);
	assert_true(__raw_readq(&reg) == 0x1817161514131211);
	iowrite16be(0xabcd, &reg);
	assert_int_equal(readw(&reg), 0xcdab);
	writeq(5, &reg);
	assert_true(reg == 5);
	ioread16_rep(&fifo, out, 3);
	assert_true(out[0] == 0x1234 && out[2] == 0x1234);
	out[2] = 7;
	iowrite16_rep(&fifo, out, 3);
	assert_int_equal(fifo, 7); /* the last one stays */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_iterator_walks_its_pieces), cmocka_unit_test(vread_iter_is_vread_in_pieces),
		cmocka_unit_test(a_vmap_area_tells_what_it_spans), cmocka_unit_test(an_area_of_ones_own_entries),
		cmocka_unit_test(what_the_machine_says_of_leaves), cmocka_unit_test(hash_lists),
		cmocka_unit_test(ranges_of_device_memory), cmocka_unit_test(registers),
		cmocka_unit_test(a_register_of_64_bits_is_one_access),
	};

	return cmocka_run_group_tests_name("linux_api", tests, setup, NULL);
}
