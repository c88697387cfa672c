/* SPDX-License-Identifier: MPL-2.0 */
/*
 * part.h - what several verbs share, to bytes and back: tokens, runs, settlements, codes. Private
 * to lib/wire. Decoding follows cursor.h: errors stick in the cursor, arrays come from the arena.
 */
#ifndef ZLOOM_WIRE_PART_H
#define ZLOOM_WIRE_PART_H

#include "wire/cursor.h"
#include "wire/verb.h"

void zloom_part_put_token (zloom_buf_t *out, zloom_token_t token);
void zloom_part_put_runs (zloom_buf_t *out, const zloom_run_t *runs, size_t count);
void zloom_part_put_settles (zloom_buf_t *out, const zloom_settle_run_t *runs, size_t count);
void zloom_part_put_settled (zloom_buf_t *out, const zloom_settled_run_t *runs, size_t count);
/* The number, or nil when it is the value that stands for "none". */
void zloom_part_put_number (zloom_buf_t *out, uint64_t number, uint64_t none);
/*
 * Text for people, as str: notes quote bytes of others and are cut, so what is no UTF-8 is shown as
 * '?'; at most ZLOOM_LIMIT_TEXT_BYTES, the rest is left out. Unset gives nil.
 */
void zloom_part_put_note (zloom_buf_t *out, zloom_bytes_t text);
/* What a program said last, as bin: the end of it, at most ZLOOM_LIMIT_TEXT_BYTES. */
void zloom_part_put_words (zloom_buf_t *out, zloom_bytes_t words);
/* Exit code (-1 = none) and signal (0 = none). */
void zloom_part_put_end (zloom_buf_t *out, int32_t exit_code, int32_t signal_number);

zloom_token_t zloom_part_token (zloom_fields_t *fields);
const zloom_run_t *zloom_part_runs (zloom_fields_t *fields, zloom_arena_t *arena, size_t *count);
const zloom_settle_run_t *zloom_part_settles (zloom_fields_t *fields, zloom_arena_t *arena,
                                              size_t *count);
const zloom_settled_run_t *zloom_part_settled (zloom_fields_t *fields, zloom_arena_t *arena,
                                               size_t *count);
const zloom_src_t *zloom_part_src (zloom_fields_t *fields, zloom_need_t need, zloom_arena_t *arena,
                                   size_t *count);
/* A code by name; nil, where it may stand, is OK. */
zloom_err_t zloom_part_code (zloom_fields_t *fields, zloom_need_t need);
/* The code of a name of at most ZLOOM_LIMIT_NAME_BYTES; the unset view is OK. */
zloom_err_t zloom_part_code_named (zloom_bytes_t name);
/* 0 … UINT32_MAX */
uint32_t zloom_part_u32 (zloom_fields_t *fields, zloom_need_t need, uint32_t fallback);
/* 0 … 2^63 - 1 */
uint64_t zloom_part_number (zloom_fields_t *fields, zloom_need_t need);
/* INT32_MIN … INT32_MAX */
int32_t zloom_part_i32 (zloom_fields_t *fields, int32_t fallback);

/*
 * One a verb: read the fields behind the number. The struct comes zeroed; after an error in the
 * cursor it is not used.
 */
#define ZLOOM_VERB(NAME, name, number, way, session, pack)                    \
    void zloom_part_get_##name (zloom_fields_t *fields, zloom_arena_t *arena, \
                                zloom_verb_##name##_t *name);
#define ZLOOM_VERB_RESERVED(NAME, number)
#include "wire/verbs.def"
#undef ZLOOM_VERB
#undef ZLOOM_VERB_RESERVED

#endif
