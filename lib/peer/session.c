/* SPDX-License-Identifier: MPL-2.0 */
/*
 * session.c - three maps over the sessions (by id in the order of coming, by route, by name) and
 * one timer each. What is known of a name outlives its session: the epoch it had, and the nonces of
 * the processes that were fenced under it, so that a process which was stopped, fenced and
 * continued cannot fence its successor by saying HELLO again. Names that were drawn for one session
 * come by the thousand and have no successor: of them only the last are known, for those that were
 * lost and come back.
 */
#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/tag.h"
#include "peer/session.h"

#define SESSIONS_TAG 0x5A736573u
#define SESSION_TAG 0x5A73736Eu
/* Fenced processes remembered under one name; older ones are long gone. */
#define FENCED_MAX 8
/* Names drawn for one session that are known beyond it. */
#define PASSING_MAX 1024

typedef struct {
    uint64_t epoch;
    uint8_t nonce[ZLOOM_NONCE_BYTES];
    uint8_t fenced[FENCED_MAX][ZLOOM_NONCE_BYTES];
    size_t fenced_count; /* ever; the ring holds the last FENCED_MAX */
    zloom_session_t *session;
} name_t;

struct zloom_sessions {
    uint32_t tag;
    zloom_sessions_config_t config;
    uint64_t next_id;
    uint64_t next_epoch;
    zloom_idmap_t *by_id;
    zloom_idmap_t *by_route;
    zloom_map_t *names;
    zloom_map_t *passing; /* those of `names` that were drawn and have no session, oldest first */
    zloom_timers_t *timers;
    zloom_session_t *first_waiting;
    zloom_session_t *last_waiting;
    size_t waiting;
};

zloom_sessions_t *
zloom_sessions_new (const zloom_sessions_config_t *config)
{
    zloom_sessions_t *self = zloom_alloc (sizeof *self);
    self->tag = SESSIONS_TAG;
    self->config = *config;
    if (self->config.sessions_max == 0) {
        self->config.sessions_max = ZLOOM_LIMIT_PEERS;
    }
    if (self->config.remembered_max == 0) {
        self->config.remembered_max = ZLOOM_LIMIT_PRODUCERS;
    }
    self->next_id = 1;
    self->next_epoch = config->first_epoch + 1;
    self->by_id = zloom_idmap_new ();
    self->by_route = zloom_idmap_new ();
    self->names = zloom_map_new ();
    self->passing = zloom_map_new ();
    self->timers = zloom_timers_new ();
    return self;
}

static void
s_session_free (zloom_session_t *session)
{
    zloom_inbox_fini (&session->inbox);
    free (session->name);
    free (session->role);
    free (session->key);
    session->tag = ZLOOM_TAG_DEAD;
    free (session);
}

void
zloom_sessions_destroy (zloom_sessions_t **self_p)
{
    zloom_assert (self_p);
    zloom_sessions_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, SESSIONS_TAG);
    void *value;
    for (size_t i = 0; zloom_idmap_next (self->by_id, &i, NULL, &value);) {
        s_session_free (value);
    }
    for (size_t i = 0; zloom_map_next (self->names, &i, NULL, &value);) {
        free (value);
    }
    zloom_idmap_destroy (&self->by_id);
    zloom_idmap_destroy (&self->by_route);
    zloom_map_destroy (&self->passing);
    zloom_map_destroy (&self->names);
    zloom_timers_destroy (&self->timers);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

/* ---- hello --------------------------------------------------------------------------------- */

