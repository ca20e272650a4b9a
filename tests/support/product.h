/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_PRODUCT_H
#define SUPPORT_PRODUCT_H
/*
 * Results that are blocks of memory, each ended exactly once (F7), and their books.
 *
 *   *out = product_new(&product_blocking);    disposed of if nobody takes it
 *   product_take(&result);                    the taker is through with it
 *   product_check();                          when nobody has one any more
 *
 * What ends is poisoned and freed: a second end, or a use after the end, is seen here
 * or by a sanitizer. For plain programs; any thread.
 */
#include <ferry/base.h>
#include <stdatomic.h>

#include "support/program.h"

#define PRODUCT_ALIVE UINT64_C(0xa11fea11fea11fe5)
#define PRODUCT_POISON UINT64_C(0xdeaddeaddeaddead)

static _Atomic long product_made, product_taken, product_disposed;

static inline void product_end(const ferry_result *result)
{
	_Atomic uint64_t *canary = result->pointer;

	program_check(atomic_exchange(canary, PRODUCT_POISON) == PRODUCT_ALIVE,
		      "a result ends twice (F7)");
	free(canary);
}

static inline void product_dispose(const ferry_result *result)
{
	product_end(result);
	product_disposed++;
}

static const ferry_disposer product_anywhere = { FERRY_DISPOSE_ANYWHERE, product_dispose };
static const ferry_disposer product_blocking = { FERRY_DISPOSE_BLOCKING, product_dispose };

static inline ferry_result product_new(const ferry_disposer *disposer)
{
	_Atomic uint64_t *canary = malloc(sizeof(*canary));

	program_check(canary, "no memory");
	*canary = PRODUCT_ALIVE;
	product_made++;
	return ferry_result_pointer(canary, disposer);
}

static inline void product_take(const ferry_result *result)
{
	product_end(result);
	product_taken++;
}

/* Each was taken, or disposed of. */
static inline void product_check(void)
{
	program_check(product_made == product_taken + product_disposed,
		      "%ld results, %ld taken, %ld disposed of (F7)", product_made, product_taken,
		      product_disposed);
}

#endif
