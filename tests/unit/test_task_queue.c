/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loop-local bounded queues: order, room, who waits, who leaves, the close. */
#include <criterion/criterion.h>

#include "support/actor.h"
#include "support/spending.h"

TestSuite(task_queue, .timeout = 60);

#define CAPACITY_MOST 64

static ferry_loop *loop;
static ferry_queue queue;
static void *room[CAPACITY_MOST];

static void make(size_t capacity)
{
	cr_assert_eq(ferry_queue_init(&queue, loop, room, capacity), 0);
}

static void begin(void)
{
	loop = fixture_loop();
	make(1);
}

static void end(void)
{
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(diary_is(""), "nothing was told that the test did not look at");
}

static void run(void)
{
	cr_assert_eq(ferry_loop_run(loop), 0);
}

static void *item(uintptr_t number)
{
	return (void *)number;
}

static uintptr_t try_get(void)
{
	void *got;

	cr_assert_eq(ferry_queue_try_get(&queue, &got), 0);
	return (uintptr_t)got;
}

/* ---- tasks that put and get ---- */

struct user {
	FERRY_FRAME;
	const char *name;
	ferry_queue_entry entry;
	bool puts;
	unsigned count, done; /* how many items */
	uintptr_t first;      /* of those that it puts */
};

static ferry_step user_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct user, f);
	for (f->done = 0; f->done < f->count; f->done++) {
		if (f->puts) {
			FERRY_TRY(ferry_queue_put(&queue, &f->entry, item(f->first + f->done)));
			diary_note("%s<%u", f->name, (unsigned)(f->first + f->done));
		} else {
			FERRY_TRY(ferry_queue_get(&queue, &f->entry));
			diary_note("%s>%u", f->name, (unsigned)(uintptr_t)f->entry.item);
		}
	}
	FERRY_RETURN();

	FERRY_FINALLY
	diary_note("%s)", f->name);
	FERRY_END;
}

static struct user putter(const char *name, uintptr_t first, unsigned count)
{
	return (struct user){ .name = name, .puts = true, .first = first, .count = count };
}

static struct user getter(const char *name, unsigned count)
{
	return (struct user){ .name = name, .count = count };
}

static void user_begin(struct user *user)
{
	ferry_task_begin(&user->task, loop, user_step, NULL);
}

static enum actor_end ended(struct user *user)
{
	return actor_end_of(ferry_task_snapshot(&user->task));
}

static int error_of(struct user *user)
{
	return ferry_error_errno(ferry_task_snapshot(&user->task).exception);
}

/* ---- without waiting ---- */

Test(task_queue, items_come_out_in_the_order_in_which_they_were_put, .init = begin, .fini = end)
{
	for (size_t capacity = 1; capacity <= 5; capacity++) {
		uintptr_t in = 0, out = 0;

		make(capacity);
		/* So that the ring goes round, from each place in it. */
		for (int round = 0; round < 20; round++) {
			while (ferry_queue_try_put(&queue, item(in + 1)) == 0)
				in++;
			cr_assert_eq(ferry_queue_count(&queue), (int)capacity);
			for (size_t i = 0; i < 1 + (size_t)round % capacity; i++)
				cr_assert_eq(try_get(), ++out);
		}
		while (ferry_queue_count(&queue))
			cr_assert_eq(try_get(), ++out);
		cr_assert_eq(in, out);
	}
}

Test(task_queue, what_is_full_or_empty_says_so, .init = begin, .fini = end)
{
	void *got = &queue;

	cr_assert_eq(ferry_queue_try_get(&queue, &got), -EAGAIN);
	cr_assert_eq(got, &queue);
	cr_assert_eq(ferry_queue_try_put(&queue, NULL), 0, "an item may be NULL");
	cr_assert_eq(ferry_queue_try_put(&queue, item(2)), -EAGAIN);
	cr_assert_eq(ferry_queue_count(&queue), 1);
	cr_assert_eq(ferry_queue_try_get(&queue, &got), 0);
	cr_assert_null(got);
	cr_assert_eq(ferry_queue_count(&queue), 0);
}

Test(task_queue, where_there_is_room_or_an_item_nobody_waits, .init = begin, .fini = end)
{
	struct user puts = putter("p", 1, 3), gets = getter("g", 3);

	make(3);
	user_begin(&puts);
	cr_assert(diary_is("p<1 p<2 p<3 p)"));
	user_begin(&gets);
	cr_assert(diary_is("g>1 g>2 g>3 g)"));
	cr_assert_eq(fixture_loop_counters(loop).turns, 0);
	cr_assert_eq(fixture_loop_counters(loop).callbacks, 0);
}

