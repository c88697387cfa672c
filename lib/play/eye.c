/* SPDX-License-Identifier: MPL-2.0 */
/*
 * eye.c - who looks: a session that taps every flow, so that what came in is known whatever became
 * of it, and asks the router for counters and dead letters as the command line does. It is also
 * who tells the router of killed nodes, as their supervisor would.
 */
#include "play/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "patterns/common/history.h"
#include "wire/cursor.h"
#include "wire/encode.h"

/* What may come in between two looks. */
#define TAP_MESSAGES (1u << 20)
#define TAP_BYTES (256u * 1024 * 1024)

/* ---- lists ---------------------------------------------------------------------------------- */

static char *
s_text (const void *data, size_t size)
{
    return data ? zloom_memdup_text (data, size) : NULL;
}

void
zloom_play_list_add (zloom_play_list_t *self, const zloom_message_t *message)
{
    zloom_grow (&self->items, &self->capacity, self->count + 1, sizeof *self->items);
    zloom_play_seen_t *seen = &self->items[self->count++];
    *seen = (zloom_play_seen_t){.seq = message->seq,
                                .flow = zloom_strdup (message->flow),
                                .key = s_text (message->key, message->key_size),
                                .topic = s_text (message->topic, message->topic_size),
                                .id = s_text (message->own_id, message->own_id_size),
                                .attempt = message->attempt + 1};
    zloom_buf_add (&seen->body, message->body, message->body_size);
}

void
zloom_play_list_fini (zloom_play_list_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        zloom_play_seen_t *seen = &self->items[i];
        zloom_buf_fini (&seen->body);
        free (seen->flow);
        free (seen->key);
        free (seen->topic);
        free (seen->id);
        free (seen->reason);
        free (seen->text);
    }
    free (self->items);
    *self = (zloom_play_list_t){.items = NULL};
}

/* ---- the tap -------------------------------------------------------------------------------- */

static void
s_event (void *arg, const zloom_client_event_t *event)
{
    zloom_play_eye_t *self = arg;
    if (event->type != ZLOOM_CLIENT_ANSWER || !self->asking || event->id != self->request) {
        return;
    }
    if (event->code != ZLOOM_OK) {
        self->code = event->code;
        (void) snprintf (self->text, sizeof self->text, "%.*s", (int) event->text.size,
                         event->text.size > 0 ? (const char *) event->text.data : "");
    }
    zloom_buf_add_bytes (&self->answer, event->result);
    self->asking = event->more;
}

void
zloom_play_eye_open (zloom_world_t *world)
{
    zloom_play_eye_t *self = &world->eye;
    const size_t count = world->config->flow_count;
    self->peer =
      (zloom_play_peer_t){.world = world, .name = "test", .event = s_event, .event_arg = self};
    self->flows = zloom_alloc ((count + 1) * sizeof *self->flows);
    self->handles = zloom_alloc ((count + 1) * sizeof *self->handles);
    zloom_play_peer_born (&self->peer, "supervisor", NULL, 0);
    for (size_t i = 0; i < count; i++) {
        const zloom_subscription_options_t options = {.flow = world->flows[i].config.name,
                                                      .mode = ZLOOM_MODE_TAP,
                                                      .prefetch = TAP_MESSAGES,
                                                      .prefetch_bytes = TAP_BYTES};
        (void) zloom_client_core_subscribe (self->peer.core, &options, &self->handles[i]);
    }
}

bool
zloom_play_eye_act (zloom_play_eye_t *self)
{
    const zloom_settlement_t seen = {.verdict = ZLOOM_VERDICT_ACK, .delay_ms = ZLOOM_DELAY_UNSET};
    const zloom_message_t *message = NULL;
    bool moved = false;
    while (zloom_client_core_receive (self->peer.core, 0, &message)) {
        zloom_play_list_add (&self->flows[zloom_world_flow (self->peer.world, message->flow)],
                             message);
        (void) zloom_client_core_settle (self->peer.core, &message, &seen);
        moved = true;
    }
    if (moved) {
        zloom_play_peer_touch (&self->peer);
    }
    return moved;
}

void
zloom_play_eye_fini (zloom_play_eye_t *self, size_t flow_count)
{
    zloom_play_peer_die (&self->peer);
    for (size_t i = 0; i < flow_count; i++) {
        zloom_play_list_fini (&self->flows[i]);
    }
    zloom_buf_fini (&self->answer);
    free (self->flows);
    free (self->handles);
}

/* ---- questions ------------------------------------------------------------------------------ */

