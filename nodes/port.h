/* SPDX-License-Identifier: MPL-2.0 */
/* port.h - an engine's transport port over real sockets: what routers and edges share. */
#ifndef ZLOOM_NODES_PORT_H
#define ZLOOM_NODES_PORT_H

#include "engine/engine.h"
#include "net/router_transport.h"

/* `sockets` is looked at with each call; as long as there are none, nobody comes. */
zloom_transport_t zloom_node_port (zloom_router_transport_t **sockets);

#endif
