/* SPDX-License-Identifier: MPL-2.0 */
/*
 * strait.h - two routers, each with the real engine, queue and log, and a bridge between them, over
 * roads that break: what was under way is lost, and the peer goes on under a route that the router
 * does not know. A producer fills the outbox, and at the end a consumer empties the flow.
 */
#ifndef ZLOOM_TESTS_FORWARDER_STRAIT_H
#define ZLOOM_TESTS_FORWARDER_STRAIT_H

#include "unit/engine/rig.h"

#include "client/client_core.h"
#include "nodes/forwarder/bridge.h"

enum { SHOP, SOURCE, THIEF, FAR, LAST, LINKS };
#define STEP_NS (5 * ZLOOM_NS_PER_MS)
#define BODIES_MOST 4096

typedef struct {
    zloom_client_core_t *core; /* NULL: nobody is there */
    rig_t *rig;
    zloom_route_t route;
} link_t;

typedef struct {
    rig_t source;
    rig_t far;
    zloom_engine_flow_t outbox;
    zloom_engine_flow_t flow;
    zloom_route_t next_route[2];
    link_t links[LINKS];
    zloom_bridge_t *bridge;
    zloom_random_t random;
    bool mute[LINKS]; /* what it says does not leave */
    uint64_t sent;
    uint32_t handle;            /* of the consumer */
    unsigned seen[BODIES_MOST]; /* how often each number came out */
    uint64_t last;              /* the number that came out last */
    bool disorder;
    uint8_t nonce;
} strait_t;

static inline zloom_route_t
s_new_route (strait_t *self, const rig_t *rig)
{
    zloom_route_t *next = &self->next_route[rig == &self->far];
    assert_true (*next < RIG_ROUTES);
    return (*next)++;
}

static inline void
s_connect (strait_t *self, int which, const zloom_client_options_t *options,
           zloom_client_event_fn *event)
{
    link_t *link = &self->links[which];
    zloom_client_options_t own = *options;
    own.seed = zloom_random_next (&self->random) | 1;
    own.linger_ns = -1;
    memset (own.nonce, ++self->nonce, sizeof own.nonce);
    zloom_client_core_destroy (&link->core);
    assert_int_equal (zloom_client_core_new (&own, event, self->bridge, &link->core), ZLOOM_OK);
    link->rig = which < FAR ? &self->source : &self->far;
    link->route = s_new_route (self, link->rig);
    zloom_client_core_connected (link->core, link->rig->now);
}

static inline void
s_new_bridge (strait_t *self)
{
    const zloom_client_options_t options = {.name = "edge-bridge/out", .role = "forwarder"};
    zloom_client_core_destroy (&self->links[SOURCE].core);
    zloom_client_core_destroy (&self->links[FAR].core);
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
        zloom_client_core_destroy (&self->links[i].core);
    }
    zloom_bridge_destroy (&self->bridge);
    rig_close (&self->source);
    rig_close (&self->far);
}

/* ---- the network ---------------------------------------------------------------------------- */

static inline void
s_up (strait_t *self, link_t *link)
{
    zloom_client_out_t out;
    (void) zloom_client_core_tick (link->core, link->rig->now);
    if (zloom_client_core_wants_road (link->core)) {
        link->rig->broken[link->route] = ZLOOM_GONE;
        link->route = s_new_route (self, link->rig);
        zloom_client_core_connected (link->core, link->rig->now);
    }
    while (!self->mute[link - self->links] && zloom_client_core_peek (link->core, &out)) {
        rig_put_bytes (link->rig, link->route, out.verb, out.blob ? out.pack : ZLOOM_BYTES_NULL);
        zloom_client_core_pop (link->core);
    }
}

static inline void
s_down (strait_t *self, rig_t *rig)
{
    for (size_t i = 0; i < rig->out_count; i++) {
        rig_frame_t *item = &rig->out[i];
        for (int k = 0; k < LINKS; k++) {
            link_t *link = &self->links[k];
            if (link->core && link->rig == rig && link->route == item->route) {
                zloom_client_core_frame (link->core, zloom_buf_bytes (&item->verb), item->pack,
                                         rig->now);
            }
        }
        zloom_buf_fini (&item->verb);
        zloom_blob_unref (&item->pack);
    }
    rig->out_count = 0;
}

/* The road breaks: what was under way is lost, and the router hears of it at its next word. */
static inline void
strait_cut (strait_t *self, int which)
{
    link_t *link = &self->links[which];
    if (link->core) {
        link->rig->broken[link->route] = ZLOOM_GONE;
        link->route = s_new_route (self, link->rig);
    }
}

/* The router has another life: everybody's road is new. */
static inline void
strait_reborn (strait_t *self, rig_t *rig)
{
    memset (rig->broken, 0, sizeof rig->broken);
    self->next_route[rig == &self->far] = 1;
    for (int i = 0; i < LINKS; i++) {
        if (self->links[i].core && self->links[i].rig == rig) {
            self->links[i].route = s_new_route (self, rig);
        }
    }
}

/* ---- time ----------------------------------------------------------------------------------- */

static inline void
s_take (strait_t *self)
{
    const zloom_message_t *message;
    const zloom_settlement_t ack = {.delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
    while (zloom_client_core_receive (self->links[LAST].core, self->handle, &message)) {
        char text[16] = "";
        memcpy (text, message->body, message->body_size < 15 ? message->body_size : 15);
        const uint64_t number = strtoull (text, NULL, 10);
        assert_true (number > 0 && number < BODIES_MOST);
        self->seen[number]++;
        self->disorder = self->disorder || number < self->last;
        self->last = number;
        assert_int_equal (zloom_client_core_settle (self->links[LAST].core, &message, &ack),
                          ZLOOM_OK);
    }
}

static inline void
s_turn_bridge (strait_t *self)
{
    zloom_client_options_t options = {.flow_count = 0};
    if (!self->links[SOURCE].core) {
        return;
    }
    (void) zloom_bridge_turn (self->bridge, self->links[SOURCE].core, self->links[FAR].core,
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
        if (self->links[i].core) {
            s_up (self, &self->links[i]);
        }
    }
    rig_settle (&self->source);
    rig_settle (&self->far);
    s_down (self, &self->source);
    s_down (self, &self->far);
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
    const zloom_err_t err = zloom_client_core_send (self->links[SHOP].core, "out", &envelope,
                                                    ZLOOM_BYTES_NULL, self->source.now, NULL);
    self->sent += err == ZLOOM_OK ? 1 : 0;
    return err == ZLOOM_OK;
}

/* All is confirmed, carried and settled. */
static inline bool
strait_is_still (const strait_t *self)
{
    return zloom_client_core_unconfirmed (self->links[SHOP].core, NULL) == 0 &&
           zloom_bridge_held (self->bridge) == 0 &&
           zloom_client_core_pending (self->links[SOURCE].core) == 0;
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
    assert_int_equal (zloom_client_core_subscribe (self->links[LAST].core, &take, &self->handle),
                      ZLOOM_OK);
    for (int i = 0; i < 400; i++) {
        strait_step (self);
    }
}

#endif
