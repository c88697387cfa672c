/* SPDX-License-Identifier: MPL-2.0 */
/* An answer that is no JSON is a bug of ours, and ends as one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "nodes/zloom/print.h"
#include "unit/cli/commands.h"

static void
test_what_cannot_be_printed_is_a_bug (void **state)
{
    (void) state;
    const zloom_cli_t cli = {.command = &zloom_commands[0]};
    /* Somebody packed a text that is no UTF-8: jansson gives nothing. */
    assert_int_equal (zloom_print_json (&cli, json_pack ("{s:s}", "name", "\xff"), false),
                      ZLOOM_EXIT_BUG);
    assert_int_equal (
      zloom_print_json_text (&cli, zloom_bytes_text ("no json"), ZLOOM_OUTPUT_JSONL),
      ZLOOM_EXIT_BUG);
    assert_int_equal (ZLOOM_EXIT_BUG, 70);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_what_cannot_be_printed_is_a_bug),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
