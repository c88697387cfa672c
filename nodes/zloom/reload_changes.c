/* SPDX-License-Identifier: MPL-2.0 */
#include "reload_changes.h"

#include "patterns/node_config.h"
#include "recipe/registry.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* What becomes of a value that has changed. */
typedef enum {
    HOW_NOT,     /* only a new start takes it over */
    HOW_NOTHING, /* nobody who runs looks at it */
    HOW_ROUTER,  /* the router takes it over, and nodes that were noted */
    HOW_NODES,   /* those that were noted */
} s_how_t;

/* "nodes.charge.run": "charge" into `name`; what follows it, or NULL when it is not below `top`. */
static const char *
s_below (const char *path, const char *top, char name[ZLOOM_NAME_MAX + 1])
{
    const size_t size = strlen (top);
    if (strncmp (path, top, size) != 0 || path[size] != '.') {
        return NULL;
    }
    const char *at = path + size + 1;
    const size_t length = strcspn (at, ".");
    (void) snprintf (name, ZLOOM_NAME_MAX + 1, "%.*s", (int) length, at);
    return at[length] ? at + length + 1 : "";
}

/* What "flows.orders.pattern" says; NULL: nothing, there is no such flow. */
static const char *
s_word (const json_t *values, const char *top, const char *name, const char *key)
{
    char path[2 * ZLOOM_NAME_MAX + 32];
    (void) snprintf (path, sizeof path, "%s.%s.%s", top, name, key);
    return json_string_value (json_object_get (values, path));
}

static bool
s_is (const char *rest, const char *key)
{
    const size_t size = strlen (key);
    return strncmp (rest, key, size) == 0 && (rest[size] == 0 || strchr (".[", rest[size]));
}

static void
s_note (json_t *set, const char *name)
{
    json_object_set_new (set, name, json_true ());
}

/* ---- who hangs on a flow -------------------------------------------------------------------- */

/* The names in a value: "charge", "[shop, external]". */
static void
s_add_names (json_t *names, const char *text)
{
    while (*text) {
        size_t size = 0;
        while (isalnum ((unsigned char) text[size]) || text[size] == '-' || text[size] == '_') {
            size++;
        }
        if (size > 0 && size <= ZLOOM_NAME_MAX) {
            char name[ZLOOM_NAME_MAX + 1];
            (void) snprintf (name, sizeof name, "%.*s", (int) size, text);
            s_note (names, name);
        }
        text += size + (text[size] ? 1 : 0);
    }
}

/* Everybody who sends to the flow ("from") or takes from it ("to") by these values. */
static json_t *
s_ends (json_t *values, const char *flow, const char *side)
{
    json_t *names = json_object ();
    const char *path = NULL;
    json_t *value = NULL;
    json_object_foreach (values, path, value)
    {
        char name[ZLOOM_NAME_MAX + 1];
        const char *rest = s_below (path, "flows", name);
        if (!rest || strcmp (name, flow) != 0 || !s_is (rest, side)) {
            continue;
        }
        if (s_below (rest, side, name)) { /* to: {charge: {…}}: the name stands in the path */
            s_note (names, name);
        } else if (json_is_string (value)) {
            s_add_names (names, json_string_value (value));
        }
    }
    return names;
}

/* Those who stand in only one of the two have to be started again to know. */
static void
s_note_only (zloom_changes_t *self, json_t *one, json_t *other)
{
    const char *name = NULL;
    json_t *unused = NULL;
    json_object_foreach (one, name, unused)
    {
        if (!json_object_get (other, name)) {
            s_note (self->again, name);
        }
    }
}

static void
s_rewire (zloom_changes_t *self, const char *flow, const char *side)
{
    json_t *were = s_ends (self->old, flow, side);
    json_t *are = s_ends (self->new, flow, side);
    s_note_only (self, were, are);
    s_note_only (self, are, were);
    json_decref (were);
    json_decref (are);
}

/* An edge has of a flow who hears it there, and how. */
static void
s_note_edge (zloom_changes_t *self, const json_t *values, const char *flow, const char *taker)
{
    char key[ZLOOM_NAME_MAX + 16];
    (void) snprintf (key, sizeof key, "to.%s.through", taker);
    const char *edge = s_word (values, "flows", flow, key);
    if (edge) {
        s_note (self->again, edge);
    }
}

/* Its memory for slow ones is a part of what the flow may have: each edge that hears it. */
static void
s_note_edges (zloom_changes_t *self, const zloom_recipe_t *recipe, const char *name)
{
    const zloom_recipe_flow_t *flow = zloom_recipe_flow (recipe, name);
    for (size_t i = 0; flow && i < flow->to_count; i++) {
        if (flow->to[i].through) {
            s_note (self->again, flow->to[i].through->name);
        }
    }
}

