/* SPDX-License-Identifier: MPL-2.0 */
/*
 * peer.c - the load of the crash tests: one producer or one consumer, to be killed at any time.
 *
 *     crash-peer produce ENDPOINT NAME HISTORY SEED FLOW WINDOW
 *     crash-peer consume ENDPOINT NAME HISTORY SEED FLOW PREFETCH MODE
 *
 * MODE: ack (settle all), mixed (ack, retry, reject, release), step (the same, and what it acks it
 * emits into `done` in one step). SIGTERM: finish what is out, then leave. Exit code 0 then.
 *
 * A message's body follows from (producer, n) alone, so every reader knows what it has to be. Each
 * line of HISTORY is one write (2), and what is tried is written before it is tried: SIGKILL loses
 * at most the newest outcome. Times are CLOCK_MONOTONIC in ns.
 *
 *     W time next                       where a producer goes on
 *     I time first n                    n messages will be sent
 *     C time id                         ids up to here are confirmed
 *     R time code                       the router refused, for now
 *     F time id code                    the router will never take it
 *     D time flow seq boot token good attempt producer n   delivered
 *     V time flow seq boot token verdict                   will be settled
 *     K time                            all settlements above have their answer
 *     S time flow seq n boot token      STALE for these
 *     T time flow seq boot token code   a step has ended
 *     G time flow seq n reason          these will not come
 *     H time                            welcomed, the first time or again
 *     L time                            the session is lost
 *     E time code text                  it ends
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "client/client.h"
#include "client/parcel.h"

#define BODY_BYTES (128u * 1024)
#define STEPS 4096u
#define SLICE_MS 100
#define PATIENCE_MS 60000

typedef struct {
    uint64_t id; /* 0: free */
    uint64_t seq;
    const zloom_message_t *message;
    bool ended;
    bool consumed;
} step_t;

typedef struct {
    int history;
    zloom_random_t random;
    const char *name;
    const char *flow;
    const char *mode;
    zloom_client_t *client;
    uint32_t handle;
    step_t steps[STEPS];
} peer_t;

static volatile sig_atomic_t s_stop;
static uint8_t s_body[BODY_BYTES];

static void
s_on_term (int number)
{
    (void) number;
    s_stop = 1;
}

/* ---- the history --------------------------------------------------------------------------- */

static void s_tell (const peer_t *self, char kind, const char *format, ...)
  __attribute__ ((format (printf, 3, 4)));

static void
s_tell (const peer_t *self, char kind, const char *format, ...)
{
    char line[512];
    int size =
      snprintf (line, sizeof line, "%c %lld ", kind, (long long) zloom_clock_now ().mono_ns);
    va_list args;
    va_start (args, format);
    size += vsnprintf (line + size, sizeof line - (size_t) size - 1, format, args);
    va_end (args);
    size = size < (int) sizeof line - 1 ? size : (int) sizeof line - 2;
    line[size++] = '\n';
    if (write (self->history, line, (size_t) size) != size) {
        perror ("history");
        _exit (3);
    }
}

static int
s_end (peer_t *self, zloom_err_t err)
{
    s_tell (self, 'E', "%s %s", zloom_err_name (err), err == ZLOOM_OK ? "" : zloom_note ());
    return err == ZLOOM_OK ? 0 : 1;
}

/* ---- bodies -------------------------------------------------------------------------------- */

/* "PRODUCER N FILL FILL…": mostly short, now and then one that fills segments. */
static zloom_bytes_t
s_make_body (const char *producer, size_t producer_size, uint64_t n)
{
    const size_t fill = n % 1000 == 999 ? 100000 : (size_t) (n * 37 % 400);
    const int head = snprintf ((char *) s_body, 256, "%.*s %llu ", (int) producer_size, producer,
                               (unsigned long long) n);
    memset (s_body + head, 'a' + (int) (n % 26), fill);
    return zloom_bytes (s_body, (size_t) head + fill);
}

typedef struct {
    char producer[64];
    unsigned long long n;
    bool good; /* it is what was sent, byte by byte, under the name it was sent under */
} seen_t;

