/* SPDX-License-Identifier: MPL-2.0 */
/* YAML to a tree: places, styles, and everything that a hostile file can bring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "recipe/tree.h"

typedef struct {
    zloom_diags_t *diags;
    zloom_tree_t *tree;
    zloom_err_t err;
} parsed_t;

static parsed_t
s_parse_bytes (const void *data, size_t size)
{
    parsed_t parsed = {.diags = zloom_diags_new ()};
    zloom_diags_source (parsed.diags, "t.yaml", zloom_bytes (data, size));
    parsed.err = zloom_tree_parse (zloom_bytes (data, size), 0, parsed.diags, &parsed.tree);
    /* Every failure says something, and nothing else does. */
    assert_true ((parsed.err == ZLOOM_OK) == (zloom_diags_errors (parsed.diags) == 0));
    return parsed;
}

static parsed_t
s_parse (const char *text)
{
    return s_parse_bytes (text, strlen (text));
}

static void
s_fini (parsed_t *parsed)
{
    zloom_tree_destroy (&parsed->tree);
    zloom_diags_destroy (&parsed->diags);
}

static void
s_assert_code (parsed_t *parsed, const char *code)
{
    assert_int_equal (parsed->err, ZLOOM_RECIPE);
    assert_string_equal (zloom_diags_at (parsed->diags, 0)->code, code);
    s_fini (parsed);
}

static void
s_assert_span (const zloom_tree_node_t *node, int line, int column, int end_line, int end_column)
{
    assert_non_null (node);
    assert_int_equal (node->at.line, line);
    assert_int_equal (node->at.column, column);
    assert_int_equal (node->at.end_line, end_line);
    assert_int_equal (node->at.end_column, end_column);
}

static void
s_values_have_places_and_styles (void **state)
{
    (void) state;
    parsed_t parsed = s_parse ("a: one\n"
                               "b: {c: 'two', d: [\"thr\\u00e4\", 4]}\n"
                               "e: |\n"
                               "  five\n"
                               "f:\n"
                               "größe: x\n");
    assert_int_equal (parsed.err, ZLOOM_OK);
    const zloom_tree_node_t *root = zloom_tree_root (parsed.tree);
    assert_int_equal (root->count, 5);
    const zloom_tree_node_t *a = zloom_tree_get (root, "a");
    assert_string_equal (a->text, "one");
    assert_int_equal (a->style, ZLOOM_STYLE_PLAIN);
    s_assert_span (a, 1, 4, 1, 7);
    s_assert_span (a->key, 1, 1, 1, 2);
    const zloom_tree_node_t *c = zloom_tree_find (root, "b.c");
    assert_string_equal (c->text, "two");
    assert_int_equal (c->style, ZLOOM_STYLE_SINGLE);
    s_assert_span (c, 2, 8, 2, 13); /* with its quotes */
    const zloom_tree_node_t *d = zloom_tree_find (root, "b.d");
    assert_int_equal (d->kind, ZLOOM_TREE_LIST);
    assert_int_equal (d->count, 2);
    assert_string_equal (d->first->text, "thrä");
    assert_string_equal (d->first->next->text, "4");
    assert_null (d->first->next->next);
    assert_int_equal (zloom_tree_get (root, "e")->style, ZLOOM_STYLE_LITERAL);
    assert_string_equal (zloom_tree_get (root, "e")->text, "five\n");
    assert_true (zloom_tree_is_empty (zloom_tree_get (root, "f")));
    assert_int_equal (zloom_tree_span (zloom_tree_get (root, "f")).line, 5);
    /* Columns count characters, not bytes. */
    s_assert_span (zloom_tree_get (root, "größe"), 6, 8, 6, 9);
    assert_null (zloom_tree_get (root, "g"));
    assert_null (zloom_tree_find (root, "b.c.x"));
    s_fini (&parsed);
}

static void
s_text_is_never_guessed (void **state)
{
    (void) state;
    parsed_t parsed = s_parse ("[no, null, 1.10, 0x10, 12:30, ~, true]");
    static const char *const texts[] = {"no", "null", "1.10", "0x10", "12:30", "~", "true"};
    assert_int_equal (parsed.err, ZLOOM_OK);
    const zloom_tree_node_t *item = zloom_tree_root (parsed.tree)->first;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++, item = item->next) {
        assert_string_equal (item->text, texts[i]);
    }
    s_fini (&parsed);
}

static void
s_all_duplicates_are_reported_and_the_first_stays (void **state)
{
    (void) state;
    parsed_t parsed = s_parse ("a: 1\nb: {x: 1, x: 2, \"x\": 3}\na: 2\n");
    assert_int_equal (parsed.err, ZLOOM_RECIPE);
    assert_int_equal (zloom_diags_errors (parsed.diags), 3);
    assert_non_null (parsed.tree);
    assert_string_equal (zloom_tree_get (zloom_tree_root (parsed.tree), "a")->text, "1");
    s_fini (&parsed);
}

static void
s_references_and_tags_are_refused (void **state)
{
    (void) state;
    static const char *const texts[] = {
      "a: &x 1\n",      "a: {b: *x}\n",       "a: !!int 3\n", "a: !own {b: c}\n",
      "a: &x [1, 2]\n", "<<: {a: b}\nc: d\n", "!t [a]\n",     "a: &x\n  b: c\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        parsed_t parsed = s_parse (texts[i]);
        s_assert_code (&parsed, "Z0106");
    }
}

