/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SEAM_MACHINE_H
#define SEAM_MACHINE_H
/* The machine of a model, as scenes and the explorer see it. */
#include <stdbool.h>
#include <stdint.h>

/* Before each run. */
void machine_reset(void);
void descriptors_reset(void);
void signals_reset(void);
void scene_reset(void);
/* What was left when a run ended well: a text, or NULL if nothing was. */
const char *descriptors_left(void);
const char *signals_left(void);

/* Bit i set: from now on the i-th thread that is started cannot be. */
void machine_fail_threads(unsigned which);
/* With more than one, workers and loops poll before they sleep. */
void machine_set_cpus(unsigned count);

/* What a host does: returns when the epoll descriptor is readable, false at the deadline. */
bool machine_poll(int epoll, uint64_t deadline_ns);
/* So many writes of eventfds fail from now on, with that error (or -EINTR, -EAGAIN). */
void machine_fail_writes(unsigned count, int error);
/* Writes of eventfds since the run began, by all threads but the first. */
unsigned machine_writes(void);

/* From now on no timer can be made. */
void machine_fail_timers(void);
/* Can this thread be signalled now, or is it, or is its timer set? */
bool machine_is_signalled(void);
/* What a thread does wherever it is, with a signal that is pending and not blocked. */
void machine_handle_signal(void);
/* A call that can be interrupted, and that nothing else ends. */
void machine_sleep_until_signal(void);

#endif
