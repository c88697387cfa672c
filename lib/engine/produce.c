/* SPDX-License-Identifier: MPL-2.0 */
/*
 * produce.c - SEND: taken or refused whole. After a refusal everything behind the refused id is
 * dropped until that id comes again (or is skipped), so a pipelined producer can neither lose nor
 * reorder.
 */
#include <stdio.h>

#include "base/tag.h"
#include "engine/names.h"

/* Records and bytes of an OFFER beside its pack, mark and provenance. */
#define OFFER_RECORDS 8
#define OFFER_BYTES 2048
/* What a provenance run may take in the journal beyond what it takes in the frame. */
#define SRC_BYTES 8
/* A refusal that will not change by itself within a turn: the sender rests before the next. */
#define REST_NS (200 * ZLOOM_NS_PER_MS)

zloom_sender_t *
zloom_engine_sender (const zloom_session_t *session, uint32_t index)
{
    const zloom_part_t *part = zloom_engine_part (session);
    return index < part->sender_count ? part->senders[index] : NULL;
}

/* ---- refusing ------------------------------------------------------------------------------ */

void
zloom_engine_refuse_send (zloom_engine_t *self, zloom_sender_t *sender, zloom_err_t code,
                          uint64_t from_id)
{
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_REFUSE,
                               .refuse = {.has_flow = true,
                                          .flow = sender->index,
                                          .code = code,
                                          .from_id = from_id,
                                          .text = zloom_bytes_text (zloom_note ())}};
    zloom_engine_say (self, sender->session, &verb, 0);
    sender->refused_from = from_id;
    const bool stays_full =
      code == ZLOOM_FULL && sender->flow->config.on_full == ZLOOM_ON_FULL_REJECT;
    if (stays_full || code == ZLOOM_DISK_FULL || code == ZLOOM_DRAINING ||
        code == ZLOOM_TOO_MANY_DELAYED) {
        sender->not_before_ns = self->now.mono_ns + REST_NS;
    }
    zloom_engine_want_credit (self, sender);
}

/* ---- checks -------------------------------------------------------------------------------- */

zloom_err_t
zloom_engine_fits (const zloom_engine_t *self, const zloom_hosted_t *flow, uint64_t n,
                   uint64_t bytes)
{
    const zloom_flow_config_t *config = &flow->config;
    if ((config->limit_messages > 0 && n > (uint64_t) config->limit_messages) ||
        (config->limit_bytes > 0 && bytes > (uint64_t) config->limit_bytes)) {
        return zloom_fail (ZLOOM_TOO_BIG,
                           "flow '%s': %llu messages with %llu bytes are more than it may hold "
                           "(%lld messages, %lld bytes)",
                           config->name, (unsigned long long) n, (unsigned long long) bytes,
                           (long long) config->limit_messages, (long long) config->limit_bytes);
    }
    uint64_t messages_left;
    uint64_t bytes_left;
    zloom_engine_flow_room (self, flow, &messages_left, &bytes_left);
    if (n > messages_left || bytes > bytes_left) {
        return zloom_fail (ZLOOM_FULL, "flow '%s' is full (limit %lld messages, %lld bytes)",
                           config->name, (long long) config->limit_messages,
                           (long long) config->limit_bytes);
    }
    return ZLOOM_OK;
}

/* Whether all of it was taken before: then it grows nothing, and its confirm is sent again. */
static bool
s_is_repeated (const zloom_sender_t *sender, const zloom_verb_send_t *send)
{
    const zloom_hosted_t *flow = sender->flow;
    const zloom_bytes_t producer = zloom_bytes_text (sender->session->name);
    uint64_t high;
    zloom_bytes_t mark;
    return flow->pattern->producer (flow->core, producer, &high, &mark, NULL) &&
           send->first_id + send->n - 1 <= high;
}

