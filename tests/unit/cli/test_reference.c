/* SPDX-License-Identifier: MPL-2.0 */
/* The tables of the command line: docs/commands.md is what they say, and help fits a terminal. */
#include "unit/registry/golden.h"

#include "nodes/zloom/manual.h"
#include "unit/cli/commands.h"

#define PAGE ZLOOM_TEST_DATA "/../../docs/commands.md"

static void
s_page_is_what_the_tables_say (void **state)
{
    (void) state;
    zloom_buf_t page = {0};
    zloom_help_markdown (&page);
    assert_true (golden_matches (PAGE, zloom_buf_text (&page)));
    zloom_buf_fini (&page);
}

#define TOP ZLOOM_TEST_DATA "/../../"

static void
s_same_file (const char *path, void (*write) (zloom_buf_t *out))
{
    zloom_buf_t text = {0};
    write (&text);
    assert_true (golden_matches (path, zloom_buf_text (&text)));
    zloom_buf_fini (&text);
}

static void
s_man_pages_are_what_the_tables_say (void **state)
{
    (void) state;
    s_same_file (TOP "docs/man/zloom.1", zloom_man_all);
    for (const zloom_command_t *at = zloom_commands; at->name; at++) {
        char path[4096];
        snprintf (path, sizeof path, TOP "docs/man/zloom-%s.1", at->name);
        zloom_buf_t text = {0};
        zloom_man_command (at, &text);
        assert_true (golden_matches (path, zloom_buf_text (&text)));
        zloom_buf_fini (&text);
    }
}

static void
s_roff_shows_text_as_it_is (void **state)
{
    (void) state;
    zloom_buf_t out = {0};
    zloom_man_add (&out, ".a --b\\n\n'c.d\n");
    assert_string_equal (zloom_buf_text (&out), "\\&.a \\-\\-b\\en\n\\&'c.d\n");
    zloom_buf_fini (&out);
}

static void
s_completions_are_what_the_tables_say (void **state)
{
    (void) state;
    s_same_file (TOP "nodes/zloom/completions/zloom.bash", zloom_complete_bash);
    s_same_file (TOP "nodes/zloom/completions/zloom.zsh", zloom_complete_zsh);
    s_same_file (TOP "nodes/zloom/completions/zloom.fish", zloom_complete_fish);
}

static void
s_help_fits_a_terminal (void **state)
{
    (void) state;
    for (const zloom_command_t *at = zloom_commands; at->name; at++) {
        zloom_buf_t help = {0};
        zloom_help_command (at, &help);
        for (const char *line = zloom_buf_text (&help); *line; line += strcspn (line, "\n") + 1) {
            if (strcspn (line, "\n") > 110) {
                fail_msg ("help of %s: a line of more than 110 bytes: %.40s…", at->name, line);
            }
        }
        zloom_buf_fini (&help);
    }
}

static void
s_names_are_unique (void **state)
{
    (void) state;
    size_t first = 0;
    for (const zloom_command_t *at = zloom_commands; at->name; at++) {
        first += at->first ? 1 : 0;
        for (const zloom_command_t *other = at + 1; other->name; other++) {
            assert_string_not_equal (at->name, other->name);
        }
        for (const zloom_option_t *option = at->options; option->name; option++) {
            for (const zloom_option_t *other = option + 1; other->name; other++) {
                assert_string_not_equal (option->name, other->name);
                assert_true (!option->letter || option->letter != other->letter);
            }
        }
    }
    assert_int_equal (first, 8);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (s_page_is_what_the_tables_say),
      cmocka_unit_test (s_man_pages_are_what_the_tables_say),
      cmocka_unit_test (s_roff_shows_text_as_it_is),
      cmocka_unit_test (s_completions_are_what_the_tables_say),
      cmocka_unit_test (s_help_fits_a_terminal),
      cmocka_unit_test (s_names_are_unique),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
