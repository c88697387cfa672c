/* SPDX-License-Identifier: MPL-2.0 */
/*
 * core.h - the engine from the inside: its structs, and what its files do for each other. One
 * object, many files, each a stage or a part of the turn:
 *
 *   engine.c    life of the object          recover.c  the journal's owner: recovery, snapshots
 *   turn.c      the seven stages            flow.c     flows: making, durable marks, timers
 *   door.c      frames to verbs to calls    hello.c    HELLO and WELCOME
 *   produce.c   SEND                        grant.c    CREDIT to senders
 *   subscribe.c SUBSCRIBE, UNSUBSCRIBE      consume.c  CREDIT, SETTLE, STARTED, PROGRESS
 *   step.c      STEP                        store.c    peek, cold reads; views.c: stored packs
 *   carry.c     effects to records, sends   bundle.c   small packs stored as one
 *   dead.c      dead letters                deliver.c  DELIVER: slices of stored packs
 *   shared.c    what several are delivered alike
 *   talk.c      what is said, ends, beats   watch.c    tap and browse
 *   bridge.c    both ends of a bridge   bring.c    what comes to a copy
 *   admin*.c    ADMIN                       hold.c     answers that wait for their group
 *   trail*.c    what became of traced messages
 */
#ifndef ZLOOM_ENGINE_CORE_H
#define ZLOOM_ENGINE_CORE_H

#include "base/map.h"
#include "engine/bundle.h"
#include "engine/engine.h"
#include "engine/hold.h"
#include "engine/shared.h"
#include "engine/trail.h"
#include "engine/views.h"
#include "peer/credit.h"
#include "peer/session.h"
#include "wire/pack.h"

/* Dead letters of dead letters: as deep as effects may nest. */
#define ZLOOM_ENGINE_DEPTH 8
/* Frames taken from the transport in one turn, and the least that each session may have of them. */
#define ZLOOM_ENGINE_BURST 1024
#define ZLOOM_ENGINE_SESSION_BURST 64
#define ZLOOM_ENGINE_SESSION_BYTES (4u * 1024 * 1024)
/*
 * What patterns promise (patterns/queue/queue.h): beside the pack of an OFFER an event stages at
 * most this much, records, histories and dead letters together; TIMER and FETCHED one dead letter
 * of any size instead.
 */
#define ZLOOM_ENGINE_EVENT_BYTES (3u * 1024 * 1024)
#define ZLOOM_ENGINE_EVENT_RECORDS 64u
#define ZLOOM_ENGINE_MOVE_BYTES (ZLOOM_LIMIT_MESSAGE_BYTES + 65536u)
#define ZLOOM_ENGINE_NUMBER_BITS 40 /* numbers of memory flows start each boot at counter << 40 */
/* Settlements wait at most this long for a group to ride with. */
#define ZLOOM_ENGINE_LAZY_NS (5 * ZLOOM_NS_PER_MS)

typedef struct zloom_hosted zloom_hosted_t;
typedef struct zloom_sender zloom_sender_t;
typedef struct zloom_consumer zloom_consumer_t;
typedef struct zloom_job zloom_job_t;

/* One of the two journals: the log, and the one in memory for `memory` flows. */
typedef struct {
    zloom_engine_t *engine;
    zloom_journal_t *journal;
    bool disk;
    uint64_t staged;      /* newest group that holds anything: the tag of answers about state */
    int64_t seal_at_ns;   /* ZLOOM_NEVER: nothing staged waits to be sealed */
    zloom_idmap_t *flows; /* journal's number -> zloom_hosted_t */
} zloom_port_t;

/* Messages up to seq are durable with this group of the log (0: at once). */
typedef struct {
    uint64_t group;
    uint64_t seq;
} zloom_durable_mark_t;

/* What a flow that is only in the journal may be: it is read by each pattern until all but one of
 * them refuse its records. */
#define ZLOOM_ENGINE_READINGS 6
typedef struct {
    const zloom_pattern_t *pattern;
    void *core;
} zloom_reading_t;