/* ---- who waits ---- */

Test(task_queue, an_item_goes_to_who_has_waited_longest, .init = begin, .fini = end)
{
	struct user users[] = { getter("a", 1), getter("b", 1), getter("c", 1) };

	for (int i = 0; i < 3; i++)
		user_begin(&users[i]);
	for (uintptr_t i = 1; i <= 3; i++)
		cr_assert_eq(ferry_queue_try_put(&queue, item(i)), 0, "it goes to a waiter");
	cr_assert_eq(ferry_queue_count(&queue), 0);
	cr_assert_eq(ferry_queue_try_put(&queue, item(4)), 0);
	cr_assert_eq(ferry_queue_count(&queue), 1);
	run();
	cr_assert(diary_is("a>1 a) b>2 b) c>3 c)"));
	cr_assert_eq(try_get(), 4);
}

Test(task_queue, room_goes_to_who_has_waited_longest_and_their_items_stay_in_order, .init = begin,
     .fini = end)
{
	struct user users[] = { putter("a", 2, 1), putter("b", 3, 1), putter("c", 4, 1) };

	cr_assert_eq(ferry_queue_try_put(&queue, item(1)), 0);
	for (int i = 0; i < 3; i++)
		user_begin(&users[i]);
	cr_assert(diary_is(""));
	cr_assert_eq(try_get(), 1);
	cr_assert_eq(ferry_queue_count(&queue), 1, "the room is taken at once");
	cr_assert_eq(ferry_queue_try_put(&queue, item(9)), -EAGAIN, "nobody comes in between");
	cr_assert_eq(try_get(), 2);
	cr_assert_eq(try_get(), 3);
	cr_assert_eq(try_get(), 4);
	run();
	cr_assert(diary_is("a<2 a) b<3 b) c<4 c)"));
}

Test(task_queue, of_one_place_a_putter_and_a_getter_take_turns, .init = begin, .fini = end)
{
	struct user puts = putter("p", 1, 4), gets = getter("g", 4);

	user_begin(&puts);
	user_begin(&gets);
	run();
	cr_assert(diary_is("p<1 g>1 g>2 p<2 p<3 p<4 p) g>3 g>4 g)"));
	cr_assert_eq(ended(&puts), ACTOR_RESULT);
	cr_assert_eq(ended(&gets), ACTOR_RESULT);
	cr_assert_eq(ferry_queue_count(&queue), 0);
}

/* It has its place from the call on, not from the wait. */
Test(task_queue, an_entry_keeps_its_place_though_nobody_awaits_it, .init = begin, .fini = end)
{
	ferry_queue_entry first, second;

	ferry_queue_get(&queue, &first);
	ferry_queue_get(&queue, &second);
	ferry_queue_try_put(&queue, item(1));
	ferry_queue_try_put(&queue, item(2));
	cr_assert_eq(first.item, item(1));
	cr_assert_eq(second.item, item(2));
	cr_assert(ferry_awaitable_snapshot(&second.awaitable).done);
	cr_assert_eq(ferry_queue_leave(&first), 0, "it was done");
}

Test(task_queue, who_waits_no_longer_leaves_the_others_their_order, .init = begin, .fini = end)
{
	for (int leaving = 0; leaving < 3; leaving++) {
		ferry_queue_entry gets[3], puts[3];
		uintptr_t next = 1;

		make(1);
		for (int i = 0; i < 3; i++)
			ferry_queue_get(&queue, &gets[i]);
		cr_assert_eq(ferry_queue_leave(&gets[leaving]), 1);
		cr_assert_eq(ferry_queue_leave(&gets[leaving]), 0);
		cr_assert(ferry_awaitable_snapshot(&gets[leaving].awaitable).cancelled);
		for (uintptr_t i = 1; i <= 3; i++)
			cr_assert_eq(ferry_queue_try_put(&queue, item(i)), 0);
		for (int i = 0; i < 3; i++)
			if (i != leaving)
				cr_assert_eq(gets[i].item, item(next++));
		cr_assert_eq(ferry_queue_count(&queue), 1);
		/* Now it is full. */
		for (int i = 0; i < 3; i++)
			ferry_queue_put(&queue, &puts[i], item(10 + (uintptr_t)i));
		cr_assert_eq(ferry_queue_leave(&puts[leaving]), 1);
		cr_assert_eq(try_get(), 3);
		for (int i = 0; i < 3; i++)
			if (i != leaving)
				cr_assert_eq(try_get(), 10 + (uintptr_t)i);
		cr_assert_eq(ferry_queue_count(&queue), 0, "nothing was put by who left");
	}
}

