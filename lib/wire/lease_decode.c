/* SPDX-License-Identifier: MPL-2.0 */
/* Verbs of consuming, from bytes: SUBSCRIBE to GAP. See verb_decode.c. */
#include "wire/part.h"

static void
s_get_holding (zloom_cursor_t *cursor, zloom_arena_t *arena, zloom_holding_t *holding)
{
    zloom_fields_t fields = zloom_fields_open (cursor);
    holding->token = zloom_part_token (&fields);
    holding->runs = zloom_part_runs (&fields, arena, &holding->run_count);
    zloom_fields_close (&fields);
}

static void
s_get_rules (zloom_fields_t *fields, zloom_verb_subscribe_t *subscribe)
{
    if (zloom_fields_next (fields, ZLOOM_MAY)) {
        zloom_fields_t from = zloom_fields_open (fields->cursor);
        subscribe->from =
          (zloom_from_t) zloom_fields_uint (&from, ZLOOM_NEED, ZLOOM_FROM_COUNT - 1, 0);
        const bool wants = subscribe->from == ZLOOM_FROM_TIME || subscribe->from == ZLOOM_FROM_SEQ;
        subscribe->from_value = zloom_fields_int (&from, wants ? ZLOOM_NEED : ZLOOM_MAY, 0);
        zloom_fields_close (&from);
    }
    if (zloom_fields_next (fields, ZLOOM_MAY)) {
        zloom_fields_t policy = zloom_fields_open (fields->cursor);
        subscribe->mode =
          (zloom_mode_t) zloom_fields_uint (&policy, ZLOOM_MAY, ZLOOM_MODE_COUNT - 1, 0);
        subscribe->durable = zloom_fields_bool (&policy);
        subscribe->on_slow =
          (zloom_on_slow_t) zloom_fields_uint (&policy, ZLOOM_MAY, ZLOOM_ON_SLOW_COUNT - 1, 0);
        subscribe->on_slow_value = (int64_t) zloom_part_number (&policy, ZLOOM_MAY);
        zloom_fields_close (&policy);
    }
}

void
zloom_part_get_subscribe (zloom_fields_t *fields, zloom_arena_t *arena,
                          zloom_verb_subscribe_t *subscribe)
{
    zloom_cursor_t *cursor = fields->cursor;
    subscribe->handle = zloom_part_u32 (fields, ZLOOM_NEED, 0);
    subscribe->flow = zloom_fields_text (fields, ZLOOM_NEED, ZLOOM_LIMIT_NAME_BYTES);
    subscribe->group = zloom_fields_text (fields, ZLOOM_MAY, ZLOOM_LIMIT_NAME_BYTES);
    const uint32_t pattern_count = zloom_fields_array (fields, ZLOOM_MAY, ZLOOM_LIMIT_PATTERNS);
    zloom_bytes_t *patterns = zloom_arena_take (arena, pattern_count, sizeof *patterns);
    for (uint32_t i = 0; i < pattern_count; i++) {
        patterns[i] = zloom_cursor_text (cursor, ZLOOM_LIMIT_TOPIC_BYTES);
    }
    subscribe->patterns = patterns;
    subscribe->pattern_count = pattern_count;
    s_get_rules (fields, subscribe);
    const uint32_t count = zloom_fields_array (fields, ZLOOM_MAY, ZLOOM_LIMIT_HOLDINGS);
    zloom_holding_t *holding = zloom_arena_take (arena, count, sizeof *holding);
    for (uint32_t i = 0; i < count && cursor->err == ZLOOM_OK; i++) {
        s_get_holding (cursor, arena, &holding[i]);
    }
    subscribe->holding = holding;
    subscribe->holding_count = count;
}

void
zloom_part_get_subscribed (zloom_fields_t *fields, zloom_arena_t *arena,
                           zloom_verb_subscribed_t *subscribed)
{
    (void) arena;
    subscribed->handle = zloom_part_u32 (fields, ZLOOM_NEED, 0);
    subscribed->code = zloom_part_code (fields, ZLOOM_MAY);
    subscribed->text = zloom_fields_text (fields, ZLOOM_MAY, ZLOOM_LIMIT_TEXT_BYTES);
    subscribed->flow = zloom_part_u32 (fields, ZLOOM_MAY, 0);
    subscribed->lease_ms = zloom_part_number (fields, ZLOOM_MAY);
    subscribed->key = zloom_fields_text (fields, ZLOOM_MAY, ZLOOM_LIMIT_KEY_BYTES);
    subscribed->next = zloom_part_number (fields, ZLOOM_MAY);
}

void
zloom_part_get_unsubscribe (zloom_fields_t *fields, zloom_arena_t *arena,
                            zloom_verb_unsubscribe_t *unsubscribe)
{
    (void) arena;
    unsubscribe->handle = zloom_part_u32 (fields, ZLOOM_NEED, 0);
}

