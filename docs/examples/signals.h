/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIGNALS_H
#define SIGNALS_H
/* SIGINT and SIGTERM as a descriptor, which a loop watches like any other. */

/*
 * From here on they do not end the program but make a descriptor readable; those that whoever
 * started us had ignored, as nohup does, stay ignored. A write to a pipe that nobody reads fails
 * and does not end it either. To be called before any thread is made, so that none of them gets a
 * signal. The descriptor, or a negative errno.
 */
int signals_open(void);

#endif
