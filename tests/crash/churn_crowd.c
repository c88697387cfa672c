/* SPDX-License-Identifier: MPL-2.0 */
/*
 * churn_crowd.c - subscribers that come and go: programs that connect, subscribe to this and that
 * with every policy, alone or in groups that nobody had before, take what comes, and leave: one
 * subscription after the other, all at once with a BYE, or without a word.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "churn.h"

#define NS_PER_S INT64_C (1000000000)
#define PROGRAMS 64u
#define HANDLES 8u

typedef struct {
    zloom_client_t *client; /* NULL: away */
    uint32_t handle[HANDLES];
    size_t count;
} program_t;

typedef struct {
    const churn_plan_t *plan;
    churn_crowd_t *counts;
    zloom_random_t random;
    uint64_t groups;
    size_t index;
    program_t program[PROGRAMS];
} crowd_t;

static size_t
s_below (crowd_t *self, size_t bound)
{
    return (size_t) zloom_random_below (&self->random, bound);
}

/* Told that a subscription is over: by its policy, or because it was never possible. */
static void
s_event (void *arg, const zloom_client_event_t *event)
{
    crowd_t *self = arg;
    self->counts->refused += event->type == ZLOOM_CLIENT_SUBSCRIBED && event->code != ZLOOM_OK &&
                             event->code != ZLOOM_TOO_MANY;
}

static void
s_pattern (crowd_t *self, char *text)
{
    const unsigned a = (unsigned) s_below (self, 10);
    const unsigned b = (unsigned) s_below (self, 1000);
    if (s_below (self, 40) == 0) {
        (void) snprintf (text, CHURN_TOPIC_BYTES, ">");
        return;
    }
    switch (s_below (self, 6)) {
    case 0:
        (void) snprintf (text, CHURN_TOPIC_BYTES, "order.place%u.*", a);
        return;
    case 1:
        (void) snprintf (text, CHURN_TOPIC_BYTES, "*.place%u.thing%u", a, b % 11);
        return;
    case 2:
        (void) snprintf (text, CHURN_TOPIC_BYTES, "order.*.thing%u", b % 11);
        return;
    case 3:
        (void) snprintf (text, CHURN_TOPIC_BYTES, "stock.>");
        return;
    case 4:
        (void) snprintf (text, CHURN_TOPIC_BYTES, "never.%u.*.%u.>", a, b);
        return;
    default:
        (void) snprintf (text, CHURN_TOPIC_BYTES, "stock.thing%u", b % 11);
    }
}

static void
s_subscribe (crowd_t *self, program_t *program)
{
    static const zloom_on_slow_t policies[] = {ZLOOM_ON_SLOW_DROP_OLDEST, ZLOOM_ON_SLOW_DROP_NEWEST,
                                               ZLOOM_ON_SLOW_LATEST, ZLOOM_ON_SLOW_DISCONNECT};
    static const zloom_from_t begins[] = {ZLOOM_FROM_GROUP, ZLOOM_FROM_NOW, ZLOOM_FROM_LAST};
    char texts[3][CHURN_TOPIC_BYTES];
    const char *const patterns[] = {texts[0], texts[1], texts[2]};
    char group[64];
    const size_t count = 1 + s_below (self, 3);
    for (size_t i = 0; i < count; i++) {
        s_pattern (self, texts[i]);
    }
    const bool grouped = s_below (self, 8) == 0;
    (void) snprintf (group, sizeof group, "crowd-%zu-%llu", self->index,
                     (unsigned long long) self->groups);
    self->groups += grouped;
    const zloom_subscription_options_t take = {
      .flow = CHURN_FLOW,
      .group = grouped ? group : NULL,
      .patterns = patterns,
      .pattern_count = count,
      .from = grouped ? ZLOOM_FROM_GROUP : begins[s_below (self, 3)],
      .prefetch = 1 + s_below (self, 200),
      .on_slow = grouped ? ZLOOM_ON_SLOW_DROP_OLDEST : policies[s_below (self, 4)],
      .on_slow_value = (int64_t) (1 + s_below (self, 1000))};
    churn_good (zloom_client_core_subscribe (zloom_client_core (program->client), &take,
                                             &program->handle[program->count++]),
                "subscribe");
    self->counts->comes++;
}

