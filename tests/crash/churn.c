/* SPDX-License-Identifier: MPL-2.0 */
/*
 * churn.c - one publisher, subscribers that stay, and a crowd that comes and goes beside them:
 *
 *     crash-churn ENDPOINT SECONDS CHURN PUBLISH SEED
 *
 * The bus is `events`. CHURN subscribers come in a second, and as many go (0: the crowd comes and
 * stays; "none": there is no crowd); PUBLISH events are sent in a second (0: as fast as the bus
 * confirms them). A line "begin" tells that all stayers listen; the last line is one JSON object of
 * what came of it.
 *
 * An event's number says what its topic is, so each stayer knows which events it is to have: what
 * lies between two that it got must be what the GAPs between them told of, to the event.
 */
#include "churn.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

#define NS_PER_S INT64_C (1000000000)
#define TOPICS (13u * 7 * 11)
#define BODY_BYTES 100
#define LAST UINT64_MAX
#define SLOW_AFTER 256u
#define SLOW_REST_NS (NS_PER_S / 5)

typedef struct {
    const char *name, *pattern;
    bool durable;
    bool rests; /* so slow that it has to miss some */
    zloom_on_slow_t on_slow;
    int64_t on_slow_value;
} kind_t;

static const kind_t s_kinds[CHURN_STAYERS] = {
  {.name = "all", .pattern = ">"},
  {.name = "place", .pattern = "order.place3.*"},
  {.name = "slow", .pattern = "order.>", .rests = true, .on_slow_value = 1000},
  {.name = "ledger", .pattern = ">", .durable = true},
  {.name = "stock", .pattern = "stock.>", .durable = true},
};

typedef struct {
    const kind_t *kind;
    churn_stayer_t *counts;
    uint64_t next; /* no event before it is awaited any more */
    uint64_t told; /* by GAPs since the last event */
} stayer_t;

typedef struct {
    churn_plan_t plan;
    churn_board_t *board;
} churn_t;

void
churn_good (zloom_err_t err, const char *what)
{
    if (err != ZLOOM_OK) {
        fprintf (stderr, "crash-churn: %s: %s: %s\n", what, zloom_err_text (err), zloom_note ());
        _exit (1);
    }
}

static void
s_check (bool ok, const char *what)
{
    if (!ok) {
        fprintf (stderr, "crash-churn: %s\n", what);
        _exit (1);
    }
}

int64_t
churn_now_ns (void)
{
    return zloom_clock_now ().mono_ns;
}

void
churn_wait (zloom_client_t *client, int64_t until_ns)
{
    const int64_t left_ns = until_ns - churn_now_ns ();
    struct pollfd item = {.fd = zloom_client_fd (client), .events = POLLIN};
    const struct timespec time = {left_ns > 0 ? left_ns / NS_PER_S : 0,
                                  left_ns > 0 ? left_ns % NS_PER_S : 0};
    (void) ppoll (&item, 1, &time, NULL);
    churn_good (zloom_client_dispatch (client), "dispatch");
}

/* ---- topics --------------------------------------------------------------------------------- */

static void
s_topic (uint64_t n, char *text)
{
    if (n % 13 == 0) {
        (void) snprintf (text, CHURN_TOPIC_BYTES, "stock.thing%u", (unsigned) (n % 11));
    } else {
        (void) snprintf (text, CHURN_TOPIC_BYTES, "order.place%u.thing%u", (unsigned) (n % 7),
                         (unsigned) (n % 11));
    }
}

static bool
s_wants (const kind_t *kind, uint64_t n)
{
    if (kind->pattern[0] == '>') {
        return true;
    }
    if (kind->pattern[0] == 's') {
        return n % 13 == 0;
    }
    return n % 13 != 0 && (strcmp (kind->name, "slow") == 0 || n % 7 == 3);
}

/* ---- who stays ------------------------------------------------------------------------------ */

static void
s_gap (void *arg, const zloom_gap_t *gap)
{
    stayer_t *self = arg;
    self->counts->gaps++;
    self->counts->told += gap->count;
    self->told += gap->count;
}

static void
s_heard (stayer_t *self, uint64_t n, uint64_t end)
{
    uint64_t missed = 0;
    for (uint64_t i = self->next; i < end; i++) {
        missed += s_wants (self->kind, i);
    }
    self->counts->heard++;
    self->counts->untold += missed > self->told ? missed - self->told : self->told - missed;
    self->counts->twice += n < self->next;
    self->told = 0;
    self->next = end + 1;
}

