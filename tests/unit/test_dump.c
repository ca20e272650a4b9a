/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The dump of a loop: each task once, with its state and its place, below who waits for it or the
 * group that it is in, as text and as valid JSON, whatever its shape, its depth, its names (T8).
 */
#include <criterion/criterion.h>

#include "loop/loop.h"
#include "support/actor.h"
#include "support/allocations.h"
#include "support/work.h"

TestSuite(dump, .timeout = 120);

/* Under AddressSanitizer what a million prints takes 15 s to look through, and shows no more. */
#ifdef __SANITIZE_ADDRESS__
#define MANY 100000
#else
#define MANY 1000000
#endif
#define LAZY OPTIONS_OF(.start = FERRY_START_LAZY)
#define DEFERRED OPTIONS_OF(.start = FERRY_START_DEFERRED)

static ferry_loop *loop;
static ferry_operation operation, plain;

static void begin(void)
{
	loop = fixture_loop();
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	cr_assert_eq(ferry_operation_init(&plain, NULL), 0);
}

static void end(void)
{
	cr_assert_eq(fixture_loop_counters(loop).tasks, 0, "their frames are gone");
	cr_assert_eq(ferry_loop_free(loop), 0);
}

static void end_all(void)
{
	cr_assert_geq(ferry_loop_cancel_tasks(loop), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	diary[0] = 0;
}

/* ---- what was written ---- */

static struct text {
	char *bytes;
	size_t length, room;
	unsigned long pieces, most;
} text;

static int collect(void *user, const char *piece, size_t length)
{
	if (user != &text || !length)
		abort();
	if (text.most && text.pieces == text.most)
		return -77;
	text.pieces++;
	if (text.length + length + 1 > text.room) {
		text.room = 2 * (text.length + length + 1);
		text.bytes = realloc(text.bytes, text.room);
	}
	memcpy(text.bytes + text.length, piece, length);
	text.length += length;
	text.bytes[text.length] = 0;
	return 1;
}

static const char *dump(ferry_dump_format format)
{
	text.length = 0;
	text.pieces = 0;
	cr_assert_eq(ferry_loop_dump(loop, format, collect, &text), 0);
	return text.bytes;
}

/* By hand: under a sanitizer each strstr() would look at all that is left. */
static unsigned count(const char *in, const char *what)
{
	unsigned number = 0;

	for (; *in; in++) {
		size_t same = 0;

		while (what[same] && in[same] == what[same])
			same++;
		number += !what[same];
	}
	return number;
}

/* The line of a task, by its name, without what changes from run to run; "" if there is none. */
static const char *line_of(const char *name)
{
	static char line[512], quoted[64];
	const char *at, *state;

	snprintf(quoted, sizeof(quoted), "\"%s\" task ", name);
	at = strstr(dump(FERRY_DUMP_TEXT), quoted);
	if (!at)
		return "";
	state = strstr(at, ": ") + 2;
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(state, "\n"), state);
	return line;
}

/* How far to the right it stands; -1: nowhere. */
static int depth_of(const char *what)
{
	const char *at = strstr(dump(FERRY_DUMP_TEXT), what), *from;

	if (!at)
		return -1;
	for (from = at; from > text.bytes && from[-1] != '\n'; from--)
		;
	return (int)strspn(from, " ") / 2;
}

/* ---- is it JSON? ---- */

static const char *skip_string(const char *at)
{
	if (*at++ != '"')
		return NULL;
	for (; *at != '"'; at++) {
		if ((unsigned char)*at < 0x20 || (unsigned char)*at > 0x7e)
			return NULL;
		if (*at != '\\')
			continue;
		at++;
		if (*at == 'u') {
			if (strspn(at + 1, "0123456789abcdefABCDEF") < 4)
				return NULL;
			at += 4;
		} else if (!*at || !strchr("\"\\/bfnrt", *at)) {
			return NULL;
		}
	}
	return at + 1;
}

static const char *skip_scalar(const char *at)
{
	static const char *const words[] = { "true", "false", "null" };

	if (*at == '"')
		return skip_string(at);
	for (unsigned i = 0; i < 3; i++)
		if (!strncmp(at, words[i], strlen(words[i])))
			return at + strlen(words[i]);
	if (*at == '-')
		at++;
	if (at[0] == '0' && at[1] >= '0' && at[1] <= '9')
		return NULL;
	return strspn(at, "0123456789") ? at + strspn(at, "0123456789") : NULL;
}

/*
 * One value, and a newline. Without recursion: it may be a million deep.
 *
 * Behind "{" or "[" comes something or the end, behind a value a comma or the end, behind a comma
 * something.
 */
