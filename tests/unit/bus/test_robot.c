/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A robot that does anything in any order, and keeps books of its own: what each subscriber was
 * meant to hear since it began, what it heard, and what it was told to have missed. A failure
 * prints its seed; ZLOOM_SEED runs that one.
 */
#include "patterns/common/topics.h"
#include "unit/bus/hall_say.h"

#define LISTENERS 12 /* consumers 1..12 come and go */
#define GROUPS 3     /* consumers 21..23, one for each durable group */
#define FIRST_MEMBER 21
#define SEQS 60000

static const char *const s_topics[] = {"a.x", "a.y", "b.x", "b.y.z", "c"};
static const char *const s_groups[GROUPS] = {"books", "mail", "stock"};
static const char *const s_patterns[] = {"", "a.*", "*.x b.>", "c", "a.x c *.y.*", ">"};

typedef enum { UNTOLD, HEARD, MISSED } told_t;

typedef struct {
    bool there;
    const char *patterns;
    uint64_t began;   /* messages from here on are meant for it */
    uint64_t highest; /* the last number heard of */
    uint8_t told[SEQS];
    uint64_t credit;
} ear_t;

typedef struct {
    zloom_token_t token;
    uint64_t seq;
    uint64_t consumer;
} lease_t;

typedef struct {
    const char *patterns;
    bool begun;
    uint64_t began;
    bool here; /* its consumer is */
    uint8_t done[SEQS];
    uint64_t acked, dead;
} mail_t;

typedef struct {
    hall_t *hall;
    zloom_random_t random;
    uint64_t seed;
    uint8_t topic[SEQS];
    uint64_t published;
    ear_t ears[LISTENERS + 1];
    mail_t mails[GROUPS];
    lease_t *leases;
    size_t lease_count, lease_capacity;
} robot_t;

static uint64_t
s_below (robot_t *r, uint64_t bound)
{
    return zloom_random_below (&r->random, bound);
}

static bool
s_wants (const char *patterns, const char *topic)
{
    bool wants = *patterns == '\0';
    while (*patterns && !wants) {
        const size_t size = strcspn (patterns, " ");
        wants = zloom_topic_matches (zloom_bytes (patterns, size), zloom_bytes_text (topic));
        patterns += size + (patterns[size] ? 1 : 0);
    }
    return wants;
}

static bool
s_is_for (const robot_t *r, const char *patterns, uint64_t seq)
{
    return s_wants (patterns, s_topics[r->topic[seq]]);
}

/* ---- what is heard --------------------------------------------------------------------------- */

static void
s_hear (robot_t *r, ear_t *ear, const zloom_run_t *run)
{
    for (uint64_t seq = run->seq; seq < run->seq + run->n; seq++) {
        assert_true (ear->there);
        assert_true (seq > ear->highest && seq >= ear->began); /* in order, and once */
        assert_true (s_is_for (r, ear->patterns, seq));
        assert_true (seq <= r->published);
        ear->told[seq] = HEARD;
        ear->highest = seq;
    }
}

static void
s_hear_gap (robot_t *r, ear_t *ear, const zloom_effect_t *effect)
{
    uint64_t count = 0;
    assert_true (ear->there && effect->gap.to > ear->highest);
    for (uint64_t seq = effect->gap.from; seq <= effect->gap.to; seq++) {
        if (s_is_for (r, ear->patterns, seq) && seq >= ear->began) {
            assert_int_equal (ear->told[seq], UNTOLD);
            ear->told[seq] = MISSED;
            count++;
        }
    }
    /* Neither more nor less; but of what was never read nobody knows. */
    assert_true (count == effect->gap.count || effect->gap.count == 0);
    assert_true (effect->gap.count > 0 || *ear->patterns);
    ear->highest = effect->gap.to;
}

/* A dead letter says which group's it is: "paid/mail". */
static void
s_hear_dead (robot_t *r, const zloom_effect_t *effect)
{
    zloom_history_t history;
    size_t at = 0;
    assert_int_equal (zloom_history_decode (effect->dead.history, &history), ZLOOM_OK);
    const zloom_bytes_t flow = history.causes[0].flow;
    const zloom_bytes_t group = zloom_bytes (flow.data + strlen ("paid/"), flow.size - 5);
    while (at < GROUPS && !zloom_bytes_equal (group, zloom_bytes_text (s_groups[at]))) {
        at++;
    }
    assert_true (at < GROUPS);
    mail_t *mail = &r->mails[at];
    assert_true (s_is_for (r, mail->patterns, effect->dead.seq));
    assert_int_equal (mail->done[effect->dead.seq], 0);
    mail->done[effect->dead.seq] = 1;
    mail->dead++;
}

