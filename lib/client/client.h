/* SPDX-License-Identifier: MPL-2.0 */
/*
 * client.h - the whole client, for nodes and the command line: zloom.h has the part for programs.
 * A thin shell over client_core.h: a DEALER, the clock, and calls that wait.
 *
 * Every call but the ones that take a deadline returns at once. Frames move inside
 * zloom_client_dispatch, and inside the calls that wait.
 *
 * Example: a node's loop.
 *     zloom_client_open_with (endpoint, &options, s_event, self, deadline_ns, &client);
 *     for (;;) {
 *         zloom_poll_item_t items[] = {{.fd = zloom_client_fd (client)}, {.fd = stop_fd}};
 *         zloom_poll (items, 2, next_ns);
 *         err = zloom_client_dispatch (client);
 *         while (zloom_client_take (client, handle, &message)) { ... }
 *     }
 */
#ifndef ZLOOM_CLIENT_CLIENT_H
#define ZLOOM_CLIENT_CLIENT_H

#include "base/error.h"
#include "client/client_core.h"

/*
 * Open with all options. Strings are copied. A nonce of zeros: one is drawn. `endpoint` may be that
 * of another host with its keys (net/address.h); FORBIDDEN then, with a note of who refused whom.
 */
zloom_err_t zloom_client_open_with (const char *endpoint, const zloom_client_options_t *options,
                                    zloom_client_event_fn *event, void *event_arg,
                                    int64_t deadline_ns, zloom_client_t **client_p);
/* The same without waiting for the router: events tell when it has answered. */
zloom_err_t zloom_client_begin (const char *endpoint, const zloom_client_options_t *options,
                                zloom_client_event_fn *event, void *event_arg,
                                zloom_client_t **client_p);
/* Drop everything at once: no BYE, nothing unsent is tried. What was unsettled comes again. */
void zloom_client_kill (zloom_client_t **client_p);
/*
 * What was said since the last dispatch goes out, and nothing is taken in: for a loop that would
 * sleep next, and would not look at what another dispatch took. The descriptor shows what has come.
 */
zloom_err_t zloom_client_say (zloom_client_t *self);
/*
 * The core, for the calls of client_core.h that need no time and no waiting: receive, started,
 * progress, settle, step, commit, stats. What they say goes out at the next dispatch.
 */
zloom_client_core_t *zloom_client_core (zloom_client_t *self);

/* What a program says of a message as what goes out, borrowed; times count from now. INVALID. */
zloom_err_t zloom_outgoing_envelope (const zloom_outgoing_t *message, zloom_envelope_t *envelope);
/* As zloom_client_core_send, waiting while it says AGAIN. */
zloom_err_t zloom_client_send_envelope (zloom_client_t *self, const char *flow,
                                        const zloom_envelope_t *envelope, zloom_bytes_t mark,
                                        int64_t deadline_ns, uint64_t *id_p);
/* Subscribe and wait for the router's answer: its code and note. TIMED_OUT. */
zloom_err_t zloom_client_subscribe_with (zloom_client_t *self,
                                         const zloom_subscription_options_t *options,
                                         int64_t deadline_ns, uint32_t *handle_p);
/* The next message that is here already, of `handle` (0: of any); false when there is none. */
bool zloom_client_take (zloom_client_t *self, uint32_t handle, const zloom_message_t **message_p);
/* Wait until all sends are confirmed, all settlements and steps answered. TIMED_OUT. */
zloom_err_t zloom_client_settle_all (zloom_client_t *self, int64_t deadline_ns);

/* Called for each ANSWER of one request, in order. An error stops the asking and is returned. */
typedef zloom_err_t (zloom_client_answer_fn) (void *arg, zloom_bytes_t result, zloom_bytes_t pack);

/*
 * Ask the router (`args`: a raw msgpack map, unset: none) and wait for all answers. The router's
 * error code with its text as note; TIMED_OUT; GONE: the session was lost before the end.
 */
zloom_err_t zloom_client_ask (zloom_client_t *self, const char *command, zloom_bytes_t args,
                              zloom_client_answer_fn *answer, void *answer_arg,
                              int64_t deadline_ns);

#endif
