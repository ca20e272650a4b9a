/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting for what nobody can wait for.
 *
 *   gcc: error no member named .awaitable
 *   clang: error no member named 'awaitable'
 */
#include "trap.h"

ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	FERRY_TRY(&f->timeout);
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}
