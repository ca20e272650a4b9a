/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_EACH_H
#define SUPPORT_EACH_H
/*
 * One test for each kind of completer (support/completer.h), in Criterion:
 *
 *   EACH_COMPLETER(future, a_result_is_seen)
 *   {
 *           ... kind ...
 *   }
 */
#include <criterion/criterion.h>

#include "support/completer.h"

#define EACH_COMPLETER(suite, name)                    \
	static void name(enum completer_kind kind);    \
	Test(suite, name##_by_the_same_thread)         \
	{                                              \
		name(COMPLETER_SAME);                  \
	}                                              \
	Test(suite, name##_by_foreign_threads)         \
	{                                              \
		name(COMPLETER_FOREIGN);               \
	}                                              \
	Test(suite, name##_by_a_pool)                  \
	{                                              \
		name(COMPLETER_POOL);                  \
	}                                              \
	Test(suite, name##_by_an_executor)             \
	{                                              \
		name(COMPLETER_EXECUTOR);              \
	}                                              \
	static void name(enum completer_kind kind)

#endif
