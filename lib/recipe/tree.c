/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/tag.h"
#include "recipe/pool.h"
#include "recipe/yaml.h"

#define TREE_TAG 0x73EE0001u
#define ERROR ZLOOM_SEVERITY_ERROR

struct zloom_tree {
    uint32_t tag;
    zloom_pool_t *pool;
    zloom_tree_node_t *root;
};

/* What is no text at all never reaches libfyaml. */
static bool
s_is_text (zloom_bytes_t text, int file, zloom_diags_t *diags)
{
    static const char hint[] = "save it as UTF-8 text";
    zloom_span_t at = {1, 1, 1, 2, file};
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if ((byte < ' ' && byte != '\n' && byte != '\r' && byte != '\t') || byte == 0x7F) {
            zloom_diags_add (diags, "Z0107", ERROR, at, hint, "not text: byte 0x%02x", byte);
            return false;
        }
        at.line += byte == '\n' ? 1 : 0;
        at.end_line = at.line;
    }
    at = zloom_span_top (file);
    for (size_t start = 0; start < text.size; at.end_line = ++at.line) {
        const uint8_t *line = text.data + start;
        const uint8_t *newline = memchr (line, '\n', text.size - start);
        size_t size = newline ? (size_t) (newline - line) + 1 : text.size - start;
        if (!zloom_bytes_is_utf8 (zloom_bytes (line, size))) {
            zloom_diags_add (diags, "Z0107", ERROR, at, hint, "not UTF-8 text");
            return false;
        }
        start += size;
    }
    return true;
}

zloom_err_t
zloom_tree_parse (zloom_bytes_t text, int file, zloom_diags_t *diags, zloom_tree_t **tree_p)
{
    zloom_assert (diags && tree_p);
    *tree_p = NULL;
    size_t errors = zloom_diags_errors (diags);
    if (text.size > ZLOOM_TREE_BYTES_MAX) {
        zloom_diags_add (diags, "Z0102", ERROR, (zloom_span_t){.file = file},
                         "keep data out of the recipe", "%zu bytes are over the limit of 1 MiB",
                         text.size);
        return zloom_fail (ZLOOM_RECIPE, "recipe is over 1 MiB");
    }
    if (!s_is_text (text, file, diags)) {
        return zloom_fail (ZLOOM_RECIPE, "recipe is not text");
    }
    zloom_tree_t *self = zloom_alloc (sizeof *self);
    self->tag = TREE_TAG;
    self->pool = zloom_pool_new ();
    self->root = zloom_yaml_parse (self->pool, text, file, diags);
    if (!self->root) {
        zloom_tree_destroy (&self);
    }
    *tree_p = self;
    return zloom_diags_errors (diags) > errors
             ? zloom_fail (ZLOOM_RECIPE, "recipe is not well-formed YAML")
             : ZLOOM_OK;
}

void
zloom_tree_destroy (zloom_tree_t **self_p)
{
    zloom_assert (self_p);
    zloom_tree_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, TREE_TAG);
    zloom_pool_destroy (&self->pool);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

zloom_tree_node_t *
zloom_tree_root (const zloom_tree_t *self)
{
    ZLOOM_CHECK (self, TREE_TAG);
    return self->root;
}

void
zloom_tree_replace (zloom_tree_t *self, zloom_tree_node_t *node, const char *text, const char *via)
{
    ZLOOM_CHECK (self, TREE_TAG);
    zloom_assert (node->kind == ZLOOM_TREE_SCALAR);
    node->written = node->written ? node->written : node->text;
    node->text = zloom_pool_text (self->pool, text, strlen (text));
    node->via = zloom_pool_text (self->pool, via, strlen (via));
}

const zloom_tree_node_t *
zloom_tree_get (const zloom_tree_node_t *map, const char *key)
{
    if (!map || map->kind != ZLOOM_TREE_MAP) {
        return NULL;
    }
    for (const zloom_tree_node_t *child = map->first; child; child = child->next) {
        if (strcmp (child->key->text, key) == 0) {
            return child;
        }
    }
    return NULL;
}

const zloom_tree_node_t *
zloom_tree_said (const zloom_tree_node_t *map, const char *key)
{
    const zloom_tree_node_t *node = zloom_tree_get (map, key);
    return node && !node->joined ? node : NULL;
}

const zloom_tree_node_t *
zloom_tree_find (const zloom_tree_node_t *map, const char *path)
{
    char key[64];
    while (map && *path) {
        size_t size = strcspn (path, ".");
        if (size >= sizeof key) {
            return NULL;
        }
        memcpy (key, path, size);
        key[size] = '\0';
        map = zloom_tree_get (map, key);
        path += size + (path[size] == '.' ? 1 : 0);
    }
    return map;
}

bool
zloom_tree_is_empty (const zloom_tree_node_t *node)
{
    return node->kind == ZLOOM_TREE_SCALAR && node->style == ZLOOM_STYLE_PLAIN && !node->written &&
           node->text[0] == '\0';
}

zloom_span_t
zloom_tree_span (const zloom_tree_node_t *node)
{
    if (!node) {
        return (zloom_span_t){.line = 0};
    }
    bool block = node->style == ZLOOM_STYLE_LITERAL || node->style == ZLOOM_STYLE_FOLDED;
    if (node->key && (node->kind != ZLOOM_TREE_SCALAR || block || zloom_tree_is_empty (node))) {
        return node->key->at;
    }
    return node->at;
}

zloom_span_t
zloom_tree_place (const zloom_tree_node_t *node, size_t offset)
{
    const bool block = node->style == ZLOOM_STYLE_LITERAL;
    if (node->kind != ZLOOM_TREE_SCALAR || node->written || node->style == ZLOOM_STYLE_FOLDED ||
        (!block && node->at.end_line > node->at.line)) {
        return zloom_tree_span (node);
    }
    zloom_span_t at = node->at;
    const bool quoted = node->style == ZLOOM_STYLE_SINGLE || node->style == ZLOOM_STYLE_DOUBLE;
    const char *doubled = node->style == ZLOOM_STYLE_SINGLE ? "'" : "\"\\\n\t\r";
    const int first = at.column;
    at.column += quoted ? 1 : 0;
    for (size_t i = 0; i < offset && node->text[i]; i++) {
        const char c = node->text[i];
        if (block && c == '\n') {
            at.line++;
            at.column = first;
        } else if (((unsigned char) c & 0xC0) != 0x80) { /* a character's first byte */
            at.column += quoted && strchr (doubled, c) ? 2 : 1;
        }
    }
    at.end_line = at.line;
    at.end_column = at.column + 1;
    return at;
}

const char *
zloom_tree_kind_text (const zloom_tree_node_t *node)
{
    static const char *const texts[] = {"a text", "a map", "a list"};
    if (node->kind != ZLOOM_TREE_SCALAR && node->count == 0) {
        return node->kind == ZLOOM_TREE_MAP ? "an empty map" : "an empty list";
    }
    return zloom_tree_is_empty (node) ? "nothing" : texts[node->kind];
}
