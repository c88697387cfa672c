/* SPDX-License-Identifier: MPL-2.0 */
/* zloom.h's subscriptions to buses, against a real router that is killed and started again. */
#include <poll.h>

#include "client/client.h"
#include "unit/router/served.h"
#include "zloom.h"

static zloom_client_t *
s_open (const char *name, bool sends)
{
    static const char *const flows[] = {"events"};
    const zloom_client_config_t config = {
      .endpoint = s_endpoint, .name = name, .send_flows = flows, .send_flow_count = sends ? 1 : 0};
    zloom_client_t *client = NULL;
    assert_int_equal (zloom_client_open (&config, zloom_deadline (30000), &client), ZLOOM_OK);
    return client;
}

static void
s_publish (zloom_client_t *client, const char *topic)
{
    const zloom_outgoing_t event = {.topic = topic, .body = topic, .body_size = strlen (topic)};
    assert_int_equal (zloom_client_send (client, "events", &event, zloom_deadline (30000)),
                      ZLOOM_OK);
    assert_int_equal (zloom_client_flush (client, zloom_deadline (30000)), ZLOOM_OK);
}

typedef struct {
    unsigned count; /* gaps */
    uint64_t to;
    uint64_t missed;
    char reason[32];
} gaps_t;

static void
s_missed (void *arg, const zloom_gap_t *gap)
{
    gaps_t *gaps = arg;
    gaps->count++;
    gaps->to = gap->to;
    gaps->missed += gap->count;
    snprintf (gaps->reason, sizeof gaps->reason, "%s", gap->reason);
}

/* The next event, which must have this topic; returns its number. */
static uint64_t
s_expect (zloom_client_t *client, const char *topic)
{
    const zloom_message_t *message = NULL;
    assert_int_equal (zloom_client_receive (client, &message, zloom_deadline (30000)), ZLOOM_OK);
    assert_int_equal (message->topic_size, strlen (topic));
    assert_memory_equal (message->topic, topic, message->topic_size);
    const uint64_t seq = message->seq;
    assert_int_equal (zloom_client_ack (client, &message), ZLOOM_OK);
    return seq;
}

/* Publish until it hears: only then the router has its subscription. */
static void
s_begin (zloom_client_t *client, zloom_client_t *shop)
{
    char topic[32] = "";
    bool heard = false;
    for (unsigned i = 0; !heard; i++) {
        snprintf (topic, sizeof topic, "price.probe.%u", i);
        s_publish (shop, topic);
        const zloom_message_t *message = NULL;
        while (zloom_client_receive (client, &message, zloom_deadline (100)) == ZLOOM_OK) {
            heard = message->topic_size == strlen (topic) &&
                    memcmp (message->topic, topic, message->topic_size) == 0;
            zloom_client_ack (client, &message);
        }
    }
}

static void
test_a_program_hears_what_it_asked_for (void **state)
{
    (void) state;
    zloom_client_t *client = s_open ("screen", false);
    uint32_t handle = 0;
    const char *topics[] = {"order.*", "price.>"};
    zloom_take_t hear = {.flow = "events", .patterns = topics, .pattern_count = 2};
    assert_int_equal (zloom_client_subscribe (client, &hear, &handle), ZLOOM_OK);
    const zloom_message_t *message = NULL;
    zloom_client_t *shop = s_open ("shop", true);
    s_begin (client, shop);
    s_publish (shop, "order.paid");
    s_publish (shop, "order.paid.eu");
    s_publish (shop, "price.up.eu");
    const uint64_t first = s_expect (client, "order.paid");
    assert_int_equal (s_expect (client, "price.up.eu"), first + 2);
    s_publish (shop, "order.new");
    assert_int_equal (zloom_client_receive (client, &message, zloom_deadline (30000)), ZLOOM_OK);
    assert_int_equal (zloom_client_retry (client, &message, -1, NULL), ZLOOM_UNSUPPORTED);
    /* Without settling: what was heard before is gone by the next. */
    s_publish (shop, "order.one");
    s_publish (shop, "order.other");
    for (uint64_t i = 0; i < 2; i++) {
        assert_int_equal (zloom_client_hear (client, handle, &message, zloom_deadline (30000)),
                          ZLOOM_OK);
        assert_int_equal (message->seq, first + 4 + i);
    }
    assert_memory_equal (message->topic, "order.other", 11);
    assert_int_equal (zloom_client_hear (client, handle, &message, zloom_deadline (10)),
                      ZLOOM_TIMED_OUT);
    assert_int_equal (zloom_client_hear (client, 0, &message, zloom_deadline (10)),
                      ZLOOM_NOT_FOUND);
    assert_int_equal (zloom_client_close (&shop, zloom_deadline (30000)), ZLOOM_OK);
    assert_int_equal (zloom_client_close (&client, zloom_deadline (30000)), ZLOOM_OK);
}

