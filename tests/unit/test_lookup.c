/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* getaddrinfo and getnameinfo, beside the system's own. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "support/files.h"
#include "support/slow_names.h"

TestSuite(lookup, .timeout = 30);

/* The library's come here first. */
static _Atomic int freed;

void freeaddrinfo(struct addrinfo *addresses)
{
	void (*system)(struct addrinfo *);

	*(void **)&system = dlsym(RTLD_NEXT, "freeaddrinfo");
	freed++;
	system(addresses);
}

static void begin(void)
{
	slow_names_alone();
	files_begin_without_folder();
	freed = 0;
}

static void end(void)
{
	fixture_end(loop, pool);
}

static const struct addrinfo stream = { .ai_socktype = SOCK_STREAM };
static const struct addrinfo numeric = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
					 .ai_socktype = SOCK_STREAM };

static ferry_local *ask(const char *host, const char *service, const struct addrinfo *hints)
{
	ferry_local *local = ferry_getaddrinfo(loop, pool, host, service, hints, NULL);

	cr_assert_not_null(local, "%s", strerror(errno));
	return local;
}

/* At once on the pool: what holds lookups here would hold the look at whether it is a number. */
static ferry_local *ask_pool(const char *host)
{
	ferry_local *local = ferry_getaddrinfo(loop, pool, host, "80", &stream,
					       files_options(.policy = FERRY_FS_POOL));

	cr_assert_not_null(local, "%s", strerror(errno));
	return local;
}

static void check_same(const struct addrinfo *ours, const struct addrinfo *theirs)
{
	for (; theirs; theirs = theirs->ai_next, ours = ours->ai_next) {
		cr_assert_not_null(ours);
		cr_assert_eq(ours->ai_flags, theirs->ai_flags);
		cr_assert_eq(ours->ai_family, theirs->ai_family);
		cr_assert_eq(ours->ai_socktype, theirs->ai_socktype);
		cr_assert_eq(ours->ai_protocol, theirs->ai_protocol);
		cr_assert_eq(ours->ai_addrlen, theirs->ai_addrlen);
		cr_assert_arr_eq(ours->ai_addr, theirs->ai_addr, ours->ai_addrlen);
		cr_assert_eq(!ours->ai_canonname, !theirs->ai_canonname);
		if (theirs->ai_canonname)
			cr_assert_str_eq(ours->ai_canonname, theirs->ai_canonname);
	}
	cr_assert_null(ours);
}

static void check_lookup_error(ferry_local *local, int code)
{
	const ferry_error *error;

	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	error = ferry_local_snapshot(local).exception;
	cr_assert_not_null(error);
	cr_assert_str_eq(ferry_error_domain(error), FERRY_DOMAIN_LOOKUP);
	cr_assert_eq(ferry_error_number(error), code, "%d", ferry_error_number(error));
	cr_assert_str_eq(ferry_error_message(error), gai_strerror(code));
	cr_assert_null(ferry_result_addresses(local));
	cr_assert_null(ferry_result_names(local));
	ferry_local_unref(local);
}

/* As the system, whatever that says. */
static void check(const char *host, const char *service, const struct addrinfo *hints)
{
	struct addrinfo *theirs;
	int code = getaddrinfo(host, service, hints, &theirs);
	ferry_local *local = ask(host, service, hints);

	if (code) {
		check_lookup_error(local, code);
		return;
	}
	cr_assert_eq(files_errno(local), 0);
	check_same(ferry_result_addresses(local), theirs);
	ferry_local_unref(local);
	freeaddrinfo(theirs);
}

/* ---- numbers ---- */

Test(lookup, S1_numbers_are_answered_at_once, .init = begin, .fini = end)
{
	static const struct {
		const char *host, *service;
	} given[] = {
		{ "127.0.0.1", "80" },  { "10.1.2.3", NULL }, { "::1", "443" },
		{ "fe80::1", "65535" }, { "127.1", "1" },     { "::ffff:1.2.3.4", "0" },
	};
	uint64_t ran = fixture_pool_counters(pool).attempted;

	for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++) {
		ferry_local *local = ask(given[i].host, given[i].service, &stream);
		struct addrinfo *theirs;

		cr_assert_not_null(ferry_result_addresses(local), "%s is done", given[i].host);
		cr_assert_eq(getaddrinfo(given[i].host, given[i].service, &stream, &theirs), 0);
		check_same(ferry_result_addresses(local), theirs);
		freeaddrinfo(theirs);
		ferry_local_unref(local);
		check(given[i].host, given[i].service, &numeric);
	}
	cr_assert_eq(fixture_pool_counters(pool).attempted, ran);
	cr_assert_eq(files_counters().avoided, 1, "the first call of all");
}

