/* SPDX-License-Identifier: MPL-2.0 */
/* Verbs to bytes: one function a verb, in the order of verbs.def; all fields, always. */
#include "base/tag.h"
#include "wire/boots.h"
#include "wire/encode.h"
#include "wire/part.h"

/* [number, `fields` more… */
static void
s_open (zloom_buf_t *out, zloom_verb_kind_t kind, size_t fields)
{
    zloom_encode_array (out, fields + 1);
    zloom_encode_uint (out, (uint64_t) kind);
}

static void
s_put_hello (zloom_buf_t *out, const zloom_verb_hello_t *hello)
{
    s_open (out, ZLOOM_VERB_HELLO, 6);
    zloom_encode_uint (out, hello->proto_min);
    zloom_encode_uint (out, hello->proto_max);
    zloom_encode_text (out, hello->name);
    zloom_encode_text (out, hello->role);
    zloom_encode_bytes (out, hello->nonce);
    zloom_encode_array (out, hello->flow_count);
    for (size_t i = 0; i < hello->flow_count; i++) {
        const zloom_hello_flow_t *flow = &hello->flows[i];
        zloom_encode_array (out, flow->boot_count > 0 ? 4 : 3);
        zloom_encode_text (out, flow->name);
        if (flow->has_fingerprint) {
            zloom_encode_uint (out, flow->fingerprint);
        } else {
            zloom_encode_nil (out);
        }
        zloom_part_put_number (out, flow->next, 0);
        if (flow->boot_count > 0) {
            zloom_boots_encode (flow->boots, flow->boot_count, out);
        }
    }
}

static void
s_put_welcome_flow (zloom_buf_t *out, const zloom_welcome_flow_t *flow)
{
    zloom_encode_array (out, flow->topic.data ? 11 : 10);
    zloom_encode_uint (out, flow->index);
    zloom_encode_text (out, flow->name);
    zloom_encode_code (out, flow->code);
    zloom_part_put_note (out, flow->note);
    zloom_encode_text (out, flow->pattern);
    zloom_encode_text (out, flow->key);
    zloom_encode_uint (out, (uint64_t) flow->confirm);
    zloom_encode_uint (out, flow->high);
    zloom_encode_bytes (out, flow->mark);
    zloom_encode_uint (out, flow->fingerprint);
    if (flow->topic.data) {
        zloom_encode_text (out, flow->topic);
    }
}

static void
s_put_welcome (zloom_buf_t *out, const zloom_verb_welcome_t *welcome)
{
    s_open (out, ZLOOM_VERB_WELCOME, 7);
    zloom_encode_uint (out, welcome->proto);
    zloom_encode_uint (out, welcome->epoch);
    zloom_encode_uint (out, welcome->heartbeat_ms);
    zloom_encode_uint (out, welcome->liveness);
    zloom_encode_array (out, 3);
    zloom_encode_uint (out, welcome->message_bytes);
    zloom_encode_uint (out, welcome->pack_bytes);
    zloom_encode_uint (out, welcome->step_bytes);
    zloom_encode_array (out, 3);
    zloom_encode_text (out, welcome->router);
    zloom_encode_bytes (out, welcome->log_id);
    zloom_encode_uint (out, welcome->boot);
    zloom_encode_array (out, welcome->flow_count);
    for (size_t i = 0; i < welcome->flow_count; i++) {
        s_put_welcome_flow (out, &welcome->flows[i]);
    }
}

static void
s_put_bye (zloom_buf_t *out, const zloom_verb_bye_t *bye)
{
    s_open (out, ZLOOM_VERB_BYE, 2);
    zloom_encode_code (out, bye->code);
    zloom_part_put_note (out, bye->text);
}

static void
s_put_beats (zloom_buf_t *out, zloom_verb_kind_t kind, const zloom_verb_ping_t *ping)
{
    s_open (out, kind, ping->report.data ? 2 : 1);
    zloom_encode_array (out, ping->beat_count);
    for (size_t i = 0; i < ping->beat_count; i++) {
        zloom_encode_array (out, 2);
        zloom_encode_uint (out, ping->beats[i].handle);
        zloom_encode_uint (out, ping->beats[i].delivery_no);
    }
    if (ping->report.data) {
        zloom_encode_raw (out, ping->report);
    }
}

