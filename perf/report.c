/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Figures of all rounds into quartiles, and those into a table or JSON lines. Runs in
 * the parent, after the last sample.
 */
#include "report.h"
#include "environment.h"
#include "sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One figure of a case in one round. */
typedef double (*figure)(const struct report_case *one, const struct report_case *other,
			 unsigned round, unsigned value);

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(const double *sorted, unsigned count, double part)
{
	double place = part * (count - 1);
	unsigned below = (unsigned)place;

	if (below + 1 >= count)
		return sorted[count - 1];
	return sorted[below] + (place - below) * (sorted[below + 1] - sorted[below]);
}

struct quartiles quartiles_of(double *figures, unsigned count)
{
	unsigned known = 0;

	for (unsigned i = 0; i < count; i++)
		if (!isnan(figures[i]))
			figures[known++] = figures[i];
	if (known == 0)
		return (struct quartiles){ NAN, NAN, NAN, NAN, NAN };
	qsort(figures, known, sizeof(figures[0]), compare);
	return (struct quartiles){
		.median = quantile(figures, known, 0.5),
		.q1 = quantile(figures, known, 0.25),
		.q3 = quantile(figures, known, 0.75),
		.min = figures[0],
		.max = figures[known - 1],
	};
}

static struct quartiles over_rounds(figure of, const struct report_case *one,
				    const struct report_case *other, unsigned value)
{
	double *figures = calloc(one->rounds, sizeof(*figures));
	struct quartiles quartiles;

	if (!figures)
		bench_fail("out of memory");
	for (unsigned round = 0; round < one->rounds; round++)
		figures[round] = of(one, other, round, value);
	quartiles = quartiles_of(figures, one->rounds);
	free(figures);
	return quartiles;
}

/* ---- figures ---- */

static double per_operation(const struct bench_sample *sample, uint64_t ns)
{
	return sample->operations ? (double)ns / (double)sample->operations : NAN;
}

static double wall(const struct report_case *one, const struct report_case *other, unsigned round,
		   unsigned value)
{
	(void)other, (void)value;
	if (one->definition->untimed)
		return NAN;
	return per_operation(&one->samples[round], one->samples[round].wall_ns);
}

static double cpu(const struct report_case *one, const struct report_case *other, unsigned round,
		  unsigned value)
{
	(void)other, (void)value;
	if (one->definition->untimed)
		return NAN;
	return per_operation(&one->samples[round], one->samples[round].cpu_ns);
}

static double thread_cpu(const struct report_case *one, const struct report_case *other,
			 unsigned round, unsigned value)
{
	(void)other, (void)value;
	if (one->definition->untimed)
		return NAN;
	return per_operation(&one->samples[round], one->samples[round].thread_cpu_ns);
}

static double named_value(const struct report_case *one, const struct report_case *other,
			  unsigned round, unsigned value)
{
	(void)other;
	return one->samples[round].values[value];
}

static double speed_ratio(const struct report_case *one, const struct report_case *other,
			  unsigned round, unsigned value)
{
	return wall(other, NULL, round, value) / wall(one, NULL, round, value);
}

static double cpu_ratio(const struct report_case *one, const struct report_case *other,
			unsigned round, unsigned value)
{
	return cpu(one, NULL, round, value) / cpu(other, NULL, round, value);
}

/* The same to the better of the two that a case is compared with. */
static double speed_to_better(const struct report_case *one, const struct report_case *other,
			      unsigned round, unsigned value)
{
	const struct report_case *also = one->also;

	return fmin(speed_ratio(one, other, round, value), speed_ratio(one, also, round, value));
}

static double cpu_to_better(const struct report_case *one, const struct report_case *other,
			    unsigned round, unsigned value)
{
	const struct report_case *also = one->also;

	return fmax(cpu_ratio(one, other, round, value), cpu_ratio(one, also, round, value));
}

/* Place of a case's value in another's list; BENCH_VALUES if it is not there. */
static unsigned same_value(const struct bench_case *one, const struct bench_case *other,
			   unsigned value)
{
	for (unsigned i = 0; i < BENCH_VALUES && other->values[i]; i++)
		if (strcmp(one->values[value], other->values[i]) == 0)
			return i;
	return BENCH_VALUES;
}

static double value_ratio(const struct report_case *one, const struct report_case *other,
			  unsigned round, unsigned value)
{
	unsigned there = same_value(one->definition, other->definition, value);

	if (there == BENCH_VALUES)
		return NAN;
	return one->samples[round].values[value] / other->samples[round].values[there];
}

static double net_wall(const struct report_case *one, const struct report_case *other,
		       unsigned round, unsigned value)
{
	return wall(one, NULL, round, value) - wall(other, NULL, round, value);
}

/* The case of that name, if it ran; NULL otherwise. */
static const struct report_case *find(const struct report *report, const char *name)
{
	if (!name)
		return NULL;
	for (size_t i = 0; i < report->program->count; i++) {
		const struct report_case *one = &report->cases[i];

		if (strcmp(one->definition->name, name) == 0)
			return one->selected && !one->skipped ? one : NULL;
	}
	return NULL;
}

