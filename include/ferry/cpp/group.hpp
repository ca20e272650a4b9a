/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_CPP_GROUP_HPP
#define FERRY_CPP_GROUP_HPP
/*
 * Several tasks at once, and a deadline for one.
 *
 *   co_await ferry::all(f(), g())                both results, as a tuple
 *   co_await ferry::all(std::move(tasks), 64)    of a vector, 64 at once
 *   co_await ferry::any(std::move(tasks))        the first result
 *   co_await ferry::with_group(body)             children that are begun under way
 *   co_await ferry::timeout(2s, f())             f, or timed_out
 *
 * None of them ends before every child has: so children may borrow what stands outside of the
 * co_await. If one fails the others are cancelled, and what it failed with is thrown; what others
 * fail with besides is told to the loop's exception handler.
 */
#include <ferry/cpp/await.hpp>
#include <tuple>
#include <variant>
#include <vector>

#if defined FERRY_COROUTINES

namespace ferry
{

/** Options of a group, all at their defaults. */
struct group_options : ferry_group_options {
	group_options() noexcept : ferry_group_options FERRY_GROUP_OPTIONS_INIT
	{
	}
};

class group;

namespace detail
{

/* Waits until a group has ended, whatever happens, and then throws what is to be thrown. */
class join_awaiter : public awaiter
{
      public:
	join_awaiter(frame &of, ferry_group *group, std::exception_ptr failure,
		     const where &here) noexcept
		: awaiter(of, here), group_(group), failure_(std::move(failure))
	{
	}

	bool await_ready()
	{
		return is_ready(&group_->awaitable);
	}

	void await_resume()
	{
		ferry_snapshot snapshot = ferry_awaitable_snapshot(&group_->awaitable);
		auto exception = error_reference::share(snapshot.exception);

		ferry_group_clear(group_);
		/* A child's, besides what the body failed with, unless that is for the child's. */
		if (failure_ && exception.get() && exception.get() != frame_.exception)
			tell(loop(), std::move(exception));
		try {
			frame_.go_on();
		} catch (...) {
			if (!failure_)
				throw;
		}
		if (failure_)
			std::rethrow_exception(failure_);
		require_result(snapshot);
	}

      private:
	ferry_group *group_;
	std::exception_ptr failure_;
};

struct join_request {
	ferry_group *group;
	std::exception_ptr failure;
};

inline auto make_awaiter(frame &of, join_request request, const where &here) noexcept
{
	return join_awaiter(of, request.group, std::move(request.failure), here);
}

/* Makes groups, and has them waited for: who makes one awaits join() before it goes. */
struct group_access;

template <class T> using result_of_all = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

} // namespace detail

/** Children that end together, see with_group(). */
class group
{
      public:
	group(const group &) = delete;
	group &operator=(const group &) = delete;

	/* If the loop was closed before join() saw what it failed with. */
	~group()
	{
		ferry_group_clear(&group_);
	}

	/**
	 * Begins a child. It goes when it has ended, and what it returns with it.
	 * Throws what it is refused with: ESHUTDOWN once the group has ended.
	 */
	template <class T> void begin(task<T> child, const task_options &options = {})
	{
		detail::task_access::take(child)->spawn(group_.scope.loop, &group_, options);
	}

	/** Cancels every child, and those that are begun from now on. */
	void cancel() noexcept
	{
		ferry_group_cancel(&group_);
	}

	/** How many children have not ended. */
	unsigned members() noexcept
	{
		int members = ferry_group_members(&group_);

		return members > 0 ? static_cast<unsigned>(members) : 0;
	}

	/** As the C calls have it; borrowed. */
	ferry_group *native_handle() noexcept
	{
		return &group_;
	}

      private:
	friend struct detail::group_access;

	group(ferry_loop *loop, const group_options &options)
	{
		detail::check(ferry_group_init(&group_, loop, &options));
	}

	ferry_group group_ = {};
};

namespace detail
{

struct group_access {
	static group make(ferry_loop *loop, const group_options &options)
	{
		return group(loop, options);
	}