static void
s_hook (void *arg, const zloom_effect_t *effect)
{
    robot_t *r = arg;
    if (effect->type == ZLOOM_EFFECT_GAP && effect->gap.consumer <= LISTENERS) {
        s_hear_gap (r, &r->ears[effect->gap.consumer], effect);
    } else if (effect->type == ZLOOM_EFFECT_END) {
        assert_true (r->ears[effect->end.consumer].there);
        r->ears[effect->end.consumer].there = false;
    } else if (effect->type == ZLOOM_EFFECT_DEAD) {
        s_hear_dead (r, effect);
    }
    if (effect->type != ZLOOM_EFFECT_DELIVER) {
        return;
    }
    for (size_t i = 0; i < effect->deliver.run_count; i++) {
        const zloom_run_t *run = &effect->deliver.runs[i];
        if (effect->deliver.consumer <= LISTENERS) {
            assert_int_equal (effect->deliver.token.number, 0);
            s_hear (r, &r->ears[effect->deliver.consumer], run);
            continue;
        }
        const mail_t *mail = &r->mails[effect->deliver.consumer - FIRST_MEMBER];
        for (uint64_t seq = run->seq; seq < run->seq + run->n; seq++) {
            assert_true (seq >= mail->began && s_is_for (r, mail->patterns, seq));
            assert_int_equal (mail->done[seq], 0); /* never after its ack */
            zloom_grow (&r->leases, &r->lease_capacity, r->lease_count + 1, sizeof *r->leases);
            r->leases[r->lease_count++] =
              (lease_t){effect->deliver.token, seq, effect->deliver.consumer};
        }
    }
}

/* ---- what is done ---------------------------------------------------------------------------- */

static void
s_publish (robot_t *r)
{
    char text[512];
    size_t at = 0;
    const uint64_t n = 1 + s_below (r, 12);
    const uint64_t next = zloom_bus_pattern.next_seq (r->hall->bus);
    if (next + n >= SEQS) {
        return;
    }
    uint64_t topic = s_below (r, 5);
    for (uint64_t i = 0; i < n; i++) {
        topic = s_below (r, 3) == 0 ? s_below (r, 5) : topic;
        r->topic[next + i] = (uint8_t) topic;
        at += (size_t) snprintf (text + at, sizeof text - at, "%sk%u=%s", i ? " " : "",
                                 (unsigned) s_below (r, 4), s_topics[topic]);
    }
    if (hall_publish (r->hall, text) == ZLOOM_OK) {
        r->published = next + n - 1;
    }
}

static void
s_listen (robot_t *r)
{
    const uint64_t who = 1 + s_below (r, LISTENERS);
    ear_t *ear = &r->ears[who];
    if (ear->there) {
        hall_leave (r->hall, who);
        ear->there = false;
        return;
    }
    hall_wish_t wish = {.patterns = s_patterns[s_below (r, 6)],
                        .on_slow = (zloom_on_slow_t) s_below (r, 6),
                        .on_slow_value = (int64_t) s_below (r, 40)};
    static const zloom_from_t froms[] = {ZLOOM_FROM_NOW, ZLOOM_FROM_NOW, ZLOOM_FROM_START,
                                         ZLOOM_FROM_SEQ};
    wish.from = froms[s_below (r, 4)];
    wish.from_value = 1 + (int64_t) s_below (r, r->published + 1);
    memset (ear, 0, sizeof *ear);
    ear->there = true;
    ear->patterns = wish.patterns;
    if (wish.from == ZLOOM_FROM_SEQ) {
        ear->began = (uint64_t) wish.from_value;
    } else if (wish.from == ZLOOM_FROM_NOW) {
        ear->began = zloom_bus_pattern.next_seq (r->hall->bus);
    }
    assert_int_equal (hall_join (r->hall, who, wish), ZLOOM_OK);
    zloom_subscriber_row_t row;
    assert_true (hall_row (r->hall, NULL, who, &row));
    if (wish.from == ZLOOM_FROM_START) {
        ear->began = row.position;
    }
}