static void
s_read_body (const peer_t *self, const zloom_message_t *message, seen_t *seen)
{
    *seen = (seen_t){.producer = "?"};
    const char *text = message->body;
    const char *blank = memchr (text, ' ', message->body_size < 64 ? message->body_size : 64);
    if (!blank || blank == text) {
        return;
    }
    const size_t size = (size_t) (blank - text);
    memcpy (seen->producer, text, size);
    char digits[24] = "";
    const size_t rest = message->body_size - size - 1;
    memcpy (digits, blank + 1, rest < sizeof digits - 1 ? rest : sizeof digits - 1);
    seen->n = strtoull (digits, NULL, 10);
    const zloom_bytes_t expected = s_make_body (text, size, seen->n);
    seen->good =
      expected.size == message->body_size && memcmp (expected.data, text, expected.size) == 0;
    if (strcmp (self->flow, "done") != 0) {
        seen->good = seen->good && message->id == seen->n && message->producer_size == size &&
                     memcmp (message->producer, text, size) == 0;
    }
}

/* ---- what the router says ------------------------------------------------------------------ */

static void
s_step_ended (peer_t *self, const zloom_client_event_t *event)
{
    step_t *step = &self->steps[event->id % STEPS];
    step->ended = true;
    step->consumed =
      event->code == ZLOOM_OK || event->code == ZLOOM_STALE || event->code == ZLOOM_SETTLED;
    s_tell (self, 'T', "%s %llu %llx %llu %s", self->flow, (unsigned long long) step->seq,
            (unsigned long long) event->token.boot, (unsigned long long) event->token.number,
            zloom_err_name (event->code));
}

static void
s_event (void *arg, const zloom_client_event_t *event)
{
    peer_t *self = arg;
    switch (event->type) {
    case ZLOOM_CLIENT_LOST:
        s_tell (self, 'L', "lost");
        break;
    case ZLOOM_CLIENT_CONFIRMED:
        s_tell (self, 'C', "%llu", (unsigned long long) event->id);
        break;
    case ZLOOM_CLIENT_REFUSED:
        s_tell (self, 'R', "%s", zloom_err_name (event->code));
        break;
    case ZLOOM_CLIENT_FAILED:
        s_tell (self, 'F', "%llu %s", (unsigned long long) event->id, zloom_err_name (event->code));
        break;
    case ZLOOM_CLIENT_STALE:
        s_tell (self, 'S', "%s %llu %llu %llx %llu", self->flow, (unsigned long long) event->seq,
                (unsigned long long) event->n, (unsigned long long) event->token.boot,
                (unsigned long long) event->token.number);
        break;
    case ZLOOM_CLIENT_GAP:
        s_tell (self, 'G', "%s %llu %llu %.*s", self->flow, (unsigned long long) event->seq,
                (unsigned long long) event->n, (int) event->text.size,
                event->text.data ? (const char *) event->text.data : "");
        break;
    case ZLOOM_CLIENT_STEP:
        s_step_ended (self, event);
        break;
    case ZLOOM_CLIENT_WELCOME:
        s_tell (self, 'H', "welcome");
        break;
    case ZLOOM_CLIENT_ENDED:
    case ZLOOM_CLIENT_SUBSCRIBED:
    case ZLOOM_CLIENT_SETTLED:
    case ZLOOM_CLIENT_ANSWER:
        break;
    }
}

static zloom_err_t
s_open (peer_t *self, const char *endpoint, const char *sends_to, size_t window)
{
    const zloom_client_flow_t flow = {.name = sends_to};
    const zloom_client_options_t options = {
      .name = self->name,
      .flows = &flow,
      .flow_count = sends_to ? 1 : 0,
      .window_messages = window,
      .seed = zloom_random_next (&self->random),
    };
    return zloom_client_open_with (endpoint, &options, s_event, self, zloom_deadline (PATIENCE_MS),
                                   &self->client);
}

/* ---- producing ----------------------------------------------------------------------------- */

