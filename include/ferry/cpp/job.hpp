/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_CPP_JOB_HPP
#define FERRY_CPP_JOB_HPP
/*
 * Jobs: anything that can be called, as the function and argument of a job.
 *
 * One block holds the callable and, once it has returned, what it returned:
 *
 *   made        by who submits: the callable is moved in
 *   run         on a worker, at most once; an exception becomes that of the job
 *   release     the callable is destroyed, once, when nothing can touch it any more: it has
 *               returned, or never will run. Before the outcome can be seen
 *   dispose     the value is destroyed, once, and the block goes; without a value it went before
 */
#include <ferry/cpp/result.hpp>
#include <ferry/pool/job.h>

namespace ferry
{

/** Options of a job; what is not set has its default. */
struct job_options {
	ferry_lane *lane = nullptr; /* the pool's ordinary lane */
	const char *name = nullptr; /* for people; copied, cut at 31 bytes */
	deadline expires = {};      /* still queued then: it fails, and never runs */
	deadline room = {};         /* how long to wait for room, where the pool is to */
	bool interruptible = false; /* cancelled while it runs, its system calls get EINTR */
	void *context = nullptr;    /* ferry_job_context() */
	const ferry_context_hooks *hooks = nullptr;
};

namespace detail
{

template <class T> struct no_box {
};

/* What a callable returns when it is called without arguments. */
template <class F> using returned_by = std::invoke_result_t<std::decay_t<F> &>;

template <class F>
class job
	: std::conditional_t<is_boxed<returned_by<F>>, box<returned_by<F>>, no_box<returned_by<F>>>
{
	using T = returned_by<F>;

      public:
	template <class G> explicit job(G &&function) : function_(std::forward<G>(function))
	{
	}

	job(const job &) = delete;
	job &operator=(const job &) = delete;

	~job()
	{
	}

	static int run(void *arg, ferry_result *out) noexcept
	{
		try {
			static_cast<job *>(arg)->call(out);
			return 0;
		} catch (const cancelled &) {
			return -ECANCELED;
		} catch (...) {
			return ferry_job_fail(current_error(), out);
		}
	}

	static void release(void *arg) noexcept
	{
		auto *self = static_cast<job *>(arg);

		self->function_.~F();
		if (!self->has_value_)
			delete self;
	}

      private:
	void call(ferry_result *out)
	{
		if constexpr (std::is_void_v<T>) {
			function_();
		} else if constexpr (!is_boxed<T>) {
			*out = detail::pack<T>(function_());
		} else {
			::new (static_cast<void *>(std::addressof(this->value))) T(function_());
			has_value_ = true;
			*out = ferry_result_pointer(static_cast<box<T> *>(this), &disposer);
		}
	}

	static void dispose(const ferry_result *result) noexcept
	{
		if constexpr (is_boxed<T>) {
			auto *self = static_cast<job *>(static_cast<box<T> *>(result->pointer));

			self->value.~T();
			delete self;
		}
	}

	static constexpr ferry_disposer disposer = { disposer_kind<T>, dispose };

	union {
		F function_;
	};
	bool has_value_ = false;
};

/* A deadline in a struct of C's, where 0 is none. */
inline std::uint64_t to_c(deadline at) noexcept
{
	if (at.is_never())
		return 0;
	return at.ns() ? at.ns() : 1;
}

/* Options as C has them, for such a job. */
inline ferry_job_options to_c(const job_options &given, void (*release)(void *)) noexcept
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	options.lane = given.lane;
	options.name = given.name;
	options.deadline_ns = to_c(given.expires);
	options.room_deadline_ns = to_c(given.room);
	options.interruptible = given.interruptible;
	options.context = given.context;
	options.hooks = given.hooks;
	options.release = release;
	return options;
}

/*
 * Makes one, and has @give hand it over, as a call of C does: what that returns. On failure, which
 * @give throws, release was not called, and is here.
 */
template <class F, class Give> auto give_job(F &&function, const job_options &options, Give give)
{
	using made = job<std::decay_t<F>>;
	auto *given = new made(std::forward<F>(function));

	try {
		return give(made::run, given, to_c(options, made::release));
	} catch (...) {
		made::release(given);
		throw;
	}
}

} // namespace detail
} // namespace ferry
#endif
