/* SPDX-License-Identifier: MPL-2.0 */
/* What holds for every verb: the table, and how the second frame must fit. */
#include "wire/verb.h"

#include "wire/pack.h"

/* By number; those that are none have no name. */
static const zloom_verb_info_t s_verbs[] = {
#define ZLOOM_VERB(NAME, name, number, way, session, pack) \
    [number] = {#NAME, ZLOOM_VERB_##NAME, ZLOOM_WAY_##way, (session), ZLOOM_PACK_##pack},
#define ZLOOM_VERB_RESERVED(NAME, number)
#include "wire/verbs.def"
#undef ZLOOM_VERB
#undef ZLOOM_VERB_RESERVED
};

const zloom_verb_info_t *
zloom_verb_info (zloom_verb_kind_t kind)
{
    const size_t number = (size_t) kind;
    const bool known = number < sizeof s_verbs / sizeof *s_verbs && s_verbs[number].name;
    return known ? &s_verbs[number] : NULL;
}

uint64_t
zloom_runs_total (const zloom_run_t *runs, size_t run_count)
{
    uint64_t total = 0;
    for (size_t i = 0; i < run_count; i++) {
        total += runs[i].n;
    }
    return total;
}

uint64_t
zloom_verb_messages (const zloom_verb_t *verb)
{
    uint64_t total = 0;
    if (verb->kind == ZLOOM_VERB_SEND) {
        return verb->send.n;
    }
    if (verb->kind == ZLOOM_VERB_DELIVER) {
        return zloom_runs_total (verb->deliver.runs, verb->deliver.run_count);
    }
    if (verb->kind == ZLOOM_VERB_STEP) {
        for (size_t i = 0; i < verb->step.emit_count; i++) {
            total += verb->step.emits[i].n;
        }
    }
    return total;
}

zloom_err_t
zloom_verb_check_pack (const zloom_verb_t *verb, size_t frame_bytes, zloom_bytes_t pack,
                       size_t max_message_bytes)
{
    const zloom_verb_info_t *info = zloom_verb_info (verb->kind);
    const uint64_t messages = zloom_verb_messages (verb);
    if (!info) {
        return zloom_fail (ZLOOM_UNKNOWN_VERB, "verb %d", (int) verb->kind);
    }
    const bool is_step = verb->kind == ZLOOM_VERB_STEP;
    if (is_step && frame_bytes + pack.size > ZLOOM_LIMIT_STEP_BYTES) {
        return zloom_fail (ZLOOM_TOO_BIG, "STEP: %zu bytes, limit %d", frame_bytes + pack.size,
                           ZLOOM_LIMIT_STEP_BYTES);
    }
    if (!pack.data) {
        if (info->pack == ZLOOM_PACK_MUST || (is_step && messages > 0)) {
            return zloom_fail (ZLOOM_MALFORMED, "%s: the pack is missing", info->name);
        }
        return ZLOOM_OK;
    }
    if (info->pack == ZLOOM_PACK_NONE) {
        return zloom_fail (ZLOOM_MALFORMED, "%s: has no second frame", info->name);
    }
    uint32_t found = 0;
    const zloom_err_t err = verb->kind == ZLOOM_VERB_ANSWER
                              ? zloom_pack_count (pack, max_message_bytes, &found)
                              : zloom_pack_check (pack, messages, max_message_bytes);
    if (err != ZLOOM_OK) {
        zloom_note_prefix ("%s", info->name);
    }
    return err;
}
