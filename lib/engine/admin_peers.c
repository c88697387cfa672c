/* SPDX-License-Identifier: MPL-2.0 */
/*
 * admin_peers.c - pausing one peer by its name: it keeps what it has in hand and finishes it, and
 * is handed nothing until it is told to go on, however often it comes back meanwhile. One that only
 * sends gets no more credit. Leases, attempts and the other peers are not touched. It ends with the
 * router, as a flow's pause does. A supervisor may do it to its own host's processes, which it can
 * stop as well; whose they are is said by the key that they came with, as with GONE.
 */
#include <string.h>

#include "engine/admin.h"
#include "wire/encode.h"

/* Names that may be paused at a time: those who do not come back stay in the table. */
#define PAUSED_MAX 4096

bool
zloom_engine_paused (const zloom_engine_t *self, const zloom_session_t *session)
{
    return zloom_map_count (self->paused) > 0 &&
           zloom_map_get (self->paused, zloom_bytes_text (session->name)) != NULL;
}

/* What it has granted counts, or nothing does. */
static void
s_feed_credit (zloom_engine_t *self, const zloom_session_t *session, bool paused)
{
    void *value = NULL;
    for (size_t i = 0;
         zloom_idmap_next (zloom_engine_part (session)->consumers, &i, NULL, &value);) {
        const zloom_consumer_t *consumer = value;
        if (consumer->mode != ZLOOM_MODE_CONSUME) {
            continue;
        }
        zloom_event_t event = {.type = ZLOOM_EVENT_CREDIT, .consumer = consumer->id};
        if (!paused) {
            event.credit.messages = consumer->granted.messages;
            event.credit.bytes = consumer->granted.bytes;
            event.credit.frames = consumer->granted.frames;
        }
        zloom_engine_feed (self, consumer->flow, &event);
    }
}

static zloom_err_t
s_set (zloom_engine_t *self, const zloom_ask_t *ask, bool paused)
{
    const zloom_bytes_t name = zloom_admin_text (ask, "peer");
    if (!name.size || name.size > ZLOOM_LIMIT_NAME_BYTES) {
        return zloom_fail (ZLOOM_INVALID, "ADMIN peer: name a peer");
    }
    if (paused && zloom_map_count (self->paused) >= PAUSED_MAX &&
        !zloom_map_get (self->paused, name)) {
        return zloom_fail (ZLOOM_TOO_MANY, "%d peers are paused already", PAUSED_MAX);
    }
    if (paused) {
        zloom_map_put (self->paused, name, self);
    } else {
        zloom_map_remove (self->paused, name);
    }
    uint64_t count = 0;
    const zloom_session_t *session = NULL;
    for (size_t i = 0; (session = zloom_sessions_next (self->sessions, &i));) {
        if (zloom_bytes_equal (name, zloom_bytes_text (session->name)) &&
            !zloom_engine_part (session)->ending) {
            s_feed_credit (self, session, paused);
            count++;
        }
    }
    zloom_buf_t result = {0};
    zloom_encode_map (&result, 1);
    zloom_encode_string (&result, "sessions");
    zloom_encode_uint (&result, count);
    zloom_admin_answer (self, ask, false, &result);
    zloom_buf_fini (&result);
    return ZLOOM_OK;
}

bool
zloom_admin_peer_is_own (const zloom_engine_t *self, const zloom_ask_t *ask)
{
    const zloom_bytes_t name = zloom_admin_text (ask, "peer");
    const char *key = ask->session->key;
    bool own = false;
    if (!key || !zloom_engine_allows (self, ask->session, ZLOOM_RIGHT_SUPERVISE, NULL)) {
        return false;
    }
    const zloom_session_t *session = NULL;
    for (size_t i = 0; (session = zloom_sessions_next (self->sessions, &i));) {
        if (!zloom_bytes_equal (name, zloom_bytes_text (session->name))) {
            continue;
        }
        if (!session->key || strcmp (session->key, key) != 0) {
            return false;
        }
        own = true;
    }
    return own;
}

zloom_err_t
zloom_admin_peer_pause (zloom_engine_t *self, const zloom_ask_t *ask)
{
    return s_set (self, ask, true);
}

zloom_err_t
zloom_admin_peer_resume (zloom_engine_t *self, const zloom_ask_t *ask)
{
    return s_set (self, ask, false);
}
