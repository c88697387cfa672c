/* SPDX-License-Identifier: MPL-2.0 */
/* fleet_place.c - which node of the recipe runs where, and what follows from that. */
#include <string.h>

#include "recipe/fleet_model.h"
#include "recipe/registry.h"

/* The node of the recipe that an entry of `place:` or `ports:` names; NULL after a report. */
static const zloom_recipe_node_t *
s_node (const zloom_fleet_t *self, zloom_reader_t *reader, const zloom_tree_node_t *tree)
{
    const zloom_recipe_node_t *node = zloom_recipe_node (self->recipe, tree->key->text);
    if (!node) {
        zloom_suggest_t suggest = zloom_reader_suggest (reader, tree->key->text);
        for (size_t i = 0; i < zloom_recipe_node_count (self->recipe); i++) {
            zloom_suggest_offer (&suggest, zloom_recipe_node_at (self->recipe, i)->name);
        }
        zloom_reader_error (
          reader, "Z0602", tree->key, zloom_reader_did_you_mean (reader, &suggest),
          "recipe %s has no node '%.60s'", zloom_recipe_name (self->recipe), tree->key->text);
    }
    return node;
}

static void
s_read_place (zloom_fleet_t *self, zloom_reader_t *reader, const zloom_tree_node_t *tree)
{
    const zloom_recipe_node_t *node = s_node (self, reader, tree);
    if (!zloom_reader_is_short (reader, tree, tree->key->text) || !node) {
        return;
    }
    const zloom_fleet_host_t *host = zloom_fleet_host (self, tree->text);
    if (!host) {
        zloom_suggest_t suggest = zloom_reader_suggest (reader, tree->text);
        for (size_t i = 0; i < self->host_count; i++) {
            zloom_suggest_offer (&suggest, self->hosts[i].name);
        }
        zloom_reader_error (reader, "Z0604", tree, zloom_reader_did_you_mean (reader, &suggest),
                            "there is no host '%.60s'", tree->text);
    }
    self->places[self->place_count++] = (zloom_fleet_place_t){tree->key->text, host, tree};
}

/* What carries from a router runs beside it, unless it is placed elsewhere. */
static void
s_place_beside (zloom_fleet_t *self, const zloom_recipe_node_t *node, const zloom_tree_node_t *map)
{
    const zloom_fleet_host_t *host = zloom_fleet_place (self, node->of->name);
    if (host) {
        self->places[self->place_count++] =
          (zloom_fleet_place_t){node->name, host, zloom_tree_get (map, node->of->name)};
    }
}

static void
s_read_places (zloom_fleet_t *self, zloom_reader_t *reader, const zloom_tree_node_t *root)
{
    const zloom_tree_node_t *map =
      zloom_fleet_map (reader, root, "place", "as in {router: hub, charge: b}");
    const size_t most = (map ? map->count : 0) + zloom_recipe_node_count (self->recipe) + 1;
    self->places = zloom_pool_alloc (self->pool, most * sizeof *self->places);
    for (const zloom_tree_node_t *tree = map ? map->first : NULL; tree; tree = tree->next) {
        s_read_place (self, reader, tree);
    }
    /* Without a map that was said already, and once is enough. */
    for (size_t i = 0; map && i < zloom_recipe_node_count (self->recipe); i++) {
        const zloom_recipe_node_t *node = zloom_recipe_node_at (self->recipe, i);
        if (node->of && !node->kind->listens && !zloom_tree_get (map, node->name)) {
            s_place_beside (self, node, map);
        } else if (!zloom_tree_get (map, node->name)) {
            zloom_reader_error (reader, "Z0601", map->key,
                                zloom_pool_format (self->pool, "as in %s: HOST", node->name),
                                "%s '%s' is placed on no host", node->kind->name, node->name);
        }
    }
}

static void
s_read_ports (zloom_fleet_t *self, zloom_reader_t *reader, const zloom_tree_node_t *root)
{
    static const zloom_field_t field = {
      .name = "a port", .type = ZLOOM_FIELD_INT, .least = "1", .most = "65535"};
    const zloom_tree_node_t *map = zloom_fleet_map (reader, root, "ports", "as in {router: 7601}");
    self->ports = zloom_pool_alloc (self->pool, ((map ? map->count : 0) + 1) * sizeof *self->ports);
    for (const zloom_tree_node_t *tree = map ? map->first : NULL; tree; tree = tree->next) {
        const zloom_recipe_node_t *node = s_node (self, reader, tree);
        int64_t port = 0;
        if (node && (!node->kind->listens || node->of)) {
            zloom_reader_error (reader, "Z0602", tree->key, "name a router",
                                "%s '%s' listens for no other host", node->kind->name, node->name);
        } else if (node && zloom_reader_number (reader, &field, tree, &port)) {
            self->ports[self->port_count++] = (zloom_fleet_port_t){tree->key->text, port, tree};
        }
    }
}

/* ---- what follows from places --------------------------------------------------------------- */

static void
s_grant_flow (zloom_fleet_t *self, zloom_fleet_key_t *key, const zloom_recipe_flow_t *flow,
              unsigned rights)
{
    zloom_fleet_grant (key, zloom_pool_text (self->pool, flow->name, strlen (flow->name)), rights);
}

