/* SPDX-License-Identifier: MPL-2.0 */
#include "net.h"

#include "base/memory.h"

#include <stdlib.h>

/* Frames that a pipe holds. */
#define UP_FRAMES 256
#define DOWN_FRAMES 4096

typedef struct {
    int64_t at_ns;
    zloom_blob_t *verb;
    zloom_blob_t *pack;
} frame_t;

typedef struct {
    frame_t *items;
    size_t head;
    size_t count;
    size_t capacity;
} line_t;

struct sim_road {
    zloom_route_t route; /* as the router knows it; 0: it does not yet */
    bool left;           /* by the peer */
    bool slow;
    int64_t waited_ns; /* at most, at the router's door */
    line_t up;
    line_t down;
};

struct sim_net {
    sim_ground_t *ground;
    sim_mouth_t mouth;
    sim_road_t **roads;
    size_t count;
    size_t capacity;
    zloom_route_t next_route;
    size_t turn; /* whose frame the router takes next */
    bool up;
    bool rough;
    zloom_blob_t *heard; /* the verb that the router works on */
    zloom_buf_t overheard;
    zloom_buf_t leaked;
};

/* ---- pipes ----------------------------------------------------------------------------------- */

static void
s_frame_fini (frame_t *frame)
{
    zloom_blob_unref (&frame->verb);
    if (frame->pack) {
        zloom_blob_unref (&frame->pack);
    }
}

static frame_t *
s_front (const line_t *pipe)
{
    return pipe->count > 0 ? &pipe->items[pipe->head] : NULL;
}

static frame_t
s_take (line_t *pipe)
{
    frame_t frame = pipe->items[pipe->head++];
    pipe->count--;
    if (pipe->count == 0) {
        pipe->head = 0;
    }
    return frame;
}

static void
s_put (sim_net_t *self, sim_road_t *road, line_t *pipe, zloom_bytes_t verb, zloom_bytes_t pack)
{
    int64_t delay_ns = sim_span (self->ground, SIM_MS / 20, SIM_MS / 2);
    if (self->rough && (road->slow || sim_once_in (self->ground, 50))) {
        delay_ns = sim_span (self->ground, SIM_MS, 60 * SIM_MS);
    }
    frame_t frame = {.at_ns = self->ground->mono_ns + delay_ns,
                     .verb = zloom_blob_new (verb.data, verb.size),
                     .pack = pack.data ? zloom_blob_new (pack.data, pack.size) : NULL};
    if (pipe->count > 0) {
        const frame_t *last = &pipe->items[pipe->head + pipe->count - 1];
        frame.at_ns = frame.at_ns < last->at_ns ? last->at_ns : frame.at_ns;
    }
    if (pipe->head > 0 && pipe->head + pipe->count == pipe->capacity) {
        memmove (pipe->items, pipe->items + pipe->head, pipe->count * sizeof *pipe->items);
        pipe->head = 0;
    }
    zloom_grow (&pipe->items, &pipe->capacity, pipe->head + pipe->count + 1, sizeof *pipe->items);
    pipe->items[pipe->head + pipe->count++] = frame;
}

/* Drop frames [from, from + n) of a pipe. */
static void
s_drop (line_t *pipe, size_t from, size_t n)
{
    if (n == 0) {
        return;
    }
    for (size_t i = from; i < from + n; i++) {
        s_frame_fini (&pipe->items[pipe->head + i]);
    }
    frame_t *at = &pipe->items[pipe->head + from];
    memmove (at, at + n, (pipe->count - from - n) * sizeof *at);
    pipe->count -= n;
}