static bool is_json(const char *at)
{
	char *open = malloc(strlen(at) + 1);
	size_t depth = 0;
	bool may_end = false, valid = true;

	do {
		if (depth && open[depth - 1] == '{' && *at != '}') {
			at = skip_string(at);
			if (!at || *at++ != ':')
				break;
		}
		if (*at == '{' || *at == '[') {
			open[depth++] = *at++;
			may_end = true;
			if (*at != '}' && *at != ']')
				continue;
		} else if (!may_end || (*at != '}' && *at != ']')) {
			at = skip_scalar(at);
			if (!at)
				break;
		}
		may_end = false;
		for (; depth && (*at == '}' || *at == ']'); at++)
			if (open[--depth] != (*at == '}' ? '{' : '['))
				valid = false;
		if (depth && *at++ != ',')
			valid = false;
	} while (valid && depth);
	free(open);
	return at && valid && !depth && !strcmp(at, "\n");
}

Test(dump, the_checker_knows_json)
{
	static const char *const good[] = { "{}",
					    "[]",
					    "{\"a\":[]}",
					    "[1,0,-5]",
					    "\"\\u00e9\"",
					    "[{},{}]",
					    "{\"a\":null,\"b\":[true]}" };
	static const char *const bad[] = { "",        "{",    "[}",       "[1,]",   "[01]",
					   "{\"a\"}", "{,}",  "[1 2]",    "\"\t\"", "\"\\x\"",
					   "[]]",     "{}{}", "\"\xc3\"", "nul",    "[,1]" };
	char line[64];

	for (unsigned i = 0; i < sizeof(good) / sizeof(*good); i++) {
		snprintf(line, sizeof(line), "%s\n", good[i]);
		cr_assert(is_json(line), "%s", good[i]);
	}
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(line, sizeof(line), "%s\n", bad[i]);
		cr_assert_not(is_json(line), "%s", bad[i]);
	}
}

/* Valid, and with so many tasks in it, each once. */
static const char *dump_json(unsigned tasks)
{
	const char *json = dump(FERRY_DUMP_JSON);

	cr_assert(is_json(json), "%.2000s", json);
	cr_assert_eq(count(json, "{\"task\":") - count(json, "\"shown\":true"), tasks, "%.2000s",
		     json);
	return json;
}

/* ---- each state ---- */

static ferry_place place = { "a file.c", "a_function", "what(\"it\" waits for)", 12 };

/* Waits where @place says. */
static ferry_step placed_step(ferry_task *task)
{
	if (task->at == FERRY_AT_FINALLY)
		task->flags |= FERRY_TASK_SHIELDED;
	else if (!task->at) {
		task->at = 1;
		if (ferry_task_await(task, &plain.awaitable, &place) > 0)
			return FERRY_SUSPENDED;
	}
	return ferry_task_finish(task);
}

Test(dump, an_empty_loop_has_nothing_to_show, .init = begin, .fini = end)
{
	cr_assert_str_eq(dump(FERRY_DUMP_TEXT), "0 tasks\n");
	cr_assert_str_eq(dump(FERRY_DUMP_JSON), "{\"listed\":0,\"tasks\":[]}\n");
}

Test(dump, T8_it_tells_the_state_of_each_task, .init = begin, .fini = end)
{
	ferry_operation done;
	struct actor deferred = { .name = "" }, queued = deferred, scheduled = deferred,
		     inside = { .name = "", .awaits = &operation.awaitable }, waiting = inside,
		     shielded = inside, woken = { .name = "", .awaits = &done.awaitable },
		     yielding = { .name = "", .yields = 1 },
		     cleaning = { .name = "", .cleans = &operation.awaitable };
	ferry_slot slot = { .limiter = NULL }, busy = { .limiter = NULL };
	ferry_limiter limiter;

	cr_assert_eq(ferry_limiter_init(&limiter, loop, 1), 0);
	cr_assert_eq(ferry_operation_init(&done, NULL), 0);
	shielded.shielded = true;
	actor_init(&deferred, loop, OPTIONS_OF(.name = "deferred"));
	actor_init(&queued, loop, OPTIONS_OF(.name = "queued"));
	ferry_limiter_submit(&limiter, &busy, actor_init(&inside, loop, NULL), 0);
	ferry_limiter_submit(&limiter, &slot, &queued.task, 0);
	actor_begin(&scheduled, loop, OPTIONS_OF(.name = "scheduled", .start = FERRY_START_LAZY));
	actor_begin(&waiting, loop, OPTIONS_OF(.name = "waiting"));
	actor_begin(&shielded, loop, OPTIONS_OF(.name = "shielded"));
	actor_begin(&woken, loop, OPTIONS_OF(.name = "woken"));
	cr_assert_eq(ferry_operation_complete(&done, loop, 0), 0);
	actor_begin(&yielding, loop, OPTIONS_OF(.name = "yielding"));
	actor_begin(&cleaning, loop, OPTIONS_OF(.name = "cleaning"));
	cr_assert_eq(ferry_task_cancel(&yielding.task), 0);
	cr_assert_eq(ferry_task_cancel(&yielding.task), 0);
	cr_assert_str_eq(line_of("deferred"), "deferred");
	cr_assert_str_eq(line_of("queued"), "queued");
	cr_assert_str_eq(line_of("scheduled"), "scheduled");
	cr_assert(strstr(line_of("waiting"), "waiting, for 0.000 ms, at "));
	cr_assert(strstr(line_of("waiting"), "actor.h:"));
	cr_assert(strstr(line_of("waiting"), ", actor_step(): "));
	cr_assert(strstr(line_of("shielded"), "waiting, for 0.000 ms, at "));
	cr_assert(strstr(line_of("woken"), "woken, at "));
	cr_assert(strstr(line_of("yielding"), "yielding, cancelled 2 times, for 0.000 ms, at "));
	cr_assert(strstr(line_of("yielding"), ": one turn"));
	cr_assert(strstr(line_of("cleaning"), "waiting, cleaning up, for 0.000 ms, at "));
	cr_assert_eq(strncmp(dump(FERRY_DUMP_TEXT), "9 tasks\n", 8), 0);
	dump_json(9);
	cr_assert_eq(count(text.bytes, "\"state\":\"waiting\""), 4);
	cr_assert_eq(count(text.bytes, "\"cleaning_up\":true"), 1);
	cr_assert_eq(count(text.bytes, "\"cancels\":2,\"waited_ns\":0,\"file\":"), 1);
	cr_assert_eq(count(text.bytes, "{\"listed\":9,"), 1);
	cr_assert_eq(count(text.bytes, "\"function\":\"actor_step\""), 6);
	cr_assert_eq(count(text.bytes, "\"awaits\":{\"operation\":\"something\"}"), 4);
	end_all();
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	end_all();
}

