/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/secrets.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/tag.h"
#include "recipe/file.h"
#include "recipe/quote.h"

/* Where a secret comes from; exactly one of the two. */
typedef struct {
    const char *file; /* absolute */
    const char *env;
} origin_t;

typedef struct {
    const char *name;
    const zloom_tree_node_t *tree;
    origin_t origin;
    bool used;
    bool wrong; /* has been reported: say no more */
} secret_t;

/* A text that waits for its secrets. */
typedef struct slot {
    struct slot *next;
    const char *owner;
    const char **text;
    const zloom_tree_piece_t *pieces;
} slot_t;

struct zloom_secrets {
    zloom_reader_t *reader;
    secret_t *items;
    size_t count;
    slot_t *slots;
};

/* What is wrong with the name of a variable, NULL when it is fine. */
static const char *
s_check_variable (const char *text)
{
    return strchr (text, '=') ? "has a '=' in it" : NULL;
}

#define ZLOOM_STRUCT origin_t
static const zloom_field_t s_fields[] = {
#include "recipe/secret.def"
};
#undef ZLOOM_STRUCT

zloom_field_table_t
zloom_secrets_fields (void)
{
    return (zloom_field_table_t){s_fields, ZLOOM_COUNT (s_fields)};
}

/* ---- what there is ------------------------------------------------------------------------- */

zloom_secrets_t *
zloom_secrets_new (zloom_reader_t *reader, const zloom_tree_node_t *root)
{
    zloom_secrets_t *self = zloom_pool_alloc (reader->pool, sizeof *self);
    self->reader = reader;
    const zloom_tree_node_t *block = zloom_tree_get (root, "secrets");
    if (block && block->kind != ZLOOM_TREE_MAP) {
        zloom_reader_wrong_shape (reader, block, "secrets", "a map of names",
                                  "as in {psp_key: {file: /run/secrets/psp_key}}");
        return self;
    }
    self->items = zloom_pool_alloc (reader->pool, (block ? block->count : 0) * sizeof (secret_t));
    for (const zloom_tree_node_t *tree = block ? block->first : NULL; tree; tree = tree->next) {
        self->items[self->count++] = (secret_t){.name = tree->key->text, .tree = tree};
    }
    return self;
}

static secret_t *
s_find (const zloom_secrets_t *self, const char *name)
{
    for (size_t i = 0; i < self->count; i++) {
        if (strcmp (self->items[i].name, name) == 0) {
            return &self->items[i];
        }
    }
    return NULL;
}

bool
zloom_secrets_use (zloom_secrets_t *self, const zloom_tree_node_t *node, const char *name)
{
    secret_t *secret = s_find (self, name);
    if (secret) {
        secret->used = true;
        return true;
    }
    zloom_suggest_t suggest = zloom_reader_suggest (self->reader, name);
    for (size_t i = 0; i < self->count; i++) {
        zloom_suggest_offer (&suggest, self->items[i].name);
    }
    const char *near = zloom_reader_did_you_mean (self->reader, &suggest);
    zloom_reader_error (self->reader, "Z0215", node,
                        near ? near : "name it in the recipe's 'secrets:'",
                        "the recipe has no secret '%.60s'", name);
    return false;
}

static void
s_define (zloom_secrets_t *self, secret_t *secret)
{
    zloom_reader_t *reader = self->reader;
    if (!zloom_reader_is_name (secret->name)) {
        zloom_reader_error (reader, "Z0210", secret->tree->key, ZLOOM_NAME_HINT,
                            "a secret has a bad name: '%.60s'", secret->name);
        secret->wrong = true;
        return;
    }
    if (secret->tree->kind != ZLOOM_TREE_MAP) {
        zloom_reader_error (reader, "Z0215", secret->tree,
                            "as in {file: /run/secrets/psp_key} or {env: PSP_KEY}",
                            "a recipe does not hold secret '%s' itself", secret->name);
        secret->wrong = true;
        return;
    }
    char *what = zloom_pool_format (reader->pool, "secret '%.60s'", secret->name);
    size_t errors = zloom_diags_errors (reader->diags);
    secret->wrong =
      !zloom_reader_read (reader, zloom_secrets_fields (), (zloom_field_table_t){NULL, 0},
                          secret->tree, what, &secret->origin);
    bool one = !secret->origin.file != !secret->origin.env;
    if (!one && zloom_diags_errors (reader->diags) == errors) {
        zloom_reader_error (
          reader, "Z0215", secret->tree, "write either 'file:' or 'env:'", "%s %s", what,
          secret->origin.file ? "comes from two places" : "does not say where it comes from");
        secret->wrong = true;
    }
}

void
zloom_secrets_define (zloom_secrets_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        s_define (self, &self->items[i]);
    }
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Editors and `echo` end a file with a newline that nobody means. */
static void
s_cut_newline (zloom_buf_t *value)
{
    if (value->size > 0 && value->data[value->size - 1] == '\n') {
        value->size--;
        value->size -= value->size > 0 && value->data[value->size - 1] == '\r' ? 1 : 0;
    }
}