/* A read from the disk, under way or ended. */
typedef struct {
    uint64_t seq;
    zloom_hosted_t *flow;
    zloom_err_t err;
    bool wanted; /* the pattern waits for a FETCHED event */
} zloom_arrival_t;

/* A flow that this engine hosts. */
struct zloom_hosted {
    zloom_engine_t *engine;
    zloom_port_t *port;
    uint32_t number;            /* the journal's */
    zloom_flow_config_t config; /* strings are the engine's own */
    const zloom_pattern_t *pattern;
    void *core;                                      /* the pattern's object */
    zloom_reading_t readings[ZLOOM_ENGINE_READINGS]; /* beside it, during recovery */
    size_t reading_count;
    zloom_store_t store;
    uint64_t fingerprint;
    char *outbox_of;             /* an outbox: the flow of another router; NULL: it is none */
    char *outbox_key;            /* ... and where that one's senders find keys; NULL: no keys */
    bool outbox_events;          /* ... and whether that one is a bus, which wants topics */
    zloom_hosted_t *dead_letter; /* NULL: none */
    bool configured;             /* false: stands in the journal only */
    bool paused;                 /* by hand */
    bool draining;               /* by hand */
    zloom_durable_mark_t *marks; /* a ring */
    size_t mark_head, mark_count, mark_capacity;
    uint64_t durable_seq;
    /* senders */
    size_t sender_count;
    uint64_t refused;           /* sends, before the pattern saw them */
    zloom_amount_t outstanding; /* granted to senders and not used */
    zloom_consumer_t *watchers; /* tap and browse: copies of what is live or there */
    zloom_views_t views;        /* stored packs */
    zloom_chunk_t *cold;        /* fetched from disk */
    size_t cold_count, cold_capacity;
    uint64_t cold_bytes;
    zloom_arrival_t *failed; /* reads that ended with an error in this turn */
    size_t failed_count, failed_capacity;
    zloom_track_t *track; /* of its traced messages; NULL: there are none */
    bool in_event;        /* the pattern is fed: it peeks only at what it moves to dead letters */
};

/* A session's way into one flow: what WELCOME or SUBSCRIBED gave an index for. */
struct zloom_sender {
    zloom_session_t *session;
    zloom_hosted_t *flow;
    uint32_t index;
    bool announced; /* HELLO said that it sends: it does so from the WELCOME on */
    bool sends;     /* counted among the flow's senders: gets credit */
    zloom_credit_t credit;
    zloom_amount_t left;                /* its part in flow->outstanding */
    uint64_t refused_from;              /* ids above are dropped until this one comes; 0: none */
    uint64_t want_messages, want_bytes; /* what was refused: credit waits until it fits */
    int64_t not_before_ns;              /* no credit earlier */
    bool hungry;                        /* stands in the list of those who want credit */
    int64_t patient_until_ns;           /* then it gets enough for a step, whoever else has some */
    zloom_sender_t *next_hungry;
    uint64_t confirm_id; /* 0: nothing to confirm */
    zloom_sender_t *next_confirming;
};

/* What the engine hangs on a session. */
typedef struct {
    zloom_sender_t **senders; /* by index; NULL where the flow was refused */
    size_t sender_count, sender_capacity;
    zloom_idmap_t *consumers; /* by handle */
    bool welcomed;
    bool ending;   /* its end is under way: nothing is sent to it or taken from it */
    bool revoked;  /* ... and its consumers have no credit any more */
    bool in_peace; /* it said BYE: its leases go back at no cost */
    bool crashed;  /* its supervisor said so, with this cause */
    zloom_cause_t cause;
    char *cause_text;     /* cause.text's memory */
    uint32_t pings_open;  /* PINGs that wait for their PONGs */
    zloom_buf_t report;   /* what its last PONG said of itself: a checked map; empty: nothing */
    int64_t report_at_ns; /* when, mono */
    size_t burst_frames, burst_bytes;
    uint64_t burst_turn;
} zloom_part_t;

/* What the event under work wants of its answers. */
typedef struct {
    bool is_step;
    bool settles;   /* the SETTLED effect is answered by the step itself */
    uint64_t group; /* emits to memory flows leave with this group of the log; 0: at once */
} zloom_step_context_t;

