/* SPDX-License-Identifier: MPL-2.0 */
/*
 * verb.h - the verbs of verbs.def as structs, to bytes and back.
 *
 * A verb frame is the msgpack array [number, fields…]; at most one more frame, the pack, follows.
 * The comment at each struct is its array; `?` marks what may be nil or missing. docs/protocol.md
 * is the same for readers without C.
 *
 * Numbers: ids, sequence numbers and totals are 0 … 2^63 - 1, and a run's seq + n - 1 stays
 * in that range, so sums of a checked verb do not overflow. Ids start at 1, epochs and boots of
 * tokens are any 64-bit number.
 * Codes travel by name; nil is OK, a name that is not known here reads as ZLOOM_FAILED.
 *
 * Texts for people (text, note, cause.text) are made to fit when they are encoded: of words that a
 * program said the last ZLOOM_LIMIT_TEXT_BYTES, of others the first, '?' where it is no UTF-8.
 *
 * Memory: encoding copies what the struct points to. Decoding borrows bytes from the frame and puts
 * arrays into the arena: all of it is valid until that arena is reset or the frame freed, and no
 * memory is allocated once the arena is warm.
 *
 * Example:
 *     zloom_verb_t verb = {.kind = ZLOOM_VERB_CREDIT,
 *                          .credit = {.target = ZLOOM_CREDIT_HANDLE, .id = 1, .messages = 100,
 *                                     .bytes = 1 << 20, .frames = 10}};
 *     zloom_verb_encode (&verb, &out);
 *
 *     zloom_arena_reset (&arena);
 *     err = zloom_verb_decode (frame, &arena, &verb);
 *     if (err == ZLOOM_OK) {
 *         err = zloom_verb_check_pack (&verb, frame.size, pack, max_message_bytes);
 *     }
 */
#ifndef ZLOOM_WIRE_VERB_H
#define ZLOOM_WIRE_VERB_H

#include "wire/arena.h"
#include "wire/envelope.h"
#include "wire/limits.h"
#include "wire/source.h"
#include "wire/types.h"

#define ZLOOM_PROTO_MIN 1
#define ZLOOM_PROTO_MAX 1
#define ZLOOM_NONCE_BYTES 16
#define ZLOOM_LOG_ID_BYTES 16

typedef enum {
    ZLOOM_VERB_NONE = 0,
#define ZLOOM_VERB(NAME, name, number, way, session, pack) ZLOOM_VERB_##NAME = (number),
#define ZLOOM_VERB_RESERVED(NAME, number)
#include "wire/verbs.def"
#undef ZLOOM_VERB
#undef ZLOOM_VERB_RESERVED
} zloom_verb_kind_t;

typedef enum { ZLOOM_WAY_UP = 1, ZLOOM_WAY_DOWN = 2, ZLOOM_WAY_BOTH = 3 } zloom_way_t;
typedef enum { ZLOOM_PACK_NONE, ZLOOM_PACK_MAY, ZLOOM_PACK_MUST } zloom_pack_rule_t;

typedef struct {
    const char *name; /* "HELLO" */
    zloom_verb_kind_t kind;
    zloom_way_t way;
    bool needs_session;
    zloom_pack_rule_t pack;
} zloom_verb_info_t;

/* NULL for what is no verb here. Any thread. */
const zloom_verb_info_t *zloom_verb_info (zloom_verb_kind_t kind);

/*
 * The parts that types.h has, as arrays:
 *   token    [boot, number]; numbers of one boot start at 1, 0 is no lease; boot 0 only in a step
 *            without input
 *   run      [seq, n], n >= 1
 *   settle   [first, n, verdict, delay_ms?, cause?]
 *   cause    [reason, exit?, signal?, text?]; reason unset = no cause
 *   settled  [first, n, code?]; nil is OK
 *   src      [n, producer, first_id, base_time]
 *   fact     [i, [attempt?, budget_left?, redelivered?, replayed?]]; i ascending; only where a
 *            message differs from a first, plain delivery
 */

/* ---- parts ---------------------------------------------------------------------------------- */

/*
 * [flow, n, flags, base_time, first_id?, mark?, from?]. first_id and mark stand only in a step
 * without input: there the emits are the producer's own messages, numbered like SEND's, and mark is
 * kept with its state. `from` stands only in a step with input: all n messages came of the input
 * with this number, as its handler says; without it they came of the step's only message, if there
 * is one.
 */
