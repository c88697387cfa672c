/* SPDX-License-Identifier: MPL-2.0 */
/* judge.c - what was expected against what was seen, line by line. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/tag.h"
#include "play/world.h"

/* As much of a text as a line shows. */
#define SHOWN_BYTES 200

typedef struct {
    const zloom_case_seen_t *expected;
    const zloom_play_list_t *seen;
    bool of_node;
    size_t *partner; /* of each that is expected: 1 + the index of what was seen; 0: none */
    size_t *taken;   /* of each that was seen: 1 + the index of what is expected */
    bool *tried;
} judge_t;

/* ---- one message ---------------------------------------------------------------------------- */

static bool
s_text_is (const char *expected, const char *seen)
{
    return !expected || (seen && strcmp (expected, seen) == 0);
}

static bool
s_matches (const zloom_case_match_t *match, const zloom_play_seen_t *seen)
{
    return (!match->body.text ||
            zloom_play_body_is (&match->body, zloom_buf_bytes (&seen->body), match->part)) &&
           s_text_is (match->key, seen->key) && s_text_is (match->topic, seen->topic) &&
           s_text_is (match->id, seen->id) && s_text_is (match->reason, seen->reason) &&
           (match->attempt == 0 || match->attempt == (int64_t) seen->attempt) &&
           (match->failures == 0 || (uint64_t) match->failures == seen->failures) &&
           (!match->text || (seen->text && strstr (seen->text, match->text)));
}

/* What a terminal would do something with is a dot, and so is what is no UTF-8. */
static void
s_add_shown (zloom_buf_t *out, const char *text, size_t size)
{
    const bool utf8 = zloom_bytes_is_utf8 (zloom_bytes (text, size));
    size_t shown = size > SHOWN_BYTES ? SHOWN_BYTES : size;
    while (utf8 && shown < size && ((unsigned char) text[shown] & 0xc0) == 0x80) {
        shown--; /* not in the middle of a character */
    }
    for (size_t i = 0; i < shown; i++) {
        const unsigned char byte = (unsigned char) text[i];
        const bool wide = byte == 0xc2 && i + 1 < shown && (unsigned char) text[i + 1] < 0xa0;
        const bool odd = byte < ' ' || byte == 0x7f || (byte > 0x7f && !utf8) || wide;
        zloom_buf_printf (out, "%c", odd ? '.' : byte);
        i += utf8 && wide; /* U+0080 to U+009F are controls, too */
    }
    zloom_buf_add_text (out, shown < size ? "…" : "");
}

static void
s_add_named (zloom_buf_t *out, const char *name, const char *text)
{
    if (text && text[0]) {
        zloom_buf_printf (out, "%s%s=", out->size > 0 ? " " : "", name);
        s_add_shown (out, text, strlen (text));
    }
}

static void
s_add_number (zloom_buf_t *out, const char *name, uint64_t number)
{
    if (number > 0) {
        zloom_buf_printf (out, "%s%s=%" PRIu64, out->size > 0 ? " " : "", name, number);
    }
}

static char *
s_end (zloom_buf_t *out, const char *otherwise)
{
    char *text = zloom_strdup (out->size > 0 ? zloom_buf_text (out) : otherwise);
    zloom_buf_fini (out);
    return text;
}

static char *
s_expected_text (const zloom_case_match_t *match)
{
    zloom_buf_t out = {0};
    if (match->body.text) {
        s_add_shown (&out, match->body.text, strlen (match->body.text));
        zloom_buf_add_text (&out, match->part ? " and more" : "");
    }
    s_add_named (&out, "key", match->key);
    s_add_named (&out, "topic", match->topic);
    s_add_named (&out, "id", match->id);
    s_add_number (&out, "attempt", (uint64_t) match->attempt);
    s_add_named (&out, "reason", match->reason);
    s_add_number (&out, "failures", (uint64_t) match->failures);
    s_add_named (&out, "text", match->text);
    return s_end (&out, "(any message)");
}

static char *
s_seen_text (const zloom_play_seen_t *seen, bool of_node)
{
    zloom_buf_t out = {0};
    s_add_shown (&out, (const char *) seen->body.data, seen->body.size);
    s_add_named (&out, "key", seen->key);
    s_add_named (&out, "topic", seen->topic);
    s_add_named (&out, "id", seen->id);
    s_add_number (&out, "attempt", of_node ? seen->attempt : 0);
    s_add_named (&out, "reason", seen->reason);
    s_add_number (&out, "failures", seen->failures);
    s_add_named (&out, "text", seen->text);
    return s_end (&out, "(empty)");
}

/* ---- lists ---------------------------------------------------------------------------------- */

static void
s_add_row (zloom_play_failure_t *failure, char *expected, char *seen, bool same)
{
    zloom_grow (&failure->rows, &failure->row_capacity, failure->row_count + 1,
                sizeof *failure->rows);
    failure->rows[failure->row_count++] =
      (zloom_play_row_t){.expected = expected, .seen = seen, .same = same};
}

/* Find a partner for an expected message; those that have one may move to another. */
static bool
s_pair (judge_t *self, size_t index) /* NOLINT(misc-no-recursion): 1000 deep at most */
{
    for (size_t i = 0; i < self->seen->count; i++) {
        if (self->tried[i] || !s_matches (&self->expected->matches[index], &self->seen->items[i])) {
            continue;
        }
        self->tried[i] = true;
        if (self->taken[i] == 0 || s_pair (self, self->taken[i] - 1)) {
            self->taken[i] = index + 1;
            self->partner[index] = i + 1;
            return true;
        }
    }
    return false;
}