static void
s_put_ping (zloom_buf_t *out, const zloom_verb_ping_t *ping)
{
    s_put_beats (out, ZLOOM_VERB_PING, ping);
}

static void
s_put_pong (zloom_buf_t *out, const zloom_verb_pong_t *pong)
{
    s_put_beats (out, ZLOOM_VERB_PONG, pong);
}

static void
s_put_gone (zloom_buf_t *out, const zloom_verb_gone_t *gone)
{
    s_open (out, ZLOOM_VERB_GONE, 5);
    zloom_encode_text (out, gone->name);
    zloom_encode_bytes (out, gone->nonce);
    zloom_part_put_end (out, gone->exit, gone->signal);
    zloom_part_put_words (out, gone->text);
}

static void
s_put_send (zloom_buf_t *out, const zloom_verb_send_t *send)
{
    s_open (out, ZLOOM_VERB_SEND, 7);
    zloom_encode_uint (out, send->flow);
    zloom_encode_uint (out, send->first_id);
    zloom_encode_uint (out, send->n);
    zloom_encode_int (out, send->base_time_ns);
    zloom_encode_uint (out, send->flags);
    zloom_encode_bytes (out, send->mark);
    if (send->src_count > 0) {
        zloom_src_encode (send->src, send->src_count, out);
    } else {
        zloom_encode_nil (out);
    }
}

static void
s_put_confirm (zloom_buf_t *out, const zloom_verb_confirm_t *confirm)
{
    s_open (out, ZLOOM_VERB_CONFIRM, 3);
    zloom_encode_uint (out, confirm->flow);
    zloom_encode_uint (out, confirm->upto_id);
    zloom_encode_uint (out, (uint64_t) confirm->level);
}

static void
s_put_refuse (zloom_buf_t *out, const zloom_verb_refuse_t *refuse)
{
    s_open (out, ZLOOM_VERB_REFUSE, 4);
    if (refuse->has_flow) {
        zloom_encode_uint (out, refuse->flow);
    } else {
        zloom_encode_nil (out);
    }
    zloom_encode_string (out, zloom_err_name (refuse->code));
    zloom_part_put_number (out, refuse->from_id, 0);
    zloom_part_put_note (out, refuse->text);
}

static void
s_put_credit (zloom_buf_t *out, const zloom_verb_credit_t *credit)
{
    s_open (out, ZLOOM_VERB_CREDIT, 5);
    zloom_encode_uint (out, (uint64_t) credit->target);
    zloom_encode_uint (out, credit->id);
    zloom_encode_uint (out, credit->messages);
    zloom_encode_uint (out, credit->bytes);
    zloom_encode_uint (out, credit->frames);
}

/* The usual form is short, as routers of before the others know it. */
static void
s_put_policy (zloom_buf_t *out, const zloom_verb_subscribe_t *subscribe)
{
    const bool usual = !subscribe->durable && subscribe->on_slow == ZLOOM_ON_SLOW_DROP_OLDEST &&
                       subscribe->on_slow_value == 0;
    zloom_encode_array (out, usual ? 1 : 4);
    zloom_encode_uint (out, (uint64_t) subscribe->mode);
    if (!usual) {
        zloom_encode_bool (out, subscribe->durable);
        zloom_encode_uint (out, (uint64_t) subscribe->on_slow);
        zloom_part_put_number (out, (uint64_t) subscribe->on_slow_value, 0);
    }
}

static void
s_put_subscribe (zloom_buf_t *out, const zloom_verb_subscribe_t *subscribe)
{
    const bool has_value = subscribe->from == ZLOOM_FROM_TIME || subscribe->from == ZLOOM_FROM_SEQ;
    s_open (out, ZLOOM_VERB_SUBSCRIBE, 7);
    zloom_encode_uint (out, subscribe->handle);
    zloom_encode_text (out, subscribe->flow);
    zloom_encode_text (out, subscribe->group);
    zloom_encode_array (out, subscribe->pattern_count);
    for (size_t i = 0; i < subscribe->pattern_count; i++) {
        zloom_encode_text (out, subscribe->patterns[i]);
    }
    zloom_encode_array (out, 2);
    zloom_encode_uint (out, (uint64_t) subscribe->from);
    if (has_value) {
        zloom_encode_int (out, subscribe->from_value);
    } else {
        zloom_encode_nil (out);
    }
    s_put_policy (out, subscribe);
    zloom_encode_array (out, subscribe->holding_count);
    for (size_t i = 0; i < subscribe->holding_count; i++) {
        const zloom_holding_t *holding = &subscribe->holding[i];
        zloom_encode_array (out, 2);
        zloom_part_put_token (out, holding->token);
        zloom_part_put_runs (out, holding->runs, holding->run_count);
    }
}

