/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_CPP_LOOP_HPP
#define FERRY_CPP_LOOP_HPP
/*
 * Loops. A loop belongs to the thread that made it; another one gets EPERM.
 */
#include <ferry/cpp/call.hpp>
#include <ferry/loop.h>

namespace ferry
{

namespace detail
{

struct loop_access;

} // namespace detail

/** Options of a loop, all at their defaults. */
struct loop_options : ferry_loop_options {
	loop_options() noexcept : ferry_loop_options FERRY_LOOP_OPTIONS_INIT
	{
	}
};

namespace detail
{

/* A call at a time. */
class timed_call : public call
{
      public:
	using call::call;

	/* Empty if it has happened, or will not. Throws EPERM on another thread. */
	calls::listed_call take_back()
	{
		if (!list_.is_open())
			return {};

		calls::listed_call listed = list_.take(*this);

		if (listed)
			check(ferry_timer_cancel(timer));
		return listed;
	}

	ferry_timer *timer = nullptr;
};

} // namespace detail

/** What is to happen at a time, to be taken back. Dropping it does not. */
class timer
{
      public:
	timer() noexcept = default;

	/** Makes sure it does not happen: false if it has, or the loop is closed. Throws EPERM. */
	bool cancel()
	{
		if (!call_)
			return false;

		/* Its function goes last, since it may be what has this. */
		auto taken = static_cast<detail::timed_call *>(call_.get())->take_back();

		if (!taken)
			return false;
		call_.reset();
		return true;
	}

      private:
	friend class loop;

	std::shared_ptr<detail::calls> calls_; /* as long as it has the list of its loop */
	detail::call_reference call_;
};

/** A loop as other threads have it. Copyable, and safe when the loop has been closed. */
class loop_handle
{
      public:
	/**
	 * Has a function called on the loop's thread, from any thread. It is destroyed there, or,
	 * if the loop is closed before, uncalled, by who closes it.
	 * Return: false, and it was destroyed, if the loop is closed.
	 */
	template <class F> bool call_soon(F &&function) const
	{
		detail::call_reference added =
			detail::make_call(*calls_, std::forward<F>(function));
		int returned = give(*added);

		return returned == -ESHUTDOWN ? false : detail::check(returned) == 0;
	}

	/** As the C calls have it; borrowed. */
	ferry_loop *native_handle() const noexcept
	{
		return loop_.get();
	}

	/* One that was moved from is as good as it was. */
	loop_handle(const loop_handle &) = default;
	loop_handle &operator=(const loop_handle &) = default;

      private:
	friend class loop;

	int give(detail::call &added) const
	{
		return calls_->add(added, [this](detail::call *call) {
			return ferry_loop_call_soon_threadsafe(loop_.get(), call->on_loop, call);
		});
	}

	loop_handle(ferry_loop *loop, std::shared_ptr<detail::calls> calls)
		: loop_(ferry_loop_ref(loop), ferry_loop_unref), calls_(std::move(calls))
	{
	}

	std::shared_ptr<ferry_loop> loop_;
	std::shared_ptr<detail::calls> calls_;
};

/**
 * An event loop. It goes where a ferry_loop * is wanted.
 *
 * What a function that it calls throws, is thrown on by run(), and by whatever else runs it; the
 * loop can go on then. A host that has it run by calls of C asks rethrow().
 *
 * The destructor closes it, as close() does. It must not be one of the loop's own callbacks that
 * destroys it, nor another thread: that ends the program.
 */
class loop
{
      public:
	explicit loop(const loop_options &options = {}) : calls_(std::make_shared<detail::calls>())
	{
		detail::check(ferry_loop_new(&options, &loop_));
		calls_->loop = loop_;
	}

	/* Both have the list, so that the one that is of nothing can be refused by C. */
	loop(loop &&other) noexcept
		: loop_(std::exchange(other.loop_, nullptr)), calls_(other.calls_)
	{
	}

	loop &operator=(loop &&other) noexcept
	{
		std::swap(loop_, other.loop_);
		std::swap(calls_, other.calls_);
		return *this;
	}

	/* noexcept: one that cannot be closed is still in use. */
	~loop()
	{
		close();
	}

	/**
	 * Closes it: locals are cancelled, coroutines that wait are destroyed where they wait,
	 * functions that were not called are destroyed. Never waits for a job.
	 * Throws EBUSY inside of its callbacks and coroutines, EPERM on another thread.
	 */
	void close()
	{
		if (!loop_)
			return;
		detail::check(ferry_loop_free(loop_));
		loop_ = nullptr;
		calls_->drop_all();
	}

	/** Runs it until nothing is pending: false; true if stop() ended it before. */
	bool run()
	{
		return returned(ferry_loop_run(loop_)) == 1;
	}

	/**
	 * Runs it until that is done, a local, or a task that is begun for it if need be, and takes
	 * its result, or throws. EDEADLK: nothing is pending any more that could complete it;
	 * EINTR: stop() came first. What is given as an rvalue is dropped then.
	 */
	template <class X> decltype(auto) run(X &&until)
	{
		return run_until(*this, std::forward<X>(until));
	}