/* With its own loop: what was heard is free again at once, and not with the next heartbeat. */
static void
test_who_waits_on_the_descriptor_is_woken (void **state)
{
    (void) state;
    zloom_client_t *client = s_open ("screen", false);
    zloom_client_t *shop = s_open ("shop", true);
    uint32_t handle = 0;
    zloom_take_t hear = {.flow = "events", .prefetch = 4};
    struct pollfd item = {.fd = zloom_client_fd (client), .events = POLLIN};
    const zloom_message_t *message = NULL;
    assert_int_equal (zloom_client_subscribe (client, &hear, &handle), ZLOOM_OK);
    s_begin (client, shop);
    for (int i = 0; i < 12; i++) {
        s_publish (shop, "price.up");
    }
    for (int heard = 0; heard < 12;) {
        assert_int_equal (poll (&item, 1, 30000), 1);
        assert_int_equal (zloom_client_dispatch (client), ZLOOM_OK);
        const int before = heard;
        while (zloom_client_hear (client, handle, &message, zloom_deadline (0)) == ZLOOM_OK) {
            heard++;
        }
        /* Far below a heartbeat, and the timer of a wake-up is a millisecond. */
        assert_true (heard == before || heard == 12 || poll (&item, 1, 100) == 1);
    }
    assert_int_equal (zloom_client_close (&shop, zloom_deadline (30000)), ZLOOM_OK);
    assert_int_equal (zloom_client_close (&client, zloom_deadline (30000)), ZLOOM_OK);
}

static void
test_a_restart_is_a_gap_and_then_goes_on (void **state)
{
    (void) state;
    gaps_t gaps = {0};
    zloom_client_t *client = s_open ("screen", false);
    zloom_client_t *shop = s_open ("shop", true);
    uint32_t handle = 0;
    zloom_take_t hear = {
      .flow = "events", .from = ZLOOM_FROM_NOW, .gap = s_missed, .gap_arg = &gaps};
    assert_int_equal (zloom_client_subscribe (client, &hear, &handle), ZLOOM_OK);
    const zloom_message_t *message = NULL;
    s_begin (client, shop);
    s_publish (shop, "before");
    const uint64_t before = s_expect (client, "before");
    assert_int_equal (gaps.count, 0);
    zloom_process_kill (&s_router);
    s_router = s_start (s_directory);
    /* It comes back by itself: the gap says that it has, before anything is published. */
    for (int i = 0; i < 300 && gaps.count == 0; i++) {
        assert_int_equal (zloom_client_receive (client, &message, zloom_deadline (100)),
                          ZLOOM_TIMED_OUT);
    }
    assert_int_equal (gaps.count, 1);
    assert_int_equal (gaps.missed, 0); /* nobody knows */
    assert_string_equal (gaps.reason, "restart");
    s_publish (shop, "after");
    const uint64_t after = s_expect (client, "after");
    assert_true (after > before && after == gaps.to + 1);
    assert_int_equal (gaps.count, 1);
    assert_int_equal (zloom_client_close (&shop, zloom_deadline (30000)), ZLOOM_OK);
    assert_int_equal (zloom_client_close (&client, zloom_deadline (30000)), ZLOOM_OK);
}

/* Who was told that a subscription is over is not told so of the next one. */
static void
test_the_end_of_a_subscription_is_told_of_that_one (void **state)
{
    (void) state;
    zloom_client_t *client = s_open ("screen", false);
    zloom_client_t *shop = s_open ("shop", true);
    const zloom_take_t nowhere = {.flow = "nowhere"};
    const zloom_take_t events = {.flow = "events"};
    const zloom_message_t *message = NULL;
    uint32_t lost = 0;
    uint32_t handle = 0;
    assert_int_equal (zloom_client_subscribe (client, &nowhere, &lost), ZLOOM_OK);
    assert_int_equal (zloom_client_hear (client, lost, &message, zloom_deadline (30000)),
                      ZLOOM_UNKNOWN_FLOW);
    assert_int_equal (zloom_client_subscribe (client, &events, &handle), ZLOOM_OK);
    assert_int_equal (zloom_client_receive (client, &message, zloom_deadline (0)), ZLOOM_TIMED_OUT);
    assert_int_equal (zloom_client_unsubscribe (client, lost), ZLOOM_OK);
    s_begin (client, shop);

    /* One that waits for its answer is not refused for another's end; that is told when asked. */
    const zloom_subscription_options_t with = {.flow = "events"};
    uint32_t other = 0;
    assert_int_equal (zloom_client_subscribe (client, &nowhere, &lost), ZLOOM_OK);
    assert_int_equal (zloom_client_subscribe_with (client, &with, zloom_deadline (30000), &other),
                      ZLOOM_OK);
    assert_int_equal (zloom_client_receive (client, &message, zloom_deadline (30000)),
                      ZLOOM_UNKNOWN_FLOW);
    assert_int_equal (zloom_client_receive (client, &message, zloom_deadline (0)), ZLOOM_TIMED_OUT);

    /* Nor is one that nobody has any more told of. */
    assert_int_equal (zloom_client_unsubscribe (client, lost), ZLOOM_OK);
    assert_int_equal (zloom_client_subscribe (client, &nowhere, &lost), ZLOOM_OK);
    assert_int_equal (zloom_client_subscribe_with (client, &with, zloom_deadline (30000), &handle),
                      ZLOOM_OK);
    assert_int_equal (zloom_client_unsubscribe (client, lost), ZLOOM_OK);
    assert_int_equal (zloom_client_receive (client, &message, zloom_deadline (0)), ZLOOM_TIMED_OUT);
    assert_int_equal (zloom_client_close (&shop, zloom_deadline (30000)), ZLOOM_OK);
    assert_int_equal (zloom_client_close (&client, zloom_deadline (30000)), ZLOOM_OK);
}

int
main (int argc, char **argv)
{
    if (argc == 3 && strcmp (argv[1], "--router") == 0) {
        return s_router_main (argv[2]);
    }
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_a_program_hears_what_it_asked_for, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_who_waits_on_the_descriptor_is_woken, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_the_end_of_a_subscription_is_told_of_that_one, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_a_restart_is_a_gap_and_then_goes_on, s_setup,
                                       s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