static void
s_credit (robot_t *r)
{
    const uint64_t who = 1 + s_below (r, LISTENERS);
    if (r->ears[who].there) {
        r->ears[who].credit += s_below (r, 30);
        hall_credit (r->hall, who, r->ears[who].credit);
    }
}

static void
s_mail (robot_t *r, uint64_t at)
{
    mail_t *mail = &r->mails[at];
    const uint64_t who = FIRST_MEMBER + at;
    if (mail->here) {
        hall_leave (r->hall, who);
        for (size_t i = 0; i < r->lease_count; i++) {
            r->leases[i].consumer = r->leases[i].consumer == who ? 0 : r->leases[i].consumer;
        }
        mail->here = false;
        return;
    }
    const bool past = !mail->begun && s_below (r, 2) == 0;
    mail->patterns = s_patterns[at];
    assert_int_equal (hall_join (r->hall, who,
                                 (hall_wish_t){.durable = true,
                                               .group = s_groups[at],
                                               .from = past ? ZLOOM_FROM_START : ZLOOM_FROM_GROUP,
                                               .patterns = mail->begun ? NULL : mail->patterns}),
                      ZLOOM_OK);
    hall_credit (r->hall, who, UINT64_MAX);
    zloom_subscriber_row_t row;
    assert_true (hall_row (r->hall, s_groups[at], 0, &row));
    mail->began = mail->begun ? mail->began : past ? row.position : r->published + 1;
    mail->begun = true;
    mail->here = true;
}

static void
s_settle (robot_t *r, bool ack)
{
    if (r->lease_count == 0) {
        return;
    }
    const size_t at = (size_t) s_below (r, r->lease_count);
    const lease_t lease = r->leases[at];
    r->leases[at] = r->leases[--r->lease_count];
    if (lease.consumer == 0) {
        return;
    }
    r->hall->token[lease.consumer] = lease.token;
    hall_settle (r->hall, lease.consumer, lease.seq, 1,
                 ack ? ZLOOM_VERDICT_ACK : (zloom_verdict_t) s_below (r, 4));
    mail_t *mail = &r->mails[lease.consumer - FIRST_MEMBER];
    for (size_t i = 0; i < zloom_effects_count (r->hall->effects); i++) {
        const zloom_effect_t *effect = zloom_effects_at (r->hall->effects, i);
        zloom_receipt_row_t row;
        if (effect->type != ZLOOM_EFFECT_SETTLED || effect->settled.runs[0].code != ZLOOM_OK) {
            continue;
        }
        for (uint64_t cursor = 0;
             zloom_bus_pattern.receipt (r->hall->bus, lease.seq, &cursor, &row);) {
            const char *group = s_groups[lease.consumer - FIRST_MEMBER];
            if (row.state == ZLOOM_RECEIPT_ACKED &&
                zloom_bytes_equal (row.group, zloom_bytes_text (group))) {
                mail->done[lease.seq] = 1;
                mail->acked++;
            }
        }
    }
}

static void
s_crash (robot_t *r)
{
    static zloom_buf_t snapshot;
    static size_t from;
    static uint64_t of;
    if (s_below (r, 2) == 0) {
        zloom_buf_clear (&snapshot);
        zloom_bus_pattern.snapshot (r->hall->bus, &snapshot);
        from = r->hall->record_count;
        of = r->seed;
        return;
    }
    const bool kept = of == r->seed && snapshot.size > 0;
    hall_restart_from (r->hall, kept ? zloom_buf_bytes (&snapshot) : ZLOOM_BYTES_NULL,
                       kept ? from : 0);
    for (size_t i = 1; i <= LISTENERS; i++) {
        r->ears[i].there = false;
    }
    for (size_t i = 0; i < GROUPS; i++) {
        r->mails[i].here = false;
    }
    r->lease_count = 0;
}

static void
s_disk (robot_t *r)
{
    r->hall->cold_below = r->hall->cold_below > 0 ? 0 : r->published;
    const zloom_event_t fetched = {.type = ZLOOM_EVENT_FETCHED, .fetched = {.seq = 1}};
    hall_feed (r->hall, &fetched);
}