static void
s_get_fact (zloom_cursor_t *cursor, zloom_fact_t *fact)
{
    zloom_fields_t fields = zloom_fields_open (cursor);
    fact->i = zloom_part_u32 (&fields, ZLOOM_NEED, 0);
    fact->budget_left_ms = -1;
    if (zloom_fields_next (&fields, ZLOOM_NEED)) {
        zloom_fields_t inner = zloom_fields_open (cursor);
        fact->attempt = zloom_part_u32 (&inner, ZLOOM_MAY, 0);
        const uint64_t budget = zloom_fields_uint (&inner, ZLOOM_MAY, INT64_MAX, UINT64_MAX);
        fact->budget_left_ms = budget == UINT64_MAX ? -1 : (int64_t) budget;
        fact->redelivered = zloom_fields_bool (&inner);
        fact->replayed = zloom_fields_bool (&inner);
        zloom_fields_close (&inner);
    }
    zloom_fields_close (&fields);
}

/* Facts ascend and name messages of the pack, so that a reader walks both side by side. */
static void
s_check_facts (zloom_cursor_t *cursor, const zloom_verb_deliver_t *deliver, uint64_t messages)
{
    for (size_t i = 0; i < deliver->fact_count; i++) {
        const zloom_fact_t *fact = &deliver->facts[i];
        if (fact->i >= messages || (i > 0 && fact->i <= fact[-1].i)) {
            zloom_cursor_fail (cursor, ZLOOM_MALFORMED, "facts do not ascend within the pack");
            return;
        }
    }
}

void
zloom_part_get_deliver (zloom_fields_t *fields, zloom_arena_t *arena, zloom_verb_deliver_t *deliver)
{
    zloom_cursor_t *cursor = fields->cursor;
    deliver->handle = zloom_part_u32 (fields, ZLOOM_NEED, 0);
    deliver->token = zloom_part_token (fields);
    deliver->runs = zloom_part_runs (fields, arena, &deliver->run_count);
    deliver->src = zloom_part_src (fields, ZLOOM_NEED, arena, &deliver->src_count);
    const uint32_t count = zloom_fields_array (fields, ZLOOM_MAY, ZLOOM_LIMIT_PACK_MESSAGES);
    zloom_fact_t *facts = zloom_arena_take (arena, count, sizeof *facts);
    for (uint32_t i = 0; i < count && cursor->err == ZLOOM_OK; i++) {
        s_get_fact (cursor, &facts[i]);
    }
    deliver->facts = facts;
    deliver->fact_count = count;
    deliver->delivery_no = zloom_part_number (fields, ZLOOM_NEED);
    if (cursor->err != ZLOOM_OK) {
        return;
    }
    const uint64_t messages = zloom_runs_total (deliver->runs, deliver->run_count);
    if (messages == 0 || zloom_src_total (deliver->src, deliver->src_count) != messages) {
        zloom_cursor_fail (cursor, ZLOOM_MALFORMED, "src does not cover the runs, or no run");
        return;
    }
    s_check_facts (cursor, deliver, messages);
}

void
zloom_part_get_settle (zloom_fields_t *fields, zloom_arena_t *arena, zloom_verb_settle_t *settle)
{
    settle->handle = zloom_part_u32 (fields, ZLOOM_NEED, 0);
    settle->token = zloom_part_token (fields);
    settle->runs = zloom_part_settles (fields, arena, &settle->run_count);
    if (settle->run_count == 0) {
        zloom_cursor_fail (fields->cursor, ZLOOM_MALFORMED, "settles nothing");
    }
}

void
zloom_part_get_settled (zloom_fields_t *fields, zloom_arena_t *arena, zloom_verb_settled_t *settled)
{
    if (zloom_fields_next (fields, ZLOOM_MAY)) {
        settled->has_handle = true;
        settled->handle = (uint32_t) zloom_cursor_uint (fields->cursor, UINT32_MAX);
    }
    settled->token = zloom_part_token (fields);
    settled->runs = zloom_part_settled (fields, arena, &settled->run_count);
    const zloom_bytes_t step = zloom_fields_text (fields, ZLOOM_MAY, ZLOOM_LIMIT_NAME_BYTES);
    settled->is_step = step.data != NULL;
    settled->step = zloom_part_code_named (step);
    settled->text = zloom_fields_text (fields, ZLOOM_MAY, ZLOOM_LIMIT_TEXT_BYTES);
}

static void
s_get_emit (zloom_cursor_t *cursor, zloom_emit_t *emit)
{
    zloom_fields_t fields = zloom_fields_open (cursor);
    emit->flow = zloom_part_u32 (&fields, ZLOOM_NEED, 0);
    emit->n = zloom_part_u32 (&fields, ZLOOM_NEED, 0);
    emit->flags = zloom_part_u32 (&fields, ZLOOM_MAY, 0);
    emit->base_time_ns = zloom_fields_int (&fields, ZLOOM_NEED, 0);
    emit->first_id = zloom_part_number (&fields, ZLOOM_MAY);
    emit->mark = zloom_fields_bytes (&fields, ZLOOM_MAY, ZLOOM_LIMIT_MARK_BYTES);
    emit->from = zloom_part_number (&fields, ZLOOM_MAY);
    zloom_fields_close (&fields);
    if (emit->n == 0 || emit->first_id > (uint64_t) INT64_MAX - emit->n + 1) {
        zloom_cursor_fail (cursor, ZLOOM_MALFORMED, "an emit is empty or past 2^63");
    }
}

