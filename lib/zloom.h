/* SPDX-License-Identifier: MPL-2.0 */
/* style: long-file because a program includes one header, and finds everything in it */
/*
 * zloom.h - the one public header of libzloom.
 *
 * zloom turns the ways in which systems talk into recipes: nodes wired with ZeroMQ sockets,
 * msgpack envelopes, a journal under the router. See README.md and docs/architecture.md.
 *
 *   errors, log    what every call returns, and what is said to a sink of yours
 *   client         a session with a router that runs somewhere: send, take, settle
 *   handlers       functions of this program that handle messages
 *   apps           a recipe inside this program: its nodes as threads of zloom's
 *   czmq           the same nodes one by one, as zactors of this program
 *
 * Manners. zloom has threads, a ZeroMQ context and descriptors of its own; czmq's context and zauth
 * stay yours. It prints nothing, never exits, changes neither directory nor locale, installs no
 * signal handler (its threads have all signals blocked), and starts programs without forking you:
 * through its helper zloom-spawn, which is looked for beside the library. It reaps the programs it
 * started and no others; a program that ignores SIGCHLD, or reaps every child, cannot have workers
 * with `run:`. Do not fork without exec while zloom runs.
 *
 * Conventions of every call below
 *   Ownership   `**` consumes and nulls, `const *` borrows for the call, `*` mutates.
 *   Errors      returned as zloom_err_t; ZLOOM_OK is 0. The text that says what and where is in
 *               zloom_note (), per thread, valid until the thread's next zloom call.
 *   Units       are in the name: _ms, _ns, _bytes.
 *   Threads     an object belongs to the thread that made it, unless its comment says otherwise.
 *   Memory      running out of memory aborts the process with a message.
 */
#ifndef ZLOOM_H
#define ZLOOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Every error there is: name, text, retryable. "Retryable" means that the same call may go through
 * later without a change by the caller.
 */
#define ZLOOM_ERR_MAP(X)                                              \
    X (OK, "ok", false)                                               \
    X (FAILED, "failed", false)                                       \
    X (AGAIN, "not now, try again", true)                             \
    X (INVALID, "invalid argument", false)                            \
    X (NOT_FOUND, "not found", false)                                 \
    X (EXISTS, "exists already", false)                               \
    X (MALFORMED, "malformed bytes", false)                           \
    X (TOO_BIG, "over a limit", false)                                \
    X (TOO_DEEP, "nested too deep", false)                            \
    X (TRUNCATED, "ends too early", false)                            \
    X (TRAILING, "bytes after the end", false)                        \
    X (VERSION, "version not spoken", false)                          \
    X (UNKNOWN_VERB, "unknown verb", false)                           \
    X (UNKNOWN_FLOW, "no such flow", false)                           \
    X (WRONG_PATTERN, "flow has another pattern", false)              \
    X (FINGERPRINT, "flow differs from what the peer expects", false) \
    X (NO_KEY, "message without key on a keyed flow", false)          \
    X (NO_CREDIT, "sent without credit", false)                       \
    X (OUT_OF_ORDER, "ids have a gap", true)                          \
    X (FULL, "flow is full", true)                                    \
    X (PAUSED, "flow is paused", true)                                \
    X (DRAINING, "flow is draining", true)                            \
    X (DISK_FULL, "disk is full", true)                               \
    X (DISK, "disk failed", false)                                    \
    X (DAMAGED, "stored bytes are damaged", false)                    \
    X (LOCKED, "in use by another process", false)                    \
    X (STALE, "lease is not yours any more", false)                   \
    X (SETTLED, "settled already", false)                             \
    X (EXPIRED, "expired", false)                                     \
    X (TIMED_OUT, "timed out", true)                                  \
    X (FENCED, "a newer session of the same name took over", false)   \
    X (GONE, "peer is gone", true)                                    \
    X (CLOSED, "closed", false)                                       \
    X (FORBIDDEN, "not allowed", false)                               \
    X (UNSUPPORTED, "not supported", false)                           \
    X (NOT_RUNNING, "not running", true)                              \
    X (NO_PROGRAM, "program not found or not executable", false)      \
    X (CHILD, "child process failed", false)                          \
    X (RECIPE, "recipe is invalid", false)                            \
    X (SYSTEM, "system call failed", false)                           \
    X (TOO_MANY, "too many", true)                                    \
    X (REQUEUE_CAP, "requeued too often", false)                      \
    X (TOO_MANY_DELAYED, "too many messages that are due later", true)

