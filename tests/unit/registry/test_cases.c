/* SPDX-License-Identifier: MPL-2.0 */
/* `tests:` as it is read: bodies, what is not said, places. */
#include "recipes.h"

#include "recipe/cases.h"

#define HEAD                                                                  \
    "zloom: 1\nname: t\nnodes:\n  work: {kind: worker, run: [cat]}\nflows:\n" \
    "  in: {pattern: queue, from: external, to: work, dead_letter: dead}\n"   \
    "  out: {pattern: queue, from: work, to: external}\n"                     \
    "  dead: {pattern: queue, to: external}\ntests:\n"

/* What a body in the recipe is sent as. */
static void
s_is_sent_as (const char *yaml, const char *expected, bool json)
{
    char *text =
      zloom_format (HEAD "  one: {steps: [{send: in, body: %s}, {expect: in, count: 1}]}\n", yaml);
    loaded_t loaded = loaded_from (text);
    loaded_assert_good (&loaded);
    const zloom_case_t *one = zloom_recipe_case_at (loaded.recipe, 0);
    assert_string_equal (one->steps[0].is.send.message.body.text, expected);
    assert_int_equal (one->steps[0].is.send.message.body.json, json);
    loaded_fini (&loaded);
    free (text);
}

static void
s_bodies (void **state)
{
    (void) state;
    s_is_sent_as ("plain text", "plain text", false);
    s_is_sent_as ("7", "7", false);
    s_is_sent_as ("\"\"", "", false);
    s_is_sent_as ("'{\"a\": 1}'", "{\"a\": 1}", false);
    s_is_sent_as ("{a: 1, b: \"1\", c: x}", "{\"a\":1,\"b\":\"1\",\"c\":\"x\"}", true);
    s_is_sent_as ("[]", "[]", true);
    s_is_sent_as ("{}", "{}", true);
    s_is_sent_as ("[true, false, null, ~, yes, 'true']", "[true,false,null,null,\"yes\",\"true\"]",
                  true);
    s_is_sent_as ("[0, -1, 1.5, -0.5e-3, 1E+2]", "[0,-1,1.5,-0.5e-3,1E+2]", true);
    /* What JSON has no number for is a text. */
    s_is_sent_as ("[007, +1, .5, 1., 1e, 0x1f, 1_000, -x, 1:30]",
                  "[\"007\",\"+1\",\".5\",\"1.\",\"1e\",\"0x1f\",\"1_000\",\"-x\",\"1:30\"]", true);
    s_is_sent_as ("{deep: [{er: {}}], \"q\\\"\": \"ä\\n\"}",
                  "{\"deep\":[{\"er\":{}}],\"q\\\"\":\"ä\\u000a\"}", true);
}

static void
s_what_is_not_said (void **state)
{
    (void) state;
    loaded_t loaded = loaded_from (HEAD "  one:\n"
                                        "    mock: {work: [{}, {emit: [{}]}]}\n"
                                        "    steps:\n"
                                        "      - {send: in}\n"
                                        "      - {kill: work}\n"
                                        "      - {expect: in, state: {ready: 3}}\n"
                                        "      - {handled: work, messages: []}\n");
    loaded_assert_good (&loaded);
    assert_int_equal (zloom_recipe_case_count (loaded.recipe), 1);
    const zloom_case_t *one = zloom_recipe_case_at (loaded.recipe, 0);
    assert_null (one->about);
    assert_int_equal (one->mock_count, 1);
    assert_string_equal (one->mocks[0].node->name, "work");
    const zloom_case_rule_t *rule = &one->mocks[0].rules[0];
    assert_int_equal (rule->verdict, ZLOOM_CASE_ACK);
    assert_int_equal (rule->attempt, 0);
    assert_int_equal (rule->times, 0);
    assert_int_equal (rule->delay_ns, -1);
    assert_int_equal (rule->takes_ns, 0);
    assert_null (rule->body.text);
    assert_int_equal (rule[1].emit_count, 1);
    assert_string_equal (rule[1].emits[0].flow, "out"); /* its only one */
    assert_null (rule[1].emits[0].message.body.text);
    assert_int_equal (rule[1].emits[0].message.priority, -1);
    assert_int_equal (one->step_count, 4);
    const zloom_case_send_t *send = &one->steps[0].is.send;
    assert_int_equal (send->count, 1);
    assert_int_equal (send->message.priority, -1);
    assert_false (send->refused);
    assert_int_equal (one->steps[1].is.kill.away_ns, 0);
    const zloom_case_expect_t *expect = &one->steps[2].is.expect;
    assert_int_equal (expect->seen.count, -1);
    assert_false (expect->seen.listed);
    assert_int_equal (expect->state_count, 1);
    assert_string_equal (expect->state[0].name, "ready");
    assert_int_equal (expect->state[0].value, 3);
    assert_int_equal (expect->state_at[0].line, 15);
    assert_int_equal (expect->state_at[0].column, 37);
    assert_true (one->steps[3].is.handled.seen.listed);
    assert_int_equal (one->steps[3].is.handled.seen.match_count, 0);
    loaded_fini (&loaded);
}

/* Names of flows in cases are those of the recipe, those of fragments among them. */
static void
s_no_secret_and_no_fragment (void **state)
{
    (void) state;
    loaded_t loaded =
      loaded_from ("zloom: 1\nname: t\nsecrets: {pin: {env: PIN}}\nnodes:\n"
                   "  work: {kind: worker, run: [cat], secrets: [pin]}\nflows:\n"
                   "  in: {pattern: queue, from: external, to: work, dead_letter: dead}\n"
                   "  dead: {pattern: queue, to: external}\ntests:\n  one:\n    steps:\n"
                   "      - {send: in, body: {deep: [\"${secret.pin}\"]}}\n"
                   "      - {expect: in, messages: [\"${secret.pin}\"]}\n");
    assert_int_equal (loaded.err, ZLOOM_RECIPE);
    assert_int_equal (loaded_count (&loaded, "Z0215"), 2);
    loaded_fini (&loaded);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (s_bodies),
      cmocka_unit_test (s_what_is_not_said),
      cmocka_unit_test (s_no_secret_and_no_fragment),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