static void
s_get_state (zloom_cursor_t *cursor, zloom_state_t *state)
{
    zloom_fields_t fields = zloom_fields_open (cursor);
    state->key = zloom_fields_bytes (&fields, ZLOOM_NEED, ZLOOM_LIMIT_KEY_BYTES);
    state->value = zloom_fields_bytes (&fields, ZLOOM_MAY, ZLOOM_LIMIT_STEP_BYTES);
    zloom_fields_close (&fields);
}

/* With input: a handle and no ids of the peer's own. Without: no settlements, boot 0, ids. */
static void
s_check_step (zloom_cursor_t *cursor, const zloom_verb_step_t *step)
{
    if (step->has_handle == (step->token.boot == 0) ||
        (!step->has_handle && step->settle_count > 0)) {
        zloom_cursor_fail (cursor, ZLOOM_MALFORMED,
                           "handle, token and settlements do not belong together");
    }
    for (size_t i = 0; i < step->emit_count; i++) {
        if (step->has_handle != (step->emits[i].first_id == 0) ||
            (step->has_handle ? step->emits[i].mark.data != NULL : step->emits[i].from > 0)) {
            zloom_cursor_fail (cursor, ZLOOM_MALFORMED,
                               "emits have ids and marks in a step without input, only there; "
                               "and come of an input only where there is one");
        }
    }
}

void
zloom_part_get_step (zloom_fields_t *fields, zloom_arena_t *arena, zloom_verb_step_t *step)
{
    zloom_cursor_t *cursor = fields->cursor;
    if (zloom_fields_next (fields, ZLOOM_MAY)) {
        step->has_handle = true;
        step->handle = (uint32_t) zloom_cursor_uint (cursor, UINT32_MAX);
    }
    step->token = zloom_part_token (fields);
    step->settles = zloom_part_settles (fields, arena, &step->settle_count);
    const uint32_t emit_count = zloom_fields_array (fields, ZLOOM_MAY, ZLOOM_LIMIT_EMITS);
    zloom_emit_t *emits = zloom_arena_take (arena, emit_count, sizeof *emits);
    for (uint32_t i = 0; i < emit_count && cursor->err == ZLOOM_OK; i++) {
        s_get_emit (cursor, &emits[i]);
    }
    step->emits = emits;
    step->emit_count = emit_count;
    if (zloom_fields_next (fields, ZLOOM_MAY)) {
        zloom_cursor_fail (cursor, ZLOOM_UNSUPPORTED, "replies are not spoken yet");
    }
    const uint32_t state_count = zloom_fields_array (fields, ZLOOM_MAY, ZLOOM_LIMIT_STATES);
    zloom_state_t *state = zloom_arena_take (arena, state_count, sizeof *state);
    for (uint32_t i = 0; i < state_count && cursor->err == ZLOOM_OK; i++) {
        s_get_state (cursor, &state[i]);
    }
    step->state = state;
    step->state_count = state_count;
    if (cursor->err == ZLOOM_OK) {
        s_check_step (cursor, step);
    }
}

void
zloom_part_get_started (zloom_fields_t *fields, zloom_arena_t *arena, zloom_verb_started_t *started)
{
    started->handle = zloom_part_u32 (fields, ZLOOM_NEED, 0);
    started->token = zloom_part_token (fields);
    started->runs = zloom_part_runs (fields, arena, &started->run_count);
}

void
zloom_part_get_stale (zloom_fields_t *fields, zloom_arena_t *arena, zloom_verb_stale_t *stale)
{
    zloom_part_get_started (fields, arena, stale);
}

void
zloom_part_get_progress (zloom_fields_t *fields, zloom_arena_t *arena,
                         zloom_verb_progress_t *progress)
{
    progress->handle = zloom_part_u32 (fields, ZLOOM_NEED, 0);
    progress->token = zloom_part_token (fields);
    progress->runs = zloom_part_runs (fields, arena, &progress->run_count);
    progress->extend_ms = zloom_part_number (fields, ZLOOM_MAY);
}

void
zloom_part_get_gap (zloom_fields_t *fields, zloom_arena_t *arena, zloom_verb_gap_t *gap)
{
    (void) arena;
    gap->handle = zloom_part_u32 (fields, ZLOOM_NEED, 0);
    gap->from = zloom_part_number (fields, ZLOOM_NEED);
    gap->to = zloom_part_number (fields, ZLOOM_NEED);
    gap->count = zloom_part_number (fields, ZLOOM_NEED);
    gap->reason = zloom_fields_text (fields, ZLOOM_NEED, ZLOOM_LIMIT_NAME_BYTES);
    if (gap->from > gap->to) {
        zloom_cursor_fail (fields->cursor, ZLOOM_MALFORMED, "ends before it begins");
    }
}
