/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/common/pack_head.h"

#include "patterns/common/history.h"
#include "wire/encode.h"

static void
s_encode_matches (const zloom_effect_t *append, zloom_buf_t *out)
{
    zloom_encode_array (out, append->append.match_count * 2);
    for (size_t i = 0; i < append->append.match_count; i++) {
        const zloom_match_t *match = &append->append.matches[i];
        zloom_encode_uint (out, match->group);
        zloom_encode_array (out, match->run_count * 2);
        for (size_t j = 0; j < match->run_count; j++) {
            zloom_encode_uint (out, match->runs[j].first);
            zloom_encode_uint (out, match->runs[j].n);
        }
    }
}

void
zloom_pack_head_encode (const zloom_effect_t *append, zloom_buf_t *out)
{
    const bool expires = append->append.expires_ns != ZLOOM_NEVER;
    const bool ranks = append->append.rank_count > 0;
    const bool matches = append->append.match_count > 0;
    const bool arrived = append->append.arrived_ns != 0;
    zloom_encode_array (out, arrived ? 8 : matches ? 7 : ranks ? 6 : expires ? 5 : 4);
    zloom_encode_uint (out, append->append.flags);
    zloom_encode_bool (out, append->append.own);
    zloom_src_encode (append->append.src, append->append.src_count, out);
    if (append->append.past) {
        zloom_encode_array (out, append->append.n);
        for (uint32_t i = 0; i < append->append.n; i++) {
            zloom_encode_bytes (out, append->append.past[i].history);
        }
    } else {
        zloom_encode_nil (out);
    }
    if (expires) {
        zloom_encode_int (out, append->append.expires_ns);
    } else if (ranks || matches || arrived) {
        zloom_encode_nil (out);
    }
    if (ranks) {
        zloom_encode_array (out, append->append.rank_count * 2);
        for (size_t i = 0; i < append->append.rank_count; i++) {
            zloom_encode_uint (out, append->append.ranks[i].n);
            zloom_encode_uint (out, append->append.ranks[i].rank);
        }
    } else if (matches || arrived) {
        zloom_encode_nil (out);
    }
    if (matches) {
        s_encode_matches (append, out);
    } else if (arrived) {
        zloom_encode_nil (out);
    }
    if (arrived) {
        zloom_encode_int (out, append->append.arrived_ns);
    }
}

static void
s_decode_ranks (zloom_cursor_t *cursor, zloom_arena_t *arena, zloom_pack_head_t *head)
{
    const uint32_t count = zloom_cursor_array (cursor, 2 * ZLOOM_LIMIT_PACK_MESSAGES);
    if (cursor->err != ZLOOM_OK || count == 0) {
        return;
    }
    zloom_rank_run_t *ranks = zloom_arena_take (arena, count / 2 + 1, sizeof *ranks);
    for (uint32_t i = 0; i + 1 < count; i += 2) {
        ranks[i / 2].n = (uint32_t) zloom_cursor_uint (cursor, ZLOOM_LIMIT_PACK_MESSAGES);
        ranks[i / 2].rank = (uint8_t) zloom_cursor_uint (cursor, UINT8_MAX);
    }
    head->ranks = ranks;
    head->rank_count = count / 2;
}

/* Runs that rise and do not touch; whatever else stands there is no head of ours. */
static void
s_decode_runs (zloom_cursor_t *cursor, zloom_arena_t *arena, zloom_match_t *match)
{
    const uint32_t count = zloom_cursor_array (cursor, 2 * ZLOOM_LIMIT_PACK_MESSAGES);
    if (cursor->err != ZLOOM_OK) {
        return;
    }
    zloom_part_run_t *runs = zloom_arena_take (arena, count / 2 + 1, sizeof *runs);
    uint64_t end = 0;
    for (uint32_t i = 0; i < count / 2 && cursor->err == ZLOOM_OK; i++) {
        runs[i].first = (uint32_t) zloom_cursor_uint (cursor, ZLOOM_LIMIT_PACK_MESSAGES);
        runs[i].n = (uint32_t) zloom_cursor_uint (cursor, ZLOOM_LIMIT_PACK_MESSAGES);
        if (cursor->err == ZLOOM_OK && (runs[i].first < end || runs[i].n == 0)) {
            zloom_cursor_fail (cursor, ZLOOM_MALFORMED, "what a group wants does not rise");
        }
        end = (uint64_t) runs[i].first + runs[i].n;
    }
    match->runs = runs;
    match->run_count = count / 2;
}

static void
s_decode_matches (zloom_cursor_t *cursor, zloom_arena_t *arena, zloom_pack_head_t *head)
{
    const uint32_t count = zloom_cursor_array (cursor, 2 * ZLOOM_LIMIT_GROUPS);
    if (cursor->err != ZLOOM_OK || count == 0) {
        return;
    }
    zloom_match_t *matches = zloom_arena_take (arena, count / 2 + 1, sizeof *matches);
    for (uint32_t i = 0; i < count / 2 && cursor->err == ZLOOM_OK; i++) {
        matches[i].group = (uint32_t) zloom_cursor_uint (cursor, UINT32_MAX);
        s_decode_runs (cursor, arena, &matches[i]);
    }
    head->matches = matches;
    head->match_count = count / 2;
}

