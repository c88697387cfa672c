/* SPDX-License-Identifier: MPL-2.0 */
#include "carry.h"

int64_t
sim_carry (zloom_client_core_t *core, sim_ground_t *ground, sim_net_t *net, sim_road_t **road_p,
           bool redials)
{
    zloom_blob_t *verb;
    zloom_blob_t *pack;
    while (sim_road_receive (net, *road_p, &verb, &pack)) {
        zloom_client_core_frame (core, zloom_blob_bytes (verb), pack, sim_now (ground));
        zloom_blob_unref (&verb);
        if (pack) {
            zloom_blob_unref (&pack);
        }
    }
    if (redials && zloom_client_core_wants_road (core)) {
        sim_road_leave (net, road_p);
        *road_p = sim_net_connect (net);
        zloom_client_core_connected (core, sim_now (ground));
    }
    const int64_t next_ns = zloom_client_core_tick (core, sim_now (ground));
    zloom_client_out_t out;
    while (sim_road_can_send (*road_p) && zloom_client_core_peek (core, &out)) {
        sim_road_send (net, *road_p, out.verb, out.blob, out.pack);
        zloom_client_core_pop (core);
    }
    return next_ns;
}
