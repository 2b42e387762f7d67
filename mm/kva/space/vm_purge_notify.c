/* SPDX-License-Identifier: MIT */
/* Notifiers of users outside mm/, which are asked for address space when the keepers could not make room. */
#include "mm/kva/space/space.h"

static DEFINE_MUTEX(chain_lock);
static LIST_HEAD(chain);

static bool registered_locked(const struct notifier_block *nb)
{
	const struct notifier_block *other;

	list_for_each_entry(other, &chain, list)
		if (other == nb)
			return true;
	return false;
}

int register_vmap_purge_notifier(struct notifier_block *nb)
{
	int err = 0;

	mutex_lock(&chain_lock);
	if (registered_locked(nb))
		err = -EEXIST;
	else
		list_add_tail(&nb->list, &chain);
	mutex_unlock(&chain_lock);
	return err;
}

int unregister_vmap_purge_notifier(struct notifier_block *nb)
{
	int err = -ENOENT;

	mutex_lock(&chain_lock); /* so the notifier does not run any more when this returns */
	if (registered_locked(nb)) {
		list_del(&nb->list);
		err = 0;
	}
	mutex_unlock(&chain_lock);
	return err;
}

bool vm_purge_notify(void)
{
	unsigned long freed = 0;
	struct notifier_block *nb;

	if (mutex_is_mine(&chain_lock)) /* a notifier itself allocates: nobody is left to ask */
		return false;
	mutex_lock(&chain_lock);
	list_for_each_entry(nb, &chain, list)
		nb->notifier_call(nb, 0, &freed);
	mutex_unlock(&chain_lock);
	return freed > 0;
}
