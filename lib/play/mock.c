/* SPDX-License-Identifier: MPL-2.0 */
/* mock.c - what a case says of a node's messages, rule by rule. */
#include "play/world.h"

#include <string.h>

#include "io/json.h"

/* ---- outcomes ------------------------------------------------------------------------------- */

void
zloom_play_outcome_fini (zloom_play_outcome_t *self)
{
    zloom_arena_fini (&self->arena);
    *self = (zloom_play_outcome_t){.settlement = {.delay_ms = ZLOOM_DELAY_UNSET}};
}

static zloom_bytes_t
s_keep (zloom_play_outcome_t *outcome, const char *text)
{
    const size_t size = strlen (text);
    char *copy = zloom_arena_take (&outcome->arena, size + 1, 1);
    memcpy (copy, text, size + 1);
    return zloom_bytes (copy, size);
}

void
zloom_play_fail_message (zloom_play_outcome_t *outcome, zloom_verdict_t verdict, const char *reason,
                         const char *text)
{
    outcome->settlement.verdict = verdict;
    outcome->settlement.cause = (zloom_cause_t){
      .reason = s_keep (outcome, reason), .exit = -1, .text = s_keep (outcome, text)};
}

/* ---- rules ---------------------------------------------------------------------------------- */

bool
zloom_play_body_is (const zloom_case_body_t *body, zloom_bytes_t seen, bool part)
{
    const zloom_bytes_t text = zloom_bytes_text (body->text);
    if (!body->json) {
        return zloom_bytes_equal (text, seen);
    }
    return part ? zloom_json_contains (seen, text) : zloom_json_equal (seen, text);
}

static bool
s_fits (const zloom_case_rule_t *rule, int64_t used, const zloom_message_t *message)
{
    const zloom_bytes_t key = zloom_bytes (message->key, message->key_size);
    return (rule->times == 0 || used < rule->times) &&
           (rule->attempt == 0 || rule->attempt == (int64_t) message->attempt + 1) &&
           (!rule->flow || strcmp (rule->flow, message->flow) == 0) &&
           (!rule->key || zloom_bytes_equal (zloom_bytes_text (rule->key), key)) &&
           (!rule->body.text ||
            zloom_play_body_is (&rule->body, zloom_bytes (message->body, message->body_size),
                                true));
}

static void
s_emit (const zloom_case_emit_t *emit, const zloom_message_t *message, zloom_play_emit_t *out)
{
    const zloom_case_message_t *said = &emit->message;
    const bool again = !said->body.text;
    out->flow = emit->flow;
    out->envelope = (zloom_envelope_t){
      .body = again ? zloom_bytes (message->body ? message->body : "", message->body_size)
                    : zloom_bytes_text (said->body.text),
      .topic = zloom_bytes_text (said->topic),
      .key = said->key ? zloom_bytes_text (said->key)
             : again   ? zloom_bytes (message->key, message->key_size)
                       : ZLOOM_BYTES_NULL,
      .id = zloom_bytes_text (said->id),
      .has_priority = said->priority >= 0,
      .priority = said->priority >= 0 ? (uint8_t) said->priority : 0,
      .has_due = said->in_ns > 0,
      .due_ms = said->in_ns / ZLOOM_NS_PER_MS,
      .has_expires = said->expires_ns > 0,
      .expires_ms = said->expires_ns / ZLOOM_NS_PER_MS,
    };
}

static void
s_apply (const zloom_case_rule_t *rule, const zloom_message_t *message,
         zloom_play_outcome_t *outcome)
{
    const char *text = rule->text ? rule->text : "";
    outcome->takes_ns = rule->takes_ns;
    switch ((zloom_case_verdict_t) rule->verdict) {
    case ZLOOM_CASE_ACK:
        outcome->emits =
          zloom_arena_take (&outcome->arena, rule->emit_count, sizeof *outcome->emits);
        for (size_t i = 0; i < rule->emit_count; i++) {
            s_emit (&rule->emits[i], message, &outcome->emits[outcome->emit_count++]);
        }
        break;
    case ZLOOM_CASE_RETRY:
        zloom_play_fail_message (outcome, ZLOOM_VERDICT_RETRY, "failures", text);
        if (rule->delay_ns >= 0) {
            outcome->settlement.delay_ms = rule->delay_ns / ZLOOM_NS_PER_MS;
        }
        break;
    case ZLOOM_CASE_REJECT:
        zloom_play_fail_message (outcome, ZLOOM_VERDICT_REJECT, "rejected", text);
        break;
    case ZLOOM_CASE_CRASH:
        zloom_play_fail_message (outcome, ZLOOM_VERDICT_CRASH, "crash", text);
        break;
    case ZLOOM_CASE_HANG:
        outcome->takes_ns = ZLOOM_NEVER;
        break;
    }
}

bool
zloom_play_mock (zloom_play_node_t *node, const zloom_message_t *message,
                 zloom_play_outcome_t *outcome)
{
    for (size_t i = 0; i < node->mock->rule_count; i++) {
        const zloom_case_rule_t *rule = &node->mock->rules[i];
        if (s_fits (rule, node->used[i], message)) {
            node->used[i]++;
            s_apply (rule, message, outcome);
            return true;
        }
    }
    return false;
}