typedef struct {
    uint32_t flow; /* index from WELCOME */
    uint32_t n;
    uint32_t flags;
    int64_t base_time_ns;
    uint64_t first_id;  /* 0 = none */
    zloom_bytes_t mark; /* unset = keep the old one */
    uint64_t from;      /* 0 = not said */
} zloom_emit_t;

/* [key, value?]: nil removes */
typedef struct {
    zloom_bytes_t key;
    zloom_bytes_t value;
} zloom_state_t;

/* [token, runs] */
typedef struct {
    zloom_token_t token;
    const zloom_run_t *runs;
    size_t run_count;
} zloom_holding_t;

/* [handle, delivery_no] */
typedef struct {
    uint32_t handle;
    uint64_t delivery_no;
} zloom_beat_t;

/* [name, fingerprint?, next?, boots?] */
typedef struct {
    zloom_bytes_t name;
    bool has_fingerprint;
    uint64_t fingerprint;
    uint64_t next; /* lowest id still held for sending; 0 = does not send to it */
    /* Bridges: the boots of the log that the ids are numbers of, oldest first; its last ones. */
    const zloom_boot_first_t *boots;
    size_t boot_count;
} zloom_hello_flow_t;

/* [index, name, code?, note?, pattern?, key?, confirm?, high?, mark?, fingerprint?, topic?] */
typedef struct {
    uint32_t index; /* names the flow for the rest of the session */
    zloom_bytes_t name;
    zloom_err_t code; /* OK; UNKNOWN_FLOW, FINGERPRINT, FORBIDDEN: this flow is refused */
    zloom_bytes_t note;
    zloom_bytes_t pattern; /* "queue" */
    zloom_bytes_t key;     /* key pointer ("/customer_id"), unset = no key */
    zloom_confirm_t confirm;
    uint64_t high;      /* highest id taken from this producer, 0 = none */
    zloom_bytes_t mark; /* as last kept */
    uint64_t fingerprint;
    zloom_bytes_t topic; /* of messages that name none; unset = there is no such topic */
} zloom_welcome_flow_t;

/* ---- verbs ---------------------------------------------------------------------------------- */

/* [1, proto_min, proto_max, name, role, nonce, flows] */
typedef struct {
    uint32_t proto_min;
    uint32_t proto_max;
    zloom_bytes_t name;
    zloom_bytes_t role;  /* "producer", "worker", "sink", "poller", "supervisor", "admin", … */
    zloom_bytes_t nonce; /* ZLOOM_NONCE_BYTES, drawn once a process */
    const zloom_hello_flow_t *flows;
    size_t flow_count;
} zloom_verb_hello_t;

/* [2, proto, epoch, heartbeat_ms, liveness, [message, pack, step], [name, log_id, boot], flows] */
typedef struct {
    uint32_t proto;
    uint64_t epoch;
    uint32_t heartbeat_ms;
    uint32_t liveness;      /* missed heartbeats that mean gone */
    uint32_t message_bytes; /* limits of this router, at most those of limits.def */
    uint32_t pack_bytes;
    uint32_t step_bytes;
    zloom_bytes_t router;
    zloom_bytes_t log_id; /* ZLOOM_LOG_ID_BYTES */
    uint64_t boot;        /* counter: grows with each opening of that log */
    const zloom_welcome_flow_t *flows;
    size_t flow_count;
} zloom_verb_welcome_t;

/* [3, code, text?]: the session is over. FENCED is final; NOT_FOUND means say HELLO again. */
typedef struct {
    zloom_err_t code; /* OK = leaving in peace */
    zloom_bytes_t text;
} zloom_verb_bye_t;

/*
 * [4 | 5, beats, report?]: the router names the last delivery of each handle, a PONG those that
 * came. A peer's PONG may say how it does: a map, for people and tools (lib/client/report.h).
 */
typedef struct {
    const zloom_beat_t *beats;
    size_t beat_count;
    zloom_bytes_t report; /* a raw msgpack map; unset: none */
} zloom_verb_ping_t;
typedef zloom_verb_ping_t zloom_verb_pong_t;

/* [6, name, nonce, exit?, signal?, stderr?]: from the supervisor, about a child that ended */
typedef struct {
    zloom_bytes_t name;
    zloom_bytes_t nonce;
    int32_t exit;   /* -1 = none */
    int32_t signal; /* 0 = none */
    zloom_bytes_t text;
} zloom_verb_gone_t;

