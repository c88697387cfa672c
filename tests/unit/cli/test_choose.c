/* SPDX-License-Identifier: MPL-2.0 */
/* Choosing: every way through the questions ends at what fits, and at a recipe that is clean. */
#include "unit/registry/recipes.h"

#include "nodes/zloom/choose.h"
#include "nodes/zloom/new.h"
#include "unit/cli/commands.h"

/* Call `visit` with every set of answers. */
static void
s_each (void (*visit) (const zloom_answers_t *answers))
{
    zloom_answers_t answers;
    zloom_answers_init (&answers);
    size_t seen = 0;
    for (size_t i = 0; i < ZLOOM_QUESTIONS; i++) {
        answers.of[i] = 0;
    }
    for (;;) {
        visit (&answers);
        seen++;
        size_t at = 0;
        for (; at < ZLOOM_QUESTIONS; at++) { /* count up, a question a digit */
            int next = ++answers.of[at];
            if (next < ZLOOM_ANSWERS_MAX && zloom_questions[at].answers[next].key) {
                break;
            }
            answers.of[at] = 0;
        }
        if (at == ZLOOM_QUESTIONS) {
            break;
        }
    }
    assert_int_equal (seen, 3 * 3 * 2 * 3 * 4);
}

static void
s_lint (const zloom_answers_t *answers)
{
    zloom_buf_t out = {0};
    zloom_choose_recipe (answers, &out);
    loaded_t loaded = loaded_from (zloom_buf_text (&out));
    if (loaded.err != ZLOOM_OK || zloom_diags_count (loaded.diags) > 0) {
        zloom_buf_t said = {0};
        zloom_diags_text (loaded.diags, false, &said);
        fail_msg ("%s%s", zloom_buf_text (&out), zloom_buf_text (&said));
    }
    loaded_fini (&loaded);
    zloom_buf_fini (&out);
}

static void
s_every_recipe_is_clean (void **state)
{
    (void) state;
    s_each (s_lint);
}

/* What is not built is named, with what to do; what is built has nothing to be said. */
static void
s_tell (const zloom_answers_t *answers)
{
    zloom_chosen_t chosen;
    zloom_buf_t out = {0};
    zloom_choose (answers, &chosen);
    zloom_choose_text (zloom_registry (), answers, &out);
    const char *text = zloom_buf_text (&out);
    const char *missing = strstr (text, "not in this version");
    assert_true (strstr (text, "\nwhy\n") && strstr (text, "\nwhat it costs\n") &&
                 strstr (text, "\nzloom: 1\n"));
    for (size_t i = 0; i < chosen.count; i++) {
        const char *until = NULL;
        if (!zloom_six_is_built (zloom_registry (), chosen.six[i]->name, &until)) {
            assert_non_null (until);
            assert_non_null (missing);
            assert_non_null (strstr (missing, chosen.six[i]->name));
        }
    }
    zloom_buf_fini (&out);
}

static void
s_what_is_missing_is_told (void **state)
{
    (void) state;
    s_each (s_tell);
}

static void
s_assert_chosen (const char *given, const char *expected)
{
    zloom_answers_t answers;
    zloom_answers_init (&answers);
    assert_int_equal (zloom_answers_parse (&answers, given), ZLOOM_OK);
    zloom_chosen_t chosen;
    zloom_choose (&answers, &chosen);
    zloom_buf_t names = {0};
    for (size_t i = 0; i < chosen.count; i++) {
        zloom_buf_printf (&names, "%s%s", i ? " " : "", chosen.six[i]->name);
    }
    assert_string_equal (zloom_buf_text (&names), expected);
    zloom_buf_fini (&names);
}

static void
s_answers_lead_to_patterns (void **state)
{
    (void) state;
    s_assert_chosen ("answer=no,who=one,lost=no,fresh=now,source=program", "queue");
    s_assert_chosen ("answer=no,who=one,lost=no,fresh=now,source=webhook", "queue");
    s_assert_chosen ("answer=no,who=one,lost=no,fresh=later,source=file", "queue batch poll");
    s_assert_chosen ("answer=no,who=all,lost=yes,fresh=now,source=ask", "bus poll");
    s_assert_chosen ("answer=no,who=again,fresh=soon,source=program", "stream batch");
    s_assert_chosen ("answer=yes", "call");
    s_assert_chosen ("answer=later,lost=no", "call");
    s_assert_chosen ("answer=yes,who=all,fresh=soon,source=ask", "call"); /* does not matter then */
    s_assert_chosen ("answer=1,who=2,lost=1,fresh=1,source=1", "bus");
}

