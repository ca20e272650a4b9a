/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * C++20's coroutines as a contestant, as somebody would write them by hand who wants them
 * fast: eager tasks, a ready list through nodes in the frames, and nothing else. There is no
 * cancelling, no exception and no listing of them.
 */
#include "measure.h"
#include "peers.h"

#include <coroutine>
#include <cstdlib>
#include <exception>
#include <new>
#include <vector>

namespace
{

/* ---- the ready list ---- */

struct node {
	node *next;
	std::coroutine_handle<> handle;
};

struct ready_list {
	node *first = nullptr, *last = nullptr;

	void append(node *added)
	{
		added->next = nullptr;
		(last ? last->next : first) = added;
		last = added;
	}

	void run()
	{
		while (first) {
			node *taken = first;

			first = taken->next;
			if (!first)
				last = nullptr;
			taken->handle.resume();
		}
	}
};

ready_list ready;

struct one_turn {
	node self;

	bool await_ready()
	{
		return false;
	}
	void await_suspend(std::coroutine_handle<> handle)
	{
		self.handle = handle;
		ready.append(&self);
	}
	void await_resume()
	{
	}
};

/* Those who wait are woken in order, by way of the ready list. */
struct event {
	bool is_set = false;
	ready_list waiting;

	struct waiter {
		event *of;
		node self;

		bool await_ready()
		{
			return of->is_set;
		}
		void await_suspend(std::coroutine_handle<> handle)
		{
			self.handle = handle;
			of->waiting.append(&self);
		}
		void await_resume()
		{
		}
	};

	waiter operator co_await()
	{
		return waiter{ this, {} };
	}

	void set()
	{
		is_set = true;
		if (!waiting.first)
			return;
		(ready.last ? ready.last->next : ready.first) = waiting.first;
		ready.last = waiting.last;
		waiting.first = waiting.last = nullptr;
	}
};

/* ---- where frames are ---- */

struct from_malloc {
};

/* In one process only frames of one function are here, so that all have the same size. */
struct from_list {
	static inline void *free_frames = nullptr;

	static void *operator new(std::size_t bytes)
	{
		void *frame = free_frames;

		if (!frame)
			return ::operator new(bytes);
		free_frames = *static_cast<void **>(frame);
		return frame;
	}
	static void operator delete(void *frame, std::size_t)
	{
		*static_cast<void **>(frame) = free_frames;
		free_frames = frame;
	}
};

/* ---- tasks ---- */

/* Counts children; the last one to end resumes who waits. */
struct group {
	std::size_t left;
	std::coroutine_handle<> waiter = nullptr;