/* [10, flow, first_id, n, base_time, flags?, mark?, src?] + pack; without pack: skip the ids */
typedef struct {
    uint32_t flow;
    uint64_t first_id;
    uint32_t n;
    int64_t base_time_ns;
    uint32_t flags;         /* ZLOOM_FLAG_*; unknown bits are kept */
    zloom_bytes_t mark;     /* unset = keep the old one */
    const zloom_src_t *src; /* none = the session's own; else it covers `n` exactly */
    size_t src_count;
} zloom_verb_send_t;

/* [11, flow, upto_id, level] */
typedef struct {
    uint32_t flow;
    uint64_t upto_id; /* every id up to here is safe, at this level */
    zloom_confirm_t level;
} zloom_verb_confirm_t;

/* [12, flow?, code, from_id?, text?]: without flow it answers a verb that is unknown or not due */
typedef struct {
    bool has_flow;
    uint32_t flow;
    zloom_err_t code;
    uint64_t from_id; /* ids from here on are dropped until this one arrives; 0 = no id */
    zloom_bytes_t text;
} zloom_verb_refuse_t;

typedef enum { ZLOOM_CREDIT_FLOW = 0, ZLOOM_CREDIT_HANDLE = 1 } zloom_credit_target_t;

/* [13, target, id, messages, bytes, frames]: totals since the session, or subscription, began */
typedef struct {
    zloom_credit_target_t target; /* FLOW from the router, HANDLE from the consumer */
    uint32_t id;                  /* flow index or handle */
    uint64_t messages;
    uint64_t bytes; /* of packs */
    uint64_t frames;
} zloom_verb_credit_t;

typedef enum {
    ZLOOM_MODE_CONSUME = 0, /* leases; settle what comes */
    ZLOOM_MODE_BROWSE = 1,  /* what is there, untouched, then the end */
    ZLOOM_MODE_TAP = 2,     /* copies of what is delivered, untouched */
    ZLOOM_MODE_COUNT
} zloom_mode_t;

/* [20, handle, flow, group?, patterns?, [from, value?]?, [mode, durable?, on_slow?, value?]?,
 *  holding?] */
typedef struct {
    uint32_t handle; /* chosen by the consumer, unique in its session */
    zloom_bytes_t flow;
    zloom_bytes_t group;
    const zloom_bytes_t *patterns;
    size_t pattern_count;
    zloom_from_t from;
    int64_t from_value;
    zloom_mode_t mode;
    const zloom_holding_t *holding; /* leases from an earlier session still at work here */
    size_t holding_count;
    bool durable; /* the group outlives its members, and its messages are leased */
    zloom_on_slow_t on_slow;
    int64_t on_slow_value; /* 0 = the policy's usual one */
} zloom_verb_subscribe_t;

/* [21, handle, code?, text?, flow?, lease_ms?, key?, next?] */
typedef struct {
    uint32_t handle;
    zloom_err_t code;
    zloom_bytes_t text;
    uint32_t flow;     /* index, as in WELCOME */
    uint64_t lease_ms; /* 0 = no leases */
    zloom_bytes_t key; /* as in WELCOME; set: the order of each key is the consumer's to keep */
    uint64_t next;     /* no leases: the lowest number that may come; 0 = that is not known */
} zloom_verb_subscribed_t;

/* [22, handle]: what is leased to it goes back at no cost */
typedef struct {
    uint32_t handle;
} zloom_verb_unsubscribe_t;

/* [23, handle, token, runs, src, facts?, delivery_no] + pack */
typedef struct {
    uint32_t handle;
    zloom_token_t token;
    const zloom_run_t *runs; /* sequence numbers, in the pack's order */
    size_t run_count;
    const zloom_src_t *src; /* covers the pack exactly */
    size_t src_count;
    const zloom_fact_t *facts;
    size_t fact_count;
    uint64_t delivery_no; /* 1, 2, 3 … per handle: a hole is a loss */
} zloom_verb_deliver_t;

/* [24, handle, token, runs] */
typedef struct {
    uint32_t handle;
    zloom_token_t token;
    const zloom_settle_run_t *runs;
    size_t run_count;
} zloom_verb_settle_t;

/* [25, handle?, token, runs, step?, text?]: answers SETTLE by runs, or STEP by one code for all */
typedef struct {
    bool has_handle; /* false: answers a step without input */
    uint32_t handle;
    zloom_token_t token; /* as the SETTLE or STEP had it */
    const zloom_settled_run_t *runs;
    size_t run_count;
    bool is_step;
    zloom_err_t step; /* OK = all of it is done; else nothing of it is and the lease stays */
    zloom_bytes_t text;
} zloom_verb_settled_t;

