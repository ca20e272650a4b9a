/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The names of the policies, and what each means to the library. */
#include "policy.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	ferry_fs_policy of_calls;
} policies[] = {
	[POLICY_AUTO] = { "auto", FERRY_FS_AUTO },
	[POLICY_INLINE] = { "inline", FERRY_FS_INLINE },
	[POLICY_POOL] = { "pool", FERRY_FS_POOL },
	[POLICY_BLOCKING] = { "blocking", FERRY_FS_INHERIT }
};

bool policy_read(const char *program, const char *text, enum policy *ret)
{
	for (enum policy policy = POLICY_AUTO; policy <= POLICY_BLOCKING; policy++) {
		if (strcmp(text, policies[policy].name) == 0) {
			*ret = policy;
			return true;
		}
	}
	fprintf(stderr, "%s: --policy: '%s' is none of auto, inline, pool, blocking\n", program,
		text);
	return false;
}

const char *policy_name(enum policy policy)
{
	return policies[policy].name;
}

bool policy_is_inline(enum policy policy)
{
	return policy == POLICY_AUTO || policy == POLICY_INLINE;
}

ferry_fs_policy policy_of_calls(enum policy policy)
{
	return policies[policy].of_calls;
}