Test(lookup, a_policy_may_have_numbers_looked_up_by_the_pool, .init = begin, .fini = end)
{
	ferry_local *local = ferry_getaddrinfo(loop, pool, "127.0.0.1", "80", &stream,
					       files_options(.policy = FERRY_FS_POOL));
	struct addrinfo *theirs;

	cr_assert_not(ferry_local_snapshot(local).done);
	cr_assert_eq(files_errno(local), 0);
	cr_assert_eq(getaddrinfo("127.0.0.1", "80", &stream, &theirs), 0);
	check_same(ferry_result_addresses(local), theirs);
	freeaddrinfo(theirs);
	ferry_local_unref(local);
}

/* ---- names ---- */

Test(lookup, names_are_looked_up_by_the_pool, .init = begin, .fini = end)
{
	static const struct addrinfo canonical = { .ai_flags = AI_CANONNAME,
						   .ai_socktype = SOCK_STREAM };
	static const struct addrinfo passive = { .ai_flags = AI_PASSIVE, .ai_family = AF_INET };
	ferry_local *local = ask("localhost", "80", &stream);

	cr_assert_not(ferry_local_snapshot(local).done);
	cr_assert_null(ferry_result_addresses(local));
	cr_assert_eq(ferry_loop_run_until(loop, local), 0);
	ferry_local_unref(local);
	check("localhost", "80", &stream);
	check("localhost", "http", &stream);
	check("localhost", NULL, NULL);
	check("localhost", NULL, &canonical);
	check("127.0.0.1", "80", &canonical);
	check("127.0.0.1", "80", NULL);
	check("127.0.0.1", "http", &stream);
	check(NULL, "http", &stream);
	check(NULL, "80", &passive);
}

Test(lookup, E1_each_failure_has_its_code, .init = begin, .fini = end)
{
	static const struct addrinfo odd_family = { .ai_family = 99 };
	static const struct addrinfo odd_flags = { .ai_flags = 1 << 30 };
	static const struct addrinfo odd_type = { .ai_socktype = 99 };
	static const struct addrinfo six = { .ai_flags = AI_NUMERICHOST, .ai_family = AF_INET6 };

	check_lookup_error(ask("no number", "80", &numeric), EAI_NONAME);
	check_lookup_error(ask("127.0.0.1", "no number", &numeric), EAI_NONAME);
	check_lookup_error(ask("127.0.0.1", "80", &odd_family), EAI_FAMILY);
	check_lookup_error(ask("127.0.0.1", "80", &odd_flags), EAI_BADFLAGS);
	check_lookup_error(ask("127.0.0.1", "80", &odd_type), EAI_SOCKTYPE);
	check("127.0.0.1", "80", &six);
	check("127.0.0.1", "no such service", &stream);
	cr_assert_null(ferry_getaddrinfo(loop, pool, NULL, NULL, NULL, NULL));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(ferry_getaddrinfo(loop, pool, "127.0.0.1", NULL, NULL,
					 files_options(.borrow_path = 1)));
	cr_assert_eq(errno, EINVAL);
}

/* The C library says why in errno, which is the worker's. */
Test(lookup, E1_what_the_system_refuses_is_its_errno, .init = begin, .fini = end)
{
	ferry_local *local;
	int code;
	struct addrinfo *theirs;

	fixture_descriptors_left(0);
	code = getaddrinfo("a.name.that.is.nowhere.invalid", NULL, &stream, &theirs);
	local = ask("a.name.that.is.nowhere.invalid", NULL, &stream);
	if (code == EAI_SYSTEM) {
		cr_assert_eq(files_errno(local), EMFILE);
		cr_assert_neq(strcmp(FERRY_DOMAIN_LOOKUP,
				     ferry_error_domain(ferry_local_snapshot(local).exception)),
			      0);
		ferry_local_unref(local);
	} else {
		check_lookup_error(local, code);
	}
	fixture_descriptors_left(-1);
}

