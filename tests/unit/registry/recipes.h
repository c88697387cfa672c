/* SPDX-License-Identifier: MPL-2.0 */
/* recipes.h - what the tests of recipes share: load a text, keep its diagnostics. */
#ifndef ZLOOM_TESTS_RECIPES_H
#define ZLOOM_TESTS_RECIPES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "patterns/registry.h"
#include "recipe/fleet.h"

/* A recipe that was loaded, or not, and what was said. */
typedef struct {
    zloom_diags_t *diags;
    zloom_recipe_t *recipe;
    zloom_err_t err;
} loaded_t;

static inline loaded_t
loaded_in (const char *dir, const char *text, const zloom_recipe_options_t *options)
{
    loaded_t loaded = {.diags = zloom_diags_new ()};
    loaded.err = zloom_recipe_load_text ("test.yaml", dir, zloom_bytes_text (text),
                                         zloom_registry (), options, loaded.diags, &loaded.recipe);
    return loaded;
}

static inline loaded_t
loaded_with (const char *text, const zloom_recipe_options_t *options)
{
    return loaded_in ("/recipes", text, options);
}

static inline loaded_t
loaded_from (const char *text)
{
    return loaded_with (text, NULL);
}

static inline void
loaded_fini (loaded_t *loaded)
{
    zloom_recipe_destroy (&loaded->recipe);
    zloom_diags_destroy (&loaded->diags);
}

/* A fleet's text for a recipe with a router and a worker, 'work', that takes from flow 'in'. */
#define FLEET_RECIPE                                         \
    "zloom: 1\nname: sample\nallow: {Z0402: \"a sample\"}\n" \
    "nodes: {%swork: {kind: worker, run: [cat]}}\n"          \
    "flows: {in: {pattern: queue, from: external, to: work}%s}\n"

/*
 * A fleet that lacks `zloom: 1` and `recipe:` gets them. `routers`: more nodes of the recipe, ""
 * for none; `flows`: more flows.
 */
static inline loaded_t
loaded_fleet_with (const char *routers, const char *flows, const char *sample,
                   zloom_fleet_t **fleet_p)
{
    char *text = zloom_format (FLEET_RECIPE, routers, flows);
    loaded_t loaded = {.diags = zloom_diags_new ()};
    loaded.err = zloom_recipe_load_text ("sample.yaml", "/tmp", zloom_bytes_text (text),
                                         zloom_registry (), NULL, loaded.diags, &loaded.recipe);
    free (text);
    assert_int_equal (loaded.err, ZLOOM_OK);
    const bool whole = strncmp (sample, "zloom:", 6) == 0;
    text = zloom_format ("%s%s", whole ? "" : "zloom: 1\nrecipe: sample.yaml\n", sample);
    loaded.err = zloom_fleet_load_text ("fleet.yaml", zloom_bytes_text (text), loaded.recipe,
                                        loaded.diags, fleet_p);
    free (text);
    return loaded;
}

static inline loaded_t
loaded_fleet (const char *routers, const char *sample, zloom_fleet_t **fleet_p)
{
    return loaded_fleet_with (routers, "", sample, fleet_p);
}

/* How many diagnostics have this code. */
static inline size_t
loaded_count (const loaded_t *loaded, const char *code)
{
    size_t count = 0;
    for (size_t i = 0; i < zloom_diags_count (loaded->diags); i++) {
        count += strcmp (zloom_diags_at (loaded->diags, i)->code, code) == 0 ? 1 : 0;
    }
    return count;
}

/* Fail the test with all that was said, unless the recipe has no error. */
static inline void
loaded_assert_good (const loaded_t *loaded)
{
    zloom_buf_t text = {0};
    zloom_diags_text (loaded->diags, false, &text);
    if (loaded->err != ZLOOM_OK || zloom_diags_errors (loaded->diags) > 0) {
        print_error ("%s\n", zloom_buf_text (&text));
    }
    zloom_buf_fini (&text);
    assert_int_equal (loaded->err, ZLOOM_OK);
    assert_non_null (loaded->recipe);
}

#endif