	template <class T> static void begin(group &group, task<T> &child)
	{
		task_access::begin_awaited(child, group.group_.scope.loop, &group.group_);
	}
};

inline join_request join(group &group, std::exception_ptr failure)
{
	return { group.native_handle(), std::move(failure) };
}

template <class T> result_of_all<T> take_of_all(task<T> &ended)
{
	if constexpr (std::is_void_v<T>) {
		ended.get();
		return {};
	} else {
		return ended.get();
	}
}

/* Begins what @begin begins in a group of the running task, and waits until that has ended. */
template <class Begin>
task<> in_group(Begin begin, group_options options, ferry_task **first = nullptr)
{
	group children = group_access::make(co_await this_loop(), options);
	std::exception_ptr failure;

	try {
		begin(children);
	} catch (...) {
		failure = std::current_exception();
		children.cancel();
	}
	co_await join(children, std::move(failure));
	if (first)
		*first = ferry_group_first(children.native_handle());
}

} // namespace detail

/* Below, what is given is moved into the body: its parameters go with a coroutine, which may
 * outlive the loop; what is in the body goes as that ends. */

/** To be awaited: all of these, at once; a std::monostate stands for a result that is void. */
template <class... Ts> task<std::tuple<detail::result_of_all<Ts>...>> all(task<Ts>... given)
{
	std::tuple<task<Ts>...> tasks(std::move(given)...);

	co_await detail::in_group(
		[&](group &children) {
			std::apply(
				[&](task<Ts> &...each) {
					(detail::group_access::begin(children, each), ...);
				},
				tasks);
		},
		{});
	co_return std::apply(
		[](task<Ts> &...each) {
			return std::tuple<detail::result_of_all<Ts>...>(
				detail::take_of_all(each)...);
		},
		tasks);
}

/** To be awaited: all of these, @limit of them at once, 0: any number; the results in order. */
template <class T>
task<std::vector<detail::result_of_all<T>>> all(std::vector<task<T>> given, unsigned limit = 0)
{
	std::vector<task<T>> tasks = std::move(given);
	group_options options;
	std::vector<detail::result_of_all<T>> results;

	options.limit = limit;
	co_await detail::in_group(
		[&](group &children) {
			for (task<T> &each : tasks)
				detail::group_access::begin(children, each);
		},
		options);
	results.reserve(tasks.size());
	for (task<T> &each : tasks)
		results.push_back(detail::take_of_all(each));
	co_return results;
}

/**
 * To be awaited: the first of these that has a result; the others are cancelled. If none has, what
 * the first one failed with is thrown; EINVAL if there are none.
 */
template <class T> task<T> any(std::vector<task<T>> given)
{
	std::vector<task<T>> tasks = std::move(given);
	group_options options;
	ferry_task *first = nullptr;

	if (tasks.empty())
		throw error(EINVAL);
	options.policy = FERRY_GROUP_FIRST_RESULT;
	co_await detail::in_group(
		[&](group &children) {
			for (task<T> &each : tasks)
				detail::group_access::begin(children, each);
		},
		options, &first);
	for (task<T> &each : tasks)
		if (each.native_handle() == first)
			co_return each.get();
	throw error(EINVAL);
}

/**
 * To be awaited: calls @body with a group, which returns a task<>, and ends when that and all
 * children have ended. If the body fails, or is cancelled, the children are cancelled; if a child
 * fails, the body is, as the options' policy says.
 */
template <class Body> task<> with_group(Body body, group_options options = {})
{
	static_assert(detail::survives_await<Body>,
		      "this compiler would destroy what the lambda captured twice: "
		      "capture by reference, or give it a name and pass std::ref(name)");
	group children = detail::group_access::make(co_await this_loop(), options);
	std::exception_ptr failure;

	try {
		co_await body(children);
	} catch (...) {
		failure = std::current_exception();
		children.cancel();
	}
	co_await detail::join(children, std::move(failure));
}

namespace detail
{

/* From here to its end the running task is cancelled at a deadline. */
class timeout_scope
{
      public:
	timeout_scope(ferry_task *task, deadline until)
	{
		check(ferry_timeout_begin(&timeout_, task, until.ns(), 1));
	}

	timeout_scope(const timeout_scope &) = delete;
	timeout_scope &operator=(const timeout_scope &) = delete;

	~timeout_scope()
	{
		ferry_timeout_end(&timeout_);
	}

      private:
	ferry_timeout timeout_ = {};
};

/* What comes of awaiting an X. */
template <class X>
using result_of = decltype(make_awaiter(std::declval<frame &>(), std::declval<X>(),
					std::declval<const where &>())
				   .await_resume());

/* What timeout() has of an X that may have a name: a reference, unless it only says what is to be
 * awaited, as a pointer does. */
template <class X>
using taken_of = std::conditional_t<std::is_copy_constructible_v<std::remove_cvref_t<X>> &&
					    !has_awaitable<std::remove_cvref_t<X>>,
				    std::remove_cvref_t<X>, X>;

/* Called so for the dump. */
template <class X> task<result_of<X>> timeout(deadline until, X awaited)
{
	timeout_scope scope(co_await this_task(), until);

	co_return co_await std::forward<X>(awaited);
}

} // namespace detail

/**
 * To be awaited: what could be awaited itself, a task, a local, an offload, ... At the deadline it
 * is cancelled, and when it has ended for that timed_out is thrown. A task, a local or a struct of
 * C's that has a name is the caller's, and stays there until then; anything else is moved in, a
 * pointer is copied.
 */
template <class X> task<detail::result_of<detail::taken_of<X>>> timeout(deadline until, X &&awaited)
{
	return detail::timeout<detail::taken_of<X>>(until, std::forward<X>(awaited));
}

} // namespace ferry
#endif
#endif
