/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * support/slow_names.h: whoever asks for a name waits until he is released, in this program and in
 * one that it starts, and then gets what he asked for.
 */
#include <netdb.h>
#include <sys/wait.h>

#include "places/caller.h"
#include "support/slow_names.h"

/* Of a number, for which nobody is asked. */
static int ask(void)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM }, *found;
	int error = getaddrinfo("127.0.0.1", "80", &hints, &found);
	char host[64];

	if (error)
		return error;
	error = getnameinfo(found->ai_addr, found->ai_addrlen, host, sizeof(host), NULL, 0,
			    NI_NUMERICHOST);
	freeaddrinfo(found);
	return error ? error : strcmp(host, "127.0.0.1");
}

static void *ask_elsewhere(void *result)
{
	*(int *)result = ask();
	return NULL;
}

static pid_t start_another(const char *program, int memory)
{
	char number[16];
	pid_t child;

	snprintf(number, sizeof(number), "%d", memory);
	setenv("FERRY_SLOW_NAMES", number, 1);
	child = fork();
	if (child == 0) {
		execl(program, program, "ask", (char *)NULL);
		_exit(127);
	}
	return child;
}

static void hold_another(const char *program)
{
	int memory, status;
	struct slow_names *names = shared_memory(sizeof(*names), &memory);
	pid_t child;

	program_check(names, "no memory");
	slow_names_hang(names);
	child = start_another(program, memory);
	slow_names_await(names, 1);
	program_check(waitpid(child, &status, WNOHANG) == 0, "it does not wait");
	slow_names_release(names);
	program_check(waitpid(child, &status, 0) == child && status == 0, "status %d", status);
	program_check(names->asked == 2, "asked %u times", names->asked);
	puts("ok: another program is held, and goes on when it is released");
}

int main(int argc, char **argv)
{
	struct slow_names *names = slow_names();
	pthread_t threads[3];
	int results[3] = { -1, -1, -1 };

	if (argc == 2 && !strcmp(argv[1], "ask"))
		return ask();
	program_begin(argc, argv, "names that are not found", 1, 1);
	if (!names) {
		puts("skipped: slow_names is not loaded; meson test does so");
		return SKIPPED;
	}
	program_check(ask() == 0, "no answer");
	program_check(names->asked == 2, "asked %u times", names->asked);
	slow_names_hang(names);
	for (int i = 0; i < 3; i++)
		program_check(!pthread_create(&threads[i], NULL, ask_elsewhere, &results[i]),
			      "no thread");
	slow_names_await(names, 3);
	program_check(names->inside == 3 && names->asked == 5, "somebody went on");
	slow_names_release(names);
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		program_check(results[i] == 0, "%d", results[i]);
	}
	program_check(names->inside == 0, "somebody still waits");
	puts("ok: who asks for a name waits, and gets it when he is released");
	hold_another(argv[0]);
	return 0;
}