static void dump_inside(struct actor *actor)
{
	struct actor *next = actor->user;

	if (next) {
		actor_begin(next, loop, OPTIONS_OF(.name = next->name));
		return;
	}
	cr_assert_str_eq(line_of("outer"), "running");
	cr_assert_str_eq(line_of("inner"), "running");
	cr_assert_str_eq(line_of("lazy"), "running");
	dump_json(3);
}

Test(dump, T8_those_in_their_first_steps_are_told_as_well, .init = begin, .fini = end)
{
	struct actor inner = { .name = "inner", .acts = dump_inside },
		     outer = { .name = "outer", .acts = dump_inside, .user = &inner },
		     lazy = { .name = "lazy", .acts = dump_inside, .user = &outer };

	actor_begin(&lazy, loop, OPTIONS_OF(.name = "lazy", .start = FERRY_START_LAZY));
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(inner.cleaned, 1);
	diary[0] = 0;
}

static void begin_two(ferry_loop *which, void *user)
{
	struct actor *actors = user;

	actor_begin(&actors[0], which, OPTIONS_OF(.name = "a"));
	actor_begin(&actors[1], which, OPTIONS_OF(.name = "b"));
}

/* What the dump says of a task, in nanoseconds. */
static uint64_t waited_ns(const char *name)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "\"name\":\"%s\"", name);
	at = strstr(dump(FERRY_DUMP_JSON), key);
	at = at ? strstr(at, "\"waited_ns\":") : NULL;
	return at ? strtoull(at + strlen("\"waited_ns\":"), NULL, 10) : UINT64_MAX;
}

Test(dump, T8_it_tells_how_long_a_task_has_waited, .init = begin, .fini = end)
{
	struct actor actors[] = { { .name = "", .awaits = &operation.awaitable },
				  { .name = "", .yields = 1 } };
	uint64_t times[4] = { ferry_now_ns() };

	cr_assert_eq(ferry_loop_call_soon(loop, begin_two, actors), 0);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	times[1] = times[2] = ferry_now_ns();
	cr_assert(strstr(line_of("a"), "waiting, for 0.000 ms"), "no turn has begun since");
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	times[3] = ferry_now_ns();
	cr_assert_geq(waited_ns("a"), times[2] - times[1]);
	cr_assert_leq(waited_ns("a"), times[3] - times[0]);
	cr_assert_gt(waited_ns("a"), 0, "from the turn in which it began to, to this one");
	/* Numbers that can be told from others. */
	actors[0].task.since_ns = loop->busy_since_ns - 1234567890;
	cr_assert(strstr(line_of("a"), "waiting, for 1234.567 ms"));
	cr_assert_eq(waited_ns("a"), 1234567890);
	/* The clock does not go back, but is not looked at by everybody. */
	actors[0].task.since_ns = UINT64_MAX / 2;
	cr_assert(strstr(line_of("a"), "waiting, for 0.000 ms"));
	end_all();
}