static void
s_what_may_be_lost_stays_in_memory (void **state)
{
    (void) state;
    static const struct {
        const char *given;
        bool memory;
    } cases[] = {
      {"answer=no,who=one,lost=yes,fresh=now,source=file", true},
      {"answer=no,who=one,lost=no,fresh=now,source=file", false},
      {"answer=yes", true},
      {"answer=later,lost=no", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zloom_answers_t answers;
        zloom_answers_init (&answers);
        assert_int_equal (zloom_answers_parse (&answers, cases[i].given), ZLOOM_OK);
        zloom_buf_t out = {0};
        zloom_choose_recipe (&answers, &out);
        loaded_t loaded = loaded_from (zloom_buf_text (&out));
        loaded_assert_good (&loaded);
        const zloom_flow_config_t *flow = zloom_recipe_flow_at (loaded.recipe, 0)->config;
        assert_int_equal (flow->confirm == ZLOOM_CONFIRM_MEMORY, cases[i].memory);
        loaded_fini (&loaded);
        zloom_buf_fini (&out);
    }
}

static void
s_wrong_answers_are_told (void **state)
{
    (void) state;
    static const struct {
        const char *given;
        const char *said;
    } cases[] = {
      {"who", "QUESTION=ANSWER"},
      {"who=nobody", "'who' is one of one, all, again, not 'nobody'"},
      {"whom=one", "did you mean 'who'?"},
      {"who=4", "'who' is one of"},
      {"who=0", "'who' is one of"},
      {"lost=no,,", "QUESTION=ANSWER"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zloom_answers_t answers;
        zloom_answers_init (&answers);
        assert_int_equal (zloom_answers_parse (&answers, cases[i].given), ZLOOM_INVALID);
        if (!strstr (zloom_note (), cases[i].said)) {
            fail_msg ("%s: %s", cases[i].given, zloom_note ());
        }
    }
}

/*
 * Recipes stand in for what is not built. Once one of these is, its answers deserve a recipe that
 * uses it (choose.c) and `zloom new` a template: then this test is to be changed.
 */
static void
s_recipes_stand_in_for_these (void **state)
{
    (void) state;
    static const char *const missing[] = {"call", "stream", "batch"};
    const char *until = NULL;
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        assert_false (zloom_six_is_built (zloom_registry (), missing[i], &until));
        assert_non_null (until);
    }
    assert_true (zloom_six_is_built (zloom_registry (), "queue", &until));
    assert_null (until);
    assert_true (zloom_six_is_built (zloom_registry (), "bus", &until));
    assert_null (until);
    assert_true (zloom_six_is_built (zloom_registry (), "poll", &until));
    assert_non_null (until); /* files only */
}

/* Each recipe of `zloom new` is clean, and nothing in its files is left to fill in. */
static void
s_new_recipes_are_clean (void **state)
{
    (void) state;
    for (int i = 0; i < 4 * ZLOOM_NEW_WORKERS; i++) {
        zloom_new_t new = {
          .name = "fresh", .poll = i % 2, .bus = i / 2 % 2, .worker = (zloom_new_worker_t) (i / 4)};
        zloom_new_file_t files[ZLOOM_NEW_FILES];
        zloom_new_files (&new, files);
        assert_string_equal (files[0].name, "fresh.yaml");
        loaded_t loaded = loaded_from (zloom_buf_text (&files[0].text));
        loaded_assert_good (&loaded);
        assert_int_equal (zloom_diags_count (loaded.diags), 0);
        assert_string_equal (zloom_recipe_name (loaded.recipe), "fresh");
        loaded_fini (&loaded);
        for (size_t j = 0; j < ZLOOM_NEW_FILES; j++) {
            const char *text = zloom_buf_text (&files[j].text);
            const char *at = strchr (text, '@');
            while (at && !strncmp (at, "@\"", 2)) { /* "$@" */
                at = strchr (at + 1, '@');
            }
            assert_null (at);
            assert_null (strstr (text, "SPDX"));
            zloom_buf_fini (&files[j].text);
        }
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (s_every_recipe_is_clean),
      cmocka_unit_test (s_what_is_missing_is_told),
      cmocka_unit_test (s_answers_lead_to_patterns),
      cmocka_unit_test (s_what_may_be_lost_stays_in_memory),
      cmocka_unit_test (s_wrong_answers_are_told),
      cmocka_unit_test (s_recipes_stand_in_for_these),
      cmocka_unit_test (s_new_recipes_are_clean),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
