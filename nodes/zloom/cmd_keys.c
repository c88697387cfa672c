/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_keys.c - `keys`: CURVE keys in a folder of this user's: made, shown, looked after. */
#include "commands.h"

#include "base/memory.h"
#include "fleet.h"
#include "net/endpoint.h"
#include "patterns/registry.h"
#include "print.h"
#include "recipe/diag.h"
#include "recipe/reader.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const zloom_cli_t *cli;
    zloom_output_t output;
    char *folder;
} s_keys_t;

/* ---- new, pub ------------------------------------------------------------------------------- */

static int
s_show (const s_keys_t *self, const char *name, const char *public_key)
{
    if (self->output != ZLOOM_OUTPUT_TEXT) {
        return zloom_print_json (self->cli,
                                 json_pack ("{s:s, s:s}", "name", name, "public", public_key),
                                 self->output == ZLOOM_OUTPUT_JSON);
    }
    zloom_buf_t out = {0};
    zloom_buf_printf (&out, "%s\n", public_key);
    const int code = zloom_cli_print (self->cli, zloom_buf_bytes (&out));
    zloom_buf_fini (&out);
    return code;
}

/* Relative folders start here. */
static char *
s_absolute (const char *folder)
{
    if (folder[0] == '/') {
        return zloom_strdup (folder);
    }
    char *here = getcwd (NULL, 0);
    char *path = zloom_format ("%s/%s", here ? here : "", folder);
    free (here);
    return path;
}

static int
s_new (const s_keys_t *self, const char *name)
{
    char *folder = s_absolute (self->folder);
    zloom_err_t err = zloom_private_directory (folder);
    free (folder);
    zloom_keypair_t keys;
    if (err == ZLOOM_OK) {
        err = zloom_keypair_new (&keys);
    }
    if (err == ZLOOM_OK) {
        char *path = zloom_format ("%s/%s", self->folder, name);
        err = zloom_keypair_write (&keys, path);
        free (path);
    }
    int code = err == ZLOOM_OK       ? s_show (self, name, keys.public_key)
               : err == ZLOOM_EXISTS ? zloom_cli_say (self->cli, ZLOOM_EXIT_CREATE,
                                                      "%s; a key is "
                                                      "never replaced",
                                                      zloom_note ())
                                     : zloom_cli_fail (self->cli, err);
    zloom_keypair_wipe (&keys);
    return code;
}

static int
s_pub (const s_keys_t *self, const char *name)
{
    char key[ZLOOM_KEY_CHARS + 1];
    char *file = zloom_format ("%s/%s.public", self->folder, name);
    const zloom_err_t err = zloom_key_read_public (file, key);
    free (file);
    return err == ZLOOM_OK ? s_show (self, name, key) : zloom_cli_fail (self->cli, err);
}

/* ---- status --------------------------------------------------------------------------------- */

/* "publish, read" of a grant. */
static json_t *
s_rights (const zloom_fleet_grant_t *grant)
{
    static const struct {
        unsigned right;
        const char *word;
    } words[] = {{ZLOOM_FLEET_PUBLISH, "publish"},
                 {ZLOOM_FLEET_CONSUME, "consume"},
                 {ZLOOM_FLEET_READ, "read"},
                 {ZLOOM_FLEET_ADMINISTER, "administer"},
                 {ZLOOM_FLEET_SUPERVISE, "supervise"}};
    json_t *rights = json_array ();
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (grant->rights & words[i].right) {
            json_array_append_new (rights, json_string (words[i].word));
        }
    }
    return rights;
}

/* What the fleet says of a key. */
static void
s_add_fleet (json_t *row, const zloom_fleet_key_t *key)
{
    json_t *may = json_object ();
    for (size_t i = 0; i < key->grant_count; i++) {
        json_object_set_new (may, key->grants[i].flow, s_rights (&key->grants[i]));
    }
    json_object_set_new (row, "is", json_string (key->is_host ? "host" : "key"));
    json_object_set_new (row, "entry", json_string (key->name));
    json_object_set_new (row, "may", may);
}

