/* SPDX-License-Identifier: MPL-2.0 */
/*
 * engine.h - one engine hosts all flows of a router: it feeds the patterns, turns their effects
 * into journal groups and sends, and holds back every answer until the group it tells of is
 * durable. Pure over three ports: transport, journal, clock values. The simulator runs this very
 * code; lib/net and nodes/router give it real sockets and disks.
 *
 * One turn (docs/architecture.md has the reasons):
 *   1 the clocks come in as a pair; a turn that is late by more than 1 s, or a heartbeat if that is
 *     less, shifts deadlines by the lateness
 *   2 control (drain, reload, journal poll)
 *   3 frames from the transport, up to a burst; patterns are fed; effects become records
 *   4 timers: due ones fire after one burst, so that settlements that are already here count
 *   5 the turn's records are sealed as a group
 *   6 what was tagged with durable groups is released: confirms, settlements, deliveries
 *   7 the next deadline is returned; the caller sleeps until then, a frame, or the journal's fd
 *
 * Threads: one; all calls from the thread that made it.
 *
 * Example:
 *     zloom_engine_t *engine = zloom_engine_new (&config, &transport);
 *     zloom_journal_owner_t owner = zloom_engine_owner (engine);
 *     err = zloom_log_open (&journal_config, &owner, now, &journal);
 *     err = zloom_engine_start (engine, journal, now);
 *     for (;;) {
 *         int64_t wake_ns = zloom_engine_turn (engine, zloom_clock_now ());
 *         ... poll the socket and zloom_journal_fd (journal) until wake_ns ...
 *     }
 */
#ifndef ZLOOM_ENGINE_ENGINE_H
#define ZLOOM_ENGINE_ENGINE_H

#include "journal/journal.h"
#include "patterns/common/pattern.h"

typedef struct zloom_engine zloom_engine_t;

/*
 * Whoever held a key's messages before a boot is given so many heartbeats to come back, unless the
 * flow's hold_ns says otherwise.
 */
#define ZLOOM_ENGINE_HOLD_HEARTBEATS 2

/* A peer's road: given by the transport, unique while the engine lives, never 0. */
typedef uint64_t zloom_route_t;

/* One message from a peer: a verb frame and at most one pack frame. */
typedef struct {
    zloom_route_t route;
    const char *key;    /* authenticated public key; NULL on ipc and inproc */
    zloom_bytes_t verb; /* valid until the next receive */
    zloom_blob_t *pack; /* NULL: none; one reference, the engine's */
    bool malformed;     /* more than two frames, or over the size limit */
} zloom_frame_t;

typedef struct {
    void *arg;
    /* The next message of any peer, in fair order; false when there is none now. */
    bool (*receive) (void *arg, zloom_frame_t *frame);
    /*
     * Send a verb and maybe a pack (a view into `blob`, which the transport references as long as
     * it needs). Never blocks. GONE: no such peer any more; AGAIN: the peer's pipe is full although
     * it had credit: it is broken, and the engine ends its session.
     */
    zloom_err_t (*send) (void *arg, zloom_route_t route, zloom_bytes_t verb, zloom_blob_t *blob,
                         zloom_bytes_t pack);
    /* The engine will not use this route again; a frame that still comes gets a new one. */
    void (*forget) (void *arg, zloom_route_t route);
} zloom_transport_t;

/*
 * Rights, asked for every verb of every session; the flow is NULL for verbs that name none, and
 * then the right must hold for the router as a whole.
 */
typedef enum {
    ZLOOM_RIGHT_PUBLISH,
    ZLOOM_RIGHT_CONSUME,
    ZLOOM_RIGHT_CALL,
    ZLOOM_RIGHT_SERVE,
    ZLOOM_RIGHT_READ,
    ZLOOM_RIGHT_ADMINISTER,
    ZLOOM_RIGHT_SUPERVISE, /* GONE, of sessions with the same key */
    ZLOOM_RIGHT_ENTER,     /* HELLO: whether this key may have a session at all */
} zloom_right_t;

typedef bool (zloom_rights_fn) (void *arg, const char *key, zloom_right_t right, const char *flow);

typedef struct {
    zloom_flow_config_t config;
    const zloom_pattern_t *pattern;
    uint64_t fingerprint;
    /*
     * An outbox: what is sent to it is for the flow `flow` of another router, and a bridge carries
     * it there. Senders know it by that name; it keeps messages in the order of their coming, and
     * looks at nothing that they announce. NULL: a flow of its own.
     */
    const char *flow;
    const char *key; /* of an outbox: where senders find keys for that flow; config has none */
    bool events;     /* ... and whether that flow is a bus: with topics, which config has */
} zloom_engine_flow_t;

