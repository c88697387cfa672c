/* SPDX-License-Identifier: MPL-2.0 */
/* A worker's own handler, one message at a time, without a router. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "nodes/worker/trial.h"
#include "patterns/registry.h"

typedef struct {
    zloom_diags_t *diags;
    zloom_recipe_t *recipe;
    zloom_trial_t *trial;
    size_t told;
    zloom_verdict_t verdict;
    char emit[64];
    char reason[32];
    char text[256];
} rig_t;

static void
s_outcome (void *arg, const zloom_outcome_t *outcome)
{
    rig_t *rig = arg;
    const zloom_cause_t *cause = &outcome->settlement.cause;
    rig->told++;
    rig->verdict = outcome->settlement.verdict;
    rig->emit[0] = '\0';
    for (size_t i = 0; i < outcome->emit_count; i++) {
        const zloom_bytes_t body = outcome->emits[i].envelope.body;
        (void) snprintf (rig->emit, sizeof rig->emit, "%.*s", (int) body.size,
                         (const char *) body.data);
    }
    (void) snprintf (rig->reason, sizeof rig->reason, "%.*s", (int) cause->reason.size,
                     cause->reason.data ? (const char *) cause->reason.data : "");
    (void) snprintf (rig->text, sizeof rig->text, "%.*s", (int) cause->text.size,
                     cause->text.data ? (const char *) cause->text.data : "");
}

static zloom_err_t
s_open (rig_t *rig, const char *worker)
{
    char *yaml =
      zloom_format ("zloom: 1\nname: t\nnodes:\n  work: {kind: worker, %s}\nflows:\n"
                    "  in: {pattern: queue, from: external, to: work, dead_letter: dead}\n"
                    "  out: {pattern: queue, from: work, to: external}\n"
                    "  dead: {pattern: queue, to: external}\n",
                    worker);
    *rig = (rig_t){.diags = zloom_diags_new ()};
    assert_int_equal (zloom_recipe_load_text ("t.yaml", "/", zloom_bytes_text (yaml),
                                              zloom_registry (), NULL, rig->diags, &rig->recipe),
                      ZLOOM_OK);
    free (yaml);
    return zloom_trial_new (rig->recipe, zloom_recipe_node (rig->recipe, "work"), 1, &rig->trial);
}

static zloom_err_t
s_work (rig_t *rig, const char *body, int64_t limit_ms)
{
    const zloom_message_t message = {
      .flow = "in", .seq = 1, .body = body, .body_size = strlen (body), .producer = ""};
    return zloom_trial_work (rig->trial, &message, limit_ms, s_outcome, rig);
}

static void
s_close (rig_t *rig)
{
    zloom_trial_destroy (&rig->trial);
    zloom_recipe_destroy (&rig->recipe);
    zloom_diags_destroy (&rig->diags);
}

static void
s_messages_one_after_the_other (void **state)
{
    (void) state;
    rig_t rig;
    assert_int_equal (s_open (&rig, "run: [sed, -u, s/a/b/], io: lines"), ZLOOM_OK);
    for (size_t i = 1; i <= 3; i++) {
        assert_int_equal (s_work (&rig, "a", 60000), ZLOOM_OK);
        assert_int_equal (rig.told, i);
        assert_int_equal (rig.verdict, ZLOOM_VERDICT_ACK);
        assert_string_equal (rig.emit, "b");
    }
    s_close (&rig);
}

static void
s_exit_codes_are_verdicts (void **state)
{
    (void) state;
    rig_t rig;
    assert_int_equal (s_open (&rig, "run: [sh, -c, \"read n; echo why >&2; exit $n\"], io: exec"),
                      ZLOOM_OK);
    assert_int_equal (s_work (&rig, "65\n", 60000), ZLOOM_OK);
    assert_int_equal (rig.verdict, ZLOOM_VERDICT_REJECT);
    assert_string_equal (rig.reason, "rejected");
    assert_non_null (strstr (rig.text, "why"));
    assert_int_equal (s_work (&rig, "75\n", 60000), ZLOOM_OK);
    assert_int_equal (rig.verdict, ZLOOM_VERDICT_RETRY);
    s_close (&rig);
}

static void
s_who_ends_in_the_middle_crashes_and_begins_anew (void **state)
{
    (void) state;
    rig_t rig;
    assert_int_equal (
      s_open (&rig, "run: [sh, -c, \"while read w; do [ $w = a ] || exit 3; echo $w; done\"]"),
      ZLOOM_OK);
    assert_int_equal (s_work (&rig, "die", 60000), ZLOOM_OK);
    assert_int_equal (rig.verdict, ZLOOM_VERDICT_CRASH);
    assert_string_equal (rig.reason, "crash");
    assert_non_null (strstr (rig.text, "exit code 3"));
    assert_int_equal (s_work (&rig, "a", 60000), ZLOOM_OK);
    assert_string_equal (rig.emit, "a");
    s_close (&rig);
}

static void
s_who_says_nothing_is_not_waited_for (void **state)
{
    (void) state;
    rig_t rig;
    assert_int_equal (s_open (&rig, "run: [sleep, \"1000\"]"), ZLOOM_OK);
    assert_int_equal (s_work (&rig, "a", 100), ZLOOM_TIMED_OUT);
    assert_non_null (strstr (zloom_note (), "no answer within"));
    assert_int_equal (rig.told, 0);
    s_close (&rig);
}

static void
s_what_cannot_be_run_is_told (void **state)
{
    (void) state;
    rig_t rig;
    assert_int_equal (s_open (&rig, "run: [/no/such/program], io: exec"), ZLOOM_OK);
    assert_int_equal (s_work (&rig, "a", 60000), ZLOOM_NO_PROGRAM);
    assert_int_equal (rig.told, 0);
    s_close (&rig);
    assert_int_equal (s_open (&rig, "run: [python3, /no/such/script.py]"), ZLOOM_NO_PROGRAM);
    s_close (&rig);
    assert_int_equal (s_open (&rig, "actor: mine"), ZLOOM_NO_PROGRAM);
    assert_non_null (strstr (zloom_note (), "no handler is registered"));
    s_close (&rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (s_messages_one_after_the_other),
      cmocka_unit_test (s_exit_codes_are_verdicts),
      cmocka_unit_test (s_who_ends_in_the_middle_crashes_and_begins_anew),
      cmocka_unit_test (s_who_says_nothing_is_not_waited_for),
      cmocka_unit_test (s_what_cannot_be_run_is_told),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