Test(dump, T8_places_are_told_as_far_as_they_are_known, .init = begin, .fini = end)
{
	struct actor a = { .name = "" };

	ferry_task_begin(&a.task, loop, placed_step, OPTIONS_OF(.name = "a"));
	cr_assert_str_eq(line_of("a"), "waiting, for 0.000 ms, at a file.c:12, a_function(): "
				       "what(\"it\" waits for)");
	cr_assert(strstr(dump_json(1), "\"file\":\"a file.c\",\"line\":12,\"function\":"
				       "\"a_function\",\"text\":\"what(\\u0022it\\u0022 waits "
				       "for)\""));
	place.function = NULL;
	cr_assert(strstr(line_of("a"), "at a file.c:12: what"));
	cr_assert(strstr(dump_json(1), "\"function\":null"));
	place.text = NULL;
	cr_assert_str_eq(line_of("a"), "waiting, for 0.000 ms, at a file.c:12");
	dump_json(1);
	place.file = NULL;
	cr_assert_str_eq(line_of("a"), "waiting, for 0.000 ms");
	cr_assert(strstr(dump_json(1), "\"file\":null"));
	a.task.place = NULL;
	cr_assert_str_eq(line_of("a"), "waiting, for 0.000 ms");
	cr_assert_not(strstr(dump_json(1), "\"file\""));
	cr_assert(strstr(text.bytes, "\"awaits\":{\"operation\":\"something\"}"), "it has no name");
	end_all();
}

/* ---- what they wait for ---- */

struct waiting {
	FERRY_FRAME;
	ferry_operation *(*made)(struct waiting *waiting);
	ferry_sleep sleep;
	ferry_await await;
	ferry_slot slot;
	ferry_queue_entry entry;
};

static ferry_step waiting_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct waiting, f);
	FERRY_AWAIT(f->made(f));

	FERRY_FINALLY
	ferry_await_end(&f->await);
	FERRY_END;
}

static ferry_lock lock;
static ferry_semaphore semaphore;
static ferry_condition condition;
static ferry_limiter limiter;
static ferry_queue queue;
static void *items[1];
static int ends[2];

static ferry_operation *make_sleep(struct waiting *f)
{
	return ferry_sleep_until(&f->sleep, loop, FERRY_NO_DEADLINE);
}

static ferry_operation *make_local(struct waiting *f)
{
	ferry_local *local;

	cr_assert_eq(ferry_local_new(loop, &local), 0);
	return ferry_await_local(&f->await, local);
}

static ferry_operation *make_descriptor(struct waiting *f)
{
	return ferry_await_fd(&f->await, loop, ends[0], FERRY_READABLE);
}

static ferry_operation *make_lock(struct waiting *f)
{
	(void)f;
	return ferry_lock_acquire(&lock);
}

static ferry_operation *make_permit(struct waiting *f)
{
	(void)f;
	return ferry_semaphore_acquire(&semaphore);
}

static ferry_operation *make_condition(struct waiting *f)
{
	(void)f;
	return ferry_condition_wait(&condition);
}

static ferry_operation *make_place(struct waiting *f)
{
	return ferry_limiter_enter(&limiter, &f->slot, 0);
}

static ferry_operation *make_item(struct waiting *f)
{
	return ferry_queue_get(&queue, &f->entry);
}

static ferry_event event;

static ferry_operation *make_event(struct waiting *f)
{
	(void)f;
	return &event.operation;
}

static char long_name[300];
static ferry_operation_hooks named = { sizeof(named), "of \"mine\"", 0, NULL, NULL };
static ferry_operation own;

static ferry_operation *make_own(struct waiting *f)
{
	(void)f;
	return &own;
}

static void shows_operation(ferry_operation *(*made)(struct waiting *f), const char *name)
{
	struct waiting f;
	char expected[400];

	memset(&f, 0, sizeof(f));
	f.made = made;
	ferry_task_begin(&f.task, loop, waiting_step, OPTIONS_OF(.name = "f"));
	snprintf(expected, sizeof(expected), "\n  %s\n", name);
	cr_assert(strstr(dump(FERRY_DUMP_TEXT), expected), "%s", text.bytes);
	snprintf(expected, sizeof(expected), "\"awaits\":{\"operation\":\"%s\"}", name);
	if (!strchr(name, '"'))
		cr_assert(strstr(dump(FERRY_DUMP_JSON), expected), "%s", text.bytes);
	cr_assert(is_json(dump(FERRY_DUMP_JSON)));
	cr_assert_eq(ferry_task_cancel(&f.task), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(ferry_task_snapshot(&f.task).cancelled);
}

static void take_them(struct actor *actor)
{
	(void)actor;
	ferry_lock_acquire(&lock);
}

Test(dump, T8_operations_are_told_by_their_names, .init = begin, .fini = end)
{
	struct actor holder = { .name = "", .acts = take_them, .awaits = &operation.awaitable },
		     inside = { .name = "", .awaits = &operation.awaitable };
	ferry_slot slot = { .limiter = NULL };

	cr_assert(!pipe(ends) && !ferry_lock_init(&lock, loop) &&
		  !ferry_semaphore_init(&semaphore, loop, 0) &&
		  !ferry_limiter_init(&limiter, loop, 1) &&
		  !ferry_queue_init(&queue, loop, items, 1) && !ferry_event_init(&event, loop) &&
		  !ferry_operation_init(&own, &named));
	actor_begin(&holder, loop, NULL);
	ferry_limiter_submit(&limiter, &slot, actor_init(&inside, loop, NULL), 0);
	shows_operation(make_sleep, "sleep");
	shows_operation(make_local, "local");
	shows_operation(make_descriptor, "local");
	shows_operation(make_lock, "lock");
	shows_operation(make_permit, "semaphore");
	shows_operation(make_place, "limiter");
	shows_operation(make_item, "queue, to get");
	shows_operation(make_event, "event");
	shows_operation(make_own, "of \"mine\"");
	memset(long_name, 'n', sizeof(long_name) - 1);
	named.name = long_name;
	shows_operation(make_own, long_name);
	named.name = NULL;
	shows_operation(make_own, "something");
	end_all();
	close(ends[0]);
	close(ends[1]);
}

struct with_lock {
	FERRY_FRAME;
};

static ferry_step with_lock_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct with_lock, f);
	FERRY_TRY(ferry_lock_acquire(&lock));
	FERRY_AWAIT(make_condition(NULL));
	FERRY_END;
}