/* From the outbox here to the flow there. */
static void
s_grant_carrier (zloom_fleet_t *self, zloom_fleet_key_t *key, const zloom_recipe_node_t *node)
{
    for (size_t i = 0; i < zloom_recipe_flow_count (self->recipe); i++) {
        const zloom_recipe_flow_t *flow = zloom_recipe_flow_at (self->recipe, i);
        if (zloom_recipe_carries (self->recipe, node->of, flow)) {
            char *outbox = zloom_pool_format (self->pool, "%s@%s", flow->name, flow->via->name);
            zloom_fleet_grant (key, outbox, ZLOOM_FLEET_CONSUME);
            s_grant_flow (self, key, flow, ZLOOM_FLEET_PUBLISH);
        }
    }
}

/* What is heard at it. */
static void
s_grant_edge (zloom_fleet_t *self, zloom_fleet_key_t *key, const zloom_recipe_node_t *edge)
{
    for (size_t i = 0; i < zloom_recipe_flow_count (self->recipe); i++) {
        const zloom_recipe_flow_t *flow = zloom_recipe_flow_at (self->recipe, i);
        if (zloom_recipe_hears (flow, edge)) {
            s_grant_flow (self, key, flow, ZLOOM_FLEET_CONSUME);
        }
    }
}

/* A host's key may do what the nodes there do, and speak of their ends. */
static void
s_grant_places (zloom_fleet_t *self)
{
    for (size_t i = 0; i < self->place_count; i++) {
        const zloom_fleet_place_t *place = &self->places[i];
        const zloom_recipe_node_t *node = zloom_recipe_node (self->recipe, place->node);
        if (!place->host) {
            continue;
        }
        zloom_fleet_key_t *key = &self->keys[place->host->key - self->keys];
        const zloom_recipe_flow_t *flow;
        if (node->of && node->kind->listens) {
            s_grant_edge (self, key, node);
        } else if (node->of) {
            s_grant_carrier (self, key, node);
        }
        for (size_t j = 0; (flow = zloom_recipe_next_in (self->recipe, node, &j));) {
            s_grant_flow (self, key, flow, ZLOOM_FLEET_CONSUME);
        }
        for (size_t j = 0; (flow = zloom_recipe_next_out (self->recipe, node, &j));) {
            s_grant_flow (self, key, flow, ZLOOM_FLEET_PUBLISH);
        }
    }
    /* Also where nothing is placed now: its nodes of before may stand elsewhere. */
    for (size_t i = 0; i < self->key_count; i++) {
        if (self->keys[i].is_host) {
            zloom_fleet_grant (&self->keys[i], ZLOOM_FLEET_ALL, ZLOOM_FLEET_SUPERVISE);
        }
    }
}

static void
s_check_ports (const zloom_fleet_t *self, zloom_reader_t *reader, size_t at)
{
    const zloom_fleet_place_t *place = &self->places[at];
    for (size_t i = 0; i < at; i++) {
        const zloom_fleet_place_t *other = &self->places[i];
        const zloom_recipe_node_t *node = zloom_recipe_node (self->recipe, other->node);
        if (!other->host || !node->kind->listens || node->of) {
            continue;
        }
        const bool same_host =
          other->host == place->host || (other->host->address && place->host->address &&
                                         strcmp (other->host->address, place->host->address) == 0);
        if (same_host &&
            zloom_fleet_port (self, place->node) == zloom_fleet_port (self, other->node)) {
            zloom_reader_error (reader, "Z0607", place->tree,
                                zloom_pool_format (self->pool, "as in ports: {%s: %lld}",
                                                   place->node, (long long) place->host->port + 1),
                                "routers '%s' and '%s' would listen on one port, %lld", other->node,
                                place->node, (long long) zloom_fleet_port (self, place->node));
        }
    }
}

/* An edge serves its own host: it has no keys for others. */
static void
s_check_gate (const zloom_fleet_t *self, zloom_reader_t *reader, const zloom_fleet_place_t *place,
              const zloom_recipe_node_t *node)
{
    const zloom_recipe_node_t *gate = zloom_recipe_gate (self->recipe, node);
    const zloom_fleet_host_t *host =
      gate && gate->of && gate != node ? zloom_fleet_place (self, gate->name) : NULL;
    if (place->host && host && host != place->host) {
        zloom_reader_error (reader, "Z0608", place->tree, "place both on one host",
                            "'%s' runs on host '%s', and hears through edge '%s', which runs on "
                            "'%s'",
                            node->name, place->host->name, gate->name, host->name);
    }
}

static void
s_check_places (const zloom_fleet_t *self, zloom_reader_t *reader)
{
    for (size_t i = 0; i < self->place_count; i++) {
        const zloom_fleet_place_t *place = &self->places[i];
        const zloom_recipe_node_t *node = zloom_recipe_node (self->recipe, place->node);
        s_check_gate (self, reader, place, node);
        if (!place->host || !node->kind->listens || node->of) {
            continue;
        }
        if (!place->host->address && (self->host_count > 1 || self->key_count > 1)) {
            zloom_reader_error (reader, "Z0605", place->host->tree->key, "as in address: 10.0.0.1",
                                "%s '%s' runs on host '%s', which has no address to reach it at",
                                node->kind->name, node->name, place->host->name);
        }
        s_check_ports (self, reader, i);
    }
}

void
zloom_fleet_read_places (zloom_fleet_t *self, zloom_reader_t *reader, const zloom_tree_node_t *root)
{
    s_read_places (self, reader, root);
    s_read_ports (self, reader, root);
    s_check_places (self, reader);
    s_grant_places (self);
}
