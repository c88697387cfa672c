/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/fragment.h"

#include <string.h>

const zloom_fragment_t *
zloom_fragments_at (const zloom_fragments_t *self, int number)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->items[i].number == number) {
            return &self->items[i];
        }
    }
    return NULL;
}

static const zloom_tree_node_t *
s_side (const zloom_fragment_t *fragment, zloom_side_t side)
{
    return side == ZLOOM_SIDE_NODES ? fragment->nodes : fragment->flows;
}

static bool
s_has (const zloom_fragment_t *fragment, zloom_side_t side, const char *name)
{
    return zloom_tree_get (s_side (fragment, side), name);
}

/* What stands behind the prefix of `name`; NULL when it does not begin with it. */
static const char *
s_behind (const char *prefix, const char *name)
{
    size_t size = strlen (prefix);
    return strncmp (name, prefix, size) == 0 ? name + size : NULL;
}

const char *
zloom_fragments_find (const zloom_fragments_t *self, const zloom_fragment_t *from,
                      zloom_side_t side, const char *name, zloom_pool_t *pool)
{
    for (; from; from = from->parent) {
        if (s_has (from, side, name)) {
            return from->prefix[0] ? zloom_pool_format (pool, "%s%s", from->prefix, name) : name;
        }
        /* What a fragment that is used here defines, by its name from here. */
        for (size_t i = 0; i < self->count; i++) {
            const zloom_fragment_t *other = &self->items[i];
            const char *inner = other == from ? NULL : s_behind (from->prefix, other->prefix);
            const char *local = inner ? s_behind (inner, name) : NULL;
            if (local && inner[0] && s_has (other, side, local)) {
                return zloom_pool_format (pool, "%s%s", other->prefix, local);
            }
        }
    }
    return NULL;
}

void
zloom_fragments_offer (const zloom_fragments_t *self, const zloom_fragment_t *from,
                       zloom_side_t side, zloom_suggest_t *suggest, zloom_pool_t *pool)
{
    for (; from; from = from->parent) {
        for (size_t i = 0; i < self->count; i++) {
            const zloom_fragment_t *other = &self->items[i];
            const char *inner = s_behind (from->prefix, other->prefix);
            const zloom_tree_node_t *map = inner ? s_side (other, side) : NULL;
            if (!map || (other != from && !inner[0])) {
                continue;
            }
            for (const zloom_tree_node_t *tree = map->first; tree; tree = tree->next) {
                const char *name = tree->key->text;
                zloom_suggest_offer (
                  suggest, inner[0] ? zloom_pool_format (pool, "%s%s", inner, name) : name);
            }
        }
    }
}

bool
zloom_fragments_failed (const zloom_fragments_t *self, const zloom_fragment_t *from,
                        const char *name)
{
    for (; from; from = from->parent) {
        for (size_t i = 0; i < self->count; i++) {
            const zloom_fragment_t *other = &self->items[i];
            const char *inner = s_behind (from->prefix, other->prefix);
            if (other->failed && inner && inner[0] && s_behind (inner, name)) {
                return true;
            }
        }
    }
    return false;
}