Test(dump, T8_one_that_has_to_have_its_lock_again_is_told, .init = begin, .fini = end)
{
	struct with_lock f;
	struct actor holder = { .name = "", .acts = take_them, .awaits = &operation.awaitable };

	cr_assert_eq(ferry_lock_init(&lock, loop), 0);
	cr_assert_eq(ferry_condition_init(&condition, &lock), 0);
	ferry_task_begin(&f.task, loop, with_lock_step, OPTIONS_OF(.name = "f"));
	cr_assert(strstr(dump(FERRY_DUMP_TEXT), "\n  condition\n"));
	actor_begin(&holder, loop, NULL);
	cr_assert_eq(ferry_condition_notify(&condition, 1), 1);
	cr_assert(strstr(line_of("f"), "waiting"));
	cr_assert(strstr(text.bytes, "\n  lock\n"));
	dump_json(2);
	end_all();
}

/* ---- the tree ---- */

Test(dump, T8_those_who_wait_stand_above_what_they_wait_for, .init = begin, .fini = end)
{
	struct actor c = { .name = "", .awaits = &operation.awaitable },
		     b = { .name = "", .awaits = &c.awaitable },
		     a = { .name = "", .awaits = &b.awaitable }, other = b;

	actor_begin(&c, loop, OPTIONS_OF(.name = "c"));
	actor_begin(&b, loop, OPTIONS_OF(.name = "b"));
	actor_begin(&a, loop, OPTIONS_OF(.name = "a"));
	actor_begin(&other, loop, OPTIONS_OF(.name = "other"));
	cr_assert_eq(depth_of("\"a\""), 0);
	cr_assert_eq(depth_of("\"b\""), 1);
	cr_assert_eq(depth_of("\"c\""), 2);
	cr_assert_eq(depth_of("something"), 3);
	cr_assert_eq(depth_of("\"other\""), 0);
	cr_assert_eq(depth_of(", shown above"), 1);
	cr_assert_eq(count(text.bytes, "\n"), 7);
	cr_assert_eq(count(dump_json(4), "\"shown\":true"), 1);
	end_all();
}

static void nothing(ferry_task *task, void *user)
{
	(void)task, (void)user;
}

Test(dump, T8_one_that_only_callbacks_wait_for_stands_on_top, .init = begin, .fini = end)
{
	struct actor b = { .name = "", .awaits = &operation.awaitable },
		     a = { .name = "", .awaits = &b.awaitable };

	actor_begin(&b, loop, OPTIONS_OF(.name = "b"));
	cr_assert_eq(ferry_task_add_done_callback(&b.task, nothing, NULL), 0);
	cr_assert_eq(ferry_task_add_done_callback(&b.task, nothing, NULL), 0);
	cr_assert_eq(depth_of("\"b\""), 0);
	actor_begin(&a, loop, OPTIONS_OF(.name = "a"));
	cr_assert_eq(depth_of("\"b\""), 1, "among them a task that waits");
	dump_json(2);
	end_all();
}

Test(dump, T8_tasks_that_wait_for_each_other_in_a_circle_are_told, .init = begin)
{
	struct actor a, b = { .name = "", .awaits = &a.awaitable }, c = b,
			own = { .name = "", .awaits = &operation.awaitable };

	a = (struct actor){ .name = "", .awaits = &b.awaitable };
	actor_init(&a, loop, OPTIONS_OF(.name = "a"));
	actor_init(&b, loop, OPTIONS_OF(.name = "b"));
	cr_assert_eq(ferry_task_start(&a.task), 0);
	cr_assert_eq(ferry_task_start(&b.task), 0);
	actor_begin(&own, loop, OPTIONS_OF(.name = "own"));
	dump_json(3);
	cr_assert_eq(depth_of("\"a\""), 0);
	cr_assert_eq(depth_of("\"b\""), 1);
	cr_assert_eq(depth_of(", shown above"), 2);
	/* One that waits for the circle, too. */
	actor_begin(&c, loop, OPTIONS_OF(.name = "c"));
	dump_json(4);
	cr_assert_eq(depth_of("\"c\""), 0);
	cr_assert_eq(depth_of("\"a\""), 1);
	cr_assert_eq(depth_of("\"b\""), 2);
	cr_assert_eq(ferry_loop_free(loop), 0);
}