struct zloom_engine {
    uint32_t tag;
    char *name;
    int64_t heartbeat_ns;
    uint32_t liveness;
    uint64_t max_message_bytes;
    uint64_t memory_limit_bytes;
    zloom_rights_fn *rights;
    void *rights_arg;
    const char *own_key; /* of this host; NULL: none */
    zloom_err_t (*reload) (void *arg, uint64_t asker, zloom_bytes_t sets);
    void *reload_arg;
    zloom_transport_t transport;
    uint64_t seed;

    zloom_port_t disk;
    zloom_port_t memory;
    zloom_boot_t boot;
    uint64_t secret[2];  /* see zloom_birth_t */
    uint64_t inner_boot; /* what the patterns take for the boot, see zloom_engine_token_in */
    char log_text[2 * ZLOOM_LOG_ID_BYTES + 1];

    zloom_hosted_t **flows; /* configured ones in config's order, then those only in the journal */
    size_t flow_count, flow_capacity;
    zloom_map_t *by_name; /* configured ones */
    zloom_map_t *paused;  /* names of peers, by hand */
    zloom_sessions_t *sessions;
    zloom_idmap_t *consumers; /* by id */
    uint64_t next_consumer;
    zloom_hold_t *hold;

    zloom_effects_t *effects[ZLOOM_ENGINE_DEPTH];
    unsigned depth;
    zloom_random_t random;
    zloom_arena_t arena;   /* the verb under work */
    zloom_arena_t scratch; /* what is being built for one send */
    zloom_buf_t out;       /* the verb being encoded */
    zloom_buf_t head;      /* the record head being encoded */
    zloom_step_context_t step;
    zloom_bundle_t bundle;
    zloom_shared_t shared; /* of the hand-out under way */
    zloom_trail_t *trail;
    zloom_hop_t hop;

    zloom_now_t now;
    uint64_t turn_no;
    size_t busy_sessions; /* that had more than the least part of this turn */
    size_t share_frames;  /* what each may have of it */
    int64_t next_turn_ns; /* when this turn was due at the latest */
    zloom_sender_t *confirming;
    zloom_sender_t *hungry;
    uint64_t *ending; /* session ids */
    size_t ending_count, ending_capacity;
    uint64_t *over; /* consumer ids */
    size_t over_count, over_capacity;
    zloom_arrival_t *arrivals;
    size_t arrival_count, arrival_capacity;
    zloom_arrival_t *waits; /* moves to dead letters that wait for room on the disk */
    size_t wait_count, wait_capacity;
    zloom_idmap_t *reads; /* cookie -> zloom_arrival_t, under way */
    uint64_t next_read;
    zloom_job_t *jobs; /* of administration */

    bool started;
    bool draining;
    bool drained;
    int64_t drain_by_ns;
    bool failed;
    bool more; /* work is left for the next turn, which is due at once */
};

/* ---- engine.c ----------------------------------------------------------------------------- */

void zloom_engine_check (const zloom_engine_t *self);
/* A configured flow by name; NULL when there is none. */
zloom_hosted_t *zloom_engine_flow (const zloom_engine_t *self, zloom_bytes_t name);
zloom_hosted_t *zloom_engine_add_flow (zloom_engine_t *self, const zloom_engine_flow_t *flow);
/* Let it be found by its name, and by that of its flow if it is an outbox; or not any more. */
void zloom_engine_name_flow (zloom_engine_t *self, zloom_hosted_t *flow, bool found);
/* Make the flow's pattern. */
void zloom_engine_create (const zloom_engine_t *self, zloom_hosted_t *flow, uint64_t first_seq);
/* Give the flow its number and its pattern's object, and let it serve. */
void zloom_engine_begin_flow (zloom_engine_t *self, zloom_hosted_t *flow);
/* Find each flow's dead letters by name. */
void zloom_engine_join_dead_letters (zloom_engine_t *self);
bool zloom_engine_allows (const zloom_engine_t *self, const zloom_session_t *session,
                          zloom_right_t right, const char *flow);
