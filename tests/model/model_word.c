/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every interleaving of those who touch one future (F6): the transitions of
 * future/word.h, which are the library's own, and the writing of the outcome, the
 * surgery on the waiters and the dropping of references around them, as future.c
 * does it, each read, write and exchange a step of its own.
 *
 * Held in every state: nothing leaves done; one completes; the outcome is written
 * before that and never after, by one at a time; LIST has one holder, and nobody else
 * touches the waiters meanwhile. Held at the end: whoever attached was notified once,
 * in order, or was detached; a result was taken once or disposed of once; nobody
 * touched the future after it was freed (F1, F2, F3, F5, F7).
 *
 * FERRY_TEST_LONG=1 goes through all companies of four as well.
 */
#include "base/list.h"
#include "future/word.h"
#include "support/interleavings.h"
#include "support/program.h"

enum kind {
	/* Of a job. */
	WORKER_RESULT,
	WORKER_EXCEPTION,
	WORKER_CANCELLED,
	EXPIRER,
	/* Of a promise. */
	PROMISE_RESULT,
	PROMISE_EXCEPTION,
	PROMISE_CANCELLED,
	PROMISE_RUNNER, /* sets it running before it gives a result */
	/* Of both. */
	CANCELLER,
	ATTACHER,
	DETACHER, /* attaches first */
	TAKER,
	READER,
	KINDS
};

static const char *const names[KINDS] = {
	"worker(result)",  "worker(exception)",	 "worker(cancelled)",  "expirer",
	"promise(result)", "promise(exception)", "promise(cancelled)", "promise(running, result)",
	"canceller",	   "attacher",		 "detacher",	       "taker",
	"reader",
};

#define ACTORS_MOST 5

/* Where an actor is. */
enum place {
	BEGIN,
	LOOK_FOR_LIST, /* future_finish() */
	WRITE_FIRST,
	WRITE_SECOND,
	COMPLETE,
	HOLD,
	WRITE_HELD_FIRST,
	WRITE_HELD_SECOND,
	PUBLISH,
	WRITE_EXPIRY,
	EXPIRE,
	REVERSE,
	NOTIFY,
	DETACH,
	WALK,
	GIVE_BACK,
	AWAIT_NOTIFY,
	READ_FIRST,
	READ_SECOND,
	UNREF,
	DESTROY,
	END
};

struct actor {
	uintptr_t word; /* as it last saw it */
	uint8_t place, loaded;
	uint8_t chain;	/* the waiters that it completed with, or the newest while it unlinks */
	uint8_t before; /* while it unlinks: the node whose link it looks at; 0: the newest */
};

enum owner { CALLERS, LISTED, COMPLETERS };

struct node {
	uint8_t next, owner, number, notified, detached;
};

static ferry_waiter nodes[ACTORS_MOST]; /* their addresses stand in the word */

struct world {
	uintptr_t word;
	struct actor actors[ACTORS_MOST];
	struct node node[ACTORS_MOST + 1]; /* of actor n: node n + 1; 0 is none */
	uint8_t field[2];		   /* who wrote the outcome's first and second word */
	uint8_t holder, writer, completer; /* an actor plus 1, 0: none */
	uint8_t ran, asked, attached, last_notified, taken, disposed, refs, freed;
};

static struct {
	unsigned count;
	enum kind kind[ACTORS_MOST];
} company;

#define check(condition, ...)                                \
	do {                                                 \
		if (!(condition))                            \
			interleavings_fail(__VA_ARGS__);     \
	} while (0)

static unsigned node_of(const ferry_waiter *waiter)
{
	return waiter ? (unsigned)(waiter - nodes) + 1 : 0;
}

static ferry_waiter *waiter_of(unsigned node)
{
	return node ? &nodes[node - 1] : NULL;
}

static enum word_outcome outcome_of(enum kind kind)
{
	switch (kind) {
	case WORKER_RESULT:
	case PROMISE_RESULT:
	case PROMISE_RUNNER:
		return WORD_RESULT;
	case WORKER_EXCEPTION:
	case PROMISE_EXCEPTION:
	case EXPIRER:
		return WORD_EXCEPTION;
	default:
		return WORD_CANCELLED;
	}
}

/* ---- the word ---- */

/* What an actor is about to do to the word, by where it is and what it is. */
static struct word_step transition(const struct world *world, unsigned who, uintptr_t word)
{
	const struct actor *actor = &world->actors[who];
	enum kind kind = company.kind[who];

