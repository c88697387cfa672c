/* SPDX-License-Identifier: MPL-2.0 */
/*
 * session.h - who talks to this router: sessions by route and by name, epochs and fencing,
 * heartbeats, and the turn order of those whose frames wait. Pure: time comes in as mono ns, and
 * what is to be said to a peer is said by the engine.
 *
 * Identity. A peer has a name and a nonce, drawn once a process. Same nonce = the same process =
 * the same epoch, whatever route it comes by. Another nonce under the same name is a newer process:
 * it gets a newer epoch and fences the older one, for good.
 *
 * Example:
 *     err = zloom_sessions_hello (sessions, route, key, &verb.hello, mono_ns, &session, &older);
 *     if (older) { ... say BYE FENCED, end its consumers, zloom_sessions_remove (...) }
 */
#ifndef ZLOOM_PEER_SESSION_H
#define ZLOOM_PEER_SESSION_H

#include "base/clock.h"
#include "base/timers.h"
#include "peer/inbox.h"
#include "wire/verb.h"

typedef struct zloom_sessions zloom_sessions_t;

/* One session. Made and changed here only, except for the fields of the owner. */
typedef struct zloom_session zloom_session_t;
struct zloom_session {
    uint32_t tag;
    uint64_t id; /* never used twice, never 0 */
    uint64_t route;
    char *name;
    char *role;
    char *key; /* authenticated; NULL on ipc and inproc */
    uint8_t nonce[ZLOOM_NONCE_BYTES];
    uint64_t epoch;
    int64_t heard_ns;
    zloom_timer_t beat;
    zloom_inbox_t inbox; /* owner pushes and pops */
    bool waiting;        /* stands in the turn order */
    zloom_session_t *next_waiting;
    void *part; /* owner: what hangs on this session */
};

typedef struct {
    int64_t heartbeat_ns;
    uint32_t liveness;     /* missed beats that mean gone */
    uint64_t first_epoch;  /* epochs of this boot are above it */
    size_t sessions_max;   /* 0: ZLOOM_LIMIT_PEERS */
    size_t remembered_max; /* names remembered with their epochs; 0: ZLOOM_LIMIT_PRODUCERS */
    char passing_mark;     /* begins names drawn for one session, of which only the last are */
} zloom_sessions_config_t;

zloom_sessions_t *zloom_sessions_new (const zloom_sessions_config_t *config);
/* Frees the sessions too; their `part` is the owner's to free before. */
void zloom_sessions_destroy (zloom_sessions_t **self_p);

/*
 * A HELLO came. OK: *session_p is the new session; *older_p, if not NULL, is one that it takes the
 * place of: *fenced says whether by a newer process (else the same one came by a new road). The
 * owner ends and removes it. Errors: VERSION, FENCED (this process was fenced before), FORBIDDEN
 * (the name belongs to another key now, and this is a key, too), TOO_MANY; the note says more.
 */
zloom_err_t zloom_sessions_hello (zloom_sessions_t *self, uint64_t route, const char *key,
                                  const zloom_verb_hello_t *hello, int64_t mono_ns,
                                  zloom_session_t **session_p, zloom_session_t **older_p,
                                  bool *fenced);
/* Whether this HELLO is of another process than the one that had the name last. */
bool zloom_sessions_is_takeover (const zloom_sessions_t *self, const zloom_verb_hello_t *hello);
void zloom_sessions_remove (zloom_sessions_t *self, zloom_session_t **session_p);

/* NULL when there is none. */
zloom_session_t *zloom_sessions_by_route (const zloom_sessions_t *self, uint64_t route);
zloom_session_t *zloom_sessions_by_id (const zloom_sessions_t *self, uint64_t id);
/* The session of that process: name and nonce. */
zloom_session_t *zloom_sessions_by_process (const zloom_sessions_t *self, zloom_bytes_t name,
                                            zloom_bytes_t nonce);
/* Step through in the order of their coming; *cursor starts at 0; NULL at the end. */
zloom_session_t *zloom_sessions_next (const zloom_sessions_t *self, size_t *cursor);
size_t zloom_sessions_count (const zloom_sessions_t *self);

/* ---- heartbeats ---------------------------------------------------------------------------- */

typedef enum {
    ZLOOM_BEAT_NONE, /* nothing is due */
    ZLOOM_BEAT_PING, /* ask this one */
    ZLOOM_BEAT_GONE, /* this one has been silent for too long */
} zloom_beat_action_t;

/* Begin to expect life from it (after WELCOME went out). */
void zloom_sessions_watch (zloom_sessions_t *self, zloom_session_t *session, int64_t mono_ns);
static inline void
zloom_session_heard (zloom_session_t *session, int64_t mono_ns)
{
    session->heard_ns = mono_ns;
}
/* One session for which something is due now; call until NONE. */
zloom_beat_action_t zloom_sessions_due (zloom_sessions_t *self, int64_t mono_ns,
                                        zloom_session_t **session_p);
int64_t zloom_sessions_deadline (const zloom_sessions_t *self);
/* This process was stopped for `by_ns`: nobody is late because of it. */
void zloom_sessions_shift (zloom_sessions_t *self, int64_t by_ns);

/* ---- turn order of those whose frames wait ------------------------------------------------- */

/* Stand at the end, unless it stands in the order already. */
void zloom_sessions_wait (zloom_sessions_t *self, zloom_session_t *session);
/* Take the first; NULL when none waits. */
zloom_session_t *zloom_sessions_take_waiting (zloom_sessions_t *self);
size_t zloom_sessions_waiting (const zloom_sessions_t *self);

#endif
