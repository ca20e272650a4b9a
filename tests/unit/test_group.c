/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Groups: what becomes of the children, and of the group, under each policy; who joins when; what
 * that costs; cancelled (T2, T6, T7). Those that have no owner, as a rule: test_owner.c has the
 * others, and test_deferred.c those whose children wait to be started. Numbers of five digits or
 * six are those of CPython's issues, where others met what is tried here.
 */
#include "support/children.h"

TestSuite(group, .timeout = 120);

/* ---- the table of policies ---- */

enum when { EAGER, LAZY, LATER, WHENS };
enum closed { BY_CLOSE, BY_CLOSE_AT_THE_END, BY_A_TASK, BY_A_LOOP, CLOSERS };
#define THREE 3
#define NEVER (THREE + 1)

/* What three children do, who ends which way, and when the group is cancelled and closed. */
struct row {
	ferry_group_policy policy;
	enum actor_end end[THREE];
	enum when when[THREE];
	bool backwards;     /* those that end later end in the other order */
	unsigned cancelled; /* before so many were begun */
	enum closed closed;
};

/* What the header says about it. */
struct outcome {
	enum actor_end end, child[THREE];
	bool began[THREE], cancelling, asked, lost, won;
	int first, failed; /* children; -1: none */
};

static const int reasons[THREE] = { -EIO, -ENOENT, -EBADF };

static void expect_end(struct outcome *outcome, ferry_group_policy policy, int child,
		       enum actor_end end)
{
	outcome->child[child] = end;
	if (end == ACTOR_CANCELLED) {
		outcome->lost |= outcome->cancelling;
	} else if (end == ACTOR_RESULT && policy == FERRY_GROUP_FIRST_RESULT && !outcome->won) {
		outcome->won = outcome->cancelling = true;
		outcome->first = child;
	} else if (end == ACTOR_EXCEPTION && policy != FERRY_GROUP_COLLECT && !outcome->won &&
		   outcome->failed < 0) {
		outcome->first = outcome->failed = child;
		outcome->cancelling |= policy == FERRY_GROUP_FIRST_EXCEPTION;
	}
}

static struct outcome expect(const struct row *row)
{
	struct outcome outcome = { .first = -1, .failed = -1 };

	for (unsigned i = 0; i <= THREE; i++) {
		if (i == row->cancelled)
			outcome.asked = outcome.cancelling = true;
		if (i == THREE)
			break;
		outcome.began[i] = !outcome.cancelling;
		if (!outcome.began[i])
			expect_end(&outcome, row->policy, (int)i, ACTOR_CANCELLED);
		else if (row->when[i] == EAGER)
			expect_end(&outcome, row->policy, (int)i, row->end[i]);
	}
	for (int i = 0; i < THREE; i++) {
		if (row->when[i] != LAZY || !outcome.began[i])
			continue;
		outcome.began[i] = !outcome.cancelling;
		expect_end(&outcome, row->policy, i,
			   outcome.cancelling ? ACTOR_CANCELLED : row->end[i]);
	}
	for (int n = 0; n < THREE; n++) {
		int i = row->backwards ? THREE - 1 - n : n;

		if (row->when[i] == LATER && outcome.began[i])
			expect_end(&outcome, row->policy, i,
				   outcome.cancelling ? ACTOR_CANCELLED : row->end[i]);
	}
	if (outcome.won)
		outcome.end = ACTOR_RESULT;
	else if (outcome.failed >= 0)
		outcome.end = ACTOR_EXCEPTION;
	else if (row->policy == FERRY_GROUP_FIRST_RESULT || (outcome.asked && outcome.lost))
		outcome.end = ACTOR_CANCELLED;
	else
		outcome.end = ACTOR_RESULT;
	return outcome;
}

/* Those that end later wait for @events; the group is closed as the row says. */
static void play(const struct row *row, ferry_event events[THREE], struct actor *waiter)
{
	born = 0;
	for (unsigned i = 0; i <= THREE; i++) {
		struct actor what = { .name = "c" };

		if (i == row->cancelled)
			cr_assert_eq(ferry_group_cancel(&group), 0);
		if (i == THREE)
			break;
		cr_assert_eq(ferry_event_init(&events[i], loop), 0);
		if (row->end[i] == ACTOR_EXCEPTION)
			what.fails = reasons[i];
		else if (row->end[i] == ACTOR_CANCELLED)
			what.fails = -ECANCELED;
		if (row->when[i] == LATER)
			what.awaits = &events[i].awaitable;
		have(row->when[i] == LAZY ? FERRY_START_LAZY : FERRY_START_EAGER, what);
	}
	*waiter = (struct actor){ .name = "w", .awaits = &group.awaitable };
	if (row->closed == BY_CLOSE)
		cr_assert_eq(ferry_group_close(&group), 0);
	else if (row->closed == BY_A_TASK)
		actor_begin(waiter, loop, NULL);
	run();
	for (unsigned n = 0; n < THREE; n++) {
		ferry_event_set(&events[row->backwards ? THREE - 1 - n : n]);
		run();
	}
	if (row->closed == BY_CLOSE_AT_THE_END)
		cr_assert_eq(ferry_group_close(&group), 0);
	else if (row->closed == BY_A_LOOP)
		await();
}

