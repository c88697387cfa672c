/* SPDX-License-Identifier: MPL-2.0 */
/*
 * roads.h - roads between clients' cores and routers on rigs. They break: what was under way is
 * lost, and the peer goes on under a route that the router does not know.
 */
#ifndef ZLOOM_TESTS_FORWARDER_ROADS_H
#define ZLOOM_TESTS_FORWARDER_ROADS_H

#include "client/client_core.h"
#include "unit/engine/rig.h"

typedef struct {
    zloom_client_core_t *core; /* NULL: nobody is there */
    rig_t *rig;
    zloom_route_t *next; /* the rig's: none is used twice in a life of the router */
    zloom_route_t route;
    bool mute; /* what it says does not leave */
} road_t;

static inline void
road_lay (road_t *self)
{
    assert_true (*self->next < RIG_ROUTES);
    self->route = (*self->next)++;
}

/* A new process comes; the one before it is gone. */
static inline void
road_connect (road_t *self, rig_t *rig, zloom_route_t *next, const zloom_client_options_t *options,
              zloom_client_event_fn *event, void *arg)
{
    zloom_client_core_destroy (&self->core);
    assert_int_equal (zloom_client_core_new (options, event, arg, &self->core), ZLOOM_OK);
    self->rig = rig;
    self->next = next;
    road_lay (self);
    zloom_client_core_connected (self->core, rig->now);
}

/* The road breaks: the router hears of it at its next word. */
static inline void
road_cut (road_t *self)
{
    if (self->core) {
        self->rig->broken[self->route] = ZLOOM_GONE;
        road_lay (self);
    }
}

static inline void
road_up (road_t *self)
{
    zloom_client_out_t out;
    (void) zloom_client_core_tick (self->core, self->rig->now);
    if (zloom_client_core_wants_road (self->core)) {
        road_cut (self);
        zloom_client_core_connected (self->core, self->rig->now);
    }
    while (!self->mute && zloom_client_core_peek (self->core, &out)) {
        rig_put_bytes (self->rig, self->route, out.verb, out.blob ? out.pack : ZLOOM_BYTES_NULL);
        zloom_client_core_pop (self->core);
    }
}

/* What a router has said comes to those of the roads that it is for. */
static inline void
roads_down (road_t *roads, size_t count, rig_t *rig)
{
    for (size_t i = 0; i < rig->out_count; i++) {
        rig_frame_t *item = &rig->out[i];
        for (size_t k = 0; k < count; k++) {
            if (roads[k].core && roads[k].rig == rig && roads[k].route == item->route) {
                zloom_client_core_frame (roads[k].core, zloom_buf_bytes (&item->verb), item->pack,
                                         rig->now);
            }
        }
        zloom_buf_fini (&item->verb);
        zloom_blob_unref (&item->pack);
    }
    rig->out_count = 0;
}

/* The router has another life: everybody's road is new. */
static inline void
roads_reborn (road_t *roads, size_t count, rig_t *rig, zloom_route_t *next)
{
    memset (rig->broken, 0, sizeof rig->broken);
    *next = 1;
    for (size_t k = 0; k < count; k++) {
        if (roads[k].core && roads[k].rig == rig) {
            road_lay (&roads[k]);
        }
    }
}

#endif
