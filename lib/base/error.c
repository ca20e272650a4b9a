/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors: why a function failed.
 *
 * Called on any thread, by completers (step "complete" of a request) and by whoever
 * reads a snapshot. Invariant: an error never changes once made, so it may be shared
 * between any number of futures. Those for an errno and the library's own live in
 * tables that are built into the library and are never counted (E2).
 */
#include <errno.h>
#include <ferry/base.h>
#include <string.h>

#include "base/atomic.h"
#include "base/error.h"
#include "base/memory.h"

struct ferry_error {
	_Atomic unsigned refs; /* 0: lives for ever */
	int code;
	const char *domain;  /* NULL: FERRY_DOMAIN_ERRNO */
	const char *message; /* NULL: the system's text for the errno */
	void *payload;
	void (*free_payload)(void *payload);
};

/* Past Linux's last errno there are some that leak out of the kernel (524, ENOTSUPP). */
#define ERRNO_MAX 1023
/* No pointers, so that the table needs no relocation when the library is loaded. */
#define ONE(n) { 0, (n), NULL, NULL, NULL, NULL }
#define FOUR(n) ONE(n), ONE((n) + 1), ONE((n) + 2), ONE((n) + 3)
#define SIXTEEN(n) FOUR(n), FOUR((n) + 4), FOUR((n) + 8), FOUR((n) + 12)
#define SIXTY_FOUR(n) SIXTEEN(n), SIXTEEN((n) + 16), SIXTEEN((n) + 32), SIXTEEN((n) + 48)
#define QUARTER(n) SIXTY_FOUR(n), SIXTY_FOUR((n) + 64), SIXTY_FOUR((n) + 128), SIXTY_FOUR((n) + 192)

static const ferry_error of_errno[ERRNO_MAX + 1] = {
	QUARTER(0), QUARTER(256), QUARTER(512), QUARTER(768)
};

static const ferry_error of_ferry[] = {
	[FERRY_ERROR_CANCELLED] = { 0, FERRY_ERROR_CANCELLED, FERRY_DOMAIN_FERRY,
				    "cancelled", NULL, NULL },
	[FERRY_ERROR_TIMED_OUT] = { 0, FERRY_ERROR_TIMED_OUT, FERRY_DOMAIN_FERRY,
				    "the deadline passed before the job began", NULL, NULL },
	[FERRY_ERROR_INVALID_STATE] = { 0, FERRY_ERROR_INVALID_STATE, FERRY_DOMAIN_FERRY,
					"invalid state", NULL, NULL },
	[FERRY_ERROR_BROKEN] = { 0, FERRY_ERROR_BROKEN, FERRY_DOMAIN_FERRY,
				 "the pool is broken: its start hook failed", NULL, NULL },
	[FERRY_ERROR_TAKEN] = { 0, FERRY_ERROR_TAKEN, FERRY_DOMAIN_FERRY,
				"an exception that was taken over by who waited", NULL, NULL },
	[FERRY_ERROR_STUCK] = { 0, FERRY_ERROR_STUCK, FERRY_DOMAIN_FERRY,
				"the mount does not answer", NULL, NULL },
};

/* What ferry_error_errno() gives for each of them. */
static const int nearest[] = {
	[FERRY_ERROR_CANCELLED] = ECANCELED,
	[FERRY_ERROR_TIMED_OUT] = ETIMEDOUT,
	[FERRY_ERROR_INVALID_STATE] = EINVAL,
	[FERRY_ERROR_BROKEN] = ENOTRECOVERABLE,
	[FERRY_ERROR_TAKEN] = ENODATA,
	[FERRY_ERROR_STUCK] = EHOSTDOWN,
};

const ferry_error *ferry_error_from_errno(int code)
{
	return code > 0 && code <= ERRNO_MAX ? &of_errno[code] : NULL;
}

const ferry_error *ferry_error_from_code(ferry_error_code code)
{
	return code >= FERRY_ERROR_CANCELLED && code <= FERRY_ERROR_STUCK ? &of_ferry[code] : NULL;
}

int ferry_error_new(const char *domain, int code, const char *message, void *payload,
		    void (*free_payload)(void *payload), const ferry_error **ret)
{
	size_t length = message ? strlen(message) : 0;
	ferry_error *error;
	char *text;

	if (!domain || !ret)
		return -EINVAL;
	error = memory_new_small(sizeof(*error) + length + 1);
	if (!error)
		return -ENOMEM;
	text = (char *)(error + 1);
	if (length)
		memcpy(text, message, length);
	text[length] = 0;
	/* Relaxed: nobody else has seen it yet. */
	atomic_store_relaxed(&error->refs, 1);
	error->code = code;
	error->domain = domain;
	error->message = text;
	error->payload = payload;
	error->free_payload = free_payload;
	*ret = error;
	return 0;
}

/* The count is the one part of an error that is not constant. */
static _Atomic unsigned *refs_of(const ferry_error *error)
{
	return (_Atomic unsigned *)&error->refs;
}

bool error_is_counted(const ferry_error *error)
{
	/* Relaxed: 0 is there from the beginning or never. */
	return error && atomic_load_relaxed(refs_of(error));
}

const ferry_error *ferry_error_ref(const ferry_error *error)
{
	/* Relaxed: whoever refs has a reference, so it cannot be freed meanwhile. */
	if (error_is_counted(error))
		atomic_add_relaxed(refs_of(error), 1);
	return error;
}

const ferry_error *ferry_error_unref(const ferry_error *error)
{
	if (!error_is_counted(error))
		return NULL;
	/*
	 * [last-unref] acq_rel, partner: the other holders' unrefs. Their reads of the
	 * error happen before its memory is freed; weaker, the free could overtake them.
	 */
	if (atomic_sub_acq_rel(refs_of(error), 1) == 1) {
		if (error->free_payload)
			error->free_payload(error->payload);
		memory_free((void *)error);
	}
	return NULL;
}

const char *ferry_error_domain(const ferry_error *error)
{
	if (!error)
		return NULL;
	return error->domain ? error->domain : FERRY_DOMAIN_ERRNO;
}

int ferry_error_number(const ferry_error *error)
{
	return error ? error->code : 0;
}

const char *ferry_error_message(const ferry_error *error)
{
	const char *text = error ? error->message : NULL;

	/* The system's own text, untranslated: it is static, strerror()'s is not. */
	if (!text)
		text = strerrordesc_np(ferry_error_number(error));
	return text ? text : "unknown error";
}

void *ferry_error_payload(const ferry_error *error)
{
	return error ? error->payload : NULL;
}

int ferry_error_errno(const ferry_error *error)
{
	if (!error)
		return 0;
	if (!strcmp(ferry_error_domain(error), FERRY_DOMAIN_ERRNO))
		return error->code > 0 ? error->code : EIO;
	if (error >= of_ferry && error < of_ferry + sizeof(of_ferry) / sizeof(*of_ferry))
		return nearest[error->code];
	return EIO;
}
