/* SPDX-License-Identifier: MPL-2.0 */
/* peer.c - a process's session with the router: the client core on a road. */
#include "play/world.h"

#include <string.h>

#include "base/bytes.h"
#include "base/tag.h"

static void
s_event (void *arg, const zloom_client_event_t *event)
{
    const zloom_play_peer_t *self = arg;
    if (self->event) {
        self->event (self->event_arg, event);
    }
}

void
zloom_play_peer_born (zloom_play_peer_t *self, const char *role, const zloom_client_flow_t *flows,
                      size_t flow_count)
{
    zloom_world_t *world = self->world;
    zloom_put_u32 (self->nonce, ++world->born);
    zloom_client_options_t options = {.name = self->name,
                                      .role = role,
                                      .flows = flows,
                                      .flow_count = flow_count,
                                      .linger_ns = -1,
                                      .seed = world->born};
    memcpy (options.nonce, self->nonce, sizeof options.nonce);
    zloom_err_t err = zloom_client_core_new (&options, s_event, self, &self->core);
    zloom_assert (err == ZLOOM_OK); /* names and flows are the recipe's */
    self->road = zloom_road_lay (world->roads);
    zloom_client_core_connected (self->core, world->now);
    zloom_play_peer_touch (self);
}

void
zloom_play_peer_die (zloom_play_peer_t *self)
{
    zloom_client_core_destroy (&self->core);
    zloom_road_leave (self->world->roads, &self->road);
}

void
zloom_play_peer_again (zloom_play_peer_t *self)
{
    if (self->core) {
        zloom_road_leave (self->world->roads, &self->road);
        self->road = zloom_road_lay (self->world->roads);
        zloom_client_core_connected (self->core, self->world->now);
        zloom_play_peer_touch (self);
    }
}

void
zloom_play_peer_touch (zloom_play_peer_t *self)
{
    self->next_ns = self->world->now.mono_ns;
}

static bool
s_receive (zloom_play_peer_t *self)
{
    bool moved = false;
    zloom_blob_t *verb = NULL;
    zloom_blob_t *pack = NULL;
    while (zloom_road_receive (self->world->roads, self->road, &verb, &pack)) {
        zloom_client_core_frame (self->core, zloom_blob_bytes (verb), pack, self->world->now);
        zloom_blob_unref (&verb);
        if (pack) {
            zloom_blob_unref (&pack);
        }
        moved = true;
    }
    return moved;
}

bool
zloom_play_peer_carry (zloom_play_peer_t *self)
{
    zloom_world_t *world = self->world;
    if (!self->core || (!zloom_road_waits (self->road) && self->next_ns > world->now.mono_ns)) {
        return false;
    }
    bool moved = s_receive (self);
    if (zloom_client_core_wants_road (self->core)) {
        zloom_play_peer_again (self);
        moved = true;
    }
    self->next_ns = zloom_client_core_tick (self->core, world->now);
    zloom_client_out_t out;
    while (zloom_road_takes (world->roads) && zloom_client_core_peek (self->core, &out)) {
        zloom_road_send (world->roads, self->road, out.verb,
                         out.blob ? out.pack : ZLOOM_BYTES_NULL);
        zloom_client_core_pop (self->core);
        moved = true;
    }
    return moved;
}
