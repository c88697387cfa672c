/* SPDX-License-Identifier: MPL-2.0 */
/* case_body.c - a body that is written as YAML, as the JSON text that it means. */
#include "recipe/case_read.h"

#include <ctype.h>
#include <string.h>

#include "base/tag.h"
#include "recipe/quote.h"

/* -1.5e3, as JSON writes numbers. */
static bool
s_is_number (const char *at)
{
    at += *at == '-';
    if (!isdigit ((unsigned char) *at) || (at[0] == '0' && isdigit ((unsigned char) at[1]))) {
        return false;
    }
    at += strspn (at, "0123456789");
    if (*at == '.') {
        size_t digits = strspn (at + 1, "0123456789");
        if (digits == 0) {
            return false;
        }
        at += 1 + digits;
    }
    if (*at == 'e' || *at == 'E') {
        at += 1 + (at[1] == '+' || at[1] == '-');
        size_t digits = strspn (at, "0123456789");
        if (digits == 0) {
            return false;
        }
        at += digits;
    }
    return *at == '\0';
}

/* Plain words that JSON has are JSON's; everything in quotes is a text. */
static void
s_scalar (const zloom_tree_node_t *node, zloom_buf_t *out)
{
    bool plain = node->style == ZLOOM_STYLE_PLAIN;
    const char *text = node->text;
    if (plain && (text[0] == '\0' || strcmp (text, "null") == 0 || strcmp (text, "~") == 0)) {
        zloom_buf_add_text (out, "null");
    } else if (plain &&
               (strcmp (text, "true") == 0 || strcmp (text, "false") == 0 || s_is_number (text))) {
        zloom_buf_add_text (out, text);
    } else {
        zloom_quote_json (out, text);
    }
}

/* Trees are at most ZLOOM_TREE_DEPTH_MAX deep. */
static void
s_json (const zloom_tree_node_t *node, zloom_buf_t *out) /* NOLINT(misc-no-recursion) */
{
    if (node->kind == ZLOOM_TREE_SCALAR) {
        s_scalar (node, out);
        return;
    }
    bool map = node->kind == ZLOOM_TREE_MAP;
    zloom_buf_add_text (out, map ? "{" : "[");
    for (const zloom_tree_node_t *child = node->first; child; child = child->next) {
        if (map) {
            zloom_quote_json (out, child->key->text);
            zloom_buf_add_text (out, ":");
        }
        s_json (child, out);
        zloom_buf_add_text (out, child->next ? "," : "");
    }
    zloom_buf_add_text (out, map ? "}" : "]");
}

static const zloom_tree_node_t *
s_find_secret (const zloom_tree_node_t *node) /* NOLINT(misc-no-recursion) */
{
    const zloom_tree_node_t *found = node->pieces ? node : NULL;
    for (const zloom_tree_node_t *child = node->first; child && !found; child = child->next) {
        found = s_find_secret (child);
    }
    return found;
}

bool
zloom_case_read_body (zloom_reader_t *reader, const zloom_tree_node_t *node,
                      zloom_case_body_t *body)
{
    if (!node) {
        return true;
    }
    const zloom_tree_node_t *secret = s_find_secret (node);
    if (secret) {
        zloom_reader_error (reader, "Z0215", secret, "a case needs no real one",
                            "'body' does not take a secret");
        return false;
    }
    if (node->kind == ZLOOM_TREE_SCALAR) {
        if (node->spoilt) {
            return false;
        }
        body->text = zloom_pool_text (reader->pool, node->text, strlen (node->text));
        return true;
    }
    zloom_buf_t out = {0};
    s_json (node, &out);
    body->text = zloom_pool_text (reader->pool, out.data, out.size);
    body->json = true;
    zloom_buf_fini (&out);
    return true;
}
