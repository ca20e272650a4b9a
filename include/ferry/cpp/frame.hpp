/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_CPP_FRAME_HPP
#define FERRY_CPP_FRAME_HPP
/*
 * The frame of a coroutine: a task, as the library has it, whose step resumes the coroutine.
 *
 *   made        the coroutine is suspended at its beginning; the task is zero
 *   begun       by ferry_task_begin() or ferry_task_submit()
 *   body        each step resumes the coroutine, which returns when it waits (wait()), or has ended
 *   leaving     a wait was cut: cancelled() was thrown there, or what a group of its own failed
 *               with. How it ends stands; further waits are shielded, as behind FERRY_FINALLY
 *   ended       the task has its outcome. The memory goes with the coroutine, in one piece
 *
 * Whose the memory is: a task<T> owns it. One that it was taken from (spawned, in a group, let go
 * of before its end) is destroyed by its cleanup hook, which the library calls once, also as the
 * loop is closed. A coroutine that the close has ended is destroyed there, where it waits, whoever
 * owns it: so what lies in a body is destroyed on the loop's thread, while the loop is there.
 */
#include <ferry/cpp/result.hpp>
#include <ferry/task.h>

#if defined __cpp_impl_coroutine && __cpp_impl_coroutine >= 201902L
/** Defined where the compiler has coroutines: then there are task.hpp and what builds on it. */
#define FERRY_COROUTINES 1
#include <coroutine>
#include <memory>

namespace ferry
{

/** Options of a task; what is not set has its default. */
struct task_options {
	ferry_start start = FERRY_START_DEFAULT; /* as the loop's task factory decides */
	const char *name = nullptr;              /* for people; copied, cut at 31 bytes */
	void *user = nullptr;                    /* ferry_task_user() */
	void *context = nullptr;                 /* ferry_task_context() */
	const ferry_context_hooks *hooks = nullptr;
};

namespace detail
{

/* Where something is awaited. */
struct where {
	const char *file, *function;
	unsigned line;
};

/* How a task ended, if it has. */
struct outcome {
	bool is_done = false, is_cancelled = false;
	error_reference failure;
};

/* Who owns a frame, and is told if it has to go. */
struct frame_owner {
	class frame *frame = nullptr;
	outcome last; /* when the frame has gone */
};

/* Has a loop's exception handler told: by a local that goes with the exception (L6). */
inline void tell(ferry_loop *loop, error_reference failure) noexcept
{
	ferry_local *messenger;

	if (ferry_local_new(loop, &messenger) < 0)
		return;
	if (ferry_local_set_exception(messenger, failure.get()) == 0)
		failure.release();
	ferry_local_unref(messenger);
}

class frame : public ferry_task
{
      public:
	frame() noexcept : ferry_task()
	{
	}

	frame(const frame &) = delete;
	frame &operator=(const frame &) = delete;

	/* ---- begun ---- */

	bool is_begun() const noexcept
	{
		return begun_;
	}

	/*
	 * Owned by somebody who cannot go before it has ended: what the owner awaits, and has in
	 * his own frame.
	 */
	void begin_awaited(ferry_loop *loop, ferry_group *group, frame_owner &owner)
	{
		ferry_task_options options = FERRY_TASK_OPTIONS_INIT;

		set_begun();
		owner_ = &owner;
		options.group = group;
		ferry_task_begin(this, loop, run_step, &options);
	}

	/* Owned, if at all, by somebody who may let go of it at any time. */
	void begin(ferry_loop *loop, ferry_group *group, frame_owner *owner,
		   const task_options &given)
	{
		ferry_task_options options = to_c(given);

		set_begun();
		options.group = group;
		owner_ = owner;
		is_hooked_ = is_hook_due_ = true;
		ferry_task_begin(this, loop, run_step, &options);
		if (!ferry_task_loop(this)) {
			/* Refused by the loop itself, so that no hook is called. */
			is_hook_due_ = false;
			keep_outcome();
		} else if (owner) {
			loop_.reset(ferry_loop_ref(loop));
			look_at_end(loop);
		}
	}

	/* As begin(), on behalf of nobody; thrown if it is refused. */
	void spawn(ferry_loop *loop, ferry_group *group, const task_options &given)
	{
		begin(loop, group, nullptr, given);
		if (is_entered_ || !result().is_done)
			return;
		ferry_task_snapshot(this);
		error_reference refusal = result().failure;

		if (!is_hook_due_)
			coroutine.destroy();
		if (refusal.get())
			rethrow(refusal.get());
	}

