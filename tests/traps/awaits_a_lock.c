/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting for a lock itself, instead of what acquiring it gives.
 *
 *   gcc: error no member named .awaitable
 *   clang: error no member named 'awaitable'
 */
#include "trap.h"

ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	FERRY_TRY(&f->lock);
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}
