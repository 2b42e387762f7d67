/* SPDX-License-Identifier: MIT */
/*
 * Copying to or from several pieces of kernel memory (struct kvec), under Linux's names. Only what vread_iter() and its
 * callers need. No locking; any context.
 */
#pragma once

#include <lib/compiler.h>
#include <lib/string.h>

struct kvec {
	void *iov_base;
	size_t iov_len; /* bytes */
};

#define ITER_SOURCE 1u /* bytes are read from it */
#define ITER_DEST   0u /* bytes are written to it */

struct iov_iter {
	const struct kvec *kvec; /* the current piece */
	size_t offset;		 /* bytes of it done so far */
	size_t count;		 /* bytes left in all pieces */
	unsigned int direction;
};

/* The first `count` bytes of the pieces. They stay the caller's. */
static inline void iov_iter_kvec(struct iov_iter *iter, unsigned int direction, const struct kvec *kvec,
				 unsigned long nr_segs __maybe_unused, size_t count)
{
	*iter = (struct iov_iter){ .kvec = kvec, .count = count, .direction = direction };
}

static inline size_t iov_iter_count(const struct iov_iter *iter) { return iter->count; }

/* The next contiguous bytes: *piece is their address. Returns how many, at most n; 0: nothing is left. */
static inline size_t iov_iter_piece(struct iov_iter *iter, size_t n, char **piece)
{
	if (!iter->count)
		return 0;
	while (iter->offset == iter->kvec->iov_len) {
		iter->kvec++;
		iter->offset = 0;
	}
	*piece = (char *)iter->kvec->iov_base + iter->offset;
	return min(min(n, iter->count), iter->kvec->iov_len - iter->offset);
}

/* Step over n bytes, at most to the end. */
static inline void iov_iter_advance(struct iov_iter *iter, size_t n)
{
	char *piece;
	size_t step;

	for (; n && (step = iov_iter_piece(iter, n, &piece)); n -= step) {
		iter->offset += step;
		iter->count -= step;
	}
}

/* Returns how many bytes were copied: n, or less if there is no room. */
static inline size_t copy_to_iter(const void *from, size_t n, struct iov_iter *iter)
{
	size_t done = 0, step;
	char *piece;

	for (; done < n && (step = iov_iter_piece(iter, n - done, &piece)); done += step) {
		memcpy(piece, (const char *)from + done, step);
		iov_iter_advance(iter, step);
	}
	return done;
}

static inline size_t iov_iter_zero(size_t n, struct iov_iter *iter)
{
	size_t done = 0, step;
	char *piece;

	for (; done < n && (step = iov_iter_piece(iter, n - done, &piece)); done += step) {
		memset(piece, 0, step);
		iov_iter_advance(iter, step);
	}
	return done;
}