typedef enum {
#define ZLOOM_ERR_ENUM(name, text, retryable) ZLOOM_##name,
    ZLOOM_ERR_MAP (ZLOOM_ERR_ENUM)
#undef ZLOOM_ERR_ENUM
      ZLOOM_ERR_COUNT
} zloom_err_t;

/* The short text of a code ("flow is full"). Never NULL; any thread. */
const char *zloom_err_text (zloom_err_t err);
/* The name of a code as it stands on the wire and in JSON ("FULL"). Never NULL; any thread. */
const char *zloom_err_name (zloom_err_t err);
/* Whether the same call may go through later. Any thread. */
bool zloom_err_retryable (zloom_err_t err);

/*
 * What the thread's last failed call said: where and what to do. Never NULL ("" when nothing was
 * said); valid until the thread's next zloom call. Example:
 *     if (zloom_client_open (&config, &client) != ZLOOM_OK) {
 *         fprintf (stderr, "%s\n", zloom_note ());
 *     }
 */
const char *zloom_note (void);

/* ---- log ------------------------------------------------------------------------------------- */

typedef enum {
    ZLOOM_LOG_DEBUG,
    ZLOOM_LOG_INFO,
    ZLOOM_LOG_WARN,
    ZLOOM_LOG_ERROR,
} zloom_log_level_t;

/*
 * Takes one line: `id` is a stable name in kebab-case ("node-ready"), `text` the rest as key=value,
 * without control characters. Called on zloom's threads and on yours, several at once.
 */
typedef void (zloom_log_sink_fn) (zloom_log_level_t level, const char *id, const char *text,
                                  void *arg);

/* Set once, before anything else of zloom; NULL, which is the default, drops everything. */
void zloom_log_set (zloom_log_level_t least, zloom_log_sink_fn *sink, void *arg);

/* ---- time ---------------------------------------------------------------------------------- */

/*
 * Deadlines are points of the monotonic clock, in nanoseconds: `ms` milliseconds from now. 0 as a
 * deadline means "do not wait", INT64_MAX "for ever". Any thread.
 */
int64_t zloom_deadline (int64_t ms);

/* ---- client: send, take, settle ------------------------------------------------------------- */

