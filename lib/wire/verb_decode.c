/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Verbs from bytes: one function a verb, in the order of verbs.def. Each reads its fields in a row;
 * the first error sticks in the cursor and is looked at once, at the end. Here are sessions,
 * sending and administration; consuming is in lease_decode.c.
 */
#include "wire/boots.h"
#include "wire/part.h"
#include "wire/scan.h"

void
zloom_part_get_hello (zloom_fields_t *fields, zloom_arena_t *arena, zloom_verb_hello_t *hello)
{
    hello->proto_min = zloom_part_u32 (fields, ZLOOM_NEED, 0);
    hello->proto_max = zloom_part_u32 (fields, ZLOOM_NEED, 0);
    hello->name = zloom_fields_text (fields, ZLOOM_NEED, ZLOOM_LIMIT_NAME_BYTES);
    hello->role = zloom_fields_text (fields, ZLOOM_NEED, ZLOOM_LIMIT_NAME_BYTES);
    hello->nonce = zloom_fields_bytes (fields, ZLOOM_NEED, ZLOOM_NONCE_BYTES);
    const uint32_t count = zloom_fields_array (fields, ZLOOM_MAY, ZLOOM_LIMIT_FLOWS);
    zloom_hello_flow_t *flows = zloom_arena_take (arena, count, sizeof *flows);
    for (uint32_t i = 0; i < count && fields->cursor->err == ZLOOM_OK; i++) {
        zloom_fields_t inner = zloom_fields_open (fields->cursor);
        flows[i].name = zloom_fields_text (&inner, ZLOOM_NEED, ZLOOM_LIMIT_NAME_BYTES);
        if (zloom_fields_next (&inner, ZLOOM_MAY)) {
            flows[i].has_fingerprint = true;
            flows[i].fingerprint = zloom_cursor_uint (inner.cursor, UINT64_MAX);
        }
        flows[i].next = zloom_part_number (&inner, ZLOOM_MAY);
        if (zloom_fields_next (&inner, ZLOOM_MAY)) {
            flows[i].boots = zloom_boots_decode (inner.cursor, arena, &flows[i].boot_count);
        }
        zloom_fields_close (&inner);
    }
    hello->flows = flows;
    hello->flow_count = count;
    if (hello->proto_min > hello->proto_max || hello->nonce.size != ZLOOM_NONCE_BYTES ||
        hello->name.size == 0) {
        zloom_cursor_fail (fields->cursor, ZLOOM_MALFORMED,
                           "versions are reversed, no name, or nonce of other than %d bytes",
                           ZLOOM_NONCE_BYTES);
    }
}

static void
s_get_welcome_flow (zloom_cursor_t *cursor, zloom_welcome_flow_t *flow)
{
    zloom_fields_t fields = zloom_fields_open (cursor);
    flow->index = zloom_part_u32 (&fields, ZLOOM_NEED, 0);
    flow->name = zloom_fields_text (&fields, ZLOOM_NEED, ZLOOM_LIMIT_NAME_BYTES);
    flow->code = zloom_part_code (&fields, ZLOOM_MAY);
    flow->note = zloom_fields_text (&fields, ZLOOM_MAY, ZLOOM_LIMIT_TEXT_BYTES);
    flow->pattern = zloom_fields_text (&fields, ZLOOM_MAY, ZLOOM_LIMIT_NAME_BYTES);
    flow->key = zloom_fields_text (&fields, ZLOOM_MAY, ZLOOM_LIMIT_KEY_BYTES);
    flow->confirm = (zloom_confirm_t) zloom_fields_uint (&fields, ZLOOM_MAY, ZLOOM_CONFIRM_DISK, 0);
    flow->high = zloom_part_number (&fields, ZLOOM_MAY);
    flow->mark = zloom_fields_bytes (&fields, ZLOOM_MAY, ZLOOM_LIMIT_MARK_BYTES);
    flow->fingerprint = zloom_fields_uint (&fields, ZLOOM_MAY, UINT64_MAX, 0);
    flow->topic = zloom_fields_text (&fields, ZLOOM_MAY, ZLOOM_LIMIT_TOPIC_BYTES);
    zloom_fields_close (&fields);
}

