/* SPDX-License-Identifier: MPL-2.0 */
/* Every code fires on its bad sample, and does not on its good one, which has no error at all. */
#include "recipes.h"

/* Long, so that Z0503's sample is over the kernel's limit. */
#define SOCKET_DIR "/run/user/1000/zloom/a-name-of-a-topology-that-is-long"

/* A sample is a whole recipe if it begins with `zloom:`, `name:` or #, else it lacks these two. */
static char *
s_whole (const char *sample)
{
    bool whole =
      strncmp (sample, "zloom:", 6) == 0 || strncmp (sample, "name:", 5) == 0 || sample[0] == '#';
    return zloom_format ("%s%s", whole ? "" : "zloom: 1\nname: sample\n", sample);
}

static bool
s_sockets (void *arg, const char *name, char *folder, size_t size)
{
    (void) name;
    return snprintf (folder, size, "%s", (const char *) arg) < (int) size;
}

static loaded_t
s_load (const char *code, const char *sample)
{
    if (strncmp (code, "Z06", 3) == 0) {
        zloom_fleet_t *fleet = NULL;
        const bool two = strcmp (code, "Z0607") == 0;
        const bool edge = strcmp (code, "Z0608") == 0;
        loaded_t loaded = loaded_fleet_with (
          two    ? "router: {kind: router}, other: {kind: router}, "
          : edge ? "edge: {kind: forwarder}, ear: {kind: sink, stdout: true}, "
                 : "",
          edge ? ", paid: {pattern: bus, from: external, to: {ear: {through: edge}}}" : "", sample,
          &fleet);
        zloom_fleet_destroy (&fleet);
        return loaded;
    }
    zloom_recipe_options_t options = {
      .environment = strncmp (code, "Z05", 3) == 0,
      .socket_dir = s_sockets,
      .socket_arg = (void *) (uintptr_t) SOCKET_DIR,
    };
    char *text = s_whole (sample);
    loaded_t loaded = loaded_in ("/tmp", text, &options);
    free (text);
    return loaded;
}

static void
s_each_sample_fires (void **state)
{
    (void) state;
    const zloom_lint_t *lint;
    for (size_t i = 0; (lint = zloom_lint_at (zloom_registry (), i)); i++) {
        if (!lint->bad || (!ZLOOM_HAS_JQ && strcmp (lint->code, "Z0360") == 0)) {
            continue;
        }
        loaded_t loaded = s_load (lint->code, lint->bad);
        if (loaded_count (&loaded, lint->code) == 0) {
            fail_msg ("%s (%s) does not fire on its bad sample", lint->code, lint->name);
        }
        bool error = lint->severity == ZLOOM_SEVERITY_ERROR;
        assert_int_equal (loaded.err, error ? ZLOOM_RECIPE : ZLOOM_OK);
        loaded_fini (&loaded);
    }
}

/* Two samples are too big to be shown; here they are. */
static void
s_big_recipes_fire (void **state)
{
    (void) state;
    static const struct {
        const char *code;
        const char *piece;
        size_t most; /* of these pieces are fine, one more is not */
    } cases[] = {
      {"Z0102", "# sixteen bytes\n", (1024 * 1024 - 128) / 16},
      {"Z0104", "  - x\n", 100000 - 32},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t over = 0; over < 2; over++) {
            zloom_buf_t text = {0};
            zloom_buf_add_text (&text, "zloom: 1\nname: t\nx-more:\n");
            for (size_t j = 0; j < cases[i].most + (over ? 64 : 0); j++) {
                zloom_buf_add_text (&text, cases[i].piece);
            }
            zloom_buf_add_text (&text,
                                "flows: {a: {pattern: queue, from: external, to: external}}");
            loaded_t loaded = loaded_from (zloom_buf_text (&text));
            assert_int_equal (loaded_count (&loaded, cases[i].code), over);
            assert_int_equal (loaded.err, over ? ZLOOM_RECIPE : ZLOOM_OK);
            loaded_fini (&loaded);
            zloom_buf_fini (&text);
        }
    }
}

/* Every other code has both its samples. */
static void
s_each_code_has_samples (void **state)
{
    (void) state;
    const zloom_lint_t *lint;
    for (size_t i = 0; (lint = zloom_lint_at (zloom_registry (), i)); i++) {
        const bool big = strcmp (lint->code, "Z0102") == 0 || strcmp (lint->code, "Z0104") == 0;
        const bool machine = strcmp (lint->code, "Z0510") == 0; /* test_no_jq.c makes it one */
        if (!big && !machine && !(lint->bad && lint->good)) {
            fail_msg ("%s (%s) lacks a sample", lint->code, lint->name);
        }
    }
}

static void
s_no_repaired_sample_fires (void **state)
{
    (void) state;
    const zloom_lint_t *lint;
    for (size_t i = 0; (lint = zloom_lint_at (zloom_registry (), i)); i++) {
        if (!lint->good) {
            continue;
        }
        loaded_t loaded = s_load (lint->code, lint->good);
        if (loaded.err != ZLOOM_OK || loaded_count (&loaded, lint->code) > 0) {
            zloom_buf_t text = {0};
            zloom_diags_text (loaded.diags, false, &text);
            fail_msg ("%s fires on its good sample:\n%s", lint->code, zloom_buf_text (&text));
        }
        loaded_fini (&loaded);
    }
}

