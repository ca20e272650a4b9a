/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two tasks that wait for each other, and many such pairs. */
#include "pairs.h"

#include "bench.h"

#include <stdlib.h>

struct event_player {
	FERRY_FRAME;
	ferry_event mine;
	ferry_event *others;
	uint64_t left, switches;
};

struct lock_player {
	FERRY_FRAME;
	ferry_lock *lock;
	uint64_t left, switches;
	unsigned begins;
};

struct lock_pair {
	ferry_lock lock;
	struct lock_player players[2];
};

struct queue_player {
	FERRY_FRAME;
	ferry_queue *queue;
	ferry_queue_entry entry;
	uint64_t left, next; /* items are 0, 1, 2, ... */
};

struct iterator_player {
	FERRY_FRAME;
	ferry_iterator *iterator;
	uint64_t left, next, item;
};

struct side {
	ferry_loop *loop;
	const struct pairs *how;
	struct event_player *event_players; /* array [2 * count]: a pair is two in a row */
	struct lock_pair *lock_pairs;       /* array [count] */
	ferry_queue queue;
	void *items[PAIRS_CAPACITY_MOST];
	struct queue_player putter, getter;
	ferry_iterator iterator;
	struct iterator_player giver, asker;
};

static void check_end(ferry_task *task)
{
	ferry_snapshot snapshot = ferry_task_snapshot(task);

	if (!snapshot.done || snapshot.exception)
		bench_fail("a task of a pair did not end, or failed");
}

/* ---- by events ---- */

static ferry_step wait_for_event(ferry_task *task)
{
	FERRY_BEGIN(task, struct event_player, f);
	for (; f->left; f->left--) {
		FERRY_TRY(&f->mine);
		f->switches++;
		bench_check(ferry_event_clear(&f->mine), "ferry_event_clear");
		bench_check(ferry_event_set(f->others), "ferry_event_set");
	}
	FERRY_END;
}

static void run_events(struct side *side, uint64_t operations)
{
	uint64_t each = operations / (2 * side->how->count), sum = 0;

	for (unsigned i = 0; i < 2 * side->how->count; i++) {
		struct event_player *player = &side->event_players[i];

		bench_check(ferry_event_init(&player->mine, side->loop), "ferry_event_init");
		player->others = &side->event_players[i ^ 1].mine;
		player->left = each;
		player->switches = 0;
		ferry_task_begin(&player->task, side->loop, wait_for_event, NULL);
	}
	for (unsigned i = 0; i < side->how->count; i++)
		bench_check(ferry_event_set(&side->event_players[2 * i].mine), "ferry_event_set");
	bench_check(ferry_loop_run(side->loop), "ferry_loop_run");
	for (unsigned i = 0; i < 2 * side->how->count; i++) {
		check_end(&side->event_players[i].task);
		sum += side->event_players[i].switches;
	}
	if (sum != operations)
		bench_fail("switches were lost");
}

/* ---- by a lock ---- */

static ferry_step wait_for_lock(ferry_task *task)
{
	FERRY_BEGIN(task, struct lock_player, f);
	FERRY_TRY(ferry_lock_acquire(f->lock));
	/* So that the other waits for it by now. */
	if (f->begins)
		FERRY_YIELD();
	for (; f->left; f->left--) {
		bench_check(ferry_lock_release(f->lock), "ferry_lock_release");
		FERRY_TRY(ferry_lock_acquire(f->lock));
		f->switches++;
	}
	FERRY_FINALLY
	bench_check(ferry_lock_release(f->lock), "ferry_lock_release");
	FERRY_END;
}

static void run_locks(struct side *side, uint64_t operations)
{
	uint64_t each = operations / (2 * side->how->count), sum = 0;

	for (unsigned i = 0; i < side->how->count; i++) {
		struct lock_pair *pair = &side->lock_pairs[i];

		bench_check(ferry_lock_init(&pair->lock, side->loop), "ferry_lock_init");
		for (unsigned j = 0; j < 2; j++) {
			pair->players[j].lock = &pair->lock;
			pair->players[j].left = each;
			pair->players[j].switches = 0;
			pair->players[j].begins = j == 0;
			ferry_task_begin(&pair->players[j].task, side->loop, wait_for_lock, NULL);
		}
	}
	bench_check(ferry_loop_run(side->loop), "ferry_loop_run");
	for (unsigned i = 0; i < side->how->count; i++)
		for (unsigned j = 0; j < 2; j++) {
			check_end(&side->lock_pairs[i].players[j].task);
			sum += side->lock_pairs[i].players[j].switches;
		}
	if (sum != operations)
		bench_fail("switches were lost");
}

