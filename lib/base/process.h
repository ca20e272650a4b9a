/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H
/*
 * Which process this is, counted in forks.
 *
 * A pool or a loop remembers the generation it was made in; in a fork's child the
 * number differs and every call but free returns -ECHILD (P6).
 */

/* Registers the fork hooks once. 0 or -ENOMEM. Called before anything else is made. */
int process_prepare(void);

/* Changes only in a fork's child, while it has one thread: a plain read will do. */
extern unsigned process_generation;

/*
 * In a fork's child, on what was a worker of its parent: ends the thread, and with it, status
 * 1, the child, unless that has made other threads.
 */
_Noreturn void process_end_thread(void);

#endif
