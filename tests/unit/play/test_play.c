/* SPDX-License-Identifier: MPL-2.0 */
/* Cases of recipes: what they show, and what the player asks of whoever embeds it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "nodes/router/router_flows.h"
#include "patterns/registry.h"
#include "play/play.h"

#define HEAD                                                                     \
    "zloom: 1\nname: test\nnodes:\n  work: {kind: worker, run: [cat]}\nflows:\n" \
    "  in: {pattern: queue, from: external, to: work, dead_letter: dead}\n"      \
    "  out: {pattern: queue, from: work, to: external}\n"                        \
    "  dead: {pattern: queue, to: external}\ntests:\n  one:\n"

typedef struct {
    zloom_diags_t *diags;
    zloom_recipe_t *recipe;
    zloom_router_flows_t flows;
    zloom_play_config_t config;
    /* What the handler is to do, and did. */
    zloom_err_t error;
    size_t worked;
    size_t killed;
    char last[64];
} play_t;

static void
s_open (play_t *play, const char *yaml, const char *path)
{
    *play = (play_t){.diags = zloom_diags_new ()};
    zloom_err_t err =
      path ? zloom_recipe_load (path, zloom_registry (), NULL, play->diags, &play->recipe)
           : zloom_recipe_load_text ("test.yaml", "/", zloom_bytes_text (yaml), zloom_registry (),
                                     NULL, play->diags, &play->recipe);
    if (err != ZLOOM_OK) {
        zloom_buf_t text = {0};
        zloom_diags_text (play->diags, false, &text);
        fail_msg ("%s: %s", zloom_note (), zloom_buf_text (&text));
    }
    assert_int_equal (zloom_router_flows (play->recipe, NULL, &play->flows), ZLOOM_OK);
    play->config.recipe = play->recipe;
    play->config.flows = play->flows.flows;
    play->config.flow_count = play->flows.count;
    play->config.arg = play;
}

static void
s_close (play_t *play)
{
    zloom_router_flows_fini (&play->flows);
    zloom_recipe_destroy (&play->recipe);
    zloom_diags_destroy (&play->diags);
}

/* The first failure of the n-th case; "" when it passed. */
static char *
s_failure (const play_t *play, size_t index)
{
    zloom_play_result_t result;
    zloom_play_case (&play->config, zloom_recipe_case_at (play->recipe, index), &result);
    assert_true (result.failure_count > 0 || result.expectations > 0);
    const zloom_play_failure_t *failure = result.failure_count > 0 ? &result.failures[0] : NULL;
    const bool rows = failure && failure->row_count > 0;
    char *text =
      failure ? zloom_format ("%d:%d %s%s%s%s%s", failure->at.line, failure->at.column,
                              failure->what, rows ? ": " : "",
                              rows && failure->rows[0].expected ? failure->rows[0].expected : "",
                              rows ? " | " : "",
                              rows && failure->rows[0].seen ? failure->rows[0].seen : "")
              : zloom_strdup ("");
    zloom_play_result_fini (&result);
    return text;
}

static void
s_says (const char *yaml, const char *expected)
{
    play_t play;
    char *text = NULL;
    s_open (&play, yaml, NULL);
    text = s_failure (&play, 0);
    assert_string_equal (text, expected);
    free (text);
    s_close (&play);
}

/* ---- cases ---------------------------------------------------------------------------------- */

static void
s_every_feature_passes (void **state)
{
    (void) state;
    play_t play;
    s_open (&play, NULL, ZLOOM_TEST_DATA "/cases/passes.yaml");
    for (size_t i = 0; i < zloom_recipe_case_count (play.recipe); i++) {
        char *text = s_failure (&play, i);
        if (text[0]) {
            fail_msg ("%s: %s", zloom_recipe_case_at (play.recipe, i)->name, text);
        }
        free (text);
    }
    s_close (&play);
}