static size_t
s_arrived (const sim_net_t *self, const line_t *pipe)
{
    size_t n = 0;
    while (n < pipe->count && pipe->items[pipe->head + n].at_ns <= self->ground->mono_ns) {
        n++;
    }
    return n;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void
s_not_heard (void *arg, zloom_route_t route, zloom_bytes_t verb, zloom_bytes_t pack)
{
    (void) arg, (void) route, (void) verb, (void) pack;
}

static void
s_not_unsaid (void *arg, zloom_route_t route, zloom_bytes_t verb)
{
    (void) arg, (void) route, (void) verb;
}

static void
s_not_ended (void *arg, zloom_route_t route)
{
    (void) arg, (void) route;
}

sim_net_t *
sim_net_new (sim_ground_t *ground, const sim_mouth_t *mouth)
{
    sim_net_t *self = zloom_alloc (sizeof *self);
    self->ground = ground;
    self->mouth =
      mouth ? *mouth : (sim_mouth_t){NULL, s_not_heard, s_not_heard, s_not_unsaid, s_not_ended};
    self->next_route = 1;
    return self;
}

void
sim_net_destroy (sim_net_t **self_p)
{
    sim_net_t *self = *self_p;
    if (!self) {
        return;
    }
    for (size_t i = 0; i < self->count; i++) {
        s_drop (&self->roads[i]->up, 0, self->roads[i]->up.count);
        s_drop (&self->roads[i]->down, 0, self->roads[i]->down.count);
        free (self->roads[i]->up.items);
        free (self->roads[i]->down.items);
        free (self->roads[i]);
    }
    if (self->heard) {
        zloom_blob_unref (&self->heard);
    }
    zloom_buf_fini (&self->overheard);
    zloom_buf_fini (&self->leaked);
    free (self->roads);
    free (self);
    *self_p = NULL;
}

/* ---- the router's end ------------------------------------------------------------------------ */

static bool
s_receive (void *arg, zloom_frame_t *out)
{
    sim_net_t *self = arg;
    for (size_t i = 0; i < self->count; i++) {
        sim_road_t *road = self->roads[(self->turn + i) % self->count];
        const frame_t *front = s_front (&road->up);
        if (!front || front->at_ns > self->ground->mono_ns) {
            continue;
        }
        self->turn = (self->turn + i + 1) % self->count;
        frame_t frame = s_take (&road->up);
        const int64_t waited_ns = self->ground->mono_ns - frame.at_ns;
        road->waited_ns = waited_ns > road->waited_ns ? waited_ns : road->waited_ns;
        if (road->route == 0) {
            road->route = self->next_route++;
        }
        if (self->heard) {
            zloom_blob_unref (&self->heard);
        }
        self->heard = frame.verb;
        *out = (zloom_frame_t){
          .route = road->route, .verb = zloom_blob_bytes (frame.verb), .pack = frame.pack};
        const zloom_bytes_t pack = frame.pack ? zloom_blob_bytes (frame.pack) : ZLOOM_BYTES_NULL;
        zloom_buf_clear (&self->overheard);
        zloom_buf_add_bytes (&self->overheard, out->verb);
        self->mouth.heard (self->mouth.arg, road->route, out->verb, pack);
        return true;
    }
    return false;
}

static sim_road_t *
s_by_route (const sim_net_t *self, zloom_route_t route)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->roads[i]->route == route) {
            return self->roads[i];
        }
    }
    return NULL;
}

static zloom_err_t
s_send (void *arg, zloom_route_t route, zloom_bytes_t verb, zloom_blob_t *blob, zloom_bytes_t pack)
{
    sim_net_t *self = arg;
    (void) blob;
    if (!self->up) {
        return ZLOOM_GONE; /* being thrown away */
    }
    sim_road_t *road = s_by_route (self, route);
    if (!road || road->left) {
        self->mouth.unsaid (self->mouth.arg, route, verb);
        self->mouth.ended (self->mouth.arg, route);
        return ZLOOM_GONE;
    }
    if (road->down.count >= DOWN_FRAMES) {
        self->mouth.unsaid (self->mouth.arg, route, verb);
        self->mouth.ended (self->mouth.arg, route);
        return ZLOOM_AGAIN;
    }
    self->mouth.said (self->mouth.arg, route, verb, pack);
    if (pack.data) {
        zloom_buf_clear (&self->leaked);
        zloom_buf_add_bytes (&self->leaked, verb);
    }
    s_put (self, road, &road->down, verb, pack);
    return ZLOOM_OK;
}

static void
s_forget (void *arg, zloom_route_t route)
{
    sim_net_t *self = arg;
    sim_road_t *road = s_by_route (self, route);
    if (self->up) {
        self->mouth.ended (self->mouth.arg, route);
    }
    if (road) {
        road->route = 0;
    }
}

zloom_transport_t
sim_net_transport (sim_net_t *self)
{
    return (zloom_transport_t){
      .arg = self, .receive = s_receive, .send = s_send, .forget = s_forget};
}

/* ---- the peer's end -------------------------------------------------------------------------- */