static zloom_err_t
s_send (peer_t *self, uint64_t n)
{
    const zloom_envelope_t envelope = {.body = s_make_body (self->name, strlen (self->name), n)};
    zloom_err_t err;
    uint64_t id = 0;
    do {
        err = zloom_client_send_envelope (self->client, self->flow, &envelope, ZLOOM_BYTES_NULL,
                                          zloom_deadline (SLICE_MS), &id);
    } while (err == ZLOOM_TIMED_OUT && !s_stop);
    return err == ZLOOM_OK && id != n ? zloom_fail (ZLOOM_FAILED, "id %llu, expected %llu",
                                                    (unsigned long long) id, (unsigned long long) n)
                                      : err;
}

static int
s_produce (peer_t *self, const char *endpoint, size_t window)
{
    zloom_err_t err = s_open (self, endpoint, self->flow, window);
    zloom_client_flow_state_t state = {0};
    if (err == ZLOOM_OK) {
        (void) zloom_client_core_flow (zloom_client_core (self->client), self->flow, &state);
        s_tell (self, 'W', "%llu", (unsigned long long) state.next_id);
    }
    uint64_t n = state.next_id;
    while (err == ZLOOM_OK && !s_stop) {
        const uint64_t count = 1 + zloom_random_below (&self->random, 64);
        s_tell (self, 'I', "%llu %llu", (unsigned long long) n, (unsigned long long) count);
        for (uint64_t i = 0; i < count && err == ZLOOM_OK && !s_stop; i++) {
            err = s_send (self, n);
            n += err == ZLOOM_OK;
        }
    }
    if (s_stop && (err == ZLOOM_OK || err == ZLOOM_TIMED_OUT)) {
        err = zloom_client_flush (self->client, zloom_deadline (PATIENCE_MS));
    }
    const int code = s_end (self, err);
    (void) zloom_client_close (&self->client, zloom_deadline (1000));
    return code;
}

/* ---- consuming ----------------------------------------------------------------------------- */

static void
s_note_verdict (const peer_t *self, const zloom_message_t *message, const char *verdict)
{
    const zloom_token_t token = zloom_item (message)->lease->token;
    s_tell (self, 'V', "%s %llu %llx %llu %s", self->flow, (unsigned long long) message->seq,
            (unsigned long long) token.boot, (unsigned long long) token.number, verdict);
}

static void
s_step (peer_t *self, const zloom_message_t *message)
{
    zloom_client_core_t *core = zloom_client_core (self->client);
    zloom_step_t *step = zloom_client_core_step (core);
    const zloom_settlement_t ack = {.verdict = ZLOOM_VERDICT_ACK, .delay_ms = ZLOOM_DELAY_UNSET};
    const zloom_envelope_t emit = {.body = zloom_bytes (message->body, message->body_size)};
    uint64_t id = 0;
    zloom_err_t err = zloom_step_settle (step, message, &ack);
    if (err == ZLOOM_OK) {
        err = zloom_step_emit (step, "done", &emit, zloom_clock_now ());
    }
    if (err == ZLOOM_OK) {
        s_note_verdict (self, message, "step");
        err = zloom_client_core_commit (core, &step, &id);
    }
    if (err == ZLOOM_OK) {
        self->steps[id % STEPS] = (step_t){.id = id, .seq = message->seq, .message = message};
        return;
    }
    zloom_step_destroy (&step);
    s_note_verdict (self, message, "release");
    (void) zloom_client_release (self->client, &message);
}

/* A step that was refused leaves its message with us: it goes back. */
static size_t
s_sweep_steps (peer_t *self)
{
    size_t out = 0;
    for (size_t i = 0; i < STEPS; i++) {
        step_t *step = &self->steps[i];
        if (step->id > 0 && step->ended) {
            if (!step->consumed) {
                s_note_verdict (self, step->message, "release");
                (void) zloom_client_release (self->client, &step->message);
            }
            *step = (step_t){0};
        }
        out += step->id > 0;
    }
    return out;
}

