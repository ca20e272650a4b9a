/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_CPP_AWAIT_HPP
#define FERRY_CPP_AWAIT_HPP
/*
 * What a coroutine can wait for, by co_await.
 *
 *   a task                               its result. Not begun: it is, here, as a child
 *   a local                              its result, taken
 *   a future, as an rvalue               its result, by a local that wraps it
 *   ferry::offload(pool, function)       its result
 *   ferry::sleep(deadline)               nothing
 *   ferry::yield()                       nothing: one turn of the loop
 *   ferry::shield(x), x a task or local  its result; a cancel ends the wait and is not passed on
 *   what C calls give, ferry_operation*  nothing: what it is of tells the result
 *   any struct with .awaitable           nothing: an event, a frame of C's, ...
 *   ferry::this_task(), this_loop()      the running task and its loop, at once
 *
 * What fails is thrown. Where the task is cancelled, cancelled() is thrown when what it waited for
 * has ended: a child, or a function of an offload, which so may borrow from the coroutine (T7).
 * From there on the coroutine is leaving: it may look and clean up, and further waits are not cut.
 * Whatever it does then, it ends as cancelled, unless it throws something else. That a child or a
 * local was cancelled by somebody else is thrown as cancelled(), too, and then it is only that.
 */
#include <concepts>
#include <ferry/cpp/task.hpp>

#if defined FERRY_COROUTINES

namespace ferry
{
namespace detail
{

/* One wait of a coroutine. It is begun in await_ready(): if it waits, all that is left to do is to
 * go back to the loop. */
class awaiter
{
      public:
	awaiter(frame &of, const where &here) noexcept : frame_(of), place_(here)
	{
	}

	awaiter(const awaiter &) = delete;
	awaiter &operator=(const awaiter &) = delete;

	void await_suspend(std::coroutine_handle<>) const noexcept
	{
	}

      protected:
	~awaiter() = default;

	ferry_loop *loop() const noexcept
	{
		return ferry_task_loop(&frame_);
	}

	bool is_ready(ferry_awaitable *awaitable, bool is_shielded = false)
	{
		return !frame_.wait(awaitable, place_, is_shielded);
	}

	frame &frame_;
	where place_;
};

/* ---- tasks ---- */

/* A child, in the frame of who awaits it. */
template <class T> class child_awaiter : public awaiter
{
      public:
	child_awaiter(frame &of, task<T> &&child, const where &here) noexcept
		: awaiter(of, here), child_(std::move(child))
	{
	}

	bool await_ready()
	{
		ferry_task *begun = child_.native_handle();

		if (begun && !task_access::frame_of(child_)->is_begun())
			task_access::begin_awaited(child_, loop(), nullptr);
		if (!begun || is_ready(&begun->awaitable))
			return true;
		frame_.set_awaited(task_access::owner_of(child_));
		return false;
	}

	T await_resume()
	{
		frame_.set_awaited(nullptr);
		frame_.go_on();
		return child_.get();
	}

      private:
	task<T> child_;
};

/* One that somebody else may own, and let go of. */
template <class T> class task_awaiter : public awaiter
{
      public:
	task_awaiter(frame &of, task<T> &awaited, const where &here, bool is_shielded) noexcept
		: awaiter(of, here), task_(awaited), is_shielded_(is_shielded)
	{
	}

	bool await_ready()
	{
		promise<T> *begun = task_access::frame_of(task_);

		if (!begun)
			return true;
		if (!begun->is_begun())
			task_.begin(loop());
		/* Its owner may let go of it before the turn comes that this has to wait for. */
		return begun->is_left() ? is_ready(&ended_)
					: is_ready(&begun->awaitable, is_shielded_);
	}

	T await_resume()
	{
		frame_.go_on();
		return task_.get();
	}

      private:
	task<T> &task_;
	ferry_awaitable ended_ = { 1 }; /* with a result */
	bool is_shielded_;
};

template <class T> auto make_awaiter(frame &of, task<T> &&child, const where &here)
{
	return child_awaiter<T>(of, std::move(child), here);
}

template <class T> auto make_awaiter(frame &of, task<T> &awaited, const where &here)
{
	return task_awaiter<T>(of, awaited, here, false);
}

/* ---- locals ---- */

/* Local is local<T>, or a reference to one. */
template <class T, class Local> class local_awaiter : public awaiter
{
      public:
	local_awaiter(frame &of, Local &&awaited, const where &here, bool is_shielded)
		: awaiter(of, here), local_(std::forward<Local>(awaited)), is_shielded_(is_shielded)
	{
	}

	~local_awaiter()
	{
		ferry_await_end(&await_);
	}

	bool await_ready()
	{
		errno = EINVAL; /* of nothing */
		return is_ready(&ferry_await_local(&await_, ferry_local_ref(local_.native_handle()))
					 ->awaitable,
				is_shielded_);
	}

	T await_resume()
	{
		frame_.go_on();
		return local_.get();
	}

      private:
	Local local_;
	ferry_await await_ = {};
	bool is_shielded_;
};

template <class T> auto make_awaiter(frame &of, local<T> &&awaited, const where &here)
{
	return local_awaiter<T, local<T>>(of, std::move(awaited), here, false);
}

template <class T> auto make_awaiter(frame &of, local<T> &awaited, const where &here)
{
	return local_awaiter<T, local<T> &>(of, awaited, here, false);
}

template <class T> auto make_awaiter(frame &of, future<T> &&awaited, const where &here)
{
	return local_awaiter<T, local<T>>(of, wrap(ferry_task_loop(&of), awaited), here, false);
}

/*
 * gcc before 13 destroys what a lambda has captured twice, and the members of an aggregate, if it
 * is made within an expression that has a co_await. Where that would be felt it is not compiled.
 */
#if defined __GNUC__ && !defined __clang__ && __GNUC__ < 13
template <class F>
inline constexpr bool survives_await = std::is_trivially_destructible_v<F> ||
				       (std::is_move_assignable_v<F> && !std::is_aggregate_v<F>);
#else
template <class F> inline constexpr bool survives_await = true;
#endif

/* A function that is offloaded when that is awaited. */
template <class F> struct offload_request {
	ferry_pool *pool;
	F function;
	job_options options;
};

template <class F> auto make_awaiter(frame &of, offload_request<F> &&request, const where &here)
{
	using T = returned_by<F>;

	return local_awaiter<T, local<T>>(of,
					  offload(ferry_task_loop(&of), request.pool,
						  std::move(request.function), request.options),
					  here, false);
}

/* ---- shielded ---- */

template <class X> struct shield_request {
	X &awaited;
};

template <class T> auto make_awaiter(frame &of, shield_request<task<T>> request, const where &here)
{
	return task_awaiter<T>(of, request.awaited, here, true);
}

template <class T> auto make_awaiter(frame &of, shield_request<local<T>> request, const where &here)
{
	return local_awaiter<T, local<T> &>(of, request.awaited, here, true);
}

/* ---- what C has ---- */

/* What lies elsewhere, in the frame of the coroutine as a rule. */
class awaitable_awaiter : public awaiter
{
      public:
	awaitable_awaiter(frame &of, ferry_awaitable *awaited, const where &here)
		: awaiter(of, here), awaitable_(check(awaited))
	{
	}