/* Roads that nobody uses any more. */
static void
s_prune (sim_net_t *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++) {
        sim_road_t *road = self->roads[i];
        if (road->left && road->up.count == 0) {
            free (road->up.items);
            free (road->down.items);
            free (road);
        } else {
            self->roads[kept++] = road;
        }
    }
    self->count = kept;
}

sim_road_t *
sim_net_connect (sim_net_t *self)
{
    s_prune (self);
    sim_road_t *road = zloom_alloc (sizeof *road);
    road->slow = self->rough && sim_once_in (self->ground, 8);
    zloom_grow (&self->roads, &self->capacity, self->count + 1, sizeof *self->roads);
    self->roads[self->count++] = road;
    return road;
}

bool
sim_road_can_send (const sim_road_t *road)
{
    return road->up.count < UP_FRAMES;
}

void
sim_road_send (sim_net_t *self, sim_road_t *road, zloom_bytes_t verb, zloom_blob_t *blob,
               zloom_bytes_t pack)
{
    s_put (self, road, &road->up, verb, blob ? pack : ZLOOM_BYTES_NULL);
}

bool
sim_road_receive (sim_net_t *self, sim_road_t *road, zloom_blob_t **verb_p, zloom_blob_t **pack_p)
{
    const frame_t *front = s_front (&road->down);
    if (!front || front->at_ns > self->ground->mono_ns) {
        return false;
    }
    frame_t frame = s_take (&road->down);
    *verb_p = frame.verb;
    *pack_p = frame.pack;
    return true;
}

int64_t
sim_road_waited (const sim_road_t *road)
{
    return road->waited_ns;
}

int64_t
sim_road_next (const sim_road_t *road)
{
    const frame_t *front = s_front (&road->down);
    return front ? front->at_ns : ZLOOM_NEVER;
}

void
sim_road_leave (sim_net_t *self, sim_road_t **road_p)
{
    (void) self;
    if (*road_p) {
        (*road_p)->left = true;
        s_drop (&(*road_p)->down, 0, (*road_p)->down.count);
        *road_p = NULL;
    }
}

/* ---- the world's end ------------------------------------------------------------------------- */

int64_t
sim_net_next (const sim_net_t *self)
{
    int64_t next_ns = ZLOOM_NEVER;
    for (size_t i = 0; i < self->count; i++) {
        const frame_t *front = s_front (&self->roads[i]->up);
        if (front && front->at_ns < next_ns) {
            next_ns = front->at_ns;
        }
    }
    return next_ns;
}

/*
 * What arrived at the other end is safe there (unless that end dies); of the rest a part is lost
 * from the wire, and what still waits at the sender goes over the next connection.
 */
static void
s_lose_in_flight (sim_net_t *self, line_t *pipe, bool resend)
{
    const size_t arrived = s_arrived (self, pipe);
    const size_t flying = pipe->count - arrived;
    const size_t lost =
      resend && flying > 0 ? (size_t) sim_below (self->ground, flying + 1) : flying;
    s_drop (pipe, arrived, lost);
}

void
sim_net_cut (sim_net_t *self, sim_road_t *road)
{
    s_lose_in_flight (self, &road->up, true);
    s_lose_in_flight (self, &road->down, false);
    s_drop (&road->up, 0, s_arrived (self, &road->up)); /* unread, of the old route */
    road->route = 0;
}

void
sim_net_down (sim_net_t *self)
{
    self->up = false;
    for (size_t i = 0; i < self->count; i++) {
        sim_road_t *road = self->roads[i];
        s_drop (&road->up, 0, s_arrived (self, &road->up));
        s_lose_in_flight (self, &road->up, true);
        s_lose_in_flight (self, &road->down, false);
        road->route = 0;
        if (road->left) {
            s_drop (&road->up, 0, road->up.count);
        }
    }
}

void
sim_net_up (sim_net_t *self)
{
    self->up = true;
}

void
sim_net_rough (sim_net_t *self, bool rough)
{
    self->rough = rough;
    for (size_t i = 0; i < self->count && !rough; i++) {
        self->roads[i]->slow = false;
    }
}

zloom_bytes_t
sim_net_leaked (const sim_net_t *self)
{
    return zloom_buf_bytes (&self->leaked);
}

zloom_bytes_t
sim_net_overheard (const sim_net_t *self)
{
    return zloom_buf_bytes (&self->overheard);
}
