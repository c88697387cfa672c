/* SPDX-License-Identifier: MPL-2.0 */
/*
 * peers.h - what the peers of a rig say: producers, consumers, those who ask.
 *
 * Example:
 *     rig_hello (&rig, 1, "shop", 1, "orders");   // route 1, nonce 1, sends to orders
 *     rig_put_send (&rig, 1, 1, 3);               // ids 1 to 3
 *     rig_consumer (&rig, 2, "worker", "orders", 10);
 */
#ifndef ZLOOM_TESTS_ENGINE_PEERS_H
#define ZLOOM_TESTS_ENGINE_PEERS_H

#include "unit/engine/rig.h"

#include "wire/attrs.h"

/* ---- what peers say ------------------------------------------------------------------------ */

static inline void
rig_put_hello (rig_t *rig, zloom_route_t route, const char *name, uint8_t nonce,
               const zloom_hello_flow_t *flows, size_t count)
{
    uint8_t bytes[ZLOOM_NONCE_BYTES] = {nonce};
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_HELLO,
                               .hello = {.proto_min = 1,
                                         .proto_max = 1,
                                         .name = zloom_bytes_text (name),
                                         .role = zloom_bytes_text ("test"),
                                         .nonce = zloom_bytes (bytes, sizeof bytes),
                                         .flows = flows,
                                         .flow_count = count}};
    rig_put (rig, route, &verb, NULL);
}

/* Say HELLO as a sender to one flow and see the WELCOME. */
static inline void
rig_hello (rig_t *rig, zloom_route_t route, const char *name, uint8_t nonce, const char *flow)
{
    const zloom_hello_flow_t hello = {.name = zloom_bytes_text (flow), .next = 1};
    rig_put_hello (rig, route, name, nonce, &hello, flow ? 1 : 0);
    rig_settle (rig);
    rig_expect (rig, route, ZLOOM_VERB_WELCOME);
}

/* n messages with bodies "<first>", "<first + 1>", …; each padded to `size` bytes. */
static inline void
rig_pack (zloom_buf_t *pack, uint64_t first, uint32_t n, size_t size)
{
    zloom_buf_clear (pack);
    char *body = zloom_alloc (size + 24);
    for (uint32_t i = 0; i < n; i++) {
        const int length = snprintf (body, size + 24, "%llu", (unsigned long long) first + i);
        const size_t used = (size_t) length > size ? (size_t) length : size;
        memset (body + length, ' ', used - (size_t) length);
        const zloom_envelope_t envelope = {.body = zloom_bytes (body, used)};
        zloom_pack_add (pack, &envelope);
    }
    free (body);
}

static inline void
rig_put_sized (rig_t *rig, zloom_route_t route, uint64_t first_id, uint32_t n, size_t size)
{
    zloom_buf_t pack = {0};
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SEND,
      .send = {.flow = 0, .first_id = first_id, .n = n, .base_time_ns = rig->now.wall_ns}};
    rig_pack (&pack, first_id, n, size);
    rig_put (rig, route, &verb, &pack);
    zloom_buf_fini (&pack);
}

static inline void
rig_put_send (rig_t *rig, zloom_route_t route, uint64_t first_id, uint32_t n)
{
    rig_put_sized (rig, route, first_id, n, 10);
}

static inline void
rig_put_subscribe (rig_t *rig, zloom_route_t route, uint32_t handle, const char *flow,
                   zloom_mode_t mode)
{
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SUBSCRIBE,
      .subscribe = {.handle = handle, .flow = zloom_bytes_text (flow), .mode = mode}};
    rig_put (rig, route, &verb, NULL);
}

static inline void
rig_put_credit (rig_t *rig, zloom_route_t route, uint32_t handle, uint64_t messages)
{
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_CREDIT,
                               .credit = {.target = ZLOOM_CREDIT_HANDLE,
                                          .id = handle,
                                          .messages = messages,
                                          .bytes = messages << 20,
                                          .frames = messages}};
    rig_put (rig, route, &verb, NULL);
}

static inline void
rig_put_settle (rig_t *rig, zloom_route_t route, uint32_t handle, zloom_token_t token,
                uint64_t first, uint32_t n, zloom_verdict_t verdict)
{
    const zloom_settle_run_t run = {.first = first,
                                    .n = n,
                                    .verdict = verdict,
                                    .delay_ms = ZLOOM_DELAY_UNSET,
                                    .cause = {.exit = -1}};
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SETTLE,
      .settle = {.handle = handle, .token = token, .runs = &run, .run_count = 1}};
    rig_put (rig, route, &verb, NULL);
}

/* A command; the arguments are used up. */
static inline void
rig_put_admin (rig_t *rig, zloom_route_t route, uint64_t request, const char *command,
               zloom_attrs_t *args)
{
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_ADMIN,
                               .admin = {.request = request,
                                         .command = zloom_bytes_text (command),
                                         .args = zloom_attrs_bytes (args)}};
    rig_put (rig, route, &verb, NULL);
    zloom_attrs_fini (args);
}

/* A number of the answer that was taken last. */
static inline int64_t
rig_number (const rig_t *rig, const char *name)
{
    zloom_attr_t value;
    if (!zloom_attrs_find (rig->verb.answer.result, name, &value)) {
        fail_msg ("no %s in the answer", name);
    }
    return value.number;
}

/* Hello, subscribe and credit of a consumer. */
static inline void
rig_consumer (rig_t *rig, zloom_route_t route, const char *name, const char *flow,
              uint64_t messages)
{
    rig_hello (rig, route, name, (uint8_t) route, NULL);
    rig_put_subscribe (rig, route, 1, flow, ZLOOM_MODE_CONSUME);
    rig_put_credit (rig, route, 1, messages);
    rig_settle (rig);
    rig_expect (rig, route, ZLOOM_VERB_SUBSCRIBED);
    assert_int_equal (rig->verb.subscribed.code, ZLOOM_OK);
}

#endif