Test(task_queue, one_that_a_task_waits_for_cannot_be_left, .init = begin, .fini = end)
{
	struct user gets = getter("g", 1);

	user_begin(&gets);
	cr_assert_eq(ferry_queue_leave(&gets.entry), -EBUSY);
	ferry_queue_try_put(&queue, item(1));
	run();
	cr_assert(diary_is("g>1 g)"));
}

/* ---- cancelled ---- */

Test(task_queue, T7_who_is_cancelled_while_he_waits_gets_and_puts_nothing, .init = begin,
     .fini = end)
{
	static const char *const got[] = { "a) b>1 b) c>2 c)", "b) a>1 a) c>2 c)",
					   "c) a>1 a) b>2 b)" };
	static const char *const put[] = { "a) b<11 b) c<12 c)", "b) a<10 a) c<12 c)",
					   "c) a<10 a) b<11 b)" };
	static const char *const names[] = { "a", "b", "c" };

	for (int i = 0; i < 3; i++) {
		struct user users[3];

		for (int each = 0; each < 3; each++) {
			users[each] = getter(names[each], 1);
			user_begin(&users[each]);
		}
		cr_assert_eq(ferry_task_cancel(&users[i].task), 0);
		ferry_queue_try_put(&queue, item(1));
		ferry_queue_try_put(&queue, item(2));
		run();
		cr_assert(diary_is(got[i]));
		cr_assert_eq(ended(&users[i]), ACTOR_CANCELLED);
		ferry_queue_try_put(&queue, item(3));
		for (int each = 0; each < 3; each++) {
			users[each] = putter(names[each], 10 + (uintptr_t)each, 1);
			user_begin(&users[each]);
		}
		ferry_task_cancel(&users[i].task);
		for (int each = 0; each < 3; each++)
			try_get();
		cr_assert_eq(ferry_queue_count(&queue), 0);
		run();
		cr_assert(diary_is(put[i]));
		cr_assert_eq(ended(&users[i]), ACTOR_CANCELLED);
	}
}

Test(task_queue, T7_who_was_given_an_item_has_it_though_he_is_cancelled, .init = begin, .fini = end)
{
	struct user gets = getter("g", 2);

	user_begin(&gets);
	ferry_queue_try_put(&queue, item(1));
	ferry_task_cancel(&gets.task);
	run();
	cr_assert(diary_is("g>1 g)"), "and finds out at his next wait");
	cr_assert_eq(gets.done, 1);
	cr_assert_eq(ended(&gets), ACTOR_CANCELLED);
}

Test(task_queue, T7_what_was_put_stays_put_though_he_is_cancelled, .init = begin, .fini = end)
{
	struct user puts = putter("p", 1, 3);

	user_begin(&puts);
	cr_assert(diary_is("p<1"));
	cr_assert_eq(try_get(), 1);
	ferry_task_cancel(&puts.task);
	run();
	cr_assert(diary_is("p<2 p)"));
	cr_assert_eq(ended(&puts), ACTOR_CANCELLED);
	cr_assert_eq(try_get(), 2);
	cr_assert_eq(ferry_queue_count(&queue), 0);
}

/* ---- closed ---- */

Test(task_queue, what_is_in_a_closed_one_can_still_be_got, .init = begin, .fini = end)
{
	struct user gets = getter("g", 3), puts = putter("p", 9, 1);

	make(2);
	ferry_queue_try_put(&queue, item(1));
	ferry_queue_try_put(&queue, item(2));
	cr_assert_eq(ferry_queue_close(&queue), 0);
	cr_assert_eq(ferry_queue_close(&queue), -EALREADY);
	cr_assert_eq(ferry_queue_try_put(&queue, item(3)), -ESHUTDOWN);
	cr_assert_eq(ferry_queue_count(&queue), 2);
	user_begin(&puts);
	cr_assert_eq(error_of(&puts), ESHUTDOWN);
	user_begin(&gets);
	cr_assert(diary_is("p) g>1 g>2 g)"));
	cr_assert_eq(error_of(&gets), ESHUTDOWN);
	{
		void *got = &queue;

		cr_assert_eq(ferry_queue_try_get(&queue, &got), -ESHUTDOWN);
		cr_assert_eq(got, &queue);
	}
}

