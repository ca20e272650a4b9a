/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Choosing what happens next: depth first, at random, by priorities, or as told.
 *
 * Called by the scheduler at each place where there is a choice, and by the explorer
 * between runs. Depth first: a place is remembered with what was chosen there, the next
 * run repeats all but the last place that has another option. A deviation costs one of
 * the bound wherever it is made; what is chosen for data costs nothing.
 */
#include "seam/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACES_MOST 8192
#define TEXT_MOST 65536
#define STRANDS_MOST 16
#define CHANGES_MOST 8

struct deviation {
	unsigned place, choice;
};

/* A place on the way down the tree. */
struct node {
	unsigned place, count, chosen, spent;
	bool costs;
};

static enum strategy strategy;
static unsigned bound;
static bool begun;

static struct deviation made[PLACES_MOST];
static unsigned made_count;
static struct deviation wanted[PLACES_MOST];
static unsigned wanted_count;

static struct node path[PLACES_MOST];
static unsigned path_length, kept, at;

static uint64_t random_state;
static unsigned odds;
static unsigned priorities[STRANDS_MOST], lowest;
static unsigned changes[CHANGES_MOST], places_seen;

/* splitmix64 */
static uint64_t random_next(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static unsigned random_below(unsigned count)
{
	return (unsigned)(random_next() % count);
}

void schedule_begin(enum strategy which, unsigned limit, uint64_t seed)
{
	strategy = which;
	bound = limit;
	begun = false;
	random_state = seed;
	path_length = kept = 0;
	places_seen = 1;
}

/* ---- depth first ---- */

/* The last place with another option takes it: false if there is none. */
static bool next_path(void)
{
	while (path_length) {
		struct node *last = &path[path_length - 1];

		if (++last->chosen < last->count) {
			kept = path_length;
			return true;
		}
		path_length--;
	}
	return false;
}

static unsigned choose_depth(const struct options *options)
{
	struct node *node = &path[at];
	bool costs = options->threads;
	unsigned spent = 0;

	if (at < kept) {
		if (node->place != options->place)
			return 0; /* no choice was seen here when the path was made */
		at++;
		if (node->count != options->count) {
			fprintf(stderr, "the scene is not the same each time\n");
			exit(1);
		}
		return node->chosen;
	}
	if (at)
		spent = path[at - 1].spent + (path[at - 1].costs && path[at - 1].chosen);
	if ((costs && spent >= bound) || at == PLACES_MOST)
		return 0;
	*node = (struct node){ options->place, options->count, 0, spent, costs };
	path_length = ++at;
	return 0;
}

double schedule_share(void)
{
	double share = 0, part = 1;

	for (unsigned i = 0; i < path_length && i < 64; i++) {
		part /= path[i].count;
		share += part * path[i].chosen;
	}
	return share;
}

/* ---- random ---- */

static unsigned choose_random(const struct options *options)
{
	if (options->stays && random_below(odds))
		return 0;
	/* Time seldom passes while somebody can run. */
	if (options->threads && options->threads < options->count && random_below(16))
		return random_below(options->threads);
	return random_below(options->count);
}

/* ---- priorities ---- */

void schedule_demote(unsigned strand)
{
	priorities[strand] = lowest--;
}

static unsigned choose_priority(const struct options *options)
{
	unsigned best = 0;

	if (!options->threads)
		return random_below(options->count);
	if (options->threads < options->count && !random_below(64))
		return options->threads;
	for (unsigned i = 0; i < bound && options->stays; i++)
		if (changes[i] == options->place)
			schedule_demote(options->strands[0]);
	for (unsigned i = 1; i < options->threads; i++)
		if (priorities[options->strands[i]] > priorities[options->strands[best]])
			best = i;
	return best;
}

/* ---- all ---- */

static unsigned choose_replay(const struct options *options)
{
	for (unsigned i = 0; i < wanted_count; i++)
		if (wanted[i].place == options->place)
			return wanted[i].choice < options->count ? wanted[i].choice : 0;
	return 0;
}

bool schedule_next(void)
{
	bool more = !begun || strategy == STRATEGY_RANDOM || strategy == STRATEGY_PRIORITY;

	if (begun && strategy == STRATEGY_DEPTH)
		more = next_path();
	begun = true;
	made_count = 0;
	at = 0;
	odds = 1u << (1 + random_below(4));
	lowest = 1u << 30;
	for (unsigned i = 0; i < STRANDS_MOST; i++)
		priorities[i] = (1u << 30) + 1 + random_below(1u << 20);
	for (unsigned i = 0; i < CHANGES_MOST; i++)
		changes[i] = random_below(places_seen);
	return more;
}

void schedule_end(unsigned places)
{
	/* The path may have become shorter than it was when it was made. */
	if (strategy == STRATEGY_DEPTH)
		path_length = at;
	if (places > places_seen)
		places_seen = places;
}

unsigned schedule_choose(const struct options *options)
{
	unsigned choice = 0;

	switch (strategy) {
	case STRATEGY_REPLAY:
		choice = choose_replay(options);
		break;
	case STRATEGY_DEPTH:
		choice = choose_depth(options);
		break;
	case STRATEGY_RANDOM:
		choice = choose_random(options);
		break;
	case STRATEGY_PRIORITY:
		choice = choose_priority(options);
		break;
	}
	if (choice && made_count < PLACES_MOST)
		made[made_count++] = (struct deviation){ options->place, choice };
	return choice;
}

/* ---- as text ---- */

const char *schedule_text(void)
{
	static char text[TEXT_MOST];
	size_t length = 0;

	text[0] = 0;
	for (unsigned i = 0; i < made_count && length < sizeof(text) - 32; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%u:%u",
					   i ? "," : "", made[i].place, made[i].choice);
	return made_count ? text : "none";
}

bool schedule_read(const char *text)
{
	wanted_count = 0;
	if (!strcmp(text, "none"))
		return true;
	for (;;) {
		struct deviation *next = &wanted[wanted_count];
		int read = 0;

		if (wanted_count == PLACES_MOST ||
		    sscanf(text, "%u:%u%n", &next->place, &next->choice, &read) != 2)
			return false;
		wanted_count++;
		text += read;
		if (!*text)
			return true;
		if (*text++ != ',')
			return false;
	}
}

bool schedule_read_without(unsigned deviation)
{
	if (deviation >= made_count)
		return false;
	wanted_count = 0;
	for (unsigned i = 0; i < made_count; i++)
		if (i != deviation)
			wanted[wanted_count++] = made[i];
	return true;
}
