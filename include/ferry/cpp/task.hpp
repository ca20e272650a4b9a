/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_CPP_TASK_HPP
#define FERRY_CPP_TASK_HPP
/*
 * Tasks that are coroutines.
 *
 *	ferry::task<int> count(ferry::pool &pool, std::string path)
 *	{
 *		int lines = co_await ferry::offload(pool, [&] { return count_lines(path); });
 *
 *		co_return lines + 1;
 *	}
 *
 *   int lines = co_await count(pool, path);    a child: begun here, awaited here
 *   int lines = loop.run(count(pool, path));   from outside of the loop
 *   ferry::spawn(loop, serve(pool, fd));       nobody awaits it
 *   auto a = count(pool, path); a.begin(loop); begun now, awaited later: co_await a
 *
 * To the library it is a task like any other: it starts as the loop's factory says, and can be
 * cancelled, dumped, and named by every call of C (native_handle()). What can be awaited is in
 * await.hpp, several at once in group.hpp. All of it on the loop's thread.
 */
#include <ferry/cpp/frame.hpp>
#include <ferry/cpp/loop.hpp>

#if defined FERRY_COROUTINES

namespace ferry
{

template <class T = void> class task;

namespace detail
{

/* Compilers give a coroutine what operator new gives, also where its value needs more alignment. */
template <class T, bool = (alignof(T) > __STDCPP_DEFAULT_NEW_ALIGNMENT__)> struct aligned_block {
};

template <class T> struct aligned_block<T, true> {
	static void *operator new(std::size_t size)
	{
		return ::operator new(size, std::align_val_t(alignof(T)));
	}

	static void operator delete(void *block) noexcept
	{
		::operator delete(block, std::align_val_t(alignof(T)));
	}
};

/* Where the value is that a body returned. */
template <class T> class value_frame : public frame, public aligned_block<T>
{
      public:
	template <class Value = T>
	void return_value(Value &&value) noexcept(std::is_nothrow_constructible_v<T, Value &&>)
	{
		::new (static_cast<void *>(std::addressof(box_.value)))
			T(std::forward<Value>(value));
		has_value_ = true;
	}

	T take_value()
	{
		if (!has_value_)
			throw error(EALREADY);
		T taken = std::move(box_.value);

		drop_value();
		return taken;
	}

      protected:
	~value_frame()
	{
		drop_value();
	}

      private:
	void drop_value() noexcept
	{
		if (std::exchange(has_value_, false))
			box_.value.~T();
	}

	box<T> box_;
	bool has_value_ = false;
};

template <class T> class value_frame<T &> : public frame
{
      public:
	void return_value(T &value) noexcept
	{
		value_ = std::addressof(value);
	}

	T &take_value()
	{
		if (!value_)
			throw error(EALREADY);
		return *std::exchange(value_, nullptr);
	}

      protected:
	~value_frame() = default;

      private:
	T *value_ = nullptr;
};

template <> class value_frame<void> : public frame
{
      public:
	void return_void() noexcept
	{
	}

	void take_value() noexcept
	{
	}

      protected:
	~value_frame() = default;
};

/* Can a coroutine wait for that? See await.hpp. */
template <class X> concept can_be_awaited = requires(frame &of, X &&x, const where &here)
{
	make_awaiter(of, std::forward<X>(x), here);
};

template <class T> class promise final : public value_frame<T>
{
      public:
	promise() noexcept
	{
		this->coroutine = std::coroutine_handle<promise>::from_promise(*this);
		this->pack_value = [](frame &self) {
			if constexpr (std::is_void_v<T>)
				return detail::pack<void>();
			else
				return detail::pack<T>(static_cast<promise &>(self).take_value());
		};
	}

	task<T> get_return_object() noexcept;

	std::suspend_always initial_suspend() noexcept
	{
		return {};
	}

	std::suspend_always final_suspend() noexcept
	{
		return {};
	}

	void unhandled_exception() noexcept
	{
		this->set_thrown();
	}

	/* Where the wait is, for the dump: what std::source_location is made of, which not every
	 * compiler has that has coroutines. */
	template <class X>
	auto await_transform(X &&x, const char *file = __builtin_FILE(),
			     const char *function = __builtin_FUNCTION(),
			     unsigned line = __builtin_LINE())
	{
		if constexpr (can_be_awaited<X>)
			return make_awaiter(*this, std::forward<X>(x),
					    where{ file, function, line });
		else
			static_assert(can_be_awaited<X>,
				      "this is nothing that a ferry::task can wait for");
	}
};

/* What tasks keep to themselves. */
struct task_access {
	template <class T> static promise<T> *frame_of(task<T> &task) noexcept
	{
		return static_cast<promise<T> *>(task.frame);
	}

	template <class T> static frame_owner *owner_of(task<T> &task) noexcept
	{
		return &task;
	}

	/* It owns its frame, which was not begun, no longer. */
	template <class T> static promise<T> *take(task<T> &task)
	{
		if (!task.frame)
			throw error(EINVAL);
		if (task.frame->is_begun())
			throw error(EALREADY);
		task.frame->set_owner(nullptr);
		return static_cast<promise<T> *>(std::exchange(task.frame, nullptr));
	}

