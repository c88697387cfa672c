/* SPDX-License-Identifier: MPL-2.0 */
#include "play/roads.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"

typedef struct {
    zloom_blob_t *verb;
    zloom_blob_t *pack; /* NULL: none */
} frame_t;

typedef struct { /* a ring */
    frame_t *items;
    size_t head;
    size_t count;
    size_t capacity;
} lane_t;

struct zloom_road {
    zloom_route_t route; /* as the router knows it; 0: it does not yet */
    lane_t up;
    lane_t down;
};

struct zloom_roads {
    zloom_road_t **items;
    size_t count;
    size_t capacity;
    size_t turn; /* whose frame the router takes next */
    zloom_route_t routes;
    uint64_t frames;
    bool up;
    zloom_blob_t *heard; /* the verb that the router works on */
};

/* ---- lanes ---------------------------------------------------------------------------------- */

static void
s_put (lane_t *self, zloom_bytes_t verb, zloom_bytes_t pack)
{
    zloom_grow_ring (&self->items, &self->capacity, self->head, self->count, sizeof *self->items);
    self->items[(self->head + self->count++) % self->capacity] =
      (frame_t){.verb = zloom_blob_new (verb.data, verb.size),
                .pack = pack.data ? zloom_blob_new (pack.data, pack.size) : NULL};
}

static frame_t
s_take (lane_t *self)
{
    zloom_assert (self->count > 0);
    frame_t frame = self->items[self->head];
    self->head = (self->head + 1) % self->capacity;
    self->count--;
    return frame;
}

static void
s_clear (lane_t *self)
{
    while (self->count > 0) {
        frame_t frame = s_take (self);
        zloom_blob_unref (&frame.verb);
        if (frame.pack) {
            zloom_blob_unref (&frame.pack);
        }
    }
}

static void
s_free (zloom_road_t *road)
{
    s_clear (&road->up);
    s_clear (&road->down);
    free (road->up.items);
    free (road->down.items);
    free (road);
}

/* ---- life ----------------------------------------------------------------------------------- */

zloom_roads_t *
zloom_roads_new (void)
{
    return zloom_alloc (sizeof (zloom_roads_t));
}

void
zloom_roads_destroy (zloom_roads_t **self_p)
{
    zloom_roads_t *self = *self_p;
    if (!self) {
        return;
    }
    for (size_t i = 0; i < self->count; i++) {
        s_free (self->items[i]);
    }
    if (self->heard) {
        zloom_blob_unref (&self->heard);
    }
    free (self->items);
    free (self);
    *self_p = NULL;
}

/* ---- the router's end ----------------------------------------------------------------------- */

static bool
s_receive (void *arg, zloom_frame_t *out)
{
    zloom_roads_t *self = arg;
    for (size_t i = 0; i < self->count; i++) {
        const size_t at = (self->turn + i) % self->count;
        zloom_road_t *road = self->items[at];
        if (road->up.count == 0) {
            continue;
        }
        self->turn = at + 1;
        if (road->route == 0) {
            road->route = ++self->routes;
        }
        if (self->heard) {
            zloom_blob_unref (&self->heard);
        }
        frame_t frame = s_take (&road->up);
        self->heard = frame.verb;
        *out = (zloom_frame_t){
          .route = road->route, .verb = zloom_blob_bytes (frame.verb), .pack = frame.pack};
        return true;
    }
    return false;
}

static zloom_road_t *
s_by_route (const zloom_roads_t *self, zloom_route_t route)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->items[i]->route == route) {
            return self->items[i];
        }
    }
    return NULL;
}

static zloom_err_t
s_send (void *arg, zloom_route_t route, zloom_bytes_t verb, zloom_blob_t *blob, zloom_bytes_t pack)
{
    zloom_roads_t *self = arg;
    (void) blob;
    zloom_road_t *road = self->up ? s_by_route (self, route) : NULL;
    if (!road) {
        return ZLOOM_GONE;
    }
    self->frames++;
    s_put (&road->down, verb, pack);
    return ZLOOM_OK;
}

static void
s_forget (void *arg, zloom_route_t route)
{
    zloom_road_t *road = s_by_route (arg, route);
    if (road) {
        road->route = 0;
    }
}

zloom_transport_t
zloom_roads_transport (zloom_roads_t *self)
{
    return (zloom_transport_t){
      .arg = self, .receive = s_receive, .send = s_send, .forget = s_forget};
}

bool
zloom_roads_wait (const zloom_roads_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->items[i]->up.count > 0) {
            return true;
        }
    }
    return false;
}

uint64_t
zloom_roads_frames (const zloom_roads_t *self)
{
    return self->frames;
}

void
zloom_roads_up (zloom_roads_t *self, bool up)
{
    self->up = up;
    for (size_t i = 0; i < self->count && !up; i++) {
        s_clear (&self->items[i]->up);
        s_clear (&self->items[i]->down);
        self->items[i]->route = 0;
    }
}

/* ---- a peer's end --------------------------------------------------------------------------- */

zloom_road_t *
zloom_road_lay (zloom_roads_t *self)
{
    zloom_road_t *road = zloom_alloc (sizeof *road);
    zloom_grow (&self->items, &self->capacity, self->count + 1, sizeof (zloom_road_t *));
    self->items[self->count++] = road;
    return road;
}

void
zloom_road_leave (zloom_roads_t *self, zloom_road_t **road_p)
{
    size_t kept = 0;
    if (!*road_p) {
        return;
    }
    for (size_t i = 0; i < self->count; i++) {
        if (self->items[i] != *road_p) {
            self->items[kept++] = self->items[i];
        }
    }
    self->count = kept;
    self->turn = 0;
    s_free (*road_p);
    *road_p = NULL;
}

bool
zloom_road_takes (const zloom_roads_t *self)
{
    return self->up;
}

void
zloom_road_send (zloom_roads_t *self, zloom_road_t *road, zloom_bytes_t verb, zloom_bytes_t pack)
{
    self->frames++;
    s_put (&road->up, verb, pack);
}

bool
zloom_road_receive (zloom_roads_t *self, zloom_road_t *road, zloom_blob_t **verb_p,
                    zloom_blob_t **pack_p)
{
    (void) self;
    if (road->down.count == 0) {
        return false;
    }
    frame_t frame = s_take (&road->down);
    *verb_p = frame.verb;
    *pack_p = frame.pack;
    return true;
}

bool
zloom_road_waits (const zloom_road_t *road)
{
    return road->down.count > 0;
}
