/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_ATOMIC_H
#define BASE_ATOMIC_H
/*
 * Every atomic operation of the library, each with its order in its name.
 *
 * Nothing else includes <stdatomic.h>, so a test build can step in before each
 * operation (base/seam.h) and a reader can search for an order. There are no
 * stand-alone fences: a sanitizer does not see them. Where two threads each store
 * and then look at what the other stored, both sides use the _seq_cst forms.
 * docs/memory-model.md names the edges that the comments at call sites cite.
 */
#include <stdatomic.h>
#include <stdint.h>

#ifdef FERRY_SEAM
#include "base/seam.h"
#define ATOMIC_STEP(object) seam_step((const void *)(object))
#else
#define ATOMIC_STEP(object) ((void)0)
#endif

#define atomic_load_relaxed(object) \
	(ATOMIC_STEP(object), atomic_load_explicit(object, memory_order_relaxed))
#define atomic_load_acquire(object) \
	(ATOMIC_STEP(object), atomic_load_explicit(object, memory_order_acquire))
#define atomic_load_seq_cst(object) \
	(ATOMIC_STEP(object), atomic_load_explicit(object, memory_order_seq_cst))

#define atomic_store_relaxed(object, value) \
	(ATOMIC_STEP(object), atomic_store_explicit(object, value, memory_order_relaxed))
#define atomic_store_release(object, value) \
	(ATOMIC_STEP(object), atomic_store_explicit(object, value, memory_order_release))

#define atomic_exchange_seq_cst(object, value) \
	(ATOMIC_STEP(object), atomic_exchange_explicit(object, value, memory_order_seq_cst))

#define atomic_add_relaxed(object, value) \
	(ATOMIC_STEP(object), atomic_fetch_add_explicit(object, value, memory_order_relaxed))
#define atomic_add_acq_rel(object, value) \
	(ATOMIC_STEP(object), atomic_fetch_add_explicit(object, value, memory_order_acq_rel))
#define atomic_add_seq_cst(object, value) \
	(ATOMIC_STEP(object), atomic_fetch_add_explicit(object, value, memory_order_seq_cst))
#define atomic_sub_acq_rel(object, value) \
	(ATOMIC_STEP(object), atomic_fetch_sub_explicit(object, value, memory_order_acq_rel))
#define atomic_or_acq_rel(object, value) \
	(ATOMIC_STEP(object), atomic_fetch_or_explicit(object, value, memory_order_acq_rel))
#define atomic_or_seq_cst(object, value) \
	(ATOMIC_STEP(object), atomic_fetch_or_explicit(object, value, memory_order_seq_cst))

/* Weak: call it in a loop. On failure *expected holds what was there. */
#define atomic_swap_if_acq_rel(object, expected, value)                                         \
	(ATOMIC_STEP(object), atomic_compare_exchange_weak_explicit(object, expected, value,    \
							      memory_order_acq_rel,             \
							      memory_order_acquire))
#define atomic_swap_if_relaxed(object, expected, value)                                         \
	(ATOMIC_STEP(object), atomic_compare_exchange_weak_explicit(object, expected, value,    \
							      memory_order_relaxed,             \
							      memory_order_relaxed))
#define atomic_swap_if_seq_cst(object, expected, value)                                         \
	(ATOMIC_STEP(object), atomic_compare_exchange_weak_explicit(object, expected, value,    \
							      memory_order_seq_cst,             \
							      memory_order_seq_cst))

/*
 * A counter with one writer: a plain load and store, no read-modify-write.
 * Relaxed: each reader wants a number, and orders nothing by it.
 */
#define atomic_count(object, value)                                                             \
	atomic_store_explicit(object,                                                           \
			      atomic_load_explicit(object, memory_order_relaxed) + (value),     \
			      memory_order_relaxed)
/* The same, and what was counted before by this thread is seen by who sees this one. */
#define atomic_count_release(object, value)                                                     \
	atomic_store_explicit(object,                                                           \
			      atomic_load_explicit(object, memory_order_relaxed) + (value),     \
			      memory_order_release)

#endif
