/* SPDX-License-Identifier: MPL-2.0 */
/*
 * load.c - what the benches put on a router: one producer or one consumer, by zloom.h alone.
 *
 *     bench-load produce ENDPOINT FLOW COUNT BODY_BYTES PACK_MESSAGES
 *     bench-load pace    ENDPOINT FLOW COUNT BODY_BYTES RATE
 *     bench-load consume ENDPOINT FLOW COUNT PREFETCH [RATE]
 *
 * `produce` sends as fast as it may, PACK_MESSAGES a frame (0: as the client likes it), and ends
 * when all is confirmed. `pace` sends RATE a second, each at once, and measures each one's time
 * from send to confirm. `consume` takes and settles COUNT messages and ends when all is settled;
 * RATE holds it back.
 *
 * A line "ready" tells that the session stands (and the subscription is under way); the last line
 * is one JSON object: {"begin_ns", "end_ns", "count", "wrong", "p50_us", "p99_us", "max_us"}. Times
 * are of CLOCK_MONOTONIC, so two processes' times compare; begin is the first send, or the first
 * message. A body begins with its number, and `wrong` counts bodies that came out of order or
 * damaged.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zloom.h"

#define NS_PER_S INT64_C (1000000000)
#define PATIENCE_MS 120000
/* Patience begins anew with one message in so many: the clock is a good part of taking one. */
#define RENEWED 1024
#define BODY_BYTES_MAX (1024u * 1024)

typedef struct {
    int64_t begin_ns, end_ns;
    uint64_t count, wrong;
    uint32_t *latency_ns; /* pace: of each confirmed message */
    size_t latency_count;
} result_t;

static int64_t
s_now_ns (void)
{
    struct timespec time;
    clock_gettime (CLOCK_MONOTONIC, &time);
    return (int64_t) time.tv_sec * NS_PER_S + time.tv_nsec;
}

static void *
s_alloc (size_t count, size_t size)
{
    void *data = calloc (count, size);
    if (!data) {
        fprintf (stderr, "bench-load: no memory\n");
        exit (1);
    }
    return data;
}

static int
s_compare (const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *) a;
    const uint32_t y = *(const uint32_t *) b;
    return (x > y) - (x < y);
}

static double
s_quantile_us (const result_t *result, double q)
{
    if (result->latency_count == 0) {
        return 0;
    }
    return result->latency_ns[(size_t) (q * (double) (result->latency_count - 1))] / 1e3;
}

static void
s_print (result_t *result)
{
    if (result->latency_count > 0) {
        qsort (result->latency_ns, result->latency_count, sizeof *result->latency_ns, s_compare);
    }
    printf ("{\"begin_ns\": %" PRId64 ", \"end_ns\": %" PRId64 ", \"count\": %" PRIu64
            ", \"wrong\": %" PRIu64 ", \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}\n",
            result->begin_ns, result->end_ns, result->count, result->wrong,
            s_quantile_us (result, 0.5), s_quantile_us (result, 0.99), s_quantile_us (result, 1));
}

static void
s_ready (void)
{
    printf ("ready\n");
    fflush (stdout);
}

static uint64_t
s_number (const char *text)
{
    char *end = NULL;
    const uint64_t number = strtoull (text, &end, 10);
    if (end == text || *end) {
        fprintf (stderr, "bench-load: not a number: %s\n", text);
        exit (2);
    }
    return number;
}

static zloom_err_t
s_open (const char *endpoint, const char *flow, size_t pack_messages, int64_t linger_ms,
        zloom_client_t **client_p)
{
    const zloom_client_config_t config = {.endpoint = endpoint,
                                          .send_flows = &flow,
                                          .send_flow_count = flow ? 1 : 0,
                                          .pack_messages = pack_messages,
                                          .linger_ms = linger_ms};
    return zloom_client_open (&config, zloom_deadline (PATIENCE_MS), client_p);
}

/* ---- producing ------------------------------------------------------------------------------ */

static zloom_err_t
s_produce (char **arg, result_t *result)
{
    const size_t pack_messages = s_number (arg[4]);
    const size_t body_bytes = s_number (arg[3]);
    zloom_client_t *client = NULL;
    zloom_err_t err = s_open (arg[0], arg[1], pack_messages, 0, &client);
    if (err != ZLOOM_OK) {
        return err;
    }
    static uint8_t body[BODY_BYTES_MAX];
    const zloom_outgoing_t message = {.body = body, .body_size = body_bytes};
    const int64_t deadline_ns = zloom_deadline (INT32_MAX);
    s_ready ();
    result->begin_ns = s_now_ns ();
    for (uint64_t i = 0; i < result->count && err == ZLOOM_OK; i++) {
        memcpy (body, &i, sizeof i);
        err = zloom_client_send (client, arg[1], &message, deadline_ns);
    }
    if (err == ZLOOM_OK) {
        err = zloom_client_flush (client, zloom_deadline (PATIENCE_MS));
    }
    result->end_ns = s_now_ns ();
    zloom_err_t left = zloom_client_close (&client, zloom_deadline (PATIENCE_MS));
    return err == ZLOOM_OK ? left : err;
}

/* Those that are confirmed by now: sends are confirmed in order. */
static void
s_note_confirmed (zloom_client_t *client, const int64_t *sent_ns, uint64_t sent,
                  uint64_t *confirmed, result_t *result)
{
    const uint64_t upto = sent - zloom_client_unconfirmed (client, NULL);
    const int64_t now_ns = s_now_ns ();
    for (; *confirmed < upto; (*confirmed)++) {
        const int64_t took_ns = now_ns - sent_ns[*confirmed];
        result->latency_ns[result->latency_count++] =
          took_ns < UINT32_MAX ? (uint32_t) took_ns : UINT32_MAX;
    }
}