Test(lookup, what_is_given_is_copied, .init = begin, .fini = end)
{
	char host[] = "127.0.0.1", service[] = "80";
	struct addrinfo hints = stream, *theirs;
	ferry_local *local;

	files_block();
	local = ferry_getaddrinfo(loop, pool, host, service, &hints,
				  files_options(.policy = FERRY_FS_POOL));
	memset(host, 'x', sizeof(host));
	memset(service, 'x', sizeof(service));
	memset(&hints, 0xff, sizeof(hints));
	files_unblock();
	cr_assert_eq(files_errno(local), 0);
	cr_assert_eq(getaddrinfo("127.0.0.1", "80", &stream, &theirs), 0);
	check_same(ferry_result_addresses(local), theirs);
	freeaddrinfo(theirs);
	ferry_local_unref(local);
}

/* ---- whose they are ---- */

Test(lookup, F7_addresses_that_nobody_takes_are_freed_once, .init = begin, .fini = end)
{
	for (int policy = FERRY_FS_AUTO; policy <= FERRY_FS_POOL; policy++) {
		ferry_local *local =
			ferry_getaddrinfo(loop, pool, "127.0.0.1", "80", &stream,
					  files_options(.policy = (ferry_fs_policy)policy));

		freed = 0;
		cr_assert_eq(files_errno(local), 0);
		cr_assert_eq(freed, 0);
		ferry_local_unref(local);
		cr_assert_eq(freed, 1);
	}
}

Test(lookup, F7_addresses_are_whose_who_takes_them, .init = begin, .fini = end)
{
	for (int policy = FERRY_FS_AUTO; policy <= FERRY_FS_POOL; policy++) {
		ferry_local *local =
			ferry_getaddrinfo(loop, pool, "127.0.0.1", "80", &stream,
					  files_options(.policy = (ferry_fs_policy)policy));
		ferry_result taken;

		freed = 0;
		cr_assert_eq(files_errno(local), 0);
		cr_assert_eq(ferry_local_take(local, &taken), 0);
		cr_assert_null(ferry_result_addresses(local));
		ferry_local_unref(local);
		cr_assert_eq(freed, 0);
		cr_assert_eq(((struct addrinfo *)taken.pointer)->ai_socktype, SOCK_STREAM);
		freeaddrinfo(taken.pointer);
	}
}

Test(lookup, F7_addresses_that_come_too_late_are_freed, .init = begin, .fini = end)
{
	struct slow_names *names = slow_names();
	ferry_local *local;

	if (!names)
		cr_skip_test("it was started without a slow name service");
	slow_names_hang(names);
	local = ask_pool("localhost");
	slow_names_await(names, 1);
	cr_assert_eq(ferry_local_cancel(local), 1);
	cr_assert(ferry_local_snapshot(local).cancelled);
	ferry_local_unref(local);
	cr_assert_eq(freed, 0);
	slow_names_release(names);
	files_await_worker();
	cr_assert_eq(freed, 1);
}

Test(lookup, L4_one_that_is_cancelled_while_it_is_queued_asks_nobody, .init = begin, .fini = end)
{
	struct slow_names *names = slow_names();
	unsigned before = names ? names->asked : 0;
	ferry_local *local;

	files_block();
	local = ask_pool("localhost");
	cr_assert_eq(ferry_local_cancel(local), 1);
	ferry_local_unref(local);
	files_unblock();
	files_await_worker();
	cr_assert_eq(freed, 0);
	cr_assert_eq(names ? names->asked : 0, before);
}

/* A lookup that hangs keeps no call of its loop from being answered at once. */
Test(lookup, S1_while_one_hangs_numbers_are_answered, .init = begin, .fini = end)
{
	struct slow_names *names = slow_names();
	ferry_local *hangs, *local;

	if (!names)
		cr_skip_test("it was started without a slow name service");
	slow_names_hang(names);
	hangs = ask_pool("localhost");
	slow_names_await(names, 1);
	local = ferry_fs_stat(loop, pool, "/", files_options(.policy = FERRY_FS_INLINE));
	cr_assert(ferry_local_snapshot(local).done);
	ferry_local_unref(local);
	slow_names_release(names);
	cr_assert_eq(ferry_loop_run_until(loop, hangs), 0);
	ferry_local_unref(hangs);
}

