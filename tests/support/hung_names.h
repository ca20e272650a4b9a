/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_HUNG_NAMES_H
#define SUPPORT_HUNG_NAMES_H
/*
 * Look-ups of names that do not return: the C library's getaddrinfo() has one of the program in its
 * place, which waits at a gate.
 *
 *   gate_init(&hung_names);
 *   ... ferry_getaddrinfo(loop, pool, "a.name.invalid", NULL, NULL, NULL) ...
 *   gate_await(&hung_names, 1);       one is inside
 *   gate_open(&hung_names);           they fail with EAI_AGAIN
 */
#include <netdb.h>

#include "support/gate.h"

static struct gate hung_names;

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret)
{
	(void)host, (void)service, (void)ret;
	/* Whether it is a number is asked inline, and nobody waits for that. */
	if (hints && hints->ai_flags & AI_NUMERICHOST)
		return EAI_NONAME;
	gate_wait(&hung_names);
	return EAI_AGAIN;
}

#endif
