/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/yaml.h"

#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/tag.h"
#include "recipe/syntax.h"

#define ERROR ZLOOM_SEVERITY_ERROR

/* One open map or list. */
typedef struct {
    zloom_tree_node_t *node;
    zloom_tree_node_t *last;
    zloom_tree_node_t *key; /* a map's key that waits for its value */
    zloom_map_t *seen;      /* a map's keys so far */
} level_t;

typedef struct {
    zloom_pool_t *pool;
    zloom_tree_node_t *root;
    zloom_diags_t *diags;
    int file;
    const char *source;
    size_t source_size;
    level_t levels[ZLOOM_TREE_DEPTH_MAX];
    size_t depth;
    size_t nodes;
    size_t documents;
    bool second; /* a second document has begun, and nothing tells where: `...` does it */
    bool failed; /* no tree can come of it */
} builder_t;

/* ---- events to nodes ----------------------------------------------------------------------- */

static zloom_span_t
s_span (struct fy_token *token)
{
    const struct fy_mark *start = token ? fy_token_start_mark (token) : NULL;
    const struct fy_mark *end = token ? fy_token_end_mark (token) : NULL;
    if (!start || !end) {
        return (zloom_span_t){.line = 0};
    }
    return (zloom_span_t){start->line + 1, start->column + 1, end->line + 1, end->column + 1, 0};
}

/* The mark of an anchor or alias stands behind its & or *. */
static zloom_span_t
s_mark_span (struct fy_token *token)
{
    zloom_span_t at = s_span (token);
    at.column -= at.column > 1 ? 1 : 0;
    return at;
}

static void
s_fail (builder_t *self, const char *code, zloom_span_t at, const char *hint, const char *message)
{
    at.file = self->file;
    zloom_diags_add (self->diags, code, ERROR, at, hint, "%s", message);
    self->failed = true;
}

static void
s_second (builder_t *self, zloom_span_t at)
{
    s_fail (self, "Z0108", at, "put the second one into a file of its own",
            "a second document begins here; a recipe is one");
}

/* Attach a node to the level that is open; a duplicate key's value is dropped, with an error. */
static void
s_attach (builder_t *self, zloom_tree_node_t *node)
{
    if (self->depth == 0) {
        self->root = self->root ? self->root : node;
        return;
    }
    level_t *level = &self->levels[self->depth - 1];
    if (level->node->kind == ZLOOM_TREE_MAP) {
        node->key = level->key;
        level->key = NULL;
        zloom_bytes_t name = zloom_bytes_text (node->key->text);
        const zloom_tree_node_t *first = zloom_map_get (level->seen, name);
        if (first) {
            zloom_diags_add (
              self->diags, "Z0105", ERROR, node->key->at, "keep one of the two: a key counts once",
              "'%s' stands here twice, first in line %d", node->key->text, first->key->at.line);
            return;
        }
        zloom_map_put (level->seen, name, node);
    }
    if (level->last) {
        level->last->next = node;
    } else {
        level->node->first = node;
    }
    level->last = node;
    level->node->count++;
}

static zloom_tree_node_t *
s_new_node (builder_t *self, zloom_tree_kind_t kind, struct fy_token *token)
{
    zloom_tree_node_t *node = zloom_pool_alloc (self->pool, sizeof *node);
    node->kind = kind;
    node->at = s_span (token);
    node->at.file = self->file;
    if (self->second) {
        s_second (self, node->at);
    }
    if (++self->nodes > ZLOOM_TREE_NODES_MAX) {
        s_fail (self, "Z0104", node->at, "a recipe is written by people; generate several",
                "more than 100000 values");
    }
    return node;
}

static bool
s_waits_for_key (const builder_t *self)
{
    if (self->depth == 0) {
        return false;
    }
    const level_t *level = &self->levels[self->depth - 1];
    return level->node->kind == ZLOOM_TREE_MAP && !level->key;
}

static void
s_on_extras (builder_t *self, struct fy_token *anchor, struct fy_token *tag)
{
    if (anchor) {
        s_fail (self, "Z0106", s_mark_span (anchor),
                "repeat the value, or use a param; quote a text that begins with '&'",
                "anchors (&name) are not used in recipes");
    }
    if (tag) {
        s_fail (self, "Z0106", s_span (tag),
                "leave it out: each field knows its type; quote a text that begins with '!'",
                "tags (!name) are not used in recipes");
    }
}

