/* SPDX-License-Identifier: MPL-2.0 */
/*
 * fanout.c - one publisher and N subscribers, each a process, on one road:
 *
 *     bench-fanout zloom ENDPOINT  COUNT BYTES PER_FRAME SUBSCRIBERS [OPTION VALUE]...
 *     bench-fanout proxy ipc|tcp   COUNT BYTES PER_FRAME SUBSCRIBERS [OPTION VALUE]...
 *     bench-fanout nats  PORT      COUNT BYTES PER_FRAME SUBSCRIBERS [--rate N]
 *
 * `zloom` needs a router whose bus `events` is in memory; `proxy` is libzmq's zmq_proxy between
 * XSUB and XPUB, which drops nothing here; `nats` is a client that writes and reads the protocol of
 * a nats-server on 127.0.0.1 in large pieces.
 *
 * It prints one JSON object: {"rate", "p50_us", "p99_us", "count", "wrong"}. rate is messages
 * published a second, from the first until every subscriber has had the last. With --rate, so many
 * are published a second, and the quantiles are of the time from when each was due until each
 * subscriber has it: a publisher that is held up is late for all of them. A body begins with its
 * number and the time; `wrong` counts what did not come as the next number.
 *
 * More options: --topics N (events have so many topics in turn; one in a thousand has a rare one),
 * --wild N (so many subscriptions to rare topics, with wildcards), --stalled WORD (one subscriber
 * more, which reads nothing: drop-oldest, disconnect, or frozen), --hear-at ENDPOINT and --hear-in
 * FILE (subscribers go there, from the network namespace FILE). The proxy has --hear-in, too, and
 * --keyed 1 (its subscribers come with keys, CURVE).
 */
#include "fanout.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define NS_PER_S INT64_C (1000000000)
#define SUBSCRIBERS_MAX 256
#define BODY_BYTES_MAX (64u * 1024)
#define LATENCIES_MAX 1000000u
#define PATIENCE_S 120
/* Two lines of the cache: what one subscriber counts slows no other. */
#define APART 128
/* The number of a message that only finds out who hears. */
#define NO_NUMBER UINT64_MAX

typedef struct {
    uint64_t number;
    int64_t due_ns;
} head_t;

/* What one subscriber has heard. */
typedef struct {
    _Alignas(APART) uint64_t next;
    uint64_t wrong;
    int64_t end_ns;
    bool warm;
} heard_t;

/* What the processes share. */
typedef struct {
    _Atomic size_t ready; /* of those beside them */
    _Atomic size_t warm;  /* subscribers that have heard something */
    _Atomic size_t done;
    int64_t begin_ns;
    heard_t subscriber[SUBSCRIBERS_MAX];
    _Atomic size_t latency_count;
    uint32_t latency_ns[LATENCIES_MAX];
} board_t;

typedef struct {
    fanout_plan_t plan;
    const fanout_road_t *road;
    size_t count, subscribers, rate, beside;
    const char *hear_in;
    board_t *board;
} bench_t;

/* What a subscriber looks at for each event. */
typedef struct {
    board_t *board;
    heard_t *own;
    uint64_t count;
    bool rated;
} ear_t;

void
fanout_check (bool ok, const char *what)
{
    if (!ok) {
        fprintf (stderr, "bench-fanout: %s: %s\n", what, strerror (errno));
        _exit (1);
    }
}

int64_t
fanout_now_ns (void)
{
    struct timespec time;
    clock_gettime (CLOCK_MONOTONIC, &time);
    return (int64_t) time.tv_sec * NS_PER_S + time.tv_nsec;
}

size_t
fanout_number (const char *text)
{
    char *end = NULL;
    const unsigned long long number = strtoull (text, &end, 10);
    fanout_check (end != text && !*end && number > 0, text);
    return (size_t) number;
}

/* ---- a subscriber --------------------------------------------------------------------------- */

static void
s_note_latency (board_t *board, const head_t *head)
{
    const size_t at = atomic_fetch_add (&board->latency_count, 1);
    const int64_t took_ns = fanout_now_ns () - head->due_ns;
    if (at < LATENCIES_MAX) {
        board->latency_ns[at] = took_ns < UINT32_MAX ? (uint32_t) took_ns : UINT32_MAX;
    }
}

/* One that only finds out who hears, or the last. */
static bool
s_heard_mark (board_t *board, heard_t *own, uint64_t number)
{
    if (number == NO_NUMBER) {
        if (!own->warm) {
            own->warm = true;
            atomic_fetch_add (&board->warm, 1);
        }
        return true;
    }
    own->end_ns = fanout_now_ns ();
    atomic_fetch_add (&board->done, 1);
    return false;
}