static bool is_as_expected(const struct row *row, struct actor *waiter)
{
	struct outcome expected = expect(row);
	ferry_task *first = expected.first < 0 ? NULL : &children[expected.first].task;
	bool same = group_end() == expected.end && ferry_group_first(&group) == first &&
		    !ferry_group_members(&group);

	if (expected.end == ACTOR_EXCEPTION)
		same &= group_errno() == -reasons[expected.failed];
	if (row->closed == BY_A_TASK)
		same &= waiter->went_on == 1 && actor_ended(waiter) == ACTOR_RESULT;
	for (int i = 0; i < THREE; i++) {
		struct actor *child = &children[i];

		same &= actor_ended(child) == expected.child[i] &&
			child->began == expected.began[i] && child->cleaned == 1;
		if (expected.child[i] == ACTOR_EXCEPTION)
			same &= actor_errno(child) == -reasons[i];
	}
	return same;
}

static void try_row(const struct row *row)
{
	static const char ends[] = "?rec", whens[] = "elt";
	ferry_event events[THREE];
	struct actor waiter;

	make(row->policy, 0);
	play(row, events, &waiter);
	diary[0] = 0;
	cr_assert(is_as_expected(row, &waiter),
		  "policy %d, ends %c%c%c, when %c%c%c, backwards %d, cancelled %u, closed %d: "
		  "the group ended as %c, the children as %c%c%c",
		  (int)row->policy, ends[row->end[0]], ends[row->end[1]], ends[row->end[2]],
		  whens[row->when[0]], whens[row->when[1]], whens[row->when[2]], row->backwards,
		  row->cancelled, (int)row->closed, ends[group_end()],
		  ends[actor_ended(&children[0])], ends[actor_ended(&children[1])],
		  ends[actor_ended(&children[2])]);
}

/* A digit of @number, in which numerals of different bases stand one above the other. */
static unsigned digit(unsigned *number, unsigned base)
{
	unsigned result = *number % base;

	*number /= base;
	return result;
}

LoopTest(group, T6_the_table_of_policies_holds_for_all_that_three_children_may_do)
{
	unsigned rows = 0;

	for (unsigned number = 0;; rows++) {
		unsigned rest = number++;
		struct row row = { .policy = digit(&rest, 3) };

		for (int i = 0; i < THREE; i++) {
			row.end[i] = ACTOR_RESULT + digit(&rest, 3);
			row.when[i] = digit(&rest, WHENS);
		}
		row.backwards = digit(&rest, 2);
		row.cancelled = digit(&rest, NEVER + 1);
		row.closed = digit(&rest, CLOSERS);
		if (rest)
			break;
		try_row(&row);
	}
	cr_assert_eq(rows, 3 * 729 * 2 * 5 * 4);
}

/* ---- when it ends ---- */

LoopTest(group, T6_an_empty_one_ends_when_it_is_closed_and_not_before)
{
	for (int policy = 0; policy <= FERRY_GROUP_FIRST_RESULT; policy++) {
		make(policy, 0);
		run();
		cr_assert_eq(group_end(), ACTOR_PENDING);
		cr_assert_eq(ferry_group_members(&group), 0);
		cr_assert_eq(ferry_group_close(&group), 0);
		cr_assert_eq(group_end(),
			     policy == FERRY_GROUP_FIRST_RESULT ? ACTOR_CANCELLED : ACTOR_RESULT);
		cr_assert_null(ferry_group_first(&group));
	}
}

LoopTest(group, an_empty_one_that_is_cancelled_has_cancelled_nobody)
{
	for (int policy = 0; policy <= FERRY_GROUP_FIRST_RESULT; policy++) {
		make(policy, 0);
		cr_assert_eq(ferry_group_cancel(&group), 0);
		cr_assert_eq(group_end(), ACTOR_PENDING, "a cancel does not close it");
		cr_assert_eq(ferry_group_close(&group), 0);
		cr_assert_eq(group_end(),
			     policy == FERRY_GROUP_FIRST_RESULT ? ACTOR_CANCELLED : ACTOR_RESULT);
	}
}

LoopTest(group, what_has_ended_is_closed_and_cancelled_no_more)
{
	make(FERRY_GROUP_COLLECT, 0);
	cr_assert_eq(ferry_group_clear(&group), -EBUSY);
	cr_assert_eq(ferry_group_close(&group), 0);
	cr_assert_eq(ferry_group_close(&group), -EALREADY);
	cr_assert_eq(ferry_group_cancel(&group), -EALREADY);
	cr_assert_eq(ferry_group_clear(&group), 0);
	cr_assert_eq(ferry_group_close(NULL), -EINVAL);
	cr_assert_eq(ferry_group_cancel(NULL), -EINVAL);
	cr_assert_eq(ferry_group_members(NULL), -EINVAL);
	cr_assert_eq(ferry_group_clear(NULL), -EINVAL);
	cr_assert_null(ferry_group_first(NULL));
}