/* A pair of files: what is wrong with it stands in "problem". */
static json_t *
s_look (const s_keys_t *self, const char *name)
{
    zloom_keypair_t keys;
    char other[ZLOOM_KEY_CHARS + 1];
    char *secret = zloom_format ("%s/%s.secret", self->folder, name);
    char *open_key = zloom_format ("%s/%s.public", self->folder, name);
    json_t *row = json_pack ("{s:s}", "name", name);
    const zloom_err_t err = zloom_keypair_read (secret, &keys);
    json_object_set_new (row, "secret", json_boolean (err != ZLOOM_NOT_FOUND));
    if (err != ZLOOM_OK && err != ZLOOM_NOT_FOUND) {
        json_object_set_new (row, "problem", json_string (zloom_note ()));
    }
    const zloom_err_t public_err = zloom_key_read_public (open_key, other);
    if (public_err == ZLOOM_OK) {
        json_object_set_new (row, "public", json_string (other));
        if (err == ZLOOM_OK && strcmp (other, keys.public_key) != 0) {
            json_object_set_new (row, "problem",
                                 json_string ("the public key is not that of the secret one"));
        }
    } else if (err == ZLOOM_OK) {
        json_object_set_new (row, "public", json_string (keys.public_key));
        json_object_set_new (row, "problem", json_string (zloom_note ()));
    }
    zloom_keypair_wipe (&keys);
    free (secret);
    free (open_key);
    return row;
}

/* The names of the folder's files, without their ends, as an object. */
static zloom_err_t
s_names (const s_keys_t *self, json_t *names)
{
    DIR *folder = opendir (self->folder);
    if (!folder) {
        return errno == ENOENT ? ZLOOM_OK
                               : zloom_fail_errno (ZLOOM_SYSTEM, "cannot read %s", self->folder);
    }
    const struct dirent *entry = NULL;
    while ((entry = readdir (folder))) {
        char name[ZLOOM_NAME_MAX + 1];
        const char *end = strrchr (entry->d_name, '.');
        if (end && (strcmp (end, ".secret") == 0 || strcmp (end, ".public") == 0)) {
            (void) snprintf (name, sizeof name, "%.*s", (int) (end - entry->d_name), entry->d_name);
            json_object_set_new (names, name, json_true ());
        }
    }
    closedir (folder);
    return ZLOOM_OK;
}

/* Rows of what is here, then of what the fleet has beside it. */
static json_t *
s_rows (const s_keys_t *self, json_t *names, const zloom_fleet_t *fleet)
{
    json_t *rows = json_array ();
    json_t *known = json_object ();
    const char *name = NULL;
    json_t *unused = NULL;
    json_object_foreach (names, name, unused)
    {
        json_t *row = s_look (self, name);
        const char *public_key = zloom_print_string (row, "public");
        const zloom_fleet_key_t *key = fleet ? zloom_fleet_key (fleet, public_key) : NULL;
        if (key) {
            s_add_fleet (row, key);
            json_object_set_new (known, public_key, json_true ());
        }
        json_array_append_new (rows, row);
    }
    for (size_t i = 0; fleet && i < zloom_fleet_key_count (fleet); i++) {
        const zloom_fleet_key_t *key = zloom_fleet_key_at (fleet, i);
        if (!json_object_get (known, key->public_key)) {
            json_t *row = json_pack ("{s:s, s:s, s:b}", "name", key->name, "public",
                                     key->public_key, "secret", 0);
            s_add_fleet (row, key);
            json_array_append_new (rows, row);
        }
    }
    json_decref (known);
    return rows;
}

/* "orders: publish, read; *: supervise". */
static void
s_add_may (zloom_buf_t *out, json_t *may)
{
    const char *flow = NULL;
    json_t *rights = NULL;
    bool first = true;
    json_object_foreach (may, flow, rights)
    {
        zloom_buf_printf (out, "%s%s:", first ? "" : "; ", flow);
        first = false;
        for (size_t i = 0; i < json_array_size (rights); i++) {
            zloom_buf_printf (out, "%s %s", i ? "," : "",
                              json_string_value (json_array_get (rights, i)));
        }
    }
    zloom_buf_add_text (out, first && may ? "nothing" : "");
}

