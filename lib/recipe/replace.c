/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/replace.h"

#include <stdlib.h>
#include <string.h>

#include "base/tag.h"

/* A value grows at most to this by replacing. */
#define EXPANDED_MAX 65536

/* One scalar on its way. */
typedef struct {
    const zloom_replace_t *replace;
    const zloom_tree_node_t *node;
    zloom_buf_t text;
    zloom_buf_t via;
    size_t piece_at; /* the text up to here is in pieces */
    zloom_tree_piece_t *pieces;
    zloom_tree_piece_t **last;
} value_t;

static void
s_add_piece (value_t *self, const char *text, size_t size, const char *secret)
{
    zloom_pool_t *pool = self->replace->reader->pool;
    zloom_tree_piece_t *piece = zloom_pool_alloc (pool, sizeof *piece);
    piece->text = zloom_pool_text (pool, text, size);
    piece->secret = secret;
    *self->last = piece;
    self->last = &piece->next;
}

/* What stands behind the last secret, as a piece of its own. */
static void
s_cut_piece (value_t *self)
{
    const char *text = zloom_buf_text (&self->text);
    if (self->text.size > self->piece_at) {
        s_add_piece (self, text + self->piece_at, self->text.size - self->piece_at, NULL);
    }
    self->piece_at = self->text.size;
}

static void
s_add_via (value_t *self, const char *via)
{
    zloom_buf_printf (&self->via, "%s%s", self->via.size ? ", " : "", via);
}

/* ---- by kind of name ----------------------------------------------------------------------- */

static bool
s_add_text (value_t *self, const char *name, const char *text)
{
    if (!text) {
        return false;
    }
    if (self->text.size + strlen (text) > EXPANDED_MAX ||
        !zloom_bytes_is_utf8 (zloom_bytes_text (text))) {
        zloom_reader_error (self->replace->reader, "Z0211", self->node, NULL,
                            "'${%.60s}' is not text, or makes a value over 64 KiB", name);
        return false;
    }
    zloom_buf_add_text (&self->text, text);
    return true;
}

static bool
s_add_param (value_t *self, const char *name)
{
    zloom_params_t *params = self->replace->params;
    if (!params) {
        zloom_reader_error (self->replace->reader, "Z0211", self->node,
                            "write ${env.NAME} or a plain value",
                            "a param does not stand in other params");
        return false;
    }
    const char *via = "";
    const char *value = zloom_params_value (params, self->node, name + strlen ("param."), &via);
    if (!s_add_text (self, name, value)) {
        return false;
    }
    s_add_via (self, via);
    return true;
}

static bool
s_add_environment (value_t *self, char *name)
{
    zloom_pool_t *pool = self->replace->reader->pool;
    char *other = strstr (name, ":-");
    if (other) {
        *other = '\0';
        other += 2;
    }
    const char *variable = name + strlen ("env.");
    const char *value = getenv (variable);
    bool unset = !value || (other && value[0] == '\0');
    if (unset && !other) {
        zloom_reader_error (self->replace->reader, "Z0211", self->node,
                            "give it a default: ${env.NAME:-text}",
                            "the environment has no '%.60s'", variable);
    }
    if (!s_add_text (self, name, unset ? other : value)) {
        return false;
    }
    s_add_via (self, zloom_pool_format (pool, "env %s%s", variable, unset ? ", not set" : ""));
    return true;
}

static bool
s_add_secret (value_t *self, const char *name)
{
    const zloom_reader_t *reader = self->replace->reader;
    const char *secret = name + strlen ("secret.");
    if (!self->replace->params) {
        zloom_reader_error (self->replace->reader, "Z0215", self->node,
                            "write ${secret.name} where it is needed",
                            "a param cannot be a secret");
        return false;
    }
    if (!reader->secrets || !zloom_secrets_use (reader->secrets, self->node, secret)) {
        return false;
    }
    s_cut_piece (self);
    zloom_buf_printf (&self->text, "${%s}", name);
    s_add_piece (self, "", 0, secret);
    self->piece_at = self->text.size;
    s_add_via (self, zloom_pool_format (reader->pool, "secret %s", secret));
    return true;
}

static bool
s_add_name (value_t *self, char *name)
{
    if (strncmp (name, "param.", 6) == 0) {
        return s_add_param (self, name);
    }
    if (strncmp (name, "env.", 4) == 0 && name[4] != '\0') {
        return s_add_environment (self, name);
    }
    if (strncmp (name, "secret.", 7) == 0) {
        return s_add_secret (self, name);
    }
    zloom_reader_error (
      self->replace->reader, "Z0211", self->node,
      "write ${param.name}, ${env.NAME:-default} or ${secret.name}; $${ is a plain ${",
      "'${%.60s}' stands for nothing", name);
    return false;
}

/* ---- scalars ------------------------------------------------------------------------------- */

static bool
s_add_all (value_t *self)
{
    const char *at = self->node->text;
    const char *dollar;
    while ((dollar = strstr (at, "${"))) {
        bool literal = dollar > at && dollar[-1] == '$';
        const char *end = literal ? dollar + 1 : strchr (dollar, '}');
        zloom_buf_add (&self->text, at, (size_t) (dollar - at) - (literal ? 1 : 0));
        if (!end) {
            zloom_reader_error (self->replace->reader, "Z0211", self->node, "$${ is a plain ${",
                                "'${' without a '}'");
            return false;
        }
        at = end + 1;
        if (literal) {
            zloom_buf_add_text (&self->text, "${");
            continue;
        }
        size_t size = (size_t) (end - dollar) - 2;
        if (!s_add_name (self, zloom_pool_text (self->replace->reader->pool, dollar + 2, size))) {
            return false;
        }
    }
    zloom_buf_add_text (&self->text, at);
    return true;
}

static void
s_replace (const zloom_replace_t *self, zloom_tree_node_t *node)
{
    value_t value = {.replace = self, .node = node};
    value.last = &value.pieces;
    if (s_add_all (&value)) {
        if (value.pieces) {
            s_cut_piece (&value);
        }
        node->pieces = value.pieces;
        zloom_tree_replace (self->tree, node, zloom_buf_text (&value.text),
                            zloom_buf_text (&value.via));
    } else {
        node->spoilt = true;
    }
    zloom_buf_fini (&value.text);
    zloom_buf_fini (&value.via);
}

void
zloom_replace_below (const zloom_replace_t *self, zloom_tree_node_t *node)
{
    zloom_assert (self && node);
    if (node->key && strncmp (node->key->text, "x-", 2) == 0) {
        return;
    }
    if (node->key && strstr (node->key->text, "${")) {
        zloom_reader_error (self->reader, "Z0211", node->key, NULL,
                            "${…} is replaced in values only, not in keys");
    }
    if (node->kind == ZLOOM_TREE_SCALAR && strstr (node->text, "${")) {
        s_replace (self, node);
    }
    for (zloom_tree_node_t *child = node->first; child; child = child->next) {
        zloom_replace_below (self, child);
    }
}
