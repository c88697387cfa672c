/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What plain traffic costs: time by the run, memory by the hole. The bounds are far from what is
 * reached, so that a slow machine passes and a step that goes over each message does not.
 */
#include <malloc.h>
#include <stdio.h>
#include <time.h>

#include "desk.h"

/* A store that knows no pack: every message has 8 bytes. */
static zloom_err_t
s_peek (void *arg, uint64_t seq, uint32_t max_n, uint64_t max_bytes, zloom_peek_t *peek)
{
    (void) arg;
    (void) seq;
    uint64_t fit = max_bytes / 8 > 0 ? max_bytes / 8 : 1;
    peek->n = fit < max_n ? (uint32_t) fit : max_n;
    peek->bytes = peek->n * UINT64_C (8);
    return ZLOOM_OK;
}

static desk_t *
s_desk (void)
{
    zloom_flow_config_t config = desk_config ();
    config.limit_messages = INT64_C (1) << 40;
    desk_t *desk = desk_new (&config);
    desk->store.peek = s_peek;
    return desk;
}

static void
s_feed (desk_t *desk, const zloom_event_t *event)
{
    zloom_effects_clear (desk->effects);
    zloom_queue_pattern.event (desk->queue, event, &desk->turn);
}

static void
s_offer (desk_t *desk, uint64_t first_id, uint32_t n)
{
    zloom_event_t event = {.type = ZLOOM_EVENT_OFFER, .session = 1};
    event.offer.producer = zloom_bytes_text ("shop");
    event.offer.first_id = first_id;
    event.offer.n = n;
    event.offer.pack = desk_bytes (n);
    event.offer.base_time_ns = (int64_t) first_id * MS;
    s_feed (desk, &event);
    zloom_event_t durable = {.type = ZLOOM_EVENT_DURABLE};
    durable.durable_seq = first_id + n - 1;
    s_feed (desk, &durable);
}

static void
s_ack (desk_t *desk, const zloom_effect_t *deliver)
{
    zloom_run_t run = deliver->deliver.runs[0];
    zloom_settle_run_t settle = {.first = run.seq, .n = run.n, .delay_ms = ZLOOM_DELAY_UNSET};
    zloom_event_t event = {.type = ZLOOM_EVENT_SETTLE, .consumer = deliver->deliver.consumer};
    event.settle.token = deliver->deliver.token;
    event.settle.runs = &settle;
    event.settle.count = 1;
    s_feed (desk, &event);
}

static double
s_seconds (void)
{
    struct timespec now;
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static void
queue_costs_by_the_run (void **state)
{
    (void) state;
    desk_t *desk = s_desk ();
    desk_subscribe (desk, 5, UINT64_MAX);
    const uint64_t rounds = 20000;
    double start = s_seconds ();
    for (uint64_t i = 0; i < rounds; i++) {
        s_offer (desk, i * 256 + 1, 256);
        zloom_effects_clear (desk->effects);
        assert_int_equal (zloom_queue_pattern.dispatch (desk->queue, UINT32_MAX, &desk->turn), 256);
        zloom_effect_t deliver = *desk_effect (desk, ZLOOM_EFFECT_DELIVER, 0);
        s_ack (desk, &deliver);
    }
    double rate = (double) rounds * 256 / (s_seconds () - start);
    print_message ("%.1f million messages/s through offer, hand-out and ack\n", rate / 1e6);
    assert_int_equal (desk_stats (desk).acked, rounds * 256);
    assert_true (rate > 1e6);
    desk_destroy (desk);
}

static size_t
s_heap_bytes (void)
{
    struct mallinfo2 info = mallinfo2 ();
    return info.uordblks + info.hblkhd;
}

static void
queue_memory_follows_holes_not_the_backlog (void **state)
{
    (void) state;
    desk_t *desk = s_desk ();
    size_t before = s_heap_bytes ();
    const uint64_t messages = 100000000;
    for (uint64_t id = 1; id <= messages; id += 50000) {
        s_offer (desk, id, 50000);
    }
    size_t plain = s_heap_bytes () - before;
    print_message ("100 million plain messages wait in %zu KiB\n", plain / 1024);
    assert_int_equal (desk_stats (desk).ready, messages);
    assert_true (plain < 4u * 1024 * 1024);
    /* One worker holds the first message, another acks what comes behind it. */
    desk_subscribe (desk, 5, 1);
    zloom_effects_clear (desk->effects);
    zloom_queue_pattern.dispatch (desk->queue, UINT32_MAX, &desk->turn);
    desk_subscribe (desk, 6, UINT64_MAX);
    for (uint64_t acked = 0; acked < 20000000;) {
        zloom_effects_clear (desk->effects);
        uint32_t n = zloom_queue_pattern.dispatch (desk->queue, 4096, &desk->turn);
        zloom_effect_t deliver = *desk_effect (desk, ZLOOM_EFFECT_DELIVER, 0);
        s_ack (desk, &deliver);
        acked += n;
    }
    assert_true (s_heap_bytes () - before < 4u * 1024 * 1024);
    zloom_buf_t snapshot = {0};
    zloom_queue_pattern.snapshot (desk->queue, &snapshot);
    print_message ("its snapshot has %zu KiB\n", snapshot.size / 1024);
    assert_true (snapshot.size < 1024u * 1024);
    zloom_buf_fini (&snapshot);
    desk_destroy (desk);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (queue_costs_by_the_run),
      cmocka_unit_test (queue_memory_follows_holes_not_the_backlog),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