/*
 * [26, handle?, token, settles?, emits?, replies (nil), state?] + pack of all emits in their order.
 * Without input: handle nil, token [0, number], number chosen by the peer to know the answer by.
 */
typedef struct {
    bool has_handle;
    uint32_t handle;
    zloom_token_t token;
    const zloom_settle_run_t *settles;
    size_t settle_count;
    const zloom_emit_t *emits;
    size_t emit_count;
    const zloom_state_t *state;
    size_t state_count;
} zloom_verb_step_t;

/* [27, handle, token, runs] */
typedef struct {
    uint32_t handle;
    zloom_token_t token;
    const zloom_run_t *runs;
    size_t run_count;
} zloom_verb_started_t;

/* [29, handle, token, runs]: these leases are lost; what is under way on them is in vain */
typedef zloom_verb_started_t zloom_verb_stale_t;

/* [28, handle, token, runs, extend_ms?] */
typedef struct {
    uint32_t handle;
    zloom_token_t token;
    const zloom_run_t *runs;
    size_t run_count;
    uint64_t extend_ms; /* from now; 0 = the flow's lease */
} zloom_verb_progress_t;

/* [30, handle, from, to, count, reason]: sequence numbers in [from, to] that will not come */
typedef struct {
    uint32_t handle;
    uint64_t from;
    uint64_t to;
    uint64_t count;
    zloom_bytes_t reason;
} zloom_verb_gap_t;

/* [50, request, command, args?] */
typedef struct {
    uint64_t request; /* chosen by the asker */
    zloom_bytes_t command;
    zloom_bytes_t args; /* a raw msgpack map */
} zloom_verb_admin_t;

/* [51, request, code?, text?, more?, result?] (+ pack) */
typedef struct {
    uint64_t request;
    zloom_err_t code;
    zloom_bytes_t text;
    bool more;            /* another ANSWER of the same request follows */
    zloom_bytes_t result; /* a raw msgpack value */
} zloom_verb_answer_t;

typedef struct {
    zloom_verb_kind_t kind;
    union {
#define ZLOOM_VERB(NAME, name, number, way, session, pack) zloom_verb_##name##_t name;
#define ZLOOM_VERB_RESERVED(NAME, number)
#include "wire/verbs.def"
#undef ZLOOM_VERB
#undef ZLOOM_VERB_RESERVED
    };
} zloom_verb_t;

/* Append the verb frame. The kind must be one of verbs.def. */
void zloom_verb_encode (const zloom_verb_t *verb, zloom_buf_t *out);
/*
 * Check and decode a verb frame. The arena is not reset here: reset it before, unless earlier verbs
 * are still in use. ZLOOM_UNKNOWN_VERB leaves the number in the note; ZLOOM_TOO_BIG, _MALFORMED,
 * _TRUNCATED, _TRAILING, _TOO_DEEP. On an error verb->kind is the verb as far as it could be told,
 * else ZLOOM_VERB_NONE, and nothing else of it may be used.
 */
zloom_err_t zloom_verb_decode (zloom_bytes_t frame, zloom_arena_t *arena, zloom_verb_t *verb);
/*
 * A DELIVER in two parts, for those who send one that differs in handle and number alone: what is
 * equal (runs, src, facts), and all of it with that part as it was encoded.
 */
void zloom_verb_encode_equal (const zloom_verb_deliver_t *deliver, zloom_buf_t *out);
void zloom_verb_encode_deliver (uint32_t handle, zloom_token_t token, zloom_bytes_t equal,
                                uint64_t delivery_no, zloom_buf_t *out);
/*
 * Does the second frame fit the verb: is it there or absent as it must be, does it hold as many
 * messages as the verb says, each within `max_message_bytes`? `pack` is the unset view when there
 * was no second frame. For a STEP, `frame_bytes` and pack together must lie within
 * ZLOOM_LIMIT_STEP_BYTES.
 */
zloom_err_t zloom_verb_check_pack (const zloom_verb_t *verb, size_t frame_bytes, zloom_bytes_t pack,
                                   size_t max_message_bytes);
/* Messages that the verb says its pack has: SEND, DELIVER, STEP; 0 for others. */
uint64_t zloom_verb_messages (const zloom_verb_t *verb);
/* Messages in all runs. */
uint64_t zloom_runs_total (const zloom_run_t *runs, size_t run_count);

#endif