/*
 * A client is a program's session with one router. It numbers what it sends, keeps it until the
 * router confirms it, and sends the rest again when the router, or the network, was away: nothing
 * confirmed is lost, nothing sent is taken twice. What it takes is leased to it until it settles.
 *
 * All work is done inside the calls below, on the caller's thread: there is no thread behind it.
 * So a program that has nothing to call waits on zloom_client_fd () and calls
 * zloom_client_dispatch (), or calls zloom_client_receive (), zloom_client_hear () or
 * zloom_client_flush () every second: a client that does not answer for some seconds counts as
 * frozen, and its leases go to others.
 *
 * Example: send, and know that it is safe.
 *
 *     const char *flows[] = {"orders"};
 *     zloom_client_config_t config = {.endpoint = "ipc:///run/user/1000/zloom/shop/router.sock",
 *                                     .name = "importer", .send_flows = flows,
 *                                     .send_flow_count = 1};
 *     zloom_client_t *client = NULL;
 *     zloom_err_t err = zloom_client_open (&config, zloom_deadline (5000), &client);
 *     zloom_outgoing_t order = {.body = "{\"id\": 1}", .body_size = 9};
 *     if (err == ZLOOM_OK) {
 *         err = zloom_client_send (client, "orders", &order, zloom_deadline (5000));
 *     }
 *     if (err == ZLOOM_OK) {
 *         err = zloom_client_flush (client, zloom_deadline (5000));
 *     }
 *     if (err != ZLOOM_OK) {
 *         fprintf (stderr, "%s: %s\n", zloom_err_text (err), zloom_note ());
 *     }
 *     zloom_client_close (&client, zloom_deadline (1000));
 *
 * Example: take and settle.
 *
 *     zloom_take_t take = {.flow = "orders", .prefetch = 100};
 *     uint32_t handle = 0;
 *     err = zloom_client_subscribe (client, &take, &handle);
 *     const zloom_message_t *message = NULL;
 *     while (zloom_client_receive (client, &message, zloom_deadline (1000)) == ZLOOM_OK) {
 *         if (work (message->body, message->body_size)) {
 *             zloom_client_ack (client, &message);
 *         } else {
 *             zloom_client_retry (client, &message, -1, "the printer is off");
 *         }
 *     }
 *
 * Example: hear a bus; `.gap` would tell what was missed, and where.
 *
 *     const char *topics[] = {"order.*", "price.>"};
 *     zloom_take_t hear = {.flow = "events", .patterns = topics, .pattern_count = 2};
 *     err = zloom_client_subscribe (client, &hear, &handle);
 *     while (zloom_client_hear (client, handle, &message, zloom_deadline (1000)) == ZLOOM_OK) {
 *         show (message->topic, message->topic_size, message->body, message->body_size);
 *     }
 */
typedef struct zloom_client zloom_client_t;

/* Strings are copied. */
typedef struct {
    /* "ipc://PATH", "tcp://127.0.0.1:PORT", or to another host "tcp://HOST:PORT KEY FILE": the
     * router's public key, and the file of one's own secret key (docs/hosts.md). */
    const char *endpoint;
    /*
     * The name under which the router remembers what was sent, so that nothing is taken twice even
     * if this process dies. One process at a time has a name: a newer one fences the older.
     * NULL: a name of its own for this session only.
     */
    const char *name;
    const char *role; /* what `zloom stats` shows; NULL: "client" */
    const char *const *send_flows;
    size_t send_flow_count;
    size_t window_messages; /* most that is sent and not confirmed; 0: 65536 */
    size_t window_bytes;    /* 0: 64 MiB */
    size_t pack_messages;   /* most that one frame carries; 0: 512 */
    size_t pack_bytes;      /* 0: 256 KiB */
    int64_t linger_ms;      /* how long a message waits for company; 0: 1 ms; -1: it goes at once */
} zloom_client_config_t;

/* A message to send; all zero is nothing set. Borrowed for the call. */
typedef struct {
    const void *body;
    size_t body_size;
    const void *key; /* of a keyed flow; NULL: the one in the body, where the flow says it is */
    size_t key_size;
    const char *topic; /* for buses; NULL: the only one, where a bus has but one */
    const void *attrs; /* a msgpack map */
    size_t attrs_size; /* */
    const void *id;    /* for deduplication by id; at most 64 bytes */
    size_t id_size;
    int64_t delay_ms;   /* not to be handed out before so much time has passed; 0: at once */
    int64_t expires_ms; /* worthless after so much time; 0: as the flow says */
    bool has_priority;  /* else as the flow says */
    int priority;       /* 0 to 9, 9 goes first */
    bool trace;         /* the router keeps what becomes of it: zloom trace */
} zloom_outgoing_t;

