/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_TOKEN_H
#define SUPPORT_TOKEN_H
/*
 * A result that knows how often, and by whom, it was disposed of (F7).
 *
 *   struct token token = { 0 };
 *   ferry_future_set_result(future, token_result(&token, &token_anywhere));
 *   ... token.disposed ...      read it when nobody can dispose of it any more
 */
#include <ferry/base.h>
#include <pthread.h>

struct token {
	int disposed;
	pthread_t by;
};

static inline void token_dispose(const ferry_result *result)
{
	struct token *token = result->pointer;

	token->disposed++;
	token->by = pthread_self();
}

static const ferry_disposer token_anywhere = { FERRY_DISPOSE_ANYWHERE, token_dispose };
static const ferry_disposer token_blocking = { FERRY_DISPOSE_BLOCKING, token_dispose };

/* @disposer: one of the two above, or NULL for nothing to be done. */
static inline ferry_result token_result(struct token *token, const ferry_disposer *disposer)
{
	return ferry_result_pointer(token, disposer);
}

#endif
