/* SPDX-License-Identifier: MPL-2.0 */
#include "wire/boots.h"

#include "wire/encode.h"
#include "wire/limits.h"

void
zloom_boots_encode (const zloom_boot_first_t *boots, size_t count, zloom_buf_t *out)
{
    zloom_encode_array (out, count);
    for (size_t i = 0; i < count; i++) {
        zloom_encode_array (out, 2);
        zloom_encode_uint (out, boots[i].boot);
        zloom_encode_uint (out, boots[i].first);
    }
}

const zloom_boot_first_t *
zloom_boots_decode (zloom_cursor_t *cursor, zloom_arena_t *arena, size_t *count)
{
    const uint32_t most = zloom_cursor_array (cursor, ZLOOM_LIMIT_BOOTS);
    zloom_boot_first_t *boots = zloom_arena_take (arena, most, sizeof *boots);
    for (uint32_t i = 0; i < most && cursor->err == ZLOOM_OK; i++) {
        zloom_fields_t fields = zloom_fields_open (cursor);
        boots[i].boot = zloom_fields_uint (&fields, ZLOOM_NEED, UINT64_MAX, 0);
        boots[i].first = zloom_fields_uint (&fields, ZLOOM_NEED, INT64_MAX, 0);
        zloom_fields_close (&fields);
        if (boots[i].first == 0 || (i > 0 && boots[i].first < boots[i - 1].first)) {
            zloom_cursor_fail (cursor, ZLOOM_MALFORMED, "boots: the numbers of a flow fall");
        }
    }
    *count = cursor->err == ZLOOM_OK ? most : 0;
    return cursor->err == ZLOOM_OK ? boots : NULL;
}

static bool
s_has (const zloom_boot_first_t *boots, size_t count, uint64_t boot)
{
    for (size_t i = 0; i < count; i++) {
        if (boots[i].boot == boot) {
            return true;
        }
    }
    return false;
}

/*
 * Up to the newest boot that both know the log was one. What the boot after that gave is news to
 * the one who knew the others, and what those had given, from there on, this log knows nothing of.
 */
uint64_t
zloom_boots_common (const zloom_boot_first_t *before, size_t before_count,
                    const zloom_boot_first_t *now, size_t now_count)
{
    if (before_count == 0 || now_count == 0) {
        return INT64_MAX;
    }
    size_t next = now_count;
    while (next > 0 && !s_has (before, before_count, now[next - 1].boot)) {
        next--;
    }
    return next < now_count ? now[next].first - 1 : INT64_MAX;
}
