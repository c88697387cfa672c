/* SPDX-License-Identifier: MPL-2.0 */
/*
 * client_types.h - the values that client.h (with a socket) and client_core.h (pure) share:
 * options, subscriptions, settlements, events.
 */
#ifndef ZLOOM_CLIENT_TYPES_H
#define ZLOOM_CLIENT_TYPES_H

#include "base/bytes.h"
#include "base/clock.h"
#include "client/report.h"
#include "wire/envelope.h"
#include "wire/source.h"
#include "wire/types.h"
#include "wire/verb.h"

/* A flow that the client sends to, by SEND or by the emits of a step. */
typedef struct {
    const char *name;
    bool has_fingerprint; /* else the router's is taken as it is */
    uint64_t fingerprint;
    /*
     * Bridges: messages are carried for others, with ids of the caller's, none of them lower than
     * this; and the boots of the log that the ids are numbers of. 0: the client gives the ids.
     */
    uint64_t first_id;
    const zloom_boot_first_t *boots;
    size_t boot_count;
} zloom_client_flow_t;

/* A message of others. */
typedef struct {
    zloom_bytes_t envelope; /* as it is */
    uint32_t flags;         /* of what is in it */
    zloom_origin_t origin;
} zloom_carried_t;

/* Zero means the default. Strings are copied. */
typedef struct {
    const char *name; /* NULL: drawn from the nonce, good for this session */
    const char *role; /* NULL: "client" */
    uint8_t nonce[ZLOOM_NONCE_BYTES];
    const zloom_client_flow_t *flows;
    size_t flow_count;
    size_t window_messages;  /* per flow: sent and not confirmed; 65536 */
    size_t window_bytes;     /* per flow; 64 MiB */
    size_t pack_messages;    /* 512 */
    size_t pack_bytes;       /* 256 KiB */
    int64_t linger_ns;       /* 1 ms; -1: none */
    uint64_t seed;           /* of jitter */
    zloom_report_fn *report; /* NULL: only what the client itself knows is told */
    void *report_arg;
} zloom_client_options_t;

/* Strings are copied. */
typedef struct {
    const char *flow;
    const char *group; /* NULL: the flow's own */
    zloom_mode_t mode; /* CONSUME: settle what comes; TAP, BROWSE: copies, zloom_..._release them */
    size_t prefetch;   /* most messages held; 0: 100 */
    size_t prefetch_bytes;  /* 0: 16 MiB; one message always fits */
    size_t prefetch_frames; /* 0: as many as prefetch */
    /* The rest is for buses. */
    const char *const *patterns;
    size_t pattern_count; /* 0: everything */
    bool durable;
    zloom_from_t from; /* where a new one begins; one that was there goes on where it stood */
    int64_t from_value;
    zloom_on_slow_t on_slow;
    int64_t on_slow_value; /* 0: the flow's default */
    zloom_gap_fn *gap;     /* told beside the event; NULL: nobody */
    void *gap_arg;
} zloom_subscription_options_t;

/* How a message is settled; views are copied. */
typedef struct {
    zloom_verdict_t verdict;
    int64_t delay_ms; /* of a RETRY; ZLOOM_DELAY_UNSET: the flow's backoff */
    zloom_cause_t cause;
} zloom_settlement_t;

typedef enum {
    ZLOOM_CLIENT_WELCOME,   /* the session stands, the first time or again */
    ZLOOM_CLIENT_LOST,      /* the router does not answer; a new road is being laid */
    ZLOOM_CLIENT_ENDED,     /* for good: `code` (FENCED, VERSION, FORBIDDEN), `text` */
    ZLOOM_CLIENT_CONFIRMED, /* `flow`: ids up to `id` are safe */
    ZLOOM_CLIENT_REFUSED,   /* `flow`, from `id`, `code`, `text`: sent again once there is credit */
    ZLOOM_CLIENT_FAILED,    /* `flow`, message `id`, `code`, `text`: it will never be taken */
    ZLOOM_CLIENT_SUBSCRIBED, /* `handle`, `code`, `text`, `lease_ms`; not OK: it is over */
    ZLOOM_CLIENT_SETTLED,    /* `handle`, `token`, `seq`, `n`: done, they never come again */
    ZLOOM_CLIENT_STALE,      /* `handle`, `token`, `seq`, `n`: these leases are lost */
    ZLOOM_CLIENT_STEP,   /* `id` of a commit, `code`, `text`; not OK: see zloom_..._step_commit */
    ZLOOM_CLIENT_GAP,    /* `handle`, `n` of [`seq`, `last`], `text`: these will not come; told in
                            its place, when what came before it has been received */
    ZLOOM_CLIENT_ANSWER, /* `id` of the request, `code`, `text`, `more`, `result`, `pack` */
} zloom_client_event_type_t;

/* Views are valid during the callback. */
typedef struct {
    zloom_client_event_type_t type;
    const char *flow; /* NULL: none */
    uint32_t handle;
    zloom_token_t token;
    uint64_t seq;
    uint64_t last;
    uint64_t n;
    uint64_t id;
    zloom_err_t code;
    zloom_bytes_t text;
    uint64_t lease_ms;
    bool more;
    zloom_bytes_t result; /* a raw msgpack value */
    zloom_bytes_t pack;
} zloom_client_event_t;

/* May not call back into the client: note what came, and act after the call that told. */
typedef void (zloom_client_event_fn) (void *arg, const zloom_client_event_t *event);

/* What a flow's sender knows. */
typedef struct {
    zloom_err_t state;    /* OK; AGAIN: no session yet; else why the router refused the flow */
    zloom_err_t refusal;  /* OK, or why the router took the newest not now */
    uint64_t next_id;     /* of the next message; 0: not known before the first welcome */
    uint64_t confirmed;   /* ids up to here are safe */
    size_t held_messages; /* not confirmed */
    size_t held_bytes;
    uint64_t failed;       /* messages that the router will never take */
    zloom_confirm_t level; /* of its confirms */
    zloom_bytes_t mark;    /* as WELCOME had it; unset: none; valid until the next welcome */
    bool keyed;            /* messages need a key */
    size_t message_bytes;  /* most that one takes, encoded; 0: not known before the first welcome */
} zloom_client_flow_state_t;

#endif
