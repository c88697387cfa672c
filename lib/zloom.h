/* SPDX-License-Identifier: MPL-2.0 */
/*
 * zloom.h - the one public header of libzloom.
 *
 * zloom turns the ways in which systems talk into recipes: nodes wired with ZeroMQ sockets,
 * msgpack envelopes, a journal under the router. See README.md and docs/architecture.md.
 *
 * Conventions of every call below
 *   Ownership   `**` consumes and nulls, `const *` borrows for the call, `*` mutates.
 *   Errors      returned as zloom_err_t; ZLOOM_OK is 0. The text that says what and where is in
 *               zloom_note (), per thread, valid until the thread's next zloom call.
 *   Units       are in the name: _ms, _ns, _bytes.
 *   Threads     an object belongs to the thread that made it, unless its comment says otherwise.
 *   Memory      running out of memory aborts the process with a message.
 */
#ifndef ZLOOM_H
#define ZLOOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Every error there is: name, text, retryable. "Retryable" means that the same call may go through
 * later without a change by the caller.
 */
#define ZLOOM_ERR_MAP(X)                                              \
    X (OK, "ok", false)                                               \
    X (FAILED, "failed", false)                                       \
    X (AGAIN, "not now, try again", true)                             \
    X (INVALID, "invalid argument", false)                            \
    X (NOT_FOUND, "not found", false)                                 \
    X (EXISTS, "exists already", false)                               \
    X (MALFORMED, "malformed bytes", false)                           \
    X (TOO_BIG, "over a limit", false)                                \
    X (TOO_DEEP, "nested too deep", false)                            \
    X (TRUNCATED, "ends too early", false)                            \
    X (TRAILING, "bytes after the end", false)                        \
    X (VERSION, "version not spoken", false)                          \
    X (UNKNOWN_VERB, "unknown verb", false)                           \
    X (UNKNOWN_FLOW, "no such flow", false)                           \
    X (WRONG_PATTERN, "flow has another pattern", false)              \
    X (FINGERPRINT, "flow differs from what the peer expects", false) \
    X (NO_KEY, "message without key on a keyed flow", false)          \
    X (NO_CREDIT, "sent without credit", false)                       \
    X (OUT_OF_ORDER, "ids have a gap", true)                          \
    X (FULL, "flow is full", true)                                    \
    X (PAUSED, "flow is paused", true)                                \
    X (DRAINING, "flow is draining", true)                            \
    X (DISK_FULL, "disk is full", true)                               \
    X (DISK, "disk failed", false)                                    \
    X (DAMAGED, "stored bytes are damaged", false)                    \
    X (LOCKED, "in use by another process", false)                    \
    X (STALE, "lease is not yours any more", false)                   \
    X (SETTLED, "settled already", false)                             \
    X (EXPIRED, "expired", false)                                     \
    X (TIMED_OUT, "timed out", true)                                  \
    X (FENCED, "a newer session of the same name took over", false)   \
    X (GONE, "peer is gone", true)                                    \
    X (CLOSED, "closed", false)                                       \
    X (FORBIDDEN, "not allowed", false)                               \
    X (UNSUPPORTED, "not supported", false)                           \
    X (NOT_RUNNING, "not running", true)                              \
    X (NO_PROGRAM, "program not found or not executable", false)      \
    X (CHILD, "child process failed", false)                          \
    X (RECIPE, "recipe is invalid", false)                            \
    X (SYSTEM, "system call failed", false)                           \
    X (TOO_MANY, "too many", true)                                    \
    X (REQUEUE_CAP, "requeued too often", false)

typedef enum {
#define ZLOOM_ERR_ENUM(name, text, retryable) ZLOOM_##name,
    ZLOOM_ERR_MAP (ZLOOM_ERR_ENUM)
#undef ZLOOM_ERR_ENUM
      ZLOOM_ERR_COUNT
} zloom_err_t;

/* The short text of a code ("flow is full"). Never NULL; any thread. */
const char *zloom_err_text (zloom_err_t err);
/* The name of a code as it stands on the wire and in JSON ("FULL"). Never NULL; any thread. */
const char *zloom_err_name (zloom_err_t err);
/* Whether the same call may go through later. Any thread. */
bool zloom_err_retryable (zloom_err_t err);

/*
 * What the thread's last failed call said: where and what to do. Never NULL ("" when nothing was
 * said); valid until the thread's next zloom call. Example:
 *     if (zloom_client_open (&config, &client) != ZLOOM_OK) {
 *         fprintf (stderr, "%s\n", zloom_note ());
 *     }
 */
const char *zloom_note (void);

#ifdef __cplusplus
}
#endif
#endif