	switch (actor->place) {
	case COMPLETE:
		return word_complete(word, outcome_of(kind));
	case PUBLISH:
		return word_publish(word, outcome_of(kind));
	case EXPIRE:
		return word_expire(word);
	case HOLD:
	case DETACH:
		return word_hold(word);
	case GIVE_BACK:
		return word_give_back(word, waiter_of(actor->chain));
	default:
		break;
	}
	switch (kind) {
	case EXPIRER:
		return word_hold_pending(word);
	case CANCELLER:
		return word_cancel(word);
	case ATTACHER:
	case DETACHER:
		return word_attach(word, &nodes[who]);
	case TAKER:
		return word_take(word);
	default:
		return word_set_running(word);
	}
}

/* The waiters of a word that is being completed: all that are attached, newest first. */
static void take_waiters(struct world *world, unsigned who, uintptr_t word)
{
	unsigned last = UINT8_MAX, attached = 0, taken = 0;

	world->actors[who].chain = (uint8_t)node_of(word_waiters(word));
	for (unsigned n = world->actors[who].chain; n; n = world->node[n].next, taken++) {
		check(world->node[n].owner == LISTED, "node %u is not attached", n);
		check(world->node[n].number < last, "the waiters are out of order");
		last = world->node[n].number;
		world->node[n].owner = COMPLETERS;
	}
	for (unsigned n = 1; n <= ACTORS_MOST; n++)
		attached += world->node[n].owner == LISTED;
	check(attached == 0, "%u waiters are lost, %u are not", attached, taken);
}

/* Who held LIST and who does now. */
static void change_holder(struct world *world, unsigned who, uintptr_t old, uintptr_t next)
{
	bool had = old & WORD_LIST, has = next & WORD_LIST;

	check(had == (world->holder != 0), "LIST is set, and nobody holds it, or the reverse");
	if (!had && has)
		world->holder = (uint8_t)(who + 1);
	else if (had && !has)
		check(world->holder == who + 1, "LIST was taken from its holder");
	if (had && has)
		check(word_waiters(old) == word_waiters(next), "the waiters changed under LIST");
	if (!has)
		world->holder = 0;
}

static void change_phase(struct world *world, unsigned who, uintptr_t old, uintptr_t next)
{
	unsigned me = who + 1;

	if (word_phase(old) == WORD_PENDING && word_phase(next) == WORD_RUNNING)
		world->ran = 1;
	if (word_phase(old) == WORD_RUNNING && word_phase(next) == WORD_RUNNING_ASKED)
		world->asked = 1;
	if (!word_is_done(next))
		return;
	check(!world->completer, "it was completed twice");
	world->completer = (uint8_t)me;
	if (company.kind[who] == CANCELLER)
		world->asked = 1;
	check(!(next & WORD_RAN) == !world->ran, "it is wrong about whether it ran");
	check(!(next & WORD_ASKED) == !world->asked, "it is wrong about whether it was asked");
	check(!(next & WORD_TAKEN), "it is born taken");
	check(!world->writer || world->writer == me, "completed while somebody else writes");
	check(word_outcome(next) == outcome_of(company.kind[who]), "it has another outcome");
	if (word_outcome(next) == WORD_RESULT)
		check(world->field[0] == me && world->field[1] == me, "the result is torn");
	if (word_outcome(next) == WORD_EXCEPTION)
		check(world->field[0] == me, "the exception is somebody else's");
	take_waiters(world, who, old);
}

static void apply(struct world *world, unsigned who, uintptr_t next)
{
	uintptr_t old = world->word;
	unsigned me = who + 1;

	check(word_phase(next) >= word_phase(old), "its phase went back");
	if (word_is_done(old)) {
		check(next == (old | WORD_TAKEN) && company.kind[who] == TAKER,
		      "something left done");
		check(!world->taken, "it was taken twice");
		world->taken = 1;
		world->word = next;
		return;
	}
	change_holder(world, who, old, next);
	change_phase(world, who, old, next);
	if (world->actors[who].place == PUBLISH || world->actors[who].place == EXPIRE ||
	    world->actors[who].place == COMPLETE)
		world->writer = 0;
	if (word_waiters(next) == &nodes[who] && world->actors[who].place == BEGIN) {
		world->node[me].next = (uint8_t)node_of(word_waiters(old));
		world->node[me].owner = LISTED;
		world->node[me].number = ++world->attached;
	}
	world->word = next;
}

static void touch(const struct world *world)
{
	check(!world->freed, "the future was touched after it was freed");
}

enum changed { GOING, STUCK, APPLIED, REFUSED };

/* A step of the compare-exchange loop in future.c. The word that was there stays in the actor. */
static enum changed change(struct world *world, unsigned who)
{
	struct actor *actor = &world->actors[who];
	struct word_step step;