/* A message taken: valid until it is settled or the client is closed; one heard: until the next. */
typedef struct zloom_message {
    const char *flow;
    uint32_t handle; /* of the subscription */
    uint64_t seq;    /* its number in the flow */
    const void *body;
    size_t body_size;
    const void *key; /* NULL: none */
    size_t key_size;
    const char *topic; /* not NUL-terminated; NULL: none */
    size_t topic_size;
    const void *attrs; /* a msgpack map; NULL: none */
    size_t attrs_size;
    const void *own_id; /* the sender's own id; NULL: none */
    size_t own_id_size;
    const char *producer; /* (producer, id) names the message; not NUL-terminated */
    size_t producer_size;
    uint64_t id;
    int64_t sent_wall_ns;    /* when its pack was made */
    int64_t time_ns;         /* when it happened, if the sender said so; else 0 */
    int64_t due_wall_ns;     /* when it was due at the earliest; 0: the sender did not say */
    int64_t expires_wall_ns; /* when it is worthless; 0: the sender did not say */
    bool has_priority;       /* the sender named one */
    int priority;            /* 0 to 9 */
    uint32_t attempt;        /* how often it failed before */
    bool redelivered;        /* handed out before */
    bool replayed;
} zloom_message_t;

/* Where a subscription to a bus begins. */
typedef enum {
    ZLOOM_FROM_GROUP = 0, /* where its group stands; a new one: as the recipe says of it, or now */
    ZLOOM_FROM_NOW = 1,
    ZLOOM_FROM_START = 2, /* with the oldest that is kept */
    ZLOOM_FROM_LAST = 3,  /* the last of each topic, then live */
    ZLOOM_FROM_TIME = 4,  /* value = wall ns */
    ZLOOM_FROM_SEQ = 5,   /* value = sequence number */
} zloom_from_t;

/* What becomes of events that a subscriber is too slow for; it is told by a gap in their place. */
typedef enum {
    ZLOOM_ON_SLOW_DROP_OLDEST = 0, /* value: messages that may wait */
    ZLOOM_ON_SLOW_BLOCK = 1,       /* value: ms that senders to a full flow wait; then as above */
    ZLOOM_ON_SLOW_DROP_NEWEST = 2, /* value: messages that may wait */
    ZLOOM_ON_SLOW_LATEST = 3,      /* one a key, or topic where there is no key; value: keys */
    ZLOOM_ON_SLOW_SPILL = 4,       /* value: bytes that may wait, on disk */
    ZLOOM_ON_SLOW_DISCONNECT = 5,  /* value: messages that may wait before its end */
} zloom_on_slow_t;

/* Of the numbers [from, to], `count` were meant for the subscription and will not come. */
typedef struct {
    const char *flow;
    uint32_t handle;
    uint64_t from, to;
    uint64_t count;     /* 0: nobody knows, as when the router lost them with its memory */
    const char *reason; /* "drop-oldest", "limit", "retain", ...: docs/protocol.md, "Buses" */
} zloom_gap_t;

/*
 * Called by zloom_client_receive () and zloom_client_hear (), between the messages before the gap
 * and those behind it; of a durable group again, to the next one, until something behind it is
 * settled. It calls nothing of this client.
 */
typedef void (zloom_gap_fn) (void *arg, const zloom_gap_t *gap);

/* Zero means the default; strings are copied. */
typedef struct {
    const char *flow;
    const char *group;     /* NULL: the flow's own; of a bus: a subscription by itself */
    size_t prefetch;       /* most messages held unsettled; 0: 100 */
    size_t prefetch_bytes; /* 0: 16 MiB */
    /* The rest is for buses. */
    const char *const *patterns; /* topics; `*` is one token, a last `>` the rest */
    size_t pattern_count;        /* 0: everything */
    bool durable;                /* the group outlives its members, and is leased what it takes */
    zloom_from_t from;
    int64_t from_value;
    zloom_on_slow_t on_slow; /* not durable */
    int64_t on_slow_value;   /* 0: 65536 messages or keys, 1 s, 1 GiB */
    zloom_gap_fn *gap;       /* NULL: not told */
    void *gap_arg;
} zloom_take_t;