LoopTest(group, awaiting_an_empty_one_takes_no_turn)
{
	struct actor waiter = { .name = "w", .awaits = &group.awaitable };

	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	actor_begin(&waiter, loop, NULL);
	cr_assert(diary_is("w: w. w)"));
	await();
	cr_assert_eq(fixture_loop_counters(loop).turns, 0);
}

LoopTest(group, T6_one_that_is_not_closed_goes_on_without_children)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	for (int i = 0; i < 3; i++) {
		HAVE(EAGER, .name = "a");
		HAVE(LAZY, .name = "b");
		cr_assert_eq(ferry_group_members(&group), 1);
		run();
		cr_assert_eq(ferry_group_members(&group), 0);
		cr_assert_eq(group_end(), ACTOR_PENDING);
	}
	await();
	cr_assert_eq(group_end(), ACTOR_RESULT);
}

LoopTest(group, T6_it_ends_only_when_every_child_has_cleaned_up)
{
	ferry_event gone;

	cr_assert_eq(ferry_event_init(&gone, loop), 0);
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(EAGER, .name = "a", WAITING, .cleans = &gone.awaitable);
	HAVE(EAGER, .name = "b", .fails = -EIO);
	cr_assert_eq(ferry_group_close(&group), 0);
	run();
	cr_assert(diary_is("a: b: b. b) a)"));
	cr_assert_eq(group_end(), ACTOR_PENDING, "it failed, and a has not ended");
	cr_assert_eq(ferry_group_members(&group), 1);
	cr_assert_eq(ferry_group_first(&group), &children[1].task);
	ferry_event_set(&gone);
	run();
	cr_assert_eq(group_end(), ACTOR_EXCEPTION);
	cr_assert_eq(actor_ended(&children[0]), ACTOR_CANCELLED);
}

LoopTest(group, a_child_that_is_cancelled_by_somebody_else_decides_nothing)
{
	for (int policy = 0; policy <= FERRY_GROUP_FIRST_RESULT; policy++) {
		make(policy, 0);
		born = 0;
		HAVE(EAGER, .name = "a", WAITING);
		HAVE(LAZY, .name = "b");
		ferry_task_cancel(&children[0].task);
		ferry_task_cancel(&children[1].task);
		run();
		cr_assert(diary_is("a: b) a)"));
		await();
		cr_assert_eq(group_end(),
			     policy == FERRY_GROUP_FIRST_RESULT ? ACTOR_CANCELLED : ACTOR_RESULT);
	}
}

LoopTest(group, who_wait_for_it_go_on_in_the_order_in_which_they_began_to)
{
	struct actor waiters[] = { { .name = "v", .awaits = &group.awaitable },
				   { .name = "w", .awaits = &group.awaitable, .tries = true },
				   { .name = "x", .awaits = &group.awaitable, .shielded = true } };

	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(LAZY, .name = "a", .fails = -EIO);
	for (int i = 0; i < 3; i++)
		actor_begin(&waiters[i], loop, NULL);
	await();
	run();
	cr_assert(diary_is("v: w: x: a: a. a) v. v) w) x. x)"));
	cr_assert_eq(actor_ended(&waiters[0]), ACTOR_RESULT);
	cr_assert_eq(actor_errno(&waiters[1]), EIO);
	cr_assert_eq(actor_ended(&waiters[2]), ACTOR_RESULT);
}

static void make_in_a_callback(ferry_loop *which, void *user)
{
	(void)which, (void)user;
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(EAGER, .name = "a", .fails = -EIO);
	HAVE(EAGER, .name = "b");
}

LoopTest(group, one_that_is_made_in_a_callback_belongs_to_no_task)
{
	struct actor waiter = { .name = "w", .awaits = &group.awaitable };

	cr_assert_eq(ferry_loop_call_soon(loop, make_in_a_callback, NULL), 0);
	run();
	cr_assert(diary_is("a: a. a) b)"), "b was begun when others were cancelled");
	actor_begin(&waiter, loop, NULL);
	cr_assert(diary_is("w: w. w)"));
	cr_assert_eq(group_errno(), EIO);
}

LoopTest(group, its_memory_may_be_used_for_another_when_it_has_ended)
{
	memset(&group, 0xa5, sizeof(group));
	for (int i = 0; i < 1000; i++) {
		make(i % 3, (unsigned)i % 2);
		born = 0;
		HAVE(EAGER, .name = "a", .fails = i % 5 ? 0 : -EIO);
		HAVE(LAZY, .name = "b");
		await();
		diary[0] = 0;
	}
}

