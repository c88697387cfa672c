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
 * What bodies are: body.h. What HISTORY is: history.h.
 */
#include "body.h"
#include "history.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "client/client.h"
#include "client/parcel.h"

#define STEPS 4096u
/* Messages that are sent, or taken, in one go. */
#define BATCH 256u
#define SLICE_MS 100
#define PATIENCE_MS 60000

#define VERDICT_MAP(X) \
    X (ACK, "ack") X (RETRY, "retry") X (REJECT, "reject") X (RELEASE, "release") X (STEP, "step")

typedef enum {
#define VERDICT_ENUM(name, text) name,
    VERDICT_MAP (VERDICT_ENUM)
} verdict_t;

static const char *const s_verdicts[] = {
#define VERDICT_TEXT(name, text) text,
  VERDICT_MAP (VERDICT_TEXT)};

typedef struct {
    uint64_t id; /* 0: free */
    history_run_t run;
    const zloom_message_t *message;
    bool ended;
    bool consumed;
} step_t;

/* One message in hand; its run says what it is and what will become of it. */
typedef struct {
    const zloom_message_t *message;
    history_run_t run;
    verdict_t verdict;
    int64_t delay_ms;
} item_t;

typedef struct {
    history_t history;
    zloom_random_t random;
    const char *name;
    const char *flow;
    const char *mode;
    zloom_client_t *client;
    uint32_t handle;
    step_t steps[STEPS];
    item_t items[BATCH];
} peer_t;

static volatile sig_atomic_t s_stop;

static void
s_on_term (int number)
{
    (void) number;
    s_stop = 1;
}

static int
s_end (peer_t *self, zloom_err_t err)
{
    history_tell (&self->history, 'E', "%s %s", zloom_err_name (err),
                  err == ZLOOM_OK ? "" : zloom_note ());
    return err == ZLOOM_OK ? 0 : 1;
}

/* ---- what the router says ------------------------------------------------------------------ */

static void
s_step_ended (peer_t *self, const zloom_client_event_t *event)
{
    step_t *step = &self->steps[event->id % STEPS];
    step->ended = true;
    step->consumed =
      event->code == ZLOOM_OK || event->code == ZLOOM_STALE || event->code == ZLOOM_SETTLED;
    step->run.word = zloom_err_name (event->code);
    history_step_ended (&self->history, &step->run);
}

static void
s_event (void *arg, const zloom_client_event_t *event)
{
    peer_t *self = arg;
    history_t *history = &self->history;
    switch (event->type) {
    case ZLOOM_CLIENT_LOST:
        history_tell (history, 'L', "lost");
        break;
    case ZLOOM_CLIENT_CONFIRMED:
        history_tell (history, 'C', "%llu", (unsigned long long) event->id);
        break;
    case ZLOOM_CLIENT_REFUSED:
        history_tell (history, 'R', "%s", zloom_err_name (event->code));
        break;
    case ZLOOM_CLIENT_FAILED:
        history_tell (history, 'F', "%llu %s", (unsigned long long) event->id,
                      zloom_err_name (event->code));
        break;
    case ZLOOM_CLIENT_STALE:
        history_tell (history, 'S', "%s %llu %llu %llx %llu", self->flow,
                      (unsigned long long) event->seq, (unsigned long long) event->n,
                      (unsigned long long) event->token.boot,
                      (unsigned long long) event->token.number);
        break;
    case ZLOOM_CLIENT_GAP:
        history_tell (history, 'G', "%s %llu %llu %.*s", self->flow,
                      (unsigned long long) event->seq, (unsigned long long) event->n,
                      (int) event->text.size,
                      event->text.data ? (const char *) event->text.data : "");
        break;
    case ZLOOM_CLIENT_STEP:
        s_step_ended (self, event);
        break;
    case ZLOOM_CLIENT_WELCOME:
        history_tell (history, 'H', "welcome");
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
    const zloom_envelope_t envelope = {.body = body_make (self->name, strlen (self->name), n)};
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
        history_tell (&self->history, 'W', "%llu", (unsigned long long) state.next_id);
    }
    uint64_t n = state.next_id;
    while (err == ZLOOM_OK && !s_stop) {
        const uint64_t count = 1 + zloom_random_below (&self->random, BATCH);
        history_tell (&self->history, 'I', "%llu %llu", (unsigned long long) n,
                      (unsigned long long) count);
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

/* It will be settled in another way than was written down. */
static void
s_note_verdict (peer_t *self, const history_run_t *run, verdict_t verdict)
{
    history_tell (&self->history, 'V', "%s %llu %llx %llu %s", self->flow,
                  (unsigned long long) run->seq, (unsigned long long) run->token.boot,
                  (unsigned long long) run->token.number, s_verdicts[verdict]);
}

static void
s_step (peer_t *self, item_t *item)
{
    zloom_client_core_t *core = zloom_client_core (self->client);
    zloom_step_t *step = zloom_client_core_step (core);
    const zloom_settlement_t ack = {.verdict = ZLOOM_VERDICT_ACK, .delay_ms = ZLOOM_DELAY_UNSET};
    const zloom_envelope_t emit = {.body =
                                     zloom_bytes (item->message->body, item->message->body_size)};
    uint64_t id = 0;
    zloom_err_t err = zloom_step_settle (step, item->message, &ack);
    if (err == ZLOOM_OK) {
        err = zloom_step_emit (step, "done", &emit, zloom_clock_now ());
    }
    if (err == ZLOOM_OK) {
        err = zloom_client_core_commit (core, &step, &id);
    }
    if (err == ZLOOM_OK) {
        self->steps[id % STEPS] = (step_t){.id = id, .run = item->run, .message = item->message};
        return;
    }
    zloom_step_destroy (&step);
    s_note_verdict (self, &item->run, RELEASE);
    (void) zloom_client_release (self->client, &item->message);
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
                s_note_verdict (self, &step->run, RELEASE);
                (void) zloom_client_release (self->client, &step->message);
            }
            *step = (step_t){0};
        }
        out += step->id > 0;
    }
    return out;
}