void
zloom_part_get_welcome (zloom_fields_t *fields, zloom_arena_t *arena, zloom_verb_welcome_t *welcome)
{
    welcome->proto = zloom_part_u32 (fields, ZLOOM_NEED, 0);
    welcome->epoch = zloom_fields_uint (fields, ZLOOM_NEED, UINT64_MAX, 0);
    welcome->heartbeat_ms = zloom_part_u32 (fields, ZLOOM_NEED, 0);
    welcome->liveness = zloom_part_u32 (fields, ZLOOM_NEED, 0);
    if (zloom_fields_next (fields, ZLOOM_NEED)) {
        zloom_fields_t limits = zloom_fields_open (fields->cursor);
        welcome->message_bytes = zloom_part_u32 (&limits, ZLOOM_NEED, 0);
        welcome->pack_bytes = zloom_part_u32 (&limits, ZLOOM_NEED, 0);
        welcome->step_bytes = zloom_part_u32 (&limits, ZLOOM_NEED, 0);
        zloom_fields_close (&limits);
    }
    if (zloom_fields_next (fields, ZLOOM_NEED)) {
        zloom_fields_t router = zloom_fields_open (fields->cursor);
        welcome->router = zloom_fields_text (&router, ZLOOM_NEED, ZLOOM_LIMIT_NAME_BYTES);
        welcome->log_id = zloom_fields_bytes (&router, ZLOOM_NEED, ZLOOM_LOG_ID_BYTES);
        welcome->boot = zloom_fields_uint (&router, ZLOOM_NEED, UINT64_MAX, 0);
        zloom_fields_close (&router);
    }
    const uint32_t count = zloom_fields_array (fields, ZLOOM_MAY, ZLOOM_LIMIT_FLOWS);
    zloom_welcome_flow_t *flows = zloom_arena_take (arena, count, sizeof *flows);
    for (uint32_t i = 0; i < count && fields->cursor->err == ZLOOM_OK; i++) {
        s_get_welcome_flow (fields->cursor, &flows[i]);
    }
    welcome->flows = flows;
    welcome->flow_count = count;
}

void
zloom_part_get_bye (zloom_fields_t *fields, zloom_arena_t *arena, zloom_verb_bye_t *bye)
{
    (void) arena;
    bye->code = zloom_part_code (fields, ZLOOM_MAY);
    bye->text = zloom_fields_text (fields, ZLOOM_MAY, ZLOOM_LIMIT_TEXT_BYTES);
}

void
zloom_part_get_ping (zloom_fields_t *fields, zloom_arena_t *arena, zloom_verb_ping_t *ping)
{
    const uint32_t count = zloom_fields_array (fields, ZLOOM_MAY, ZLOOM_LIMIT_HANDLES);
    zloom_beat_t *beats = zloom_arena_take (arena, count, sizeof *beats);
    for (uint32_t i = 0; i < count && fields->cursor->err == ZLOOM_OK; i++) {
        zloom_fields_t inner = zloom_fields_open (fields->cursor);
        beats[i].handle = zloom_part_u32 (&inner, ZLOOM_NEED, 0);
        beats[i].delivery_no = zloom_part_number (&inner, ZLOOM_NEED);
        zloom_fields_close (&inner);
    }
    ping->beats = beats;
    ping->beat_count = count;
    if (zloom_fields_next (fields, ZLOOM_MAY)) {
        if (zloom_cursor_type (fields->cursor) != ZLOOM_TYPE_MAP) {
            zloom_cursor_fail (fields->cursor, ZLOOM_MALFORMED, "a report is no map");
        }
        ping->report = zloom_cursor_raw (fields->cursor);
        if (fields->cursor->err == ZLOOM_OK && ping->report.size > ZLOOM_LIMIT_REPORT_BYTES) {
            zloom_cursor_fail (fields->cursor, ZLOOM_TOO_BIG, "a report of %zu bytes, limit %d",
                               ping->report.size, (int) ZLOOM_LIMIT_REPORT_BYTES);
        }
    }
}