static void
s_connect (crowd_t *self, program_t *program)
{
    const zloom_client_options_t options = {.role = "crowd"};
    churn_good (
      zloom_client_begin (self->plan->endpoint, &options, s_event, self, &program->client),
      "connect");
    self->counts->connects++;
    for (size_t i = 1 + s_below (self, 4); i > 0; i--) {
        s_subscribe (self, program);
    }
}

static void
s_leave (crowd_t *self, program_t *program, bool silently)
{
    self->counts->goes += program->count;
    program->count = 0;
    if (silently) {
        self->counts->kills++;
        zloom_client_kill (&program->client);
    } else {
        /* Whether the router is quick enough to hear it is not asked. */
        self->counts->closes++;
        (void) zloom_client_close (&program->client, zloom_deadline (100));
    }
}

/* One of them does something. */
static void
s_stir (crowd_t *self)
{
    program_t *program = &self->program[s_below (self, PROGRAMS)];
    const size_t dice = s_below (self, 100);
    if (!program->client) {
        s_connect (self, program);
    } else if (dice < 45 && program->count < HANDLES) {
        s_subscribe (self, program);
    } else if (dice < 80 && program->count > 0) {
        const uint32_t handle = program->handle[--program->count];
        const zloom_err_t err =
          zloom_client_core_unsubscribe (zloom_client_core (program->client), handle);
        /* `disconnect` may have ended it before. */
        churn_good (err == ZLOOM_NOT_FOUND ? ZLOOM_OK : err, "unsubscribe");
        self->counts->goes++;
    } else {
        s_leave (self, program, dice >= 90);
    }
}

/* What comes is taken, by those at least that look at all. */
static void
s_dispatch (crowd_t *self, int64_t until_ns)
{
    struct pollfd items[PROGRAMS];
    program_t *of[PROGRAMS];
    nfds_t count = 0;
    for (size_t i = 0; i < PROGRAMS; i++) {
        if (self->program[i].client) {
            of[count] = &self->program[i];
            items[count++] =
              (struct pollfd){.fd = zloom_client_fd (self->program[i].client), .events = POLLIN};
        }
    }
    const int64_t left_ns = until_ns - churn_now_ns ();
    const struct timespec time = {0, left_ns > 0 ? left_ns : 0};
    (void) ppoll (items, count, &time, NULL);
    for (nfds_t i = 0; i < count; i++) {
        if (items[i].revents == 0) {
            continue;
        }
        churn_good (zloom_client_dispatch (of[i]->client), "dispatch");
        const zloom_message_t *message = NULL;
        for (size_t n = 0; n < 64 && zloom_client_take (of[i]->client, 0, &message); n++) {
            self->counts->heard++;
            churn_good (zloom_client_ack (of[i]->client, &message), "ack");
        }
    }
}

void
churn_crowd_run (const churn_plan_t *plan, churn_board_t *board, size_t index)
{
    static crowd_t self;
    self = (crowd_t){.plan = plan, .counts = &board->crowd[index], .index = index};
    zloom_random_init (&self.random, plan->seed + index);
    const int64_t step_ns = plan->churn > 0 ? NS_PER_S * CHURN_CROWDS / (int64_t) plan->churn : 0;
    for (size_t i = 0; i < PROGRAMS && plan->crowd; i++) {
        s_connect (&self, &self.program[i]);
    }
    int64_t next_ns = churn_now_ns ();
    while (!atomic_load (&board->over)) {
        const int64_t now_ns = churn_now_ns ();
        const uint64_t before = self.counts->comes;
        if (plan->churn > 0 && next_ns <= now_ns) {
            s_stir (&self);
            next_ns += (int64_t) (self.counts->comes - before) * step_ns;
            /* One that falls far behind does not try to make up for it. */
            next_ns = next_ns > now_ns - NS_PER_S ? next_ns : now_ns - NS_PER_S;
        }
        s_dispatch (&self, plan->churn > 0 ? next_ns : now_ns + NS_PER_S / 10);
    }
    for (size_t i = 0; i < PROGRAMS; i++) {
        if (self.program[i].client) {
            s_leave (&self, &self.program[i], false);
        }
    }
}