/*
 * Open a session and wait until the router welcomes it. NOT_RUNNING: no router answered in time;
 * VERSION, FORBIDDEN; UNKNOWN_FLOW, WRONG_PATTERN: names the flow in the note.
 */
zloom_err_t zloom_client_open (const zloom_client_config_t *config, int64_t deadline_ns,
                               zloom_client_t **client_p);
/*
 * Leave in good order: what was settled is told, leases go back, unsent messages are tried until
 * the deadline. TIMED_OUT: some messages were not confirmed (the note counts them).
 */
zloom_err_t zloom_client_close (zloom_client_t **client_p, int64_t deadline_ns);

/*
 * Queue a message for a flow of `send_flows`. It is safe only when it is confirmed: see
 * zloom_client_flush (). Waits while the window is full or there is no session. TIMED_OUT (the
 * note says what it waited for), UNKNOWN_FLOW, TOO_BIG, FENCED, CLOSED. NO_KEY: the flow is keyed,
 * and the body has no key where the flow says it is (the note says where and why). INVALID: a
 * negative time, a priority that is none of 0 to 9 or was set without has_priority.
 */
zloom_err_t zloom_client_send (zloom_client_t *self, const char *flow,
                               const zloom_outgoing_t *message, int64_t deadline_ns);
/*
 * Wait until all that was sent is confirmed at its flow's level. TIMED_OUT: the note says how many
 * are not, and why the router refused them if it did. Errors of messages that the router will
 * never take (TOO_BIG, NO_KEY, ...) are returned once, by the next flush.
 */
zloom_err_t zloom_client_flush (zloom_client_t *self, int64_t deadline_ns);
/* How many messages are sent to `flow` (NULL: to all) and not confirmed. */
size_t zloom_client_unconfirmed (const zloom_client_t *self, const char *flow);

/*
 * Take from a flow from now on; *handle_p names the subscription. Outlives reconnects: a
 * subscription to a bus goes on behind the last message that came. What is not durable there comes
 * without a lease: hear it, or receive it, where ack frees the message, and retry and reject are
 * UNSUPPORTED.
 */
zloom_err_t zloom_client_subscribe (zloom_client_t *self, const zloom_take_t *take,
                                    uint32_t *handle_p);
/* Take no more; what is held and not settled goes back at no cost and its pointers end. */
zloom_err_t zloom_client_unsubscribe (zloom_client_t *self, uint32_t handle);
/*
 * The next message of any subscription. TIMED_OUT: none came. FENCED, FORBIDDEN, UNKNOWN_FLOW: the
 * subscription, or the session, is over.
 */
zloom_err_t zloom_client_receive (zloom_client_t *self, const zloom_message_t **message_p,
                                  int64_t deadline_ns);
/*
 * The next message of one subscription to a bus that is not durable: nothing is leased there, so
 * there is nothing to settle (who does hears INVALID). The message is valid until the next call of
 * hear for the subscription, or its end. TIMED_OUT: none came. FENCED, FORBIDDEN, UNKNOWN_FLOW:
 * this subscription, or the session, is over. UNSUPPORTED: its messages come under a lease, receive
 * them. NOT_FOUND: no such subscription.
 */
zloom_err_t zloom_client_hear (zloom_client_t *self, uint32_t handle,
                               const zloom_message_t **message_p, int64_t deadline_ns);
/*
 * Settle. Each consumes the message, also when it returns STALE: the lease was lost (it ran out,
 * or the router gave it to another), the message goes to somebody again. Settlements are on their
 * way after the next call that dispatches.
 *
 * On a flow with a key the messages of a key come in order. It stays whole if one is not begun
 * before those of its key that were received earlier are acknowledged; after anything else than
 * zloom_client_ack (), and after STALE, release those that were received and not begun. Those that
 * were not received yet are released for you, so that the next of the key is the one that failed.
 */
