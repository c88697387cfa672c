/* SPDX-License-Identifier: MPL-2.0 */
/*
 * desk.h - a client core across the table from a router that says what the test tells it to. Time
 * stands still until the test moves it.
 */
#ifndef ZLOOM_TEST_CLIENT_DESK_H
#define ZLOOM_TEST_CLIENT_DESK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/client_core.h"
#include "wire/pack.h"

#define DESK_EVENTS 64
#define DESK_BOOT 77u

typedef struct {
    zloom_client_event_type_t type;
    uint64_t id;
    uint64_t seq;
    uint64_t last;
    uint64_t n;
    zloom_err_t code;
    bool more;
} desk_event_t;

typedef struct {
    zloom_client_core_t *core;
    zloom_now_t now;
    zloom_arena_t arena;
    zloom_buf_t verb_bytes; /* of the frame taken last */
    zloom_buf_t pack_bytes;
    zloom_verb_t verb;
    const char *key_pointer; /* of the first flow; NULL: it has no keys */
    const char *topic;       /* of what names none there; NULL: there is no such topic */
    desk_event_t events[DESK_EVENTS];
    size_t event_count;
} desk_t;

static inline void
s_note_event (void *arg, const zloom_client_event_t *event)
{
    desk_t *desk = arg;
    assert_true (desk->event_count < DESK_EVENTS);
    desk->events[desk->event_count++] = (desk_event_t){
      event->type, event->id, event->seq, event->last, event->n, event->code, event->more};
}

/* The last event of this type; fails when there is none. */
static inline const desk_event_t *
s_last_event (const desk_t *desk, zloom_client_event_type_t type)
{
    for (size_t i = desk->event_count; i > 0; i--) {
        if (desk->events[i - 1].type == type) {
            return &desk->events[i - 1];
        }
    }
    fail_msg ("no event of type %d", (int) type);
    return NULL;
}

static inline size_t
s_count_events (const desk_t *desk, zloom_client_event_type_t type)
{
    size_t count = 0;
    for (size_t i = 0; i < desk->event_count; i++) {
        count += desk->events[i].type == type;
    }
    return count;
}

static inline desk_t *
s_desk (const zloom_client_options_t *options)
{
    desk_t *desk = calloc (1, sizeof *desk);
    desk->now = (zloom_now_t){1000 * ZLOOM_NS_PER_S, 5000 * ZLOOM_NS_PER_S};
    assert_int_equal (zloom_client_core_new (options, s_note_event, desk, &desk->core), ZLOOM_OK);
    return desk;
}

static inline void
s_desk_destroy (desk_t **desk_p)
{
    desk_t *desk = *desk_p;
    zloom_client_core_destroy (&desk->core);
    zloom_arena_fini (&desk->arena);
    zloom_buf_fini (&desk->verb_bytes);
    zloom_buf_fini (&desk->pack_bytes);
    free (desk);
    *desk_p = NULL;
}

static inline int64_t
s_tick (desk_t *desk)
{
    return zloom_client_core_tick (desk->core, desk->now);
}

static inline void
s_pass (desk_t *desk, int64_t ns)
{
    desk->now.mono_ns += ns;
    desk->now.wall_ns += ns;
}

/* Take the next frame that the client wants to send; NULL: none. */
static const zloom_verb_t *
s_take_frame (desk_t *desk)
{
    zloom_client_out_t out;
    if (!zloom_client_core_peek (desk->core, &out)) {
        return NULL;
    }
    zloom_buf_clear (&desk->verb_bytes);
    zloom_buf_clear (&desk->pack_bytes);
    zloom_buf_add_bytes (&desk->verb_bytes, out.verb);
    if (out.blob) {
        zloom_buf_add_bytes (&desk->pack_bytes, out.pack);
    }
    const bool has_pack = out.blob != NULL;
    zloom_client_core_pop (desk->core);
    zloom_arena_reset (&desk->arena);
    assert_int_equal (
      zloom_verb_decode (zloom_buf_bytes (&desk->verb_bytes), &desk->arena, &desk->verb), ZLOOM_OK);
    assert_int_equal (
      zloom_verb_check_pack (&desk->verb, desk->verb_bytes.size,
                             has_pack ? zloom_buf_bytes (&desk->pack_bytes) : ZLOOM_BYTES_NULL,
                             ZLOOM_LIMIT_MESSAGE_BYTES),
      ZLOOM_OK);
    return &desk->verb;
}