/* One in 101 is rejected by all, one in 97 fails until it is dead; others fail at most twice. */
static void
s_work (peer_t *self, const zloom_message_t *message)
{
    seen_t seen;
    s_read_body (self, message, &seen);
    const zloom_token_t token = zloom_item (message)->lease->token;
    s_tell (self, 'D', "%s %llu %llx %llu %d %u %s %llu", self->flow,
            (unsigned long long) message->seq, (unsigned long long) token.boot,
            (unsigned long long) token.number, seen.good, message->attempt, seen.producer, seen.n);
    const uint64_t dice = zloom_random_below (&self->random, 100);
    const bool plain = strcmp (self->mode, "ack") == 0;
    if (!plain && seen.n % 101 == 0) {
        s_note_verdict (self, message, "reject");
        (void) zloom_client_reject (self->client, &message, "one of 101");
    } else if (!plain && (seen.n % 97 == 0 || (dice < 2 && message->attempt < 2))) {
        s_note_verdict (self, message, "retry");
        (void) zloom_client_retry (self->client, &message, dice % 2 ? -1 : (int64_t) dice,
                                   "one of 97");
    } else if (!plain && dice < 4) {
        s_note_verdict (self, message, "release");
        (void) zloom_client_release (self->client, &message);
    } else if (strcmp (self->mode, "step") == 0) {
        s_step (self, message);
    } else {
        s_note_verdict (self, message, "ack");
        (void) zloom_client_ack (self->client, &message);
    }
}

static zloom_err_t
s_settle_all (peer_t *self, int64_t ms)
{
    zloom_err_t err = zloom_client_settle_all (self->client, zloom_deadline (ms));
    if (err == ZLOOM_OK && s_sweep_steps (self) == 0) {
        s_tell (self, 'K', "all");
    }
    return err;
}

static int
s_consume (peer_t *self, const char *endpoint, size_t prefetch)
{
    zloom_err_t err = s_open (self, endpoint, strcmp (self->mode, "step") == 0 ? "done" : NULL, 0);
    if (err == ZLOOM_OK) {
        const zloom_take_t take = {.flow = self->flow, .prefetch = prefetch};
        err = zloom_client_subscribe (self->client, &take, &self->handle);
    }
    uint64_t left = 1;
    while (err == ZLOOM_OK && !s_stop) {
        const zloom_message_t *message = NULL;
        err = zloom_client_receive (self->client, &message, zloom_deadline (SLICE_MS));
        if (err == ZLOOM_OK) {
            s_work (self, message);
            left--;
        }
        if (err == ZLOOM_TIMED_OUT || left == 0) {
            left = 1 + zloom_random_below (&self->random, 300);
            err = s_settle_all (self, SLICE_MS);
            err = err == ZLOOM_TIMED_OUT ? ZLOOM_OK : err;
        }
    }
    if (s_stop && err == ZLOOM_OK) {
        err = s_settle_all (self, PATIENCE_MS);
    }
    const int code = s_end (self, err);
    (void) zloom_client_close (&self->client, zloom_deadline (1000));
    return code;
}

int
main (int argc, char **argv)
{
    const bool consumes = argc == 9 && strcmp (argv[1], "consume") == 0;
    if (!consumes && (argc != 8 || strcmp (argv[1], "produce") != 0)) {
        fprintf (stderr, "see the head of peer.c\n");
        return 2;
    }
    struct sigaction action = {.sa_handler = s_on_term};
    sigaction (SIGTERM, &action, NULL);
    peer_t *self = zloom_alloc (sizeof *self);
    self->name = argv[3];
    self->flow = argv[6];
    self->mode = consumes ? argv[8] : "";
    self->history = open (argv[4], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (self->history < 0) {
        perror (argv[4]);
        return 2;
    }
    zloom_random_init (&self->random, strtoull (argv[5], NULL, 10));
    const size_t most = strtoul (argv[7], NULL, 10);
    const int code = consumes ? s_consume (self, argv[2], most) : s_produce (self, argv[2], most);
    close (self->history);
    free (self);
    return code;
}