static void
s_odd_keys_documents_and_emptiness_are_refused (void **state)
{
    (void) state;
    static const struct {
        const char *text;
        const char *code;
    } cases[] = {
      {"? [a]\n: b\n", "Z0107"},
      {"? {a: b}\n: c\n", "Z0107"},
      {": b\n", "Z0107"},
      {"? |\n  a\n: b\n", "Z0107"},
      {"a: \"x\\0y\"\n", "Z0107"},
      {"a: 1\n---\nb: 2\n", "Z0108"},
      {"", "Z0109"},
      {"# nothing\n", "Z0109"},
      {"---\n", "Z0109"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        parsed_t parsed = s_parse (cases[i].text);
        s_assert_code (&parsed, cases[i].code);
    }
}

static void
s_binary_is_refused (void **state)
{
    (void) state;
    static const struct {
        const char *data;
        size_t size;
    } cases[] = {
      {"a: \0b", 5},
      {"\xff\xfe"
       "a\0",
       4},
      {"a: \xc3\x28", 5},
      {"a: \x1b[31m", 8},
      {"a: \xed\xa0\x80", 6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        parsed_t parsed = s_parse_bytes (cases[i].data, cases[i].size);
        s_assert_code (&parsed, "Z0107");
    }
}

/* `part` again and again up to `size` bytes. */
static parsed_t
s_parse_repeated (const char *part, size_t size)
{
    size_t step = strlen (part);
    char *text = zloom_alloc (size + 1);
    for (size_t i = 0; i < size; i++) {
        text[i] = part[i % step];
    }
    parsed_t parsed = s_parse_bytes (text, size);
    free (text);
    return parsed;
}

static void
s_depth_bombs_are_refused (void **state)
{
    (void) state;
    static const char *const parts[] = {"[", "{a: ", "- ", "? "};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        parsed_t parsed = s_parse_repeated (parts[i], ZLOOM_TREE_BYTES_MAX);
        assert_int_equal (parsed.err, ZLOOM_RECIPE);
        assert_null (parsed.tree);
        s_fini (&parsed);
    }
    parsed_t parsed = s_parse_repeated ("[", 65);
    s_assert_code (&parsed, "Z0103");
}

static void
s_exactly_64_deep_is_taken (void **state)
{
    (void) state;
    char text[129];
    memset (text, '[', 64);
    memset (text + 64, ']', 64);
    text[128] = '\0';
    parsed_t parsed = s_parse (text);
    assert_int_equal (parsed.err, ZLOOM_OK);
    s_fini (&parsed);
}

static void
s_size_and_count_are_bounded (void **state)
{
    (void) state;
    parsed_t parsed = s_parse_repeated ("#", ZLOOM_TREE_BYTES_MAX + 1);
    s_assert_code (&parsed, "Z0102");
    parsed = s_parse_repeated ("- a\n", 4 * (ZLOOM_TREE_NODES_MAX + 1));
    s_assert_code (&parsed, "Z0104");
    parsed = s_parse_repeated ("- a\n", 4 * (ZLOOM_TREE_NODES_MAX - 1));
    assert_int_equal (parsed.err, ZLOOM_OK);
    s_fini (&parsed);
    parsed = s_parse_repeated ("\"", ZLOOM_TREE_BYTES_MAX);
    assert_int_equal (parsed.err, ZLOOM_RECIPE);
    s_fini (&parsed);
    parsed = s_parse_repeated ("x", ZLOOM_TREE_BYTES_MAX); /* one long word is a text */
    assert_int_equal (parsed.err, ZLOOM_OK);
    s_fini (&parsed);
}

/* Pieces of YAML in any order: a tree or errors, never both missing, never a crash. */
static void
s_any_soup_is_answered (void **state)
{
    (void) state;
    static const char *const pieces[] = {
      "a",     ": ", "\n",  "  ",          "- ",  "[",  "]",   "{",  "}", ", ",
      "\"",    "'",  "|\n", ">\n",         "&x ", "*x", "!t ", "? ", "#", "---\n",
      "...\n", "\t", "${",  "%YAML 1.2\n", "<<",  "\\", "ä",   "-",  "@", "`",
    };
    zloom_random_t random;
    const uint64_t seed = 20;
    zloom_random_init (&random, seed);
    for (int run = 0; run < 20000; run++) {
        zloom_buf_t text = {0};
        size_t count = 1 + zloom_random_below (&random, 24);
        for (size_t i = 0; i < count; i++) {
            size_t piece = zloom_random_below (&random, sizeof pieces / sizeof *pieces);
            zloom_buf_add_text (&text, pieces[piece]);
        }
        parsed_t parsed = s_parse_bytes (text.data, text.size);
        assert_true (parsed.err == ZLOOM_OK || parsed.err == ZLOOM_RECIPE);
        assert_true (parsed.tree || parsed.err != ZLOOM_OK);
        zloom_buf_t said = {0};
        zloom_diags_text (parsed.diags, true, &said);
        zloom_buf_fini (&said);
        zloom_buf_fini (&text);
        s_fini (&parsed);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (s_values_have_places_and_styles),
      cmocka_unit_test (s_text_is_never_guessed),
      cmocka_unit_test (s_all_duplicates_are_reported_and_the_first_stays),
      cmocka_unit_test (s_references_and_tags_are_refused),
      cmocka_unit_test (s_odd_keys_documents_and_emptiness_are_refused),
      cmocka_unit_test (s_binary_is_refused),
      cmocka_unit_test (s_depth_bombs_are_refused),
      cmocka_unit_test (s_exactly_64_deep_is_taken),
      cmocka_unit_test (s_size_and_count_are_bounded),
      cmocka_unit_test (s_any_soup_is_answered),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
