/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The queue against a naive one: a table with a row a message, each rule written out per message.
 * Random events, restarts from records or a snapshot, bytes that are cold now and then. The seed
 * is printed; ZLOOM_SEED and ZLOOM_EVENTS choose another run.
 */
#include <stdio.h>

#include "desk.h"

#define CONSUMERS 5
#define PRODUCERS 3
#define LIVE_MOST 600

typedef enum { READY, LEASED, WAITING, ACKED, DEAD, PURGED } place_t;

typedef struct {
    place_t place;
    bool suspect, started;
    uint64_t consumer, token, boot;
    uint32_t failures;
    int64_t due_ns; /* end of the lease or of the wait */
} row_t;

typedef struct {
    desk_t *desk;
    zloom_random_t random;
    row_t *rows; /* rows[seq] */
    size_t capacity;
    uint64_t next_seq, floor;
    uint64_t high[PRODUCERS];
    bool there[CONSUMERS + 1];
    uint64_t granted[CONSUMERS + 1], used[CONSUMERS + 1];
    uint64_t id[CONSUMERS + 1]; /* of the consumer that is there now */
    uint64_t next_id;
    zloom_buf_t snapshot;
    size_t snapshot_at;
} model_t;

static uint64_t
s_below (model_t *m, uint64_t bound)
{
    return zloom_random_below (&m->random, bound);
}

static void
s_fail (model_t *m, row_t *row, int64_t delay_ns, bool reject)
{
    row->failures++;
    row->suspect = false;
    if (reject || row->failures >= m->desk->config.failures_max) {
        row->place = DEAD;
        return;
    }
    if (delay_ns < 0) {
        delay_ns = m->desk->config.backoff_ns[row->failures == 1 ? 0 : 1];
    }
    row->place = delay_ns > 0 ? WAITING : READY;
    row->due_ns = m->desk->turn.now.mono_ns + delay_ns;
}

/* Give a row back; what was handed out as suspect is suspect again. */
static void
s_release (row_t *row)
{
    row->place = READY;
    row->started = false;
}

