/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/port.h"

static bool
s_receive (void *arg, zloom_frame_t *frame)
{
    zloom_router_transport_t **sockets = arg;
    zloom_router_frame_t got;
    if (!*sockets || !zloom_router_transport_receive (*sockets, &got)) {
        return false;
    }
    *frame = (zloom_frame_t){.route = got.route,
                             .key = got.key,
                             .verb = got.verb,
                             .pack = got.pack,
                             .malformed = got.malformed};
    return true;
}

static zloom_err_t
s_send (void *arg, zloom_route_t route, zloom_bytes_t verb, zloom_blob_t *blob, zloom_bytes_t pack)
{
    zloom_router_transport_t **sockets = arg;
    return *sockets ? zloom_router_transport_send (*sockets, route, verb, blob, pack) : ZLOOM_GONE;
}

static void
s_forget (void *arg, zloom_route_t route)
{
    zloom_router_transport_t **sockets = arg;
    if (*sockets) {
        zloom_router_transport_forget (*sockets, route);
    }
}

zloom_transport_t
zloom_node_port (zloom_router_transport_t **sockets)
{
    return (zloom_transport_t){sockets, s_receive, s_send, s_forget};
}