Test(task_queue, those_who_wait_to_get_are_told_that_it_is_closed, .init = begin, .fini = end)
{
	struct user a = getter("a", 1), b = getter("b", 1);

	user_begin(&a);
	user_begin(&b);
	ferry_queue_close(&queue);
	cr_assert(diary_is(""));
	run();
	cr_assert(diary_is("a) b)"));
	cr_assert_eq(error_of(&a), ESHUTDOWN);
	cr_assert_eq(error_of(&b), ESHUTDOWN);
}

Test(task_queue, those_who_wait_to_put_are_told_and_their_items_are_not_in_it, .init = begin,
     .fini = end)
{
	struct user a = putter("a", 2, 1), b = putter("b", 3, 1);

	ferry_queue_try_put(&queue, item(1));
	user_begin(&a);
	user_begin(&b);
	ferry_queue_close(&queue);
	cr_assert_eq(try_get(), 1);
	cr_assert_eq(ferry_queue_count(&queue), 0);
	run();
	cr_assert(diary_is("a) b)"));
	cr_assert_eq(error_of(&a), ESHUTDOWN);
	cr_assert_eq(error_of(&b), ESHUTDOWN);
}

/* ---- the books ---- */

#define SIDES 10
#define EACH 1000

struct books {
	uint64_t random;
	unsigned put, got; /* so far */
	uint64_t put_sum, got_sum;
	uint8_t seen[SIDES * EACH + 1];
	unsigned last[SIDES]; /* of each putter, the last that came out, if one gets them all */
	bool in_order;
};

static struct books books;

struct clerk {
	FERRY_FRAME;
	ferry_queue_entry entry;
	unsigned number, done, turns;
	bool waits_now;
};

static unsigned random_below(unsigned limit)
{
	books.random = books.random * 6364136223846793005 + 1442695040888963407;
	return (unsigned)(books.random >> 33) % limit;
}

static void book_put(uintptr_t number)
{
	books.put++;
	books.put_sum += number;
}

static void book_got(uintptr_t number)
{
	unsigned side = (unsigned)(number - 1) / EACH;

	cr_assert_eq(books.seen[number]++, 0, "it comes once");
	if (books.in_order)
		cr_assert_gt(number, books.last[side], "each putter's own come in order");
	books.last[side] = (unsigned)number;
	books.got++;
	books.got_sum += number;
}

static ferry_step putting_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct clerk, f);
	for (; f->done < EACH; f->done++) {
		FERRY_TRY(ferry_queue_put(&queue, &f->entry, item(f->number * EACH + f->done + 1)));
		book_put((uintptr_t)f->entry.item);
		for (f->turns = random_below(3); f->turns; f->turns--)
			FERRY_YIELD();
	}
	FERRY_RETURN();

	FERRY_FINALLY
	FERRY_END;
}

static ferry_step getting_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct clerk, f);
	for (;;) {
		FERRY_TRY(ferry_queue_get(&queue, &f->entry));
		book_got((uintptr_t)f->entry.item);
		f->done++;
		for (f->turns = random_below(3); f->turns; f->turns--)
			FERRY_YIELD();
	}
	FERRY_RETURN();

	FERRY_FINALLY
	FERRY_END;
}

static void balance(size_t capacity, unsigned getting)
{
	struct clerk putters[SIDES], getters[SIDES];
	uint64_t total = (uint64_t)SIDES * EACH;

	memset(&books, 0, sizeof(books));
	books.random = capacity;
	books.in_order = getting == 1;
	make(capacity);
	for (unsigned i = 0; i < SIDES; i++) {
		getters[i] = (struct clerk){ .number = i };
		putters[i] = (struct clerk){ .number = i };
		if (i < getting)
			ferry_task_begin(&getters[i].task, loop, getting_step, NULL);
		ferry_task_begin(&putters[i].task, loop, putting_step, NULL);
	}
	run();
	cr_assert_eq(books.put, total);
	cr_assert_eq(books.got, total);
	cr_assert_eq(books.put_sum, total * (total + 1) / 2);
	cr_assert_eq(books.got_sum, books.put_sum);
	cr_assert_eq(ferry_queue_close(&queue), 0);
	run();
	for (unsigned i = 0; i < SIDES; i++)
		cr_assert(ferry_task_snapshot(&putters[i].task).done);
	for (unsigned i = 0; i < getting; i++) {
		ferry_snapshot snapshot = ferry_task_snapshot(&getters[i].task);

		cr_assert_gt(getters[i].done, 0, "nobody starves");
		cr_assert_eq(ferry_error_errno(snapshot.exception), ESHUTDOWN);
	}
}