static void
s_compare (model_t *m)
{
    uint64_t count[PURGED + 1] = {0};
    while (m->floor < m->next_seq && m->rows[m->floor].place >= ACKED) {
        m->floor++;
    }
    for (uint64_t seq = m->floor; seq < m->next_seq; seq++) {
        count[m->rows[seq].place]++;
    }
    zloom_flow_stats_t stats = desk_stats (m->desk);
    assert_int_equal (stats.ready, count[READY]);
    assert_int_equal (stats.leased, count[LEASED]);
    assert_int_equal (stats.waiting, count[WAITING]);
    assert_int_equal (stats.appended, m->next_seq - 1);
    uint64_t settled = stats.acked + stats.dead + stats.moving + stats.purged;
    assert_int_equal (settled, m->floor - 1 + count[ACKED] + count[DEAD] + count[PURGED]);
    assert_int_equal (stats.lost + stats.dropped, 0);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void
s_offer (model_t *m)
{
    static const char *const names[PRODUCERS] = {"shop", "web", "app"};
    uint64_t who = s_below (m, PRODUCERS);
    uint32_t n = (uint32_t) s_below (m, 40) + 1;
    uint64_t back = s_below (m, 4) ? 0 : s_below (m, 50);
    uint64_t first = m->high[who] + 1 - (back < m->high[who] ? back : m->high[who]);
    bool gap = s_below (m, 20) == 0;
    first += gap ? 5 + back : 0;
    desk_offer (m->desk, names[who], who + 1, first, n);
    uint64_t last = first + n - 1;
    if (first > m->high[who] + 1) {
        assert_int_equal (desk_count (m->desk, ZLOOM_EFFECT_CONFIRM), 0);
        return;
    }
    if (last > m->high[who]) {
        m->next_seq += last - m->high[who];
        m->high[who] = last;
    }
    const zloom_effect_t *confirm = desk_effect (m->desk, ZLOOM_EFFECT_CONFIRM, 0);
    assert_non_null (confirm);
    assert_int_equal (confirm->answer.id, m->high[who]);
}

static void
s_take_delivery (model_t *m, const zloom_effect_t *deliver)
{
    uint64_t who = 1;
    while (who <= CONSUMERS && (!m->there[who] || m->id[who] != deliver->deliver.consumer)) {
        who++;
    }
    assert_true (who <= CONSUMERS);
    uint64_t lowest = m->floor;
    while (lowest < m->next_seq && (m->rows[lowest].place != READY || m->rows[lowest].suspect)) {
        lowest++;
    }
    uint32_t index = 0;
    uint32_t fact = 0;
    bool suspect = m->rows[deliver->deliver.runs[0].seq].suspect;
    for (size_t i = 0; i < deliver->deliver.run_count; i++) {
        for (uint32_t j = 0; j < deliver->deliver.runs[i].n; j++, index++) {
            uint64_t seq = deliver->deliver.runs[i].seq + j;
            row_t *row = &m->rows[seq];
            assert_int_equal (row->place, READY); /* never two leases, never after an ack */
            assert_int_equal (row->suspect, suspect);
            assert_true (index > 0 || suspect || seq == lowest);
            uint32_t attempt = 0;
            if (fact < deliver->deliver.fact_count && deliver->deliver.facts[fact].i == index) {
                attempt = deliver->deliver.facts[fact++].attempt;
            }
            assert_int_equal (attempt, row->failures);
            *row = (row_t){.place = LEASED,
                           .suspect = suspect,
                           .consumer = deliver->deliver.consumer,
                           .token = deliver->deliver.token.number,
                           .boot = m->desk->boot,
                           .failures = row->failures,
                           .due_ns = m->desk->turn.now.mono_ns + m->desk->config.lease_ns};
        }
    }
    assert_int_equal (fact, deliver->deliver.fact_count);
    m->used[who] += index;
    assert_true (m->used[who] <= m->granted[who]);
}

static void
s_dispatch (model_t *m)
{
    desk_dispatch (m->desk);
    for (size_t i = 0; i < desk_count (m->desk, ZLOOM_EFFECT_DELIVER); i++) {
        s_take_delivery (m, desk_effect (m->desk, ZLOOM_EFFECT_DELIVER, i));
    }
}

static void
s_settle (model_t *m)
{
    if (m->floor == m->next_seq) {
        return;
    }
    uint64_t first = m->floor + s_below (m, m->next_seq - m->floor);
    row_t at = m->rows[first];
    uint32_t n = (uint32_t) s_below (m, 20) + 1;
    zloom_verdict_t verdict = s_below (m, 3) ? ZLOOM_VERDICT_ACK : (zloom_verdict_t) s_below (m, 5);
    uint64_t consumer = s_below (m, 10) ? at.consumer : m->next_id;
    int64_t delay_ms = s_below (m, 2) ? ZLOOM_DELAY_UNSET : (int64_t) s_below (m, 3) * 1000;
    zloom_settle_run_t run = {.first = first, .n = n, .verdict = verdict, .delay_ms = delay_ms};
    desk_settle_run (m->desk, consumer, desk_token (m->desk, at.token), &run, 1);
    const zloom_effect_t *settled = desk_effect (m->desk, ZLOOM_EFFECT_SETTLED, 0);
    uint64_t killed[32];
    size_t kills = 0;
    size_t answer = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t seq = first + i;
        while (seq >= settled->settled.runs[answer].first + settled->settled.runs[answer].n) {
            answer++;
        }
        row_t *row = &m->rows[seq];
        bool known = seq < m->next_seq;
        bool held = known && row->place == LEASED && row->consumer == consumer &&
                    row->token == at.token && row->boot == m->desk->boot;
        uint16_t expected = held ? ZLOOM_OK : ZLOOM_STALE;
        if (known && (row->place == ACKED || row->place == PURGED)) {
            expected = ZLOOM_SETTLED;
        }
        uint16_t code = settled->settled.runs[answer].code;
        if (known && row->place == DEAD) { /* settled once it has moved */
            assert_true (code == ZLOOM_SETTLED || code == ZLOOM_STALE);
            continue;
        }
        assert_int_equal (code, expected);
        if (!held) {
            continue;
        }
        if (verdict == ZLOOM_VERDICT_ACK) {
            row->place = ACKED;
        } else if (verdict == ZLOOM_VERDICT_RELEASE) {
            s_release (row);
        } else if (verdict == ZLOOM_VERDICT_CRASH) {
            killed[kills++] = seq;
        } else {
            s_fail (m, row, delay_ms < 0 ? -1 : delay_ms * MS, verdict == ZLOOM_VERDICT_REJECT);
        }
    }
    for (size_t i = 0; i < kills; i++) {
        row_t *row = &m->rows[killed[i]];
        if (kills == 1) {
            s_fail (m, row, -1, false);
        } else {
            s_release (row);
            row->suspect = true;
        }
    }
}

