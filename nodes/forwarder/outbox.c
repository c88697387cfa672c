/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/forwarder/outbox.h"

#include <string.h>

#include "wire/boots.h"

static void
s_read_value (zloom_cursor_t *cursor, zloom_bytes_t name, zloom_outbox_t *outbox)
{
    if (zloom_bytes_equal (name, zloom_bytes_text ("log"))) {
        const zloom_bytes_t log = zloom_cursor_text (cursor, ZLOOM_LIMIT_NAME_BYTES);
        if (cursor->err == ZLOOM_OK && log.size > 0) {
            memcpy (outbox->log, log.data, log.size);
            outbox->log[log.size] = 0;
        }
    } else if (zloom_bytes_equal (name, zloom_bytes_text ("boots"))) {
        zloom_arena_t arena = {0};
        const zloom_boot_first_t *boots = zloom_boots_decode (cursor, &arena, &outbox->boot_count);
        if (boots && outbox->boot_count > 0) {
            memcpy (outbox->boots, boots, outbox->boot_count * sizeof *boots);
        }
        zloom_arena_fini (&arena);
    } else if (zloom_bytes_equal (name, zloom_bytes_text ("next"))) {
        outbox->next = zloom_cursor_uint (cursor, INT64_MAX);
    } else {
        zloom_cursor_raw (cursor);
    }
}

zloom_err_t
zloom_outbox_read (zloom_bytes_t answer, zloom_outbox_t *outbox)
{
    *outbox = (zloom_outbox_t){.boot_count = 0};
    zloom_cursor_t cursor = zloom_cursor (answer);
    const uint32_t pairs = zloom_cursor_map (&cursor, UINT16_MAX);
    for (uint32_t i = 0; i < pairs && cursor.err == ZLOOM_OK; i++) {
        s_read_value (&cursor, zloom_cursor_text (&cursor, ZLOOM_LIMIT_NAME_BYTES), outbox);
    }
    if (cursor.err == ZLOOM_OK && (outbox->log[0] == 0 || outbox->next == 0)) {
        return zloom_fail (ZLOOM_MALFORMED, "an answer about an outbox without log or next");
    }
    return cursor.err;
}

bool
zloom_outbox_same (const zloom_outbox_t *a, const zloom_outbox_t *b)
{
    return strcmp (a->log, b->log) == 0 && a->boot_count == b->boot_count &&
           memcmp (a->boots, b->boots, a->boot_count * sizeof *a->boots) == 0;
}