static void find_also(const struct report *report)
{
	for (size_t i = 0; i < report->program->count; i++)
		report->cases[i].also = find(report, report->cases[i].definition->also);
}

/* ---- JSON ---- */

static void print_number(FILE *out, double number)
{
	if (isfinite(number))
		fprintf(out, "%.6g", number);
	else
		fprintf(out, "null");
}

static void print_quartiles(FILE *out, const char *name, struct quartiles q)
{
	environment_print_string(out, name);
	if (isnan(q.median)) {
		fprintf(out, ":null");
		return;
	}
	fprintf(out, ":{\"median\":");
	print_number(out, q.median);
	fprintf(out, ",\"q1\":");
	print_number(out, q.q1);
	fprintf(out, ",\"q3\":");
	print_number(out, q.q3);
	fprintf(out, ",\"min\":");
	print_number(out, q.min);
	fprintf(out, ",\"max\":");
	print_number(out, q.max);
	fputc('}', out);
}

static void print_values(FILE *out, const struct report_case *one)
{
	fprintf(out, ",\"values\":{");
	for (unsigned i = 0; i < BENCH_VALUES && one->definition->values[i]; i++) {
		if (i > 0)
			fputc(',', out);
		print_quartiles(out, one->definition->values[i],
				over_rounds(named_value, one, NULL, i));
	}
	fputc('}', out);
}

static void print_latencies(FILE *out, const struct report_case *one)
{
	const char *separator = "";

	fprintf(out, ",\"latencies_ns\":[");
	for (unsigned class = 0; class < BENCH_CLASSES; class++) {
		if (one->samples[0].latencies[class] == 0)
			continue;
		fprintf(out, "%s[%llu,%u]", separator,
			(unsigned long long)sample_class_floor_ns(class),
			one->samples[0].latencies[class]);
		separator = ",";
	}
	fputc(']', out);
}

static void print_ratios(FILE *out, const struct report_case *one,
			 const struct report_case *other, const char *to, const char *ratios)
{
	fprintf(out, ",\"%s\":", to);
	environment_print_string(out, other->definition->name);
	fprintf(out, ",\"%s\":{", ratios);
	print_quartiles(out, "speed", over_rounds(speed_ratio, one, other, 0));
	fputc(',', out);
	print_quartiles(out, "cpu", over_rounds(cpu_ratio, one, other, 0));
	for (unsigned i = 0; i < BENCH_VALUES && one->definition->values[i]; i++) {
		if (same_value(one->definition, other->definition, i) == BENCH_VALUES)
			continue;
		fputc(',', out);
		print_quartiles(out, one->definition->values[i],
				over_rounds(value_ratio, one, other, i));
	}
	fputc('}', out);
}

static void print_better_ratios(FILE *out, const struct report_case *one,
				const struct report_case *other)
{
	fprintf(out, ",\"ratios_to_better\":{");
	print_quartiles(out, "speed", over_rounds(speed_to_better, one, other, 0));
	fputc(',', out);
	print_quartiles(out, "cpu", over_rounds(cpu_to_better, one, other, 0));
	fputc('}', out);
}

static void print_case_json(FILE *out, const struct report *report,
			    const struct report_case *one)
{
	const struct report_case *against = find(report, one->definition->against);
	const struct report_case *net_of = find(report, one->definition->net_of);
	struct quartiles wall_ns;

	fprintf(out, "{\"program\":");
	environment_print_string(out, report->program->name);
	fprintf(out, ",\"name\":");
	environment_print_string(out, one->definition->name);
	fprintf(out, ",\"what\":");
	environment_print_string(out, one->definition->what);
	if (one->skipped) {
		fprintf(out, ",\"skipped\":");
		environment_print_string(out, one->skipped);
		fprintf(out, "}\n");
		return;
	}
	wall_ns = over_rounds(wall, one, NULL, 0);
	fprintf(out, ",\"placement\":");
	environment_print_string(out, environment_placement(one->definition->placement));
	fprintf(out, ",\"repeats\":%u,\"operations\":%llu,", one->rounds,
		(unsigned long long)one->samples[0].operations);
	print_quartiles(out, "wall_ns", wall_ns);
	fputc(',', out);
	print_quartiles(out, "cpu_ns", over_rounds(cpu, one, NULL, 0));
	fputc(',', out);
	print_quartiles(out, "thread_cpu_ns", over_rounds(thread_cpu, one, NULL, 0));
	fprintf(out, ",\"operations_per_second\":");
	print_number(out, 1e9 / wall_ns.median);
	fprintf(out, ",\"syscalls\":");
	print_number(out, one->syscalls);
	fprintf(out, ",\"syscalls_source\":");
	if (one->syscalls_source)
		environment_print_string(out, one->syscalls_source);
	else
		fprintf(out, "null");
	print_values(out, one);
	print_latencies(out, one);
	if (against)
		print_ratios(out, one, against, "against", "ratios");
	if (one->also)
		print_ratios(out, one, one->also, "also", "also_ratios");
	if (against && one->also)
		print_better_ratios(out, one, against);
	if (net_of) {
		fprintf(out, ",\"net_of\":");
		environment_print_string(out, net_of->definition->name);
		fputc(',', out);
		print_quartiles(out, "net_ns", over_rounds(net_wall, one, net_of, 0));
	}
	fprintf(out, ",\"environment\":");
	environment_print_json(out);
	fprintf(out, "}\n");
}

