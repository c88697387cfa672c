/* SPDX-License-Identifier: MPL-2.0 */
/*
 * fanout_zloom.c - the road "zloom": a bus of a router, in memory, by the client that nodes use.
 * Everything is confirmed and nothing is lost: a subscriber that is slow holds the publisher.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "client/client.h"
#include "fanout.h"

#define PATIENCE_MS 120000
#define FLOW "events"
#define PREFETCH 65536
#define PREFETCH_BYTES (16u * 1024 * 1024)

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
    const zloom_client_flow_t flow = {.name = FLOW, .topic = plan->topic};
    const zloom_client_options_t options = {.flows = &flow,
                                            .flow_count = sends ? 1 : 0,
                                            .pack_messages = plan->per_frame,
                                            .pack_bytes = 1u << 20};
    zloom_client_t *client = NULL;
    s_good (zloom_client_open_with (plan->where, &options, NULL, NULL, zloom_deadline (PATIENCE_MS),
                                    &client),
            "open");
    return client;
}

static void *
s_open (const fanout_plan_t *plan)
{
    return s_client (plan, true);
}

static void
s_publish (void *self, const uint8_t *body, size_t size)
{
    const zloom_envelope_t event = {.body = zloom_bytes (body, size)};
    s_good (zloom_client_send_envelope (self, FLOW, &event, ZLOOM_BYTES_NULL,
                                        zloom_deadline (PATIENCE_MS), NULL),
            "send");
}

static void
s_flush (void *self)
{
    zloom_client_core_push (zloom_client_core (self));
    s_good (zloom_client_dispatch (self), "dispatch");
}

/* Its heartbeats and confirms come meanwhile. */
static void
s_rest (void *self, int64_t until_ns)
{
    int64_t left_ns = until_ns - fanout_now_ns ();
    do {
        struct pollfd item = {.fd = zloom_client_fd (self), .events = POLLIN};
        const struct timespec time = {0, left_ns > 0 ? left_ns : 0};
        (void) ppoll (&item, 1, &time, NULL);
        s_good (zloom_client_dispatch (self), "dispatch");
        left_ns = until_ns - fanout_now_ns ();
    } while (left_ns > 0);
}

static void
s_close (void *self)
{
    zloom_client_t *client = self;
    s_good (zloom_client_close (&client, zloom_deadline (PATIENCE_MS)), "close");
}

static void
s_hear (const fanout_plan_t *plan, fanout_heard_fn *heard, void *arg)
{
    const char *const pattern = plan->topic;
    const zloom_subscription_options_t options = {.flow = FLOW,
                                                  .patterns = &pattern,
                                                  .pattern_count = 1,
                                                  .from = ZLOOM_FROM_NOW,
                                                  .on_slow = ZLOOM_ON_SLOW_BLOCK,
                                                  .on_slow_value = PATIENCE_MS,
                                                  .prefetch = PREFETCH,
                                                  .prefetch_bytes = PREFETCH_BYTES};
    zloom_client_t *client = s_client (plan, false);
    uint32_t handle = 0;
    s_good (zloom_client_subscribe_with (client, &options, zloom_deadline (PATIENCE_MS), &handle),
            "subscribe");
    for (bool more = true; more;) {
        const zloom_message_t *message = NULL;
        if (!zloom_client_take (client, handle, &message)) {
            s_good (zloom_client_receive (client, &message, zloom_deadline (PATIENCE_MS)),
                    "receive");
        }
        more = heard (arg, message->body, message->body_size);
        s_good (zloom_client_ack (client, &message), "ack");
    }
    s_good (zloom_client_close (&client, zloom_deadline (PATIENCE_MS)), "close");
}

const fanout_road_t fanout_zloom = {.name = "zloom",
                                    .open = s_open,
                                    .publish = s_publish,
                                    .flush = s_flush,
                                    .rest = s_rest,
                                    .close = s_close,
                                    .hear = s_hear};
