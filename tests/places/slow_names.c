/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Has a program wait in getaddrinfo() and getnameinfo() for as long as a test wants: loaded before
 * the C library (LD_PRELOAD), whose functions it calls in the end. support/slow_names.h says how a
 * test tells it.
 */
#include <netdb.h>
#include <sys/socket.h>

#include "support/slow_names.h"

struct slow_names *slow_names_of_process(void);

static struct slow_names own;
static struct slow_names *names = &own;

struct slow_names *slow_names_of_process(void)
{
	return names;
}

static void pass(void)
{
	names->asked++;
	names->inside++;
	shared_word_change(&names->changed);
	for (;;) {
		unsigned seen = names->changed;

		if (!names->hangs)
			break;
		shared_word_wait(&names->changed, seen, -1);
	}
	names->inside--;
	shared_word_change(&names->changed);
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret)
{
	int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

	*(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
	pass();
	return next(node, service, hints, ret);
}

int getnameinfo(const struct sockaddr *address, socklen_t bytes, char *host, socklen_t host_bytes,
		char *service, socklen_t service_bytes, int flags)
{
	int (*next)(const struct sockaddr *, socklen_t, char *, socklen_t, char *, socklen_t, int);

	*(void **)&next = dlsym(RTLD_NEXT, "getnameinfo");
	pass();
	return next(address, bytes, host, host_bytes, service, service_bytes, flags);
}

__attribute__((constructor)) static void slow_names_begin(void)
{
	const char *number = getenv("FERRY_SLOW_NAMES");
	void *memory;

	if (!number)
		return;
	memory = mmap(NULL, sizeof(own), PROT_READ | PROT_WRITE, MAP_SHARED, atoi(number), 0);
	if (memory != MAP_FAILED)
		names = memory;
}