/* Tick, and take a frame that must be this verb. */
static const zloom_verb_t *
s_expect (desk_t *desk, zloom_verb_kind_t kind)
{
    s_tick (desk);
    const zloom_verb_t *verb = s_take_frame (desk);
    if (!verb) {
        fail_msg ("nothing said, expected %s", zloom_verb_info (kind)->name);
        return NULL;
    }
    assert_string_equal (zloom_verb_info (verb->kind)->name, zloom_verb_info (kind)->name);
    return verb;
}

static inline void
s_expect_nothing (desk_t *desk)
{
    s_tick (desk);
    const zloom_verb_t *verb = s_take_frame (desk);
    if (verb) {
        fail_msg ("%s said, expected nothing", zloom_verb_info (verb->kind)->name);
    }
}

static inline void
s_say (desk_t *desk, const zloom_verb_t *verb, zloom_blob_t *pack)
{
    zloom_buf_t bytes = {0};
    zloom_verb_encode (verb, &bytes);
    zloom_client_core_frame (desk->core, zloom_buf_bytes (&bytes), pack, desk->now);
    zloom_buf_fini (&bytes);
}

/* ---- the router's usual words --------------------------------------------------------------- */

/* Flow i of the HELLO gets index 10 + i, the first one this high. */
static inline void
s_say_welcome (desk_t *desk, const char *const *flows, size_t count, uint64_t high)
{
    static const uint8_t log_id[ZLOOM_LOG_ID_BYTES] = {1};
    zloom_welcome_flow_t lines[4] = {0};
    for (size_t i = 0; i < count; i++) {
        lines[i] = (zloom_welcome_flow_t){.index = (uint32_t) (10 + i),
                                          .name = zloom_bytes_text (flows[i]),
                                          .pattern = zloom_bytes_text ("queue"),
                                          .key = zloom_bytes_text (i ? NULL : desk->key_pointer),
                                          .topic = zloom_bytes_text (i ? NULL : desk->topic),
                                          .confirm = ZLOOM_CONFIRM_DISK,
                                          .high = i == 0 ? high : 0};
    }
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_WELCOME,
                               .welcome = {.proto = 1,
                                           .epoch = 1,
                                           .heartbeat_ms = 1000,
                                           .liveness = 4,
                                           .message_bytes = ZLOOM_LIMIT_MESSAGE_BYTES,
                                           .pack_bytes = ZLOOM_LIMIT_PACK_BYTES,
                                           .step_bytes = ZLOOM_LIMIT_STEP_BYTES,
                                           .router = zloom_bytes_text ("router"),
                                           .log_id = zloom_bytes (log_id, sizeof log_id),
                                           .boot = 1,
                                           .flows = lines,
                                           .flow_count = count}};
    s_say (desk, &verb, NULL);
}

static inline void
s_say_credit (desk_t *desk, uint32_t index, uint64_t messages)
{
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_CREDIT,
                               .credit = {.target = ZLOOM_CREDIT_FLOW,
                                          .id = index,
                                          .messages = messages,
                                          .bytes = 1u << 30,
                                          .frames = 1000}};
    s_say (desk, &verb, NULL);
}

static inline void
s_say_confirm (desk_t *desk, uint32_t index, uint64_t upto)
{
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_CONFIRM,
      .confirm = {.flow = index, .upto_id = upto, .level = ZLOOM_CONFIRM_DISK}};
    s_say (desk, &verb, NULL);
}

static inline void
s_say_refuse (desk_t *desk, uint32_t index, zloom_err_t code, uint64_t from)
{
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_REFUSE,
      .refuse = {.has_flow = true, .flow = index, .code = code, .from_id = from}};
    s_say (desk, &verb, NULL);
}

static inline void
s_say_bye (desk_t *desk, zloom_err_t code)
{
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_BYE, .bye = {.code = code}};
    s_say (desk, &verb, NULL);
}

static inline void
s_say_subscribed (desk_t *desk, uint32_t handle, zloom_err_t code)
{
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SUBSCRIBED,
      .subscribed = {.handle = handle, .code = code, .flow = 20, .lease_ms = 30000}};
    s_say (desk, &verb, NULL);
}

/* n messages from `seq` on, under the token `number`; the pack is consumed. */
static inline void
s_say_deliver_pack (desk_t *desk, uint32_t handle, uint64_t number, uint64_t seq, uint32_t n,
                    uint64_t delivery_no, zloom_buf_t *pack)
{
    zloom_blob_t *blob = zloom_blob_new_from_buf (pack);
    const zloom_run_t run = {seq, n};
    const zloom_src_t src = {n, zloom_bytes_text ("shop"), seq + 100, 9 * ZLOOM_NS_PER_S};
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_DELIVER,
                               .deliver = {.handle = handle,
                                           .token = {DESK_BOOT, number},
                                           .runs = &run,
                                           .run_count = 1,
                                           .src = &src,
                                           .src_count = 1,
                                           .delivery_no = delivery_no}};
    s_say (desk, &verb, blob);
    zloom_blob_unref (&blob);
}