static void
s_every_wrong_one_fails_the_same_way_twice (void **state)
{
    (void) state;
    play_t play;
    s_open (&play, NULL, ZLOOM_TEST_DATA "/cases/fails.yaml");
    for (size_t i = 0; i < zloom_recipe_case_count (play.recipe); i++) {
        char *once = s_failure (&play, i);
        char *twice = s_failure (&play, i);
        assert_string_not_equal (once, "");
        assert_string_equal (once, twice);
        free (once);
        free (twice);
    }
    s_close (&play);
}

static void
s_a_second_too_early_is_too_early (void **state)
{
    (void) state;
    const char *const recipe = "zloom: 1\nname: t\nflows:\n"
                               "  in: {pattern: queue, from: external, to: external}\n"
                               "tests:\n  one:\n    steps:\n"
                               "      - {send: in, body: a, in: 10s}\n"
                               "      - {wait: %s}\n"
                               "      - {expect: in, state: {ready: 1}}\n";
    char *early = zloom_format (recipe, "9s");
    char *late = zloom_format (recipe, "10s");
    s_says (early, "10:37 'ready' of flow 'in': 1 | 0");
    s_says (late, "");
    free (early);
    free (late);
}

/* ---- handlers ------------------------------------------------------------------------------- */

static zloom_err_t
s_work (void *arg, const zloom_recipe_node_t *node, uint32_t replica,
        const zloom_message_t *message, zloom_play_outcome_t *outcome)
{
    play_t *play = arg;
    play->worked++;
    snprintf (play->last, sizeof play->last, "%s-%u %.*s", node->name, replica,
              (int) message->body_size, (const char *) message->body);
    if (play->error != ZLOOM_OK) {
        return zloom_fail (play->error, "no such program");
    }
    outcome->takes_ns = 0;
    outcome->emits = zloom_arena_take (&outcome->arena, 1, sizeof *outcome->emits);
    outcome->emit_count = 1;
    outcome->emits[0].envelope.body = zloom_bytes_text ("done");
    return ZLOOM_OK;
}

static void
s_killed (void *arg, const zloom_recipe_node_t *node)
{
    play_t *play = arg;
    assert_string_equal (node->name, "work");
    play->killed++;
}

static void
s_without_a_mock_the_handler_works (void **state)
{
    (void) state;
    play_t play;
    s_open (&play,
            HEAD "    steps:\n      - {send: in, body: a}\n      - {kill: work}\n"
                 "      - {expect: out, messages: [done]}\n",
            NULL);
    play.config.work = s_work;
    play.config.killed = s_killed;
    char *text = s_failure (&play, 0);
    assert_string_equal (text, "");
    assert_int_equal (play.worked, 1);
    assert_int_equal (play.killed, 1);
    assert_string_equal (play.last, "work-1 a");
    free (text);
    s_close (&play);
}

static void
s_with_a_mock_it_does_not (void **state)
{
    (void) state;
    play_t play;
    s_open (&play,
            HEAD "    mock: {work: [{do: ack}]}\n    steps:\n      - {send: in, body: a}\n"
                 "      - {expect: out, count: 0}\n",
            NULL);
    play.config.work = s_work;
    char *text = s_failure (&play, 0);
    assert_string_equal (text, "");
    assert_int_equal (play.worked, 0);
    free (text);
    s_close (&play);
}

static void
s_a_handler_that_cannot_run_fails_the_case (void **state)
{
    (void) state;
    play_t play;
    s_open (&play, HEAD "    steps:\n      - {send: in, body: a}\n      - {expect: in, count: 1}\n",
            NULL);
    play.config.work = s_work;
    play.error = ZLOOM_NO_PROGRAM;
    char *text = s_failure (&play, 0);
    assert_string_equal (text, "12:16 node 'work': no such program");
    free (text);
    s_close (&play);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (s_every_feature_passes),
      cmocka_unit_test (s_every_wrong_one_fails_the_same_way_twice),
      cmocka_unit_test (s_a_second_too_early_is_too_early),
      cmocka_unit_test (s_without_a_mock_the_handler_works),
      cmocka_unit_test (s_with_a_mock_it_does_not),
      cmocka_unit_test (s_a_handler_that_cannot_run_fails_the_case),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
