/* SPDX-License-Identifier: MPL-2.0 */
/* use.c - `use:` of a recipe or fragment: the files that it names become fragments. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "recipe/build.h"
#include "recipe/file.h"
#include "recipe/replace.h"

typedef struct {
    const char *file; /* absolute */
} use_t;

#define ZLOOM_STRUCT use_t
static const zloom_field_t s_fields[] = {
#include "recipe/use.def"
};
#undef ZLOOM_STRUCT

static const zloom_field_t s_top_fields[] = {
#include "recipe/fragment.def"
};

zloom_field_table_t
zloom_recipe_use_fields (void)
{
    return (zloom_field_table_t){s_fields, ZLOOM_COUNT (s_fields)};
}

zloom_field_table_t
zloom_recipe_fragment_fields (void)
{
    return (zloom_field_table_t){s_top_fields, ZLOOM_COUNT (s_top_fields)};
}

/* The name for diagnostics: as it is written, from where the one who uses it was read. */
static const char *
s_shown (zloom_load_t *self, const zloom_fragment_t *user, const char *written)
{
    const char *slash = strrchr (user->file, '/');
    while (written[0] == '.' && written[1] == '/') {
        written += 2;
    }
    int size = slash && written[0] != '/' ? (int) (slash - user->file) + 1 : 0;
    return zloom_pool_format (self->recipe->pool, "%.*s%s", size, user->file, written);
}

/* Whether a file is one of those that lead here: then it would use itself. */
static bool
s_uses_itself (const zloom_fragment_t *user, const char *path)
{
    for (; user; user = user->parent) {
        if (user->path && strcmp (user->path, path) == 0) {
            return true;
        }
    }
    return false;
}

/* The reason without the path, which stands where the caret points. */
static void
s_why (const char *file, zloom_err_t err, char *why, size_t size)
{
    const char *note = err == ZLOOM_OK ? "it has gone" : zloom_note ();
    size_t path = strlen (file);
    bool begins = strncmp (note, file, path) == 0 && note[path] == ':';
    snprintf (why, size, "%s", begins ? note + path + 2 : note);
}

/* Find and parse the file; false with a report. */
static bool
s_open (zloom_load_t *self, zloom_fragment_t *fragment, const zloom_tree_node_t *at,
        const char *file)
{
    zloom_reader_t *reader = &self->reader;
    zloom_buf_t text = {0};
    struct stat stat_;
    /* What is there and no plain file might never end, or wait for somebody to write. */
    bool odd = stat (file, &stat_) == 0 && !S_ISREG (stat_.st_mode);
    zloom_err_t err = odd ? zloom_fail (ZLOOM_INVALID, "it is no file")
                          : zloom_file_read (file, ZLOOM_TREE_BYTES_MAX, &text);
    char *real = err == ZLOOM_OK ? realpath (file, NULL) : NULL;
    if (!real) {
        char why[256];
        s_why (file, err, why, sizeof why);
        zloom_reader_error (reader, "Z0216", at, NULL, "%s cannot be read: %s", fragment->what,
                            why);
        zloom_buf_fini (&text);
        return false;
    }
    bool good = !s_uses_itself (fragment->parent, real);
    if (!good) {
        zloom_reader_error (reader, "Z0216", at, NULL, "%s uses itself", fragment->what);
    }
    fragment->path = zloom_pool_text (reader->pool, real, strlen (real));
    char *slash = strrchr (real, '/');
    fragment->dir =
      slash == real ? "/" : zloom_pool_text (reader->pool, real, (size_t) (slash - real));
    free (real);
    good = good && zloom_load_parse (self, fragment, s_shown (self, fragment->parent, at->text),
                                     zloom_buf_bytes (&text));
    zloom_buf_fini (&text);
    return good;
}

/* What belongs to the recipe is refused with that reason, what nobody knows as everywhere. */
static void
s_check_keys (zloom_load_t *self, const zloom_fragment_t *fragment)
{
    zloom_reader_t *reader = &self->reader;
    static const char *const only[] = {"name", "secrets", "allow", "tests"};
    bool recipe = false;
    for (size_t i = 0; i < ZLOOM_COUNT (only); i++) {
        const zloom_tree_node_t *node = zloom_tree_get (fragment->root, only[i]);
        if (node) {
            zloom_reader_error (reader, "Z0216", node->key, "leave it to the recipe",
                                "'%s' does not belong in a fragment", only[i]);
            recipe = true;
        }
    }
    zloom_field_table_t none = {NULL, 0};
    if (!recipe) {
        zloom_reader_check_keys (reader, zloom_recipe_fragment_fields (), none, fragment->root,
                                 fragment->what);
    }
}

/* One entry of `use:`. */
static bool
s_read (zloom_load_t *self, zloom_fragment_t *fragment, const zloom_tree_node_t *entry)
{
    zloom_reader_t *reader = &self->reader;
    use_t use = {NULL};
    if (entry->kind != ZLOOM_TREE_MAP) {
        return zloom_reader_wrong_shape (reader, entry, entry->key->text, "a map",
                                         "as in {file: parts/region.yaml, with: {workers: 4}}");
    }
    const zloom_tree_node_t *with = zloom_tree_get (entry, "with");
    bool good = zloom_reader_read (reader, zloom_recipe_use_fields (),
                                   (zloom_field_table_t){NULL, 0}, entry, fragment->what, &use);
    if (with && with->kind != ZLOOM_TREE_MAP) {
        good = zloom_reader_wrong_shape (reader, with, "with", "a map of params and values",
                                         "as in with: {workers: 4}");
    }
    if (fragment->depth > ZLOOM_FRAGMENT_DEPTH_MAX) {
        zloom_reader_error (reader, "Z0216", entry->key, "use it in the recipe itself",
                            "fragments in fragments more than %d deep", ZLOOM_FRAGMENT_DEPTH_MAX);
        return false;
    }
    if (!good || !s_open (self, fragment, zloom_tree_get (entry, "file"), use.file)) {
        return false;
    }
    reader->fragment = fragment;
    s_check_keys (self, fragment);
    zloom_params_t *params = zloom_load_params (self, fragment);
    zloom_params_give (params, entry, with);
    zloom_load_replace (self, fragment);
    return true;
}

void
zloom_use_read (zloom_load_t *self, const zloom_fragment_t *user)
{
    zloom_reader_t *reader = &self->reader;
    const zloom_tree_node_t *use = zloom_tree_get (user->root, "use");
    if (!use) {
        return;
    }
    if (use->kind != ZLOOM_TREE_MAP) {
        zloom_reader_wrong_shape (reader, use, "use", "a map of names",
                                  "as in {eu: {file: parts/region.yaml}}");
        self->whole = false;
        return;
    }
    for (const zloom_tree_node_t *entry = use->first; entry; entry = entry->next) {
        reader->fragment = user;
        if (!zloom_build_check_name (self, entry->key, entry->key->text, "a fragment")) {
            self->whole = false;
            continue;
        }
        if (self->recipe->fragments.count == ZLOOM_FRAGMENTS_MAX) {
            zloom_reader_error (reader, "Z0216", entry->key, NULL,
                                "a recipe has at most %d files, and this is one more",
                                ZLOOM_FRAGMENTS_MAX);
            self->whole = false;
            return;
        }
        zloom_fragment_t *fragment = zloom_load_fragment (self, user, entry->key->text);
        fragment->failed = !s_read (self, fragment, entry);
        self->whole = self->whole && !fragment->failed;
    }
}
