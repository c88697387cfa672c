/* SPDX-License-Identifier: MPL-2.0 */
/*
 * roads.h - the network of a case: roads between peers and the router that keep their order and
 * take no time. A router that goes takes what was under way with it.
 */
#ifndef ZLOOM_PLAY_ROADS_H
#define ZLOOM_PLAY_ROADS_H

#include "engine/engine.h"

typedef struct zloom_roads zloom_roads_t;
typedef struct zloom_road zloom_road_t;

zloom_roads_t *zloom_roads_new (void);
void zloom_roads_destroy (zloom_roads_t **self_p);
/* The router's end. */
zloom_transport_t zloom_roads_transport (zloom_roads_t *self);
/* Something waits for the router. */
bool zloom_roads_wait (const zloom_roads_t *self);
/* Frames that went either way so far. */
uint64_t zloom_roads_frames (const zloom_roads_t *self);
/* The router is there or not; what was under way is lost when it goes. */
void zloom_roads_up (zloom_roads_t *self, bool up);

/* A peer's end. */
zloom_road_t *zloom_road_lay (zloom_roads_t *self);
void zloom_road_leave (zloom_roads_t *self, zloom_road_t **road_p);
/* Whether it takes a frame: it does while the router is there. */
bool zloom_road_takes (const zloom_roads_t *self);
void zloom_road_send (zloom_roads_t *self, zloom_road_t *road, zloom_bytes_t verb,
                      zloom_bytes_t pack);
/* The next frame, false: none. The caller unrefs both; *pack_p may be NULL. */
bool zloom_road_receive (zloom_roads_t *self, zloom_road_t *road, zloom_blob_t **verb_p,
                         zloom_blob_t **pack_p);
bool zloom_road_waits (const zloom_road_t *road);

#endif