struct owner {
	FERRY_FRAME;
	ferry_group group, second;
	struct actor child, other;
	bool waits, fails;
};

static ferry_step owner_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct owner, f);
	cr_assert_eq(ferry_group_init(&f->group, loop,
				      &(ferry_group_options){ .size = sizeof(ferry_group_options),
							      .limit = 1,
							      .name = "the group" }),
		     0);
	cr_assert_eq(ferry_group_init(&f->second, loop, NULL), 0);
	actor_begin(&f->child, loop, OPTIONS_OF(.name = "child", .group = &f->group));
	actor_begin(&f->other, loop, OPTIONS_OF(.name = "other", .group = &f->group));
	if (f->waits)
		FERRY_TRY(&f->group);
	FERRY_YIELD();
	FERRY_END;
}

Test(dump, T8_groups_stand_below_their_owners_with_their_children, .init = begin, .fini = end)
{
	struct owner f = { .waits = true };

	f.child = f.other = (struct actor){ .name = "", .awaits = &operation.awaitable };
	ferry_task_begin(&f.task, loop, owner_step, OPTIONS_OF(.name = "owner"));
	cr_assert_eq(depth_of("\"owner\""), 0);
	cr_assert_eq(depth_of("group \"the group\" "), 1);
	cr_assert(strstr(text.bytes, ": 2 children, limit 1, closed\n"), "%s", text.bytes);
	cr_assert_eq(depth_of(": 0 children\n"), 1, "the one that it does not wait for");
	cr_assert_eq(depth_of("\"child\""), 2);
	cr_assert_eq(depth_of("\"other\""), 2);
	cr_assert_str_eq(line_of("other"), "queued");
	dump_json(3);
	cr_assert(strstr(text.bytes,
			 "\"name\":\"the group\",\"members\":2,\"running\":1,\"limit\":1,"
			 "\"closed\":true,\"cancelling\":false,\"children\":[{\"task\":"));
	end_all();
}

Test(dump, T8_groups_that_are_not_waited_for_are_told_too, .init = begin, .fini = end)
{
	struct owner f = { .waits = false };
	struct actor child = { .name = "", .awaits = &operation.awaitable };
	ferry_group group;

	f.child = f.other = child;
	ferry_task_begin(&f.task, loop, owner_step, OPTIONS_OF(.name = "owner"));
	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	actor_begin(&child, loop, OPTIONS_OF(.name = "own", .group = &group));
	cr_assert_eq(depth_of("group \"the group\" "), 1);
	cr_assert_eq(depth_of("\"child\""), 2);
	cr_assert_eq(depth_of(": 1 children\n"), 0, "one without an owner");
	cr_assert_eq(depth_of("\"own\""), 1);
	cr_assert_eq(ferry_group_cancel(&group), 0);
	cr_assert_eq(depth_of(": 1 children, cancelling\n"), 0);
	dump_json(4);
	cr_assert_eq(count(text.bytes, "\"cancelling\":true"), 1);
	cr_assert_eq(ferry_group_close(&group), 0);
	end_all();
}

Test(dump, T8_a_group_that_has_ended_is_not_told, .init = begin, .fini = end)
{
	struct owner f = { .waits = false };

	f.child = (struct actor){ .name = "", .fails = -EIO };
	f.other = f.child;
	ferry_task_begin(&f.task, loop, owner_step, OPTIONS_OF(.name = "owner"));
	cr_assert_eq(ferry_group_close(&f.group), 0);
	cr_assert(ferry_awaitable_snapshot(&f.group.awaitable).done);
	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(count(dump(FERRY_DUMP_TEXT), "group "), 1, "%s", text.bytes);
		cr_assert_eq(count(text.bytes, "shown above"), 0);
		dump_json(1);
	}
	end_all();
}

struct gathering {
	FERRY_FRAME;
	ferry_gather gather;
	ferry_gather_entry entries[3];
};

static ferry_step gathering_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct gathering, f);
	FERRY_AWAIT(ferry_gather_begin(&f->gather, loop, f->entries, 3, FERRY_GATHER_ALL));
	FERRY_END;
}