LoopTest(group, a_policy_or_a_size_that_is_not_known_is_refused)
{
	struct {
		ferry_group_options options;
		uint64_t more;
	} newer = { { .size = sizeof(newer) }, 1 };
	ferry_group_options options = FERRY_GROUP_OPTIONS_INIT;

	memset(&group, 0xa5, sizeof(group));
	cr_assert_eq(ferry_group_init(NULL, loop, NULL), -EINVAL);
	cr_assert_eq(ferry_group_init(&group, NULL, NULL), -EINVAL);
	cr_assert_eq(ferry_group_init(&group, loop, &newer.options), -E2BIG);
	options.policy = FERRY_GROUP_FIRST_RESULT + 1;
	cr_assert_eq(ferry_group_init(&group, loop, &options), -EINVAL);
	options.size = 0;
	cr_assert_eq(ferry_group_init(&group, loop, &options), -EINVAL);
	cr_assert_eq(group.flags, 0xa5a5, "nothing was written");
	newer.more = 0;
	cr_assert_eq(ferry_group_init(&group, loop, &newer.options), 0);
}

/* ---- who joins, and when ---- */

static void look_at_the_group(struct actor *actor)
{
	diary_note("%d,%s,%s", ferry_group_members(&group), ferry_task_name(&actor->task),
		   ferry_current_task(loop) == &actor->task ? "runs" : "does not");
}

/* CPython 124309: what has to be known of a task before it runs must be there, eager or not. */
LoopTest(group, T6_a_child_is_a_member_before_its_first_step_124309)
{
	struct actor child = { .name = "a", .acts = look_at_the_group };

	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	actor_begin(&child, loop, OPTIONS_OF(.group = &group, .name = "first"));
	cr_assert(diary_is("a: 1,first,runs a. a)"));
	actor_init(&child, loop, OPTIONS_OF(.name = "registered"));
	cr_assert_eq(ferry_group_add(&group, &child.task), 0);
	cr_assert_eq(ferry_task_start(&child.task), 0);
	cr_assert(diary_is("a: 1,registered,runs a. a)"));
	await();
}

static void start_a_sibling_that_fails(struct actor *actor)
{
	actor->acts = NULL;
	HAVE(EAGER, .name = "b", .fails = -EIO);
}

/* CPython 128550: a child that starts a failing sibling in its own eager step joined late, and
 * was not cancelled. */
LoopTest(group, T6_who_starts_a_sibling_that_fails_is_cancelled_128550)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(EAGER, .name = "a", WAITING, .acts = start_a_sibling_that_fails);
	cr_assert(diary_is("a: b: b. b)"));
	await();
	cr_assert(diary_is("a)"));
	cr_assert_eq(actor_ended(&children[0]), ACTOR_CANCELLED);
	cr_assert_eq(ferry_task_cancels(&children[0].task), 1);
	cr_assert_eq(group_errno(), EIO);
}

LoopTest(group, T6_and_so_it_is_if_it_was_started_by_the_loop)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(LAZY, .name = "a", WAITING, .acts = start_a_sibling_that_fails);
	await();
	cr_assert(diary_is("a: b: b. b) a)"));
	cr_assert_eq(ferry_task_cancels(&children[0].task), 1);
}

LoopTest(group, T6_and_if_it_only_yields)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(EAGER, .name = "a", .yields = 1, .acts = start_a_sibling_that_fails);
	await();
	cr_assert(diary_is("a: b: b. b) a)"));
	cr_assert_eq(actor_ended(&children[0]), ACTOR_CANCELLED);
}

LoopTest(group, T7_one_that_ends_in_that_step_has_its_result)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(EAGER, .name = "a", .acts = start_a_sibling_that_fails);
	await();
	cr_assert(diary_is("a: b: b. b) a. a)"));
	cr_assert_eq(actor_ended(&children[0]), ACTOR_RESULT);
	cr_assert_eq(group_errno(), EIO);
}

static int asked; /* how often an operation was */

static void count_asked(ferry_operation *operation, ferry_task *task)
{
	(void)operation, (void)task;
	asked++;
}

static const ferry_operation_hooks counting = { sizeof(counting), "test", 0, NULL, count_asked };

LoopTest(group, T6_what_a_late_one_waits_for_is_asked_once)
{
	ferry_operation operation;
	struct actor slow = { .name = "s" };

	cr_assert_eq(ferry_operation_init(&operation, &counting), 0);
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(EAGER, .name = "a", .awaits = &operation.awaitable,
	     .acts = start_a_sibling_that_fails);
	cr_assert_eq(asked, 1);
	run();
	cr_assert(diary_is("a: b: b. b)"), "it waits until the operation says that it is done");
	cr_assert_eq(ferry_operation_complete(&operation, loop, -ECANCELED), 0);
	await();
	cr_assert(diary_is("a)"));

	/* The same with a task that it waits for, which is cancelled for that. */
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	born = 0;
	slow.awaits = &event.awaitable;
	actor_begin(&slow, loop, NULL);
	HAVE(EAGER, .name = "a", .awaits = &slow.task.awaitable,
	     .acts = start_a_sibling_that_fails);
	cr_assert_eq(ferry_task_cancels(&slow.task), 1);
	await();
	cr_assert(diary_is("s: a: b: b. b) s) a)"));
}