	/** One turn: how many callbacks were handled. */
	unsigned run_once(deadline until = {})
	{
		return static_cast<unsigned>(returned(ferry_loop_run_once(loop_, until.ns())));
	}

	/** Ends run() after the callback that runs now. */
	void stop()
	{
		detail::check(ferry_loop_stop(loop_));
	}

	/** Has a function called in the next turn. */
	template <class F> void call_soon(F &&function)
	{
		give_soon(*detail::make_call(*calls_, std::forward<F>(function)));
	}

	/** Has a function called at a time. */
	template <class F> timer call_at(deadline at, F &&function)
	{
		using timed = detail::call_of<std::decay_t<F>, detail::timed_call>;
		auto *made = new timed(*calls_, std::forward<F>(function));
		timer given;

		given.call_.reset(made);
		given.calls_ = calls_;
		give_at(at, *made);
		return given;
	}

	/**
	 * Has a function called with a local, from the loop, when that is done.
	 * Throws EINVAL for one of another loop.
	 */
	template <class T, class F> void when_done(local<T> local, F &&function)
	{
		ferry_local *waited = local.native_handle();

		/* The function is the loop's, and would go with it. */
		if (!waited || ferry_local_loop(waited) != loop_)
			throw error(EINVAL);
		give_local(waited,
			   *detail::make_call(*calls_,
					      [local = std::move(local),
					       function = std::forward<F>(function)]() mutable {
						      function(local);
					      }));
	}

	/** Hears of exceptions that nobody looked at, as std::exception_ptr; empty: nobody does. */
	void set_exception_handler(std::function<void(std::exception_ptr)> handler)
	{
		decltype(calls_->handler) shared;

		if (handler)
			shared = std::make_shared<decltype(handler)>(std::move(handler));
		detail::check(ferry_loop_set_exception_handler(loop_, shared ? tell : nullptr,
							       calls_.get()));
		/* The one that was goes with this call. */
		calls_->handler.swap(shared);
	}

	/** For other threads. */
	loop_handle handle() const
	{
		return loop_handle(loop_, calls_);
	}

	/** How many callbacks, timers and requests are pending. */
	unsigned pending() const
	{
		return static_cast<unsigned>(detail::check(ferry_loop_pending(loop_)));
	}

	/** For a host: the descriptor that it polls for reading. */
	int fd() const
	{
		return detail::check(ferry_loop_fd(loop_));
	}

	/** For a host: by when it calls dispatch(). */
	deadline next_deadline() const noexcept
	{
		return deadline::at_ns(ferry_loop_deadline(loop_));
	}

	/** For a host: handles what is due, without waiting, @budget callbacks at most. */
	unsigned dispatch(unsigned budget = 0)
	{
		return static_cast<unsigned>(returned(ferry_loop_dispatch(loop_, budget)));
	}

	/** For a host: throws what a callback threw since it was asked last. */
	void rethrow()
	{
		calls_->rethrow();
	}

	/** What it has done. */
	ferry_loop_counters stats() const
	{
		ferry_loop_counters counters;

		detail::check(ferry_loop_stats(loop_, &counters));
		return counters;
	}

	/** As the C calls have it; borrowed. */
	ferry_loop *native_handle() const noexcept
	{
		return loop_;
	}

	operator ferry_loop *() const noexcept
	{
		return loop_;
	}

      private:
	friend struct detail::loop_access;

	/* What a call that ran it returned. A callback that threw has stopped it. */
	int returned(int how)
	{
		if (how != -EPERM) /* what was thrown is for the loop's thread */
			calls_->rethrow();
		return detail::check(how);
	}

	void give_soon(detail::call &added)
	{
		detail::check(calls_->add(added, [this](detail::call *call) {
			return ferry_loop_call_soon(loop_, call->on_loop, call);
		}));
	}

	void give_at(deadline at, detail::timed_call &added)
	{
		detail::check(calls_->add(added, [&](detail::call *call) {
			return ferry_loop_call_at(loop_, at.ns(), call->on_loop, call,
						  &added.timer);
		}));
	}

	void give_local(ferry_local *waited, detail::call &added)
	{
		detail::check(calls_->add(added, [waited](detail::call *call) {
			return ferry_local_add_done_callback(waited, call->on_local, call);
		}));
	}

	static void tell(ferry_loop *, const ferry_error *error, void *user) noexcept
	{
		auto *calls = static_cast<detail::calls *>(user);
		auto handler = calls->handler;

		try {
			(*handler)(to_exception(error));
		} catch (...) {
			calls->fail();
		}
	}

	ferry_loop *loop_ = nullptr;
	std::shared_ptr<detail::calls> calls_;
};

namespace detail
{

/* How a run until something is done ended. */
struct loop_access {
	static void check_run(loop &loop, int returned)
	{
		if (loop.returned(returned) == 1)
			throw error(EINTR);
	}
};

} // namespace detail

/** As loop::run(). */
template <class T> T run_until(loop &loop, local<T> &until)
{
	detail::loop_access::check_run(loop, ferry_loop_run_until(loop, until.native_handle()));
	return until.get();
}

/** As loop::run(). */
template <class T> T run_until(loop &loop, local<T> &&until)
{
	return run_until(loop, until);
}

} // namespace ferry
#endif