/* ---- by a queue ---- */

static ferry_step put_items(ferry_task *task)
{
	FERRY_BEGIN(task, struct queue_player, f);
	for (; f->left; f->left--) {
		FERRY_TRY(ferry_queue_put(f->queue, &f->entry, (void *)(uintptr_t)f->next));
		f->next++;
	}
	FERRY_END;
}

static ferry_step get_items(ferry_task *task)
{
	FERRY_BEGIN(task, struct queue_player, f);
	for (; f->left; f->left--) {
		FERRY_TRY(ferry_queue_get(f->queue, &f->entry));
		if ((uintptr_t)f->entry.item != f->next++)
			bench_fail("an item was lost, or came out of its order");
	}
	FERRY_END;
}

static void run_queue(struct side *side, uint64_t operations)
{
	side->putter.queue = side->getter.queue = &side->queue;
	side->putter.left = side->getter.left = operations;
	side->putter.next = side->getter.next = 0;
	ferry_task_begin(&side->getter.task, side->loop, get_items, NULL);
	ferry_task_begin(&side->putter.task, side->loop, put_items, NULL);
	bench_check(ferry_loop_run(side->loop), "ferry_loop_run");
	check_end(&side->getter.task);
	check_end(&side->putter.task);
	if (side->getter.next != operations)
		bench_fail("items were lost");
}

/* ---- by an iterator ---- */

static ferry_step give_items(ferry_task *task)
{
	FERRY_BEGIN(task, struct iterator_player, f);
	for (; f->left; f->left--) {
		f->item = f->next++;
		FERRY_EMIT(f->iterator, &f->item);
	}
	FERRY_END;
}

static ferry_step ask_for_items(ferry_task *task)
{
	FERRY_BEGIN(task, struct iterator_player, f);
	FERRY_YIELD();
	for (;;) {
		FERRY_TRY(ferry_iterator_next(f->iterator));
		if (f->iterator->ended)
			break;
		if (*(uint64_t *)f->iterator->item != f->next++)
			bench_fail("an item was lost, or came out of its order");
	}
	FERRY_END;
}

static void run_iterator(struct side *side, uint64_t operations)
{
	side->giver.iterator = side->asker.iterator = &side->iterator;
	side->giver.left = operations;
	side->giver.next = side->asker.next = 0;
	ferry_task_init(&side->giver.task, side->loop, give_items, NULL);
	bench_check(ferry_iterator_init(&side->iterator, &side->giver.task), "ferry_iterator_init");
	ferry_task_begin(&side->asker.task, side->loop, ask_for_items, NULL);
	bench_check(ferry_loop_run(side->loop), "ferry_loop_run");
	check_end(&side->giver.task);
	check_end(&side->asker.task);
	if (side->asker.next != operations)
		bench_fail("items were lost");
}

/* ---- the drill ---- */

void *pairs_open(ferry_loop *loop, const void *how)
{
	struct side *side = calloc(1, sizeof(*side));

	if (!side)
		bench_fail("out of memory");
	side->loop = loop;
	side->how = how;
	if (side->how->by == PAIRS_EVENT)
		side->event_players = calloc(2 * side->how->count, sizeof(*side->event_players));
	if (side->how->by == PAIRS_LOCK)
		side->lock_pairs = calloc(side->how->count, sizeof(*side->lock_pairs));
	if (side->how->count && !side->event_players && !side->lock_pairs)
		bench_fail("out of memory");
	if (side->how->by == PAIRS_QUEUE)
		bench_check(ferry_queue_init(&side->queue, loop, side->items, side->how->capacity),
			    "ferry_queue_init");
	return side;
}

void pairs_run(void *side, uint64_t operations)
{
	switch (((struct side *)side)->how->by) {
	case PAIRS_EVENT:
		run_events(side, operations);
		break;
	case PAIRS_LOCK:
		run_locks(side, operations);
		break;
	case PAIRS_QUEUE:
		run_queue(side, operations);
		break;
	case PAIRS_ITERATOR:
		run_iterator(side, operations);
		break;
	}
}

void pairs_close(void *side)
{
	free(((struct side *)side)->event_players);
	free(((struct side *)side)->lock_pairs);
	free(side);
}
