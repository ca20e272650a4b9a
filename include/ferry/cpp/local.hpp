/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_CPP_LOCAL_HPP
#define FERRY_CPP_LOCAL_HPP
/*
 * Loop-local futures, and the ways into them. All of it on the loop's thread.
 *
 *	ferry::local<int> answer = ferry::offload(loop, pool, [n] { return work(n); });
 *	int n = co_await answer;        in a coroutine: task.hpp
 *	int n = loop.run(answer);       from outside of the loop: loop.hpp
 */
#include <ferry/bridge.h>
#include <ferry/cpp/pool.hpp>

namespace ferry
{

namespace detail
{

/* Becomes the owner of the result of a local that is done; throws what it ended with. */
inline ferry_result take_result(ferry_local *local)
{
	ferry_result result;
	int returned = ferry_local_take(local, &result);

	if (returned == -ENODATA || returned == -EAGAIN)
		require_result(ferry_local_snapshot(local));
	check(returned);
	return result;
}

template <class T> T take_value(ferry_local *local)
{
	return unpack<T>(take_result(local));
}

} // namespace detail

/** A local whose result is a T. Movable; dropping it cancels nothing. */
template <class T = void> class local
{
      public:
	/** Of nothing. */
	local() noexcept = default;

	/**
	 * Of a local of C's, as the calls of C give it. NULL is thrown as its errno.
	 * @take makes a T of it when it is done: what it takes of the result is its own to keep.
	 * Ownership: takes the caller's reference.
	 */
	explicit local(ferry_local *taken, T (*take)(ferry_local *) = detail::take_value<T>)
		: local_(detail::check(taken)), take_(take)
	{
	}

	local(local &&other) noexcept
		: local_(std::exchange(other.local_, nullptr)), take_(other.take_)
	{
	}

	local &operator=(local &&other) noexcept
	{
		std::swap(local_, other.local_);
		std::swap(take_, other.take_);
		return *this;
	}

	~local()
	{
		ferry_local_unref(local_);
	}

	/** Is there one? */
	explicit operator bool() const noexcept
	{
		return local_;
	}

	/** Has it its outcome? */
	bool is_done() const noexcept
	{
		return ferry_local_snapshot(local_).done;
	}

	/** Has it been cancelled? */
	bool is_cancelled() const noexcept
	{
		return ferry_local_snapshot(local_).cancelled;
	}

	/** Takes the result of one that is done, or throws what it ended with; EAGAIN, EALREADY. */
	T get()
	{
		return take_(local_);
	}

	/** CANCELLED at once, and whoever completes it is asked: false if it was done. */
	bool cancel() noexcept
	{
		return ferry_local_cancel(local_) == 1;
	}

	/** As the C calls have it; borrowed. */
	ferry_local *native_handle() const noexcept
	{
		return local_;
	}

	/** Gives it to a call of C. Ownership: the caller's reference. */
	ferry_local *release() noexcept
	{
		return std::exchange(local_, nullptr);
	}

      private:
	ferry_local *local_ = nullptr;
	T (*take_)(ferry_local *) = detail::take_value<T>;
};

namespace detail
{

struct offloader {
	ferry_loop *loop;
	ferry_pool *pool;

	ferry_local *operator()(ferry_function run, void *job,
				const ferry_job_options &options) const
	{
		return check(ferry_offload(loop, pool, run, job, &options));
	}
};

} // namespace detail

/**
 * Has a pool call a function, and its outcome on a loop; as pool::submit(). A refusal of the pool
 * is a local born failed, so that there is one path for errors.
 *
 * Throws what ferry_offload() gives NULL for: EPERM on another thread, ESHUTDOWN, EINVAL, ENOMEM.
 */
template <class F>
local<detail::returned_by<F>> offload(ferry_loop *loop, ferry_pool *pool, F &&function,
				      const job_options &options = {})
{
	return local<detail::returned_by<F>>(detail::give_job(std::forward<F>(function), options,
							      detail::offloader{ loop, pool }));
}

/** The outcome of a concurrent future on a loop. Throws EPERM, ESHUTDOWN, EINVAL, ENOMEM. */
template <class T> local<T> wrap(ferry_loop *loop, const future<T> &future)
{
	return local<T>(ferry_wrap(loop, future.native_handle()));
}

/** Done when a descriptor is ready; the result is what it is ready for, enum ferry_readiness. */
inline local<unsigned> watch(ferry_loop *loop, int fd, unsigned ready)
{
	return local<unsigned>(ferry_loop_watch_fd(loop, fd, ready));
}

} // namespace ferry
#endif