void
zloom_part_get_pong (zloom_fields_t *fields, zloom_arena_t *arena, zloom_verb_pong_t *pong)
{
    zloom_part_get_ping (fields, arena, pong);
}

void
zloom_part_get_gone (zloom_fields_t *fields, zloom_arena_t *arena, zloom_verb_gone_t *gone)
{
    (void) arena;
    gone->name = zloom_fields_text (fields, ZLOOM_NEED, ZLOOM_LIMIT_NAME_BYTES);
    gone->nonce = zloom_fields_bytes (fields, ZLOOM_NEED, ZLOOM_NONCE_BYTES);
    gone->exit = zloom_part_i32 (fields, -1);
    gone->signal = zloom_part_i32 (fields, 0);
    gone->text = zloom_fields_bytes (fields, ZLOOM_MAY, ZLOOM_LIMIT_TEXT_BYTES);
}

void
zloom_part_get_send (zloom_fields_t *fields, zloom_arena_t *arena, zloom_verb_send_t *send)
{
    send->flow = zloom_part_u32 (fields, ZLOOM_NEED, 0);
    send->first_id = zloom_part_number (fields, ZLOOM_NEED);
    send->n = zloom_part_u32 (fields, ZLOOM_NEED, 0);
    send->base_time_ns = zloom_fields_int (fields, ZLOOM_NEED, 0);
    send->flags = zloom_part_u32 (fields, ZLOOM_MAY, 0);
    send->mark = zloom_fields_bytes (fields, ZLOOM_MAY, ZLOOM_LIMIT_MARK_BYTES);
    send->src = zloom_part_src (fields, ZLOOM_MAY, arena, &send->src_count);
    if (send->n == 0 || send->first_id == 0 ||
        send->first_id > (uint64_t) INT64_MAX - send->n + 1) {
        zloom_cursor_fail (fields->cursor, ZLOOM_MALFORMED, "ids are none, 0, or past 2^63");
    }
    if (send->src_count > 0 && zloom_src_total (send->src, send->src_count) != send->n) {
        zloom_cursor_fail (fields->cursor, ZLOOM_MALFORMED, "src does not cover the messages");
    }
}

void
zloom_part_get_confirm (zloom_fields_t *fields, zloom_arena_t *arena, zloom_verb_confirm_t *confirm)
{
    (void) arena;
    confirm->flow = zloom_part_u32 (fields, ZLOOM_NEED, 0);
    confirm->upto_id = zloom_part_number (fields, ZLOOM_NEED);
    confirm->level =
      (zloom_confirm_t) zloom_fields_uint (fields, ZLOOM_NEED, ZLOOM_CONFIRM_DISK, 0);
}

void
zloom_part_get_refuse (zloom_fields_t *fields, zloom_arena_t *arena, zloom_verb_refuse_t *refuse)
{
    (void) arena;
    if (zloom_fields_next (fields, ZLOOM_MAY)) {
        refuse->has_flow = true;
        refuse->flow = (uint32_t) zloom_cursor_uint (fields->cursor, UINT32_MAX);
    }
    refuse->code = zloom_part_code (fields, ZLOOM_NEED);
    refuse->from_id = zloom_part_number (fields, ZLOOM_MAY);
    refuse->text = zloom_fields_text (fields, ZLOOM_MAY, ZLOOM_LIMIT_TEXT_BYTES);
}

void
zloom_part_get_credit (zloom_fields_t *fields, zloom_arena_t *arena, zloom_verb_credit_t *credit)
{
    (void) arena;
    credit->target =
      (zloom_credit_target_t) zloom_fields_uint (fields, ZLOOM_NEED, ZLOOM_CREDIT_HANDLE, 0);
    credit->id = zloom_part_u32 (fields, ZLOOM_NEED, 0);
    credit->messages = zloom_part_number (fields, ZLOOM_NEED);
    credit->bytes = zloom_part_number (fields, ZLOOM_NEED);
    credit->frames = zloom_part_number (fields, ZLOOM_NEED);
}

