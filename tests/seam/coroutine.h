/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SEAM_COROUTINE_H
#define SEAM_COROUTINE_H
/*
 * Coroutines: several stacks on one thread, switched by hand.
 *
 * AddressSanitizer is told of each switch. ThreadSanitizer is told that each coroutine is
 * a thread of its own, and that switching orders nothing: so it judges the library by the
 * orders that it asks for, although all of it runs on one thread. What the scheduler does
 * for itself is bracketed by coroutine_enter() and coroutine_leave(): to ThreadSanitizer
 * that part runs on the one real thread, so it races with nobody.
 */
#include <stddef.h>

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define COROUTINE_TSAN 1
#endif
#if __has_feature(address_sanitizer)
#define COROUTINE_ASAN 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define COROUTINE_TSAN 1
#endif
#ifdef __SANITIZE_ADDRESS__
#define COROUTINE_ASAN 1
#endif

struct coroutine {
	void *saved;      /* its stack pointer, while it does not run */
	char *stack;      /* the lowest address */
	size_t stack_bytes;
	void *fake_stack; /* AddressSanitizer's */
	void *fiber;      /* ThreadSanitizer's */
};

/* The one that main() runs on. */
void coroutine_init_main(struct coroutine *coroutine);
/*
 * Begins in @body, which must not return; it begins inside of coroutine_enter(). May be
 * called again for one that will not be switched to any more: its stack is used again.
 */
void coroutine_init(struct coroutine *coroutine, void (*body)(void));
/* Returns when somebody switches back to @from. Both sides are inside of enter. */
void coroutine_switch(struct coroutine *from, struct coroutine *to);

#ifdef COROUTINE_TSAN
#include <sanitizer/tsan_interface.h>

/* The fiber of the real thread, and of the coroutine that runs. */
void *coroutine_main_fiber(void);
void *coroutine_running_fiber(void);

#define coroutine_enter() \
	__tsan_switch_to_fiber(coroutine_main_fiber(), __tsan_switch_to_fiber_no_sync)
#define coroutine_leave() \
	__tsan_switch_to_fiber(coroutine_running_fiber(), __tsan_switch_to_fiber_no_sync)
/* An edge that the real machine has and the scheduler's does not show. */
#define coroutine_release(address) __tsan_release((void *)(address))
#define coroutine_acquire(address) __tsan_acquire((void *)(address))
#else
#define coroutine_enter() ((void)0)
#define coroutine_leave() ((void)0)
#define coroutine_release(address) ((void)(address))
#define coroutine_acquire(address) ((void)(address))
#endif

#endif
