/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The only file that includes liburcu's concurrent parts, and holds its annotations.
 *
 * Called on any thread: submit pushes jobs, a completer pushes posts, workers and
 * loops take all. liburcu 0.13 synchronises in assembly that ThreadSanitizer cannot
 * see, so each true edge is told to it here: what was written before a push is
 * visible after the take-all, what a reader did is over after the grace period.
 * Compiled against the out-of-line functions (_LGPL_SOURCE is not defined).
 */
#include "base/rcu.h"
#include "base/atomic.h"

#include <stddef.h>
#include <urcu/lfstack.h>
#include <urcu/urcu-bp.h>

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(HAS_TSAN)
#include <sanitizer/tsan_interface.h>
#define tell_release(address) __tsan_release(address)
#define tell_acquire(address) __tsan_acquire(address)
#else
#define tell_release(address) ((void)(address))
#define tell_acquire(address) ((void)(address))
#endif

_Static_assert(sizeof(struct stack) == sizeof(struct __cds_lfs_stack), "same shape as liburcu's");
_Static_assert(offsetof(struct ferry_waiter, next) == offsetof(struct cds_lfs_node, next),
	       "a node is liburcu's node");

#ifdef FERRY_SEAM
#define section_begin seam_read_begin
#define section_end seam_read_end
#define grace_period seam_wait_for_readers
#else
#define section_begin urcu_bp_read_lock
#define section_end urcu_bp_read_unlock
#define grace_period urcu_bp_synchronize_rcu
#endif

static char readers; /* stands for all read-side sections, for the sanitizer */

void rcu_read_begin(void)
{
	section_begin();
}

void rcu_read_end(void)
{
	tell_release(&readers);
	section_end();
}

void rcu_wait_for_readers(void)
{
	grace_period();
	tell_acquire(&readers);
}

void rcu_before_fork(void)
{
	urcu_bp_before_fork();
}

void rcu_after_fork_parent(void)
{
	urcu_bp_after_fork_parent();
}

void rcu_after_fork_child(void)
{
	urcu_bp_after_fork_child();
}

static struct __cds_lfs_stack *theirs(struct stack *stack)
{
	return (struct __cds_lfs_stack *)stack;
}

void stack_init(struct stack *stack)
{
	__cds_lfs_init(theirs(stack));
}

void stack_push(struct stack *stack, struct ferry_waiter *node)
{
	ATOMIC_STEP(stack);
	tell_release(stack);
	cds_lfs_push(theirs(stack), (struct cds_lfs_node *)node);
}

struct ferry_waiter *stack_take_all(struct stack *stack)
{
	struct ferry_waiter *newest;

	ATOMIC_STEP(stack);
	newest = (struct ferry_waiter *)__cds_lfs_pop_all(theirs(stack));
	tell_acquire(stack);
	return newest;
}

/*
 * liburcu's own look is a plain load, which a weakly ordered CPU may do before our
 * exchange that precedes it. Sequentially consistent: with the pusher's full barrier
 * this is the cross that keeps a post from being missed (L1, P3).
 */
bool stack_is_empty(struct stack *stack)
{
	return !atomic_load_seq_cst((void *_Atomic *)&stack->top);
}

bool stack_looks_empty(struct stack *stack)
{
	/* Relaxed: see rcu.h. */
	return !atomic_load_relaxed((void *_Atomic *)&stack->top);
}
