/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SEAM_MACHINE_H
#define SEAM_MACHINE_H
/* The machine of a model, as scenes and the explorer see it. */
#include <stdbool.h>
#include <stdint.h>

/* Before each run. */
void machine_reset(void);
void descriptors_reset(void);
void scene_reset(void);
/* What was left when a run ended well: a text, or NULL if nothing was. */
const char *descriptors_left(void);

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

#endif