	touch(world);
	if (actor->loaded) {
		step = transition(world, who, actor->word);
		if (step.action == WORD_WAIT && world->word == actor->word)
			return STUCK;
		if (step.action == WORD_APPLY && world->word == actor->word) {
			apply(world, who, step.next);
			actor->loaded = 0;
			return APPLIED;
		}
	}
	actor->word = world->word;
	actor->loaded = 1;
	if (transition(world, who, actor->word).action != WORD_REFUSE)
		return GOING;
	actor->loaded = 0;
	return REFUSED;
}

/* ---- the outcome's fields ---- */

static void write_field(struct world *world, unsigned who, unsigned field)
{
	unsigned me = who + 1;

	touch(world);
	check(!word_is_done(world->word), "the outcome was written after it was done");
	check(!world->writer || world->writer == me, "two write the outcome at once");
	world->writer = (uint8_t)me;
	world->field[field] = (uint8_t)me;
}

static void read_field(struct world *world, unsigned field)
{
	touch(world);
	if (word_outcome(world->word) == WORD_RESULT ||
	    (word_outcome(world->word) == WORD_EXCEPTION && field == 0))
		check(world->field[field] == world->completer, "a reader sees another outcome");
}

/* ---- the waiters ---- */

/* With the library's own function, on nodes that are nobody else's. */
static void reverse(struct world *world, struct actor *actor)
{
	for (unsigned n = actor->chain; n; n = world->node[n].next)
		waiter_of(n)->next = waiter_of(world->node[n].next);
	actor->chain = (uint8_t)node_of(chain_reverse(waiter_of(actor->chain)));
	for (unsigned n = actor->chain; n; n = node_of(waiter_of(n)->next))
		world->node[n].next = (uint8_t)node_of(waiter_of(n)->next);
}

static void notify_one(struct world *world, struct actor *actor)
{
	struct node *node = &world->node[actor->chain];

	check(node->owner == COMPLETERS, "a node that is not ours is notified");
	check(!node->notified, "a node is notified twice");
	check(node->number > world->last_notified, "a later one was notified before");
	world->last_notified = node->number;
	actor->chain = node->next;
	node->notified = 1;
	node->owner = CALLERS;
	node->next = 0;
}

/* True if the node was found and unlinked. */
static bool walk(struct world *world, unsigned who)
{
	struct actor *actor = &world->actors[who];
	unsigned me = who + 1, here;

	here = actor->before ? world->node[actor->before].next : actor->chain;
	check(here, "an attached node was not found");
	check(world->node[here].owner == LISTED, "a node that is not in the list is looked at");
	if (here != me) {
		actor->before = (uint8_t)here;
		return false;
	}
	if (actor->before)
		world->node[actor->before].next = world->node[me].next;
	else
		actor->chain = world->node[me].next;
	world->node[me].next = 0;
	world->node[me].owner = CALLERS;
	world->node[me].detached = 1;
	return true;
}

/* ---- the actors ---- */

static enum interleavings_step go(struct actor *actor, enum place place)
{
	actor->place = (uint8_t)place;
	return STEP_MOVED;
}

/* A change of the word leads to one place if it is applied and to another if not. */
static enum interleavings_step change_to(struct world *world, unsigned who, enum place applied,
					 enum place refused)
{
	switch (change(world, who)) {
	case STUCK:
		return STEP_STUCK;
	case APPLIED:
		return go(&world->actors[who], applied);
	case REFUSED:
		return go(&world->actors[who], refused);
	default:
		return STEP_MOVED;
	}
}

static enum interleavings_step begin(struct world *world, unsigned who)
{
	struct actor *actor = &world->actors[who];
	enum interleavings_step step;

	switch (company.kind[who]) {
	case WORKER_RESULT:
	case WORKER_EXCEPTION:
	case WORKER_CANCELLED:
		return change_to(world, who, LOOK_FOR_LIST, UNREF);
	case EXPIRER:
		return change_to(world, who, WRITE_EXPIRY, UNREF);
	case PROMISE_RESULT:
	case PROMISE_EXCEPTION:
	case PROMISE_CANCELLED:
		return go(actor, HOLD);
	case PROMISE_RUNNER:
		return change_to(world, who, HOLD, HOLD);
	case CANCELLER:
		step = change_to(world, who, REVERSE, UNREF);
		if (actor->place == REVERSE && word_phase(actor->word) != WORD_PENDING)
			actor->place = UNREF;
		return step;
	case ATTACHER:
		return change_to(world, who, AWAIT_NOTIFY, UNREF);
	case DETACHER:
		return change_to(world, who, DETACH, UNREF);
	case TAKER:
		return change_to(world, who, READ_FIRST, UNREF);
	default:
		touch(world);
		return go(actor, word_is_done(world->word) ? READ_FIRST : UNREF);
	}
}

