/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ADAPT_DRIVER_H
#define ADAPT_DRIVER_H
/*
 * A host loop of somebody else and the adapter for it, as test_adapter.c and stress_adapter.c
 * drive them: one driver_<host>.c is linked to each.
 */
#include <ferry.h>
#include <stdbool.h>

typedef void driver_callback(void *user);

struct driver {
	const char *name;
	bool hooked;  /* has hooks before and behind its poll */
	bool ends;    /* run returns when nothing is pending */
	bool nests;   /* may be run from inside of its own callbacks */
	unsigned faults; /* calls in attach that driver_fail can make fail */

	void *(*open)(void);
	void (*close)(void *host); /* with or without an adapter */
	int (*attach)(void *host, ferry_loop *loop, void **ret);
	int (*detach)(void *adapter);
	int (*detach_closed)(void *adapter); /* its host was closed before */
	void (*run)(void *host);   /* until stop, or it ends */
	void (*turn)(void *host);  /* what is ready, without waiting */
	void (*stop)(void *host);
	/* Every so many milliseconds. */
	void *(*timer_new)(void *host, unsigned milliseconds, driver_callback *fn, void *user);
	void (*timer_free)(void *timer);
	/* Whenever a descriptor is readable. */
	void *(*watch_new)(void *host, int fd, driver_callback *fn, void *user);
	void (*watch_free)(void *watch);
	/* Before each poll; NULL: it has no such hook. */
	void *(*hook_new)(void *host, driver_callback *fn, void *user);
	void (*hook_free)(void *hook);
	int (*wait_ms)(void *host); /* how long it would wait now; NULL: it does not say */
};

extern const struct driver driver;
/* The so-manieth fallible call of attach fails, from 1; 0: none. */
extern unsigned driver_fail;

/* True for the one that is to fail. */
static inline bool driver_fails(void)
{
	return driver_fail && !--driver_fail;
}

/* What a driver's timers and watches have in common. */
struct driver_source {
	driver_callback *fn;
	void *user, *host;
};

#endif