/* The same with bodies "m<seq>". */
static inline void
s_say_deliver (desk_t *desk, uint32_t handle, uint64_t number, uint64_t seq, uint32_t n,
               uint64_t delivery_no)
{
    zloom_buf_t pack = {0};
    for (uint32_t i = 0; i < n; i++) {
        char body[32];
        snprintf (body, sizeof body, "m%llu", (unsigned long long) seq + i);
        const zloom_envelope_t envelope = {.body = zloom_bytes_text (body)};
        zloom_pack_add (&pack, &envelope);
    }
    s_say_deliver_pack (desk, handle, number, seq, n, delivery_no, &pack);
}

/* A first delivery of these. */
static inline void
s_say_deliver_envelopes (desk_t *desk, uint32_t handle, const zloom_envelope_t *envelopes,
                         uint32_t n)
{
    zloom_buf_t pack = {0};
    for (uint32_t i = 0; i < n; i++) {
        zloom_pack_add (&pack, &envelopes[i]);
    }
    s_say_deliver_pack (desk, handle, 1, 1, n, 1, &pack);
}

static inline void
s_say_settled (desk_t *desk, uint32_t handle, uint64_t number, uint64_t first, uint32_t n,
               zloom_err_t code)
{
    const zloom_settled_run_t run = {first, n, (uint16_t) code};
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_SETTLED,
                               .settled = {.has_handle = true,
                                           .handle = handle,
                                           .token = {DESK_BOOT, number},
                                           .runs = &run,
                                           .run_count = 1}};
    s_say (desk, &verb, NULL);
}

static inline void
s_say_stale (desk_t *desk, uint32_t handle, uint64_t number, uint64_t first, uint32_t n)
{
    const zloom_run_t run = {first, n};
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_STALE,
      .stale = {.handle = handle, .token = {DESK_BOOT, number}, .runs = &run, .run_count = 1}};
    s_say (desk, &verb, NULL);
}

static inline void
s_say_step_answer (desk_t *desk, uint32_t handle, uint64_t number, zloom_err_t code)
{
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_SETTLED,
                               .settled = {.has_handle = true,
                                           .handle = handle,
                                           .token = {DESK_BOOT, number},
                                           .is_step = true,
                                           .step = code}};
    s_say (desk, &verb, NULL);
}

/* ---- the usual ways ------------------------------------------------------------------------- */

/* The next message, which is there. */
static inline const zloom_message_t *
s_receive (desk_t *desk)
{
    const zloom_message_t *message = NULL;
    assert_true (zloom_client_core_receive (desk->core, 0, &message));
    return message;
}

/* Connected and welcomed; HELLO is taken. */
static inline void
s_begin (desk_t *desk, const char *const *flows, size_t count, uint64_t high)
{
    zloom_client_core_connected (desk->core, desk->now);
    s_expect (desk, ZLOOM_VERB_HELLO);
    s_say_welcome (desk, flows, count, high);
    assert_true (zloom_client_core_welcomed (desk->core));
}

/* The road is lost and laid anew, as a carrier does it. */
static inline void
s_lay_road (desk_t *desk)
{
    s_pass (desk, 6 * ZLOOM_NS_PER_S);
    s_tick (desk);
    assert_true (zloom_client_core_wants_road (desk->core));
    zloom_client_core_connected (desk->core, desk->now);
}

static inline zloom_err_t
s_send (desk_t *desk, const char *flow, const char *body)
{
    const zloom_envelope_t envelope = {.body = zloom_bytes_text (body)};
    return zloom_client_core_send (desk->core, flow, &envelope, ZLOOM_BYTES_NULL, desk->now, NULL);
}

/* Send n messages as one pack. */
static inline void
s_send_pack (desk_t *desk, const char *flow, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal (s_send (desk, flow, "x"), ZLOOM_OK);
    }
    zloom_client_core_push (desk->core);
}

/* Expect a SEND of these ids. */
static inline void
s_expect_send (desk_t *desk, uint64_t first, uint32_t n)
{
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_SEND);
    assert_int_equal (verb->send.first_id, first);
    assert_int_equal (verb->send.n, n);
}

static inline int
s_teardown (void **state)
{
    s_desk_destroy ((desk_t **) state);
    return 0;
}

#endif