static void
s_start (model_t *m)
{
    if (m->floor == m->next_seq) {
        return;
    }
    uint64_t seq = m->floor + s_below (m, m->next_seq - m->floor);
    row_t at = m->rows[seq];
    bool progress = s_below (m, 2);
    desk_mark (m->desk, progress ? ZLOOM_EVENT_PROGRESS : ZLOOM_EVENT_STARTED, at.consumer,
               at.token, seq, 3);
    for (uint64_t i = seq; i < seq + 3 && i < m->next_seq; i++) {
        row_t *row = &m->rows[i];
        if (row->place == LEASED && row->consumer == at.consumer && row->token == at.token &&
            row->boot == m->desk->boot && (progress || !row->started)) {
            row->due_ns = m->desk->turn.now.mono_ns + m->desk->config.lease_ns;
            row->started |= !progress;
        }
    }
}

static void
s_come_or_go (model_t *m)
{
    uint64_t who = s_below (m, CONSUMERS) + 1;
    if (!m->there[who]) {
        m->there[who] = true;
        m->id[who] = m->next_id++;
        m->used[who] = 0;
        m->granted[who] = s_below (m, 30);
        desk_subscribe (m->desk, m->id[who], m->granted[who]);
        return;
    }
    if (s_below (m, 8)) {
        m->granted[who] += s_below (m, 30);
        desk_credit (m->desk, m->id[who], m->granted[who], UINT64_MAX, UINT64_MAX);
        return;
    }
    bool crashed = s_below (m, 2);
    uint64_t kills = 0;
    for (uint64_t seq = m->floor; seq < m->next_seq; seq++) {
        const row_t *row = &m->rows[seq];
        kills += row->place == LEASED && row->consumer == m->id[who] && row->started && crashed;
    }
    desk_gone (m->desk, m->id[who], crashed);
    m->there[who] = false;
    for (uint64_t seq = m->floor; seq < m->next_seq; seq++) {
        row_t *row = &m->rows[seq];
        if (row->place != LEASED || row->consumer != m->id[who]) {
            continue;
        }
        bool killed = row->started && crashed;
        s_release (row);
        if (killed && kills == 1) {
            s_fail (m, row, -1, false);
        } else if (killed) {
            row->suspect = true;
        }
    }
}

static void
s_pass (model_t *m)
{
    int64_t ns = (int64_t) s_below (m, 5000) * MS;
    desk_pass (m->desk, ns);
    for (uint64_t seq = m->floor; seq < m->next_seq; seq++) {
        row_t *row = &m->rows[seq];
        if (row->due_ns > m->desk->turn.now.mono_ns) {
            continue;
        }
        if (row->place == LEASED) {
            bool started = row->started;
            s_release (row);
            if (started) {
                s_fail (m, row, -1, false);
            }
        } else if (row->place == WAITING) {
            row->place = READY;
        }
    }
}

static void
s_restart (model_t *m)
{
    m->desk->cold_below = 0;
    size_t back = s_below (m, 2) ? s_below (m, 20) : 0;
    if (m->snapshot.size > 0 && s_below (m, 10)) {
        size_t from = m->snapshot_at > back ? m->snapshot_at - back : 0;
        desk_restart_from (m->desk, zloom_buf_bytes (&m->snapshot), from);
    } else {
        desk_restart (m->desk);
    }
    for (uint64_t seq = m->floor; seq < m->next_seq; seq++) {
        row_t *row = &m->rows[seq];
        row->suspect = false;
        if (row->place == LEASED) {
            s_release (row);
        }
    }
    memset (m->there, 0, sizeof m->there);
    desk_pass (m->desk, 0);
}