static int
s_print_rows (const s_keys_t *self, json_t *rows, bool fleet)
{
    if (self->output != ZLOOM_OUTPUT_TEXT) {
        return zloom_print_list (self->cli, json_incref (rows), self->output);
    }
    zloom_buf_t out = {0};
    zloom_buf_printf (&out, "%-16s %-10s %-41s %s\n", "name", "secret", "public",
                      fleet ? "in the fleet, and may" : "");
    size_t index = 0;
    json_t *row = NULL;
    json_array_foreach (rows, index, row)
    {
        const char *is = zloom_print_string (row, "is");
        zloom_buf_printf (&out, "%-16s %-10s %-41s ", zloom_print_string (row, "name"),
                          json_is_true (json_object_get (row, "secret")) ? "here" : "elsewhere",
                          zloom_print_string (row, "public"));
        zloom_buf_printf (&out, "%s%s%s%s", is, *is ? " " : "", zloom_print_string (row, "entry"),
                          *is     ? "  "
                          : fleet ? "no"
                                  : "");
        s_add_may (&out, json_object_get (row, "may"));
        const char *problem = zloom_print_string (row, "problem");
        zloom_buf_printf (&out, "%s%s\n", *problem ? "\n  ! " : "", problem);
    }
    const int code = zloom_cli_print (self->cli, zloom_buf_bytes (&out));
    zloom_buf_fini (&out);
    return code;
}

/* The fleet of --fleet, or NULL without one; false after a message. */
static bool
s_load_fleet (const s_keys_t *self, zloom_fleet_t **fleet_p, int *code)
{
    const char *path = zloom_cli_option (self->cli, "fleet");
    *fleet_p = NULL;
    if (!path) {
        return true;
    }
    static const zloom_recipe_options_t options = {.sets = NULL};
    zloom_recipe_t *recipe = NULL;
    zloom_diags_t *diags = zloom_diags_new ();
    const zloom_err_t err =
      zloom_fleet_load (path, NULL, NULL, zloom_registry (), &options, diags, fleet_p, &recipe);
    if (err == ZLOOM_RECIPE) {
        *code = zloom_cli_say (self->cli, ZLOOM_EXIT_RECIPE,
                               "%s has errors; see: zloom lint --fleet %s", path, path);
    } else if (err != ZLOOM_OK) {
        *code = zloom_cli_fail (self->cli, err);
    }
    zloom_recipe_destroy (&recipe);
    zloom_diags_destroy (&diags);
    return err == ZLOOM_OK;
}

static int
s_status (const s_keys_t *self)
{
    zloom_fleet_t *fleet = NULL;
    int code = ZLOOM_EXIT_OK;
    if (!s_load_fleet (self, &fleet, &code)) {
        return code;
    }
    json_t *names = json_object ();
    const zloom_err_t err = s_names (self, names);
    if (err != ZLOOM_OK) {
        code = zloom_cli_fail (self->cli, err);
    } else {
        json_t *rows = s_rows (self, names, fleet);
        code = s_print_rows (self, rows, fleet != NULL);
        size_t index = 0;
        json_t *row = NULL;
        json_array_foreach (rows, index, row)
        {
            const bool wrong = json_object_get (row, "problem") != NULL;
            code = code == ZLOOM_EXIT_OK && wrong ? ZLOOM_EXIT_FAILED : code;
        }
        json_decref (rows);
    }
    json_decref (names);
    zloom_fleet_destroy (&fleet);
    return code;
}

/* ---- the command ---------------------------------------------------------------------------- */

static int
s_named (const s_keys_t *self, int (*run) (const s_keys_t *self, const char *name))
{
    const char *name = zloom_cli_word (self->cli, 1, "NAME");
    if (!name) {
        return ZLOOM_EXIT_USAGE;
    }
    if (zloom_cli_option (self->cli, "fleet")) {
        return zloom_cli_say (self->cli, ZLOOM_EXIT_USAGE, "--fleet is for status");
    }
    if (!zloom_reader_is_name (name)) {
        return zloom_cli_say (self->cli, ZLOOM_EXIT_USAGE, "a bad name: '%.60s'; %s", name,
                              ZLOOM_NAME_HINT);
    }
    return run (self, name);
}

int
zloom_cmd_keys (zloom_cli_t *cli)
{
    s_keys_t self = {.cli = cli};
    const char *verb = zloom_cli_word (cli, 0, "new, pub or status");
    if (!verb || !zloom_cli_output (cli, &self.output)) {
        return ZLOOM_EXIT_USAGE;
    }
    self.folder = zloom_key_folder (cli);
    if (!self.folder) {
        return ZLOOM_EXIT_USAGE;
    }
    int code = ZLOOM_EXIT_USAGE;
    if (strcmp (verb, "new") == 0) {
        code = s_named (&self, s_new);
    } else if (strcmp (verb, "pub") == 0) {
        code = s_named (&self, s_pub);
    } else if (strcmp (verb, "status") == 0) {
        code = s_status (&self);
    } else {
        zloom_cli_say (cli, 0, "'%s' is none of new, pub, status", verb);
    }
    free (self.folder);
    return code;
}