static void cancel_the_group(struct actor *actor)
{
	(void)actor;
	cr_assert_eq(ferry_group_cancel(&group), 0);
}

/* CPython 155418: a child that cancels its group in its eager step joined behind that, and the
 * group hung. */
LoopTest(group, T6_who_cancels_the_group_in_its_first_step_is_cancelled_155418)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(EAGER, .name = "a", WAITING, .acts = cancel_the_group);
	cr_assert_eq(ferry_task_cancels(&children[0].task), 1);
	await();
	cr_assert(diary_is("a: a)"));
	cr_assert_eq(group_end(), ACTOR_CANCELLED);
}

static unsigned hooks_called;

static void call_hook(ferry_task *task, void *user)
{
	(void)task, (void)user;
	hooks_called++;
}

/* CPython 115957: what was given to an ended group was left behind, never awaited. */
LoopTest(group, T6_a_task_that_comes_too_late_is_born_failed_115957)
{
	struct actor late = { .name = "l" };

	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	cr_assert_eq(ferry_group_close(&group), 0);
	for (int start = FERRY_START_DEFAULT; start <= FERRY_START_DEFERRED; start++) {
		actor_begin(&children[start], loop,
			    OPTIONS_OF(.group = &group, .start = (ferry_start)start,
				       .cleanup = call_hook));
		cr_assert_eq(actor_errno(&children[start]), ESHUTDOWN);
	}
	actor_init(&late, loop, FERRY_IN(&group));
	cr_assert_eq(actor_errno(&late), ESHUTDOWN);
	cr_assert_eq(fixture_loop_counters(loop).tasks, 0);
	run();
	cr_assert_eq(hooks_called, 4, "each but the last had one");
	cr_assert_eq(late.began + late.cleaned, 0);
	actor_init(&late, loop, NULL);
	cr_assert_eq(ferry_group_add(&group, &late.task), -ESHUTDOWN);
	cr_assert_eq(ferry_task_start(&late.task), 0, "it is what it was");
	cr_assert(diary_is("l: l. l)"));
}

LoopTest(group, a_group_of_another_loop_takes_no_task_of_this_one)
{
	ferry_loop *other = fixture_loop();
	struct actor child = { .name = "a" };

	cr_assert_eq(ferry_group_init(&group, other, NULL), 0);
	actor_begin(&child, loop, FERRY_IN(&group));
	cr_assert_eq(actor_errno(&child), EINVAL);
	actor_init(&child, loop, NULL);
	cr_assert_eq(ferry_group_add(&group, &child.task), -EINVAL);
	cr_assert_eq(ferry_task_forget(&child.task), 0);
	cr_assert_eq(ferry_group_members(&group), 0);
	cr_assert_eq(ferry_loop_free(other), 0);
}

/* ---- what it costs ---- */

static struct brief many[1000];

/* So many of a thousand end at once, the others in the next turn; then the group is awaited. */
static void begin_a_thousand(unsigned at_once, ferry_start start)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	for (unsigned i = 0; i < 1000; i++)
		begin_brief(&many[i], i % 10 >= at_once / 100, start);
}

/* The three mixes of CPython 97696. */
LoopTest(group, T2_a_thousand_that_end_at_once_cost_no_callback_97696)
{
	begin_a_thousand(1000, FERRY_START_EAGER);
	cr_assert_eq(ferry_group_members(&group), 0);
	await();
	costs(0, 0);
	cr_assert_eq(entered, 1000);
	cr_assert_eq(group_end(), ACTOR_RESULT);
}

LoopTest(group, T2_of_a_mix_only_the_suspended_cost_one_callback_97696)
{
	begin_a_thousand(700, FERRY_START_EAGER);
	costs(0, 0);
	cr_assert_eq(ferry_group_members(&group), 300);
	await();
	costs(1, 300);
}

LoopTest(group, T2_all_that_are_suspended_cost_one_callback_each_97696)
{
	begin_a_thousand(0, FERRY_START_EAGER);
	await();
	costs(1, 1000);
}

LoopTest(group, T3_lazy_ones_cost_one_callback_and_one_turn)
{
	begin_a_thousand(1000, FERRY_START_LAZY);
	cr_assert_eq(entered, 0);
	await();
	costs(1, 1000);
	cr_assert_eq(entered, 1000);
}

LoopTest(group, T3_of_a_mix_of_lazy_ones_the_suspended_cost_two_callbacks)
{
	begin_a_thousand(700, FERRY_START_LAZY);
	costs(0, 0);
	cr_assert_eq(ferry_group_members(&group), 1000);
	await();
	costs(2, 1000 + 300);
	cr_assert_eq(group_end(), ACTOR_RESULT);
}

LoopTest(group, T3_all_lazy_ones_that_are_suspended_cost_two_callbacks_each)
{
	begin_a_thousand(0, FERRY_START_LAZY);
	await();
	costs(2, 2 * 1000);
}