static void
s_on_start (builder_t *self, zloom_tree_kind_t kind, struct fy_token *token)
{
    zloom_tree_node_t *node = s_new_node (self, kind, token);
    if (s_waits_for_key (self)) {
        s_fail (self, "Z0107", node->at, "quote a text that begins with '[' or '{' or '?'",
                "a key is one word, not a list or a map");
        return;
    }
    if (self->depth == ZLOOM_TREE_DEPTH_MAX) {
        s_fail (self, "Z0103", node->at, "no recipe needs that: look for a bracket too many",
                "nested more than 64 deep");
        return;
    }
    s_attach (self, node);
    self->levels[self->depth++] = (level_t){
      .node = node,
      .seen = kind == ZLOOM_TREE_MAP ? zloom_map_new () : NULL,
    };
}

static void
s_on_end (builder_t *self)
{
    zloom_assert (self->depth > 0);
    level_t *level = &self->levels[--self->depth];
    zloom_map_destroy (&level->seen);
}

static zloom_tree_style_t
s_style (struct fy_token *token)
{
    switch (fy_token_scalar_style (token)) {
    case FYSS_SINGLE_QUOTED:
        return ZLOOM_STYLE_SINGLE;
    case FYSS_DOUBLE_QUOTED:
        return ZLOOM_STYLE_DOUBLE;
    case FYSS_LITERAL:
        return ZLOOM_STYLE_LITERAL;
    case FYSS_FOLDED:
        return ZLOOM_STYLE_FOLDED;
    default:
        return ZLOOM_STYLE_PLAIN;
    }
}

/* How far the block that begins at `mark` is indented: as its first line that is not empty. */
static int
s_indentation (const builder_t *self, const struct fy_mark *mark)
{
    size_t at = mark && mark->input_pos < self->source_size ? mark->input_pos : self->source_size;
    size_t line = at - (mark ? (size_t) mark->column : 0);
    for (at = line; at < self->source_size && strchr (" \n", self->source[at]); at++) {
        line = self->source[at] == '\n' ? at + 1 : line;
    }
    return (int) (at - line);
}

static void
s_on_scalar (builder_t *self, struct fy_token *token)
{
    size_t size = 0;
    const char *text = fy_token_get_text (token, &size);
    zloom_tree_node_t *node = s_new_node (self, ZLOOM_TREE_SCALAR, token);
    node->style = s_style (token);
    node->text = zloom_pool_text (self->pool, text ? text : "", text ? size : 0);
    if (node->style == ZLOOM_STYLE_SINGLE || node->style == ZLOOM_STYLE_DOUBLE) {
        node->at.column--; /* the marks stand inside the quotes */
        node->at.end_column++;
    } else if (node->style == ZLOOM_STYLE_LITERAL) {
        /* A first line that is indented more than the block has the rest in its text. */
        const size_t more = strspn (node->text + strspn (node->text, "\n"), " ");
        node->at.column = s_indentation (self, fy_token_start_mark (token)) + 1 - (int) more;
    }
    if (strlen (node->text) != size) {
        s_fail (self, "Z0107", node->at, "leave out the \\0", "a text with a NUL byte inside");
        return;
    }
    if (!s_waits_for_key (self)) {
        s_attach (self, node);
        return;
    }
    self->levels[self->depth - 1].key = node;
    if (strcmp (node->text, "<<") == 0 && node->style == ZLOOM_STYLE_PLAIN) {
        s_fail (self, "Z0106", node->at, "write the keys out",
                "merge keys (<<) are not used in recipes");
    } else if (node->at.line != node->at.end_line || size == 0) {
        s_fail (self, "Z0107", node->at, "a key is one word in front of a colon",
                size == 0 ? "a value without a key" : "a key that goes over several lines");
    }
}

static void
s_on_event (builder_t *self, struct fy_event *event)
{
    switch (event->type) {
    case FYET_DOCUMENT_START:
        self->second = ++self->documents > 1;
        if (self->second && event->document_start.document_start) {
            s_second (self, s_span (event->document_start.document_start));
        }
        break;
    case FYET_MAPPING_START:
        s_on_extras (self, event->mapping_start.anchor, event->mapping_start.tag);
        s_on_start (self, ZLOOM_TREE_MAP, event->mapping_start.mapping_start);
        break;
    case FYET_SEQUENCE_START:
        s_on_extras (self, event->sequence_start.anchor, event->sequence_start.tag);
        s_on_start (self, ZLOOM_TREE_LIST, event->sequence_start.sequence_start);
        break;
    case FYET_SCALAR:
        s_on_extras (self, event->scalar.anchor, event->scalar.tag);
        s_on_scalar (self, event->scalar.value);
        break;
    case FYET_ALIAS:
        s_fail (self, "Z0106", s_mark_span (event->alias.anchor),
                "repeat the value, or use a param; quote a text that begins with '*'",
                "aliases (*name) are not used in recipes");
        break;
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        s_on_end (self);
        break;
    default: /* ends of documents and of the stream say nothing */
        break;
    }
}

/* ---- libfyaml's own errors ----------------------------------------------------------------- */

