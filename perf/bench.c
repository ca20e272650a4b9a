/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rounds, and the processes that samples are taken in. The
 * process that runs main() makes no thread and touches no library: it forks one child
 * a sample, which writes what it measured into memory that both share.
 */
#include "bench.h"
#include "environment.h"
#include "options.h"
#include "report.h"
#include "sample.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_SKIPPED 77

/* What parent and child share. */
struct shared {
	struct bench_sample sample;
	char reason[160]; /* why a case was skipped */
};

static struct {
	const struct bench_program *program;
	struct options options;
	struct shared *shared;
	bool in_child, opened;
	bool progress;
	uint64_t began_ns;
	unsigned samples_taken, samples_expected;
} bench;

static _Atomic int interrupted;

/* ---- endings ---- */

static void close_program(void)
{
	if (bench.opened && bench.program->close)
		bench.program->close();
	bench.opened = false;
}

_Noreturn void bench_fail(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "%s%s: ", bench.progress ? "\n" : "", bench.program->name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	if (bench.in_child)
		_exit(EXIT_FAILURE);
	close_program();
	exit(EXIT_FAILURE);
}

_Noreturn void bench_skip(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(bench.shared->reason, sizeof(bench.shared->reason), format, arguments);
	va_end(arguments);
	if (bench.in_child)
		_exit(EXIT_SKIPPED);
	fprintf(stderr, "%s: skipped: %s\n", bench.program->name, bench.shared->reason);
	close_program();
	exit(EXIT_SKIPPED);
}

void bench_check(int result, const char *call)
{
	if (result < 0)
		bench_fail("%s: %s", call, strerror(-result));
}

static void interrupt(int signal)
{
	atomic_store(&interrupted, signal);
	/* The case runs right here, and looks at nothing. */
	if (bench.options.one) {
		close_program();
		_exit(128 + signal);
	}
}

static void stop_if_interrupted(void)
{
	int signal = atomic_load(&interrupted);

	if (!signal)
		return;
	fprintf(stderr, "%s%s: interrupted\n", bench.progress ? "\n" : "", bench.program->name);
	close_program();
	exit(128 + signal);
}

/* ---- progress ---- */

static void show_progress(const char *doing, const char *name)
{
	double share, passed;

	if (!bench.progress)
		return;
	share = (double)bench.samples_taken / (bench.samples_expected ? bench.samples_expected : 1);
	passed = (double)(bench_now() - bench.began_ns) / 1e9;
	fprintf(stderr, "\r\033[K%s: %s %s, %.0f%% done", bench.program->name, doing, name,
		share * 100);
	if (bench.samples_taken > 0)
		fprintf(stderr, ", %.1f samples/s, %.0f s left", bench.samples_taken / passed,
			passed / share - passed);
	fflush(stderr);
}

static void end_progress(void)
{
	if (bench.progress)
		fprintf(stderr, "\r\033[K");
}

/* ---- one sample ---- */

/* In the process that takes the sample. */
static void run_sample(const struct bench_case *definition, uint64_t operations, bool count)
{
	struct bench_sample *sample = &bench.shared->sample;

	sample_init(sample, operations);
	bench.shared->reason[0] = '\0';
	environment_place(definition->placement);
	if (count && sample_count_syscalls(sample) < 0)
		sample->counter = -1;
	definition->run(definition, sample);
}

static void run_child(const struct bench_case *definition, uint64_t operations, bool count)
{
	double patience = 60 + 50 * bench.options.seconds;

	bench.in_child = true;
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(patience < 3600 ? (unsigned)patience : 3600);
	run_sample(definition, operations, count);
	fflush(stdout);
	_exit(EXIT_SUCCESS);
}