/* The first write of an outcome, the second, or none. */
static enum place after_hold(unsigned who, enum place first, enum place none)
{
	return outcome_of(company.kind[who]) == WORD_CANCELLED ? none : first;
}

static enum place after_first(unsigned who, enum place second, enum place publish)
{
	return outcome_of(company.kind[who]) == WORD_RESULT ? second : publish;
}

static enum interleavings_step complete(struct world *world, unsigned who)
{
	struct actor *actor = &world->actors[who];

	switch (actor->place) {
	case LOOK_FOR_LIST:
		touch(world);
		if (world->word & WORD_LIST)
			return go(actor, HOLD);
		return go(actor, after_hold(who, WRITE_FIRST, COMPLETE));
	case WRITE_FIRST:
		write_field(world, who, 0);
		return go(actor, after_first(who, WRITE_SECOND, COMPLETE));
	case WRITE_SECOND:
		write_field(world, who, 1);
		return go(actor, COMPLETE);
	case COMPLETE:
		return change_to(world, who, REVERSE, END);
	case HOLD:
		return change_to(world, who, after_hold(who, WRITE_HELD_FIRST, PUBLISH), UNREF);
	case WRITE_HELD_FIRST:
		write_field(world, who, 0);
		return go(actor, after_first(who, WRITE_HELD_SECOND, PUBLISH));
	case WRITE_HELD_SECOND:
		write_field(world, who, 1);
		return go(actor, PUBLISH);
	case PUBLISH:
		return change_to(world, who, REVERSE, END);
	case WRITE_EXPIRY:
		write_field(world, who, 0);
		return go(actor, EXPIRE);
	default: {
		enum interleavings_step step = change_to(world, who, REVERSE, END);

		if (actor->place == REVERSE && word_phase(actor->word) != WORD_PENDING)
			actor->place = UNREF;
		return step;
	}
	}
}

static enum interleavings_step detach(struct world *world, unsigned who)
{
	struct actor *actor = &world->actors[who];
	enum interleavings_step step;

	switch (actor->place) {
	case DETACH:
		step = change_to(world, who, WALK, AWAIT_NOTIFY);
		if (actor->place == WALK) {
			actor->chain = (uint8_t)node_of(word_waiters(actor->word));
			actor->before = 0;
		}
		return step;
	case WALK:
		return go(actor, walk(world, who) ? GIVE_BACK : WALK);
	default:
		return change_to(world, who, UNREF, END);
	}
}

static enum interleavings_step step(void *state, unsigned who)
{
	struct world *world = state;
	struct actor *actor = &world->actors[who];

	switch (actor->place) {
	case BEGIN:
		return begin(world, who);
	case REVERSE:
		reverse(world, actor);
		return go(actor, actor->chain ? NOTIFY : UNREF);
	case NOTIFY:
		notify_one(world, actor);
		return go(actor, actor->chain ? NOTIFY : UNREF);
	case DETACH:
	case WALK:
	case GIVE_BACK:
		return detach(world, who);
	case AWAIT_NOTIFY:
		if (!world->node[who + 1].notified)
			return STEP_STUCK;
		return go(actor, UNREF);
	case READ_FIRST:
		read_field(world, 0);
		return go(actor, READ_SECOND);
	case READ_SECOND:
		read_field(world, 1);
		return go(actor, UNREF);
	case UNREF:
		touch(world);
		return go(actor, --world->refs ? END : DESTROY);
	case DESTROY:
		touch(world);
		world->disposed = word_is_done(world->word) &&
				  word_outcome(world->word) == WORD_RESULT &&
				  !(world->word & WORD_TAKEN);
		world->freed = 1;
		return go(actor, END);
	case END:
		check(!actor->loaded, "a change of the holder of LIST was refused");
		return STEP_ENDED;
	default:
		return complete(world, who);
	}
}

static void finish(const void *state)
{
	const struct world *world = state;

	check(world->completer, "nobody completed it");
	check(world->freed && !world->refs, "it was not freed");
	check(!world->holder, "LIST is still held");
	for (unsigned who = 0; who < company.count; who++) {
		const struct node *node = &world->node[who + 1];

		if (node->number)
			check(node->notified + node->detached == 1,
			      "waiter %u was notified %d times and detached %d times", who,
			      node->notified, node->detached);
		else
			check(!node->notified, "waiter %u was never attached", who);
	}
	check(world->taken + world->disposed == (word_outcome(world->word) == WORD_RESULT),
	      "the result was taken %d times and disposed of %d times", world->taken,
	      world->disposed);
}