/* The mark that the producer has from before: what leaves none is recorded with that. */
static uint64_t
s_kept_mark (const zloom_sender_t *sender, const zloom_verb_send_t *send, uint64_t bytes)
{
    const zloom_hosted_t *flow = sender->flow;
    const zloom_bytes_t producer = zloom_bytes_text (sender->session->name);
    uint64_t high;
    zloom_bytes_t mark;
    const bool recorded = bytes == 0 || send->src_count > 0;
    return recorded && flow->pattern->producer (flow->core, producer, &high, &mark, NULL)
             ? mark.size
             : 0;
}

static zloom_err_t
s_check_flow (zloom_engine_t *self, zloom_sender_t *sender, const zloom_verb_send_t *send,
              size_t frame_bytes, zloom_bytes_t bytes)
{
    zloom_hosted_t *flow = sender->flow;
    if (flow->config.on_full == ZLOOM_ON_FULL_BLOCK && bytes.size > 0) {
        const zloom_err_t err = zloom_engine_fits (self, flow, send->n, bytes.size);
        if (err != ZLOOM_OK && !s_is_repeated (sender, send)) {
            sender->want_messages = err == ZLOOM_FULL ? send->n : 0;
            sender->want_bytes = err == ZLOOM_FULL ? bytes.size : 0;
            return err;
        }
    }
    /* Mark and provenance are stored much as they stand in the frame. */
    zloom_cost_t cost = {.records = OFFER_RECORDS,
                         .bytes = bytes.size + frame_bytes + SRC_BYTES * send->src_count +
                                  OFFER_BYTES + s_kept_mark (sender, send, bytes.size) +
                                  zloom_engine_bind_bytes (self, sender)};
    const zloom_offer_t offer = {.n = send->n,
                                 .pack = bytes,
                                 .flags = zloom_hosted_flags (flow, send->flags),
                                 .wall_ns = self->now.wall_ns};
    zloom_err_t err = bytes.size > 0 ? zloom_hosted_check (flow, send->flags, bytes) : ZLOOM_OK;
    err = err ? err : flow->pattern->check_offer (flow->core, &offer, &cost);
    if (err != ZLOOM_OK) {
        return err;
    }
    err = zloom_engine_room (self, flow, cost.records, cost.bytes, bytes.size > 0);
    if (err == ZLOOM_DISK_FULL) {
        return zloom_fail (err, "flow '%s': the disk under the journal is full", flow->config.name);
    }
    return err;
}

static zloom_err_t
s_check (zloom_engine_t *self, zloom_sender_t *sender, const zloom_verb_t *verb, size_t frame_bytes,
         zloom_blob_t *pack)
{
    const zloom_verb_send_t *send = &verb->send;
    const zloom_hosted_t *flow = sender->flow;
    const zloom_bytes_t bytes = pack ? zloom_blob_bytes (pack) : ZLOOM_BYTES_NULL;
    if (!flow->configured) {
        return zloom_fail (ZLOOM_UNKNOWN_FLOW, "flow '%s' is not in the recipe any more",
                           flow->config.name);
    }
    if (!zloom_engine_allows (self, sender->session, ZLOOM_RIGHT_PUBLISH,
                              zloom_hosted_name (flow))) {
        return zloom_fail (ZLOOM_FORBIDDEN, "flow '%s': '%s' may not publish", flow->config.name,
                           sender->session->name);
    }
    if (pack && !zloom_credit_covers (&sender->credit, send->n, bytes.size)) {
        const zloom_amount_t left = zloom_credit_left (&sender->credit);
        return zloom_fail (ZLOOM_NO_CREDIT,
                           "flow '%s': %u messages sent, credit left for %llu messages, %llu "
                           "bytes, %llu frames",
                           flow->config.name, send->n, (unsigned long long) left.messages,
                           (unsigned long long) left.bytes, (unsigned long long) left.frames);
    }
    if (bytes.size > ZLOOM_LIMIT_PACK_BYTES) {
        return zloom_fail (ZLOOM_TOO_BIG, "SEND: pack of %zu bytes, limit %d", bytes.size,
                           ZLOOM_LIMIT_PACK_BYTES);
    }
    const zloom_err_t err =
      zloom_verb_check_pack (verb, frame_bytes, bytes, (size_t) self->max_message_bytes);
    if (err != ZLOOM_OK) {
        return err;
    }
    if (self->draining) {
        return zloom_fail (ZLOOM_DRAINING, "router '%s' is leaving", self->name);
    }
    /* What a bridge carries was taken in elsewhere: it is no news from outside. */
    if (flow->draining && verb->send.src_count == 0) {
        return zloom_fail (ZLOOM_DRAINING, "flow '%s' is draining", flow->config.name);
    }
    return s_check_flow (self, sender, send, frame_bytes, bytes);
}