zloom_err_t zloom_client_ack (zloom_client_t *self, const zloom_message_t **message_p);
/* Again after `delay_ms`; -1: after the flow's own backoff. `text` (may be NULL) says why. */
zloom_err_t zloom_client_retry (zloom_client_t *self, const zloom_message_t **message_p,
                                int64_t delay_ms, const char *text);
/* Never again: to the dead letters, with `text` (may be NULL) beside it. */
zloom_err_t zloom_client_reject (zloom_client_t *self, const zloom_message_t **message_p,
                                 const char *text);
/* Hand it back unharmed: it costs no attempt. */
zloom_err_t zloom_client_release (zloom_client_t *self, const zloom_message_t **message_p);

/*
 * For event loops of the program's own: readable when zloom_client_dispatch () has something to do.
 * Level-triggered; the same descriptor for the client's whole life. -1 with a note on failure.
 */
int zloom_client_fd (zloom_client_t *self);
/* Do what there is to do now, without waiting. FENCED, FORBIDDEN, VERSION: the session is over. */
zloom_err_t zloom_client_dispatch (zloom_client_t *self);

/* ---- handlers: workers in C ------------------------------------------------------------------ */

/*
 * A worker with `actor: NAME` in the recipe has its messages handled by a function of the program
 * that embeds the recipe (zloom_app_handle ()). Each replica of the worker is a thread of zloom's
 * that calls it for one message after the other, so a function that is registered for a worker with
 * several replicas, or for several workers, runs on several threads at once.
 *
 * It may wait for what it likes: another thread keeps the session alive and extends the leases of
 * the messages that wait. It is never interrupted. When its time is over (the worker's `timeout:`,
 * or the lease) the message counts as failed and goes to somebody again, and what it answers then
 * is dropped. A topology ends after its handlers have returned.
 *
 * What it emits and the verdict are one step: both happen, or neither. A handler that takes the
 * process down with it is not charged: the router went down, too. Work that may crash belongs into
 * a program of its own (`run:`).
 *
 * Example: a handler.
 *
 *     zloom_work_verdict_t
 *     charge (void *arg, zloom_work_t *work, const zloom_message_t *message)
 *     {
 *         (void) arg;
 *         if (message->body_size == 0) {
 *             return zloom_work_reject (work, "an order is never empty"); // never again
 *         }
 *         if (message->attempt == 0 && message->key_size == 0) {
 *             return zloom_work_retry (work, -1, "no customer yet"); // again, after the backoff
 *         }
 *         const zloom_outgoing_t paid = {.body = message->body, .body_size = message->body_size};
 *         zloom_work_emit (work, "paid", &paid);
 *         return ZLOOM_WORK_ACK;
 *     }
 */
typedef struct zloom_work zloom_work_t;

typedef enum {
    ZLOOM_WORK_ACK,    /* done: it never comes again, and what was emitted is sent */
    ZLOOM_WORK_RETRY,  /* it failed: again, after the flow's backoff; nothing is emitted */
    ZLOOM_WORK_REJECT, /* never again: to the dead letters; nothing is emitted */
} zloom_work_verdict_t;

/* The message is valid until the function returns. */
typedef zloom_work_verdict_t (zloom_handler_fn) (void *arg, zloom_work_t *work,
                                                 const zloom_message_t *message);

/*
 * Have a message sent to `flow` (NULL: the worker's only one) with an ack; all is copied.
 * UNKNOWN_FLOW: the worker does not send there; TOO_BIG: one message, or all of a step; INVALID: as
 * zloom_client_send. Only inside the handler, as the three below.
 */