/*
 * Tokens carry the journal's boot; the patterns are made before the journal is open and know the
 * engine's own number for it. Out: a pattern's token as peers see it. In: the way back; tokens of
 * earlier boots pass unchanged, and none from outside can carry the inner number.
 */
zloom_token_t zloom_engine_token_out (const zloom_engine_t *self, zloom_token_t token);
zloom_token_t zloom_engine_token_in (const zloom_engine_t *self, zloom_token_t token);

static inline zloom_part_t *
zloom_engine_part (const zloom_session_t *session)
{
    return session->part;
}

/* ---- flow.c -------------------------------------------------------------------------------- */

zloom_hosted_t *zloom_hosted_new (zloom_engine_t *engine, zloom_port_t *port,
                                  const zloom_flow_config_t *config,
                                  const zloom_pattern_t *pattern);
void zloom_hosted_destroy (zloom_hosted_t **self_p);
/* Take over what may change in a running topology. */
void zloom_hosted_configure (zloom_hosted_t *self, const zloom_flow_config_t *config);
/* Recovery is over: the first pattern that took all records is the flow's. */
void zloom_hosted_end_readings (zloom_hosted_t *self);
/* What senders call it. */
static inline const char *
zloom_hosted_name (const zloom_hosted_t *self)
{
    return self->outbox_of ? self->outbox_of : self->config.name;
}
/* What it looks at: an outbox at keys and topics, which later nobody could be told of. */
uint32_t zloom_hosted_flags (const zloom_hosted_t *self, uint32_t flags);
zloom_err_t zloom_hosted_check (const zloom_hosted_t *self, uint32_t flags, zloom_bytes_t pack);
/* Messages up to seq will be durable with `group` of the log (0: at once). */
void zloom_hosted_mark (zloom_hosted_t *self, uint64_t group, uint64_t seq);
/* Unsettled messages. */
uint64_t zloom_hosted_backlog (const zloom_hosted_t *self);

/* ---- carry.c ------------------------------------------------------------------------------- */

/*
 * Whether records of `bytes` may be staged for an event of `flow`: in its journal and in those of
 * its dead letters. OK, AGAIN (wait), DISK_FULL. Seals first when the open group is full.
 */
zloom_err_t zloom_engine_room (zloom_engine_t *self, const zloom_hosted_t *flow, uint32_t records,
                               uint64_t bytes, bool growing);
/* Close the port's open group if it holds anything and the committer takes it. */
void zloom_engine_seal (zloom_engine_t *self, zloom_port_t *port);
/* Feed an event, for which there is room, and carry out its effects. */
void zloom_engine_feed (zloom_engine_t *self, zloom_hosted_t *flow, const zloom_event_t *event);
/* The same for calls of a pattern that are no event: `call` fills the effects. */
typedef void (zloom_engine_call_fn) (zloom_hosted_t *flow, const zloom_turn_t *turn, void *arg);
void zloom_engine_call (zloom_engine_t *self, zloom_hosted_t *flow, zloom_engine_call_fn *call,
                        void *arg);
/* Feed an event, and call when it is decided, before its effects are carried out. */
void zloom_engine_feed_then (zloom_engine_t *self, zloom_hosted_t *flow, const zloom_event_t *event,
                             zloom_engine_call_fn *call, void *arg);
void zloom_engine_stage (zloom_engine_t *self, zloom_hosted_t *flow, zloom_record_t *record,
                         zloom_blob_t *blob, bool lazy);
/* The open group holds something, or will before it is sealed: that is so by now, or soon. */
void zloom_engine_staged (zloom_engine_t *self, zloom_port_t *port, bool lazy);
/* The group that answers about the state of `flow` wait for; 0: none. */
uint64_t zloom_engine_group (const zloom_engine_t *self, const zloom_hosted_t *flow);
/* Stage an APPEND effect as a record of its own; its pack lies in `blob`. */
void zloom_engine_append (zloom_engine_t *self, zloom_hosted_t *flow, const zloom_effect_t *effect,
                          zloom_blob_t *blob);