void
zloom_part_get_admin (zloom_fields_t *fields, zloom_arena_t *arena, zloom_verb_admin_t *admin)
{
    (void) arena;
    admin->request = zloom_fields_uint (fields, ZLOOM_NEED, UINT64_MAX, 0);
    admin->command = zloom_fields_text (fields, ZLOOM_NEED, ZLOOM_LIMIT_NAME_BYTES);
    if (zloom_fields_next (fields, ZLOOM_MAY)) {
        if (zloom_cursor_type (fields->cursor) != ZLOOM_TYPE_MAP) {
            zloom_cursor_fail (fields->cursor, ZLOOM_MALFORMED, "arguments are no map");
        }
        admin->args = zloom_cursor_raw (fields->cursor);
    }
}

void
zloom_part_get_answer (zloom_fields_t *fields, zloom_arena_t *arena, zloom_verb_answer_t *answer)
{
    (void) arena;
    answer->request = zloom_fields_uint (fields, ZLOOM_NEED, UINT64_MAX, 0);
    answer->code = zloom_part_code (fields, ZLOOM_MAY);
    answer->text = zloom_fields_text (fields, ZLOOM_MAY, ZLOOM_LIMIT_TEXT_BYTES);
    answer->more = zloom_fields_bool (fields);
    answer->result = zloom_fields_raw (fields, ZLOOM_MAY);
}

static void
s_get_fields (zloom_fields_t *fields, zloom_arena_t *arena, zloom_verb_t *verb)
{
    switch (verb->kind) {
#define ZLOOM_VERB(NAME, name, number, way, session, pack)  \
    case ZLOOM_VERB_##NAME:                                 \
        zloom_part_get_##name (fields, arena, &verb->name); \
        return;
#define ZLOOM_VERB_RESERVED(NAME, number)
#include "wire/verbs.def"
#undef ZLOOM_VERB
#undef ZLOOM_VERB_RESERVED
    case ZLOOM_VERB_NONE:
        break;
    }
}

/* The verb's number; ZLOOM_VERB_NONE and an error when it is none of ours. */
static zloom_verb_kind_t
s_get_kind (zloom_fields_t *fields)
{
    const uint64_t number = zloom_fields_uint (fields, ZLOOM_NEED, UINT64_MAX, 0);
    const zloom_verb_kind_t kind =
      number <= UINT8_MAX ? (zloom_verb_kind_t) number : ZLOOM_VERB_NONE;
    if (fields->cursor->err == ZLOOM_OK && !zloom_verb_info (kind)) {
        zloom_cursor_fail (fields->cursor, ZLOOM_UNKNOWN_VERB, "verb %llu",
                           (unsigned long long) number);
        return ZLOOM_VERB_NONE;
    }
    return kind;
}

zloom_err_t
zloom_verb_decode (zloom_bytes_t frame, zloom_arena_t *arena, zloom_verb_t *verb)
{
    zloom_cursor_t cursor = zloom_cursor (frame);
    memset (verb, 0, sizeof *verb);
    if (frame.size > ZLOOM_LIMIT_STEP_BYTES) {
        return zloom_fail (ZLOOM_TOO_BIG, "verb frame: %zu bytes", frame.size);
    }
    zloom_err_t err = zloom_scan_whole (frame, ZLOOM_LIMIT_VERB_NODES);
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_fields_t fields = zloom_fields_open (&cursor);
    verb->kind = s_get_kind (&fields);
    if (cursor.err != ZLOOM_OK) {
        return cursor.err;
    }
    const char *name = zloom_verb_info (verb->kind)->name;
    if (verb->kind != ZLOOM_VERB_STEP && frame.size > ZLOOM_LIMIT_VERB_BYTES) {
        return zloom_fail (ZLOOM_TOO_BIG, "%s: frame of %zu bytes, limit %d", name, frame.size,
                           ZLOOM_LIMIT_VERB_BYTES);
    }
    s_get_fields (&fields, arena, verb);
    zloom_fields_close (&fields);
    err = zloom_cursor_end (&cursor);
    if (err != ZLOOM_OK) {
        zloom_note_prefix ("%s", name);
    }
    return err;
}
