/* SPDX-License-Identifier: MPL-2.0 */
#include "wire/source.h"

#include <stdio.h>

#include "wire/encode.h"

void
zloom_src_encode (const zloom_src_t *runs, size_t run_count, zloom_buf_t *out)
{
    zloom_encode_array (out, run_count);
    for (size_t i = 0; i < run_count; i++) {
        zloom_encode_array (out, 4);
        zloom_encode_uint (out, runs[i].n);
        zloom_encode_text (out, runs[i].producer);
        zloom_encode_uint (out, runs[i].first_id);
        zloom_encode_int (out, runs[i].base_time_ns);
    }
}

const zloom_src_t *
zloom_src_decode (zloom_cursor_t *cursor, zloom_arena_t *arena, size_t *run_count)
{
    const uint32_t count = zloom_cursor_array (cursor, ZLOOM_LIMIT_SRCS);
    zloom_src_t *runs = zloom_arena_take (arena, count, sizeof *runs);
    for (uint32_t i = 0; i < count && cursor->err == ZLOOM_OK; i++) {
        zloom_fields_t fields = zloom_fields_open (cursor);
        runs[i].n = (uint32_t) zloom_fields_uint (&fields, ZLOOM_NEED, UINT32_MAX, 0);
        runs[i].producer = zloom_fields_text (&fields, ZLOOM_NEED, ZLOOM_LIMIT_PRODUCER_BYTES);
        runs[i].first_id = zloom_fields_uint (&fields, ZLOOM_NEED, INT64_MAX, 0);
        runs[i].base_time_ns = zloom_fields_int (&fields, ZLOOM_NEED, 0);
        zloom_fields_close (&fields);
        if (runs[i].n == 0 || runs[i].first_id > (uint64_t) INT64_MAX - runs[i].n + 1) {
            zloom_cursor_fail (cursor, ZLOOM_MALFORMED, "src: a run is empty or past 2^63");
        }
    }
    *run_count = cursor->err == ZLOOM_OK ? count : 0;
    return cursor->err == ZLOOM_OK ? runs : NULL;
}

uint64_t
zloom_src_total (const zloom_src_t *runs, size_t run_count)
{
    uint64_t total = 0;
    for (size_t i = 0; i < run_count; i++) {
        total += runs[i].n;
    }
    return total;
}

size_t
zloom_src_cut (const zloom_src_t *runs, size_t run_count, uint64_t first, uint64_t count,
               zloom_src_t *out)
{
    size_t found = 0;
    for (size_t i = 0; i < run_count && count > 0; i++) {
        if (first >= runs[i].n) {
            first -= runs[i].n;
            continue;
        }
        const uint64_t rest = runs[i].n - first;
        const uint64_t take = count < rest ? count : rest;
        out[found] = runs[i];
        out[found].n = (uint32_t) take;
        out[found].first_id += first;
        found++;
        first = 0;
        count -= take;
    }
    return found;
}

/* Does `more` begin where `last` ends, by the same producer and clock? */
static bool
s_continues (const zloom_src_t *last, const zloom_src_t *more)
{
    return last->n <= UINT32_MAX - more->n && last->first_id + last->n == more->first_id &&
           last->base_time_ns == more->base_time_ns &&
           zloom_bytes_equal (last->producer, more->producer);
}

void
zloom_src_join (zloom_src_t *runs, size_t *run_count, const zloom_src_t *more)
{
    if (*run_count > 0 && s_continues (&runs[*run_count - 1], more)) {
        runs[*run_count - 1].n += more->n;
        return;
    }
    runs[(*run_count)++] = *more;
}

bool
zloom_src_origin (const zloom_src_t *runs, size_t run_count, uint64_t index, zloom_origin_t *origin)
{
    for (size_t i = 0; i < run_count; i++) {
        if (index < runs[i].n) {
            *origin =
              (zloom_origin_t){runs[i].producer, runs[i].first_id + index, runs[i].base_time_ns};
            return true;
        }
        index -= runs[i].n;
    }
    return false;
}

const char *
zloom_origin_text (const zloom_origin_t *origin, char text[ZLOOM_ORIGIN_TEXT_BYTES])
{
    const size_t size = origin->producer.size < ZLOOM_LIMIT_PRODUCER_BYTES
                          ? origin->producer.size
                          : ZLOOM_LIMIT_PRODUCER_BYTES;
    snprintf (text, ZLOOM_ORIGIN_TEXT_BYTES, "%.*s/%llu", (int) size,
              size > 0 ? (const char *) origin->producer.data : "",
              (unsigned long long) origin->id);
    return text;
}

zloom_err_t
zloom_origin_parse (const char *text, zloom_origin_t *origin)
{
    const char *slash = strrchr (text, '/');
    if (!slash || slash == text || slash[1] == '\0') {
        return zloom_fail (ZLOOM_INVALID, "message id '%.64s': should be producer/number", text);
    }
    uint64_t id = 0;
    for (const char *digit = slash + 1; *digit; digit++) {
        const unsigned value = (unsigned) (unsigned char) *digit - '0';
        if (value > 9 || id > ((uint64_t) INT64_MAX - value) / 10) {
            return zloom_fail (ZLOOM_INVALID, "message id '%.64s': no number behind '/'", text);
        }
        id = id * 10 + value;
    }
    *origin = (zloom_origin_t){zloom_bytes (text, (size_t) (slash - text)), id, 0};
    if (origin->producer.size > ZLOOM_LIMIT_PRODUCER_BYTES) {
        return zloom_fail (ZLOOM_TOO_BIG, "message id: producer has %zu bytes, limit %d",
                           origin->producer.size, ZLOOM_LIMIT_PRODUCER_BYTES);
    }
    return ZLOOM_OK;
}
