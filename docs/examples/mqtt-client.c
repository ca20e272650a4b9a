/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client of an MQTT broker on three threads.
 *
 *   the loop's      sends: libmosquitto queues what is to be sent, and wakes its own thread
 *   the worker's    what blocks: looking the broker up and connecting, and waiting for the end of
 *                   libmosquitto's thread
 *   libmosquitto's  calls on_connect() and its siblings below, which complete promises
 *
 * What a callback has to say is found by a number in one of three tables: the steps on the way in,
 * libmosquitto's own number of a message, and ours, which is what a message says. Here no lock is
 * held while libmosquitto is called, so there is no order of its locks and ours to keep.
 *
 * When the connection ends, so does everything that is waited for, and libmosquitto is told not to
 * connect again: then nothing that was sent twice could be taken for something else.
 */
#include "mqtt-client.h"

#include <errno.h>
#include <inttypes.h>
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	AT_LEAST_ONCE = 1,     /* as MQTT calls how surely a message is to arrive (QoS) */
	IDENTIFIERS = 65536,   /* of messages, and 0 is none */
	KEEPALIVE_SECONDS = 10,
	REFUSED = 128          /* in place of what a subscription was granted */
};

/* Numbers in the table of steps. */
enum step {
	STEP_CONNECTED,
	STEP_SUBSCRIBED,
	STEPS
};

struct client {
	ferry_loop *loop;
	ferry_pool *pool;
	const struct options *options;
	struct mosquitto *mosquitto;
	char name[64];                    /* ours, to the broker */
	char topic[512], broker[512];
	uint64_t published;
	bool started;                     /* the worker's: libmosquitto's thread was made */

	struct promises steps;            /* by enum step */
	struct promises acknowledgements; /* by libmosquitto's number of a message */
	struct promises echoes;           /* by our own */
};

/* Why something of libmosquitto failed, as an exception; a new reference. */
static const ferry_error *client_error(int code)
{
	const ferry_error *error = NULL;

	if (code == MOSQ_ERR_ERRNO || code == MOSQ_ERR_NOMEM)
		error = ferry_error_from_errno(code == MOSQ_ERR_NOMEM ? ENOMEM : errno);
	if (!error && ferry_error_new("mosquitto", code, mosquitto_strerror(code), NULL, NULL,
				      &error) < 0)
		error = ferry_error_from_errno(ENOMEM);
	return error;
}

/* ---- on libmosquitto's thread ---- */

static void step_fail(struct client *client, enum step step, const ferry_error *error)
{
	promises_fail(&client->steps, step, error);
	ferry_error_unref(error);
}

static void on_connect(struct mosquitto *mosquitto, void *user, int code)
{
	struct client *client = user;
	const ferry_error *error;

	(void)mosquitto;
	if (code == 0)
		promises_complete(&client->steps, STEP_CONNECTED, ferry_result_u64(0));
	else if (ferry_error_new("mqtt", code, mosquitto_connack_string(code), NULL, NULL,
				 &error) == 0)
		step_fail(client, STEP_CONNECTED, error);
	else
		step_fail(client, STEP_CONNECTED, ferry_error_from_errno(ENOMEM));
}

static void on_subscribe(struct mosquitto *mosquitto, void *user, int identifier, int count,
			 const int *granted)
{
	struct client *client = user;

	(void)mosquitto;
	(void)identifier; /* there is only one */
	if (count == 1 && granted[0] < REFUSED)
		promises_complete(&client->steps, STEP_SUBSCRIBED, ferry_result_i64(granted[0]));
	else
		step_fail(client, STEP_SUBSCRIBED, ferry_error_from_errno(EACCES));
}

static void on_publish(struct mosquitto *mosquitto, void *user, int identifier)
{
	struct client *client = user;

	(void)mosquitto;
	promises_complete(&client->acknowledgements, (size_t)identifier, ferry_result_u64(0));
}

/* The number that a message says; SIZE_MAX, which is never promised, if it says nothing such. */
static size_t message_number(const struct mosquitto_message *message)
{
	const char *text = message->payload; /* libmosquitto puts a zero behind it */
	char *end;
	unsigned long number;

	if (message->payloadlen < 1 || text[0] < '0' || text[0] > '9')
		return SIZE_MAX;
	number = strtoul(text, &end, 10);
	return end == text + message->payloadlen ? number : SIZE_MAX;
}