	/* From any thread; on behalf of who has the future. */
	ferry_future *submit(ferry_loop *loop, ferry_pool *pool, const task_options &given)
	{
		ferry_task_options options = to_c(given);
		ferry_unwrap_options unwrap = FERRY_UNWRAP_OPTIONS_INIT;
		ferry_future *future = nullptr;
		int refused;

		set_begun();
		unwrap.pool = pool;
		is_hooked_ = is_hook_due_ = is_submitted_ = true;
		/* From here on it is the loop's thread's. */
		refused = ferry_task_submit(this, loop, run_step, &options, &unwrap, &future);
		if (!refused)
			return future;
		coroutine.destroy();
		check(refused);
		return nullptr;
	}

	/* ---- its own waits ---- */

	/* Waits, or goes on: true if it waits. Asked from its own step, by an awaiter. */
	bool wait(ferry_awaitable *until, const where &here, bool is_shielded = false)
	{
		int waits;

		note_place(here);
		waits = is_shielded ? ferry_task_await_shielded(this, until, &place_)
				    : ferry_task_await(this, until, &place_);
		return check(waits);
	}

	bool wait_a_turn(const where &here)
	{
		note_place(here);
		return check(ferry_task_yield(this, &place_));
	}

	/* Behind a wait, first of all: was it cut? Then what the body leaves with is thrown. */
	void go_on()
	{
		if (!ferry_task_interrupted(this))
			return;
		if (ferry_task_leave(this) != FERRY_AT_FINALLY)
			throw timed_out();
		is_leaving_ = true;
		flags |= FERRY_TASK_SHIELDED;
		/* As it will end: with an exception, or without one, as cancelled. */
		if (exception)
			rethrow(exception);
		throw cancelled();
	}

	/* ---- its end ---- */

	/* In a catch: what the body let through. */
	void set_thrown() noexcept
	{
		thrown_ = error_reference::take(current_error());
	}

	outcome result() const noexcept
	{
		ferry_snapshot snapshot;

		if (kept_.is_done)
			return kept_;
		snapshot = ferry_awaitable_snapshot(&awaitable);
		return { snapshot.done != 0, snapshot.cancelled != 0,
			 error_reference::share(snapshot.exception) };
	}

	/* What it waits for, if that lies in its own frame. */
	void set_awaited(frame_owner *awaited) noexcept
	{
		awaited_ = awaited;
	}

	/* Has it ended, and all who waited by then have gone on? Then it goes with its owner. */
	bool is_left() const noexcept
	{
		return is_hooked_ && !is_hook_due_;
	}

	/* Its owner has seen how it ended. */
	void note_seen() noexcept
	{
		is_seen_ = true;
	}

	/* Its owner has another address, or there is none any more. */
	void set_owner(frame_owner *owner) noexcept
	{
		owner_ = owner;
	}

	/* Its owner lets go of it. */
	void let_go() noexcept
	{
		owner_ = nullptr;
		if (is_hook_due_) {
			if (!result().is_done)
				ferry_task_cancel(this);
			else if (is_seen_)
				ferry_task_snapshot(this);
			return;
		}
		if (is_hooked_)
			tell_of_failure();
		else if (begun_ && awaitable.word != 1) /* done, with a result */
			clear();
		destroy();
	}

	/* Its exception, if it is to be held no longer: told, unless somebody has seen it. */
	void clear() noexcept
	{
		if (is_seen_)
			ferry_task_snapshot(this);
		ferry_task_clear(this);
	}

	std::coroutine_handle<> coroutine;

      protected:
	~frame() = default;

	/* The value that the body returned, as the result of its future. */
	ferry_result (*pack_value)(frame &self) = nullptr;

      private:
	struct look : ferry_waiter {
		frame *of;
	};

	struct unref {
		void operator()(ferry_loop *loop) const noexcept
		{
			ferry_loop_unref(loop);
		}
	};

	static ferry_task_options to_c(const task_options &given) noexcept
	{
		ferry_task_options options = FERRY_TASK_OPTIONS_INIT;

		options.start = given.start;
		options.name = given.name;
		options.user = given.user;
		options.context = given.context;
		options.hooks = given.hooks;
		options.cleanup = on_end;
		return options;
	}

	void set_begun()
	{
		if (begun_)
			throw error(EALREADY);
		begun_ = true;
	}