static void
s_put_subscribed (zloom_buf_t *out, const zloom_verb_subscribed_t *subscribed)
{
    s_open (out, ZLOOM_VERB_SUBSCRIBED, subscribed->next > 0 ? 7 : 6);
    zloom_encode_uint (out, subscribed->handle);
    zloom_encode_code (out, subscribed->code);
    zloom_part_put_note (out, subscribed->text);
    zloom_encode_uint (out, subscribed->flow);
    zloom_part_put_number (out, subscribed->lease_ms, 0);
    zloom_encode_text (out, subscribed->key);
    if (subscribed->next > 0) {
        zloom_encode_uint (out, subscribed->next);
    }
}

static void
s_put_unsubscribe (zloom_buf_t *out, const zloom_verb_unsubscribe_t *unsubscribe)
{
    s_open (out, ZLOOM_VERB_UNSUBSCRIBE, 1);
    zloom_encode_uint (out, unsubscribe->handle);
}

static void
s_put_facts (zloom_buf_t *out, const zloom_fact_t *facts, size_t count)
{
    zloom_encode_array (out, count);
    for (size_t i = 0; i < count; i++) {
        zloom_encode_array (out, 2);
        zloom_encode_uint (out, facts[i].i);
        zloom_encode_array (out, 4);
        zloom_encode_uint (out, facts[i].attempt);
        if (facts[i].budget_left_ms < 0) {
            zloom_encode_nil (out);
        } else {
            zloom_encode_int (out, facts[i].budget_left_ms);
        }
        zloom_encode_bool (out, facts[i].redelivered);
        zloom_encode_bool (out, facts[i].replayed);
    }
}

/* Verbs about a lease begin alike: handle, token. */
static void
s_open_lease (zloom_buf_t *out, zloom_verb_kind_t kind, size_t fields, const uint32_t *handle,
              zloom_token_t token)
{
    s_open (out, kind, fields);
    if (handle) {
        zloom_encode_uint (out, *handle);
    } else {
        zloom_encode_nil (out);
    }
    zloom_part_put_token (out, token);
}

void
zloom_verb_encode_equal (const zloom_verb_deliver_t *deliver, zloom_buf_t *out)
{
    zloom_part_put_runs (out, deliver->runs, deliver->run_count);
    zloom_src_encode (deliver->src, deliver->src_count, out);
    s_put_facts (out, deliver->facts, deliver->fact_count);
}

void
zloom_verb_encode_deliver (uint32_t handle, zloom_token_t token, zloom_bytes_t equal,
                           uint64_t delivery_no, zloom_buf_t *out)
{
    s_open_lease (out, ZLOOM_VERB_DELIVER, 6, &handle, token);
    zloom_buf_add_bytes (out, equal);
    zloom_encode_uint (out, delivery_no);
}

static void
s_put_deliver (zloom_buf_t *out, const zloom_verb_deliver_t *deliver)
{
    s_open_lease (out, ZLOOM_VERB_DELIVER, 6, &deliver->handle, deliver->token);
    zloom_verb_encode_equal (deliver, out);
    zloom_encode_uint (out, deliver->delivery_no);
}

static void
s_put_settle (zloom_buf_t *out, const zloom_verb_settle_t *settle)
{
    s_open_lease (out, ZLOOM_VERB_SETTLE, 3, &settle->handle, settle->token);
    zloom_part_put_settles (out, settle->runs, settle->run_count);
}

static void
s_put_settled (zloom_buf_t *out, const zloom_verb_settled_t *settled)
{
    s_open_lease (out, ZLOOM_VERB_SETTLED, 5, settled->has_handle ? &settled->handle : NULL,
                  settled->token);
    zloom_part_put_settled (out, settled->runs, settled->run_count);
    zloom_encode_string (out, settled->is_step ? zloom_err_name (settled->step) : NULL);
    zloom_part_put_note (out, settled->text);
}