static zloom_client_t *
s_stay (const churn_t *churn, stayer_t *self)
{
    const zloom_client_options_t options = {.name = self->kind->name, .role = "stayer"};
    zloom_client_t *client = NULL;
    churn_good (zloom_client_open_with (churn->plan.endpoint, &options, NULL, NULL,
                                        zloom_deadline (CHURN_PATIENCE_MS), &client),
                "open");
    const char *const patterns[] = {self->kind->pattern, "end.*"};
    const zloom_subscription_options_t take = {.flow = CHURN_FLOW,
                                               .group =
                                                 self->kind->durable ? self->kind->name : NULL,
                                               .durable = self->kind->durable,
                                               .patterns = patterns,
                                               .pattern_count = 2,
                                               .from = ZLOOM_FROM_NOW,
                                               .prefetch = self->kind->rests ? SLOW_AFTER : 8192,
                                               .on_slow = self->kind->on_slow,
                                               .on_slow_value = self->kind->on_slow_value,
                                               .gap = s_gap,
                                               .gap_arg = self};
    uint32_t handle = 0;
    churn_good (
      zloom_client_subscribe_with (client, &take, zloom_deadline (CHURN_PATIENCE_MS), &handle),
      "subscribe");
    return client;
}

static void
s_run_stayer (const churn_t *churn, size_t index)
{
    stayer_t self = {.kind = &s_kinds[index], .counts = &churn->board->stayer[index]};
    zloom_client_t *client = s_stay (churn, &self);
    atomic_fetch_add (&churn->board->ready, 1);
    for (bool more = true; more;) {
        const zloom_message_t *message = NULL;
        churn_good (zloom_client_receive (client, &message, zloom_deadline (CHURN_PATIENCE_MS)),
                    self.kind->name);
        uint64_t n = 0;
        s_check (message->body_size == BODY_BYTES, "a body of another size");
        memcpy (&n, message->body, sizeof n);
        more = n != LAST;
        s_heard (&self, n, more ? n : churn->board->published);
        churn_good (zloom_client_ack (client, &message), "ack");
        if (self.kind->rests && self.counts->heard % SLOW_AFTER == 0) {
            churn_wait (client, churn_now_ns () + SLOW_REST_NS);
        }
    }
    churn_good (zloom_client_settle_all (client, zloom_deadline (CHURN_PATIENCE_MS)), "settle");
    atomic_fetch_add (&churn->board->through, 1);
    churn_good (zloom_client_close (&client, zloom_deadline (CHURN_PATIENCE_MS)), "close");
}

/* ---- who publishes -------------------------------------------------------------------------- */

static void
s_publish (zloom_client_t *client, const char *topic, uint64_t n)
{
    uint8_t body[BODY_BYTES] = {0};
    memcpy (body, &n, sizeof n);
    const zloom_envelope_t event = {.topic = zloom_bytes_text (topic),
                                    .body = zloom_bytes (body, sizeof body)};
    churn_good (zloom_client_send_envelope (client, CHURN_FLOW, &event, ZLOOM_BYTES_NULL,
                                            zloom_deadline (CHURN_PATIENCE_MS), NULL),
                "publish");
}

/* The events themselves, until the time is over; how many. */
static uint64_t
s_publish_all (const churn_t *churn, zloom_client_t *client)
{
    static char topics[TOPICS][CHURN_TOPIC_BYTES];
    for (uint64_t i = 0; i < TOPICS; i++) {
        s_topic (i, topics[i]);
    }
    const int64_t begin_ns = churn->board->begin_ns;
    const int64_t end_ns = begin_ns + (int64_t) churn->plan.seconds * NS_PER_S;
    const int64_t rate = (int64_t) churn->plan.publish;
    uint64_t n = 0;
    for (int64_t now_ns = begin_ns; now_ns < end_ns; now_ns = churn_now_ns ()) {
        for (size_t i = 0; i < 64; i++, n++) {
            s_publish (client, topics[n % TOPICS], n);
        }
        while (rate > 0 && begin_ns + (int64_t) n * NS_PER_S / rate > churn_now_ns ()) {
            churn_wait (client, begin_ns + (int64_t) n * NS_PER_S / rate);
        }
    }
    return n;
}

