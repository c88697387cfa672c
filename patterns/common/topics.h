/* SPDX-License-Identifier: MPL-2.0 */
/*
 * topics.h - what an event is about: tokens with dots between them, "order.eu.paid". In a pattern
 * `*` stands for one token and a last `>` for one or more.
 *
 * A topic has 1 to ZLOOM_LIMIT_TOPIC_TOKENS tokens, none of them empty, is UTF-8 and has at most
 * ZLOOM_LIMIT_TOPIC_BYTES bytes. A token `*` or `>` stands in patterns only; within a longer token
 * both are letters like others.
 */
#ifndef ZLOOM_PATTERNS_COMMON_TOPICS_H
#define ZLOOM_PATTERNS_COMMON_TOPICS_H

#include "base/bytes.h"
#include "base/error.h"

/* MALFORMED or TOO_BIG, with a note that says what is wrong. */
zloom_err_t zloom_topic_check (zloom_bytes_t topic);
zloom_err_t zloom_topic_check_pattern (zloom_bytes_t pattern);
/* Both checked before. O(tokens). */
bool zloom_topic_matches (zloom_bytes_t pattern, zloom_bytes_t topic);
/*
 * Each envelope of the pack has a topic, and one of these (patterns, checked before) if there are
 * any; INVALID: another one. What is wrong is noted behind the flow's name. *changes grows with
 * each topic that is not the one before it.
 */
zloom_err_t zloom_topics_check (const char *const *topics, size_t count, zloom_bytes_t pack,
                                const char *flow, uint32_t *changes);
/* Cut the first token off `rest`, which loses it and its dot; false when there is none left. */
bool zloom_topic_token (zloom_bytes_t *rest, zloom_bytes_t *token);
/*
 * The topic of an encoded envelope, which is read no further; unset when it has none, or is none.
 */
zloom_bytes_t zloom_topic_of (zloom_bytes_t envelope);

/* What an envelope begins with, up to the end of its topic: the head of all that have the same. */
static inline zloom_bytes_t
zloom_topic_head (zloom_bytes_t envelope, zloom_bytes_t topic)
{
    return topic.data
             ? zloom_bytes (envelope.data, (size_t) (topic.data + topic.size - envelope.data))
             : ZLOOM_BYTES_NULL;
}

/* Whether the envelope has this head (not one that is unset): its topic need not be read then. */
static inline bool
zloom_topic_again (zloom_bytes_t envelope, zloom_bytes_t head)
{
    return head.data && envelope.size >= head.size &&
           memcmp (envelope.data, head.data, head.size) == 0;
}

#endif