zloom_err_t
zloom_play_eye_ask (zloom_world_t *world, const char *command, const char *flow, uint64_t from)
{
    zloom_play_eye_t *self = &world->eye;
    if (!world->engine) {
        return zloom_fail (ZLOOM_NOT_RUNNING, "the router is away");
    }
    zloom_buf_t args = {0};
    zloom_encode_map (&args, 2);
    zloom_encode_string (&args, "flow");
    zloom_encode_string (&args, flow);
    zloom_encode_string (&args, "from");
    zloom_encode_uint (&args, from);
    zloom_buf_clear (&self->answer);
    self->code = ZLOOM_OK;
    self->text[0] = '\0';
    zloom_err_t err =
      zloom_client_core_admin (self->peer.core, command, zloom_buf_bytes (&args), &self->request);
    zloom_buf_fini (&args);
    if (err != ZLOOM_OK) {
        return zloom_fail (err, "the router takes no question now");
    }
    self->asking = true;
    zloom_play_peer_touch (&self->peer);
    zloom_world_rest (world);
    if (self->asking) {
        self->asking = false;
        return zloom_fail (ZLOOM_TIMED_OUT, "the router does not answer");
    }
    return self->code == ZLOOM_OK ? ZLOOM_OK : zloom_fail (self->code, "%s", self->text);
}

/* Step to the value of a key of the map that stands next; its other values are skipped. */
static bool
s_find (zloom_cursor_t *cursor, const char *key)
{
    uint32_t pairs = zloom_cursor_map (cursor, UINT16_MAX);
    for (uint32_t i = 0; i < pairs && cursor->err == ZLOOM_OK; i++) {
        const zloom_bytes_t name = zloom_cursor_text (cursor, ZLOOM_LIMIT_NAME_BYTES);
        if (zloom_bytes_equal (name, zloom_bytes_text (key))) {
            return true;
        }
        (void) zloom_cursor_raw (cursor);
    }
    return false;
}

/* The value of a key of one msgpack map. */
static zloom_cursor_t
s_value (zloom_bytes_t map, const char *key, bool *found)
{
    zloom_cursor_t cursor = zloom_cursor (map);
    *found = s_find (&cursor, key);
    return cursor;
}

zloom_err_t
zloom_play_eye_counter (zloom_world_t *world, const char *flow, const char *name, uint64_t *value)
{
    zloom_err_t err = zloom_play_eye_ask (world, "stats", flow, 0);
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_cursor_t pages = zloom_cursor (zloom_buf_bytes (&world->eye.answer));
    while (zloom_cursor_left (&pages) > 0 && pages.err == ZLOOM_OK) {
        bool found = false;
        zloom_cursor_t flows = s_value (zloom_cursor_raw (&pages), "flows", &found);
        if (found && zloom_cursor_array (&flows, UINT16_MAX) == 1) {
            zloom_cursor_t number = s_value (zloom_cursor_raw (&flows), name, &found);
            *value = zloom_cursor_uint (&number, UINT64_MAX);
            return number.err;
        }
    }
    return zloom_fail (ZLOOM_NOT_FOUND, "the router does not count '%s' of '%s'", name, flow);
}

/* ---- dead letters --------------------------------------------------------------------------- */

static void
s_note_letter (zloom_play_list_t *list, zloom_bytes_t letter)
{
    bool found = false;
    zloom_cursor_t cursor = s_value (letter, "seq", &found);
    const uint64_t seq = zloom_cursor_uint (&cursor, UINT64_MAX);
    zloom_history_t history;
    cursor = s_value (letter, "history", &found);
    if (!found || zloom_history_decode (zloom_cursor_raw (&cursor), &history) != ZLOOM_OK ||
        history.count == 0) {
        return;
    }
    const zloom_history_cause_t *last = &history.causes[history.count - 1];
    for (size_t i = 0; i < list->count; i++) {
        zloom_play_seen_t *seen = &list->items[i];
        if (seen->seq != seq || seen->reason) {
            continue;
        }
        seen->reason = s_text (last->reason.data, last->reason.size);
        seen->text = s_text (last->text.data, last->text.size);
        for (uint32_t j = 0; j < history.count; j++) {
            seen->failures += history.causes[j].count;
        }
    }
}

/* What an earlier look has found may have left its flow since. */
static void
s_forget_letters (zloom_play_list_t *list)
{
    for (size_t i = 0; i < list->count; i++) {
        zloom_play_seen_t *seen = &list->items[i];
        free (seen->reason);
        free (seen->text);
        seen->reason = NULL;
        seen->text = NULL;
        seen->failures = 0;
    }
}

zloom_err_t
zloom_play_eye_letters (zloom_world_t *world, const char *flow, zloom_play_list_t *list)
{
    s_forget_letters (list);
    uint64_t from = 0;
    for (bool more = true; more;) {
        zloom_err_t err = zloom_play_eye_ask (world, "dlq show", flow, from);
        if (err != ZLOOM_OK) {
            return err;
        }
        bool found = false;
        const zloom_bytes_t page = zloom_buf_bytes (&world->eye.answer);
        zloom_cursor_t letters = s_value (page, "messages", &found);
        const uint32_t count = found ? zloom_cursor_array (&letters, UINT16_MAX) : 0;
        for (uint32_t i = 0; i < count && letters.err == ZLOOM_OK; i++) {
            s_note_letter (list, zloom_cursor_raw (&letters));
        }
        zloom_cursor_t next = s_value (page, "next", &found);
        const uint64_t at = found ? zloom_cursor_uint (&next, UINT64_MAX) : from;
        more = count > 0 && at > from;
        from = at;
    }
    return ZLOOM_OK;
}