static void begin_those_that_end_at_once(struct actor *actor)
{
	(void)actor;
	begin_a_thousand(1000, FERRY_START_EAGER);
}

LoopTest(group, T2_a_task_that_awaits_a_thousand_goes_on_in_its_turn)
{
	struct actor waiter = { .name = "w",
				.acts = begin_those_that_end_at_once,
				.awaits = &group.awaitable };

	actor_begin(&waiter, loop, OPTIONS_OF(.start = FERRY_START_LAZY));
	run();
	costs(1, 1);
	cr_assert(diary_is("w: w. w)"));
}

/* ---- exceptions ---- */

/* CPython 101267: all that failed shared one exception object. */
LoopTest(group, each_that_fails_has_an_exception_of_its_own_101267)
{
	const char *taken = ferry_error_message(ferry_error_from_code(FERRY_ERROR_TAKEN));

	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(EAGER, .name = "a", .yields = 1, .error = exception_new("of a"));
	HAVE(EAGER, .name = "b", .yields = 1, .error = exception_new("of b"));
	HAVE(EAGER, .name = "c", .error = exception_new("of c"), .acts = cancel_the_group);
	await();
	cr_assert_str_eq(exception_of(&group.awaitable), "of c");
	cr_assert_str_eq(exception_of_task(&children[2].task), taken, "the group has it");
	cr_assert_eq(actor_ended(&children[0]), ACTOR_CANCELLED);
	cr_assert_eq(actor_ended(&children[1]), ACTOR_CANCELLED);
	ferry_error_unref(children[0].error);
	ferry_error_unref(children[1].error);
	cr_assert_eq(ferry_task_clear(&children[2].task), 0);
	cr_assert_str_eq(exception_of(&group.awaitable), "of c");
	cr_assert_eq(ferry_group_clear(&group), 0);
	cr_assert_eq(exceptions_alive, 0);
	cr_assert_str_eq(exception_of(&group.awaitable), taken, "it still is a failure");

	make(FERRY_GROUP_COLLECT, 0);
	born = 0;
	HAVE(EAGER, .name = "a", .yields = 1, .error = exception_new("of a"));
	HAVE(EAGER, .name = "b", .error = exception_new("of b"));
	await();
	cr_assert_eq(group_end(), ACTOR_RESULT);
	cr_assert_str_eq(exception_of_task(&children[0].task), "of a");
	cr_assert_str_eq(exception_of_task(&children[1].task), "of b");
	ferry_task_clear(&children[0].task);
	ferry_task_clear(&children[1].task);
}

LoopTest(group, L6_that_of_one_that_did_not_decide_is_told_if_nobody_looks_at_it)
{
	static struct actor late = { .name = "b", .yields = 1 };

	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	late.error = exception_new("of b");
	actor_begin(&late, loop, FERRY_IN(&group));
	cr_assert_eq(ferry_task_shield(&late.task), 0);
	HAVE(EAGER, .name = "a", .error = exception_new("of a"));
	await();
	cr_assert_str_eq(exception_of(&group.awaitable), "of a");
	cr_assert_eq(exceptions_alive, 2);
	cr_assert_eq(ferry_task_clear(&children[0].task), 0);
	cr_assert_eq(exceptions_told, 0, "that is the group's");
	cr_assert_eq(ferry_task_clear(&late.task), 0);
	cr_assert_eq(exceptions_heard("of b"), 1);
	ferry_group_clear(&group);
	diary[0] = 0;
}

/* Its future, its group, one who waits: each has it, and it goes with the last of them. */
LoopTest(group, E2_a_childs_exception_is_its_groups_and_its_futures)
{
	for (int is_awaited = 0; is_awaited < 2; is_awaited++) {
		struct actor waiter = { .name = "v",
					.awaits = &children[0].awaitable,
					.tries = true };
		ferry_future *future;

		born = 0;
		make(FERRY_GROUP_FIRST_EXCEPTION, 0);
		HAVE(LAZY, .name = "a", .error = exception_new("of a"));
		cr_assert_eq(ferry_task_unwrap(&children[0].task, NULL, &future), 0);
		if (is_awaited)
			actor_begin(&waiter, loop, NULL);
		await();
		run();
		cr_assert_str_eq(exception_of(&group.awaitable), "of a");
		cr_assert_eq(ferry_group_clear(&group), 0);
		if (is_awaited) {
			cr_assert_str_eq(exception_of_task(&waiter.task), "of a");
			ferry_task_clear(&waiter.task);
		}
		cr_assert_eq(exceptions_alive, 1);
		cr_assert_str_eq(ferry_error_message(ferry_future_snapshot(future).exception),
				 "of a");
		ferry_future_unref(future);
		cr_assert_eq(exceptions_alive, 0);
	}
	diary[0] = 0;
}

