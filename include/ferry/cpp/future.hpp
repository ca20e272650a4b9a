/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_CPP_FUTURE_HPP
#define FERRY_CPP_FUTURE_HPP
/*
 * Concurrent futures and promises. Any thread may use them; a loop's thread looks and does not
 * wait (EDEADLK): it has local.hpp for that.
 */
#include <ferry/cpp/job.hpp>

namespace ferry
{

template <class T> class promise;

/** The outcome of a job or a promise, from any thread. Movable; dropping it cancels nothing. */
template <class T = void> class future
{
      public:
	/** Of nothing. */
	future() noexcept = default;

	/**
	 * Of a future of C's whose result is a T as result.hpp has it.
	 * Ownership: takes the caller's reference.
	 */
	explicit future(ferry_future *taken) noexcept : future_(taken)
	{
	}

	future(future &&other) noexcept : future_(std::exchange(other.future_, nullptr))
	{
	}

	future &operator=(future &&other) noexcept
	{
		std::swap(future_, other.future_);
		return *this;
	}

	~future()
	{
		ferry_future_unref(future_);
	}

	/** Is there one? */
	explicit operator bool() const noexcept
	{
		return future_;
	}

	/** Has it its outcome? */
	bool is_done() const noexcept
	{
		return ferry_future_snapshot(future_).done;
	}

	/** Has it been cancelled? */
	bool is_cancelled() const noexcept
	{
		return ferry_future_snapshot(future_).cancelled;
	}

	/** Asks for it to be cancelled: true if it is now; false if it was asked, or was done. */
	bool cancel() noexcept
	{
		return ferry_future_cancel(future_) == 1;
	}

	/** Waits until it is done: false at the deadline. Throws EDEADLK on a loop's thread. */
	bool wait(deadline until = {}) const
	{
		int returned = ferry_future_wait(future_, until.ns());

		return returned == -ETIMEDOUT ? false : detail::check(returned) == 0;
	}

	/**
	 * Waits, and takes the result. Throws the exception of the future, cancelled, timed_out at
	 * the deadline; EALREADY if it was taken, EDEADLK on a loop's thread.
	 */
	T get(deadline until = {})
	{
		ferry_result result;

		if (!wait(until))
			throw timed_out();
		if (int returned = ferry_future_take(future_, &result)) {
			detail::require_result(ferry_future_snapshot(future_));
			detail::check(returned);
		}
		return detail::unpack<T>(result);
	}

	/** As the C calls have it; borrowed. */
	ferry_future *native_handle() const noexcept
	{
		return future_;
	}

	/** Gives it to a call of C. Ownership: the caller's reference. */
	ferry_future *release() noexcept
	{
		return std::exchange(future_, nullptr);
	}

      private:
	ferry_future *future_ = nullptr;
};

/** A future that its holder completes, on any thread: how other libraries hand results in. */
template <class T = void> class promise
{
      public:
	/** @pool is where a value is destroyed whose destructor blocks, see result.hpp. */
	explicit promise(ferry_pool *pool = nullptr)
	{
		ferry_future_options options = FERRY_FUTURE_OPTIONS_INIT;

		options.pool = pool;
		detail::check(ferry_future_new(&options, &future_));
	}

	promise(promise &&other) noexcept : future_(std::exchange(other.future_, nullptr))
	{
	}

	promise &operator=(promise &&other) noexcept
	{
		std::swap(future_, other.future_);
		return *this;
	}

	/** One that goes and is not done fails with EOWNERDEAD: nobody waits for ever. */
	~promise()
	{
		if (!future_)
			return;
		ferry_future_set_exception(future_, ferry_error_from_errno(EOWNERDEAD));
		ferry_future_unref(future_);
	}

	/** A future of it; there may be several, of which one takes the result. */
	future<T> get_future() const noexcept
	{
		return future<T>(ferry_future_ref(future_));
	}

	/** From here on a cancel only asks: false if one came first. Throws EALREADY. */
	bool set_running()
	{
		int returned = ferry_future_set_running(future_);

		return returned == -ECANCELED ? false : detail::check(returned) == 0;
	}

	/** Did somebody ask for it to be cancelled? */
	bool is_cancel_requested() const noexcept
	{
		return ferry_future_cancel_requested(future_) == 1;
	}

	/** Completes it: false, and the value is destroyed, if it was done, cancelled included. */
	template <class... Value> bool set_value(Value &&...value)
	{
		ferry_result result = detail::pack<T>(std::forward<Value>(value)...);
		int returned = ferry_future_set_result(future_, result);

		if (returned)
			detail::dispose(result);
		return returned == -EALREADY ? false : detail::check(returned) == 0;
	}

	/** Completes it with an exception; cancelled() makes it CANCELLED. False if it was done. */
	bool set_exception(const std::exception_ptr &exception)
	{
		const ferry_error *error = to_error(exception);
		int returned = error == ferry_error_from_code(FERRY_ERROR_CANCELLED)
				       ? ferry_future_set_cancelled(future_)
				       : ferry_future_set_exception(future_, error);

		if (returned)
			ferry_error_unref(error);
		return returned == -EALREADY ? false : detail::check(returned) == 0;
	}

	/** Honours a cancel. False if it was done. */
	bool set_cancelled()
	{
		int returned = ferry_future_set_cancelled(future_);

		return returned == -EALREADY ? false : detail::check(returned) == 0;
	}

	/** As the C calls have it; borrowed. */
	ferry_future *native_handle() const noexcept
	{
		return future_;
	}

      private:
	ferry_future *future_ = nullptr;
};

} // namespace ferry
#endif
