/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_CPP_CALL_HPP
#define FERRY_CPP_CALL_HPP
/*
 * Calls: functions that a loop is yet to call, and what one of them threw.
 *
 * A loop of C's that is closed calls nobody any more, and frees nothing of the caller's: so each
 * call is on a list of its loop, from which it is taken to be called, or dropped at the close.
 * Calls may come from other threads: the list has a lock, and whoever gives a call holds it until
 * he knows what came of it. Nothing is called or destroyed with the lock held.
 *
 * An exception must not go through the library, which is C: it is kept, the loop is stopped, and
 * whoever runs the loop throws it on.
 */
#include <atomic>
#include <ferry/cpp/local.hpp>
#include <functional>
#include <mutex>
#include <optional>

namespace ferry
{
namespace detail
{

class calls;

/* One of them: counted, by the list and by who gave it. */
class call
{
      public:
	explicit call(calls &list) noexcept : list_(list)
	{
	}

	call(const call &) = delete;
	call &operator=(const call &) = delete;

	/* What the loop calls, by whichever of its calls. */
	static void on_loop(ferry_loop *, void *user) noexcept
	{
		static_cast<call *>(user)->go();
	}

	static void on_local(ferry_local *, void *user) noexcept
	{
		static_cast<call *>(user)->go();
	}

	void unref() noexcept
	{
		if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
			delete this;
	}

      protected:
	virtual ~call() = default;

	calls &list_;

      private:
	friend class calls;

	virtual void run() = 0;
	virtual void drop() noexcept = 0; /* the function, whoever has a reference */
	inline void go() noexcept;

	struct drop_call;

	call *previous_ = nullptr, *next_ = nullptr;
	bool is_listed_ = false;
	std::atomic<int> references_{ 1 };
};

struct unref_call {
	void operator()(call *call) const noexcept
	{
		call->unref();
	}
};

/* A reference to one. */
using call_reference = std::unique_ptr<call, unref_call>;

struct call::drop_call {
	void operator()(call *call) const noexcept
	{
		call->drop();
		call->unref();
	}
};

template <class F, class Base = call> class call_of final : public Base
{
      public:
	template <class G>
	call_of(calls &list, G &&function)
		: Base(list), function_(std::in_place, std::forward<G>(function))
	{
	}

      private:
	void run() override
	{
		(*function_)();
	}

	void drop() noexcept override
	{
		function_.reset();
	}

	std::optional<F> function_;
};

/* Those of one loop. */
class calls
{
      public:
	/* One that was on the list: its function goes with this. */
	using listed_call = std::unique_ptr<call, call::drop_call>;

	calls() = default;
	calls(const calls &) = delete;
	calls &operator=(const calls &) = delete;

	/*
	 * Puts one on the list, and has @give hand it to the library, as a call of C does: a
	 * negative errno, and it is off the list again.
	 */
	template <class Give> int add(call &added, Give give)
	{
		int returned;

		list(added);
		returned = give(&added);
		if (returned < 0)
			take(added);
		return returned;
	}

	/* Off the list, for whoever asks first: empty for the others. */
	listed_call take(call &taken) noexcept
	{
		std::lock_guard<std::mutex> guard(lock_);

		if (!std::exchange(taken.is_listed_, false))
			return {};
		if (taken.previous_)
			taken.previous_->next_ = taken.next_;
		else
			first_ = taken.next_;
		if (taken.next_)
			taken.next_->previous_ = taken.previous_;
		return listed_call(&taken);
	}

	/* False if the loop is closed, or is being closed. Throws EPERM on another thread. */
	bool is_open() const
	{
		int returned = loop ? ferry_loop_fd(loop) : -ESHUTDOWN;

		return returned == -ESHUTDOWN ? false : check(returned) >= 0;
	}

	/* The loop is closed. */
	void drop_all() noexcept
	{
		loop = nullptr;
		handler.reset(); /* which may have a handle, and so this list */
		while (listed_call dropped = take_first())
			;
	}

	/* What a call threw. On the loop's thread. A second one that nobody fetched the first of
	 * cannot be kept, and is not swallowed. */
	void fail() noexcept
	{
		if (failure_)
			std::terminate();
		failure_ = std::current_exception();
		ferry_loop_stop(loop);
	}

	void rethrow()
	{
		if (failure_)
			std::rethrow_exception(std::exchange(failure_, nullptr));
	}

	ferry_loop *loop = nullptr; /* whose they are, until it is closed */
	/* Shared with who calls it, since it may set another one. */
	std::shared_ptr<const std::function<void(std::exception_ptr)>> handler;

      private:
	void list(call &added) noexcept
	{
		std::lock_guard<std::mutex> guard(lock_);

		added.references_.fetch_add(1, std::memory_order_relaxed);
		added.is_listed_ = true;
		added.previous_ = nullptr;
		added.next_ = first_;
		if (first_)
			first_->previous_ = &added;
		first_ = &added;
	}

	listed_call take_first() noexcept
	{
		std::lock_guard<std::mutex> guard(lock_);
		call *taken = first_;

		if (!taken)
			return {};
		taken->is_listed_ = false;
		first_ = taken->next_;
		if (first_)
			first_->previous_ = nullptr;
		return listed_call(taken);
	}

	std::mutex lock_;
	call *first_ = nullptr;
	std::exception_ptr failure_;
};

inline void call::go() noexcept
{
	calls &list = list_;
	calls::listed_call held = list.take(*this);

	try {
		run();
	} catch (...) {
		list.fail();
	}
}

template <class F> call_reference make_call(calls &list, F &&function)
{
	return call_reference(new call_of<std::decay_t<F>>(list, std::forward<F>(function)));
}

} // namespace detail
} // namespace ferry
#endif