/* ---- what is carried between routers -------------------------------------------------------- */

/* The router that a flow lives on; "": there is one only. */
static const char *
s_via (const json_t *values, const char *flow)
{
    const char *via = s_word (values, "flows", flow, "via");
    return via ? via : "";
}

/* Takers, each with the router that it comes to. */
static json_t *
s_homes (json_t *values)
{
    json_t *homes = json_object ();
    const char *path = NULL;
    json_t *value = NULL;
    json_object_foreach (values, path, value)
    {
        char flow[ZLOOM_NAME_MAX + 1];
        const char *rest = s_below (path, "flows", flow);
        if (!rest || strcmp (rest, "pattern") != 0) {
            continue;
        }
        json_t *takers = s_ends (values, flow, "to");
        const char *name = NULL;
        json_t *unused = NULL;
        json_object_foreach (takers, name, unused)
        {
            json_object_set_new (homes, name, json_string (s_via (values, flow)));
        }
        json_decref (takers);
    }
    json_object_del (homes, "external"); /* programs come wherever they like */
    return homes;
}

/* Flows that are carried away from this router: as zloom_recipe_carries () has it. */
static json_t *
s_carried (json_t *values, const char *router)
{
    json_t *carried = json_object ();
    json_t *homes = s_homes (values);
    const char *path = NULL;
    json_t *value = NULL;
    json_object_foreach (values, path, value)
    {
        char flow[ZLOOM_NAME_MAX + 1];
        const char *rest = s_below (path, "flows", flow);
        if (!rest || strcmp (rest, "pattern") != 0 || strcmp (s_via (values, flow), router) == 0) {
            continue;
        }
        const char *mirror = s_word (values, "flows", flow, "mirror.from");
        bool away = mirror && strcmp (mirror, router) == 0;
        json_t *senders = s_ends (values, flow, "from");
        const char *name = NULL;
        json_t *unused = NULL;
        json_object_foreach (senders, name, unused)
        {
            const char *home = json_string_value (json_object_get (homes, name));
            away = away || (home && strcmp (home, router) == 0);
        }
        json_decref (senders);
        if (away) {
            s_note (carried, flow);
        }
    }
    json_decref (homes);
    return carried;
}

/* A bridge knows what it carries from its start. `unsure`: what it was told last was another. */
static void
s_note_carriers (zloom_changes_t *self, const zloom_recipe_t *recipe, bool unsure)
{
    for (size_t i = 0; i < zloom_recipe_node_count (recipe); i++) {
        const zloom_recipe_node_t *node = zloom_recipe_node_at (recipe, i);
        if (!node->of || node->kind->listens || !s_word (self->old, "nodes", node->name, "kind")) {
            continue;
        }
        json_t *were = s_carried (self->old, node->of->name);
        json_t *are = s_carried (self->new, node->of->name);
        if (unsure || !json_equal (were, are)) {
            s_note (self->again, node->name);
        }
        json_decref (were);
        json_decref (are);
    }
}

/* ---- what becomes of it --------------------------------------------------------------------- */

static s_how_t
s_how_flow (zloom_changes_t *self, const zloom_recipe_t *recipe, const char *name, const char *rest)
{
    static const char *const fixed[] = {"pattern", "confirm",  "key", "weights",
                                        "dedup",   "priority", "via", "mirror"};
    const bool was = s_word (self->old, "flows", name, "pattern") != NULL;
    const bool is = s_word (self->new, "flows", name, "pattern") != NULL;
    if (was && is && s_is (rest, "allow")) {
        return HOW_NOTHING;
    }
    for (size_t i = 0; was && is && i < sizeof fixed / sizeof *fixed; i++) {
        if (s_is (rest, fixed[i])) {
            return HOW_NOT;
        }
    }
    s_rewire (self, name, "from");
    s_rewire (self, name, "to");
    char taker[ZLOOM_NAME_MAX + 1];
    if (s_below (rest, "to", taker)) {
        s_note (self->again, taker);
        s_note_edge (self, self->old, name, taker);
        s_note_edge (self, self->new, name, taker);
    }
    if (s_is (rest, "limit.bytes")) {
        s_note_edges (self, recipe, name);
    }
    return HOW_ROUTER;
}