Test(lookup, a_task_can_wait_for_either, .init = begin, .fini = end)
{
	ferry_local *local = ask("localhost", NULL, &numeric);

	cr_assert_neq(files_awaited(local), 0, "it is no number");
	ferry_local_unref(local);
	local = ask("127.0.0.1", NULL, &numeric);
	cr_assert_eq(files_awaited(local), 0);
	cr_assert_not_null(ferry_result_addresses(local));
	ferry_local_unref(local);
}

/* ---- getnameinfo ---- */

static struct sockaddr_in four(const char *host, unsigned port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	cr_assert_eq(inet_pton(AF_INET, host, &address.sin_addr), 1);
	return address;
}

static struct sockaddr_in6 six(const char *host, unsigned port)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6,
					.sin6_port = htons((uint16_t)port) };

	cr_assert_eq(inet_pton(AF_INET6, host, &address.sin6_addr), 1);
	return address;
}

/* As the system, whatever that says; @inline: done at once. */
static void check_names(const void *address, socklen_t length, int flags, bool is_inline)
{
	char host[NI_MAXHOST], service[NI_MAXSERV];
	int code =
		getnameinfo(address, length, host, sizeof(host), service, sizeof(service), flags);
	ferry_local *local = ferry_getnameinfo(loop, pool, address, length, flags, NULL);

	cr_assert_not_null(local);
	cr_assert_eq(ferry_local_snapshot(local).done, is_inline);
	if (code) {
		check_lookup_error(local, code);
		return;
	}
	cr_assert_eq(files_errno(local), 0);
	cr_assert_str_eq(ferry_result_names(local)->host, host);
	cr_assert_str_eq(ferry_result_names(local)->service, service);
	ferry_local_unref(local);
}

#define NUMBERS (NI_NUMERICHOST | NI_NUMERICSERV)

Test(lookup, the_names_of_an_address_are_as_the_system_says, .init = begin, .fini = end)
{
	struct sockaddr_in local_four = four("127.0.0.1", 80), odd = four("127.0.0.1", 80);
	struct sockaddr_in6 local_six = six("::1", 443), far = six("2001:db8::1234", 65535);

	odd.sin_family = 99;
	check_names(&local_four, sizeof(local_four), NUMBERS, true);
	check_names(&local_four, sizeof(local_four), NUMBERS | NI_DGRAM, true);
	check_names(&local_six, sizeof(local_six), NUMBERS, true);
	check_names(&far, sizeof(far), NUMBERS, true);
	check_names(&local_four, sizeof(local_four), 0, false);
	check_names(&local_six, sizeof(local_six), NI_NUMERICSERV, false);
	check_names(&local_four, sizeof(local_four), NI_NUMERICHOST, false);
	check_names(&odd, sizeof(odd), NUMBERS, false);
	check_names(&local_four, 3, NUMBERS, false);
	check_names(&local_four, sizeof(local_four), 1 << 30, false);
}

Test(lookup, an_address_is_copied_and_one_of_a_wrong_length_refused, .init = begin, .fini = end)
{
	struct sockaddr_in address = four("127.0.0.1", 80);
	ferry_local *local;

	files_block();
	local = ferry_getnameinfo(loop, pool, (struct sockaddr *)&address, sizeof(address), NUMBERS,
				  files_options(.policy = FERRY_FS_POOL));
	memset(&address, 0xff, sizeof(address));
	cr_assert_null(ferry_result_names(local));
	files_unblock();
	cr_assert_eq(files_errno(local), 0);
	cr_assert_str_eq(ferry_result_names(local)->host, "127.0.0.1");
	cr_assert_str_eq(ferry_result_names(local)->service, "80");
	ferry_local_unref(local);
	cr_assert_null(ferry_getnameinfo(loop, pool, NULL, 16, 0, NULL));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(ferry_getnameinfo(loop, pool, (struct sockaddr *)&address, 0, 0, NULL));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(ferry_getnameinfo(loop, pool, (struct sockaddr *)&address,
					 sizeof(struct sockaddr_storage) + 1, 0, NULL));
	cr_assert_eq(errno, EINVAL);
}

Test(lookup, names_are_read_though_loop_and_pool_are_gone, .init = begin)
{
	struct sockaddr_in address = four("127.0.0.1", 80);
	ferry_local *local = ferry_getnameinfo(loop, pool, (struct sockaddr *)&address,
					       sizeof(address), NUMBERS, NULL);
	const ferry_names *names = ferry_result_names(local);

	end();
	cr_assert_str_eq(names->host, "127.0.0.1");
	ferry_local_unref(local);
}