/* Samples that fire something else as well would teach the wrong thing. */
static void
s_bad_samples_have_one_error (void **state)
{
    (void) state;
    const zloom_lint_t *lint;
    for (size_t i = 0; (lint = zloom_lint_at (zloom_registry (), i)); i++) {
        loaded_t loaded = s_load (lint->code, lint->bad ? lint->bad : "flows: {}\n");
        for (size_t j = 0; lint->bad && j < zloom_diags_count (loaded.diags); j++) {
            const zloom_diag_t *diag = zloom_diags_at (loaded.diags, j);
            if (diag->severity == ZLOOM_SEVERITY_ERROR && strcmp (diag->code, lint->code) != 0) {
                fail_msg ("the bad sample of %s fires %s as well: %s", lint->code, diag->code,
                          diag->message);
            }
        }
        loaded_fini (&loaded);
    }
}

static void
s_codes_are_unique_and_ordered_by_kind (void **state)
{
    (void) state;
    const zloom_lint_t *lint;
    for (size_t i = 0; (lint = zloom_lint_at (zloom_registry (), i)); i++) {
        assert_int_equal (strlen (lint->code), 5);
        assert_ptr_equal (zloom_lint_find (zloom_registry (), lint->code), lint);
        assert_true (lint->why[0] && lint->fix[0] && lint->name[0]);
        assert_true ((strncmp (lint->code, "Z04", 3) == 0 || strncmp (lint->code, "Z065", 4) == 0 ||
                      strcmp (lint->code, "Z0506") == 0 || strcmp (lint->code, "Z0508") == 0) ==
                     (lint->severity == ZLOOM_SEVERITY_WARNING));
    }
    assert_null (zloom_lint_find (zloom_registry (), "Z9999"));
}

static const char s_unseen[] = "zloom: 1\nname: t\n%s"
                               "nodes: {work: {kind: worker, run: [cat]}}\n"
                               "flows: {in: {pattern: queue, from: external, to: work%s}}\n";

static void
s_a_warning_is_allowed_where_it_stands (void **state)
{
    (void) state;
    static const char *const top[] = {"", "", "allow: {Z0402: \"a test\"}\n"};
    static const char *const in[] = {"", ", allow: {Z0402: \"a test\"}", ""};
    static const size_t warnings[] = {1, 0, 0};
    for (size_t i = 0; i < 3; i++) {
        char text[512];
        snprintf (text, sizeof text, s_unseen, top[i], in[i]);
        loaded_t loaded = loaded_from (text);
        loaded_assert_good (&loaded);
        assert_int_equal (zloom_diags_warnings (loaded.diags), warnings[i]);
        loaded_fini (&loaded);
        zloom_recipe_options_t all = {.show_allowed = true};
        loaded = loaded_with (text, &all);
        assert_int_equal (loaded_count (&loaded, "Z0402"), 1);
        loaded_fini (&loaded);
    }
}

static void
s_an_error_cannot_be_allowed (void **state)
{
    (void) state;
    loaded_t loaded = loaded_from ("zloom: 1\nname: t\nallow: {Z0304: \"no\"}\n"
                                   "flows: {in: {pattern: queue, from: external}}\n");
    assert_int_equal (loaded_count (&loaded, "Z0214"), 1);
    assert_int_equal (loaded_count (&loaded, "Z0304"), 1);
    loaded_fini (&loaded);
}

/* The machine is looked at only when asked. */
static void
s_environment_is_an_option (void **state)
{
    (void) state;
    const zloom_lint_t *lint = zloom_lint_find (zloom_registry (), "Z0501");
    char *text = s_whole (lint->bad);
    loaded_t loaded = loaded_from (text);
    assert_int_equal (loaded_count (&loaded, "Z0501"), 0);
    loaded_fini (&loaded);
    free (text);
}

/* A key of the writer's own that looks like a field does not stand for it. */
static void
s_free_keys_stand_for_nothing (void **state)
{
    (void) state;
    static const char *const keys[] = {"x-run: 1", "xrun: 1"};
    static const char *const codes[] = {"Z0213", "Z0203"};
    for (size_t i = 0; i < 2; i++) {
        char *text = zloom_format ("zloom: 1\nname: t\nnodes: {w: {kind: worker, %s}}\n"
                                   "flows: {in: {pattern: queue, from: external, to: w}}\n",
                                   keys[i]);
        loaded_t loaded = loaded_from (text);
        assert_int_equal (loaded.err, ZLOOM_RECIPE);
        assert_int_equal (zloom_diags_errors (loaded.diags), 1);
        assert_int_equal (loaded_count (&loaded, codes[i]), 1);
        loaded_fini (&loaded);
        free (text);
    }
}

/* The kernel takes 107 bytes, and "/router.sock" is 12 of them. */
static void
s_socket_path_has_107_bytes (void **state)
{
    (void) state;
    static const char text[] = "zloom: 1\nname: t\n"
                               "flows: {in: {pattern: queue, from: external, to: external}}\n";
    for (size_t size = 95; size <= 96; size++) {
        char folder[128] = "/";
        memset (folder + 1, 'x', size - 1);
        folder[size] = '\0';
        zloom_recipe_options_t options = {
          .environment = true, .socket_dir = s_sockets, .socket_arg = folder};
        loaded_t loaded = loaded_with (text, &options);
        assert_int_equal (loaded_count (&loaded, "Z0503"), size - 95);
        loaded_fini (&loaded);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (s_each_sample_fires),
      cmocka_unit_test (s_big_recipes_fire),
      cmocka_unit_test (s_each_code_has_samples),
      cmocka_unit_test (s_no_repaired_sample_fires),
      cmocka_unit_test (s_bad_samples_have_one_error),
      cmocka_unit_test (s_codes_are_unique_and_ordered_by_kind),
      cmocka_unit_test (s_a_warning_is_allowed_where_it_stands),
      cmocka_unit_test (s_an_error_cannot_be_allowed),
      cmocka_unit_test (s_environment_is_an_option),
      cmocka_unit_test (s_free_keys_stand_for_nothing),
      cmocka_unit_test (s_socket_path_has_107_bytes),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
