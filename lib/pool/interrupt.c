/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interrupting the call that a job's function is blocked in, by a signal to its worker.
 *
 * interrupt_ask() is called by the thread that first asks for the job's cancellation,
 * everything else by the worker itself (step "work" of a request). Before it the job was
 * moved to RUNNING; after it its argument is released and its future completed. Invariant
 * (P11): a worker has the signal blocked but for the time inside the function of a job that
 * may be interrupted; when it leaves that, none is on its way, and what is pending is taken
 * before anything else runs. So nobody else sees EINTR.
 *
 * A signal that lands before the function has entered its call is lost on that call. So it
 * is sent by a timer of the worker's own, again and again until the function has returned.
 */
#include "pool/interrupt.h"

#include "base/sys.h"
#include "pool/core.h"

#include <signal.h>

/* Often enough that nobody waits long, seldom enough that who does not listen costs little. */
#define AGAIN_NS 4000000u

/* NULL on a thread that is no worker, or is none any more: in a fork's child. */
static struct worker *worker_here(void)
{
	return (struct worker *)thread_self()->helper;
}

/* ---- the signal ---- */

/* It is there so that the call fails. */
static void handle(int signal)
{
	(void)signal;
}

/* What a thread brings upon itself is never blocked on a worker, and nobody's to give away. */
static bool is_synchronous(int signal)
{
	return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL ||
	       signal == SIGTRAP || signal == SIGSYS;
}

int interrupt_prepare(int signal)
{
	struct sigaction ours = { .sa_handler = handle, .sa_flags = SA_ONSTACK }, theirs;
	int error;

	if (signal < 1 || is_synchronous(signal) || signal == SIGKILL || signal == SIGSTOP)
		return -EINVAL;
	error = sys_sigaction(signal, NULL, &theirs);
	if (error)
		return error;
	if (!(theirs.sa_flags & SA_SIGINFO) && theirs.sa_handler == handle)
		return 0;
	if (theirs.sa_flags & SA_SIGINFO ||
	    (theirs.sa_handler != SIG_DFL && theirs.sa_handler != SIG_IGN))
		return -EBUSY;
	sigemptyset(&ours.sa_mask);
	return sys_sigaction(signal, &ours, NULL);
}

/* ---- who asks ---- */

void interrupt_init(struct interrupt *interrupt, const ferry_job_options *options)
{
	atomic_store_relaxed(&interrupt->word, 0); /* Relaxed: nobody else has seen it yet. */
	interrupt->on_cancel = options->on_cancel;
	interrupt->user = options->user;
}

/* The worker cannot leave meanwhile. */
static void signal_worker(const struct interrupter *worker)
{
	/* Without a timer there is one signal. If that cannot be sent either, too many are
	 * queued: then the function ends by itself. */
	if (!worker->has_timer || sys_timer_set(worker->timer, 1, AGAIN_NS) < 0)
		sys_signal_thread(worker->thread, worker->signal);
}

static void ask(struct interrupt *interrupt)
{
	/* Relaxed: the exchange decides. */
	uint32_t word = atomic_load_relaxed(&interrupt->word);

	/* [ask-interrupt] acquire, partner: listen(): who the worker is. */
	while (!atomic_swap_if_acq_rel(&interrupt->word, &word, interrupt_asked(word)))
		;
	if (!(word & INTERRUPT_THREAD))
		return;
	signal_worker(interrupt->worker);
	/* [sent-silence] release, partner: silence(): the signal is pending or was handled, or
	 * the timer is set; the worker was read. */
	atomic_or_acq_rel(&interrupt->word, INTERRUPT_SENT);
}

void interrupt_ask(ferry_future *future, void *user)
{
	struct interrupt *interrupt = &job_tail((struct job *)future)->interrupt;

	(void)user;
	/* In a fork's child the worker is not here. */
	if (!future_is_orphan(future))
		ask(interrupt);
	if (interrupt->on_cancel)
		interrupt->on_cancel(future, interrupt->user);
}

/* ---- the worker ---- */

/* From here on the job's function may be interrupted. */
static void listen(struct interrupter *interrupter, struct job *job)
{
	interrupter->job = job;
	/* [ask-interrupt] release, partner: ask(). If that came first, nobody else sends. */
	if (atomic_add_acq_rel(&job_tail(job)->interrupt.word, interrupter->thread) &
	    INTERRUPT_ASKED)
		signal_worker(interrupter);
	sys_signal_unblock(interrupter->signal);
}

/* From here on nothing is. */
static void silence(struct interrupter *interrupter)
{
	struct interrupt *interrupt = &job_tail(interrupter->job)->interrupt;
	unsigned turn = 0;
	uint32_t word;

	sys_signal_block(interrupter->signal);
	interrupter->job = NULL;
	/* [sent-silence] acquire, partner: ask(). Weaker: what is taken here is less than what
	 * was sent. Who asks from now on finds no thread. */
	word = atomic_sub_acq_rel(&interrupt->word, interrupter->thread);
	while (interrupt_is_underway(word)) {
		park_spin(&turn);
		word = atomic_load_acquire(&interrupt->word); /* [sent-silence] as above */
	}
	if (!(word & INTERRUPT_ASKED))
		return;
	if (interrupter->has_timer)
		sys_timer_set(interrupter->timer, 0, 0);
	while (sys_signal_take(interrupter->signal))
		;
}

/* With its first such job; a timer that could not be made is tried again with the next. */
static void prepare_worker(struct worker *worker)
{
	struct interrupter *interrupter = &worker->interrupter;

	if (!interrupter->thread) {
		interrupter->thread = sys_thread_id();
		interrupter->signal = worker->core->options.interrupt_signal;
	}
	if (!interrupter->has_timer)
		interrupter->has_timer = sys_timer_create(interrupter->signal, interrupter->thread,
							  &interrupter->timer) == 0;
}

void interrupt_begin(struct job *job)
{
	struct worker *worker = worker_here();

	prepare_worker(worker);
	job_tail(job)->interrupt.worker = &worker->interrupter;
	listen(&worker->interrupter, job);
}

void interrupt_end(void)
{
	struct worker *worker = worker_here();

	/* The function forked, and returns in the child: nothing of this exists there (P6). */
	if (worker)
		silence(&worker->interrupter);
}

struct job *interrupt_pause(void)
{
	struct worker *worker = worker_here();
	struct job *job = worker ? worker->interrupter.job : NULL;

	if (job)
		silence(&worker->interrupter);
	return job;
}

void interrupt_resume(struct job *job)
{
	struct worker *worker = worker_here();

	if (job && worker)
		listen(&worker->interrupter, job);
}

void interrupt_leave(struct worker *worker)
{
	if (worker->interrupter.has_timer)
		sys_timer_delete(worker->interrupter.timer);
}
