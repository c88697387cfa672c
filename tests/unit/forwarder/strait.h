/* SPDX-License-Identifier: MPL-2.0 */
/*
 * strait.h - two routers, each with the real engine, queue and log, and a bridge between them, over
 * roads that break: what was under way is lost, and the peer goes on under a route that the router
 * does not know. A producer fills the outbox, and at the end a consumer empties the flow.
 */
#ifndef ZLOOM_TESTS_FORWARDER_STRAIT_H
#define ZLOOM_TESTS_FORWARDER_STRAIT_H

#include "nodes/forwarder/bridge.h"
#include "unit/forwarder/roads.h"

enum { SHOP, SOURCE, THIEF, FAR, LAST, LINKS };
#define STEP_NS (5 * ZLOOM_NS_PER_MS)
#define BODIES_MOST 4096

typedef struct {
    rig_t source;
    rig_t far;
    zloom_engine_flow_t outbox;
    zloom_engine_flow_t flow;
    zloom_route_t next_route[2];
    road_t roads[LINKS];
    zloom_bridge_t *bridge;
    zloom_random_t random;
    uint64_t sent;
    uint32_t handle;            /* of the consumer */
    unsigned seen[BODIES_MOST]; /* how often each number came out */
    uint64_t last;              /* the number that came out last */
    bool disorder;
    uint8_t nonce;
} strait_t;

static inline void
s_connect (strait_t *self, int which, const zloom_client_options_t *options,
           zloom_client_event_fn *event)
{
    const bool at_far = which >= FAR;
    zloom_client_options_t own = *options;
    own.seed = zloom_random_next (&self->random) | 1;
    own.linger_ns = -1;
    memset (own.nonce, ++self->nonce, sizeof own.nonce);
    road_connect (&self->roads[which], at_far ? &self->far : &self->source,
                  &self->next_route[at_far], &own, event, self->bridge);
}

static inline void
s_new_bridge (strait_t *self)
{
    const zloom_client_options_t options = {.name = "edge-bridge/out", .role = "forwarder"};
    zloom_client_core_destroy (&self->roads[SOURCE].core);
    zloom_client_core_destroy (&self->roads[FAR].core);
    zloom_bridge_destroy (&self->bridge);
    self->bridge = zloom_bridge_new ("edge-bridge", "out");
    s_connect (self, SOURCE, &options, zloom_bridge_source_event);
}

static inline void
s_new_shop (strait_t *self, const char *name)
{
    const zloom_client_flow_t flow = {.name = "out", .has_fingerprint = true, .fingerprint = 7};
    const zloom_client_options_t options = {.name = name, .flows = &flow, .flow_count = 1};
    s_connect (self, SHOP, &options, NULL);
}

static inline void
strait_open (strait_t *self, uint64_t seed)
{
    memset (self, 0, sizeof *self);
    zloom_random_init (&self->random, seed);
    self->outbox = rig_flow ("out@hub", ZLOOM_CONFIRM_DISK);
    self->outbox.flow = "out";
    self->outbox.config.lease_ns = 1000000 * ZLOOM_NS_PER_S;
    self->flow = rig_flow ("out", ZLOOM_CONFIRM_DISK);
    self->next_route[0] = 1;
    self->next_route[1] = 1;
    rig_open (&self->source, &self->outbox, 1);
    rig_init (&self->far, &self->flow, 1);
    self->far.seed = 100000; /* another log */
    assert_int_equal (rig_start (&self->far), ZLOOM_OK);
    s_new_bridge (self);
    s_new_shop (self, "shop");
}

static inline void
strait_close (strait_t *self)
{
    for (int i = 0; i < LINKS; i++) {
        zloom_client_core_destroy (&self->roads[i].core);
    }
    zloom_bridge_destroy (&self->bridge);
    rig_close (&self->source);
    rig_close (&self->far);
}

/* ---- the network ---------------------------------------------------------------------------- */

static inline void
strait_cut (strait_t *self, int which)
{
    road_cut (&self->roads[which]);
}

