/* SPDX-License-Identifier: MPL-2.0 */
#include "wire/part.h"

#include "base/tag.h"
#include "wire/encode.h"

/* ---- to bytes ------------------------------------------------------------------------------- */

void
zloom_part_put_token (zloom_buf_t *out, zloom_token_t token)
{
    zloom_encode_array (out, 2);
    zloom_encode_uint (out, token.boot);
    zloom_encode_uint (out, token.number);
}

void
zloom_part_put_runs (zloom_buf_t *out, const zloom_run_t *runs, size_t count)
{
    zloom_encode_array (out, count);
    for (size_t i = 0; i < count; i++) {
        zloom_encode_array (out, 2);
        zloom_encode_uint (out, runs[i].seq);
        zloom_encode_uint (out, runs[i].n);
    }
}

void
zloom_part_put_number (zloom_buf_t *out, uint64_t number, uint64_t none)
{
    if (number == none) {
        zloom_encode_nil (out);
    } else {
        zloom_encode_uint (out, number);
    }
}

void
zloom_part_put_note (zloom_buf_t *out, zloom_bytes_t text)
{
    const size_t most = ZLOOM_LIMIT_TEXT_BYTES;
    const zloom_bytes_t kept = zloom_bytes (text.data, text.size < most ? text.size : most);
    if (!kept.data || zloom_bytes_is_utf8 (kept)) {
        zloom_encode_text (out, kept);
        return;
    }
    uint8_t plain[ZLOOM_LIMIT_TEXT_BYTES];
    for (size_t i = 0; i < kept.size; i++) {
        plain[i] = kept.data[i] < 0x80 ? kept.data[i] : '?';
    }
    zloom_encode_text (out, zloom_bytes (plain, kept.size));
}

void
zloom_part_put_words (zloom_buf_t *out, zloom_bytes_t words)
{
    const size_t most = ZLOOM_LIMIT_TEXT_BYTES;
    const size_t skip = words.size > most ? words.size - most : 0;
    zloom_encode_bytes (out, skip > 0 ? zloom_bytes (words.data + skip, most) : words);
}

void
zloom_part_put_end (zloom_buf_t *out, int32_t exit_code, int32_t signal_number)
{
    if (exit_code == -1) {
        zloom_encode_nil (out);
    } else {
        zloom_encode_int (out, exit_code);
    }
    if (signal_number == 0) {
        zloom_encode_nil (out);
    } else {
        zloom_encode_int (out, signal_number);
    }
}

static void
s_put_cause (zloom_buf_t *out, const zloom_cause_t *cause)
{
    if (!cause->reason.data) {
        zloom_encode_nil (out);
        return;
    }
    zloom_encode_array (out, 4);
    zloom_encode_text (out, cause->reason);
    zloom_part_put_end (out, cause->exit, cause->signal);
    zloom_part_put_words (out, cause->text);
}

void
zloom_part_put_settles (zloom_buf_t *out, const zloom_settle_run_t *runs, size_t count)
{
    zloom_encode_array (out, count);
    for (size_t i = 0; i < count; i++) {
        zloom_encode_array (out, 5);
        zloom_encode_uint (out, runs[i].first);
        zloom_encode_uint (out, runs[i].n);
        zloom_encode_uint (out, (uint64_t) runs[i].verdict);
        if (runs[i].delay_ms == ZLOOM_DELAY_UNSET) {
            zloom_encode_nil (out);
        } else {
            zloom_encode_int (out, runs[i].delay_ms);
        }
        s_put_cause (out, &runs[i].cause);
    }
}

void
zloom_part_put_settled (zloom_buf_t *out, const zloom_settled_run_t *runs, size_t count)
{
    zloom_encode_array (out, count);
    for (size_t i = 0; i < count; i++) {
        zloom_encode_array (out, 3);
        zloom_encode_uint (out, runs[i].first);
        zloom_encode_uint (out, runs[i].n);
        zloom_encode_code (out, (zloom_err_t) runs[i].code);
    }
}

/* ---- from bytes ----------------------------------------------------------------------------- */

uint32_t
zloom_part_u32 (zloom_fields_t *fields, zloom_need_t need, uint32_t fallback)
{
    return (uint32_t) zloom_fields_uint (fields, need, UINT32_MAX, fallback);
}

uint64_t
zloom_part_number (zloom_fields_t *fields, zloom_need_t need)
{
    return zloom_fields_uint (fields, need, INT64_MAX, 0);
}

int32_t
zloom_part_i32 (zloom_fields_t *fields, int32_t fallback)
{
    const int64_t value = zloom_fields_int (fields, ZLOOM_MAY, fallback);
    if (value < INT32_MIN || value > INT32_MAX) {
        zloom_cursor_fail (fields->cursor, ZLOOM_MALFORMED, "field %u: more than 32 bits",
                           fields->index);
        return fallback;
    }
    return (int32_t) value;
}

zloom_err_t
zloom_part_code (zloom_fields_t *fields, zloom_need_t need)
{
    return zloom_part_code_named (zloom_fields_text (fields, need, ZLOOM_LIMIT_NAME_BYTES));
}

