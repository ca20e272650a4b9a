/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loops that are closed while coroutines wait: each is destroyed once, where it waits, on the
 * loop's thread, and children before what they borrow. Every way to wait, owned in every way.
 */
#include "stage.hpp"
#include "tap.hpp"

#include <memory>
#include <vector>

namespace closes
{

using namespace std::chrono_literals;
using ferry::task;

/* What outlives the loop. */
struct world {
	census bodies, borrowed, results;
	int wrong = 0; /* bodies that found what they borrowed gone */
	drained_pool pool;
	tap::gate inside, leave;
};

/* Lies in a body; looks, as it goes, whether what is outside of it is still there. */
class guest
{
      public:
	guest(world &of, const int &host) : of_(of), host_(host), held_(of.bodies)
	{
	}

	~guest()
	{
		of_.wrong += host_ != 42;
	}

      private:
	world &of_;
	const int &host_;
	living held_;
};

/* Is 42 while it is there. */
class host
{
      public:
	explicit host(world &of) : held_(of.borrowed)
	{
	}

	~host()
	{
		value = 0;
	}

	int value = 42;

      private:
	living held_;
};

struct hall {
	explicit hall(world &of) : of(of)
	{
		CHECK(ferry_event_init(&event, loop) == 0);
		CHECK(ferry_lock_init(&lock, loop) == 0);
	}

