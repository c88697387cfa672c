/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bay.h - a bus on a router and its copy at an edge, each in the real engine, with a relay between
 * them, a publisher at the router and subscribers at the edge; roads break and both can die. What a
 * subscriber hears is written down: "1-3 gap4-6:3(edge) 7", numbers of events as it sees them.
 */
#ifndef ZLOOM_TESTS_FORWARDER_BAY_H
#define ZLOOM_TESTS_FORWARDER_BAY_H

#include "nodes/forwarder/relay.h"
#include "patterns/bus/bus.h"
#include "unit/forwarder/roads.h"

enum { PUBLISHER, RELAY, ONE, TWO, THREE, LINKS };
#define STEP_NS (5 * ZLOOM_NS_PER_MS)

typedef struct {
    uint32_t handle;
    zloom_err_t refused;
    zloom_buf_t heard;
    uint64_t first, last; /* a run that is not written down yet; 0: none */
    uint64_t last_id;     /* the publisher's own number of the last event */
    uint64_t missed;
    uint64_t expected; /* the number that comes next, as an event or in a hole; 0: not known yet */
    bool broken;       /* another one came, or a count that cannot be */
    bool wants_all;    /* what it misses is counted, but for a life of the router's */
} link_t;

typedef struct {
    rig_t hub;
    rig_t edge;
    zloom_engine_flow_t bus;
    zloom_engine_flow_t copy;
    zloom_route_t next_route[2];
    road_t roads[LINKS]; /* who is mute reads nothing, either */
    link_t links[LINKS];
    zloom_relay_t *relay;
    uint64_t sent;
    uint8_t nonce;
    zloom_err_t relay_err;
    bool hold_relay; /* the relay has no turn; its client hears, and says what it has to */
} bay_t;

/* ---- roads ---------------------------------------------------------------------------------- */

static inline void
s_relay_event (void *arg, const zloom_client_event_t *event)
{
    const bay_t *self = arg;
    if (self->relay) {
        zloom_relay_event (self->relay, event);
    }
}

static inline void
s_flush (link_t *link)
{
    if (link->last > 0) {
        zloom_buf_printf (&link->heard, "%s%llu", link->heard.size ? " " : "",
                          (unsigned long long) link->first);
        if (link->last > link->first) {
            zloom_buf_printf (&link->heard, "-%llu", (unsigned long long) link->last);
        }
    }
    link->first = link->last = 0;
}

/* Whether so many can have been missed of these numbers, and are as many as are known of. */
static inline bool
s_counts (const link_t *link, const zloom_client_event_t *gap)
{
    const uint64_t numbers = gap->last - gap->seq + 1;
    const bool exact =
      link->wants_all && !zloom_bytes_equal (gap->text, zloom_bytes_text ("restart"));
    return gap->last >= gap->seq && (exact ? gap->n == numbers : gap->n <= numbers);
}

static inline void
s_link_event (void *arg, const zloom_client_event_t *event)
{
    link_t *link = arg;
    if (event->type == ZLOOM_CLIENT_GAP) {
        s_flush (link);
        zloom_buf_printf (&link->heard, "%sgap%llu-%llu:%llu(%.*s)", link->heard.size ? " " : "",
                          (unsigned long long) event->seq, (unsigned long long) event->last,
                          (unsigned long long) event->n, (int) event->text.size,
                          (const char *) event->text.data);
        link->missed += event->n;
        link->broken = link->broken || !s_counts (link, event) ||
                       (link->expected > 0 && event->seq != link->expected);
        link->expected = event->last + 1;
    }
    if ((event->type == ZLOOM_CLIENT_SUBSCRIBED || event->type == ZLOOM_CLIENT_REFUSED) &&
        event->code != ZLOOM_OK) {
        link->refused = event->code;
    }
}

static inline void
s_connect (bay_t *self, int which, const zloom_client_options_t *options)
{
    const bool at_edge = which > RELAY;
    zloom_client_options_t own = *options;
    own.seed = (uint64_t) which + 1;
    own.linger_ns = -1;
    memset (own.nonce, ++self->nonce, sizeof own.nonce);
    road_connect (&self->roads[which], at_edge ? &self->edge : &self->hub,
                  &self->next_route[at_edge], &own, which == RELAY ? s_relay_event : s_link_event,
                  which == RELAY ? (void *) self : &self->links[which]);
}

static inline void
s_new_relay (bay_t *self)
{
    const zloom_client_options_t options = {.name = "edge", .role = "forwarder"};
    zloom_relay_destroy (&self->relay);
    s_connect (self, RELAY, &options);
    self->relay = zloom_relay_new ("edge", "paid");
}

/* ---- life ----------------------------------------------------------------------------------- */

static inline void
bay_open (bay_t *self, zloom_confirm_t confirm)
{
    memset (self, 0, sizeof *self);
    const zloom_client_flow_t flow = {.name = "paid"};
    const zloom_client_options_t shop = {.name = "shop", .flows = &flow, .flow_count = 1};
    self->bus = rig_flow ("paid", confirm);
    self->bus.config.pattern = "bus";
    self->bus.pattern = &zloom_bus_pattern;
    self->copy = self->bus;
    self->copy.config.confirm = ZLOOM_CONFIRM_MEMORY;
    self->copy.config.on_full = ZLOOM_ON_FULL_DROP_OLDEST;
    self->copy.config.copy_of = "hub";
    self->copy.config.copy_of_memory = confirm == ZLOOM_CONFIRM_MEMORY;
    self->next_route[0] = 1;
    self->next_route[1] = 1;
    rig_open (&self->hub, &self->bus, 1);
    rig_open (&self->edge, &self->copy, 1);
    s_connect (self, PUBLISHER, &shop);
    s_new_relay (self);
}

