/* SPDX-License-Identifier: MPL-2.0 */
/*
 * liar.c - knows the protocol and does not keep to it: noise, frames of others with a changed byte,
 * packs that do not hold what they say, settlements of what others hold, credit that falls. One
 * kind of liar writes to SIM_JUNK only and takes nothing; the other takes orders, settles nothing
 * of its own, and writes nothing: else an honest checker could not tell its messages from damage.
 */
#include "peer.h"

#include <stdlib.h>

static bool
s_writes (const sim_peer_t *self)
{
    return self->options.flow == SIM_JUNK;
}

static void
s_say (sim_peer_t *self, const zloom_verb_t *verb, zloom_bytes_t pack)
{
    zloom_buf_t frame = {0};
    zloom_verb_encode (verb, &frame);
    zloom_blob_t *blob = pack.data ? zloom_blob_new (pack.data, pack.size) : NULL;
    sim_road_send (self->stage->net, self->road, zloom_buf_bytes (&frame), blob, pack);
    if (blob) {
        zloom_blob_unref (&blob);
    }
    zloom_buf_fini (&frame);
}

static void
s_hello (sim_peer_t *self)
{
    for (size_t i = 0; i < sizeof self->nonce; i++) {
        self->nonce[i] = (uint8_t) sim_below (self->stage->ground, 256);
    }
    const zloom_hello_flow_t flow = {.name = zloom_bytes_text (sim_flow_name (SIM_JUNK)),
                                     .next = 1 + sim_below (self->stage->ground, 3)};
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_HELLO,
      .hello = {.proto_min = 1,
                .proto_max = 1 + (uint32_t) sim_below (self->stage->ground, 3),
                .name = zloom_bytes_text (self->name),
                .role = zloom_bytes_text ("worker"),
                .nonce = zloom_bytes (self->nonce, sizeof self->nonce),
                .flows = &flow,
                .flow_count = s_writes (self)}};
    s_say (self, &verb, ZLOOM_BYTES_NULL);
}

static void
s_subscribe (sim_peer_t *self)
{
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SUBSCRIBE,
      .subscribe = {.handle = 1, .flow = zloom_bytes_text (sim_flow_name (SIM_ORDERS))}};
    s_say (self, &verb, ZLOOM_BYTES_NULL);
    const zloom_verb_t credit = {.kind = ZLOOM_VERB_CREDIT,
                                 .credit = {.target = ZLOOM_CREDIT_HANDLE,
                                            .id = 1,
                                            .messages = sim_below (self->stage->ground, 6),
                                            .bytes = 4096,
                                            .frames = sim_below (self->stage->ground, 6)}};
    s_say (self, &credit, ZLOOM_BYTES_NULL);
}

/* Whether a liar of this kind may say it. */
static bool
s_may_say (const sim_peer_t *self, zloom_bytes_t frame)
{
    zloom_verb_t verb;
    zloom_arena_t arena = {0};
    const zloom_err_t err = zloom_verb_decode (frame, &arena, &verb);
    const zloom_verb_kind_t kind = err == ZLOOM_OK ? verb.kind : ZLOOM_VERB_NONE;
    zloom_arena_fini (&arena);
    switch (kind) {
    case ZLOOM_VERB_HELLO:
    case ZLOOM_VERB_GONE:
    case ZLOOM_VERB_ADMIN:
        return false; /* it would be somebody else, or the operator */
    case ZLOOM_VERB_SUBSCRIBE:
        return false; /* `holding` names the leases of others */
    case ZLOOM_VERB_SEND:
    case ZLOOM_VERB_STEP:
        return s_writes (self);
    default:
        return true;
    }
}

/* What somebody said last, as it was or with a few bytes changed. */
static void
s_mimic (sim_peer_t *self)
{
    sim_ground_t *ground = self->stage->ground;
    const zloom_bytes_t heard = sim_net_overheard (self->stage->net);
    if (heard.size == 0) {
        return;
    }
    zloom_buf_clear (&self->body);
    zloom_buf_add_bytes (&self->body, heard);
    for (uint64_t i = sim_below (ground, 4); i > 0; i--) {
        self->body.data[sim_below (ground, heard.size)] = (uint8_t) sim_below (ground, 256);
    }
    if (sim_once_in (ground, 6)) {
        self->body.size = (size_t) sim_below (ground, heard.size);
    }
    if (s_may_say (self, zloom_buf_bytes (&self->body))) {
        sim_road_send (self->stage->net, self->road, zloom_buf_bytes (&self->body), NULL,
                       ZLOOM_BYTES_NULL);
    }
}

static void
s_noise (sim_peer_t *self, zloom_buf_t *out)
{
    for (uint64_t n = 1 + sim_below (self->stage->ground, 60); n > 0; n--) {
        const uint8_t byte = (uint8_t) sim_below (self->stage->ground, 256);
        zloom_buf_add (out, &byte, 1);
    }
}