/* One in 101 is rejected by all, one in 97 fails until it is dead; others fail at most twice. */
static verdict_t
s_verdict (peer_t *self, item_t *item)
{
    const uint64_t dice = zloom_random_below (&self->random, 100);
    item->delay_ms = dice % 2 ? -1 : (int64_t) dice;
    if (strcmp (self->mode, "ack") == 0) {
        return ACK;
    }
    if (item->run.id % 101 == 0) {
        return REJECT;
    }
    if (item->run.id % 97 == 0 || (dice < 2 && item->run.attempt < 2)) {
        return RETRY;
    }
    if (dice < 4) {
        return RELEASE;
    }
    return strcmp (self->mode, "step") == 0 ? STEP : ACK;
}

/* Write down what a message is and what will become of it. */
static void
s_judge (peer_t *self, item_t *item)
{
    item->run = (history_run_t){.seq = item->message->seq,
                                .token = zloom_item (item->message)->lease->token,
                                .attempt = item->message->attempt};
    const bool good = body_read (item->message, strcmp (self->flow, "done") == 0, &item->run);
    item->verdict = s_verdict (self, item);
    item->run.word = s_verdicts[item->verdict];
    if (good) {
        history_delivered (&self->history, &item->run);
    } else {
        history_tell (&self->history, 'B', "%s %llu %llx %llu %llu", self->flow,
                      (unsigned long long) item->run.seq, (unsigned long long) item->run.token.boot,
                      (unsigned long long) item->run.token.number,
                      (unsigned long long) item->run.id);
    }
}

static void
s_settle (peer_t *self, item_t *item)
{
    switch (item->verdict) {
    case ACK:
        (void) zloom_client_ack (self->client, &item->message);
        break;
    case REJECT:
        (void) zloom_client_reject (self->client, &item->message, "one of 101");
        break;
    case RETRY:
        (void) zloom_client_retry (self->client, &item->message, item->delay_ms, "one of 97");
        break;
    case RELEASE:
        (void) zloom_client_release (self->client, &item->message);
        break;
    case STEP:
        s_step (self, item);
        break;
    }
}

/* All that is here already, written down before the first of it is settled; how many it were. */
static size_t
s_work (peer_t *self, const zloom_message_t *first)
{
    size_t count = 0;
    const zloom_message_t *message = first;
    do {
        self->items[count].message = message;
        s_judge (self, &self->items[count++]);
    } while (count < BATCH && zloom_client_take (self->client, 0, &message));
    history_flush (&self->history);
    for (size_t i = 0; i < count; i++) {
        s_settle (self, &self->items[i]);
    }
    return count;
}

static zloom_err_t
s_settle_all (peer_t *self, int64_t ms)
{
    zloom_err_t err = zloom_client_settle_all (self->client, zloom_deadline (ms));
    history_flush (&self->history);
    if (err == ZLOOM_OK && s_sweep_steps (self) == 0) {
        history_tell (&self->history, 'K', "all");
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
    size_t left = 1;
    while (err == ZLOOM_OK && !s_stop) {
        const zloom_message_t *message = NULL;
        err = zloom_client_receive (self->client, &message, zloom_deadline (SLICE_MS));
        if (err == ZLOOM_OK) {
            const size_t count = s_work (self, message);
            left -= count < left ? count : left;
        }
        if (err == ZLOOM_TIMED_OUT || left == 0) {
            left = 1 + (size_t) zloom_random_below (&self->random, 300);
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
    if (!history_open (&self->history, argv[4], self->flow)) {
        perror (argv[4]);
        return 2;
    }
    zloom_random_init (&self->random, strtoull (argv[5], NULL, 10));
    const size_t most = strtoul (argv[7], NULL, 10);
    const int code = consumes ? s_consume (self, argv[2], most) : s_produce (self, argv[2], most);
    history_close (&self->history);
    free (self);
    return code;
}