	void note_place(const where &here) noexcept
	{
		place_ = { here.file, here.function, nullptr, here.line };
		at = static_cast<std::uint16_t>(here.line < FERRY_AT_END ? here.line
									 : FERRY_AT_END - 1);
	}

	static ferry_step run_step(ferry_task *task) noexcept
	{
		frame &self = static_cast<frame &>(*task);

		self.is_entered_ = true;
		if (task->at < FERRY_AT_END) {
			self.coroutine.resume();
			if (!self.coroutine.done())
				return ferry_step{ 1 };
			self.end_body();
			task->at = FERRY_AT_FINALLY;
		}
		if (task->at == FERRY_AT_FINALLY) {
			if (task->attachments && ferry_task_finally(task))
				return ferry_step{ 1 };
			task->flags |= FERRY_TASK_SHIELDED;
			task->at = FERRY_AT_END;
		}
		return ferry_task_finish(task);
	}

	/* What it ends as, if nothing has said that before. */
	void end_body() noexcept
	{
		const ferry_error *error = thrown_.release();
		bool is_cancelled = error == ferry_error_from_code(FERRY_ERROR_CANCELLED);

		if (error && !is_cancelled)
			ferry_task_fail(this, error);
		else if (is_leaving_)
			return;
		else if (error)
			ferry_task_fail_errno(this, -ECANCELED);
		else if (is_submitted_)
			give_value();
	}

	void give_value() noexcept
	{
		ferry_result result;
		int refused;

		try {
			result = pack_value(*this);
		} catch (...) {
			ferry_task_fail(this, current_error());
			return;
		}
		refused = ferry_task_set_result(this, result);
		if (!refused)
			return;
		dispose(result);
		ferry_task_fail_errno(this, refused);
	}

	/* Its owner will look at how it ends, so nobody else need be told of an exception. */
	void look_at_end(ferry_loop *loop) noexcept
	{
		look_.notify = [](ferry_waiter *waiter) {
			frame *self = static_cast<look *>(waiter)->of;

			if (self->owner_)
				ferry_task_snapshot(self);
		};
		look_.of = this;
		if (ferry_awaitable_attach(&awaitable, loop, &look_) < 0)
			ferry_task_snapshot(this);
	}

	/* The owner never did. */
	void tell_of_failure() noexcept
	{
		if (!is_seen_ && kept_.failure.get() && loop_)
			tell(loop_.get(), std::move(kept_.failure));
	}

	void keep_outcome() noexcept
	{
		kept_ = result();
	}

	/* The cleanup hook. */
	static void on_end(ferry_task *task, void *) noexcept
	{
		frame &self = static_cast<frame &>(*task);

		self.is_hook_due_ = false;
		self.keep_outcome();
		if (self.owner_ && self.coroutine.done())
			return;
		if (self.owner_) {
			self.owner_->last = self.kept_;
			self.owner_->frame = nullptr;
		}
		self.destroy();
	}

	/* With all that it waits for in its own frame, the innermost first. Destructors within
	 * destructors would do that, too, and need a stack as deep as it is. */
	void destroy() noexcept
	{
		frame *here = this, *above = nullptr;

		while (frame *below = here->awaited_ ? here->awaited_->frame : nullptr) {
			if (below->is_hooked_)
				break;
			here->above_ = std::exchange(above, here);
			here = below;
		}
		here->awaited_ = nullptr;
		while (above) {
			frame *ended = std::exchange(here, above);

			above = here->above_;
			here->awaited_ = nullptr;
			ended->owner_->frame = nullptr;
			ended->let_go();
		}
		coroutine.destroy();
	}

	frame_owner *owner_ = nullptr;
	union {
		frame_owner *awaited_ = nullptr;
		frame *above_; /* who awaits it, as it is destroyed */
	};
	ferry_place place_ = {};
	error_reference thrown_; /* by the body */
	outcome kept_;           /* when the library does not keep it any more */
	std::unique_ptr<ferry_loop, unref> loop_;
	look look_ = {};
	bool begun_ = false, is_entered_ = false, is_leaving_ = false, is_seen_ = false;
	bool is_hooked_ = false;    /* it was begun with a cleanup hook */
	bool is_hook_due_ = false;  /* which is yet to be called */
	bool is_submitted_ = false; /* a future has its value */
};

} // namespace detail
} // namespace ferry
#endif
#endif