static void
s_step (robot_t *r)
{
    const uint64_t dice = s_below (r, 100);
    if (dice < 35) {
        s_publish (r);
    } else if (dice < 45) {
        s_listen (r);
    } else if (dice < 60) {
        s_credit (r);
    } else if (dice < 63) {
        s_mail (r, s_below (r, GROUPS));
    } else if (dice < 78) {
        s_settle (r, false);
    } else if (dice < 79) {
        s_disk (r);
    } else if (dice < 80) {
        s_crash (r);
    } else if (dice < 95) {
        hall_dispatch (r->hall);
    } else {
        hall_pass (r->hall, (int64_t) s_below (r, 3) * S);
    }
}

/* ---- the end --------------------------------------------------------------------------------- */

/* Everybody takes what there is: nothing is left that was neither heard nor told to be missed. */
static void
s_drain (robot_t *r)
{
    r->hall->cold_below = 0;
    const zloom_event_t fetched = {.type = ZLOOM_EVENT_FETCHED, .fetched = {.seq = 1}};
    hall_feed (r->hall, &fetched);
    for (size_t i = 0; i < GROUPS; i++) {
        if (r->mails[i].begun && !r->mails[i].here) {
            s_mail (r, i);
        }
    }
    for (int round = 0; round < 60; round++) {
        for (uint64_t i = 1; i <= LISTENERS; i++) {
            if (r->ears[i].there) {
                hall_credit (r->hall, i, UINT64_MAX);
            }
        }
        hall_pass (r->hall, 40 * S);
        for (size_t i = 0; r->lease_count > 0 && i < 200000; i++) {
            s_settle (r, true);
        }
    }
    for (size_t i = 1; i <= LISTENERS; i++) {
        const ear_t *ear = &r->ears[i];
        for (uint64_t seq = ear->began; ear->there && seq <= r->published; seq++) {
            assert_int_equal (ear->told[seq] != UNTOLD, s_is_for (r, ear->patterns, seq));
        }
    }
    for (size_t i = 0; i < GROUPS; i++) {
        zloom_subscriber_row_t row;
        if (!r->mails[i].begun) {
            continue;
        }
        assert_true (hall_row (r->hall, s_groups[i], 0, &row));
        assert_int_equal (row.lag, 0);
        uint64_t meant = 0;
        for (uint64_t seq = r->mails[i].began; seq <= r->published; seq++) {
            meant += s_is_for (r, r->mails[i].patterns, seq) ? 1 : 0;
        }
        assert_int_equal (row.acked, r->mails[i].acked);
        assert_int_equal (row.dead, r->mails[i].dead);
        assert_int_equal (row.acked + row.dead + row.dropped, meant);
        assert_int_equal (row.position, r->published + 1);
    }
}

static void
s_run (uint64_t seed, int steps)
{
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_DISK);
    robot_t *r = zloom_alloc (sizeof *r);
    r->seed = seed;
    zloom_random_init (&r->random, seed);
    config.retain_messages = s_below (r, 2) ? (int64_t) s_below (r, 300) : 0;
    config.limit_messages = s_below (r, 2) ? 50 + (int64_t) s_below (r, 500) : 1000000;
    config.on_full = s_below (r, 2) ? ZLOOM_ON_FULL_DROP_OLDEST : ZLOOM_ON_FULL_BLOCK;
    r->hall = hall_new (&config);
    r->hall->hook = s_hook;
    r->hall->hook_arg = r;
    for (int i = 0; i < steps; i++) {
        s_step (r);
    }
    s_drain (r);
    hall_destroy (r->hall);
    free (r->leases);
    free (r);
}

static void
bus_keeps_its_books_whatever_happens (void **state)
{
    (void) state;
    const char *given = getenv ("ZLOOM_SEED");
    const uint64_t first = given ? strtoull (given, NULL, 10) : 1;
    for (uint64_t seed = first; seed < first + (given ? 1 : 40); seed++) {
        print_message ("seed %llu\n", (unsigned long long) seed);
        s_run (seed, 3000);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (bus_keeps_its_books_whatever_happens),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
