/* SPDX-License-Identifier: MPL-2.0 */
/* place.h - an app in a folder of its own, by the public header alone. */
#ifndef ZLOOM_TESTS_EMBED_PLACE_H
#define ZLOOM_TESTS_EMBED_PLACE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/folder.h"
#include "zloom.h"

#define SOON() zloom_deadline (20000)

/* A worker in C between two flows that the program uses. */
#define SHOUT_RECIPE                                                              \
    "zloom: 1\n"                                                                  \
    "name: shout\n"                                                               \
    "nodes:\n"                                                                    \
    "  shout: {kind: worker, actor: shout, replicas: 2}\n"                        \
    "flows:\n"                                                                    \
    "  words: {pattern: queue, from: external, to: shout, dead_letter: failed,\n" \
    "          retry: {failures: 2, backoff: [10ms]}}\n"                          \
    "  loud: {pattern: queue, from: shout, to: external, dead_letter: failed}\n"  \
    "  failed: {pattern: queue, to: external}\n"

static char s_folder[ZLOOM_FOLDER_BYTES];

static inline int
s_make_folder (void **state)
{
    (void) state;
    return zloom_folder_make (s_folder) ? 0 : -1;
}

static inline int
s_remove_folder (void **state)
{
    (void) state;
    return zloom_folder_remove (s_folder) ? 0 : -1;
}

/* In capitals; "bad…" is rejected, "try…" succeeds the second time. */
static inline zloom_work_verdict_t
s_shout (void *arg, zloom_work_t *work, const zloom_message_t *message)
{
    char text[64];
    const size_t size = message->body_size < sizeof text ? message->body_size : sizeof text;
    (void) arg;
    for (size_t i = 0; i < size; i++) {
        const char c = ((const char *) message->body)[i];
        text[i] = c >= 'a' && c <= 'z' ? (char) (c - 'a' + 'A') : c;
    }
    if (size >= 3 && memcmp (text, "BAD", 3) == 0) {
        return zloom_work_reject (work, "not a word");
    }
    if (size >= 3 && memcmp (text, "TRY", 3) == 0 && message->attempt == 0) {
        return zloom_work_retry (work, 0, "once more");
    }
    const zloom_outgoing_t loud = {.body = text, .body_size = size};
    return zloom_work_emit (work, NULL, &loud) == ZLOOM_OK ? ZLOOM_WORK_ACK : ZLOOM_WORK_RETRY;
}

static inline void
s_write (const char *name, const char *text)
{
    char path[96];
    (void) snprintf (path, sizeof path, "%s/%s", s_folder, name);
    FILE *out = fopen (path, "we");
    assert_non_null (out);
    assert_true (fputs (text, out) >= 0);
    assert_int_equal (fclose (out), 0);
}

static inline void
s_load_text (zloom_app_t *app, const char *text)
{
    const zloom_err_t err = zloom_app_load_text (app, text, strlen (text), s_folder);
    if (err != ZLOOM_OK) {
        fail_msg ("%s: %s", zloom_err_name (err), zloom_note ());
    }
}

/* An app of the recipe with its handler, not started. */
static inline zloom_app_t *
s_app (const char *recipe, bool until_idle)
{
    const zloom_app_config_t config = {.state_dir = s_folder, .until_idle = until_idle};
    zloom_app_t *app = zloom_app_new (&config);
    s_load_text (app, recipe);
    assert_int_equal (zloom_app_handle (app, "shout", s_shout, NULL), ZLOOM_OK);
    return app;
}

static inline zloom_client_t *
s_client (const char *endpoint)
{
    static const char *const flows[] = {"words"};
    const zloom_client_config_t config = {
      .endpoint = endpoint, .name = "test", .send_flows = flows, .send_flow_count = 1};
    zloom_client_t *client = NULL;
    const zloom_err_t err = zloom_client_open (&config, SOON (), &client);
    if (err != ZLOOM_OK) {
        fail_msg ("%s: %s", zloom_err_name (err), zloom_note ());
    }
    return client;
}

static inline void
s_send (zloom_client_t *client, const char *body)
{
    const zloom_outgoing_t out = {.body = body, .body_size = strlen (body)};
    assert_int_equal (zloom_client_send (client, "words", &out, SOON ()), ZLOOM_OK);
}

/* Take the next message of a flow that was subscribed, ack it, and compare its body. */
static inline void
s_expect (zloom_client_t *client, const char *flow, const char *body)
{
    const zloom_message_t *message = NULL;
    const zloom_err_t err = zloom_client_receive (client, &message, SOON ());
    if (err != ZLOOM_OK) {
        fail_msg ("%s: %s", zloom_err_name (err), zloom_note ());
    }
    assert_string_equal (message->flow, flow);
    assert_int_equal (message->body_size, strlen (body));
    assert_memory_equal (message->body, body, message->body_size);
    assert_int_equal (zloom_client_ack (client, &message), ZLOOM_OK);
}

static inline void
s_subscribe (zloom_client_t *client, const char *flow)
{
    const zloom_take_t take = {.flow = flow};
    uint32_t handle = 0;
    assert_int_equal (zloom_client_subscribe (client, &take, &handle), ZLOOM_OK);
}

static inline void
s_close (zloom_client_t **client)
{
    assert_int_equal (zloom_client_close (client, SOON ()), ZLOOM_OK);
}

#endif