/* A sample in a process of its own. Return: false if the case was skipped. */
static bool take_sample(struct report_case *one, uint64_t operations, bool count)
{
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child < 0)
		bench_fail("cannot fork: %s", strerror(errno));
	if (child == 0)
		run_child(one->definition, operations, count);
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			bench_fail("cannot wait for a sample: %s", strerror(errno));
		if (atomic_load(&interrupted))
			kill(child, SIGTERM);
	}
	stop_if_interrupted();
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		bench_fail("case %s hangs", one->definition->name);
	if (WIFSIGNALED(status))
		bench_fail("case %s: %s", one->definition->name, strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) == EXIT_SKIPPED) {
		one->skipped = one->reason = strdup(bench.shared->reason);
		return false;
	}
	if (WEXITSTATUS(status) != EXIT_SUCCESS)
		bench_fail("case %s failed", one->definition->name);
	return true;
}

/* ---- all samples ---- */

static uint64_t round_up(const struct bench_case *definition, double operations)
{
	uint64_t granule = definition->granule ? definition->granule : 1;
	uint64_t whole = operations < 1 ? 1 : (uint64_t)operations;

	return (whole + granule - 1) / granule * granule;
}

/* How many operations fill a sample's time. */
static void calibrate(struct report_case *one)
{
	const struct bench_case *definition = one->definition;
	double target = bench.options.seconds * 1e9, operations = 1000;

	if (definition->operations) {
		one->operations = round_up(definition, (double)definition->operations);
		/* Finds out whether it can run here. */
		take_sample(one, one->operations, false);
		return;
	}
	for (;;) {
		uint64_t wall_ns;

		one->operations = round_up(definition, operations);
		if (!take_sample(one, one->operations, false))
			return;
		wall_ns = bench.shared->sample.wall_ns;
		if (wall_ns == 0)
			wall_ns = 1;
		operations = (double)one->operations * target / (double)wall_ns;
		if ((double)wall_ns >= target / 10)
			break;
		if (operations > (double)one->operations * 50)
			operations = (double)one->operations * 50;
	}
	one->operations = round_up(definition, operations);
}

static void keep_sample(struct report_case *one)
{
	one->samples[one->rounds] = bench.shared->sample;
	/* Latencies of all rounds are gathered in the first. */
	for (unsigned class = 0; one->rounds > 0 && class < BENCH_CLASSES; class++)
		one->samples[0].latencies[class] += bench.shared->sample.latencies[class];
	one->rounds++;
}

static void count_syscalls(struct report_case *one)
{
	const struct bench_sample *sample = &bench.shared->sample;

	if (one->definition->untimed || !take_sample(one, one->operations, true))
		return;
	if (!isnan(sample->syscalls)) {
		one->syscalls = sample->syscalls / (double)sample->operations;
		one->syscalls_source = "counted: raw_syscalls tracepoint";
	} else if (!isnan(sample->estimated_syscalls)) {
		one->syscalls = sample->estimated_syscalls / (double)sample->operations;
		one->syscalls_source = "estimated: counters of pool and loop";
	}
}

static bool runs(const struct report_case *one)
{
	return one->selected && !one->skipped;
}

static void take_all_samples(struct report *report)
{
	size_t count = report->program->count;

	for (size_t i = 0; i < count; i++) {
		if (!runs(&report->cases[i]))
			continue;
		show_progress("calibrating", report->cases[i].definition->name);
		calibrate(&report->cases[i]);
		bench.samples_taken++;
	}
	for (unsigned round = 0; round < bench.options.repeats; round++)
		for (size_t i = 0; i < count; i++) {
			struct report_case *one = &report->cases[round % 2 ? count - 1 - i : i];

			if (!runs(one))
				continue;
			show_progress("measuring", one->definition->name);
			if (take_sample(one, one->operations, false))
				keep_sample(one);
			bench.samples_taken++;
		}
	for (size_t i = 0; i < count; i++) {
		if (!runs(&report->cases[i]))
			continue;
		show_progress("counting", report->cases[i].definition->name);
		count_syscalls(&report->cases[i]);
		bench.samples_taken++;
	}
	end_progress();
}

/* ---- selection ---- */

static void select_case(struct report *report, const char *name)
{
	for (size_t i = 0; name && i < report->program->count; i++) {
		struct report_case *one = &report->cases[i];

		if (strcmp(one->definition->name, name) != 0 || one->selected)
			continue;
		one->selected = true;
		/* What it is compared with comes too. */
		select_case(report, one->definition->against);
		select_case(report, one->definition->also);
		select_case(report, one->definition->net_of);
	}
}

