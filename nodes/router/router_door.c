/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/router/router_door.h"

#include <stdlib.h>

#include "base/memory.h"

/* The engine's rights as the fleet's bits. CALL and SERVE are no pattern's in this version. */
static unsigned
s_bit (zloom_right_t right)
{
    switch (right) {
    case ZLOOM_RIGHT_PUBLISH:
        return ZLOOM_FLEET_PUBLISH;
    case ZLOOM_RIGHT_CONSUME:
        return ZLOOM_FLEET_CONSUME;
    case ZLOOM_RIGHT_READ:
        return ZLOOM_FLEET_READ;
    case ZLOOM_RIGHT_ADMINISTER:
        return ZLOOM_FLEET_ADMINISTER;
    case ZLOOM_RIGHT_SUPERVISE:
        return ZLOOM_FLEET_SUPERVISE;
    case ZLOOM_RIGHT_CALL:
    case ZLOOM_RIGHT_SERVE:
    case ZLOOM_RIGHT_ENTER:
        break;
    }
    return 0;
}

bool
zloom_router_door_may (void *arg, const char *key, zloom_right_t right, const char *flow)
{
    const zloom_router_door_t *self = arg;
    if (!key) {
        return true;
    }
    const zloom_fleet_key_t *entry = zloom_map_get (self->by_key, zloom_bytes_text (key));
    return entry && (right == ZLOOM_RIGHT_ENTER || zloom_fleet_may (entry, s_bit (right), flow));
}

/* The fleet is used by reference: it stays until the next one. */
static zloom_err_t
s_take (zloom_router_door_t *self, const zloom_fleet_t *fleet)
{
    const size_t count = zloom_fleet_key_count (fleet);
    const char **keys = zloom_alloc ((count + 1) * sizeof *keys);
    zloom_map_t *by_key = zloom_map_new ();
    for (size_t i = 0; i < count; i++) {
        const zloom_fleet_key_t *entry = zloom_fleet_key_at (fleet, i);
        keys[i] = entry->public_key;
        zloom_map_put (by_key, zloom_bytes_text (entry->public_key), (void *) (uintptr_t) entry);
    }
    const zloom_err_t err = zloom_door_allow (self->door, keys, count);
    free (keys);
    if (err != ZLOOM_OK) {
        zloom_map_destroy (&by_key);
        return err;
    }
    zloom_map_destroy (&self->by_key);
    self->by_key = by_key;
    return ZLOOM_OK;
}

zloom_err_t
zloom_router_door_init (zloom_router_door_t *self, const zloom_node_args_t *args)
{
    *self = (zloom_router_door_t){.door = NULL};
    if (!args->fleet) {
        return ZLOOM_OK;
    }
    zloom_err_t err = zloom_fleet_listen (args->fleet, args->node->name, self->endpoint);
    if (err == ZLOOM_OK) {
        err = zloom_door_open (args->name, &self->door);
    }
    if (err == ZLOOM_OK) {
        self->curve.domain = zloom_door_domain (self->door);
        err = zloom_keypair_read (args->key_file, &self->curve.own);
    }
    if (err == ZLOOM_OK) {
        err = s_take (self, args->fleet);
    }
    return err;
}

void
zloom_router_door_fini (zloom_router_door_t *self)
{
    zloom_door_close (&self->door);
    zloom_map_destroy (&self->by_key);
    zloom_fleet_destroy (&self->own);
    zloom_keypair_wipe (&self->curve.own);
}

zloom_err_t
zloom_router_door_change (zloom_router_door_t *self, zloom_fleet_t **fleet_p)
{
    const zloom_err_t err = s_take (self, *fleet_p);
    if (err == ZLOOM_OK) {
        zloom_fleet_destroy (&self->own);
        self->own = *fleet_p;
        *fleet_p = NULL;
    }
    return err;
}
