/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One function on many arguments, results in the order of the arguments.
 *
 * Used by one thread at a time, not a loop's where it waits (a client of submit and
 * wait: it adds no step to a request). Invariant: at most window jobs are submitted
 * and not yet given out; what is not given out is cancelled when the map is freed.
 */
#include "base/memory.h"
#include "base/options.h"
#include "pool/core.h"

#define MOST 1000000

struct ferry_map {
	ferry_pool *pool;
	ferry_function fn;
	ferry_job_options options; /* its name points to ours */
	uint64_t room_deadline_ns; /* as given, FERRY_NO_DEADLINE if not */
	char name[NAME_ROOM];
	size_t count, window;
	size_t submitted, given;
	ferry_future **futures; /* array [window], used as a ring */
	void *args[];           /* array [count] */
};

/* Fills the window; waits for room, where that is what the pool does, until then at most. */
static int submit_window(ferry_map *map, uint64_t deadline_ns)
{
	map->options.room_deadline_ns = deadline_ns < map->room_deadline_ns ? deadline_ns
									: map->room_deadline_ns;
	while (map->submitted < map->count && map->submitted - map->given < map->window) {
		int error = ferry_pool_submit(map->pool, map->fn, map->args[map->submitted],
					      &map->options,
					      &map->futures[map->submitted % map->window]);

		if (error)
			return error;
		map->submitted++;
	}
	return 0;
}

int ferry_pool_map(ferry_pool *pool, ferry_function fn, void *const *args, size_t count,
		   size_t window, const ferry_job_options *given, ferry_map **ret)
{
	ferry_job_options options;
	ferry_map *map;
	int error = submit_check(pool);

	if (!error && (!fn || !ret || count > MOST || (count && !args)))
		error = -EINVAL;
	if (!error)
		error = submit_read_options(pool->core, given, &options);
	if (error)
		return error;
	if (!window || window > count)
		window = count ? count : 1;
	map = memory_new(sizeof(*map) + (count + window) * sizeof(void *));
	if (!map)
		return -ENOMEM;
	*map = (ferry_map){ .pool = pool, .fn = fn, .options = options };
	map->count = count;
	map->window = window;
	map->options.size = sizeof(map->options);
	map->room_deadline_ns = options.room_deadline_ns ? options.room_deadline_ns
							 : FERRY_NO_DEADLINE;
	/* Jobs are still submitted when the caller's string may be gone. */
	if (options.name) {
		name_copy(map->name, sizeof(map->name), options.name);
		map->options.name = map->name;
	}
	map->futures = (ferry_future **)(map->args + count);
	if (count)
		memcpy(map->args, args, count * sizeof(*args));
	error = submit_window(map, FERRY_NO_DEADLINE);
	if (error) {
		ferry_map_free(map);
		return error;
	}
	*ret = map;
	return 0;
}

int ferry_map_next(ferry_map *map, uint64_t deadline_ns, ferry_future **ret)
{
	ferry_future *next;
	int error;

	if (!map || !ret)
		return -EINVAL;
	if (map->given == map->count)
		return 0;
	if (map->submitted == map->given) {
		/* The last submit was refused: nothing is skipped, it is tried again. */
		error = submit_window(map, deadline_ns ? deadline_ns : 1);
		if (error && map->submitted == map->given)
			return error;
	}
	next = map->futures[map->given % map->window];
	error = ferry_future_wait(next, deadline_ns);
	if (error)
		return error;
	map->given++;
	*ret = next;
	/* Without waiting for room. A refusal here shows when nothing is left to give. */
	submit_window(map, 1);
	return 1;
}

ferry_map *ferry_map_free(ferry_map *map)
{
	if (!map)
		return NULL;
	for (; map->given < map->submitted; map->given++) {
		ferry_future *left = map->futures[map->given % map->window];

		ferry_future_cancel(left);
		ferry_future_unref(left);
	}
	memory_free(map);
	return NULL;
}
