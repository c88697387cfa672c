/* SPDX-License-Identifier: MPL-2.0 */
/* When messages expire: against a model, over the disk too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/random.h"
#include "patterns/common/expiries.h"
#include "wire/encode.h"

#define CHUNKS 64u
#define SEED 20261128u

/* The soonest time of each chunk, ZLOOM_NEVER when there is none. */
typedef struct {
    zloom_expiries_t expiries;
    int64_t model[CHUNKS];
} world_t;

static void
s_compare (const world_t *world, int64_t now_ns)
{
    int64_t soonest = ZLOOM_NEVER;
    uint64_t due = CHUNKS;
    size_t count = 0;
    for (uint64_t i = 0; i < CHUNKS; i++) {
        soonest = world->model[i] < soonest ? world->model[i] : soonest;
        due = due == CHUNKS && world->model[i] <= now_ns ? i : due;
        count += world->model[i] != ZLOOM_NEVER ? 1 : 0;
    }
    assert_int_equal (world->expiries.count, count);
    assert_true (zloom_expiries_next (&world->expiries) == soonest);
    zloom_range_t chunk;
    assert_int_equal (zloom_expiries_due (&world->expiries, now_ns, &chunk), due < CHUNKS);
    if (due < CHUNKS) {
        assert_int_equal (chunk.first, due * ZLOOM_EXPIRIES_CHUNK);
        assert_int_equal (chunk.last, chunk.first + ZLOOM_EXPIRIES_CHUNK - 1);
    }
}

static void
s_add (world_t *world, uint64_t first, uint64_t last, int64_t wall_ns)
{
    zloom_expiries_add (&world->expiries, first, last, wall_ns);
    for (uint64_t key = first / ZLOOM_EXPIRIES_CHUNK; key <= last / ZLOOM_EXPIRIES_CHUNK; key++) {
        world->model[key] = wall_ns < world->model[key] ? wall_ns : world->model[key];
    }
}

static void
s_drop (world_t *world, uint64_t floor)
{
    zloom_expiries_drop (&world->expiries, floor);
    for (uint64_t key = 0; key < CHUNKS && key < floor / ZLOOM_EXPIRIES_CHUNK; key++) {
        world->model[key] = ZLOOM_NEVER;
    }
}

/* As the disk keeps it. */
static void
s_store_and_load (world_t *world)
{
    zloom_buf_t bytes = {0};
    zloom_expiries_t again = {0};
    zloom_expiries_encode (&world->expiries, &bytes);
    zloom_cursor_t cursor = zloom_cursor (zloom_buf_bytes (&bytes));
    assert_int_equal (zloom_expiries_decode (&again, &cursor), ZLOOM_OK);
    zloom_expiries_fini (&world->expiries);
    world->expiries = again;
    zloom_buf_fini (&bytes);
}

static void
expiries_know_the_soonest_of_each_chunk (void **state)
{
    (void) state;
    zloom_random_t random;
    zloom_random_init (&random, SEED);
    for (int round = 0; round < 50; round++) {
        world_t world = {.expiries = {0}};
        for (size_t i = 0; i < CHUNKS; i++) {
            world.model[i] = ZLOOM_NEVER;
        }
        uint64_t floor = 0;
        for (int i = 0; i < 300; i++) {
            const uint64_t span = CHUNKS * ZLOOM_EXPIRIES_CHUNK - floor;
            const uint64_t first = floor + zloom_random_below (&random, span);
            const uint64_t rest = CHUNKS * ZLOOM_EXPIRIES_CHUNK - first;
            const int64_t wall_ns = 1 + (int64_t) zloom_random_below (&random, 1000);
            const uint64_t dice = zloom_random_below (&random, 20);
            if (dice < 12) {
                const uint64_t n = zloom_random_below (&random, rest < 5000 ? rest : 5000);
                s_add (&world, first, first + n, wall_ns);
            } else if (dice < 16) { /* looked through: nothing there expires any more, or later */
                const int64_t next = dice < 14 ? ZLOOM_NEVER : wall_ns;
                const uint64_t key = first / ZLOOM_EXPIRIES_CHUNK;
                zloom_expiries_set (&world.expiries, first, next);
                world.model[key] = world.model[key] == ZLOOM_NEVER ? ZLOOM_NEVER : next;
            } else if (dice < 18) {
                floor += zloom_random_below (&random, 3000 < span ? 3000 : span);
                s_drop (&world, floor);
            } else {
                s_store_and_load (&world);
            }
            s_compare (&world, (int64_t) zloom_random_below (&random, 1000));
        }
        s_drop (&world, UINT64_C (1) << 40);
        assert_true (zloom_expiries_next (&world.expiries) == ZLOOM_NEVER);
        zloom_expiries_fini (&world.expiries);
    }
}

static void
expiries_do_not_believe_what_cannot_be (void **state)
{
    (void) state;
    static const uint8_t wrong[] = {0x92, 0xa1, 'x', 0x01}; /* ["x", 1] */
    zloom_expiries_t expiries = {0};
    zloom_cursor_t cursor = zloom_cursor (zloom_bytes (wrong, sizeof wrong));
    assert_int_not_equal (zloom_expiries_decode (&expiries, &cursor), ZLOOM_OK);
    assert_true (zloom_expiries_next (&expiries) == ZLOOM_NEVER);
    zloom_expiries_fini (&expiries);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (expiries_know_the_soonest_of_each_chunk),
      cmocka_unit_test (expiries_do_not_believe_what_cannot_be),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