typedef struct {
    const char *name; /* of the router */
    const zloom_engine_flow_t *flows;
    size_t flow_count;
    int64_t heartbeat_ns;        /* default 1 s */
    uint32_t liveness;           /* 3..5 missed beats; default 4 */
    uint64_t max_message_bytes;  /* default 4 MiB */
    uint64_t memory_limit_bytes; /* of all memory flows together; 0 = the sum of their limits */
    zloom_rights_fn *rights;     /* NULL: everything is allowed (ipc in a 0700 directory) */
    void *rights_arg;
    const char *key; /* of the router's own host, whence those come who bring none; borrowed */
    /*
     * ADMIN reload with these --set values (a newline behind each): AGAIN, and the owner calls
     * zloom_engine_reload between two turns; the request of this asker (a session's number, never
     * used again) comes again in each turn while it is there. NULL: UNSUPPORTED.
     */
    zloom_err_t (*reload) (void *arg, uint64_t asker, zloom_bytes_t sets);
    void *reload_arg;
    uint64_t seed; /* of everything random; 0 = from the system */
} zloom_engine_config_t;

/* Config is copied, strings too. `transport` is borrowed until destroy. */
zloom_engine_t *zloom_engine_new (const zloom_engine_config_t *config,
                                  const zloom_transport_t *transport);
void zloom_engine_destroy (zloom_engine_t **self_p);
/* The callbacks to open the journal with. */
zloom_journal_owner_t zloom_engine_owner (zloom_engine_t *self);
/*
 * Begin to serve on an opened journal (borrowed; closed by the caller after destroy). A flow that
 * stands in the journal with unsettled messages but not in the config: FAILED with a note that
 * names it and the way out (rename, drop).
 */
zloom_err_t zloom_engine_start (zloom_engine_t *self, zloom_journal_t *journal, zloom_now_t now);
/* One turn. Returns when the next one is due (mono ns). */
int64_t zloom_engine_turn (zloom_engine_t *self, zloom_now_t now);
/* OK while serving; DISK with a note when the journal has stopped: leave, restart from disk. */
zloom_err_t zloom_engine_failed (const zloom_engine_t *self);
/* Take no new messages, hand out no more, wait for what is out until `deadline_ns` (mono). */
void zloom_engine_drain (zloom_engine_t *self, int64_t deadline_ns);
/* True when draining is over: nothing leased, all answered and durable, BYE sent. */
bool zloom_engine_drained (const zloom_engine_t *self);
/*
 * Between turns, for flows that are copies (flow_config.h): `n` messages, which have the numbers
 * from `seq` on at their router. `pack` is a view into `blob`. Numbers between the flow's last one
 * and `seq` are for nobody here. Such a flow lets go of what is old, and has always room.
 */
typedef struct {
    uint64_t seq;
    uint32_t n;
    zloom_bytes_t pack;
    zloom_blob_t *blob;
    const zloom_src_t *src; /* of all n */
    size_t src_count;
} zloom_brought_t;

/* TOO_BIG and the like: it cannot be stored, and is told to all as missed. NOT_FOUND: no copy. */
zloom_err_t zloom_engine_bring (zloom_engine_t *self, const char *name,
                                const zloom_brought_t *brought, zloom_now_t now);
/*
 * The copy goes on at `seq`. `missed`: what lies between is lost (`count` of them; 0: nobody knows)
 * and everybody is told; `restart`: because its router was started again.
 */
zloom_err_t zloom_engine_pass (zloom_engine_t *self, const char *name, uint64_t seq, bool missed,
                               bool restart, uint64_t count, zloom_now_t now);
/*
 * Rights have changed: sessions whose key may not enter any more, or that consume or watch what
 * they may not any more, end at once with BYE FORBIDDEN; what they held goes to others.
 */
void zloom_engine_recheck_rights (zloom_engine_t *self, zloom_now_t now);
/* Limits, retry, lease of known flows, and new flows; a removed flow with backlog: FAILED. */
zloom_err_t zloom_engine_reload (zloom_engine_t *self, const zloom_engine_flow_t *flows,
                                 size_t count, zloom_now_t now);

#endif
