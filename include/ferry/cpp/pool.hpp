/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_CPP_POOL_HPP
#define FERRY_CPP_POOL_HPP
/*
 * Pools and lanes.
 */
#include <ferry/cpp/future.hpp>
#include <ferry/pool.h>

namespace ferry
{

/** Options of a pool, all at their defaults. */
struct pool_options : ferry_pool_options {
	pool_options() noexcept : ferry_pool_options FERRY_POOL_OPTIONS_INIT
	{
	}
};

/** Options of a lane, all at their defaults. */
struct lane_options : ferry_lane_options {
	lane_options() noexcept : ferry_lane_options FERRY_LANE_OPTIONS_INIT
	{
	}
};

/**
 * A worker pool. It goes where a ferry_pool * is wanted. The destructor cancels what is queued and
 * waits for nothing, as P5 has it: a function that still runs keeps what it was given, and nothing
 * else; one that borrows needs a shutdown() first.
 */
class pool
{
      public:
	explicit pool(const pool_options &options = {})
	{
		detail::check(ferry_pool_new(&options, &pool_));
	}

	pool(pool &&other) noexcept : pool_(std::exchange(other.pool_, nullptr))
	{
	}

	pool &operator=(pool &&other) noexcept
	{
		std::swap(pool_, other.pool_);
		return *this;
	}

	~pool()
	{
		ferry_pool_free(pool_);
	}

	/**
	 * Has a worker call a function, without arguments, of which only the pool has a copy.
	 *
	 * What it returns is the result, what it throws the exception; throwing cancelled() ends it
	 * as CANCELLED. It is destroyed once, as soon as it has returned or never will run: on a
	 * worker, or by who cancels it.
	 *
	 * Throws what ferry_pool_submit() refuses with: EAGAIN, ESHUTDOWN, ...
	 */
	template <class F>
	future<detail::returned_by<F>> submit(F &&function, const job_options &options = {})
	{
		return future<detail::returned_by<F>>(
			detail::give_job(std::forward<F>(function), options, submitter{ pool_ }));
	}

	/** Ends its work: how many are still inside of their functions at the deadline. */
	unsigned shutdown(ferry_shutdown mode = FERRY_SHUTDOWN_DRAIN, deadline until = {})
	{
		return static_cast<unsigned>(
			detail::check(ferry_pool_shutdown(pool_, mode, until.ns())));
	}

	/** Changes how many threads it may have. */
	void resize(unsigned min_threads, unsigned max_threads)
	{
		detail::check(ferry_pool_resize(pool_, min_threads, max_threads));
	}

	/** One of the lanes that every pool has; borrowed. */
	ferry_lane *lane(ferry_lane_kind kind) const
	{
		return detail::check(ferry_pool_lane(pool_, kind));
	}

	/** What it has done and is doing. */
	ferry_pool_counters stats() const
	{
		ferry_pool_counters counters;

		detail::check(ferry_pool_stats(pool_, &counters));
		return counters;
	}

	/** As the C calls have it; borrowed. */
	ferry_pool *native_handle() const noexcept
	{
		return pool_;
	}

	operator ferry_pool *() const noexcept
	{
		return pool_;
	}

      private:
	struct submitter {
		ferry_pool *pool;

		ferry_future *operator()(ferry_function run, void *job,
					 const ferry_job_options &options) const
		{
			ferry_future *submitted = nullptr;

			detail::check(ferry_pool_submit(pool, run, job, &options, &submitted));
			return submitted;
		}
	};

	ferry_pool *pool_ = nullptr;
};

/** A queue of its own inside a pool. It goes where a ferry_lane * is wanted. */
class lane
{
      public:
	explicit lane(ferry_pool *pool, const lane_options &options = {})
	{
		detail::check(ferry_lane_new(pool, &options, &lane_));
	}

	lane(lane &&other) noexcept : lane_(std::exchange(other.lane_, nullptr))
	{
	}

	lane &operator=(lane &&other) noexcept
	{
		std::swap(lane_, other.lane_);
		return *this;
	}

	~lane()
	{
		ferry_lane_free(lane_);
	}

	/** As the C calls have it; borrowed. */
	ferry_lane *native_handle() const noexcept
	{
		return lane_;
	}

	operator ferry_lane *() const noexcept
	{
		return lane_;
	}

      private:
	ferry_lane *lane_ = nullptr;
};

} // namespace ferry
#endif