/* Confirms of the turn, one a sender. */
void zloom_engine_flush_confirms (zloom_engine_t *self);

/* ---- bundle.c ------------------------------------------------------------------------------ */

/* Put an APPEND effect of a SEND into the open pack; false: it has to be a record of its own. */
bool zloom_engine_bundle (zloom_engine_t *self, zloom_hosted_t *flow, const zloom_effect_t *append);
/* Close the open pack: its record is staged. */
void zloom_engine_close_bundle (zloom_engine_t *self);

/* ---- hello.c, talk.c ----------------------------------------------------------------------- */

zloom_err_t zloom_engine_hello (zloom_engine_t *self, const zloom_frame_t *frame,
                                const zloom_verb_hello_t *hello);
/* bridge.c: whether what a bridge tells of its log is news, and to take that in. */
bool zloom_engine_rebases (zloom_engine_t *self, const zloom_hosted_t *flow, zloom_bytes_t producer,
                           const zloom_hello_flow_t *hello);
void zloom_engine_rebase (zloom_engine_t *self, zloom_hosted_t *flow, zloom_bytes_t producer,
                          const zloom_hello_flow_t *hello);
void zloom_engine_say_bytes (zloom_engine_t *self, zloom_session_t *session, zloom_bytes_t verb);
/* To a session: at once (group 0), or held until the group is durable. */
void zloom_engine_say (zloom_engine_t *self, zloom_session_t *session, const zloom_verb_t *verb,
                       uint64_t group);
/* A verb that is encoded already, with its pack. */
void zloom_engine_say_parts (zloom_engine_t *self, zloom_session_t *session, zloom_bytes_t verb,
                             zloom_blob_t *blob, zloom_bytes_t pack);
/* The same with a pack, at once. */
void zloom_engine_say_pack (zloom_engine_t *self, zloom_session_t *session,
                            const zloom_verb_t *verb, zloom_blob_t *blob, zloom_bytes_t pack);
/* BYE to a route that has no session, or none any more, and forget it. */
void zloom_engine_bye_route (zloom_engine_t *self, zloom_route_t route, zloom_err_t code,
                             const char *text);
/* BYE to a session, and end it at the next safe place. */
void zloom_engine_bye (zloom_engine_t *self, zloom_session_t *session, zloom_err_t code,
                       const char *text);
/* End it without a word: it is gone. */
void zloom_engine_lose (zloom_engine_t *self, zloom_session_t *session);
/* Release what a session that is ending holds; what has no room yet stays for the next turn. */
void zloom_engine_end_sessions (zloom_engine_t *self);
void zloom_engine_free_part (zloom_engine_t *self, zloom_session_t *session);
void zloom_engine_beats (zloom_engine_t *self);
void zloom_engine_ping (zloom_engine_t *self, zloom_session_t *session,
                        const zloom_verb_ping_t *ping);
void zloom_engine_pong (zloom_engine_t *self, zloom_session_t *session,
                        const zloom_verb_pong_t *pong);
void zloom_engine_gone (zloom_engine_t *self, zloom_session_t *session,
                        const zloom_verb_gone_t *gone);
/* What was held for durable groups goes out. */
void zloom_engine_release (zloom_engine_t *self);

/* ---- door.c -------------------------------------------------------------------------------- */

void zloom_engine_receive (zloom_engine_t *self);
/* REFUSE without flow: `text` or the thread's note says what was wrong. */
void zloom_engine_refuse (zloom_engine_t *self, zloom_session_t *session, zloom_err_t code,
                          const char *text);

/* ---- produce.c, grant.c -------------------------------------------------------------------- */

zloom_err_t zloom_engine_send (zloom_engine_t *self, zloom_session_t *session,
                               const zloom_verb_t *verb, size_t frame_bytes, zloom_blob_t *pack);
