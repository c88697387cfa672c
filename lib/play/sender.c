/* SPDX-License-Identifier: MPL-2.0 */
/*
 * sender.c - a program that sends: one for each step `send`, as `zloom send` would be. It ends when
 * all is confirmed or something is refused; while the flow is full, or the router away, it waits.
 */
#include "play/world.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "patterns/registry.h"

static void
s_refused (zloom_play_sender_t *self, zloom_err_t code, const char *text)
{
    if (!self->refused) {
        self->refused = true;
        (void) snprintf (self->why, sizeof self->why, "%s%s%s", zloom_err_text (code),
                         text[0] ? ": " : "", text);
    }
}

static void
s_event (void *arg, const zloom_client_event_t *event)
{
    zloom_play_sender_t *self = arg;
    if (event->type == ZLOOM_CLIENT_REFUSED || event->type == ZLOOM_CLIENT_FAILED) {
        char text[200];
        (void) snprintf (text, sizeof text, "%.*s", (int) event->text.size,
                         event->text.size > 0 ? (const char *) event->text.data : "");
        s_refused (self, event->code, text);
    }
}

zloom_play_sender_t *
zloom_play_sender_new (zloom_world_t *world, const zloom_case_send_t *send)
{
    zloom_play_sender_t *self = zloom_alloc (sizeof *self);
    self->send = send;
    self->left = send->count;
    self->peer.world = world;
    self->peer.event = s_event;
    self->peer.event_arg = self;
    (void) snprintf (self->peer.name, sizeof self->peer.name, "test-%u", world->born + 1);
    const zloom_client_flow_t flow = {.name = send->flow};
    zloom_play_peer_born (&self->peer, "client", &flow, 1);
    return self;
}

bool
zloom_play_sender_act (zloom_play_sender_t *self)
{
    const zloom_case_message_t *message = &self->send->message;
    const zloom_now_t now = self->peer.world->now;
    const char *body = message->body.text ? message->body.text : "";
    const zloom_envelope_t envelope = {
      .body = zloom_bytes_text (body),
      .key = zloom_bytes_text (message->key),
      .topic = zloom_bytes_text (message->topic),
      .id = zloom_bytes_text (message->id),
      .has_priority = message->priority >= 0,
      .priority = message->priority >= 0 ? (uint8_t) message->priority : 0,
      .has_due = message->in_ns > 0,
      .due_ms = message->in_ns / ZLOOM_NS_PER_MS,
      .has_expires = message->expires_ns > 0,
      .expires_ms = message->expires_ns / ZLOOM_NS_PER_MS,
    };
    bool moved = false;
    while (self->left > 0 && !self->refused) {
        zloom_err_t err = zloom_client_core_send (self->peer.core, self->send->flow, &envelope,
                                                  ZLOOM_BYTES_NULL, now, NULL);
        if (err == ZLOOM_AGAIN) {
            break;
        }
        if (err != ZLOOM_OK) {
            s_refused (self, err, zloom_note ());
            break;
        }
        self->left--;
        moved = true;
    }
    if (moved) {
        zloom_client_core_push (self->peer.core);
        zloom_play_peer_touch (&self->peer);
    }
    return moved;
}

bool
zloom_play_sender_over (const zloom_play_sender_t *self)
{
    return self->refused ||
           (self->left == 0 && zloom_client_core_unconfirmed (self->peer.core, NULL) == 0);
}

void
zloom_play_sender_destroy (zloom_play_sender_t **self_p)
{
    zloom_play_sender_t *self = *self_p;
    if (self) {
        zloom_play_peer_die (&self->peer);
        free (self);
        *self_p = NULL;
    }
}
