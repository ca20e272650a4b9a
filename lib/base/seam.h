/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_SEAM_H
#define BASE_SEAM_H
/*
 * What a test build puts in the place of the machine.
 *
 * Compiled with FERRY_SEAM, the library calls these functions where it otherwise
 * has inlined calls: before each atomic operation, for each system call that can
 * fail, for memory, the clock, sleeping, waking, locking and threads. A test
 * program defines them: a scheduler that explores interleavings, an injector of
 * failures, a clock that stands still. Nothing else in lib/ differs for tests.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct epoll_event;
struct sigaction;
struct thread;

/* Before each operation on an atomic object, or on a stack. */
void seam_step(const void *object);

/* liburcu would take threads that a scheduler runs on one for one reader. */
void seam_read_begin(void);
void seam_read_end(void);
void seam_wait_for_readers(void);

void *seam_memory_new(size_t bytes);
void seam_memory_free(void *memory);
uint64_t seam_clock_now(void);
struct thread *seam_thread_self(void);

int seam_wait(const _Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns);
void seam_wake(const _Atomic uint32_t *word, int count);
void seam_pause(void);
void seam_lock(void *lock);
int seam_lock_try(void *lock);
void seam_unlock(void *lock);
int seam_thread_start(void *(*main)(void *), void *argument, size_t stack_bytes);

int seam_eventfd(void);
int seam_timerfd(void);
int seam_timerfd_expire(int fd);
void seam_close(int fd);
int seam_epoll_create(void);
int seam_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
int seam_epoll_wait(int epoll, struct epoll_event *events, int count, uint64_t timeout_ns);
ssize_t seam_write(int fd, const void *bytes, size_t count);

int seam_sigaction(int signal, const struct sigaction *ours, struct sigaction *theirs);
int seam_signal_thread(uint32_t thread, int signal);
void seam_signal_block(int signal);
void seam_signal_unblock(int signal);
bool seam_signal_take(int signal);
uint32_t seam_thread_id(void);
int seam_timer_create(int signal, uint32_t thread, timer_t *ret);
int seam_timer_set(timer_t timer, uint64_t delay_ns, uint64_t period_ns);
void seam_timer_delete(timer_t timer);

#endif