Test(task_queue, the_books_of_many_putters_and_getters_balance, .init = begin, .fini = end)
{
	static const size_t capacities[] = { 1, 2, 7, CAPACITY_MOST };

	for (size_t which = 0; which < sizeof(capacities) / sizeof(*capacities); which++) {
		balance(capacities[which], SIDES);
		balance(capacities[which], 3);
		balance(capacities[which], 1);
	}
}

/* Getters are cancelled and begun again all the time: what one was given is not lost. */
static ferry_step leaving_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct clerk, f);
	f->waits_now = true;
	FERRY_AWAIT(ferry_queue_get(&queue, &f->entry));
	if (!ferry_awaitable_snapshot(&f->entry.awaitable).exception)
		book_got((uintptr_t)f->entry.item);
	FERRY_RETURN();

	FERRY_FINALLY
	f->waits_now = false;
	FERRY_END;
}

Test(task_queue, T7_the_books_balance_though_getters_are_cancelled, .init = begin, .fini = end)
{
	struct clerk putters[SIDES], getters[SIDES] = { { .done = 0 } };

	memset(&books, 0, sizeof(books));
	make(2);
	for (unsigned i = 0; i < SIDES; i++) {
		putters[i] = (struct clerk){ .number = i };
		ferry_task_begin(&putters[i].task, loop, putting_step, NULL);
	}
	while (books.got < SIDES * EACH) {
		struct clerk *one = &getters[random_below(SIDES)];

		if (!one->waits_now)
			ferry_task_begin(&one->task, loop, leaving_step, NULL);
		else if (random_below(2))
			ferry_task_cancel(&one->task);
		if (random_below(2))
			cr_assert_geq(ferry_loop_run_once(loop, 0), 0);
	}
	ferry_queue_close(&queue);
	run();
	cr_assert_eq(books.put, SIDES * EACH);
	cr_assert_eq(books.got_sum, books.put_sum);
}

/* ---- what it costs ---- */

Test(task_queue, T5_it_allocates_nothing, .init = begin, .fini = end)
{
	struct spending before = spending_of(loop), spent;
	struct user gets[] = { getter("a", 1), getter("b", 1) };
	struct user puts[] = { putter("c", 3, 1), putter("d", 4, 1) };

	for (int i = 0; i < 2; i++)
		user_begin(&gets[i]);
	spent = spending_since(loop, &before);
	cr_assert_eq(spent.blocks, 0);
	cr_assert_eq(spent.heap, 0);
	for (uintptr_t i = 0; i < 3; i++)
		cr_assert_eq(ferry_queue_try_put(&queue, item(i)), 0);
	for (int i = 0; i < 2; i++)
		user_begin(&puts[i]);
	spent = spending_since(loop, &before);
	cr_assert_eq(spent.blocks, 0);
	cr_assert_eq(spent.heap, 0);
	cr_assert_eq(spent.turns, 0);
	for (uintptr_t i = 2; i < 5; i++)
		cr_assert_eq(try_get(), i);
	run();
	spent = spending_since(loop, &before);
	cr_assert_eq(spent.callbacks, 4);
	cr_assert_eq(spent.allocations, 0);
	cr_assert(diary_is("a>0 a) b>1 b) c<3 c) d<4 d)"));
}

/* ---- refused ---- */

Test(task_queue, E1_without_an_entry_nothing_is_put_or_got, .init = begin, .fini = end)
{
	errno = 0;
	cr_assert_null(ferry_queue_put(&queue, NULL, item(1)));
	cr_assert_eq(errno, EINVAL);
	cr_assert_eq(ferry_queue_count(&queue), 0);
	cr_assert_eq(ferry_queue_try_put(&queue, item(2)), 0);
	cr_assert_null(ferry_queue_get(&queue, NULL));
	cr_assert_eq(ferry_queue_count(&queue), 1);
}

Test(task_queue, L3_a_loop_that_closes_wakes_nobody, .init = begin, .fini = end)
{
	struct user gets[] = { getter("a", 1), getter("b", 1) };

	for (int i = 0; i < 2; i++)
		user_begin(&gets[i]);
	cr_assert_eq(ferry_loop_free(loop), 0);
	loop = NULL;
	for (int i = 0; i < 2; i++)
		cr_assert(ferry_awaitable_snapshot(&gets[i].awaitable).cancelled);
}