static void
s_run_publisher (const churn_t *churn)
{
    churn_board_t *board = churn->board;
    const zloom_client_flow_t flow = {.name = CHURN_FLOW};
    const zloom_client_options_t options = {
      .name = "publisher", .role = "publisher", .flows = &flow, .flow_count = 1};
    zloom_client_t *client = NULL;
    churn_good (zloom_client_open_with (churn->plan.endpoint, &options, NULL, NULL,
                                        zloom_deadline (CHURN_PATIENCE_MS), &client),
                "open");
    const int64_t deadline_ns = zloom_deadline (CHURN_PATIENCE_MS);
    while (atomic_load (&board->ready) < CHURN_STAYERS) {
        s_check (churn_now_ns () < deadline_ns, "not all stayers listen");
        churn_wait (client, churn_now_ns () + NS_PER_S / 100);
    }
    printf ("begin\n");
    fflush (stdout);
    board->begin_ns = churn_now_ns ();
    board->published = s_publish_all (churn, client);
    churn_good (zloom_client_flush (client, zloom_deadline (CHURN_PATIENCE_MS)), "flush");
    board->end_ns = churn_now_ns ();
    s_publish (client, "end.end", LAST);
    churn_good (zloom_client_close (&client, zloom_deadline (CHURN_PATIENCE_MS)), "close");
}

/* ---- processes ------------------------------------------------------------------------------ */

static pid_t
s_fork (void)
{
    fflush (stdout);
    const pid_t pid = fork ();
    s_check (pid >= 0, "fork");
    if (pid == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL);
    }
    return pid;
}

static void
s_await (pid_t pid, const char *what)
{
    int status = 0;
    s_check (waitpid (pid, &status, 0) == pid && status == 0, what);
}

static void
s_run (const churn_t *churn)
{
    pid_t stayers[CHURN_STAYERS];
    pid_t crowds[CHURN_CROWDS];
    for (size_t i = 0; i < CHURN_STAYERS; i++) {
        if ((stayers[i] = s_fork ()) == 0) {
            s_run_stayer (churn, i);
            _exit (0);
        }
    }
    for (size_t i = 0; i < CHURN_CROWDS; i++) {
        if ((crowds[i] = s_fork ()) == 0) {
            churn_crowd_run (&churn->plan, churn->board, i);
            _exit (0);
        }
    }
    const pid_t publisher = s_fork ();
    if (publisher == 0) {
        s_run_publisher (churn);
        _exit (0);
    }
    s_await (publisher, "the publisher ended badly");
    for (size_t i = 0; i < CHURN_STAYERS; i++) {
        s_await (stayers[i], s_kinds[i].name);
    }
    atomic_store (&churn->board->over, true);
    for (size_t i = 0; i < CHURN_CROWDS; i++) {
        s_await (crowds[i], "a crowd ended badly");
    }
}

static void
s_print (const churn_board_t *board)
{
    churn_crowd_t all = {0};
    for (size_t i = 0; i < CHURN_CROWDS; i++) {
        const churn_crowd_t *one = &board->crowd[i];
        all.comes += one->comes;
        all.goes += one->goes;
        all.connects += one->connects;
        all.closes += one->closes;
        all.kills += one->kills;
        all.heard += one->heard;
        all.refused += one->refused;
    }
    printf ("{\"published\": %llu, \"seconds\": %.2f, \"comes\": %llu, \"goes\": %llu, "
            "\"connects\": %llu, \"closes\": %llu, \"kills\": %llu, \"heard\": %llu, "
            "\"refused\": %llu, \"stayers\": {",
            (unsigned long long) board->published, (double) (board->end_ns - board->begin_ns) / 1e9,
            (unsigned long long) all.comes, (unsigned long long) all.goes,
            (unsigned long long) all.connects, (unsigned long long) all.closes,
            (unsigned long long) all.kills, (unsigned long long) all.heard,
            (unsigned long long) all.refused);
    for (size_t i = 0; i < CHURN_STAYERS; i++) {
        const churn_stayer_t *one = &board->stayer[i];
        printf ("%s\"%s\": {\"durable\": %s, \"heard\": %llu, \"gaps\": %llu, \"told\": %llu, "
                "\"untold\": %llu, \"twice\": %llu}",
                i > 0 ? ", " : "", s_kinds[i].name, s_kinds[i].durable ? "true" : "false",
                (unsigned long long) one->heard, (unsigned long long) one->gaps,
                (unsigned long long) one->told, (unsigned long long) one->untold,
                (unsigned long long) one->twice);
    }
    printf ("}}\n");
}

int
main (int argc, char **argv)
{
    if (argc != 6) {
        fprintf (stderr, "see the head of churn.c\n");
        return 2;
    }
    churn_t churn = {.plan = {.endpoint = argv[1],
                              .seconds = strtoul (argv[2], NULL, 10),
                              .crowd = strcmp (argv[3], "none") != 0,
                              .churn = strtoul (argv[3], NULL, 10),
                              .publish = strtoul (argv[4], NULL, 10),
                              .seed = strtoull (argv[5], NULL, 10)}};
    churn.board =
      mmap (NULL, sizeof *churn.board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    s_check (churn.board != MAP_FAILED, "no memory");
    s_run (&churn);
    s_print (churn.board);
    return 0;
}