static bool
s_heard (void *arg, const uint8_t *body, size_t size)
{
    const ear_t *ear = arg;
    heard_t *own = ear->own;
    head_t head;
    fanout_check (size >= sizeof head, "a body is too short");
    memcpy (&head, body, sizeof head);
    if (head.number == NO_NUMBER) {
        return s_heard_mark (ear->board, own, head.number);
    }
    own->wrong += head.number != own->next;
    own->next = head.number + 1;
    if (ear->rated) {
        s_note_latency (ear->board, &head);
    }
    return own->next < ear->count || s_heard_mark (ear->board, own, head.number);
}

static void
s_ready (void *arg)
{
    bench_t *bench = arg;
    atomic_fetch_add (&bench->board->ready, 1);
}

static void
s_enter (const char *space)
{
    if (space) {
        const int fd = open (space, O_RDONLY | O_CLOEXEC);
        fanout_check (fd >= 0 && setns (fd, CLONE_NEWNET) == 0, space);
        close (fd);
    }
}

/* ---- the publisher -------------------------------------------------------------------------- */

static void
s_rest (const bench_t *bench, void *publisher, int64_t until_ns)
{
    if (bench->road->rest) {
        bench->road->rest (publisher, until_ns);
        return;
    }
    const int64_t left_ns = until_ns - fanout_now_ns ();
    if (left_ns > 0) {
        const struct timespec time = {left_ns / NS_PER_S, left_ns % NS_PER_S};
        (void) ppoll (NULL, 0, &time, NULL);
    }
}

/* Until all is there, and everybody has heard something. */
static void
s_warm (const bench_t *bench, void *publisher, uint8_t *body)
{
    const int64_t deadline_ns = fanout_now_ns () + PATIENCE_S * NS_PER_S;
    const head_t head = {.number = NO_NUMBER};
    memcpy (body, &head, sizeof head);
    while (atomic_load (&bench->board->warm) < bench->subscribers ||
           atomic_load (&bench->board->ready) < bench->beside) {
        fanout_check (fanout_now_ns () < deadline_ns, "not every subscriber hears");
        for (size_t i = 0; i < bench->plan.per_frame; i++) {
            bench->road->publish (publisher, body, bench->plan.bytes);
        }
        bench->road->flush (publisher);
        s_rest (bench, publisher, fanout_now_ns () + NS_PER_S / 100);
    }
}

static void
s_publish (const bench_t *bench)
{
    static uint8_t body[BODY_BYTES_MAX];
    prctl (PR_SET_TIMERSLACK, 1);
    void *publisher = bench->road->open (&bench->plan);
    s_warm (bench, publisher, body);
    bench->board->begin_ns = fanout_now_ns ();
    for (uint64_t i = 0; i < bench->count; i++) {
        head_t head = {.number = i};
        if (bench->rate > 0) {
            head.due_ns = bench->board->begin_ns + (int64_t) i * NS_PER_S / (int64_t) bench->rate;
            s_rest (bench, publisher, head.due_ns);
        }
        memcpy (body, &head, sizeof head);
        bench->road->publish (publisher, body, bench->plan.bytes);
        if (bench->rate > 0) {
            bench->road->flush (publisher);
        }
    }
    bench->road->flush (publisher);
    const int64_t deadline_ns = fanout_now_ns () + PATIENCE_S * NS_PER_S;
    while (atomic_load (&bench->board->done) < bench->subscribers) {
        fanout_check (fanout_now_ns () < deadline_ns, "not every subscriber has had all");
        s_rest (bench, publisher, fanout_now_ns () + NS_PER_S / 1000);
    }
    bench->road->close (publisher);
}

/* ---- processes ------------------------------------------------------------------------------ */

static pid_t
s_fork (void)
{
    const pid_t pid = fork ();
    fanout_check (pid >= 0, "fork");
    if (pid == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL);
    }
    return pid;
}

static pid_t
s_start (bench_t *bench, size_t index)
{
    const pid_t pid = s_fork ();
    if (pid == 0) {
        s_enter (bench->hear_in);
        if (index < bench->subscribers) {
            ear_t ear = {bench->board, &bench->board->subscriber[index], bench->count,
                         bench->rate > 0};
            bench->road->hear (&bench->plan, s_heard, &ear);
        } else {
            bench->road->beside (&bench->plan, index - bench->subscribers, s_ready, bench);
        }
        _exit (0);
    }
    return pid;
}