	bool await_ready()
	{
		return is_ready(awaitable_);
	}

	void await_resume()
	{
		ferry_snapshot snapshot;

		frame_.go_on();
		snapshot = ferry_awaitable_snapshot(awaitable_);
		/* A lock that was given is not done, but is had. */
		if (snapshot.done)
			require_result(snapshot);
		else if (!awaitable_->word)
			throw error(EINVAL); /* nothing was begun */
	}

      private:
	ferry_awaitable *awaitable_;
};

inline auto make_awaiter(frame &of, ferry_awaitable *awaited, const where &here)
{
	return awaitable_awaiter(of, awaited, here);
}

inline auto make_awaiter(frame &of, ferry_operation *awaited, const where &here)
{
	return awaitable_awaiter(of, &check(awaited)->awaitable, here);
}

/* A struct that begins with an awaitable, and must not go before it is done. */
template <class X> concept has_awaitable = std::same_as<decltype(X::awaitable), ferry_awaitable>;

template <has_awaitable X> auto make_awaiter(frame &of, X &awaited, const where &here)
{
	return awaitable_awaiter(of, &awaited.awaitable, here);
}

/* ---- time ---- */

struct sleep_request {
	deadline until;
};

class sleep_awaiter : public awaiter
{
      public:
	sleep_awaiter(frame &of, deadline until, const where &here) noexcept
		: awaiter(of, here), until_(until)
	{
	}

	bool await_ready()
	{
		return is_ready(&ferry_sleep_until(&sleep_, loop(), until_.ns())->awaitable);
	}

	void await_resume()
	{
		frame_.go_on();
		require_result(ferry_awaitable_snapshot(&sleep_.awaitable));
	}

      private:
	deadline until_;
	ferry_sleep sleep_ = {};
};

inline auto make_awaiter(frame &of, sleep_request request, const where &here)
{
	return sleep_awaiter(of, request.until, here);
}

struct yield_request {
};

class yield_awaiter : public awaiter
{
      public:
	using awaiter::awaiter;

	bool await_ready()
	{
		return !frame_.wait_a_turn(place_);
	}

	void await_resume()
	{
		frame_.go_on();
	}
};

inline auto make_awaiter(frame &of, yield_request, const where &here)
{
	return yield_awaiter(of, here);
}

/* ---- at once ---- */

struct this_task_request {
};

struct this_loop_request {
};

template <class T> struct ready_awaiter {
	T given;

	bool await_ready() const noexcept
	{
		return true;
	}

	void await_suspend(std::coroutine_handle<>) const noexcept
	{
	}

	T await_resume() const noexcept
	{
		return given;
	}
};

inline auto make_awaiter(frame &of, this_task_request, const where &) noexcept
{
	return ready_awaiter<ferry_task *>{ &of };
}

inline auto make_awaiter(frame &of, this_loop_request, const where &) noexcept
{
	return ready_awaiter<ferry_loop *>{ ferry_task_loop(&of) };
}

} // namespace detail

/** To be awaited: has a pool call a function, which may borrow from the coroutine. */
template <class F>
[[nodiscard]] auto offload(ferry_pool *pool, F &&function, const job_options &options = {})
{
	static_assert(std::is_lvalue_reference_v<F> || detail::survives_await<F>,
		      "this compiler would destroy what the lambda captured twice: "
		      "capture by reference, or give it a name and offload std::ref(name)");
	return detail::offload_request<std::decay_t<F>>{ pool, std::forward<F>(function), options };
}

/** To be awaited: until then. */
[[nodiscard]] inline auto sleep(deadline until)
{
	return detail::sleep_request{ until };
}

/** To be awaited: one turn of the loop. */
[[nodiscard]] inline auto yield()
{
	return detail::yield_request{};
}

/** To be awaited: a task or a local that goes on if who waits is cancelled. */
template <class X> [[nodiscard]] auto shield(X &awaited)
{
	return detail::shield_request<X>{ awaited };
}

/** To be awaited, which does not wait: the running task. */
[[nodiscard]] inline auto this_task()
{
	return detail::this_task_request{};
}

/** To be awaited, which does not wait: the loop of the running task. */
[[nodiscard]] inline auto this_loop()
{
	return detail::this_loop_request{};
}

} // namespace ferry
#endif
#endif