	bool await_ready()
	{
		return left == 0;
	}
	void await_suspend(std::coroutine_handle<> handle)
	{
		waiter = handle;
	}
	void await_resume()
	{
	}
};

template <typename memory> class task
{
      public:
	struct promise_type : memory {
		unsigned result = 0;
		struct group *group = nullptr;
		std::coroutine_handle<> waiter = nullptr;

		struct ending {
			bool await_ready() noexcept
			{
				return false;
			}
			std::coroutine_handle<>
			await_suspend(std::coroutine_handle<promise_type> handle) noexcept
			{
				promise_type &self = handle.promise();

				if (self.group && --self.group->left == 0 && self.group->waiter)
					return self.group->waiter;
				if (self.waiter)
					return self.waiter;
				return std::noop_coroutine();
			}
			void await_resume() noexcept
			{
			}
		};

		promise_type() = default;
		/* Of a function whose first argument is a group. */
		template <typename... others>
		explicit promise_type(struct group *its, others &&...) : group(its)
		{
		}

		task get_return_object()
		{
			return task(std::coroutine_handle<promise_type>::from_promise(*this));
		}
		std::suspend_never initial_suspend() noexcept
		{
			return {};
		}
		ending final_suspend() noexcept
		{
			return {};
		}
		void return_value(unsigned value)
		{
			result = value;
		}
		void unhandled_exception()
		{
			std::terminate();
		}
	};

	task() = default;
	explicit task(std::coroutine_handle<promise_type> its) : handle(its)
	{
	}
	task(task &&other) noexcept : handle(other.handle)
	{
		other.handle = nullptr;
	}
	task &operator=(task &&other) noexcept
	{
		std::swap(handle, other.handle);
		return *this;
	}
	~task()
	{
		if (handle)
			handle.destroy();
	}

	bool done() const
	{
		return handle.done();
	}
	unsigned result() const
	{
		return handle.promise().result;
	}

	bool await_ready() const
	{
		return handle.done();
	}
	void await_suspend(std::coroutine_handle<> waiter)
	{
		handle.promise().waiter = waiter;
	}
	unsigned await_resume() const
	{
		return handle.promise().result;
	}

      private:
	std::coroutine_handle<promise_type> handle = nullptr;
};

/* Those that begin others lie on the heap, whatever the others do. */
using parent = task<from_malloc>;

struct side {
	const peer_task *how;
	uint64_t sum;
};

void finish(const parent &parent)
{
	ready.run();
	if (!parent.done())
		measure_fail("a coroutine did not end");
}

/* ---- children ---- */

template <typename memory> task<memory> child(group *, bool suspends)
{
	if (suspends)
		co_await one_turn{};
	co_return PEER_RESULT;
}

template <typename memory> parent begin_children(side *side, uint64_t batches)
{
	std::vector<task<memory>> children(PEER_BATCH);

	for (; batches; batches--) {
		group group{ PEER_BATCH };

		co_await one_turn{};
		for (unsigned i = 0; i < PEER_BATCH; i++)
			children[i] = child<memory>(&group, i % 10 < side->how->number);
		co_await group;
		for (unsigned i = 0; i < PEER_BATCH; i++) {
			side->sum += children[i].result();
			children[i] = task<memory>();
		}
	}
	co_return 0;
}

template <typename memory> parent call_children(side *side, uint64_t calls)
{
	for (; calls; calls--)
		side->sum += co_await child<memory>(nullptr, false);
	co_return 0;
}

template <typename memory> void run_children(side *side, uint64_t operations)
{
	side->sum = 0;
	if (side->how->shape == PEER_CHILDREN)
		finish(begin_children<memory>(side, operations / PEER_BATCH));
	else
		finish(call_children<memory>(side, operations));
	if (side->sum != operations * PEER_RESULT)
		measure_fail("children were lost");
}

/* ---- ping-pong ---- */

struct player {
	event mine;
	uint64_t switches = 0;
};

template <typename memory> task<memory> play(player *player, event *others, uint64_t left)
{
	for (; left; left--) {
		co_await player->mine;
		player->switches++;
		player->mine.is_set = false;
		others->set();
	}
	co_return 0;
}

template <typename memory> void run_pairs(side *side, uint64_t operations)
{
	std::size_t count = 2 * std::size_t(side->how->number);
	std::vector<player> players(count);
	std::vector<task<memory>> tasks(count);
	uint64_t sum = 0;

	for (std::size_t i = 0; i < count; i++)
		tasks[i] = play<memory>(&players[i], &players[i ^ 1].mine, operations / count);
	for (std::size_t i = 0; i < count; i += 2)
		players[i].mine.set();
	ready.run();
	for (std::size_t i = 0; i < count; i++)
		sum += players[i].switches;
	if (sum != operations)
		measure_fail("switches were lost");
}

template <typename memory> void run(side *side, uint64_t operations)
{
	if (side->how->shape == PEER_PING_PONG)
		run_pairs<memory>(side, operations);
	else
		run_children<memory>(side, operations);
}

/* ---- many that are suspended ---- */

template <typename memory> task<memory> sleep(event *gate)
{
	co_await *gate;
	co_return PEER_RESULT;
}

template <typename memory> struct sleepers_side {
	unsigned count;
	task<memory> *tasks;
	event gate;
};

template <typename memory> void *open_sleepers(ferry_loop *, unsigned count)
{
	auto *side = new sleepers_side<memory>{ count, nullptr, {} };

	/* All-zero: without a coroutine. */
	side->tasks = static_cast<task<memory> *>(std::calloc(count, sizeof(task<memory>)));
	if (!side->tasks)
		measure_fail("out of memory");
	return side;
}

template <typename memory> void create_sleepers(void *opened)
{
	auto *side = static_cast<sleepers_side<memory> *>(opened);

	side->gate.is_set = false;
	for (unsigned i = 0; i < side->count; i++)
		side->tasks[i] = sleep<memory>(&side->gate);
}

template <typename memory> void end_sleepers(void *opened)
{
	auto *side = static_cast<sleepers_side<memory> *>(opened);
	uint64_t sum = 0;

	side->gate.set();
	ready.run();
	for (unsigned i = 0; i < side->count; i++) {
		sum += side->tasks[i].result();
		side->tasks[i] = task<memory>();
	}
	if (sum != uint64_t(side->count) * PEER_RESULT)
		measure_fail("coroutines were lost");
}

template <typename memory> void close_sleepers(void *opened)
{
	auto *side = static_cast<sleepers_side<memory> *>(opened);

	std::free(side->tasks);
	delete side;
}

} // namespace

/* ---- for C ---- */

void *peer_coroutines_open(ferry_loop *, const void *how)
{
	return new side{ static_cast<const peer_task *>(how), 0 };
}

void peer_coroutines_run(void *opened, uint64_t operations)
{
	side *its = static_cast<side *>(opened);

	if (its->how->from_list)
		run<from_list>(its, operations);
	else
		run<from_malloc>(its, operations);
}

void peer_coroutines_close(void *opened)
{
	delete static_cast<side *>(opened);
}

const struct sleepers peer_coroutines_sleepers = {
	open_sleepers<from_malloc>,
	create_sleepers<from_malloc>,
	end_sleepers<from_malloc>,
	close_sleepers<from_malloc>,
};

const struct sleepers peer_coroutines_list_sleepers = {
	open_sleepers<from_list>,
	create_sleepers<from_list>,
	end_sleepers<from_list>,
	close_sleepers<from_list>,
};