LoopTest(group, E2_of_several_who_try_each_has_the_exception)
{
	struct actor waiters[] = {
		{ .name = "v", .awaits = &group.awaitable, .tries = true },
		{ .name = "w", .awaits = &group.awaitable, .tries = true },
	};

	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(LAZY, .name = "a", .error = exception_new("of a"));
	actor_begin(&waiters[0], loop, NULL);
	actor_begin(&waiters[1], loop, NULL);
	run();
	cr_assert_str_eq(exception_of_task(&waiters[0].task), "of a");
	cr_assert_str_eq(exception_of_task(&waiters[1].task), "of a");
	ferry_task_clear(&waiters[0].task);
	ferry_task_clear(&waiters[1].task);
	cr_assert_str_eq(exception_of(&group.awaitable), "of a", "none has it alone");
	cr_assert_eq(exceptions_alive, 1);
	cr_assert_eq(ferry_group_clear(&group), 0);
	cr_assert_eq(exceptions_alive, 0);
}

LoopTest(group, E2_one_who_tries_takes_the_exception_over)
{
	struct actor waiter = { .name = "v", .awaits = &group.awaitable, .tries = true };

	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(LAZY, .name = "a", .error = exception_new("of a"));
	actor_begin(&waiter, loop, NULL);
	run();
	cr_assert_str_eq(exception_of_task(&waiter.task), "of a");
	cr_assert_str_neq(exception_of(&group.awaitable), "of a");
	ferry_task_clear(&waiter.task);
	cr_assert_eq(exceptions_alive, 0);
	cr_assert_eq(group_end(), ACTOR_EXCEPTION, "it still is a failure");
}

LoopTest(group, a_result_that_comes_after_a_failure_drops_the_exception)
{
	make(FERRY_GROUP_FIRST_RESULT, 0);
	HAVE(EAGER, .name = "a", .error = exception_new("of a"));
	cr_assert_eq(ferry_group_first(&group), &children[0].task);
	HAVE(LAZY, .name = "b");
	await();
	cr_assert_eq(ferry_group_first(&group), &children[1].task);
	cr_assert_eq(group_end(), ACTOR_RESULT);
	cr_assert_eq(exceptions_alive, 0);
}

Test(group, a_loop_that_closes_forgets_what_is_open, .init = children_begin)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 1);
	HAVE(EAGER, .name = "a", WAITING);
	HAVE(EAGER, .name = "b");
	HAVE(DEFERRED, .name = "c");
	ferry_loop_ref(loop);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(diary_is("a:"), "nothing of them runs");
	cr_assert_eq(group_end(), ACTOR_CANCELLED);
	for (int i = 0; i < 3; i++)
		cr_assert(ferry_awaitable_snapshot(&children[i].awaitable).cancelled);
	cr_assert_eq(ferry_group_members(&group), 0);
	cr_assert_eq(ferry_group_close(&group), -ESHUTDOWN);
	cr_assert_eq(ferry_group_cancel(&group), -ESHUTDOWN);
	cr_assert_eq(ferry_group_add(&group, &children[0].task), -ESHUTDOWN);
	cr_assert_null(ferry_group_first(&group));
	cr_assert_eq(ferry_group_clear(&group), 0);
	ferry_loop_unref(loop);
}

Test(group, a_loop_that_closes_drops_the_exception_of_one_that_failed, .init = children_begin)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(EAGER, .name = "a", .error = exception_new("of a"));
	ferry_task_clear(&children[0].task);
	cr_assert_eq(exceptions_alive, 1);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert_eq(exceptions_alive, 0);
}

/* ---- cancelled ---- */

/* CPython 108951: to end a group early without making an error for that. */
LoopTest(group, T6_a_cancel_is_no_error_108951)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(EAGER, .name = "a");
	HAVE(EAGER, .name = "b", WAITING);
	HAVE(LAZY, .name = "c");
	cr_assert_eq(ferry_group_cancel(&group), 0);
	await();
	cr_assert(diary_is("a: a. a) b: c) b)"));
	cr_assert_eq(group_end(), ACTOR_CANCELLED);
	cr_assert_eq(group_errno(), 0);
	cr_assert_null(ferry_group_first(&group));
	cr_assert_eq(actor_ended(&children[0]), ACTOR_RESULT, "what was done is done");
}

LoopTest(group, T7_a_cancel_that_comes_too_late_for_all_changes_nothing)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(EAGER, .name = "a", WAITING);
	ferry_event_set(&event);
	cr_assert_eq(ferry_group_cancel(&group), 0);
	await();
	cr_assert(diary_is("a: a. a)"), "it had been woken");
	cr_assert_eq(group_end(), ACTOR_RESULT);
}

LoopTest(group, T6_those_that_join_one_that_cancels_run_only_what_cleans_up)
{
	make(FERRY_GROUP_COLLECT, 1);
	cr_assert_eq(ferry_group_cancel(&group), 0);
	HAVE(EAGER, .name = "a");
	cr_assert(diary_is("a)"));
	HAVE(LAZY, .name = "b");
	HAVE(DEFERRED, .name = "c");
	HAVE(DEFAULT, .name = "d", .cleans = &event.awaitable);
	children[born].name = "e";
	actor_init(&children[born++], loop, FERRY_IN(&group));
	cr_assert(diary_is("d)"));
	run();
	cr_assert(diary_is("b) c) e)"));
	cr_assert_eq(ferry_group_members(&group), 1);
	ferry_event_set(&event);
	await();
	for (unsigned i = 0; i < born; i++)
		cr_assert_eq(actor_ended(&children[i]), ACTOR_CANCELLED);
	cr_assert_eq(group_end(), ACTOR_CANCELLED);
}

