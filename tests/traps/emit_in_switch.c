/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * FERRY_EMIT() inside a switch of the step's own, on an enum.
 *
 *   gcc: error conversion from .* changes value
 *   clang: error overflow converting case value
 */
#include "trap.h"

ferry_step step(ferry_task *task)
{
	FERRY_BEGIN(task, struct frame, f);
	switch (f->kind) {
	case KIND_OTHER:
		FERRY_EMIT(&f->iterator, f);
		break;
	default:
		break;
	}
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}