static void on_message(struct mosquitto *mosquitto, void *user,
		       const struct mosquitto_message *message)
{
	struct client *client = user;

	(void)mosquitto;
	promises_complete(&client->echoes, message_number(message), ferry_result_u64(0));
}

/* @code is 0 if we left, else why the connection ended; the last callback of all. */
static void on_disconnect(struct mosquitto *mosquitto, void *user, int code)
{
	struct client *client = user;
	const ferry_error *error = code ? client_error(code) : ferry_error_from_errno(ECANCELED);

	promises_fail_all(&client->steps, error);
	promises_fail_all(&client->acknowledgements, error);
	promises_fail_all(&client->echoes, error);
	ferry_error_unref(error);
	if (code)
		mosquitto_disconnect(mosquitto); /* or it would connect again */
}

/* ---- on the worker ---- */

static int connect_job(void *arg, ferry_result *out)
{
	struct client *client = arg;
	const struct options *options = client->options;
	int code;

	(void)out;
	if (options->socket)
		code = mosquitto_connect(client->mosquitto, options->socket, 0, KEEPALIVE_SECONDS);
	else
		code = mosquitto_connect(client->mosquitto, options->host, (int)options->port,
					 KEEPALIVE_SECONDS);
	if (code == MOSQ_ERR_SUCCESS) {
		code = mosquitto_loop_start(client->mosquitto);
		client->started = code == MOSQ_ERR_SUCCESS;
		if (!client->started) {
			mosquitto_threaded_set(client->mosquitto, false); /* it says that it is */
			errno = EAGAIN;
		}
	}
	if (code != MOSQ_ERR_SUCCESS)
		step_fail(client, STEP_CONNECTED, client_error(code));
	return 0;
}

static int stop_job(void *arg, ferry_result *out)
{
	struct client *client = arg;

	(void)out;
	if (client->started) {
		mosquitto_disconnect(client->mosquitto);
		mosquitto_loop_stop(client->mosquitto, false);
		client->started = false;
	}
	return 0;
}

/* ---- on the loop's thread ---- */

/* A promise and the local that has its outcome; *@ret is a new reference. */
static ferry_local *client_promise(struct client *client, ferry_future **ret)
{
	int error = ferry_future_new(NULL, ret);
	ferry_local *local;

	if (error < 0) {
		errno = -error;
		return NULL;
	}
	local = ferry_wrap(client->loop, *ret);
	if (!local)
		ferry_future_unref(*ret);
	return local;
}

/* Something could not be begun: a promise that is in no table ends. */
static void promise_refuse(ferry_future *promise, const ferry_error *error)
{
	if (ferry_future_set_exception(promise, error) < 0)
		ferry_error_unref(error);
}

/* The answer to @number, in one of the tables. */
static ferry_local *client_expect(struct client *client, struct promises *promises, size_t number)
{
	ferry_future *promise;
	ferry_local *local = client_promise(client, &promise);
	int error;

	if (!local)
		return NULL;
	error = promises_add(promises, number, promise);
	if (error < 0)
		promise_refuse(promise, ferry_error_from_errno(-error));
	ferry_future_unref(promise);
	return local;
}

ferry_local *client_connect(struct client *client)
{
	ferry_local *local = client_expect(client, &client->steps, STEP_CONNECTED);
	int error;

	if (!local)
		return NULL;
	error = ferry_pool_submit(client->pool, connect_job, client, NULL, NULL);
	if (error < 0)
		step_fail(client, STEP_CONNECTED, ferry_error_from_errno(-error));
	return local;
}

ferry_local *client_subscribe(struct client *client)
{
	ferry_local *local = client_expect(client, &client->steps, STEP_SUBSCRIBED);
	int code;

	if (!local)
		return NULL;
	code = mosquitto_subscribe(client->mosquitto, NULL, client->topic, AT_LEAST_ONCE);
	if (code != MOSQ_ERR_SUCCESS)
		step_fail(client, STEP_SUBSCRIBED, client_error(code));
	return local;
}

ferry_local *client_echo(struct client *client, unsigned number)
{
	return client_expect(client, &client->echoes, number);
}