	world &of;
	ferry::loop loop;
	ferry_event event;
	ferry_lock lock;
};

static task<> waits_for_event(hall &hall, const int &outside)
{
	guest guest(hall.of, outside);

	co_await hall.event;
}

/* ---- ways to wait ---- */

static task<> at_an_event(hall &hall)
{
	host host(hall.of);
	guest guest(hall.of, host.value);

	co_await hall.event;
}

static task<> asleep(hall &hall)
{
	host host(hall.of);
	guest guest(hall.of, host.value);

	co_await ferry::sleep(1h);
}

static task<> a_turn(hall &hall)
{
	host host(hall.of);
	guest guest(hall.of, host.value);

	co_await ferry::yield();
}

static task<> for_a_child(hall &hall)
{
	host host(hall.of);

	co_await waits_for_event(hall, host.value);
}

static task<> for_a_begun_one(hall &hall)
{
	host host(hall.of);
	task<> begun = waits_for_event(hall, host.value);

	begun.begin(hall.loop);
	co_await ferry::shield(begun);
}

static task<> for_a_function(hall &hall)
{
	host host(hall.of);
	guest guest(hall.of, host.value);

	/* Not one that borrows from here: where the loop may be closed none may. */
	co_await ferry::offload(hall.of.pool.pool, [&of = hall.of] {
		of.inside.open();
		of.leave.wait();
		return living(of.results);
	});
}

static task<> for_one_that_is_done(hall &hall)
{
	host host(hall.of);
	guest guest(hall.of, host.value);
	ferry::promise<living> promise;
	auto future = promise.get_future();

	promise.set_value(hall.of.results);
	ferry::local<living> local = ferry::wrap(hall.loop, future);
	co_await local;
}

static task<> for_all(hall &hall)
{
	host host(hall.of);

	co_await ferry::all(waits_for_event(hall, host.value), waits_for_event(hall, host.value));
}

static task<> with_a_group(hall &hall)
{
	host host(hall.of);
	guest guest(hall.of, host.value);

	co_await ferry::with_group([&](ferry::group &group) -> task<> {
		for (int i = 0; i < 3; i++)
			group.begin(waits_for_event(hall, host.value));
		co_await waits_for_event(hall, host.value);
	});
}

static task<> with_groups_in_groups(hall &hall)
{
	host host(hall.of);

	co_await ferry::with_group([&](ferry::group &group) -> task<> {
		group.begin(with_a_group(hall));
		group.begin(for_all(hall));
		group.begin(for_a_child(hall));
		co_return;
	});
}

static task<> within_a_deadline(hall &hall)
{
	host host(hall.of);

	co_await ferry::timeout(1h, waits_for_event(hall, host.value));
}

static task<> for_a_lock(hall &hall)
{
	host host(hall.of);
	guest guest(hall.of, host.value);

	co_await ferry_lock_acquire(&hall.lock);
	co_await ferry_lock_acquire(&hall.lock); /* in vain: it has it */
}

static task<> for_its_turn(hall &hall)
{
	host host(hall.of);
	guest guest(hall.of, host.value);
	std::vector<task<>> tasks;

	for (int i = 0; i < 3; i++)
		tasks.push_back(waits_for_event(hall, host.value));
	co_await ferry::all(std::move(tasks), 1);
}

static task<> as_it_cleans_up(hall &hall)
{
	host host(hall.of);
	guest guest(hall.of, host.value);

	try {
		ferry_task_cancel(co_await ferry::this_task());
		co_await hall.event;
	} catch (const ferry::cancelled &) {
	}
	co_await hall.event;
}

static task<> woken(hall &hall)
{
	host host(hall.of);
	guest guest(hall.of, host.value);
	ferry_event event;

	CHECK(ferry_event_init(&event, hall.loop) == 0);
	hall.loop.call_soon([&event, &hall] {
		ferry_event_set(&event);
		hall.loop.stop();
	});
	co_await event;
}

static const struct way {
	const char *name;
	task<> (*wait)(hall &hall);
	bool has_function;
} ways[] = {
	{ "at an event", at_an_event, false },
	{ "asleep", asleep, false },
	{ "a turn", a_turn, false },
	{ "for a child", for_a_child, false },
	{ "for a begun one", for_a_begun_one, false },
	{ "for a function", for_a_function, true },
	{ "for one that is done", for_one_that_is_done, false },
	{ "for all", for_all, false },
	{ "with a group", with_a_group, false },
	{ "with groups in groups", with_groups_in_groups, false },
	{ "within a deadline", within_a_deadline, false },
	{ "for a lock", for_a_lock, false },
	{ "for its turn", for_its_turn, false },
	{ "as it cleans up", as_it_cleans_up, false },
	{ "woken", woken, false },
};

/* ---- who owns it ---- */

enum class owner { nobody, outlives, drops_before, a_child, lazy, deferred, submitted, last };

static task<> has_a_child(hall &hall, const way &way)
{
	host host(hall.of);

	co_await way.wait(hall);
}

/* One life: what was built has died, once, and here. */
static bool is_closed_well(const way &way, owner owner)
{
	world world;
	task<> kept;
	ferry::future<> future;
	bool is_begun = owner != owner::lazy && owner != owner::deferred, ends_early = false;

	{
		hall hall(world);

		switch (owner) {
		case owner::nobody:
			ferry::spawn(hall.loop, way.wait(hall));
			break;
		case owner::outlives:
			kept = way.wait(hall).begin(hall.loop);
			break;
		case owner::drops_before:
			kept = way.wait(hall).begin(hall.loop);
			break; /* below, when its function runs */
		case owner::a_child:
			ferry::spawn(hall.loop, has_a_child(hall, way));
			break;
		case owner::lazy:
			kept = way.wait(hall).begin(hall.loop, { .start = FERRY_START_LAZY });
			break;
		case owner::deferred:
			kept = way.wait(hall).begin(hall.loop, { .start = FERRY_START_DEFERRED });
			break;
		default:
			future = ferry::submit(hall.loop, way.wait(hall));
			hall.loop.run_once(0ns);
			break;
		}
		if (way.wait == woken)
			hall.loop.run_once(0ns);
		if (way.has_function && is_begun)
			world.inside.wait();
		if (owner == owner::drops_before)
			kept = {};
		/* It may have ended: then it was not closed on, and that is all right. */
		ends_early = world.bodies.alive == 0;
	}
	world.leave.open();
	world.pool.pool.shutdown();
	if (world.wrong || world.bodies.alive || world.borrowed.alive || world.results.alive)
		return false;
	if (is_begun && (!world.bodies.died || !pthread_equal(world.bodies.by, pthread_self())))
		return false;
	if (kept && !ends_early && !kept.is_cancelled())
		return false;
	return !future || future.is_done();
}

TEST(L3_T7_whatever_it_waits_for_and_whoever_owns_it_it_is_destroyed_once)
{
	for (const way &way : ways)
		for (int i = 0; i < static_cast<int>(owner::last); i++)
			if (!is_closed_well(way, static_cast<owner>(i))) {
				std::fprintf(stderr, "%s, owner %d\n", way.name, i);
				CHECK(!"it was destroyed once, and here, before what it borrows");
			}
}

/* A handle that lies in a body is let go of there: what it owns goes by its own hook. */
static task<> owns_many(hall &hall)
{
	std::vector<task<>> many;

	for (const way &way : ways)
		if (!way.has_function && way.wait != woken)
			many.push_back(way.wait(hall).begin(hall.loop));
	co_await hall.event;
}

TEST(L3_what_a_body_owns_goes_with_it)
{
	world world;

	{
		hall hall(world);

		ferry::spawn(hall.loop, owns_many(hall));
		ferry::spawn(hall.loop, owns_many(hall));
		CHECK(world.bodies.alive > 0);
	}
	CHECK(world.bodies.alive == 0 && world.borrowed.alive == 0 && world.wrong == 0);
}

/* ---- groups that failed ---- */

static task<> fails_with(std::shared_ptr<living> what)
{
	co_await ferry::yield();
	throw what;
}

TEST(F7_what_a_group_failed_with_goes_with_a_loop_that_is_closed_before_anybody_saw_it)
{
	census census;

	for (int turns = 0; turns < 8; turns++) {
		ferry::loop_options options;

		options.budget = 1;
		ferry::loop loop(options);
		auto all = ferry::all(fails_with(std::make_shared<living>(census))).begin(loop);

		for (int i = 0; i < turns; i++)
			loop.run_once(0ns);
		loop.close();
		CHECK(all.is_done());
		all = {};
		CHECK(census.alive == 0);
	}
}

static task<> calls_the_loop(hall &hall, int &refused)
{
	struct caller {
		~caller()
		{
			try {
				hall.loop.call_soon([] {});
			} catch (const ferry::error &error) {
				refused = error.nearest_errno();
			}
			ferry::task<> late = at_an_event(hall);

			late.begin(hall.loop);
			if (!late.is_done())
				refused = -1;
		}

		struct hall &hall;
		int &refused;
	} caller{ hall, refused };

	co_await hall.event;
}

TEST(L3_what_is_destroyed_then_is_refused_whatever_it_asks_of_the_loop)
{
	world world;
	int refused = 0;

	{
		hall hall(world);

		ferry::spawn(hall.loop, calls_the_loop(hall, refused));
	}
	CHECK(refused == ESHUTDOWN && world.bodies.alive == 0);
}

TEST(a_loop_is_not_closed_by_a_coroutine_of_its_own)
{
	ferry::loop loop;
	auto closes = [](ferry::loop &loop) -> task<> {
		loop.close();
		co_return;
	};

	CHECK_ERRNO(loop.run(closes(loop)), EBUSY);
}

} // namespace closes