Test(dump, T8_what_is_gathered_stands_below_who_gathers_it, .init = begin, .fini = end)
{
	struct actor a = { .name = "", .awaits = &operation.awaitable }, b = a;
	ferry_operation other;
	struct gathering f;

	cr_assert_eq(ferry_operation_init(&other, NULL), 0);
	actor_begin(&a, loop, OPTIONS_OF(.name = "a"));
	actor_begin(&b, loop, OPTIONS_OF(.name = "b"));
	f.entries[0].of = &a.awaitable;
	f.entries[1].of = &b.awaitable;
	f.entries[2].of = &other.awaitable;
	ferry_task_begin(&f.task, loop, gathering_step, OPTIONS_OF(.name = "f"));
	cr_assert_eq(depth_of("\"f\""), 0);
	cr_assert_eq(depth_of("gather: 3 of 3 left\n"), 1);
	cr_assert_eq(depth_of("\"a\""), 2);
	cr_assert_eq(depth_of("\"b\""), 2);
	dump_json(3);
	cr_assert_eq(count(text.bytes, "\"left\":3,\"count\":3,\"entries\":[{\"task\":"), 1);
	end_all();
	cr_assert_eq(ferry_operation_complete(&other, loop, 0), 0);
	end_all();
}

static struct actor gathered;

static void use_it_again(ferry_task *task, void *user)
{
	(void)user;
	cr_assert_eq(task, &gathered.task);
	gathered = (struct actor){ .name = "", .awaits = &operation.awaitable };
	actor_begin(&gathered, loop, OPTIONS_OF(.name = "another"));
}

/* Its frame may have been used for something else. */
Test(dump, T8_what_was_gathered_and_has_ended_is_not_told_there, .init = begin, .fini = end)
{
	struct gathering f;

	gathered = (struct actor){ .name = "", .yields = 1 };
	actor_begin(&gathered, loop, OPTIONS_OF(.name = "a", .cleanup = use_it_again));
	f.entries[0].of = &gathered.awaitable;
	f.entries[1].of = &operation.awaitable;
	f.entries[2].of = &plain.awaitable;
	ferry_task_begin(&f.task, loop, gathering_step, OPTIONS_OF(.name = "f"));
	cr_assert_eq(depth_of("\"a\""), 2);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(depth_of("gather: 2 of 3 left\n"), 1);
	cr_assert_eq(depth_of("\"another\""), 0);
	dump_json(2);
	end_all();
	cr_assert_eq(ferry_operation_complete(&plain, loop, 0), 0);
	end_all();
}

/* ---- how deep ---- */

struct link {
	FERRY_FRAME;
	ferry_awaitable *awaits;
};

static ferry_step link_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct link, f);
	FERRY_AWAIT((struct actor_awaited *)f->awaits);
	FERRY_END;
}

Test(dump, T8_a_chain_of_a_million_is_told, .init = begin, .fini = end)
{
	struct link *links = calloc(MANY, sizeof(*links));

	for (unsigned long i = 0; i < MANY; i++) {
		links[i].awaits = i ? &links[i - 1].awaitable : &operation.awaitable;
		ferry_task_begin(&links[i].task, loop, link_step, NULL);
	}
	cr_assert_eq(count(dump(FERRY_DUMP_TEXT), "\n"), 1 + MANY + 1);
	cr_assert_eq(depth_of("something"), 64, "no further to the right");
	dump_json(MANY);
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	free(links);
	free(text.bytes);
	text.bytes = NULL;
}

#define NESTED 200

struct nested {
	FERRY_FRAME;
	ferry_group group;
	struct nested *inner;
};

static ferry_step nested_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct nested, f);
	cr_assert_eq(ferry_group_init(&f->group, loop, NULL), 0);
	if (f->inner)
		ferry_task_begin(&f->inner->task, loop, nested_step, FERRY_IN(&f->group));
	FERRY_TRY(&operation);
	FERRY_END;
}

Test(dump, T8_groups_in_groups_are_told_however_deep, .init = begin, .fini = end)
{
	struct nested *nested = calloc(NESTED, sizeof(*nested));

	for (unsigned i = 0; i + 1 < NESTED; i++)
		nested[i].inner = &nested[i + 1];
	ferry_task_begin(&nested[0].task, loop, nested_step, NULL);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(count(dump(FERRY_DUMP_TEXT), "task 0x"), NESTED);
	cr_assert_geq(count(text.bytes, "too deep to be shown"), 1);
	cr_assert_geq(count(text.bytes, "group 0x"), NESTED);
	dump_json(NESTED);
	end_all();
	free(nested);
}

/* ---- names ---- */

