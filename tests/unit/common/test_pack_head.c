/* SPDX-License-Identifier: MPL-2.0 */
/* What durable groups want of a pack stands in its head: written, read, and cut with the pack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "patterns/common/pack_head.h"

static const zloom_part_run_t some[] = {{0, 2}, {5, 1}, {7, 3}};
static const zloom_match_t matches[] = {{3, some, 3}, {9, NULL, 0}};

static zloom_buf_t
s_head (bool ranked)
{
    static const zloom_rank_run_t ranks[] = {{4, 9}, {6, 1}};
    static zloom_src_t src;
    src = (zloom_src_t){.n = 10, .producer = zloom_bytes_text ("shop"), .first_id = 1};
    zloom_effect_t effect = {.type = ZLOOM_EFFECT_APPEND};
    effect.append.n = 10;
    effect.append.src = &src;
    effect.append.src_count = 1;
    effect.append.expires_ns = ZLOOM_NEVER;
    effect.append.ranks = ranked ? ranks : NULL;
    effect.append.rank_count = ranked ? 2 : 0;
    effect.append.matches = matches;
    effect.append.match_count = 2;
    zloom_buf_t out = {0};
    zloom_pack_head_encode (&effect, &out);
    return out;
}

static void
pack_head_keeps_what_groups_want (void **state)
{
    (void) state;
    for (int ranked = 0; ranked < 2; ranked++) {
        zloom_buf_t bytes = s_head (ranked);
        zloom_arena_t arena = {0};
        zloom_pack_head_t head;
        assert_int_equal (zloom_pack_head_decode (zloom_buf_bytes (&bytes), &arena, &head), 0);
        assert_int_equal (head.match_count, 2);
        assert_int_equal (head.rank_count, ranked ? 2 : 0);
        const zloom_match_t *match = zloom_pack_head_match (&head, 3);
        assert_non_null (match);
        assert_int_equal (match->run_count, 3);
        assert_memory_equal (match->runs, some, sizeof some);
        assert_int_equal (zloom_pack_head_match (&head, 9)->run_count, 0);
        assert_null (zloom_pack_head_match (&head, 4)); /* who is not named wants all */
        zloom_arena_fini (&arena);
        zloom_buf_fini (&bytes);
    }
}

static void
pack_head_keeps_it_when_it_is_cut (void **state)
{
    (void) state;
    zloom_buf_t bytes = s_head (true);
    zloom_buf_t part = {0};
    zloom_arena_t arena = {0};
    zloom_pack_head_t head;
    assert_int_equal (zloom_pack_head_cut (zloom_buf_bytes (&bytes), 1, 7, &part), 0);
    assert_int_equal (zloom_pack_head_decode (zloom_buf_bytes (&part), &arena, &head), 0);
    static const zloom_part_run_t cut[] = {{0, 1}, {4, 1}, {6, 1}};
    const zloom_match_t *match = zloom_pack_head_match (&head, 3);
    assert_int_equal (match->run_count, 3);
    assert_memory_equal (match->runs, cut, sizeof cut);
    assert_int_equal (zloom_pack_head_match (&head, 9)->run_count, 0);
    zloom_arena_fini (&arena);
    zloom_buf_fini (&part);
    zloom_buf_fini (&bytes);
}

/* When it arrived stands behind all else, and stays when it is cut. */
static void
pack_head_keeps_when_it_arrived (void **state)
{
    (void) state;
    const zloom_src_t src = {.n = 3, .producer = zloom_bytes_text ("shop"), .first_id = 1};
    zloom_effect_t effect = {.type = ZLOOM_EFFECT_APPEND};
    effect.append.n = 3;
    effect.append.src = &src;
    effect.append.src_count = 1;
    effect.append.expires_ns = ZLOOM_NEVER;
    effect.append.matches = matches + 1;
    for (int i = 0; i < 4; i++) {
        zloom_buf_t bytes = {0};
        zloom_buf_t part = {0};
        zloom_arena_t arena = {0};
        zloom_pack_head_t head;
        effect.append.match_count = (size_t) i % 2;
        effect.append.arrived_ns = i / 2 ? INT64_C (1700000000000000000) : 0;
        zloom_pack_head_encode (&effect, &bytes);
        assert_int_equal (zloom_pack_head_cut (zloom_buf_bytes (&bytes), 1, 1, &part), 0);
        assert_int_equal (zloom_pack_head_decode (zloom_buf_bytes (&part), &arena, &head), 0);
        assert_int_equal (head.arrived_ns, effect.append.arrived_ns);
        assert_int_equal (head.match_count, i % 2);
        zloom_arena_fini (&arena);
        zloom_buf_fini (&bytes);
        zloom_buf_fini (&part);
    }
}

static void
pack_head_refuses_runs_that_do_not_rise (void **state)
{
    (void) state;
    static const zloom_part_run_t odd[][2] = {{{5, 2}, {6, 1}}, {{5, 0}, {6, 1}}, {{5, 1}, {2, 1}}};
    for (size_t i = 0; i < 3; i++) {
        const zloom_match_t match = {1, odd[i], 2};
        zloom_src_t src = {.n = 10, .producer = zloom_bytes_text ("shop"), .first_id = 1};
        zloom_effect_t effect = {.type = ZLOOM_EFFECT_APPEND};
        effect.append.n = 10;
        effect.append.src = &src;
        effect.append.src_count = 1;
        effect.append.expires_ns = ZLOOM_NEVER;
        effect.append.matches = &match;
        effect.append.match_count = 1;
        zloom_buf_t out = {0};
        zloom_arena_t arena = {0};
        zloom_pack_head_t head;
        zloom_pack_head_encode (&effect, &out);
        assert_int_equal (zloom_pack_head_decode (zloom_buf_bytes (&out), &arena, &head),
                          ZLOOM_MALFORMED);
        zloom_arena_fini (&arena);
        zloom_buf_fini (&out);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (pack_head_keeps_what_groups_want),
      cmocka_unit_test (pack_head_keeps_it_when_it_is_cut),
      cmocka_unit_test (pack_head_keeps_when_it_arrived),
      cmocka_unit_test (pack_head_refuses_runs_that_do_not_rise),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