static inline void
bay_close (bay_t *self)
{
    for (int i = 0; i < LINKS; i++) {
        zloom_client_core_destroy (&self->roads[i].core);
        zloom_buf_fini (&self->links[i].heard);
    }
    zloom_relay_destroy (&self->relay);
    rig_close (&self->hub);
    rig_close (&self->edge);
}

/* Another life of the engine: everybody's road is new. */
static inline void
bay_restart (bay_t *self, rig_t *rig)
{
    rig_stop (rig);
    assert_int_equal (rig_start (rig), ZLOOM_OK);
    roads_reborn (self->roads, LINKS, rig, &self->next_route[rig == &self->edge]);
    if (rig == &self->edge) {
        s_new_relay (self);
    }
}

static inline void
bay_subscribe (bay_t *self, int which, const zloom_subscription_options_t *options)
{
    char name[16];
    snprintf (name, sizeof name, "ear-%d", which);
    const zloom_client_options_t client = {.name = name};
    zloom_subscription_options_t own = *options;
    own.flow = "paid";
    self->links[which].wants_all = options->pattern_count == 0;
    s_connect (self, which, &client);
    assert_int_equal (
      zloom_client_core_subscribe (self->roads[which].core, &own, &self->links[which].handle),
      ZLOOM_OK);
}

/* ---- the network ---------------------------------------------------------------------------- */

static inline void
bay_cut (bay_t *self, int which)
{
    road_cut (&self->roads[which]);
}

static inline void
s_take (zloom_client_core_t *core, link_t *link)
{
    const zloom_message_t *message;
    const zloom_settlement_t ack = {.delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
    while (zloom_client_core_receive (core, link->handle, &message)) {
        if (link->last == 0 || link->last + 1 != message->seq) {
            s_flush (link);
            link->first = message->seq;
        }
        link->last = message->seq;
        link->broken = link->broken || (link->expected > 0 && message->seq != link->expected);
        link->expected = message->seq + 1;
        assert_true (message->producer_size == 4 && memcmp (message->producer, "shop", 4) == 0);
        assert_true (message->id > link->last_id);
        link->last_id = message->id;
        assert_int_equal (zloom_client_core_settle (core, &message, &ack), ZLOOM_OK);
    }
}

/* An edge opens its door when it has a place. */
static inline bool
s_is_open (const bay_t *self, int which)
{
    return which <= RELAY || zloom_relay_is_placed (self->relay);
}

static inline void
bay_step (bay_t *self)
{
    int64_t due_ns = ZLOOM_NEVER;
    if (!self->roads[RELAY].mute && !self->hold_relay && self->relay_err == ZLOOM_OK) {
        self->relay_err = zloom_relay_turn (self->relay, self->roads[RELAY].core, self->edge.engine,
                                            self->edge.now, &due_ns);
    }
    for (int i = 0; i < LINKS; i++) {
        if (self->roads[i].core && !self->roads[i].mute && s_is_open (self, i)) {
            road_up (&self->roads[i]);
        }
    }
    rig_settle (&self->hub);
    rig_settle (&self->edge);
    roads_down (self->roads, LINKS, &self->hub);
    roads_down (self->roads, LINKS, &self->edge);
    for (int i = ONE; i < LINKS; i++) {
        if (self->roads[i].core && !self->roads[i].mute) {
            s_take (self->roads[i].core, &self->links[i]);
        }
    }
    rig_pass (&self->hub, STEP_NS);
    rig_pass (&self->edge, STEP_NS);
}

static inline void
bay_run (bay_t *self, int steps)
{
    for (int i = 0; i < steps; i++) {
        bay_step (self);
    }
}

/* Publish so many, each confirmed. */
static inline void
bay_publish (bay_t *self, const char *topic, uint64_t n)
{
    const zloom_envelope_t envelope = {.topic = zloom_bytes_text (topic),
                                       .body = zloom_bytes_text ("x")};
    zloom_client_core_t *core = self->roads[PUBLISHER].core;
    for (int i = 0; i < 20000 && n > 0; i++) {
        while (n > 0 && zloom_client_core_send (core, "paid", &envelope, ZLOOM_BYTES_NULL,
                                                self->hub.now, NULL) == ZLOOM_OK) {
            n--;
            self->sent++;
        }
        bay_step (self);
    }
    for (int i = 0; i < 4000 && zloom_client_core_unconfirmed (core, NULL) > 0; i++) {
        bay_step (self);
    }
    assert_int_equal (n, 0);
    assert_int_equal (zloom_client_core_unconfirmed (core, NULL), 0);
}

/* What the subscriber heard since the last look, once it has nothing more to hear. */
static inline void
bay_expect (bay_t *self, int which, const char *heard)
{
    link_t *link = &self->links[which];
    bay_run (self, 4);
    s_flush (link);
    assert_string_equal (zloom_buf_text (&link->heard), heard);
    zloom_buf_clear (&link->heard);
}

#endif