static void
s_run (bench_t *bench)
{
    pid_t children[SUBSCRIBERS_MAX];
    const size_t count = bench->subscribers + bench->beside;
    pid_t middle = 0;
    if (bench->road->middle && (middle = s_fork ()) == 0) {
        bench->road->middle (&bench->plan);
        _exit (0);
    }
    for (size_t i = 0; i < count; i++) {
        children[i] = s_start (bench, i);
    }
    const pid_t publisher = s_fork ();
    if (publisher == 0) {
        s_publish (bench);
        _exit (0);
    }
    int status = 0;
    fanout_check (waitpid (publisher, &status, 0) == publisher && status == 0, "the publisher");
    for (size_t i = 0; i < count; i++) {
        kill (children[i], SIGKILL); /* it has had all */
        waitpid (children[i], &status, 0);
    }
    if (middle > 0) {
        kill (middle, SIGKILL);
        waitpid (middle, &status, 0);
    }
}

static int
s_compare (const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *) a;
    const uint32_t y = *(const uint32_t *) b;
    return (x > y) - (x < y);
}

static void
s_print (const bench_t *bench)
{
    board_t *board = bench->board;
    int64_t end_ns = 0;
    uint64_t wrong = 0;
    for (size_t i = 0; i < bench->subscribers; i++) {
        end_ns = end_ns > board->subscriber[i].end_ns ? end_ns : board->subscriber[i].end_ns;
        wrong += board->subscriber[i].wrong;
    }
    size_t n = board->latency_count < LATENCIES_MAX ? board->latency_count : LATENCIES_MAX;
    qsort (board->latency_ns, n, sizeof *board->latency_ns, s_compare);
    const size_t half = n ? (n - 1) / 2 : 0;
    const size_t last = n ? (n - 1) * 99 / 100 : 0;
    printf (
      "{\"rate\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"count\": %zu, \"wrong\": %llu}\n",
      (double) bench->count / ((double) (end_ns - board->begin_ns) / 1e9),
      n ? board->latency_ns[half] / 1e3 : 0.0, n ? board->latency_ns[last] / 1e3 : 0.0,
      bench->count, (unsigned long long) wrong);
}

/* ---- the command line ----------------------------------------------------------------------- */

static void
s_option (bench_t *bench, const char *name, const char *value)
{
    const bool zloom = bench->road == &fanout_zloom;
    const bool proxy = bench->road == &fanout_proxy;
    if (strcmp (name, "--rate") == 0) {
        bench->rate = fanout_number (value);
    } else if (strcmp (name, "--hear-in") == 0 && (zloom || proxy)) {
        bench->hear_in = value;
    } else if (strcmp (name, "--keyed") == 0 && proxy) {
        bench->plan.keyed = fanout_number (value) == 1;
        fanout_check (zmq_curve_keypair (bench->plan.public_key, bench->plan.secret_key) == 0,
                      name);
    } else if (!zloom) {
        fanout_check (false, name);
    } else if (strcmp (name, "--topics") == 0) {
        bench->plan.topics = fanout_number (value);
    } else if (strcmp (name, "--wild") == 0) {
        bench->plan.wild = fanout_number (value);
    } else if (strcmp (name, "--stalled") == 0) {
        bench->plan.stalled = value;
    } else if (strcmp (name, "--hear-at") == 0) {
        bench->plan.hear_at = value;
    } else {
        fanout_check (false, name);
    }
}

static void
s_take_words (bench_t *bench, int argc, char **argv)
{
    bench->plan = (fanout_plan_t){.where = argv[2],
                                  .bytes = fanout_number (argv[4]),
                                  .per_frame = fanout_number (argv[5]),
                                  .topic = "bench.events.one"};
    bench->count = fanout_number (argv[3]);
    bench->count -= bench->count % bench->plan.per_frame;
    bench->subscribers = fanout_number (argv[6]);
    for (int i = 7; i + 1 < argc; i += 2) {
        s_option (bench, argv[i], argv[i + 1]);
    }
    bench->beside = bench->road->beside_count ? bench->road->beside_count (&bench->plan) : 0;
    fanout_check (bench->count > 0 && bench->subscribers + bench->beside <= SUBSCRIBERS_MAX &&
                    bench->plan.bytes >= sizeof (head_t) && bench->plan.bytes <= BODY_BYTES_MAX,
                  "COUNT, BYTES or SUBSCRIBERS are out of bounds");
}

int
main (int argc, char **argv)
{
    static const fanout_road_t *const roads[] = {&fanout_zloom, &fanout_proxy, &fanout_nats};
    bench_t bench = {0};
    for (size_t i = 0; argc > 1 && i < sizeof roads / sizeof *roads; i++) {
        bench.road = strcmp (argv[1], roads[i]->name) == 0 ? roads[i] : bench.road;
    }
    if (!bench.road || argc < 7 || argc % 2 == 0) {
        fprintf (stderr, "see the head of fanout.c\n");
        return 2;
    }
    s_take_words (&bench, argc, argv);
    bench.board =
      mmap (NULL, sizeof *bench.board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fanout_check (bench.board != MAP_FAILED, "memory");
    s_run (&bench);
    s_print (&bench);
    return 0;
}
