/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MQTT_CLIENT_H
#define MQTT_CLIENT_H
/*
 * A client of an MQTT broker, as a loop likes it: each call returns a local at once, and that is
 * done when the broker has answered.
 *
 * Behind it is libmosquitto, which reads and writes on a thread of its own and calls back there.
 */
#include <stdbool.h>

#include <ferry/bridge.h>

#include "mqtt-options.h"
#include "promises.h"

struct client;

/*
 * What follows is for the thread of @loop. The workers of @pool, of which there must be one and not
 * more, do what blocks. @options must outlive the client.
 *
 * Those that return a local never fail otherwise, but for want of memory: NULL, with errno.
 */
int client_new(ferry_loop *loop, ferry_pool *pool, const struct options *options,
	       struct client **ret);

/* Done when the broker has let us in. To be called once, and first. */
ferry_local *client_connect(struct client *client);

/* Done when messages on our topic will come to us. */
ferry_local *client_subscribe(struct client *client);

/* Sends a message that has a number. Done when the broker has it. */
ferry_local *client_publish(struct client *client, unsigned number);

/* Done when the message with a number comes back. To be called before that is sent. */
ferry_local *client_echo(struct client *client, unsigned number);

/*
 * Leaves the broker. Done when the thread of libmosquitto has ended: then nothing is waited for any
 * more, and the client may be freed. May take long, and can be given up, but then it must stay.
 */
ferry_local *client_stop(struct client *client);

struct client_counters {
	uint64_t published; /* messages that libmosquitto took */
	struct promises_counters acknowledgements, echoes;
};

struct client_counters client_counters(struct client *client);

/* Where the broker is, for people; borrowed until the client is freed. */
const char *client_broker(const struct client *client);

/* Never started, or stopped. NULL is allowed. */
void client_free(struct client *client);

#endif
