/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/sample.h"
#include "verb_samples.h"
#include "wire/verb.h"

static void
s_load (const char *name, zloom_buf_t *out)
{
    char path[512];
    snprintf (path, sizeof path, "%s/wire/%s.hex", ZLOOM_TEST_DATA, name);
    if (!zloom_sample_load (path, out)) {
        fail_msg ("no sample %s", path);
    }
}

static void
s_assert_same (const char *name, const zloom_buf_t *found, const zloom_buf_t *golden)
{
    if (!zloom_bytes_equal (zloom_buf_bytes (found), zloom_buf_bytes (golden))) {
        fail_msg ("%s: %zu bytes differ from the sample's %zu", name, found->size, golden->size);
    }
}

static void
test_structs_encode_to_the_samples (void **state)
{
    zloom_buf_t golden = {0};
    zloom_buf_t found = {0};
    (void) state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        s_load (s_samples[i].name, &golden);
        zloom_buf_clear (&found);
        zloom_verb_encode (&s_samples[i].verb, &found);
        s_assert_same (s_samples[i].name, &found, &golden);
    }
    zloom_buf_fini (&golden);
    zloom_buf_fini (&found);
}

static void
test_samples_decode_without_loss (void **state)
{
    zloom_buf_t golden = {0};
    zloom_buf_t found = {0};
    zloom_arena_t arena = {0};
    (void) state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        zloom_verb_t verb;
        s_load (s_samples[i].name, &golden);
        zloom_arena_reset (&arena);
        if (zloom_verb_decode (zloom_buf_bytes (&golden), &arena, &verb) != ZLOOM_OK) {
            fail_msg ("%s: %s", s_samples[i].name, zloom_note ());
        }
        assert_int_equal (verb.kind, s_samples[i].verb.kind);
        zloom_buf_clear (&found);
        zloom_verb_encode (&verb, &found);
        s_assert_same (s_samples[i].name, &found, &golden);
    }
    zloom_arena_fini (&arena);
    zloom_buf_fini (&golden);
    zloom_buf_fini (&found);
}

static void
test_every_verb_has_a_sample (void **state)
{
    (void) state;
#define ZLOOM_VERB(NAME, lower, number, way, session, pack)                       \
    {                                                                             \
        size_t i = 0;                                                             \
        while (i < SAMPLE_COUNT && s_samples[i].verb.kind != ZLOOM_VERB_##NAME) { \
            i++;                                                                  \
        }                                                                         \
        assert_true (i < SAMPLE_COUNT);                                           \
        assert_string_equal (zloom_verb_info (ZLOOM_VERB_##NAME)->name, #NAME);   \
    }
#define ZLOOM_VERB_RESERVED(NAME, number) \
    assert_null (zloom_verb_info ((zloom_verb_kind_t) (number)));
#include "wire/verbs.def"
#undef ZLOOM_VERB
#undef ZLOOM_VERB_RESERVED
}

static void
test_decoded_fields_are_the_structs (void **state)
{
    zloom_buf_t golden = {0};
    zloom_arena_t arena = {0};
    zloom_verb_t verb;
    (void) state;
    s_load ("deliver-again", &golden);
    assert_int_equal (zloom_verb_decode (zloom_buf_bytes (&golden), &arena, &verb), ZLOOM_OK);
    const zloom_verb_deliver_t *deliver = &verb.deliver;
    assert_int_equal (deliver->run_count, 2);
    assert_int_equal (deliver->runs[1].seq, 1003);
    assert_int_equal (deliver->runs[1].n, 2);
    assert_int_equal (zloom_verb_messages (&verb), 3);
    assert_int_equal (deliver->src[1].first_id, 44);
    assert_memory_equal (deliver->src[1].producer.data, "shop", 4);
    assert_int_equal (deliver->facts[0].attempt, 2);
    assert_int_equal (deliver->facts[0].budget_left_ms, -1);
    assert_true (deliver->facts[0].redelivered);
    assert_int_equal (deliver->facts[1].budget_left_ms, 250);
    assert_int_equal (deliver->delivery_no, 2);
    s_load ("settle", &golden);
    assert_int_equal (zloom_verb_decode (zloom_buf_bytes (&golden), &arena, &verb), ZLOOM_OK);
    assert_int_equal (verb.settle.runs[0].delay_ms, ZLOOM_DELAY_UNSET);
    assert_null (verb.settle.runs[0].cause.reason.data);
    assert_int_equal (verb.settle.runs[0].cause.exit, -1);
    assert_int_equal (verb.settle.runs[1].verdict, ZLOOM_VERDICT_RETRY);
    assert_int_equal (verb.settle.runs[1].cause.exit, 1);
    s_load ("settled-step", &golden);
    assert_int_equal (zloom_verb_decode (zloom_buf_bytes (&golden), &arena, &verb), ZLOOM_OK);
    assert_true (verb.settled.is_step);
    assert_int_equal (verb.settled.step, ZLOOM_OK);
    s_load ("settled", &golden);
    assert_int_equal (zloom_verb_decode (zloom_buf_bytes (&golden), &arena, &verb), ZLOOM_OK);
    assert_false (verb.settled.is_step);
    assert_int_equal (verb.settled.runs[1].code, ZLOOM_STALE);
    zloom_arena_fini (&arena);
    zloom_buf_fini (&golden);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_structs_encode_to_the_samples),
      cmocka_unit_test (test_samples_decode_without_loss),
      cmocka_unit_test (test_every_verb_has_a_sample),
      cmocka_unit_test (test_decoded_fields_are_the_structs),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