LoopTest(group, who_waits_for_it_and_is_cancelled_cancels_it_and_waits_on)
{
	struct actor waiter = { .name = "w", .awaits = &group.awaitable };
	ferry_event gone;

	cr_assert_eq(ferry_event_init(&gone, loop), 0);
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(EAGER, .name = "a", WAITING, .cleans = &gone.awaitable);
	HAVE(EAGER, .name = "b", WAITING);
	actor_begin(&waiter, loop, NULL);
	ferry_task_cancel(&waiter.task);
	run();
	cr_assert(diary_is("a: b: w: a) b)"));
	ferry_event_set(&gone);
	run();
	cr_assert(diary_is("w)"));
	cr_assert_eq(actor_ended(&waiter), ACTOR_CANCELLED);
	cr_assert_eq(group_end(), ACTOR_CANCELLED);
}

LoopTest(group, one_who_waits_shielded_leaves_it_alone)
{
	struct actor waiter = { .name = "w", .awaits = &group.awaitable, .shielded = true };

	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(EAGER, .name = "a", WAITING);
	actor_begin(&waiter, loop, NULL);
	ferry_task_cancel(&waiter.task);
	run();
	cr_assert(diary_is("a: w: w)"));
	ferry_event_set(&event);
	await();
	cr_assert_eq(group_end(), ACTOR_RESULT);
	cr_assert_eq(ferry_task_cancels(&children[0].task), 0);
}

/* A task with a group of its own, whose child is another of these; the innermost waits. */
struct nest {
	FERRY_FRAME;
	ferry_group group;
	struct nest *inner;
	bool shows;
};

static struct nest *nests;
static int depth_of_end; /* how many have ended, from inside */
static int innermost_fails;

static ferry_step nest_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct nest, f);
	if (!f->inner) {
		FERRY_AWAIT(&event);
		FERRY_FAIL(innermost_fails);
	}
	cr_assert_eq(ferry_group_init(&f->group, loop, NULL), 0);
	ferry_task_begin(&f->inner->task, loop, nest_step, FERRY_IN(&f->group));
	FERRY_TRY(&f->group);

	FERRY_FINALLY
	depth_of_end++;
	if (f->shows)
		diary_note("%d", (int)(f - nests));
	FERRY_END;
}

static void begin_nests(size_t count, bool show)
{
	nests = calloc(count, sizeof(*nests));
	cr_assert_not_null(nests);
	for (size_t i = 0; i < count; i++)
		nests[i] = (struct nest){ .inner = i + 1 < count ? &nests[i + 1] : NULL,
					  .shows = show };
	depth_of_end = 0;
	ferry_task_begin(&nests[0].task, loop, nest_step, FERRY_IN(&group));
	run();
}

LoopTest(group, T6_a_cancel_passes_through_nested_ones_and_they_end_from_inside)
{
	static const char *const ends[] = { "0", "1 0", "2 1 0", "3 2 1 0", "4 3 2 1 0" };

	for (size_t count = 1; count <= 5; count++) {
		make(FERRY_GROUP_FIRST_EXCEPTION, 0);
		begin_nests(count, true);
		cr_assert_eq(ferry_group_cancel(&group), 0);
		await();
		cr_assert(diary_is(ends[count - 1]));
		cr_assert_eq(group_end(), ACTOR_CANCELLED);
		for (size_t i = 0; i < count; i++)
			cr_assert(ferry_task_snapshot(&nests[i].task).cancelled);
		free(nests);
	}
}

LoopTest(group, T6_a_cancel_passes_through_a_hundred_thousand_without_recursion)
{
	for (int by_the_task = 0; by_the_task < 2; by_the_task++) {
		make(FERRY_GROUP_FIRST_EXCEPTION, 0);
		begin_nests(100000, false);
		if (by_the_task)
			cr_assert_eq(ferry_task_cancel(&nests[0].task), 0);
		else
			cr_assert_eq(ferry_group_cancel(&group), 0);
		await();
		cr_assert_eq(depth_of_end, 100000);
		for (size_t i = 0; i < 100000; i += 999)
			cr_assert(ferry_task_snapshot(&nests[i].task).cancelled);
		free(nests);
	}
}

LoopTest(group, T6_an_exception_passes_out_of_ten_thousand)
{
	innermost_fails = -EIO;
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	begin_nests(10000, false);
	ferry_event_set(&event);
	await();
	cr_assert_eq(group_errno(), EIO);
	for (size_t i = 0; i < 10000; i++)
		cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&nests[i].task).exception), EIO);
	free(nests);
}