static bool
s_pair_all (judge_t *self)
{
    const size_t expected = self->expected->match_count;
    const size_t seen = self->seen->count;
    bool good = expected == seen;
    self->partner = zloom_alloc ((expected + 1) * sizeof *self->partner);
    self->taken = zloom_alloc ((seen + 1) * sizeof *self->taken);
    self->tried = zloom_alloc (seen + 1);
    for (size_t i = 0; i < expected; i++) {
        if (self->expected->any_order) {
            memset (self->tried, 0, seen + 1);
            good = s_pair (self, i) && good;
        } else if (i < seen) {
            self->partner[i] = i + 1;
            self->taken[i] = i + 1;
            good = s_matches (&self->expected->matches[i], &self->seen->items[i]) && good;
        }
    }
    return good;
}

static void
s_add_rows (const judge_t *self, zloom_play_failure_t *failure)
{
    for (size_t i = 0; i < self->expected->match_count; i++) {
        const zloom_case_match_t *match = &self->expected->matches[i];
        const zloom_play_seen_t *seen =
          self->partner[i] > 0 ? &self->seen->items[self->partner[i] - 1] : NULL;
        s_add_row (failure, s_expected_text (match),
                   seen ? s_seen_text (seen, self->of_node) : NULL,
                   seen && s_matches (match, seen));
    }
    for (size_t i = 0; i < self->seen->count; i++) {
        if (self->taken[i] == 0) {
            s_add_row (failure, NULL, s_seen_text (&self->seen->items[i], self->of_node), false);
        }
    }
}

/* The place of the first message that is not as expected, else of the list. */
static zloom_span_t
s_place (const judge_t *self)
{
    for (size_t i = 0; i < self->expected->match_count; i++) {
        const zloom_case_match_t *match = &self->expected->matches[i];
        if (self->partner[i] == 0 || !s_matches (match, &self->seen->items[self->partner[i] - 1])) {
            return match->at;
        }
    }
    return self->expected->messages_at;
}

static void
s_judge_list (zloom_world_t *world, judge_t *self, const char *what, const char *name)
{
    const zloom_case_seen_t *expected = self->expected;
    zloom_assert (self->seen);
    if (expected->count >= 0 && (size_t) expected->count != self->seen->count) {
        zloom_play_failure_t *failure =
          zloom_world_fail (world, expected->count_at, "count of %s '%s'", what, name);
        s_add_row (failure, zloom_format ("%" PRId64, expected->count),
                   zloom_format ("%zu", self->seen->count), false);
    }
    if (expected->listed && !s_pair_all (self)) {
        s_add_rows (self, zloom_world_fail (world, s_place (self), "messages of %s '%s'%s", what,
                                            name, expected->any_order ? ", in any order" : ""));
    }
    free (self->partner);
    free (self->taken);
    free (self->tried);
}

/* ---- steps ---------------------------------------------------------------------------------- */

static bool
s_asks_for_letters (const zloom_case_seen_t *expected)
{
    for (size_t i = 0; i < expected->match_count; i++) {
        const zloom_case_match_t *match = &expected->matches[i];
        if (match->reason || match->failures > 0 || match->text) {
            return true;
        }
    }
    return false;
}

static void
s_judge_state (zloom_world_t *world, const zloom_case_expect_t *expect)
{
    for (size_t i = 0; i < expect->state_count; i++) {
        const zloom_case_state_t *state = &expect->state[i];
        uint64_t value = 0;
        zloom_err_t err = zloom_play_eye_counter (world, expect->flow, state->name, &value);
        if (err == ZLOOM_OK && value == (uint64_t) state->value) {
            continue;
        }
        zloom_play_failure_t *failure = zloom_world_fail (
          world, expect->state_at[i], "'%s' of flow '%s'", state->name, expect->flow);
        s_add_row (
          failure, zloom_format ("%" PRId64, state->value),
          err == ZLOOM_OK ? zloom_format ("%" PRIu64, value) : zloom_strdup (zloom_note ()), false);
    }
}

void
zloom_play_judge_flow (zloom_world_t *world, const zloom_case_step_t *step)
{
    const zloom_case_expect_t *expect = &step->is.expect;
    zloom_play_list_t *list = &world->eye.flows[zloom_world_flow (world, expect->flow)];
    judge_t judge = {.expected = &expect->seen, .seen = list};
    if (s_asks_for_letters (&expect->seen) &&
        zloom_play_eye_letters (world, expect->flow, list) != ZLOOM_OK) {
        zloom_world_fail (world, step->at, "dead letters of flow '%s': %s", expect->flow,
                          zloom_note ());
    }
    s_judge_list (world, &judge, "flow", expect->flow);
    s_judge_state (world, expect);
}

void
zloom_play_judge_node (zloom_world_t *world, const zloom_case_step_t *step)
{
    const zloom_case_handled_t *handled = &step->is.handled;
    judge_t judge = {.expected = &handled->seen, .of_node = true};
    for (size_t i = 0; i < world->node_count; i++) {
        if (strcmp (world->nodes[i].node->name, handled->node) == 0) {
            judge.seen = &world->nodes[i].handled;
        }
    }
    s_judge_list (world, &judge, "node", handled->node);
}
