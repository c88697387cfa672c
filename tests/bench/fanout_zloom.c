/* SPDX-License-Identifier: MPL-2.0 */
/*
 * fanout_zloom.c - the road "zloom": a bus of a router, in memory, by the client that nodes use.
 * Everything is confirmed and nothing is lost: a subscriber that is slow holds the publisher.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "client/client.h"
#include "fanout.h"

#define NS_PER_S INT64_C (1000000000)
#define PATIENCE_MS 120000
#define FLOW "events"
#define PREFETCH 16384
/* Not confirmed, where an event is a frame: more are no faster, and do not stay in the caches. */
#define WINDOW_OF_SINGLES 4096
#define PREFETCH_BYTES (16u * 1024 * 1024)
#define TOPIC_BYTES 64
/* One event in so many has a topic that somebody beside may listen to, and how many there are. */
#define RARELY 1000u
#define RARE_TOPICS 10000u
#define WILD_PROCESSES 10u
#define RENEWED 1024

typedef struct {
    zloom_client_t *client;
    zloom_bytes_t only;         /* the one topic */
    size_t topics, next;        /* 0: the only one */
    char (*topic)[TOPIC_BYTES]; /* `topics` usual ones, RARE_TOPICS rare ones */
    int64_t until_ns;           /* patience: renewed for one event in so many */
    size_t sent;
} publisher_t;

static void
s_good (zloom_err_t err, const char *what)
{
    if (err != ZLOOM_OK) {
        char text[512];
        (void) snprintf (text, sizeof text, "%s: %s: %s", what, zloom_err_text (err),
                         zloom_note ());
        fanout_check (false, text);
    }
}

static zloom_client_t *
s_client (const fanout_plan_t *plan, bool sends)
{
    const zloom_client_flow_t flow = {.name = FLOW};
    const zloom_client_options_t options = {.flows = &flow,
                                            .flow_count = sends ? 1 : 0,
                                            .pack_messages = plan->per_frame,
                                            .window_messages =
                                              plan->per_frame == 1 ? WINDOW_OF_SINGLES : 0,
                                            .pack_bytes = 1u << 20};
    zloom_client_t *client = NULL;
    s_good (zloom_client_open_with (sends || !plan->hear_at ? plan->where : plan->hear_at, &options,
                                    NULL, NULL, zloom_deadline (PATIENCE_MS), &client),
            "open");
    return client;
}

/* ---- publishing ----------------------------------------------------------------------------- */

static void *
s_open (const fanout_plan_t *plan)
{
    publisher_t *self = zloom_alloc (sizeof *self);
    self->client = s_client (plan, true);
    self->only = zloom_bytes_text (plan->topic);
    self->topics = plan->topics;
    if (plan->topics > 0) {
        self->topic = zloom_alloc ((plan->topics + RARE_TOPICS) * sizeof *self->topic);
        for (size_t i = 0; i < plan->topics; i++) {
            (void) snprintf (self->topic[i], TOPIC_BYTES, "bench.place%zu.thing%zu", i % 16, i);
        }
        for (size_t i = 0; i < RARE_TOPICS; i++) {
            (void) snprintf (self->topic[plan->topics + i], TOPIC_BYTES, "bench.w%zu.w%zu", i, i);
        }
    }
    return self;
}

static zloom_bytes_t
s_topic (publisher_t *self)
{
    if (self->topics == 0) {
        return self->only;
    }
    const size_t n = self->next++;
    return zloom_bytes_text (
      self->topic[(n + 1) % RARELY == 0 ? self->topics + n / RARELY % RARE_TOPICS
                                        : n % self->topics]);
}

static void
s_publish (void *arg, const uint8_t *body, size_t size)
{
    publisher_t *self = arg;
    const zloom_envelope_t event = {.topic = s_topic (self), .body = zloom_bytes (body, size)};
    if (self->sent++ % RENEWED == 0) {
        self->until_ns = zloom_deadline (PATIENCE_MS);
    }
    s_good (zloom_client_send_envelope (self->client, FLOW, &event, ZLOOM_BYTES_NULL,
                                        self->until_ns, NULL),
            "send");
}

static void
s_flush (void *arg)
{
    publisher_t *self = arg;
    zloom_client_core_push (zloom_client_core (self->client));
    s_good (zloom_client_dispatch (self->client), "dispatch");
}

static void
s_wait (zloom_client_t *client, int64_t left_ns)
{
    struct pollfd item = {.fd = zloom_client_fd (client), .events = POLLIN};
    const struct timespec time = {0, left_ns > 0 ? left_ns : 0};
    (void) ppoll (&item, 1, &time, NULL);
    s_good (zloom_client_dispatch (client), "dispatch");
}