/* ---- taking -------------------------------------------------------------------------------- */

static void
s_offer (zloom_engine_t *self, zloom_sender_t *sender, const zloom_verb_send_t *send,
         zloom_blob_t *pack)
{
    zloom_event_t event = {
      .type = pack ? ZLOOM_EVENT_OFFER : ZLOOM_EVENT_SKIP,
      .session = sender->session->id,
    };
    if (pack) {
        event.offer.producer = zloom_bytes_text (sender->session->name);
        event.offer.owner = zloom_engine_name_owner (self, sender->session);
        event.offer.keyless = sender->session->key == NULL;
        event.offer.first_id = send->first_id;
        event.offer.n = send->n;
        event.offer.pack = zloom_blob_bytes (pack);
        event.offer.blob = pack;
        event.offer.flags = zloom_hosted_flags (sender->flow, send->flags);
        event.offer.base_time_ns = send->base_time_ns;
        event.offer.mark = send->mark;
        event.offer.src = send->src;
        event.offer.src_count = send->src_count;
        event.offer.admitted = sender->flow->config.on_full == ZLOOM_ON_FULL_BLOCK;
    } else {
        event.skip.producer = zloom_bytes_text (sender->session->name);
        event.skip.owner = zloom_engine_name_owner (self, sender->session);
        event.skip.keyless = sender->session->key == NULL;
        event.skip.first_id = send->first_id;
        event.skip.n = send->n;
        event.skip.mark = send->mark;
    }
    zloom_engine_feed (self, sender->flow, &event);
}

zloom_err_t
zloom_engine_send (zloom_engine_t *self, zloom_session_t *session, const zloom_verb_t *verb,
                   size_t frame_bytes, zloom_blob_t *pack)
{
    const zloom_verb_send_t *send = &verb->send;
    zloom_sender_t *sender = zloom_engine_sender (session, send->flow);
    if (!sender) {
        char text[80];
        snprintf (text, sizeof text, "SEND: flow %u was not given to this session", send->flow);
        zloom_engine_refuse (self, session, ZLOOM_UNKNOWN_FLOW, text);
        return ZLOOM_OK;
    }
    const uint64_t messages = pack ? send->n : 0;
    const uint64_t bytes = pack ? zloom_blob_bytes (pack).size : 0;
    if (sender->refused_from > 0 && send->first_id > sender->refused_from) {
        zloom_engine_use_credit (self, sender, messages, bytes);
        return ZLOOM_OK;
    }
    const zloom_err_t err = s_check (self, sender, verb, frame_bytes, pack);
    if (err == ZLOOM_AGAIN) {
        return err;
    }
    zloom_engine_begin_sending (self, sender);
    zloom_engine_use_credit (self, sender, messages, bytes);
    if (err != ZLOOM_OK) {
        const bool waits = err == ZLOOM_FULL && sender->flow->config.on_full == ZLOOM_ON_FULL_BLOCK;
        sender->flow->refused += waits ? 0 : 1;
        zloom_engine_refuse_send (self, sender, err, send->first_id);
        return ZLOOM_OK;
    }
    if (sender->refused_from > 0 && sender->refused_from - send->first_id < send->n) {
        sender->refused_from = 0;
    }
    s_offer (self, sender, send, pack);
    return ZLOOM_OK;
}