/* Sends, and has @promise completed by the acknowledgement. NULL, or why not: a new reference. */
static const ferry_error *publish(struct client *client, unsigned number, ferry_future *promise)
{
	const ferry_error *over = promises_over(&client->acknowledgements);
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", number), identifier, code, error;

	if (over) /* libmosquitto would keep it for the next connection */
		return over;
	code = mosquitto_publish(client->mosquitto, &identifier, client->topic, length, text,
				 AT_LEAST_ONCE, false);
	if (code != MOSQ_ERR_SUCCESS)
		return client_error(code);
	client->published++;
	error = promises_add(&client->acknowledgements, (size_t)identifier, promise);
	return error < 0 ? ferry_error_from_errno(-error) : NULL;
}

/*
 * The number of a message is known when libmosquitto has taken it, and by then the broker may have
 * acknowledged it. So the promise is made first, and added to the table last.
 */
ferry_local *client_publish(struct client *client, unsigned number)
{
	ferry_future *promise;
	ferry_local *local = client_promise(client, &promise);
	const ferry_error *error;

	if (!local)
		return NULL;
	error = publish(client, number, promise);
	if (error)
		promise_refuse(promise, error);
	ferry_future_unref(promise);
	return local;
}

ferry_local *client_stop(struct client *client)
{
	ferry_future *future;
	ferry_local *local;
	int error = ferry_pool_submit(client->pool, stop_job, client, NULL, &future);

	if (error < 0) {
		errno = -error;
		return NULL;
	}
	local = ferry_wrap(client->loop, future);
	ferry_future_unref(future);
	return local;
}

struct client_counters client_counters(struct client *client)
{
	return (struct client_counters){
		.published = client->published,
		.acknowledgements = promises_counters(&client->acknowledgements),
		.echoes = promises_counters(&client->echoes)
	};
}

const char *client_broker(const struct client *client)
{
	return client->broker;
}

/* ---- made and freed ---- */

/* Names that no other client has: it would be told to leave, or have our messages. */
static void client_name(struct client *client, const struct options *options)
{
	snprintf(client->name, sizeof(client->name), "mqtt-echo-%ld-%" PRIx64, (long)getpid(),
		 ferry_now_ns());
	if (options->topic)
		snprintf(client->topic, sizeof(client->topic), "%s", options->topic);
	else
		snprintf(client->topic, sizeof(client->topic), "ferry/%s", client->name);
	if (options->socket)
		snprintf(client->broker, sizeof(client->broker), "%s", options->socket);
	else
		snprintf(client->broker, sizeof(client->broker), "%s:%u", options->host,
			 options->port);
}

static int client_begin(struct client *client, const struct options *options)
{
	int error = promises_begin(&client->steps, STEPS, false);

	if (error == 0)
		error = promises_begin(&client->acknowledgements, IDENTIFIERS, true);
	if (error == 0)
		error = promises_begin(&client->echoes, options->count, false);
	if (error < 0)
		return error;
	client->mosquitto = mosquitto_new(client->name, true, client);
	if (!client->mosquitto)
		return -errno;
	mosquitto_max_inflight_messages_set(client->mosquitto, 0); /* how many there are is ours */
	mosquitto_connect_callback_set(client->mosquitto, on_connect);
	mosquitto_subscribe_callback_set(client->mosquitto, on_subscribe);
	mosquitto_publish_callback_set(client->mosquitto, on_publish);
	mosquitto_message_callback_set(client->mosquitto, on_message);
	mosquitto_disconnect_callback_set(client->mosquitto, on_disconnect);
	return 0;
}

int client_new(ferry_loop *loop, ferry_pool *pool, const struct options *options,
	       struct client **ret)
{
	struct client *client = calloc(1, sizeof(*client));
	int error;

	if (!client)
		return -ENOMEM;
	mosquitto_lib_init();
	client->loop = loop;
	client->pool = pool;
	client->options = options;
	client_name(client, options);
	error = client_begin(client, options);
	if (error < 0) {
		client_free(client);
		return error;
	}
	*ret = client;
	return 0;
}

void client_free(struct client *client)
{
	if (!client)
		return;
	if (client->mosquitto)
		mosquitto_destroy(client->mosquitto);
	promises_end(&client->steps);
	promises_end(&client->acknowledgements);
	promises_end(&client->echoes);
	free(client);
	mosquitto_lib_cleanup();
}