	/* A child of who has it in his own frame, and awaits it, or the group. */
	template <class T>
	static void begin_awaited(task<T> &task, ferry_loop *loop, ferry_group *group)
	{
		if (!task.frame)
			throw error(EINVAL);
		task.frame->begin_awaited(loop, group, task);
	}
};

} // namespace detail

/**
 * A coroutine that is a task. It is begun when it is awaited, or by begin().
 *
 * It owns the coroutine. One that is dropped before it has ended is cancelled, and goes when it has
 * ended: what it borrows must be there until then. Awaited at once, or by what group.hpp has, it
 * always is.
 */
template <class T> class [[nodiscard]] task : private detail::frame_owner
{
      public:
	using promise_type = detail::promise<T>;

	/** Of nothing. */
	task() noexcept = default;

	task(task &&other) noexcept
	{
		swap(other);
	}

	task &operator=(task &&other) noexcept
	{
		swap(other);
		return *this;
	}

	~task()
	{
		if (frame)
			frame->let_go();
	}

	/** Is there one? */
	explicit operator bool() const noexcept
	{
		return frame || last.is_done;
	}

	/**
	 * Begins it on a loop, as the options say: eagerly, its first step runs here. A refusal is
	 * a task born failed: EPERM on another thread, ESHUTDOWN, ... Throws EALREADY, EINVAL of
	 * nothing.
	 */
	task &begin(ferry_loop *loop, const task_options &options = {}) &
	{
		if (!frame)
			throw error(EINVAL);
		frame->begin(loop, nullptr, this, options);
		return *this;
	}

	/** The same for one that has no name yet: auto reading = read(file).begin(loop); */
	task begin(ferry_loop *loop, const task_options &options = {}) &&
	{
		begin(loop, options);
		return std::move(*this);
	}

	/** Has it its outcome? */
	bool is_done() const noexcept
	{
		return outcome().is_done;
	}

	/** Has it ended as cancelled? */
	bool is_cancelled() const noexcept
	{
		return outcome().is_cancelled;
	}

	/** Asks it to end: false if it has ended, or was never begun. */
	bool cancel() noexcept
	{
		return frame && ferry_task_cancel(frame) == 0;
	}

	/**
	 * Takes the result when it has ended, or throws what it ended with; EAGAIN, EALREADY,
	 * EINVAL of nothing.
	 */
	T get()
	{
		detail::outcome how = outcome();

		if (!how.is_done)
			throw error(frame ? EAGAIN : EINVAL);
		if (frame)
			frame->note_seen();
		if (how.is_cancelled)
			throw cancelled();
		if (how.failure.get())
			rethrow(how.failure.get());
		return detail::task_access::frame_of(*this)->take_value();
	}

	/** As the C calls have it, all of which may be used; borrowed. NULL of nothing. */
	ferry_task *native_handle() const noexcept
	{
		return frame;
	}

      private:
	friend struct detail::task_access;
	friend promise_type;

	explicit task(promise_type &made) noexcept
	{
		frame = &made;
	}

	detail::outcome outcome() const noexcept
	{
		return frame ? frame->result() : last;
	}

	void swap(task &other) noexcept
	{
		std::swap(frame, other.frame);
		std::swap(last, other.last);
		if (frame)
			frame->set_owner(this);
		if (other.frame)
			other.frame->set_owner(&other);
	}
};

template <class T> task<T> detail::promise<T>::get_return_object() noexcept
{
	return task<T>(*this);
}

/**
 * Begins a task that nobody awaits. It goes when it has ended; an exception that it ends with is
 * told to the loop's exception handler. Throws what it is refused with.
 */
template <class T> void spawn(ferry_loop *loop, task<T> spawned, const task_options &options = {})
{
	detail::task_access::take(spawned)->spawn(loop, nullptr, options);
}

/**
 * Hands a task to a loop, from any thread; its result is that of the future. Cancelling the future
 * asks the task. The loop is alive, or held by a loop_handle. @pool is needed where
 * destructor_blocks<T>. Throws ESHUTDOWN if the loop is closed; if it closes later the future is
 * CANCELLED.
 */
template <class T>
future<T> submit(ferry_loop *loop, task<T> submitted, ferry_pool *pool = nullptr,
		 const task_options &options = {})
{
	if (!pool && destructor_blocks<T>)
		throw error(EINVAL);
	return future<T>(detail::task_access::take(submitted)->submit(loop, pool, options));
}

/** As loop::run(). */
template <class T> T run_until(loop &loop, task<T> &until)
{
	if (!until)
		throw error(EINVAL);
	if (until.native_handle() && !detail::task_access::frame_of(until)->is_begun())
		until.begin(loop);
	if (until.is_done())
		return until.get();
	/* What becomes of it is another loop's, and perhaps another thread's. */
	if (ferry_task_loop(until.native_handle()) != loop.native_handle())
		throw error(EINVAL);
	detail::loop_access::check_run(loop,
				       ferry_loop_await(loop, &until.native_handle()->awaitable));
	return until.get();
}

/** As loop::run(). */
template <class T> T run_until(loop &loop, task<T> &&until)
{
	return run_until(loop, until);
}

} // namespace ferry
#endif
#endif