static void
s_put_step (zloom_buf_t *out, const zloom_verb_step_t *step)
{
    s_open_lease (out, ZLOOM_VERB_STEP, 6, step->has_handle ? &step->handle : NULL, step->token);
    zloom_part_put_settles (out, step->settles, step->settle_count);
    zloom_encode_array (out, step->emit_count);
    for (size_t i = 0; i < step->emit_count; i++) {
        const zloom_emit_t *emit = &step->emits[i];
        zloom_encode_array (out, emit->from > 0 ? 7 : 6);
        zloom_encode_uint (out, emit->flow);
        zloom_encode_uint (out, emit->n);
        zloom_encode_uint (out, emit->flags);
        zloom_encode_int (out, emit->base_time_ns);
        zloom_part_put_number (out, emit->first_id, 0);
        zloom_encode_bytes (out, emit->mark);
        if (emit->from > 0) {
            zloom_encode_uint (out, emit->from);
        }
    }
    zloom_encode_nil (out);
    zloom_encode_array (out, step->state_count);
    for (size_t i = 0; i < step->state_count; i++) {
        zloom_encode_array (out, 2);
        zloom_encode_bytes (out, step->state[i].key);
        zloom_encode_bytes (out, step->state[i].value);
    }
}

static void
s_put_lease_runs (zloom_buf_t *out, zloom_verb_kind_t kind, const zloom_verb_started_t *started)
{
    s_open_lease (out, kind, 3, &started->handle, started->token);
    zloom_part_put_runs (out, started->runs, started->run_count);
}

static void
s_put_started (zloom_buf_t *out, const zloom_verb_started_t *started)
{
    s_put_lease_runs (out, ZLOOM_VERB_STARTED, started);
}

static void
s_put_stale (zloom_buf_t *out, const zloom_verb_stale_t *stale)
{
    s_put_lease_runs (out, ZLOOM_VERB_STALE, stale);
}

static void
s_put_progress (zloom_buf_t *out, const zloom_verb_progress_t *progress)
{
    s_open_lease (out, ZLOOM_VERB_PROGRESS, 4, &progress->handle, progress->token);
    zloom_part_put_runs (out, progress->runs, progress->run_count);
    zloom_part_put_number (out, progress->extend_ms, 0);
}

static void
s_put_gap (zloom_buf_t *out, const zloom_verb_gap_t *gap)
{
    s_open (out, ZLOOM_VERB_GAP, 5);
    zloom_encode_uint (out, gap->handle);
    zloom_encode_uint (out, gap->from);
    zloom_encode_uint (out, gap->to);
    zloom_encode_uint (out, gap->count);
    zloom_encode_text (out, gap->reason);
}

static void
s_put_admin (zloom_buf_t *out, const zloom_verb_admin_t *admin)
{
    s_open (out, ZLOOM_VERB_ADMIN, 3);
    zloom_encode_uint (out, admin->request);
    zloom_encode_text (out, admin->command);
    zloom_encode_raw (out, admin->args);
}

static void
s_put_answer (zloom_buf_t *out, const zloom_verb_answer_t *answer)
{
    s_open (out, ZLOOM_VERB_ANSWER, 5);
    zloom_encode_uint (out, answer->request);
    zloom_encode_code (out, answer->code);
    zloom_part_put_note (out, answer->text);
    zloom_encode_bool (out, answer->more);
    zloom_encode_raw (out, answer->result);
}

void
zloom_verb_encode (const zloom_verb_t *verb, zloom_buf_t *out)
{
    switch (verb->kind) {
#define ZLOOM_VERB(NAME, name, number, way, session, pack) \
    case ZLOOM_VERB_##NAME:                                \
        s_put_##name (out, &verb->name);                   \
        return;
#define ZLOOM_VERB_RESERVED(NAME, number)
#include "wire/verbs.def"
#undef ZLOOM_VERB
#undef ZLOOM_VERB_RESERVED
    case ZLOOM_VERB_NONE:
        break;
    }
    zloom_assert (false);
}