zloom_err_t zloom_work_emit (zloom_work_t *work, const char *flow, const zloom_outgoing_t *message);
/* RETRY after `delay_ms` (-1: the flow's backoff), with `text` (may be NULL) for people. */
zloom_work_verdict_t zloom_work_retry (zloom_work_t *work, int64_t delay_ms, const char *text);
/* REJECT, with `text` (may be NULL) beside the dead letter. */
zloom_work_verdict_t zloom_work_reject (zloom_work_t *work, const char *text);
/* Still at it: the lease runs for `extend_ms` from now (0: the flow's lease). Costs nothing. */
void zloom_work_progress (zloom_work_t *work, int64_t extend_ms);
/* Its time is over: what it does now is in vain, so it may as well return. */
bool zloom_work_late (const zloom_work_t *work);

/* ---- apps: a recipe inside this program ------------------------------------------------------ */

/*
 * An app is a recipe that this program runs: what `zloom run` does with processes, with threads of
 * zloom's, wired over inproc in a ZeroMQ context of zloom's own. Its nodes are started in order,
 * restarted as the recipe says, and drained in the opposite order. Its router also listens where
 * the recipe says, so that `zloom stats`, `zloom tap` and other programs find it like any other.
 *
 * Threads: one thread at a time. No call but those with a deadline waits for the nodes, and
 * zloom_app_destroy (), which waits for handlers that run.
 *
 * Example: an app.
 *
 *     zloom_app_t *app = zloom_app_new (NULL);
 *     zloom_err_t err = zloom_app_param (app, "workers", "4");
 *     if (err == ZLOOM_OK) {
 *         err = zloom_app_load (app, "shop.yaml");
 *     }
 *     zloom_diagnostic_t wrong;
 *     for (size_t i = 0; zloom_app_diagnostic (app, i, &wrong); i++) {
 *         fprintf (stderr, "%s:%d:%d: %s\n", wrong.file, wrong.line, wrong.column, wrong.message);
 *     }
 *     if (err == ZLOOM_OK) {
 *         err = zloom_app_handle (app, "charge", charge, NULL);
 *     }
 *     if (err == ZLOOM_OK) {
 *         err = zloom_app_start (app);
 *     }
 *     if (err == ZLOOM_OK) {
 *         err = zloom_app_wait_ready (app, zloom_deadline (10000));
 *     }
 *     if (err == ZLOOM_OK) {
 *         // zloom_client_open () with .endpoint = zloom_app_endpoint (app), and all the rest;
 *         // a loop of the program's own watches zloom_app_fd (app)
 *         err = zloom_app_drain (app, zloom_deadline (30000));
 *     }
 *     if (err != ZLOOM_OK) {
 *         fprintf (stderr, "%s: %s\n", zloom_err_text (err), zloom_note ());
 *     }
 *     zloom_app_destroy (&app);
 */
typedef struct zloom_app zloom_app_t;

/* Zero means the default. Strings are copied. */
typedef struct {
    const char *state_dir; /* of journals and sockets; NULL: by the recipe's name, as `zloom run` */
    int64_t grace_ms;      /* a drain's time before nodes leave at once; 0: 30 s */
    bool until_idle;       /* drain by itself, once pollers are done and no work is left */
} zloom_app_config_t;

/* What is wrong with a recipe, and where; lines and columns count from 1, columns in characters. */
typedef struct {
    bool warning;     /* else an error */
    const char *code; /* "Z0203"; `zloom explain Z0203` tells more */
    const char *file;
    int line; /* 0: nowhere in the file */
    int column;
    int end_line;
    int end_column; /* behind the last character */
    const char *message;
    const char *hint; /* what to do; NULL: the message says it */
} zloom_diagnostic_t;

/* `config` may be NULL. Never NULL. */
zloom_app_t *zloom_app_new (const zloom_app_config_t *config);
/* Leave at once, wait for what runs, free. After a drain it only frees. */
void zloom_app_destroy (zloom_app_t **self_p);
/* Set a param of the recipe, before it is loaded: as a recipe would have it ("4", "30s"). */
zloom_err_t zloom_app_param (zloom_app_t *self, const char *name, const char *value);
/*
 * Read, check and lint a recipe, once: from a file, or from text, whose relative paths start at
 * `dir` (NULL: the current directory). RECIPE: it has errors, all of them in
 * zloom_app_diagnostic () and the first in the note; NOT_FOUND, SYSTEM: it cannot be read. Its
 * secrets are read with it; this program's environment, where some may come from, is left as it is.
 */
