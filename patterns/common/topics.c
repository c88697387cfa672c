/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/common/topics.h"

#include "wire/cursor.h"
#include "wire/envelope.h"
#include "wire/limits.h"
#include "wire/pack.h"

/* How much of a bad topic stands in a note. */
#define SHOWN_BYTES 64

static zloom_err_t
s_fail (zloom_err_t err, zloom_bytes_t topic, const char *what)
{
    const size_t shown = topic.size < SHOWN_BYTES ? topic.size : SHOWN_BYTES;
    if (!zloom_bytes_is_utf8 (zloom_bytes (topic.data, shown))) {
        return zloom_fail (err, "topic: %s", what);
    }
    return zloom_fail (err, "topic '%.*s%s': %s", (int) shown, (const char *) topic.data,
                       shown < topic.size ? "…" : "", what);
}

static bool
s_is (zloom_bytes_t token, char letter)
{
    return token.size == 1 && token.data[0] == (uint8_t) letter;
}

bool
zloom_topic_token (zloom_bytes_t *rest, zloom_bytes_t *token)
{
    if (!rest->data) {
        return false;
    }
    const uint8_t *dot = rest->size > 0 ? memchr (rest->data, '.', rest->size) : NULL;
    if (!dot) {
        *token = *rest;
        *rest = ZLOOM_BYTES_NULL;
        return true;
    }
    *token = zloom_bytes (rest->data, (size_t) (dot - rest->data));
    *rest = zloom_bytes (dot + 1, rest->size - token->size - 1);
    return true;
}

static zloom_err_t
s_check (zloom_bytes_t topic, bool pattern)
{
    if (!topic.data || topic.size == 0) {
        return zloom_fail (ZLOOM_MALFORMED, "topic: there is none");
    }
    if (topic.size > ZLOOM_LIMIT_TOPIC_BYTES) {
        return zloom_fail (ZLOOM_TOO_BIG, "topic: it has %zu bytes, at most %d are allowed",
                           topic.size, ZLOOM_LIMIT_TOPIC_BYTES);
    }
    if (!zloom_bytes_is_utf8 (topic)) {
        return s_fail (ZLOOM_MALFORMED, topic, "it is not UTF-8");
    }
    zloom_bytes_t rest = topic;
    zloom_bytes_t token;
    for (int count = 0; zloom_topic_token (&rest, &token); count++) {
        if (count == ZLOOM_LIMIT_TOPIC_TOKENS) {
            return s_fail (ZLOOM_TOO_BIG, topic, "it has more tokens than are allowed");
        }
        if (token.size == 0) {
            return s_fail (ZLOOM_MALFORMED, topic, "a token is empty");
        }
        if (memchr (token.data, '\0', token.size)) {
            return s_fail (ZLOOM_MALFORMED, topic, "it holds a NUL");
        }
        const bool rest_of_all = s_is (token, '>');
        if (!pattern && (rest_of_all || s_is (token, '*'))) {
            return s_fail (ZLOOM_MALFORMED, topic,
                           "'*' and '>' stand in what is subscribed to, not in what is sent");
        }
        if (rest_of_all && rest.data) {
            return s_fail (ZLOOM_MALFORMED, topic, "'>' can only be the last token");
        }
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_topic_check (zloom_bytes_t topic)
{
    return s_check (topic, false);
}

zloom_err_t
zloom_topic_check_pattern (zloom_bytes_t pattern)
{
    return s_check (pattern, true);
}

bool
zloom_topic_matches (zloom_bytes_t pattern, zloom_bytes_t topic)
{
    zloom_bytes_t want;
    zloom_bytes_t have;
    while (zloom_topic_token (&pattern, &want)) {
        if (!zloom_topic_token (&topic, &have)) {
            return false;
        }
        if (s_is (want, '>')) {
            return true;
        }
        if (!s_is (want, '*') && !zloom_bytes_equal (want, have)) {
            return false;
        }
    }
    return !topic.data;
}

zloom_bytes_t
zloom_topic_of (zloom_bytes_t envelope)
{
    zloom_cursor_t cursor = zloom_cursor (envelope);
    if (zloom_cursor_array (&cursor, UINT32_MAX) == 0 || zloom_cursor_nil (&cursor)) {
        return ZLOOM_BYTES_NULL;
    }
    const zloom_bytes_t topic = zloom_cursor_bytes (&cursor, ZLOOM_LIMIT_TOPIC_BYTES);
    return cursor.err == ZLOOM_OK ? topic : ZLOOM_BYTES_NULL;
}

/* ---- of a pack ------------------------------------------------------------------------------ */

/* Whether the recipe lets this be published. */
static zloom_err_t
s_check_one (const char *const *topics, size_t count, zloom_bytes_t topic)
{
    const zloom_err_t err = zloom_topic_check (topic);
    if (err != ZLOOM_OK || count == 0) {
        return err;
    }
    for (size_t i = 0; i < count; i++) {
        if (zloom_topic_matches (zloom_bytes_text (topics[i]), topic)) {
            return ZLOOM_OK;
        }
    }
    return zloom_fail (ZLOOM_INVALID, "topic '%.*s': it is none of the flow's topics",
                       (int) topic.size, (const char *) topic.data);
}

zloom_err_t
zloom_topics_check (const char *const *topics, size_t count, zloom_bytes_t pack, const char *flow,
                    uint32_t *changes)
{
    zloom_pack_iter_t iter = zloom_pack_iter (pack);
    zloom_bytes_t bytes;
    zloom_bytes_t head = ZLOOM_BYTES_NULL; /* of the one before */
    for (uint32_t i = 0; zloom_pack_next (&iter, &bytes); i++) {
        if (zloom_topic_again (bytes, head)) {
            continue;
        }
        zloom_err_t err = ZLOOM_OK;
        zloom_bytes_t topic = zloom_topic_of (bytes);
        head = zloom_topic_head (bytes, topic);
        if (!topic.data) { /* none, or none that can be read: say which */
            zloom_envelope_t envelope = {0};
            err = zloom_envelope_decode_head (bytes, &envelope);
            topic = envelope.topic;
        }
        err = err ? err : s_check_one (topics, count, topic);
        if (err != ZLOOM_OK) {
            zloom_note_prefix ("flow '%s': message %u of the pack", flow, i);
            return err;
        }
        ++*changes;
    }
    return ZLOOM_OK;
}