/* The note never holds a part of the secret. */
static zloom_err_t
s_read (const secret_t *secret, zloom_buf_t *value)
{
    if (secret->origin.file) {
        zloom_err_t err = zloom_file_read (secret->origin.file, ZLOOM_SECRET_BYTES_MAX, value);
        if (err != ZLOOM_OK) {
            return err;
        }
        s_cut_newline (value);
    } else {
        const char *text = getenv (secret->origin.env);
        if (!text) {
            return zloom_fail (ZLOOM_NOT_FOUND, "the environment has no '%.60s'",
                               secret->origin.env);
        }
        zloom_buf_add_text (value, text);
    }
    if (value->size == 0) {
        return zloom_fail (ZLOOM_INVALID, "it is empty");
    }
    if (value->size > ZLOOM_SECRET_BYTES_MAX) {
        return zloom_fail (ZLOOM_TOO_BIG, "it has more than 64 KiB");
    }
    if (memchr (value->data, 0, value->size)) {
        return zloom_fail (ZLOOM_INVALID, "it is no text: it has a NUL byte in it");
    }
    return ZLOOM_OK;
}

/* What was read is not left lying about in memory that was freed. */
static void
s_forget (zloom_buf_t *value)
{
    if (value->size > 0) {
        explicit_bzero (value->data, value->size);
    }
    zloom_buf_fini (value);
}

static bool
s_get (zloom_secrets_t *self, secret_t *secret, zloom_buf_t *value)
{
    if (secret->wrong || s_read (secret, value) == ZLOOM_OK) {
        return !secret->wrong;
    }
    char *why = zloom_pool_format (self->reader->pool, "%s", zloom_note ());
    zloom_reader_error (self->reader, "Z0507", secret->tree, NULL, "secret '%s' cannot be read: %s",
                        secret->name, why);
    secret->wrong = true;
    return false;
}

static void
s_check_file (zloom_secrets_t *self, const secret_t *secret)
{
    struct stat stat_;
    const char *file = secret->origin.file;
    if (file && stat (file, &stat_) == 0 && (stat_.st_mode & S_IROTH)) {
        zloom_reader_warning (self->reader, "Z0508", zloom_tree_get (secret->tree, "file"),
                              "chmod o-r it", "everybody on this machine may read %.300s", file);
    }
}

void
zloom_secrets_end (zloom_secrets_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        const secret_t *secret = &self->items[i];
        if (!secret->wrong && !secret->used) {
            zloom_reader_warning (self->reader, "Z0407", secret->tree->key,
                                  "write ${secret.name} or 'secrets: [name]' in a worker",
                                  "nothing uses secret '%s'", secret->name);
        }
    }
}

void
zloom_secrets_check (zloom_secrets_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        secret_t *secret = &self->items[i];
        zloom_buf_t value = {0};
        if (secret->used && s_get (self, secret, &value)) {
            s_check_file (self, secret);
        }
        s_forget (&value);
    }
}

/* ---- putting them in ----------------------------------------------------------------------- */

void
zloom_secrets_keep (zloom_secrets_t *self, const char *owner, const char **slot,
                    const zloom_tree_node_t *node)
{
    slot_t *kept = zloom_pool_alloc (self->reader->pool, sizeof *kept);
    *kept = (slot_t){self->slots, owner ? owner : "", slot, node->pieces};
    self->slots = kept;
}

void
zloom_secrets_keep_whole (zloom_secrets_t *self, const char *owner, const char **slot,
                          const zloom_tree_node_t *node)
{
    zloom_tree_piece_t *piece = zloom_pool_alloc (self->reader->pool, sizeof *piece);
    piece->secret = node->text;
    zloom_tree_node_t whole = {.pieces = piece};
    zloom_secrets_keep (self, owner, slot, &whole);
}

static bool
s_join (zloom_secrets_t *self, const slot_t *slot, zloom_buf_t *out)
{
    for (const zloom_tree_piece_t *piece = slot->pieces; piece; piece = piece->next) {
        secret_t *secret = piece->secret ? s_find (self, piece->secret) : NULL;
        if (!piece->secret) {
            zloom_buf_add_text (out, piece->text);
            continue;
        }
        zloom_buf_t value = {0};
        bool good = secret && s_get (self, secret, &value);
        zloom_buf_add_bytes (out, zloom_buf_bytes (&value));
        s_forget (&value);
        if (!good) {
            return false;
        }
    }
    return true;
}

void
zloom_secrets_fill (zloom_secrets_t *self, const char *owner)
{
    bool all = strcmp (owner, "*") == 0;
    for (const slot_t *slot = self->slots; slot; slot = slot->next) {
        if (!all && strcmp (slot->owner, owner) != 0) {
            continue;
        }
        zloom_buf_t text = {0};
        if (s_join (self, slot, &text)) {
            *slot->text = zloom_pool_text (self->reader->pool, text.data, text.size);
        }
        s_forget (&text);
    }
}

void
zloom_secrets_hide (const zloom_secrets_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->items[i].origin.env) {
            unsetenv (self->items[i].origin.env);
        }
    }
}

/* ---- telling ------------------------------------------------------------------------------- */

size_t
zloom_secrets_count (const zloom_secrets_t *self)
{
    return self->count;
}

void
zloom_secrets_tell (const zloom_secrets_t *self, size_t index, const zloom_tree_node_t **tree_p,
                    zloom_buf_t *out)
{
    zloom_assert (index < self->count);
    const origin_t *origin = &self->items[index].origin;
    *tree_p = self->items[index].tree;
    zloom_buf_printf (out, "{%s: ", origin->file ? "file" : "env");
    zloom_quote_yaml (out, origin->file ? origin->file : origin->env);
    zloom_buf_add_text (out, "}");
}