static s_how_t
s_how_node (zloom_changes_t *self, const zloom_recipe_t *recipe, const char *name, const char *rest)
{
    const char *was = s_word (self->old, "nodes", name, "kind");
    const char *is = s_word (self->new, "nodes", name, "kind");
    const zloom_recipe_node_t *node = zloom_recipe_node (recipe, name);
    if (was && is && s_is (rest, "allow")) {
        return HOW_NOTHING;
    }
    if ((was && strcmp (was, "router") == 0) || (is && strcmp (is, "router") == 0)) {
        return HOW_NOT;
    }
    if (!is || !node) {
        s_note (self->removed, name);
    } else if (!was) {
        s_note (self->added, name);
    } else if (strcmp (was, is) != 0 || s_is (rest, "restart")) {
        return HOW_NOT;
    } else if (s_is (rest, "replicas")) {
        const int64_t replicas = ((const zloom_worker_config_t *) node->config)->replicas;
        json_object_set_new (self->replicas, name, json_integer (replicas));
    } else {
        s_note (self->again, name);
    }
    return HOW_NODES;
}

static s_how_t
s_how (zloom_changes_t *self, const zloom_recipe_t *recipe, const char *path)
{
    char name[ZLOOM_NAME_MAX + 1];
    const char *rest = s_below (path, "flows", name);
    if (rest) {
        return s_how_flow (self, recipe, name, rest);
    }
    rest = s_below (path, "nodes", name);
    if (rest) {
        return s_how_node (self, recipe, name, rest);
    }
    /* Params stand in the values that they gave, and `allow` is for lint. */
    return s_is (path, "params") || s_is (path, "tests") || s_is (path, "allow") ? HOW_NOTHING
                                                                                 : HOW_NOT;
}

static const char *
s_value (const json_t *values, const char *path)
{
    const char *text = json_string_value (json_object_get (values, path));
    return text ? text : "-";
}

static void
s_change (zloom_changes_t *self, const zloom_recipe_t *recipe, const char *path)
{
    const s_how_t how = s_how (self, recipe, path);
    json_array_append_new (self->changed, json_string (path));
    self->router = self->router || how == HOW_ROUTER;
    if (how == HOW_NOT && ++self->refused_count <= ZLOOM_CHANGES_SHOWN) {
        const bool part = json_object_get (self->open, path) != NULL;
        zloom_buf_printf (&self->refused, "\n  %s: %s%s → %s", path, s_value (self->old, path),
                          part ? " (in part already another)" : "", s_value (self->new, path));
    }
}

/* ---- all of them ---------------------------------------------------------------------------- */

static void
s_compare (zloom_changes_t *self, const zloom_recipe_t *recipe)
{
    const char *path = NULL;
    json_t *value = NULL;
    json_object_foreach (self->new, path, value)
    {
        if (!json_equal (value, json_object_get (self->old, path)) ||
            json_object_get (self->open, path)) {
            s_change (self, recipe, path);
        }
    }
    json_object_foreach (self->open, path, value)
    {
        if (!json_object_get (self->new, path) && !json_object_get (self->old, path)) {
            s_change (self, recipe, path);
        }
    }
    json_object_foreach (self->old, path, value)
    {
        if (!json_object_get (self->new, path)) {
            s_change (self, recipe, path);
        }
    }
}

void
zloom_changes_find (zloom_changes_t *self, const zloom_recipe_t *recipe)
{
    s_compare (self, recipe);
    s_note_carriers (self, recipe, json_object_size (self->open) > 0);
    /* What comes or goes is not started again. */
    json_t *const others[] = {self->added, self->removed};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const char *name = NULL;
        json_t *unused = NULL;
        json_object_foreach (others[i], name, unused)
        {
            json_object_del (self->again, name);
        }
    }
}

bool
zloom_changes_is_durable (const char *path, const json_t *values, char flow[ZLOOM_NAME_MAX + 1],
                          char node[ZLOOM_NAME_MAX + 1])
{
    const char *rest = s_below (path, "flows", flow);
    rest = rest ? s_below (rest, "to", node) : NULL;
    return rest && strcmp (rest, "durable") == 0 && strcmp (s_value (values, path), "true") == 0;
}

void
zloom_changes_init (zloom_changes_t *self)
{
    *self = (zloom_changes_t){.open = json_object (),
                              .changed = json_array (),
                              .again = json_object (),
                              .added = json_object (),
                              .removed = json_object (),
                              .replicas = json_object ()};
}

void
zloom_changes_fini (zloom_changes_t *self)
{
    zloom_buf_fini (&self->refused);
    json_decref (self->old);
    json_decref (self->new);
    json_decref (self->open);
    json_decref (self->again);
    json_decref (self->added);
    json_decref (self->removed);
    json_decref (self->replicas);
}