void report_print_json(const struct report *report, FILE *out)
{
	find_also(report);
	for (size_t i = 0; i < report->program->count; i++)
		if (report->cases[i].selected)
			print_case_json(out, report, &report->cases[i]);
}

/* ---- table ---- */

/* A number in at most seven places. */
static const char *short_number(char *buffer, size_t size, double number)
{
	if (!isfinite(number))
		snprintf(buffer, size, "-");
	else if (fabs(number) >= 1e6)
		snprintf(buffer, size, "%.4g", number);
	else if (fabs(number) >= 1000)
		snprintf(buffer, size, "%.0f", number);
	else
		snprintf(buffer, size, fabs(number) < 10 ? "%.3g" : "%.1f", number);
	return buffer;
}

static void print_span(FILE *out, const char *name, struct quartiles q, const char *unit)
{
	char median[32], low[32], high[32];

	fprintf(out, "  %s %s%s (%s-%s)", name,
		short_number(median, sizeof(median), q.median), unit,
		short_number(low, sizeof(low), q.q1), short_number(high, sizeof(high), q.q3));
}

static void print_comparison(FILE *out, const struct report_case *one,
			     const struct report_case *other)
{
	struct quartiles q;

	fprintf(out, "  | to %s:", other->definition->name);
	print_span(out, "speed", over_rounds(speed_ratio, one, other, 0), "x");
	print_span(out, "cpu", over_rounds(cpu_ratio, one, other, 0), "x");
	if (!one->definition->values[0])
		return;
	q = over_rounds(value_ratio, one, other, 0);
	/* Of what the other does not tell, or has none of, there is none. */
	if (isfinite(q.median))
		print_span(out, one->definition->values[0], q, "x");
}

static void print_case_row(FILE *out, const struct report *report, const struct report_case *one,
			   int width)
{
	const struct report_case *against = find(report, one->definition->against);
	const struct report_case *net_of = find(report, one->definition->net_of);
	struct quartiles q;
	char text[5][32];

	fprintf(out, "%-*s", width, one->definition->name);
	if (one->skipped) {
		fprintf(out, "  skipped: %s\n", one->skipped);
		return;
	}
	q = over_rounds(wall, one, NULL, 0);
	fprintf(out, " %9s %9s %9s %9s %9s", short_number(text[0], sizeof(text[0]), q.median),
		short_number(text[1], sizeof(text[1]), q.q1),
		short_number(text[2], sizeof(text[2]), q.q3),
		short_number(text[3], sizeof(text[3]), over_rounds(cpu, one, NULL, 0).median),
		short_number(text[4], sizeof(text[4]), one->syscalls));
	for (unsigned i = 0; i < BENCH_VALUES && one->definition->values[i]; i++)
		fprintf(out, "  %s %s", one->definition->values[i],
			short_number(text[0], sizeof(text[0]),
				     over_rounds(named_value, one, NULL, i).median));
	if (against)
		print_comparison(out, one, against);
	if (one->also)
		print_comparison(out, one, one->also);
	if (against && one->also) {
		fprintf(out, "  | to the better:");
		print_span(out, "speed", over_rounds(speed_to_better, one, against, 0), "x");
		print_span(out, "cpu", over_rounds(cpu_to_better, one, against, 0), "x");
	}
	if (net_of)
		print_span(out, "| net", over_rounds(net_wall, one, net_of, 0), " ns");
	fputc('\n', out);
}

void report_print_table(const struct report *report, FILE *out)
{
	int width = 4;
	unsigned rounds = 0;

	for (size_t i = 0; i < report->program->count; i++) {
		const struct report_case *one = &report->cases[i];

		if (one->selected && (int)strlen(one->definition->name) > width)
			width = (int)strlen(one->definition->name);
		if (one->rounds > rounds)
			rounds = one->rounds;
	}
	find_also(report);
	fprintf(out, "%s: %s\n", report->program->name, report->program->question);
	environment_print(out);
	fprintf(out, "ns per operation over %u rounds; system calls per operation\n\n", rounds);
	fprintf(out, "%-*s %9s %9s %9s %9s %9s\n", width, "case", "median", "q1", "q3", "cpu",
		"syscalls");
	for (size_t i = 0; i < report->program->count; i++)
		if (report->cases[i].selected)
			print_case_row(out, report, &report->cases[i], width);
}