static void
s_take_errors (builder_t *self, struct fy_diag *diag)
{
    void *cursor = NULL;
    struct fy_diag_error *error;
    const zloom_bytes_t source = zloom_bytes (self->source, self->source_size);
    bool any = false;
    while ((error = fy_diag_errors_iterate (diag, &cursor))) {
        zloom_span_t at = {error->line, error->column, error->line, error->column + 1, self->file};
        const char *message = error->msg ? error->msg : "not YAML";
        zloom_diags_add (self->diags, "Z0101", ERROR, at, zloom_syntax_hint (source, at, message),
                         "not YAML: %s", message);
        any = true;
    }
    if (!any && !self->failed) {
        s_fail (self, "Z0101", zloom_span_top (self->file), NULL, "not YAML");
    }
    self->failed = true;
}

/* A parser over the text, and where its errors are collected. */
static struct fy_parser *
s_open_parser (zloom_bytes_t text, struct fy_diag **diag_p)
{
    struct fy_diag_cfg diag_config;
    fy_diag_cfg_default (&diag_config);
    diag_config.fp = NULL;
    struct fy_diag *diag = fy_diag_create (&diag_config);
    if (!diag) {
        zloom_out_of_memory ("a YAML parser");
    }
    fy_diag_set_collect_errors (diag, true);
    struct fy_parse_cfg config = {
      .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE | FYPCF_DEFAULT_VERSION_1_2,
      .diag = diag,
    };
    struct fy_parser *parser = fy_parser_create (&config);
    if (!parser || fy_parser_set_string (parser, (const char *) text.data, text.size) != 0) {
        zloom_out_of_memory ("a YAML parser");
    }
    *diag_p = diag;
    return parser;
}

static void
s_close_parser (struct fy_parser *parser, struct fy_diag *diag)
{
    fy_parser_destroy (parser);
    fy_diag_destroy (diag);
}

/* What was read, in short: the kinds of its parts, the texts in it, and whether it has an end. */
typedef struct {
    uint32_t crc;
    bool end;
} reading_t;

static void
s_note (reading_t *reading, const struct fy_event *event)
{
    const uint8_t type = (uint8_t) event->type;
    size_t size = 0;
    const char *text =
      event->type == FYET_SCALAR ? fy_token_get_text (event->scalar.value, &size) : NULL;
    reading->crc = zloom_crc32c (reading->crc, &type, sizeof type);
    reading->crc = zloom_crc32c (reading->crc, &size, sizeof size);
    reading->crc = text ? zloom_crc32c (reading->crc, text, size) : reading->crc;
    reading->end = event->type == FYET_STREAM_END;
}

/* Read to the end, or to libfyaml's first error; each event goes to the builder if there is one. */
static reading_t
s_read (struct fy_parser *parser, builder_t *builder)
{
    reading_t reading = {0};
    struct fy_event *event;
    while (!reading.end && (event = fy_parser_parse (parser))) {
        s_note (&reading, event);
        if (builder && !builder->failed) {
            s_on_event (builder, event);
        }
        fy_parser_event_free (parser, event);
    }
    reading.end = reading.end && !fy_parser_get_stream_error (parser);
    return reading;
}

/*
 * libfyaml does not tell a want of memory from a mistake in the text, and may leave out a value. So
 * the text is read twice: what is not the same both times is no mistake.
 */
static void
s_run_parser (builder_t *self)
{
    const zloom_bytes_t text = zloom_bytes (self->source, self->source_size);
    struct fy_diag *diag;
    struct fy_parser *parser = s_open_parser (text, &diag);
    const reading_t first = s_read (parser, NULL);
    s_close_parser (parser, diag);
    parser = s_open_parser (text, &diag);
    const reading_t second = s_read (parser, self);
    if (first.crc != second.crc || first.end != second.end) {
        zloom_out_of_memory ("reading YAML");
    }
    if (!self->failed && !second.end) {
        s_take_errors (self, diag);
    }
    s_close_parser (parser, diag);
}

zloom_tree_node_t *
zloom_yaml_parse (zloom_pool_t *pool, zloom_bytes_t text, int file, zloom_diags_t *diags)
{
    builder_t *builder = zloom_alloc (sizeof *builder);
    builder->pool = pool;
    builder->diags = diags;
    builder->file = file;
    builder->source = zloom_pool_text (pool, text.data, text.size);
    builder->source_size = text.size;
    s_run_parser (builder);
    while (builder->depth > 0) {
        s_on_end (builder);
    }
    if (!builder->failed && (!builder->root || zloom_tree_is_empty (builder->root))) {
        s_fail (builder, "Z0109", zloom_span_top (file),
                "begin with 'zloom: 1', 'name: …', then nodes and flows", "the recipe is empty");
    }
    zloom_tree_node_t *root = builder->failed ? NULL : builder->root;
    free (builder);
    return root;
}