zloom_err_t zloom_app_load (zloom_app_t *self, const char *path);
zloom_err_t zloom_app_load_text (zloom_app_t *self, const void *text, size_t size, const char *dir);
/* Errors and warnings of the load, by position; false: no such one. Valid until destroy. */
bool zloom_app_diagnostic (const zloom_app_t *self, size_t index, zloom_diagnostic_t *diagnostic);
/* The handler of workers with `actor: NAME`; before start. EXISTS: the name has one already. */
zloom_err_t zloom_app_handle (zloom_app_t *self, const char *name, zloom_handler_fn *handle,
                              void *arg);
/*
 * Start the nodes. INVALID: no recipe is loaded; NOT_FOUND: a worker's actor has no handler (the
 * note names it); LOCKED: a process runs this topology already; FORBIDDEN, SYSTEM: its folders.
 */
zloom_err_t zloom_app_start (zloom_app_t *self);
/* Until every node serves. TIMED_OUT; else why the app ended instead, as zloom_app_dispatch (). */
zloom_err_t zloom_app_wait_ready (zloom_app_t *self, int64_t deadline_ns);
/* Until the app has ended, by itself or drained. TIMED_OUT; CHILD, RECIPE, ...: why it ended. */
zloom_err_t zloom_app_wait (zloom_app_t *self, int64_t deadline_ns);
/* Ask for a drain and wait until the app has ended. TIMED_OUT: it goes on draining. */
zloom_err_t zloom_app_drain (zloom_app_t *self, int64_t deadline_ns);
/*
 * Where its router is for a client of this program, while it runs; NULL before start. Of several it
 * is the recipe's first; the others are at this text, a "-" and the router's name.
 */
const char *zloom_app_endpoint (const zloom_app_t *self);
/*
 * For event loops of the program's own: readable when the app is ready, and from its end on; -1
 * when it does not run. Then zloom_app_dispatch () says what has become of it: OK, it runs; CLOSED,
 * it has ended in good order; else why it could not go on.
 */
int zloom_app_fd (const zloom_app_t *self);
zloom_err_t zloom_app_dispatch (zloom_app_t *self);

/* ---- czmq: nodes as zactors of this program ------------------------------------------------- */

/*
 * Instead of zloom_app_start (): each node is a zactor whose pipe belongs to the program, in czmq's
 * context. Only the pipe: the node itself runs on a thread and in a context of zloom's.
 *
 *     zactor_t *router = zactor_new (zloom_router_actor, zloom_app_node (app, "router"));
 *
 * From the actor: "$READY", it serves; "$FAILED" with a code and a note, it could not start, or had
 * to stop; "$DONE", its work is done. zactor_destroy () drains the node. Destroy the zactors before
 * the app. zactor_new () installs czmq's signal handlers: zsys_handler_set () is yours to call.
 */

/*
 * What a node's actor function takes: of the node `name` of the app's recipe (NAME.2 is its second
 * replica). NULL with a note: no recipe is loaded, it has no such node, a worker's actor has no
 * handler, the folders cannot be made; of a router also: a process runs this topology already.
 */
void *zloom_app_node (zloom_app_t *self, const char *name);

struct _zsock_t; /* czmq's own name for zsock_t. NOLINT(bugprone-reserved-identifier) */
void zloom_router_actor (struct _zsock_t *pipe, void *node);
void zloom_worker_actor (struct _zsock_t *pipe, void *node);
void zloom_sink_actor (struct _zsock_t *pipe, void *node);
void zloom_poller_actor (struct _zsock_t *pipe, void *node);

#ifdef __cplusplus
}
#endif
#endif
