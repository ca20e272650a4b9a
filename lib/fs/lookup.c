/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of hosts: getaddrinfo and getnameinfo.
 *
 * Asked for on the loop's thread; numbers are answered there, names on a worker in the lane
 * dns (step "work" of a request). Invariants: what the C library made is freed by whoever
 * takes it, or by its disposer; a lookup that is abandoned writes into the block alone.
 */
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "fs/attempt.h"
#include "fs/judge.h"
#include "fs/request.h"
#include "fs/run.h"

static void dispose_addresses(const ferry_result *result)
{
	freeaddrinfo(result->pointer);
}

static const ferry_disposer dispose = { FERRY_DISPOSE_ANYWHERE, dispose_addresses };

/* As a function of a job would return it; errno as the lookup left it. */
static int raise(int code, ferry_result *out)
{
	const ferry_error *error;
	int failed;

	if (code == EAI_SYSTEM)
		return errno ? -errno : -EIO;
	failed = ferry_error_new(FERRY_DOMAIN_LOOKUP, code, gai_strerror(code), NULL, NULL, &error);
	if (failed)
		return failed;
	return ferry_job_fail(error, out);
}

/* ---- addresses of a name ---- */

static int find_addresses(const struct call *call, int more_flags, ferry_result *out)
{
	struct addrinfo hints = { .ai_flags = 0 }, *found = NULL;
	int code;

	if (call->data)
		memcpy(&hints, call->data, sizeof(hints));
	/* Without hints the C library takes these two. */
	else
		hints.ai_flags = AI_V4MAPPED | AI_ADDRCONFIG;
	hints.ai_flags |= more_flags;
	hints.ai_addrlen = 0;
	hints.ai_addr = NULL;
	hints.ai_canonname = NULL;
	hints.ai_next = NULL;
	code = getaddrinfo(call->path, call->other, &hints, &found);
	if (!code)
		*out = ferry_result_pointer(found, &dispose);
	return code;
}

int run_getaddrinfo(struct request *request, ferry_result *out)
{
	int code = find_addresses(&request->call, 0, out);

	return code ? raise(code, out) : 0;
}

/*
 * Numbers only: the C library then opens no file and asks nobody. Whether an address family is
 * configured (AI_ADDRCONFIG) it would ask the kernel; that is left to the pool.
 */
enum attempt_outcome attempt_getaddrinfo(struct attempt *attempt)
{
	const struct call *call = &attempt->request->call;
	const struct addrinfo *hints = call->data;
	ferry_result result;

	if (!call->path || !hints || hints->ai_flags & (AI_ADDRCONFIG | AI_CANONNAME))
		return ATTEMPT_AVOIDED;
	if (find_addresses(call, AI_NUMERICHOST | AI_NUMERICSERV, &result))
		return ATTEMPT_AVOIDED;
	/* The C library tells what it was given. */
	for (struct addrinfo *address = result.pointer; address; address = address->ai_next)
		address->ai_flags = hints->ai_flags;
	return judge_answer(attempt, 0, result);
}

ferry_local *ferry_getaddrinfo(ferry_loop *loop, ferry_pool *pool, const char *host,
			       const char *service, const struct addrinfo *hints,
			       const ferry_fs_options *options)
{
	struct call call = { .operation = &operations[OPERATION_GETADDRINFO], .path = host,
			     .other = service, .data = hints,
			     .count = hints ? sizeof(*hints) : 0 };

	if (!host && !service) {
		errno = EINVAL;
		return NULL;
	}
	return request_begin(loop, pool, &call, options);
}

const struct addrinfo *ferry_result_addresses(ferry_local *local)
{
	return request_pointer(local, ANSWER_ADDRESSES);
}

/* ---- names of an address ---- */

static int find_names(struct request *request, ferry_result *out)
{
	ferry_names *names = request_outcome(request);
	char *host = (char *)(names + 1), *service = host + LOOKUP_HOST_ROOM;
	const struct call *call = &request->call;
	int code = getnameinfo(call->data, (socklen_t)call->count, host, LOOKUP_HOST_ROOM, service,
			       LOOKUP_SERVICE_ROOM, call->flags);

	if (code)
		return code;
	*names = (ferry_names){ host, service };
	*out = ferry_result_pointer(names, NULL);
	return 0;
}

int run_getnameinfo(struct request *request, ferry_result *out)
{
	int code = find_names(request, out);

	return code ? raise(code, out) : 0;
}

enum attempt_outcome attempt_getnameinfo(struct attempt *attempt)
{
	const int numbers = NI_NUMERICHOST | NI_NUMERICSERV;
	ferry_result result;

	if ((attempt->request->call.flags & numbers) != numbers ||
	    find_names(attempt->request, &result))
		return ATTEMPT_AVOIDED;
	return judge_answer(attempt, 0, result);
}

ferry_local *ferry_getnameinfo(ferry_loop *loop, ferry_pool *pool, const struct sockaddr *address,
			       unsigned length, int flags, const ferry_fs_options *options)
{
	struct call call = { .operation = &operations[OPERATION_GETNAMEINFO], .data = address,
			     .count = length, .flags = flags };

	if (!address || !length || length > sizeof(struct sockaddr_storage)) {
		errno = EINVAL;
		return NULL;
	}
	return request_begin(loop, pool, &call, options);
}

const ferry_names *ferry_result_names(ferry_local *local)
{
	return request_pointer(local, ANSWER_NAMES);
}
