/* SPDX-License-Identifier: MPL-2.0 */
/* Dedup at the door: what a pack will take in the journal, told before it is taken. */
#include "letters.h"
#include "patterns/common/ids.h"

#define MANY 60000u
#define ID_MOST 64u

static zloom_flow_config_t
s_config (int64_t max)
{
    zloom_flow_config_t config = desk_config ();
    config.dedup = true;
    config.dedup_window_ns = 600 * S;
    config.dedup_max = max;
    return config;
}

/* The pack of messages whose ids are these numbers; 0: it has none. */
static zloom_buf_t
s_pack (const uint32_t *ids, uint32_t n)
{
    zloom_buf_t pack = {0};
    for (uint32_t i = 0; i < n; i++) {
        const zloom_envelope_t letter = {.id = ids[i] ? zloom_bytes (&ids[i], sizeof ids[i])
                                                      : ZLOOM_BYTES_NULL,
                                         .body = zloom_bytes ("body", 4)};
        zloom_pack_add (&pack, &letter);
    }
    return pack;
}

static zloom_cost_t
s_cost (const desk_t *desk, const zloom_buf_t *pack, uint32_t n, bool shared)
{
    const zloom_offer_t offer = {.n = n,
                                 .pack = zloom_buf_bytes (pack),
                                 .flags = ZLOOM_FLAG_ID,
                                 .wall_ns = desk->turn.now.wall_ns,
                                 .shared = shared};
    zloom_cost_t cost = {0};
    assert_int_equal (zloom_queue_pattern.check_offer (desk->queue, &offer, &cost), ZLOOM_OK);
    return cost;
}

static void
s_send (desk_t *desk, const char *producer, uint64_t first_id, const zloom_buf_t *pack, uint32_t n)
{
    zloom_event_t event = {.type = ZLOOM_EVENT_OFFER, .session = 1};
    event.offer.producer = zloom_bytes_text (producer);
    event.offer.first_id = first_id;
    event.offer.n = n;
    event.offer.pack = zloom_buf_bytes (pack);
    event.offer.flags = ZLOOM_FLAG_ID;
    event.offer.base_time_ns = desk->turn.now.wall_ns;
    desk_feed (desk, &event);
}

/* A pack of very many messages is one piece when nothing of it is known, and none when all is. */
static void
queue_asks_room_for_the_pieces_that_there_are (void **state)
{
    (void) state;
    const zloom_flow_config_t config = s_config (1000000);
    desk_t *desk = desk_new (&config);
    uint32_t *ids = zloom_realloc (NULL, MANY, sizeof *ids);
    for (uint32_t i = 0; i < MANY; i++) {
        ids[i] = i + 1;
    }
    zloom_buf_t pack = s_pack (ids, MANY);
    zloom_cost_t cost = s_cost (desk, &pack, MANY, false);
    assert_true (cost.records <= 4);
    assert_true (cost.bytes >= MANY * ZLOOM_ID_HASH_BYTES);
    assert_true (cost.bytes < MANY * ZLOOM_ID_HASH_BYTES + 4096);
    s_send (desk, "shop", 1, &pack, MANY);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_APPEND), 1);
    cost = s_cost (desk, &pack, MANY, false); /* somebody else sends the same */
    assert_true (cost.records <= 4);
    assert_true (cost.bytes < 4096);
    s_send (desk, "web", 1, &pack, MANY);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_APPEND), 0);
    assert_int_equal (desk_stats (desk).ready, MANY);
    zloom_buf_fini (&pack);
    free (ids);
    desk_destroy (desk);
}

/* Known and new ones in turn: that is a piece for each new one. */
static void
queue_asks_room_for_each_piece_of_a_torn_pack (void **state)
{
    (void) state;
    const zloom_flow_config_t config = s_config (1000);
    desk_t *desk = desk_new (&config);
    const uint32_t known[] = {1, 2, 3};
    const uint32_t torn[] = {1, 11, 2, 12, 3, 13};
    zloom_buf_t pack = s_pack (known, 3);
    s_send (desk, "shop", 1, &pack, 3);
    zloom_buf_fini (&pack);
    pack = s_pack (torn, 6);
    const zloom_cost_t cost = s_cost (desk, &pack, 6, false);
    s_send (desk, "web", 1, &pack, 6);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_APPEND), 3);
    assert_true (cost.records >= 3 && cost.records <= 5);
    /* Others go before it in the same step: what they bring is known by then, whatever it is. */
    const zloom_cost_t shared = s_cost (desk, &pack, 6, true);
    assert_true (shared.records >= 3);
    zloom_buf_fini (&pack);
    desk_destroy (desk);
}

/*
 * Whatever is sent, whatever is forgotten meanwhile, by age, by number or by a producer that begins
 * in the middle: there was room for it.
 */
static void
queue_never_takes_more_room_than_it_asked_for (void **state)
{
    (void) state;
    zloom_random_t random;
    zloom_random_init (&random, 20261128);
    for (int world = 0; world < 40; world++) {
        const zloom_flow_config_t config =
          s_config (1 + (int64_t) zloom_random_below (&random, world % 2 ? 200 : 8));
        desk_t *desk = desk_new (&config);
        uint64_t high[2] = {0, 0};
        for (int round = 0; round < 100; round++) {
            uint32_t ids[ID_MOST];
            const uint32_t n = 1 + (uint32_t) zloom_random_below (&random, ID_MOST);
            for (uint32_t i = 0; i < n; i++) {
                ids[i] = (uint32_t) zloom_random_below (&random, 40);
            }
            const size_t who = (size_t) zloom_random_below (&random, 2);
            const uint64_t again = zloom_random_below (&random, 3) == 0 ? high[who] : 0;
            const uint64_t first =
              high[who] + 1 - (again ? zloom_random_below (&random, again + 1) : 0);
            zloom_buf_t pack = s_pack (ids, n);
            const zloom_cost_t cost = s_cost (desk, &pack, n, false);
            s_send (desk, who ? "web" : "shop", first, &pack, n);
            zloom_buf_fini (&pack);
            const size_t pieces = desk_count (desk, ZLOOM_EFFECT_APPEND);
            assert_true (pieces <= cost.records);
            uint64_t bytes = 0;
            for (size_t i = 0; i < zloom_effects_count (desk->effects); i++) {
                const zloom_effect_t *effect = zloom_effects_at (desk->effects, i);
                bytes += effect->type == ZLOOM_EFFECT_RECORD ? effect->record.head.size : 0;
            }
            assert_true (bytes <= cost.bytes + 512);
            high[who] = first + n - 1 > high[who] ? first + n - 1 : high[who];
            desk_pass (desk, (int64_t) zloom_random_below (&random, 200) * S);
            if (zloom_random_below (&random, 9) == 0) { /* the clock is set back */
                desk->turn.now.wall_ns -= 300 * S;
            }
        }
        desk_destroy (desk);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (queue_asks_room_for_the_pieces_that_there_are),
      cmocka_unit_test (queue_asks_room_for_each_piece_of_a_torn_pack),
      cmocka_unit_test (queue_never_takes_more_room_than_it_asked_for),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
