/* SPDX-License-Identifier: MPL-2.0 */
/*
 * report.h - how a peer does, in numbers: it rides with every PONG, the router keeps the last one
 * and shows it in `stats`. So what is wrong inside a worker, a sink or a poller can be asked of the
 * router, wherever the node runs. A map from name to value; what is 0 or "" is left out.
 *
 * One table makes the struct, the wire and the documents. Programs in other languages may send such
 * a map too, with other names beside these; nothing but what people are shown depends on it.
 */
#ifndef ZLOOM_CLIENT_REPORT_H
#define ZLOOM_CLIENT_REPORT_H

#include "base/bytes.h"
#include "wire/types.h"

/* name, help */
#define ZLOOM_REPORT_NUMBER_MAP(X)                                            \
    X (waiting, "messages received that wait to be worked on")                \
    X (in_hand, "messages under work and not settled")                        \
    X (unconfirmed, "messages sent and not confirmed")                        \
    X (blocked_ms, "for how long what is to be sent waits for credit now")    \
    X (blocked_total_ms, "for how long that was so since the node's start")   \
    X (given, "messages given to the child that runs now")                    \
    X (begun, "of those, messages that it has begun to read")                 \
    X (answered, "of those, messages that it has answered")                   \
    X (quiet_ms, "for how long nothing has come back, while work is in hand") \
    X (starts, "starts of the child")                                         \
    X (restart_ms, "until the child is started again")                        \
    X (acked, "messages done")                                                \
    X (emitted, "messages emitted")                                           \
    X (retried, "messages to be tried again")                                 \
    X (rejected, "messages sent to the dead letters")                         \
    X (crashed, "messages in hand when the child died, charged")              \
    X (expired, "messages whose time was over")

#define ZLOOM_REPORT_TEXT_MAP(X)                          \
    X (blocked_on, "the flow for which it has no credit") \
    X (io, "how messages come to the child")              \
    X (hint, "what may be wrong with the child")          \
    X (waits_for, "the router that does not answer it")

#define ZLOOM_REPORT_TEXT_BYTES 256

typedef struct {
#define ZLOOM_REPORT_NUMBER(name, help) uint64_t name;
#define ZLOOM_REPORT_TEXT(name, help) char name[ZLOOM_REPORT_TEXT_BYTES];
    ZLOOM_REPORT_NUMBER_MAP (ZLOOM_REPORT_NUMBER)
    ZLOOM_REPORT_TEXT_MAP (ZLOOM_REPORT_TEXT)
#undef ZLOOM_REPORT_NUMBER
#undef ZLOOM_REPORT_TEXT
} zloom_report_t;

/* Fill in what the node knows; the client has filled in its own. No calls back into the client. */
typedef void (zloom_report_fn) (void *arg, zloom_report_t *report);

/* Append the map; false (and nothing appended) when there is nothing to tell. */
bool zloom_report_encode (const zloom_report_t *self, zloom_buf_t *out);

#endif