/* Its heartbeats and confirms come meanwhile. */
static void
s_rest (void *arg, int64_t until_ns)
{
    publisher_t *self = arg;
    int64_t left_ns = until_ns - fanout_now_ns ();
    do {
        s_wait (self->client, left_ns);
        left_ns = until_ns - fanout_now_ns ();
    } while (left_ns > 0);
}

static void
s_close (void *arg)
{
    publisher_t *self = arg;
    s_good (zloom_client_close (&self->client, zloom_deadline (PATIENCE_MS)), "close");
    free (self->topic);
    free (self);
}

/* ---- hearing -------------------------------------------------------------------------------- */

static uint32_t
s_subscribe (zloom_client_t *client, const char *pattern, zloom_on_slow_t on_slow, size_t prefetch)
{
    const zloom_subscription_options_t options = {
      .flow = FLOW,
      .patterns = &pattern,
      .pattern_count = 1,
      .from = ZLOOM_FROM_NOW,
      .on_slow = on_slow,
      .on_slow_value = on_slow == ZLOOM_ON_SLOW_BLOCK ? PATIENCE_MS : 0,
      .prefetch = prefetch,
      .prefetch_bytes = PREFETCH_BYTES};
    uint32_t handle = 0;
    s_good (zloom_client_subscribe_with (client, &options, zloom_deadline (PATIENCE_MS), &handle),
            "subscribe");
    return handle;
}

static void
s_hear (const fanout_plan_t *plan, fanout_heard_fn *heard, void *arg)
{
    zloom_client_t *client = s_client (plan, false);
    const uint32_t handle = s_subscribe (client, plan->topics > 0 ? "bench.>" : plan->topic,
                                         ZLOOM_ON_SLOW_BLOCK, PREFETCH);
    zloom_client_core_t *core = zloom_client_core (client);
    for (bool more = true; more;) {
        const zloom_message_t *message = NULL;
        s_good (zloom_client_core_hear (core, handle, &message), "hear");
        if (!message) {
            s_good (zloom_client_hear (client, handle, &message, zloom_deadline (PATIENCE_MS)),
                    "hear");
        }
        more = heard (arg, message->body, message->body_size);
    }
    s_good (zloom_client_close (&client, zloom_deadline (PATIENCE_MS)), "close");
}

/* ---- beside those that hear ----------------------------------------------------------------- */

static size_t
s_beside_count (const fanout_plan_t *plan)
{
    return (plan->wild > 0 ? WILD_PROCESSES : 0) + (plan->stalled ? 1 : 0);
}

/* Its share of the subscriptions, each to one rare topic, in one of the ways to say so. */
static void
s_wild (zloom_client_t *client, size_t index, size_t count)
{
    for (size_t i = index; i < count; i += WILD_PROCESSES) {
        char pattern[TOPIC_BYTES];
        const char *const head = i % 3 == 0 ? "bench.*" : i % 3 == 1 ? "*" : "bench";
        const char *const tail = i % 3 == 0 ? "" : i % 3 == 1 ? ".>" : ".*";
        (void) snprintf (pattern, sizeof pattern, "%s.w%zu%s", head, i, tail);
        (void) s_subscribe (client, pattern, ZLOOM_ON_SLOW_DROP_OLDEST, 0);
    }
}

static void
s_beside (const fanout_plan_t *plan, size_t index, fanout_ready_fn *ready, void *arg)
{
    const bool stalls = index == s_beside_count (plan) - 1 && plan->stalled;
    zloom_client_t *client = s_client (plan, false);
    if (stalls) {
        const bool ends = strcmp (plan->stalled, "disconnect") == 0;
        (void) s_subscribe (client, plan->topics > 0 ? "bench.>" : plan->topic,
                            ends ? ZLOOM_ON_SLOW_DISCONNECT : ZLOOM_ON_SLOW_DROP_OLDEST, 0);
    } else {
        s_wild (client, index, plan->wild);
    }
    ready (arg);
    if (stalls && strcmp (plan->stalled, "frozen") == 0) {
        (void) raise (SIGSTOP);
    }
    for (;;) {
        s_wait (client, NS_PER_S - 1);
        const zloom_message_t *message = NULL;
        while (!stalls && zloom_client_take (client, 0, &message)) {
            s_good (zloom_client_ack (client, &message), "ack");
        }
    }
}

const fanout_road_t fanout_zloom = {.name = "zloom",
                                    .open = s_open,
                                    .publish = s_publish,
                                    .flush = s_flush,
                                    .rest = s_rest,
                                    .close = s_close,
                                    .hear = s_hear,
                                    .beside_count = s_beside_count,
                                    .beside = s_beside};