/* The sender of an index; NULL when the session has none. */
zloom_sender_t *zloom_engine_sender (const zloom_session_t *session, uint32_t index);
/* The one for a flow; made when there is none. */
zloom_sender_t *zloom_engine_sender_for (zloom_session_t *session, zloom_hosted_t *flow);
/* Refuse whole from this id on; text from the note. */
void zloom_engine_refuse_send (zloom_engine_t *self, zloom_sender_t *sender, zloom_err_t code,
                               uint64_t from_id);
/* Whether n messages of `bytes` may come into the flow now (its limits; block flows only). */
zloom_err_t zloom_engine_fits (const zloom_engine_t *self, const zloom_hosted_t *flow, uint64_t n,
                               uint64_t bytes);
/* Count a frame against the sender's credit; it wants more when little is left. */
void zloom_engine_use_credit (zloom_engine_t *self, zloom_sender_t *sender, uint64_t messages,
                              uint64_t bytes);
/* It sends: it shares in the flow's credit from now on. */
void zloom_engine_begin_sending (zloom_engine_t *self, zloom_sender_t *sender);
void zloom_engine_end_sending (zloom_engine_t *self, zloom_sender_t *sender);
/* Stand in the list of those who want credit. */
void zloom_engine_want_credit (zloom_engine_t *self, zloom_sender_t *sender);
/* CREDIT to those who want it and may have it. Returns when somebody's waiting ends. */
int64_t zloom_engine_grant (zloom_engine_t *self);
/* Messages and bytes that may still come in, memory of all memory flows counted. */
void zloom_engine_flow_room (const zloom_engine_t *self, const zloom_hosted_t *flow,
                             uint64_t *messages, uint64_t *bytes);

/* ---- step.c, dead.c ------------------------------------------------------------------------ */

zloom_err_t zloom_engine_step (zloom_engine_t *self, zloom_session_t *session,
                               const zloom_verb_t *verb, size_t frame_bytes, zloom_blob_t *pack);
/* Copy message seq of `flow` to its dead letters, in the open group. */
void zloom_engine_dead (zloom_engine_t *self, zloom_hosted_t *flow, uint64_t seq,
                        zloom_bytes_t history);

/* ---- store.c ------------------------------------------------------------------------------- */

/* zloom_store_t's peek; arg is the zloom_hosted_t. */
zloom_err_t zloom_engine_peek (void *arg, uint64_t seq, uint32_t max_n, uint64_t max_bytes,
                               zloom_peek_t *peek);
/* The view that holds seq, from memory; else the error (AGAIN: on disk, nothing was started). */
zloom_err_t zloom_hosted_view (zloom_hosted_t *self, uint64_t seq, zloom_view_t **view_p);
/* Start to read what peek said AGAIN about. */
void zloom_engine_read (zloom_engine_t *self, zloom_hosted_t *flow, uint64_t seq);
/* As peek for the engine's own work: AGAIN starts a read, and nobody is told when it ends. Who asks
 * again in each turn finds the view then, or hears why it cannot be read. */
zloom_err_t zloom_hosted_look (zloom_hosted_t *self, uint64_t seq, zloom_view_t **view_p);
void zloom_engine_fetched (zloom_engine_t *self, uint64_t cookie, zloom_err_t err,
                           zloom_chunk_t *chunk);
/* Tell the patterns about reads that ended. */
void zloom_engine_arrivals (zloom_engine_t *self);
void zloom_hosted_drop_views (zloom_hosted_t *self);
/* The turn is over: let go of views, and keep the cold packs within their limit. */
void zloom_hosted_trim (zloom_hosted_t *self);

/* ---- admin.c ------------------------------------------------------------------------------- */

zloom_err_t zloom_engine_admin (zloom_engine_t *self, zloom_session_t *session,
                                const zloom_verb_admin_t *admin);
/* Whether the peer of that name takes no more for now. */
bool zloom_engine_paused (const zloom_engine_t *self, const zloom_session_t *session);
/* Go on with what takes more than a turn; returns when the next one that rests goes on. */
int64_t zloom_engine_jobs (zloom_engine_t *self);
/* The session is over: so is what it asked for. */
void zloom_engine_drop_jobs (zloom_engine_t *self, const zloom_session_t *session);

#include "engine/consumer.h"

#endif
