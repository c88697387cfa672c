/* SPDX-License-Identifier: MPL-2.0 */
/* trail.h - the way of a traced message as text: a tree of its stays in flows. */
#ifndef ZLOOM_NODES_ZLOOM_TRAIL_H
#define ZLOOM_NODES_ZLOOM_TRAIL_H

#include "print.h"

/* The list "trail" of a trace's answer; an empty one adds nothing. */
void zloom_trail_text (const json_t *trail, zloom_buf_t *out);
/* Whether a message of this flow and number is in it. */
bool zloom_trail_has (const json_t *trail, const json_t *message);
/* Where a message is, for people: one that is in its flow. */
void zloom_place_text (const json_t *message, zloom_buf_t *out);

#endif