zloom_err_t
zloom_part_code_named (zloom_bytes_t name)
{
    char text[ZLOOM_LIMIT_NAME_BYTES + 1];
    zloom_err_t code;
    if (!name.data) {
        return ZLOOM_OK;
    }
    zloom_assert (name.size < sizeof text);
    memcpy (text, name.data, name.size);
    text[name.size] = '\0';
    return zloom_err_by_name (text, &code) ? code : ZLOOM_FAILED;
}

zloom_token_t
zloom_part_token (zloom_fields_t *fields)
{
    zloom_token_t token = {0, 0};
    if (zloom_fields_next (fields, ZLOOM_NEED)) {
        zloom_fields_t inner = zloom_fields_open (fields->cursor);
        token.boot = zloom_fields_uint (&inner, ZLOOM_NEED, UINT64_MAX, 0);
        token.number = zloom_fields_uint (&inner, ZLOOM_NEED, UINT64_MAX, 0);
        zloom_fields_close (&inner);
    }
    return token;
}

/* The first two fields of every run: at least one number, none past 2^63 - 1. */
static void
s_read_range (zloom_fields_t *fields, uint64_t *first, uint32_t *n)
{
    *first = zloom_part_number (fields, ZLOOM_NEED);
    *n = zloom_part_u32 (fields, ZLOOM_NEED, 0);
    if (*n == 0 || *first > (uint64_t) INT64_MAX - *n + 1) {
        zloom_cursor_fail (fields->cursor, ZLOOM_MALFORMED, "a run is empty or past 2^63");
    }
}

const zloom_run_t *
zloom_part_runs (zloom_fields_t *fields, zloom_arena_t *arena, size_t *count)
{
    const uint32_t n = zloom_fields_array (fields, ZLOOM_NEED, ZLOOM_LIMIT_RUNS);
    zloom_run_t *runs = zloom_arena_take (arena, n, sizeof *runs);
    for (uint32_t i = 0; i < n && fields->cursor->err == ZLOOM_OK; i++) {
        zloom_fields_t inner = zloom_fields_open (fields->cursor);
        s_read_range (&inner, &runs[i].seq, &runs[i].n);
        zloom_fields_close (&inner);
    }
    *count = n;
    return runs;
}

static void
s_read_cause (zloom_fields_t *fields, zloom_cause_t *cause)
{
    *cause = (zloom_cause_t){.exit = -1};
    if (!zloom_fields_next (fields, ZLOOM_MAY)) {
        return;
    }
    zloom_fields_t inner = zloom_fields_open (fields->cursor);
    cause->reason = zloom_fields_text (&inner, ZLOOM_NEED, ZLOOM_LIMIT_NAME_BYTES);
    cause->exit = zloom_part_i32 (&inner, -1);
    cause->signal = zloom_part_i32 (&inner, 0);
    cause->text = zloom_fields_bytes (&inner, ZLOOM_MAY, ZLOOM_LIMIT_TEXT_BYTES);
    zloom_fields_close (&inner);
}

const zloom_settle_run_t *
zloom_part_settles (zloom_fields_t *fields, zloom_arena_t *arena, size_t *count)
{
    const uint32_t n = zloom_fields_array (fields, ZLOOM_MAY, ZLOOM_LIMIT_RUNS);
    zloom_settle_run_t *runs = zloom_arena_take (arena, n, sizeof *runs);
    for (uint32_t i = 0; i < n && fields->cursor->err == ZLOOM_OK; i++) {
        zloom_fields_t inner = zloom_fields_open (fields->cursor);
        s_read_range (&inner, &runs[i].first, &runs[i].n);
        runs[i].verdict =
          (zloom_verdict_t) zloom_fields_uint (&inner, ZLOOM_NEED, ZLOOM_VERDICT_CRASH, 0);
        const uint64_t delay = zloom_fields_uint (&inner, ZLOOM_MAY, INT64_MAX, UINT64_MAX);
        runs[i].delay_ms = delay == UINT64_MAX ? ZLOOM_DELAY_UNSET : (int64_t) delay;
        s_read_cause (&inner, &runs[i].cause);
        zloom_fields_close (&inner);
    }
    *count = n;
    return runs;
}

const zloom_settled_run_t *
zloom_part_settled (zloom_fields_t *fields, zloom_arena_t *arena, size_t *count)
{
    const uint32_t n = zloom_fields_array (fields, ZLOOM_MAY, ZLOOM_LIMIT_RUNS);
    zloom_settled_run_t *runs = zloom_arena_take (arena, n, sizeof *runs);
    for (uint32_t i = 0; i < n && fields->cursor->err == ZLOOM_OK; i++) {
        zloom_fields_t inner = zloom_fields_open (fields->cursor);
        s_read_range (&inner, &runs[i].first, &runs[i].n);
        runs[i].code = (uint16_t) zloom_part_code (&inner, ZLOOM_MAY);
        zloom_fields_close (&inner);
    }
    *count = n;
    return runs;
}

const zloom_src_t *
zloom_part_src (zloom_fields_t *fields, zloom_need_t need, zloom_arena_t *arena, size_t *count)
{
    *count = 0;
    if (!zloom_fields_next (fields, need)) {
        return NULL;
    }
    return zloom_src_decode (fields->cursor, arena, count);
}