Test(dump, T8_whatever_a_name_has_in_it_the_json_is_valid, .init = begin, .fini = end)
{
	for (unsigned byte = 1; byte < 256; byte++) {
		struct actor a = { .name = "", .awaits = &operation.awaitable };
		char name[] = { 'a', (char)byte, 'b', '"', '\\', '\n', (char)byte, 0 };
		char expected[64];
		ferry_group group;

		cr_assert_eq(ferry_group_init(
				     &group, loop,
				     &(ferry_group_options){ .size = sizeof(ferry_group_options),
							     .name = name }),
			     0);
		actor_begin(&a, loop, OPTIONS_OF(.name = name, .group = &group));
		dump_json(1);
		if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\')
			snprintf(expected, sizeof(expected), "\"a%cb\\u0022\\u005c\\u000a%c\"",
				 (int)byte, (int)byte);
		else
			snprintf(expected, sizeof(expected),
				 "\"a\\u%04xb\\u0022\\u005c\\u000a\\u%04x\"", byte, byte);
		cr_assert_eq(count(text.bytes, expected), 2, "%s", text.bytes);
		cr_assert_eq(count(dump(FERRY_DUMP_TEXT), expected), 2, "as text it is the same");
		cr_assert_eq(count(text.bytes, "\n"), 4);
		ferry_group_close(&group);
		end_all();
	}
}

/* ---- who has had enough ---- */

Test(dump, a_write_that_fails_ends_it_and_is_told, .init = begin, .fini = end)
{
	struct actor a = { .name = "", .awaits = &operation.awaitable }, b = a,
		     c = { .name = "", .awaits = &b.awaitable };
	ferry_group group;

	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	actor_begin(&a, loop, OPTIONS_OF(.name = "a", .group = &group));
	actor_begin(&b, loop, OPTIONS_OF(.name = "b"));
	actor_begin(&c, loop, OPTIONS_OF(.name = "c"));
	for (unsigned format = FERRY_DUMP_TEXT; format <= FERRY_DUMP_JSON; format++) {
		unsigned long pieces;
		char *whole;

		dump((ferry_dump_format)format);
		pieces = text.pieces;
		whole = strdup(text.bytes);
		cr_assert_gt(pieces, 10);
		for (unsigned long most = 1; most < pieces; most++) {
			text.most = most;
			text.pieces = text.length = 0;
			cr_assert_eq(
				ferry_loop_dump(loop, (ferry_dump_format)format, collect, &text),
				-77);
			cr_assert_eq(text.pieces, most, "nothing is written behind that");
			cr_assert_eq(strncmp(text.bytes, whole, text.length), 0);
		}
		text.most = 0;
		cr_assert_str_eq(dump((ferry_dump_format)format), whole, "and the next is whole");
		free(whole);
	}
	ferry_group_close(&group);
	end_all();
}

static int pass_over(void *user, const char *piece, size_t length)
{
	(void)user, (void)piece, (void)length;
	return 1;
}

Test(dump, T8_it_allocates_nothing_and_changes_nothing, .init = begin, .fini = end)
{
	struct owner f = { .waits = true };
	ferry_loop_counters before, after;
	unsigned long allocated;

	f.child = f.other = (struct actor){ .name = "", .awaits = &operation.awaitable };
	ferry_task_begin(&f.task, loop, owner_step, OPTIONS_OF(.name = "owner"));
	before = fixture_loop_counters(loop);
	allocated = allocations();
	cr_assert_eq(ferry_loop_dump(loop, FERRY_DUMP_TEXT, pass_over, NULL), 0);
	cr_assert_eq(ferry_loop_dump(loop, FERRY_DUMP_JSON, pass_over, NULL), 0);
	cr_assert_eq(allocations() - allocated, 0);
	dump(FERRY_DUMP_TEXT);
	dump(FERRY_DUMP_JSON);
	after = fixture_loop_counters(loop);
	cr_assert_eq(memcmp(&before, &after, sizeof(before)), 0);
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(ferry_task_snapshot(&f.task).done);
	diary[0] = 0;
}

/* ---- refused ---- */

static void dump_elsewhere(void *arg)
{
	(void)arg;
	cr_assert_eq(ferry_loop_dump(loop, FERRY_DUMP_TEXT, collect, &text), -EPERM);
}

static int dump_in_child(void *arg)
{
	(void)arg;
	return ferry_loop_dump(loop, FERRY_DUMP_TEXT, collect, &text) != -ECHILD;
}

Test(dump, it_is_the_loops_threads_to_ask_for, .init = begin)
{
	cr_assert_eq(ferry_loop_dump(NULL, FERRY_DUMP_TEXT, collect, &text), -EINVAL);
	cr_assert_eq(ferry_loop_dump(loop, FERRY_DUMP_TEXT, NULL, &text), -EINVAL);
	cr_assert_eq(ferry_loop_dump(loop, (ferry_dump_format)2, collect, &text), -EINVAL);
	fixture_elsewhere(dump_elsewhere, NULL);
	cr_assert_eq(fixture_in_child(dump_in_child, NULL), 0);
	ferry_loop_ref(loop);
	end();
	cr_assert_eq(ferry_loop_dump(loop, FERRY_DUMP_TEXT, collect, &text), -ESHUTDOWN);
	ferry_loop_unref(loop);
	cr_assert_eq(text.pieces, 0);
}