/* ---- companies ---- */

static uint64_t companies, states;
static double count;

static bool is_promises(enum kind kind)
{
	return kind >= PROMISE_RESULT && kind <= PROMISE_RUNNER;
}

/* One worker at most; a job's and a promise's do not meet; somebody completes it. */
static bool can_meet(void)
{
	unsigned workers = 0, jobs = 0, promises = 0, completers = 0;

	for (unsigned i = 0; i < company.count; i++) {
		enum kind kind = company.kind[i];

		workers += kind <= WORKER_CANCELLED;
		jobs += kind <= EXPIRER;
		promises += is_promises(kind);
		completers += kind <= CANCELLER;
	}
	return workers <= 1 && !(jobs && promises) && completers;
}

static void meet(bool told)
{
	struct interleavings all = { .size = sizeof(struct world), .actors = company.count,
				     .step = step, .finish = finish };
	struct world first;

	if (!can_meet())
		return;
	memset(&first, 0, sizeof(first));
	first.refs = (uint8_t)company.count;
	interleavings_explore(&all, &first);
	companies++;
	states += all.states;
	count += all.count;
	if (!told)
		return;
	printf("%10" PRIu64 " states %9.3g interleavings:", all.states, all.count);
	for (unsigned i = 0; i < company.count; i++)
		printf(" %s", names[company.kind[i]]);
	printf("\n");
}

/* Every company of that size, whatever the order. */
static void meet_all(unsigned size, unsigned filled, unsigned from)
{
	if (filled == size) {
		company.count = size;
		meet(false);
		return;
	}
	for (unsigned kind = from; kind < KINDS; kind++) {
		company.kind[filled] = (enum kind)kind;
		meet_all(size, filled + 1, kind);
	}
}

static const struct {
	unsigned count;
	enum kind kind[ACTORS_MOST];
} chosen[] = {
	{ 4, { WORKER_RESULT, CANCELLER, ATTACHER, DETACHER } },
	{ 4, { WORKER_RESULT, EXPIRER, ATTACHER, DETACHER } },
	{ 4, { WORKER_RESULT, EXPIRER, CANCELLER, DETACHER } },
	{ 4, { WORKER_EXCEPTION, EXPIRER, EXPIRER, CANCELLER } },
	{ 4, { WORKER_RESULT, EXPIRER, DETACHER, READER } },
	{ 4, { WORKER_CANCELLED, CANCELLER, CANCELLER, DETACHER } },
	{ 4, { WORKER_RESULT, DETACHER, DETACHER, DETACHER } },
	{ 4, { PROMISE_RESULT, PROMISE_EXCEPTION, ATTACHER, DETACHER } },
	{ 4, { PROMISE_RESULT, PROMISE_RESULT, TAKER, READER } },
	{ 4, { PROMISE_RESULT, CANCELLER, DETACHER, DETACHER } },
	{ 4, { PROMISE_RUNNER, PROMISE_EXCEPTION, CANCELLER, DETACHER } },
	{ 4, { PROMISE_RUNNER, PROMISE_CANCELLED, CANCELLER, ATTACHER } },
	{ 4, { PROMISE_RESULT, TAKER, TAKER, TAKER } },
	{ 4, { PROMISE_RUNNER, CANCELLER, TAKER, READER } },
	{ 5, { WORKER_RESULT, CANCELLER, ATTACHER, ATTACHER, ATTACHER } },
	{ 5, { WORKER_RESULT, CANCELLER, EXPIRER, ATTACHER, TAKER } },
};

int main(int argc, char **argv)
{
	struct program program = program_begin(argc, argv, "every interleaving of a future's users",
					       3 * PROGRAM_SLOW, 4);

	/* --count is the size up to which all companies meet; chance has no part in this. */
	for (unsigned size = 1; size <= (unsigned)program.count && size <= ACTORS_MOST; size++)
		meet_all(size, 0, 0);
	printf("%10" PRIu64 " states %9.3g interleavings: all %" PRIu64 " companies up to %ld\n",
	       states, count, companies, program.count);
	for (size_t i = 0; i < sizeof(chosen) / sizeof(*chosen); i++) {
		company.count = chosen[i].count;
		memcpy(company.kind, chosen[i].kind, sizeof(company.kind));
		meet(true);
	}
	printf("%10" PRIu64 " states %9.3g interleavings in all: no harm in any of them\n", states,
	       count);
	return 0;
}