/* Ids that begin anywhere, or a little before or behind the last ones; packs that mostly fit. */
static void
s_send (sim_peer_t *self)
{
    sim_ground_t *ground = self->stage->ground;
    const uint64_t from = sim_once_in (ground, 3) ? sim_below (ground, 20) : self->sent_id;
    const uint64_t back = sim_below (ground, 3);
    const uint32_t n = 1 + (uint32_t) sim_below (ground, 3);
    zloom_verb_t verb = {.kind = ZLOOM_VERB_SEND,
                         .send = {.flow = (uint32_t) sim_below (ground, 2),
                                  .first_id = from >= back ? from - back + 1 : 1,
                                  .n = n,
                                  .base_time_ns = sim_now (ground).wall_ns,
                                  .flags = (uint32_t) sim_below (ground, 256)}};
    self->sent_id = verb.send.first_id + n - 1;
    zloom_buf_clear (&self->body);
    const zloom_envelope_t envelope = {.body = zloom_bytes_text ("junk")};
    for (uint64_t k = sim_once_in (ground, 4) ? sim_below (ground, 4) : n; k > 0; k--) {
        zloom_pack_add (&self->body, &envelope);
    }
    if (sim_once_in (ground, 5)) {
        s_noise (self, &self->body);
    }
    s_say (self, &verb, self->body.size > 0 ? zloom_buf_bytes (&self->body) : ZLOOM_BYTES_NULL);
}

static void
s_settle (sim_peer_t *self)
{
    sim_ground_t *ground = self->stage->ground;
    const zloom_settle_run_t run = {.first = sim_below (ground, 40),
                                    .n = 1 + (uint32_t) sim_below (ground, 1000),
                                    .verdict = (zloom_verdict_t) sim_below (ground, 5),
                                    .delay_ms = ZLOOM_DELAY_UNSET,
                                    .cause = {.exit = -1}};
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SETTLE,
      .settle = {.handle = 1,
                 .token = {zloom_random_next (&ground->random), 1 + sim_below (ground, 50)},
                 .runs = &run,
                 .run_count = 1}};
    s_say (self, &verb, ZLOOM_BYTES_NULL);
}

/* Settle what was just handed to somebody else, under its very token. */
static void
s_steal (sim_peer_t *self)
{
    zloom_verb_t verb;
    zloom_arena_t arena = {0};
    const zloom_bytes_t leaked = sim_net_leaked (self->stage->net);
    if (leaked.size > 0 && zloom_verb_decode (leaked, &arena, &verb) == ZLOOM_OK &&
        verb.kind == ZLOOM_VERB_DELIVER && verb.deliver.run_count > 0) {
        const zloom_settle_run_t run = {.first = verb.deliver.runs[0].seq,
                                        .n = verb.deliver.runs[0].n,
                                        .verdict =
                                          (zloom_verdict_t) sim_below (self->stage->ground, 3),
                                        .delay_ms = ZLOOM_DELAY_UNSET,
                                        .cause = {.exit = -1}};
        const zloom_verb_t theft = {
          .kind = ZLOOM_VERB_SETTLE,
          .settle = {.handle = 1, .token = verb.deliver.token, .runs = &run, .run_count = 1}};
        s_say (self, &theft, ZLOOM_BYTES_NULL);
    }
    zloom_arena_fini (&arena);
}

static void
s_lie (sim_peer_t *self)
{
    switch (sim_below (self->stage->ground, 8)) {
    case 0:
        zloom_buf_clear (&self->body);
        s_noise (self, &self->body);
        if (s_may_say (self, zloom_buf_bytes (&self->body))) {
            sim_road_send (self->stage->net, self->road, zloom_buf_bytes (&self->body), NULL,
                           ZLOOM_BYTES_NULL);
        }
        break;
    case 1:
        s_settle (self);
        break;
    case 2:
        if (s_writes (self)) {
            s_send (self);
        } else {
            s_subscribe (self);
        }
        break;
    case 3:
        s_hello (self);
        break;
    case 4:
        s_steal (self);
        break;
    default:
        s_mimic (self);
        break;
    }
}

void
sim_liar_run (sim_peer_t *self)
{
    sim_ground_t *ground = self->stage->ground;
    zloom_blob_t *verb;
    zloom_blob_t *pack;
    while (self->road && sim_road_receive (self->stage->net, self->road, &verb, &pack)) {
        zloom_blob_unref (&verb);
        if (pack) {
            zloom_blob_unref (&pack);
        }
    }
    if (self->stage->calm) {
        sim_road_leave (self->stage->net, &self->road);
        self->next_ns = ZLOOM_NEVER;
        return;
    }
    if (self->next_ns > ground->mono_ns) {
        return;
    }
    if (!self->road || sim_once_in (ground, 20)) {
        sim_road_leave (self->stage->net, &self->road);
        self->road = sim_net_connect (self->stage->net);
        s_hello (self);
        if (!s_writes (self)) {
            s_subscribe (self);
        }
    }
    for (uint64_t n = sim_below (ground, 4); n > 0 && sim_road_can_send (self->road); n--) {
        s_lie (self);
    }
    self->next_ns = ground->mono_ns + sim_span (ground, SIM_MS, 80 * SIM_MS);
}
