/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * E3: the n-th allocation fails, in the library or in the headers. What was being done is told as
 * std::bad_alloc or ENOMEM, every callable, result and coroutine still dies once, and nothing of
 * the library's is left. Linked to the library of the seam (docs/testing.md).
 */
#include "stage.hpp"
#include "tap.hpp"

extern "C" {
#include "../seam/faults.h"
}
#include <functional>

namespace faults
{

using namespace std::chrono_literals;
using ferry::task;

/* What is done, in a world that is made for it and goes with it. */
struct world {
	census callables, results;
	drained_pool pool;
	ferry::loop loop;
};

/* Has it been told that there is no memory? Nothing else may go wrong. */
static bool is_refused(const std::function<void(world &)> &act, world &world)
{
	try {
		act(world);
		world.loop.run();
		return false;
	} catch (const std::bad_alloc &) {
		return true;
	} catch (const ferry::error &error) {
		CHECK(error.nearest_errno() == ENOMEM);
		return true;
	}
}

/* With the n-th failing, from the first on, until none does; once with one, and once with all that
 * come after it. How many times something failed. */
static int try_all(const std::function<void(world &)> &act, bool is_in_library)
{
	int failures = 0;

	for (bool is_persistent : { false, true })
		for (int n = 1, failed = 1; failed; n++) {
			long memory = fault_memory(), descriptors = fault_descriptors();
			census *callables, *results;
			bool is_told;

			CHECK(n < 1000);
			{
				world world;

				callables = &world.callables;
				results = &world.results;
				if (is_in_library) {
					fault_begin(FAULT_MEMORY, static_cast<unsigned>(n), -ENOMEM,
						    is_persistent);
					is_told = is_refused(act, world);
					failed = static_cast<int>(fault_end());
				} else {
					memory_left = n - 1;
					is_told = is_refused(act, world);
					failed = memory_left < 0;
					memory_left = -1;
				}
				/* What was told was so; what was not was made good. */
				CHECK(!is_told || failed);
				/* In this order: what is inside may borrow from a coroutine. */
				world.pool.pool.shutdown();
				world.loop.close();
				CHECK(callables->alive == 0 && results->alive == 0);
			}
			/* The last worker frees its pool when the shutdown has returned. */
			while (fault_memory() != memory)
				sched_yield();
			CHECK(fault_descriptors() == descriptors);
			failures += failed;
		}
	return failures;
}

static void without_memory_anywhere(const std::function<void(world &)> &act)
{
	CHECK(try_all(act, true) > 0);
	CHECK(try_all(act, false) > 0);
}

TEST(E3_of_an_offload)
{
	without_memory_anywhere([](world &world) {
		auto local =
			ferry::offload(world.loop, world.pool, [&, held = living(world.callables)] {
				return living(world.results);
			});

		CHECK(world.loop.run(local));
	});
}

TEST(E3_of_a_future_and_a_promise)
{
	without_memory_anywhere([](world &world) {
		auto submitted = world.pool.pool.submit(
			[&, held = living(world.callables)] { return living(world.results); });
		ferry::promise<living> promise;
		auto promised = promise.get_future();

		promise.set_value(world.results);
		CHECK(world.loop.run(ferry::wrap(world.loop, promised)));
		CHECK(world.loop.run(ferry::wrap(world.loop, submitted)));
	});
}

/* One that is done. */
static ferry::local<> made_local(ferry::loop &loop)
{
	ferry_local *made = nullptr;

	ferry::detail::check(ferry_local_new(loop, &made));
	ferry_local_cancel(made);
	return ferry::local<>(made);
}

TEST(E3_of_calls)
{
	without_memory_anywhere([](world &world) {
		auto local = ferry::offload(world.loop, world.pool, [] { return 5; });

		world.loop.call_soon([held = living(world.callables)] {});
		world.loop.call_at(0ns, [held = living(world.callables)] {});
		world.loop.handle().call_soon([held = living(world.callables)] {});
		world.loop.when_done(std::move(local),
				     [held = living(world.callables)](ferry::local<int> &) {});
		/* Those that are done have no place of their own for what is to be called. */
		ferry::local<> done = made_local(world.loop);
		for (int i = 0; i < 3; i++)
			world.loop.when_done(ferry::local<>(ferry_local_ref(done.native_handle())),
					     [held = living(world.callables)](ferry::local<> &) {});
	});
}

static task<living> works(world &world)
{
	living held(world.callables);
	auto function = [&, more = living(world.callables)] { return living(world.results); };

	co_return co_await ferry::offload(world.pool.pool, std::ref(function));
}

static task<> throws_late(world &world)
{
	living held(world.callables);

	co_await ferry::sleep(0ns);
	throw std::out_of_range("beyond");
}

/* One that has no memory for what it throws fails with that. */
static task<> catches(world &world)
{
	try {
		co_await throws_late(world);
	} catch (const std::out_of_range &) {
	}
}

TEST(E3_of_tasks)
{
	without_memory_anywhere([](world &world) {
		auto begun = works(world).begin(world.loop, { .name = "begun", .context = &world });

		ferry::spawn(world.loop, works(world), { .name = "spawned" });
		CHECK(world.loop.run(works(world)));
		world.loop.run(catches(world));
		CHECK(world.loop.run(begun));
	});
}

TEST(E3_of_groups_and_deadlines)
{
	without_memory_anywhere([](world &world) {
		auto body = [&](ferry::group &group) -> task<> {
			group.begin(works(world));
			group.begin(catches(world));
			co_await ferry::timeout(1h, works(world));
		};
		std::vector<task<living>> tasks;

		world.loop.run(ferry::all(works(world), catches(world)));
		world.loop.run(ferry::with_group(body));
		tasks.push_back(works(world));
		tasks.push_back(works(world));
		world.loop.run(ferry::any(std::move(tasks)));
	});
}

static task<blocking_living> gives_blocking(world &world)
{
	co_return blocking_living(world.results);
}

TEST(E3_of_tasks_that_are_submitted)
{
	without_memory_anywhere([](world &world) {
		auto first = ferry::submit(world.loop, works(world));
		auto second = ferry::submit(world.loop, gives_blocking(world), world.pool);

		CHECK(world.loop.run(ferry::wrap(world.loop, first)));
		CHECK(world.loop.run(ferry::wrap(world.loop, second)));
	});
}

TEST(E3_of_file_calls)
{
	auto act = [](world &world) {
		auto root =
			world.loop.run(ferry::fs::open_root(world.loop, world.pool, "/proc/self"));
		auto bytes = world.loop.run(ferry::fs::read_file(world.loop, world.pool, "status",
								 1 << 20, root.below()));

		CHECK(bytes.size() > 0);
	};

	CHECK(try_all(act, true) > 0);
}

TEST(E3_of_what_is_thrown)
{
	std::exception_ptr thrown = std::make_exception_ptr(std::out_of_range("beyond"));
	ferry::detail::error_reference error;

	fault_begin(FAULT_MEMORY, 1, -ENOMEM, false);
	error = ferry::detail::error_reference::take(ferry::to_error(thrown));
	CHECK(fault_end() == 1 && error.get() == ferry_error_from_errno(ENOMEM));
	fault_begin(FAULT_MEMORY, 1, -ENOMEM, false);
	CHECK_THROWS(ferry::error("parser", 3, "a bracket is missing"), std::bad_alloc);
	CHECK(fault_end() == 1);
}

} // namespace faults