zloom_err_t
zloom_pack_head_decode (zloom_bytes_t bytes, zloom_arena_t *arena, zloom_pack_head_t *head)
{
    *head = (zloom_pack_head_t){0};
    zloom_cursor_t cursor = zloom_cursor (bytes);
    zloom_fields_t fields = zloom_fields_open (&cursor);
    head->flags = (uint32_t) zloom_fields_uint (&fields, ZLOOM_NEED, UINT32_MAX, 0);
    head->own = zloom_fields_bool (&fields);
    if (zloom_fields_next (&fields, ZLOOM_NEED)) {
        head->src = zloom_src_decode (&cursor, arena, &head->src_count);
    }
    head->past = zloom_fields_raw (&fields, ZLOOM_MAY);
    head->expires_ns = zloom_fields_int (&fields, ZLOOM_MAY, ZLOOM_NEVER);
    if (zloom_fields_next (&fields, ZLOOM_MAY)) {
        s_decode_ranks (&cursor, arena, head);
    }
    if (zloom_fields_next (&fields, ZLOOM_MAY)) {
        s_decode_matches (&cursor, arena, head);
    }
    head->arrived_ns = zloom_fields_int (&fields, ZLOOM_MAY, 0);
    zloom_fields_close (&fields);
    return zloom_cursor_end (&cursor);
}

/* The ranks of messages [first, first + n) into `out`, which has room for all; how many. */
static size_t
s_cut_ranks (const zloom_pack_head_t *head, uint64_t first, uint64_t n, zloom_rank_run_t *out)
{
    size_t count = 0;
    uint64_t at = 0;
    for (size_t i = 0; i < head->rank_count; i++) {
        const uint64_t from = at > first ? at : first;
        at += head->ranks[i].n;
        const uint64_t to = at < first + n ? at : first + n;
        if (to > from) {
            out[count++] =
              (zloom_rank_run_t){.n = (uint32_t) (to - from), .rank = head->ranks[i].rank};
        }
    }
    return count;
}

/* What groups want of messages [first, first + n), counted from `first`. */
static const zloom_match_t *
s_cut_matches (const zloom_pack_head_t *head, uint32_t first, uint32_t n, zloom_arena_t *arena)
{
    zloom_match_t *cut = zloom_arena_take (arena, head->match_count + 1, sizeof *cut);
    for (size_t i = 0; i < head->match_count; i++) {
        const zloom_match_t *match = &head->matches[i];
        zloom_part_run_t *runs = zloom_arena_take (arena, match->run_count + 1, sizeof *runs);
        cut[i] = (zloom_match_t){.group = match->group, .runs = runs};
        for (size_t j = 0; j < match->run_count; j++) {
            const uint64_t end = (uint64_t) match->runs[j].first + match->runs[j].n;
            const uint64_t from = match->runs[j].first > first ? match->runs[j].first : first;
            const uint64_t to = end < (uint64_t) first + n ? end : (uint64_t) first + n;
            if (from < to) {
                runs[cut[i].run_count++] =
                  (zloom_part_run_t){(uint32_t) (from - first), (uint32_t) (to - from)};
            }
        }
    }
    return cut;
}

zloom_err_t
zloom_pack_head_cut (zloom_bytes_t bytes, uint32_t first, uint32_t n, zloom_buf_t *out)
{
    zloom_arena_t arena = {0};
    zloom_pack_head_t head;
    zloom_err_t err = zloom_pack_head_decode (bytes, &arena, &head);
    if (!err && zloom_src_total (head.src, head.src_count) < (uint64_t) first + n) {
        err = zloom_fail (ZLOOM_INVALID, "a pack's head speaks of fewer messages");
    }
    if (!err) {
        zloom_src_t *src = zloom_arena_take (&arena, head.src_count, sizeof *src);
        zloom_rank_run_t *ranks = zloom_arena_take (&arena, head.rank_count, sizeof *ranks);
        zloom_past_t *past = zloom_arena_take (&arena, head.past.data ? n : 0, sizeof *past);
        for (uint32_t i = 0; i < n && head.past.data; i++) {
            past[i].history = zloom_pack_head_past (&head, first + i);
        }
        zloom_effect_t effect = {.type = ZLOOM_EFFECT_APPEND};
        effect.append.n = n;
        effect.append.flags = head.flags;
        effect.append.own = head.own;
        effect.append.src = src;
        effect.append.src_count = zloom_src_cut (head.src, head.src_count, first, n, src);
        effect.append.past = head.past.data ? past : NULL;
        effect.append.expires_ns = head.expires_ns;
        effect.append.ranks = ranks;
        effect.append.rank_count = s_cut_ranks (&head, first, n, ranks);
        effect.append.matches = s_cut_matches (&head, first, n, &arena);
        effect.append.match_count = head.match_count;
        effect.append.arrived_ns = head.arrived_ns;
        zloom_pack_head_encode (&effect, out);
    }
    zloom_arena_fini (&arena);
    return err;
}

const zloom_match_t *
zloom_pack_head_match (const zloom_pack_head_t *head, uint32_t group)
{
    for (size_t i = 0; i < head->match_count; i++) {
        if (head->matches[i].group == group) {
            return &head->matches[i];
        }
    }
    return NULL;
}

zloom_bytes_t
zloom_pack_head_past (const zloom_pack_head_t *head, uint32_t index)
{
    if (!head->past.data) {
        return ZLOOM_BYTES_NULL;
    }
    zloom_cursor_t cursor = zloom_cursor (head->past);
    uint32_t count = zloom_cursor_array (&cursor, ZLOOM_LIMIT_PACK_MESSAGES);
    for (uint32_t i = 0; i < index && i < count; i++) {
        zloom_cursor_raw (&cursor);
    }
    if (index >= count || zloom_cursor_nil (&cursor)) {
        return ZLOOM_BYTES_NULL;
    }
    zloom_bytes_t history = zloom_cursor_bytes (&cursor, ZLOOM_HISTORY_BYTES_MAX);
    return cursor.err == ZLOOM_OK ? history : ZLOOM_BYTES_NULL;
}