static zloom_err_t
s_wait (zloom_client_t *client, int64_t until_ns)
{
    struct pollfd item = {.fd = zloom_client_fd (client), .events = POLLIN};
    const int64_t left_ns = until_ns - s_now_ns ();
    if (left_ns > 0) {
        const struct timespec time = {left_ns / NS_PER_S, left_ns % NS_PER_S};
        (void) ppoll (&item, 1, &time, NULL);
    }
    return zloom_client_dispatch (client);
}

static zloom_err_t
s_pace (char **arg, result_t *result)
{
    const int64_t step_ns = NS_PER_S / (int64_t) s_number (arg[4]);
    zloom_client_t *client = NULL;
    zloom_err_t err = s_open (arg[0], arg[1], 0, -1, &client);
    if (err != ZLOOM_OK) {
        return err;
    }
    static uint8_t body[BODY_BYTES_MAX];
    const zloom_outgoing_t message = {.body = body, .body_size = s_number (arg[3])};
    const int64_t deadline_ns = zloom_deadline (INT32_MAX);
    int64_t *sent_ns = s_alloc (result->count, sizeof *sent_ns);
    result->latency_ns = s_alloc (result->count, sizeof *result->latency_ns);
    uint64_t sent = 0;
    uint64_t confirmed = 0;
    s_ready ();
    result->begin_ns = s_now_ns ();
    while (confirmed < result->count && err == ZLOOM_OK) {
        const int64_t due_ns = result->begin_ns + (int64_t) sent * step_ns;
        if (sent < result->count && s_now_ns () >= due_ns) {
            memcpy (body, &sent, sizeof sent);
            sent_ns[sent++] = s_now_ns ();
            err = zloom_client_send (client, arg[1], &message, deadline_ns);
        }
        if (err == ZLOOM_OK) {
            err = s_wait (client, sent < result->count ? result->begin_ns + (int64_t) sent * step_ns
                                                       : s_now_ns () + NS_PER_S);
        }
        s_note_confirmed (client, sent_ns, sent, &confirmed, result);
    }
    result->end_ns = s_now_ns ();
    free (sent_ns);
    zloom_err_t left = zloom_client_close (&client, zloom_deadline (PATIENCE_MS));
    return err == ZLOOM_OK ? left : err;
}

/* ---- consuming ------------------------------------------------------------------------------ */

static zloom_err_t
s_consume (char **arg, uint64_t rate, result_t *result)
{
    zloom_client_t *client = NULL;
    zloom_err_t err = s_open (arg[0], NULL, 0, 0, &client);
    uint32_t handle = 0;
    const size_t prefetch = s_number (arg[3]);
    const zloom_take_t take = {
      .flow = arg[1], .prefetch = prefetch, .prefetch_bytes = prefetch * 2048};
    if (err == ZLOOM_OK) {
        err = zloom_client_subscribe (client, &take, &handle);
    }
    s_ready ();
    uint64_t expected = 0;
    int64_t deadline_ns = 0;
    for (uint64_t i = 0; i < result->count && err == ZLOOM_OK; i++) {
        const zloom_message_t *message = NULL;
        deadline_ns = i % RENEWED == 0 ? zloom_deadline (PATIENCE_MS) : deadline_ns;
        err = zloom_client_receive (client, &message, deadline_ns);
        if (err != ZLOOM_OK) {
            break;
        }
        uint64_t number = 0;
        memcpy (&number, message->body, sizeof number);
        if (i == 0) {
            result->begin_ns = s_now_ns ();
            expected = number;
        }
        result->wrong += number != expected;
        expected = number + 1;
        err = zloom_client_ack (client, &message);
        if (rate > 0 && err == ZLOOM_OK) {
            const int64_t due_ns =
              result->begin_ns + (int64_t) ((double) i / (double) rate * (double) NS_PER_S);
            while (err == ZLOOM_OK && s_now_ns () < due_ns) {
                err = s_wait (client, due_ns);
            }
        }
    }
    /* Leaving tells the router all settlements and waits for what it says. */
    zloom_err_t left = zloom_client_close (&client, zloom_deadline (PATIENCE_MS));
    result->end_ns = s_now_ns ();
    return err == ZLOOM_OK ? left : err;
}

int
main (int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    const bool produces = argc == 7 && strcmp (verb, "produce") == 0;
    const bool paces = argc == 7 && strcmp (verb, "pace") == 0;
    const bool consumes = (argc == 6 || argc == 7) && strcmp (verb, "consume") == 0;
    if (!produces && !paces && !consumes) {
        fprintf (stderr, "see the head of load.c\n");
        return 2;
    }
    result_t result = {.count = s_number (argv[4])};
    if (!consumes && (s_number (argv[5]) < 8 || s_number (argv[5]) > BODY_BYTES_MAX)) {
        fprintf (stderr, "bench-load: a body has 8 to %u bytes\n", BODY_BYTES_MAX);
        return 2;
    }
    zloom_err_t err;
    if (consumes) {
        err = s_consume (argv + 2, argc == 7 ? s_number (argv[6]) : 0, &result);
    } else {
        err = paces ? s_pace (argv + 2, &result) : s_produce (argv + 2, &result);
    }
    if (err != ZLOOM_OK) {
        fprintf (stderr, "bench-load %s: %s: %s\n", verb, zloom_err_text (err), zloom_note ());
        free (result.latency_ns);
        return 1;
    }
    s_print (&result);
    free (result.latency_ns);
    return 0;
}