static inline void
strait_reborn (strait_t *self, rig_t *rig)
{
    roads_reborn (self->roads, LINKS, rig, &self->next_route[rig == &self->far]);
}

/* ---- time ----------------------------------------------------------------------------------- */

static inline void
s_take (strait_t *self)
{
    const zloom_message_t *message;
    const zloom_settlement_t ack = {.delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
    while (zloom_client_core_receive (self->roads[LAST].core, self->handle, &message)) {
        char text[16] = "";
        memcpy (text, message->body, message->body_size < 15 ? message->body_size : 15);
        const uint64_t number = strtoull (text, NULL, 10);
        assert_true (number > 0 && number < BODIES_MOST);
        self->seen[number]++;
        self->disorder = self->disorder || number < self->last;
        self->last = number;
        assert_int_equal (zloom_client_core_settle (self->roads[LAST].core, &message, &ack),
                          ZLOOM_OK);
    }
}

static inline void
s_turn_bridge (strait_t *self)
{
    zloom_client_options_t options = {.flow_count = 0};
    if (!self->roads[SOURCE].core) {
        return;
    }
    (void) zloom_bridge_turn (self->bridge, self->roads[SOURCE].core, self->roads[FAR].core,
                              self->source.now);
    if (zloom_bridge_wants_far (self->bridge, &options)) {
        s_connect (self, FAR, &options, zloom_bridge_far_event);
        zloom_bridge_far_is_new (self->bridge);
    }
}

static inline void
strait_step (strait_t *self)
{
    s_turn_bridge (self);
    for (int i = 0; i < LINKS; i++) {
        if (self->roads[i].core) {
            road_up (&self->roads[i]);
        }
    }
    rig_settle (&self->source);
    rig_settle (&self->far);
    roads_down (self->roads, LINKS, &self->source);
    roads_down (self->roads, LINKS, &self->far);
    if (self->handle > 0) {
        s_take (self);
    }
    rig_pass (&self->source, STEP_NS);
    rig_pass (&self->far, STEP_NS);
}

/* One more message, numbered from 1 on; `size` is its body's. */
static inline bool
strait_send (strait_t *self, size_t size)
{
    char body[512];
    memset (body, ' ', sizeof body);
    const int length = snprintf (body, sizeof body, "%llu", (unsigned long long) self->sent + 1);
    body[length] = ' ';
    const zloom_envelope_t envelope = {.body = zloom_bytes (body, size)};
    const zloom_err_t err = zloom_client_core_send (self->roads[SHOP].core, "out", &envelope,
                                                    ZLOOM_BYTES_NULL, self->source.now, NULL);
    self->sent += err == ZLOOM_OK ? 1 : 0;
    return err == ZLOOM_OK;
}

/* All is confirmed, carried and settled. */
static inline bool
strait_is_still (const strait_t *self)
{
    return zloom_client_core_unconfirmed (self->roads[SHOP].core, NULL) == 0 &&
           zloom_bridge_held (self->bridge) == 0 &&
           zloom_client_core_pending (self->roads[SOURCE].core) == 0;
}

/* Until nothing moves any more; fails when that does not come. */
static inline void
strait_rest (strait_t *self)
{
    int still = 0;
    for (int i = 0; i < 40000 && still < 400; i++) {
        strait_step (self);
        still = strait_is_still (self) ? still + 1 : 0;
    }
    assert_true (still == 400);
}

/* Empty the flow, and look at what was in it. */
static inline void
strait_look (strait_t *self)
{
    const zloom_client_options_t options = {.name = "last"};
    const zloom_subscription_options_t take = {.flow = "out", .prefetch = 4096};
    s_connect (self, LAST, &options, NULL);
    assert_int_equal (zloom_client_core_subscribe (self->roads[LAST].core, &take, &self->handle),
                      ZLOOM_OK);
    for (int i = 0; i < 400; i++) {
        strait_step (self);
    }
}

#endif