static void
s_purge (model_t *m)
{
    uint64_t first = m->floor + s_below (m, m->next_seq - m->floor + 1);
    zloom_event_t event = {.type = ZLOOM_EVENT_TAKE_OUT};
    event.take_out.first = first;
    event.take_out.n = 3;
    event.take_out.reason = ZLOOM_REASON_PURGED;
    desk_feed (m->desk, &event);
    for (uint64_t seq = first; seq < first + 3 && seq < m->next_seq; seq++) {
        if (m->rows[seq].place == READY || m->rows[seq].place == WAITING) {
            m->rows[seq].place = PURGED;
        }
    }
}

static void
s_cold (model_t *m)
{
    m->desk->cold_below = m->desk->cold_below ? 0 : m->floor + s_below (m, 50);
    zloom_event_t fetched = {.type = ZLOOM_EVENT_FETCHED};
    fetched.fetched.seq = m->floor;
    desk_feed (m->desk, &fetched);
}

static void
s_step (model_t *m)
{
    uint64_t dice = s_below (m, 1000);
    if (dice < 150 && m->next_seq - m->floor < LIVE_MOST) {
        s_offer (m);
    } else if (dice < 300) {
        s_dispatch (m);
    } else if (dice < 700) {
        s_settle (m);
    } else if (dice < 780) {
        s_start (m);
    } else if (dice < 940) {
        s_come_or_go (m);
    } else if (dice < 970) {
        s_pass (m);
    } else if (dice < 980) {
        s_purge (m);
    } else if (dice < 990) {
        s_cold (m);
    } else if (dice < 995) {
        zloom_buf_clear (&m->snapshot);
        zloom_queue_pattern.snapshot (m->desk->queue, &m->snapshot);
        m->snapshot_at = m->desk->record_count;
    } else if (dice < 997) {
        s_restart (m);
    }
    s_compare (m);
}

/* Faults are over: everything must drain. */
static void
s_drain (model_t *m)
{
    m->desk->cold_below = 0;
    s_restart (m);
    desk_subscribe (m->desk, 1000000, UINT64_MAX);
    for (int round = 0; round < 100 && m->floor < m->next_seq; round++) {
        desk_pass (m->desk, 10 * S);
        desk_dispatch (m->desk);
        zloom_settle_run_t run = {
          .first = m->floor, .n = (uint32_t) (m->next_seq - m->floor), .verdict = 0};
        const zloom_effect_t *deliver = desk_effect (m->desk, ZLOOM_EFFECT_DELIVER, 0);
        if (deliver) {
            desk_settle_run (m->desk, 1000000, deliver->deliver.token, &run, 1);
        }
    }
    zloom_flow_stats_t stats = desk_stats (m->desk);
    assert_int_equal (stats.ready + stats.leased + stats.waiting + stats.moving, 0);
    assert_int_equal (stats.bytes, 0);
    assert_int_equal (stats.appended, stats.acked + stats.dead + stats.purged);
}

static uint64_t
s_number (const char *name, uint64_t fallback)
{
    const char *text = getenv (name);
    return text ? strtoull (text, NULL, 10) : fallback;
}

static void
queue_equals_the_naive_one (void **state)
{
    (void) state;
    uint64_t seed = s_number ("ZLOOM_SEED", 20261123);
    uint64_t events = s_number ("ZLOOM_EVENTS", 100000);
    print_message ("seed %llu, %llu events\n", (unsigned long long) seed,
                   (unsigned long long) events);
    zloom_flow_config_t config = desk_config ();
    model_t m = {.desk = desk_new (&config), .next_seq = 1, .floor = 1, .next_id = 1};
    zloom_random_init (&m.random, seed);
    zloom_grow (&m.rows, &m.capacity, 64, sizeof *m.rows);
    memset (m.rows, 0, m.capacity * sizeof *m.rows);
    for (uint64_t i = 0; i < events; i++) {
        size_t before = m.capacity;
        zloom_grow (&m.rows, &m.capacity, m.next_seq + 128, sizeof *m.rows);
        memset (m.rows + before, 0, (m.capacity - before) * sizeof *m.rows);
        s_step (&m);
    }
    s_drain (&m);
    free (m.rows);
    zloom_buf_fini (&m.snapshot);
    desk_destroy (m.desk);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (queue_equals_the_naive_one),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