static void make_report(struct report *report)
{
	const struct bench_program *program = report->program;
	unsigned selected = 0;

	report->cases = calloc(program->count, sizeof(*report->cases));
	if (!report->cases)
		bench_fail("out of memory");
	for (size_t i = 0; i < program->count; i++) {
		struct report_case *one = &report->cases[i];

		one->definition = &program->cases[i];
		one->syscalls = NAN;
		one->samples = calloc(bench.options.repeats, sizeof(*one->samples));
		if (!one->samples)
			bench_fail("out of memory");
		one->skipped = one->definition->skip;
		if (!one->skipped &&
		    environment_cpus_needed(one->definition->placement) > bench_cpus())
			one->skipped = "needs two CPUs";
	}
	for (size_t i = 0; i < program->count; i++)
		if (!bench.options.only || strstr(program->cases[i].name, bench.options.only))
			select_case(report, program->cases[i].name);
	for (size_t i = 0; i < program->count; i++)
		selected += runs(&report->cases[i]);
	bench.samples_expected = selected * (bench.options.repeats + 2);
}

static void free_report(struct report *report)
{
	for (size_t i = 0; i < report->program->count; i++) {
		free(report->cases[i].samples);
		free(report->cases[i].reason);
	}
	free(report->cases);
}

/* ---- the whole ---- */

static void print_list(void)
{
	for (size_t i = 0; i < bench.program->count; i++)
		printf("%-28s %s\n", bench.program->cases[i].name, bench.program->cases[i].what);
}

static void print_report(const struct report *report)
{
	FILE *file;

	if (!bench.options.json || bench.options.json_path)
		report_print_table(report, stdout);
	if (!bench.options.json)
		return;
	file = bench.options.json_path ? fopen(bench.options.json_path, "we") : stdout;
	if (!file)
		bench_fail("cannot write %s: %s", bench.options.json_path, strerror(errno));
	report_print_json(report, file);
	if (fflush(file) != 0)
		bench_fail("cannot write the results: %s", strerror(errno));
	if (file != stdout)
		fclose(file);
}

/* --one: in this process, so that a tracer or a debugger sees it. */
static void run_one(struct report *report)
{
	for (size_t i = 0; i < report->program->count; i++) {
		struct report_case *one = &report->cases[i];
		uint64_t operations = one->definition->operations;

		one->selected = strcmp(one->definition->name, bench.options.one) == 0;
		if (!one->selected || one->skipped)
			continue;
		if (bench.options.one_operations)
			operations = bench.options.one_operations;
		one->operations = round_up(one->definition, operations ? (double)operations : 1e5);
		run_sample(one->definition, one->operations, false);
		keep_sample(one);
	}
}

int bench_main(const struct bench_program *program, int argc, char **argv)
{
	struct report report = { .program = program };
	bool known = false, ran = false;

	bench.program = program;
	bench.options = options_parse(program, argc, argv);
	if (bench.options.list) {
		print_list();
		return EXIT_SUCCESS;
	}
	environment_open();
	bench.shared = mmap(NULL, sizeof(*bench.shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (bench.shared == MAP_FAILED)
		bench_fail("out of memory");
	make_report(&report);
	bench.progress = isatty(STDERR_FILENO);
	bench.began_ns = bench_now();
	sigaction(SIGINT, &(struct sigaction){ .sa_handler = interrupt }, NULL);
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = interrupt }, NULL);
	bench.opened = true;
	if (program->open)
		program->open();
	if (bench.options.one)
		run_one(&report);
	else
		take_all_samples(&report);
	close_program();
	for (size_t i = 0; i < program->count; i++) {
		known |= report.cases[i].selected;
		ran |= report.cases[i].rounds > 0;
	}
	if (known)
		print_report(&report);
	else
		fprintf(stderr, "%s: no such case; see --list\n", program->name);
	free_report(&report);
	if (!known)
		return 2;
	return ran ? EXIT_SUCCESS : EXIT_SKIPPED;
}