static bool
s_is_fenced (const name_t *name, zloom_bytes_t nonce)
{
    const size_t kept = name->fenced_count < FENCED_MAX ? name->fenced_count : FENCED_MAX;
    for (size_t i = 0; i < kept; i++) {
        if (memcmp (name->fenced[i], nonce.data, ZLOOM_NONCE_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static bool
s_forget_passing (zloom_sessions_t *self)
{
    zloom_bytes_t key;
    void *value;
    size_t first = 0;
    if (!zloom_map_next (self->passing, &first, &key, &value)) {
        return false;
    }
    zloom_map_remove (self->names, key);
    zloom_map_remove (self->passing, key);
    free (value);
    return true;
}

/* One that was fenced is remembered as others are. */
static bool
s_is_passing (const zloom_sessions_t *self, zloom_bytes_t key, const name_t *name)
{
    return self->config.passing_mark && key.size > 0 &&
           key.data[0] == (uint8_t) self->config.passing_mark && name->fenced_count == 0;
}

/* Forget one name without a session, the oldest that there is, when too many are remembered. */
static void
s_forget_one (zloom_sessions_t *self)
{
    zloom_bytes_t key;
    void *value;
    if (s_forget_passing (self)) {
        return;
    }
    for (size_t i = 0; zloom_map_next (self->names, &i, &key, &value);) {
        const name_t *name = value;
        if (!name->session) {
            zloom_map_remove (self->names, key);
            free (value);
            return;
        }
    }
}

static name_t *
s_name (zloom_sessions_t *self, const zloom_verb_hello_t *hello)
{
    name_t *name = zloom_map_get (self->names, hello->name);
    if (!name) {
        if (zloom_map_count (self->names) >= self->config.remembered_max) {
            s_forget_one (self);
        }
        name = zloom_alloc (sizeof *name);
        memcpy (name->nonce, hello->nonce.data, ZLOOM_NONCE_BYTES);
        name->epoch = self->next_epoch++;
        zloom_map_put (self->names, hello->name, name);
    }
    zloom_map_remove (self->passing, hello->name);
    return name;
}

static bool
s_same_text (const char *a, const char *b)
{
    return a == b || (a && b && strcmp (a, b) == 0);
}

static zloom_err_t
s_check (const zloom_sessions_t *self, const char *key, const zloom_verb_hello_t *hello)
{
    if (hello->proto_min > ZLOOM_PROTO_MAX || hello->proto_max < ZLOOM_PROTO_MIN) {
        return zloom_fail (ZLOOM_VERSION, "peer speaks protocol %u to %u, this router %d to %d",
                           hello->proto_min, hello->proto_max, ZLOOM_PROTO_MIN, ZLOOM_PROTO_MAX);
    }
    const name_t *name = zloom_map_get (self->names, hello->name);
    if (name && s_is_fenced (name, hello->nonce)) {
        return zloom_fail (ZLOOM_FENCED, "a newer process of the name '%.*s' took over",
                           (int) hello->name.size, (const char *) hello->name.data);
    }
    /* Without a key it is the router's own user, who may do everything. */
    if (name && name->session && key && !s_same_text (name->session->key, key)) {
        return zloom_fail (ZLOOM_FORBIDDEN, "the name '%.*s' is in use under another key",
                           (int) hello->name.size, (const char *) hello->name.data);
    }
    if (zloom_idmap_count (self->by_id) >= self->config.sessions_max && !(name && name->session)) {
        return zloom_fail (ZLOOM_TOO_MANY, "%zu sessions are open, the limit is reached",
                           zloom_idmap_count (self->by_id));
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_sessions_hello (zloom_sessions_t *self, uint64_t route, const char *key,
                      const zloom_verb_hello_t *hello, int64_t mono_ns, zloom_session_t **session_p,
                      zloom_session_t **older_p, bool *fenced)
{
    ZLOOM_CHECK (self, SESSIONS_TAG);
    *session_p = NULL;
    *older_p = NULL;
    *fenced = false;
    const zloom_err_t err = s_check (self, key, hello);
    if (err != ZLOOM_OK) {
        return err;
    }
    name_t *name = s_name (self, hello);
    if (memcmp (name->nonce, hello->nonce.data, ZLOOM_NONCE_BYTES) != 0) {
        memcpy (name->fenced[name->fenced_count++ % FENCED_MAX], name->nonce, ZLOOM_NONCE_BYTES);
        memcpy (name->nonce, hello->nonce.data, ZLOOM_NONCE_BYTES);
        name->epoch = self->next_epoch++;
        *fenced = true;
    }
    *older_p = name->session;
    zloom_session_t *session = zloom_alloc (sizeof *session);
    session->tag = SESSION_TAG;
    session->id = self->next_id++;
    session->route = route;
    session->name = zloom_memdup_text (hello->name.data, hello->name.size);
    session->role = zloom_memdup_text (hello->role.data, hello->role.size);
    session->key = zloom_strdup (key);
    memcpy (session->nonce, name->nonce, ZLOOM_NONCE_BYTES);
    session->epoch = name->epoch;
    session->heard_ns = mono_ns;
    session->beat.owner = session;
    name->session = session;
    zloom_idmap_put (self->by_id, session->id, session);
    zloom_idmap_put (self->by_route, route, session);
    *session_p = session;
    return ZLOOM_OK;
}

bool
zloom_sessions_is_takeover (const zloom_sessions_t *self, const zloom_verb_hello_t *hello)
{
    ZLOOM_CHECK (self, SESSIONS_TAG);
    const name_t *name = zloom_map_get (self->names, hello->name);
    return name && !zloom_bytes_equal (zloom_bytes (name->nonce, ZLOOM_NONCE_BYTES), hello->nonce);
}

static void
s_leave_order (zloom_sessions_t *self, zloom_session_t *session)
{
    zloom_session_t *before = NULL;
    for (zloom_session_t *at = self->first_waiting; at; before = at, at = at->next_waiting) {
        if (at != session) {
            continue;
        }
        if (before) {
            before->next_waiting = at->next_waiting;
        } else {
            self->first_waiting = at->next_waiting;
        }
        if (self->last_waiting == at) {
            self->last_waiting = before;
        }
        self->waiting--;
        return;
    }
}

void
zloom_sessions_remove (zloom_sessions_t *self, zloom_session_t **session_p)
{
    ZLOOM_CHECK (self, SESSIONS_TAG);
    zloom_session_t *session = *session_p;
    ZLOOM_CHECK (session, SESSION_TAG);
    if (session->waiting) {
        s_leave_order (self, session);
    }
    zloom_timers_cancel (self->timers, &session->beat);
    zloom_idmap_remove (self->by_id, session->id);
    if (zloom_idmap_get (self->by_route, session->route) == session) {
        zloom_idmap_remove (self->by_route, session->route);
    }
    const zloom_bytes_t key = zloom_bytes_text (session->name);
    name_t *name = zloom_map_get (self->names, key);
    if (name && name->session == session) {
        name->session = NULL;
        if (s_is_passing (self, key, name)) {
            zloom_map_put (self->passing, key, name);
            if (zloom_map_count (self->passing) > PASSING_MAX) {
                (void) s_forget_passing (self);
            }
        }
    }
    s_session_free (session);
    *session_p = NULL;
}

/* ---- finding ------------------------------------------------------------------------------- */

zloom_session_t *
zloom_sessions_by_route (const zloom_sessions_t *self, uint64_t route)
{
    ZLOOM_CHECK (self, SESSIONS_TAG);
    return zloom_idmap_get (self->by_route, route);
}

zloom_session_t *
zloom_sessions_by_id (const zloom_sessions_t *self, uint64_t id)
{
    ZLOOM_CHECK (self, SESSIONS_TAG);
    return zloom_idmap_get (self->by_id, id);
}

zloom_session_t *
zloom_sessions_by_process (const zloom_sessions_t *self, zloom_bytes_t name, zloom_bytes_t nonce)
{
    ZLOOM_CHECK (self, SESSIONS_TAG);
    const name_t *known = zloom_map_get (self->names, name);
    if (!known || !known->session ||
        !zloom_bytes_equal (zloom_bytes (known->nonce, ZLOOM_NONCE_BYTES), nonce)) {
        return NULL;
    }
    return known->session;
}

zloom_session_t *
zloom_sessions_next (const zloom_sessions_t *self, size_t *cursor)
{
    ZLOOM_CHECK (self, SESSIONS_TAG);
    void *value;
    return zloom_idmap_next (self->by_id, cursor, NULL, &value) ? value : NULL;
}

size_t
zloom_sessions_count (const zloom_sessions_t *self)
{
    ZLOOM_CHECK (self, SESSIONS_TAG);
    return zloom_idmap_count (self->by_id);
}

/* ---- heartbeats ---------------------------------------------------------------------------- */

void
zloom_sessions_watch (zloom_sessions_t *self, zloom_session_t *session, int64_t mono_ns)
{
    ZLOOM_CHECK (self, SESSIONS_TAG);
    session->heard_ns = mono_ns;
    zloom_timers_arm (self->timers, &session->beat,
                      zloom_time_add (mono_ns, self->config.heartbeat_ns));
}

zloom_beat_action_t
zloom_sessions_due (zloom_sessions_t *self, int64_t mono_ns, zloom_session_t **session_p)
{
    ZLOOM_CHECK (self, SESSIONS_TAG);
    zloom_timer_t *timer = zloom_timers_pop_due (self->timers, mono_ns);
    if (!timer) {
        return ZLOOM_BEAT_NONE;
    }
    zloom_session_t *session = timer->owner;
    *session_p = session;
    if (mono_ns - session->heard_ns >= self->config.heartbeat_ns * self->config.liveness) {
        return ZLOOM_BEAT_GONE;
    }
    zloom_timers_arm (self->timers, timer, zloom_time_add (mono_ns, self->config.heartbeat_ns));
    return ZLOOM_BEAT_PING;
}

int64_t
zloom_sessions_deadline (const zloom_sessions_t *self)
{
    ZLOOM_CHECK (self, SESSIONS_TAG);
    return zloom_timers_next (self->timers);
}

void
zloom_sessions_shift (zloom_sessions_t *self, int64_t by_ns)
{
    ZLOOM_CHECK (self, SESSIONS_TAG);
    zloom_timers_shift (self->timers, by_ns);
    void *value;
    for (size_t i = 0; zloom_idmap_next (self->by_id, &i, NULL, &value);) {
        zloom_session_t *session = value;
        session->heard_ns += by_ns;
    }
}

/* ---- turn order ---------------------------------------------------------------------------- */

void
zloom_sessions_wait (zloom_sessions_t *self, zloom_session_t *session)
{
    ZLOOM_CHECK (self, SESSIONS_TAG);
    if (session->waiting) {
        return;
    }
    session->waiting = true;
    session->next_waiting = NULL;
    if (self->last_waiting) {
        self->last_waiting->next_waiting = session;
    } else {
        self->first_waiting = session;
    }
    self->last_waiting = session;
    self->waiting++;
}

zloom_session_t *
zloom_sessions_take_waiting (zloom_sessions_t *self)
{
    ZLOOM_CHECK (self, SESSIONS_TAG);
    zloom_session_t *session = self->first_waiting;
    if (session) {
        self->first_waiting = session->next_waiting;
        if (!self->first_waiting) {
            self->last_waiting = NULL;
        }
        session->waiting = false;
        session->next_waiting = NULL;
        self->waiting--;
    }
    return session;
}

size_t
zloom_sessions_waiting (const zloom_sessions_t *self)
{
    ZLOOM_CHECK (self, SESSIONS_TAG);
    return self->waiting;
}
