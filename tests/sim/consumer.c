/* SPDX-License-Identifier: MPL-2.0 */
/* consumer.c - takes, works for a while, settles in one of many ways. */
#include "base/memory.h"
#include "peer.h"

void
sim_consumer_born (sim_peer_t *self)
{
    const zloom_subscription_options_t options = {
      .flow = sim_flow_name (self->options.flow),
      .prefetch = self->options.prefetch,
      .prefetch_bytes = self->options.prefetch > 100 ? 1 << 20 : 16 * 1024};
    if (zloom_client_core_subscribe (self->core, &options, &self->handle) != ZLOOM_OK) {
        sim_fail (self->stage->ground, "%s: subscribe: %s", self->name, zloom_note ());
    }
}

/* What it will do with a message, and when. */
static void
s_decide (sim_peer_t *self, sim_work_t *work)
{
    sim_ground_t *ground = self->stage->ground;
    const bool good = self->stage->calm || self->options.careful;
    work->verdict = ZLOOM_VERDICT_ACK;
    work->due_ns = ground->mono_ns + self->options.work_ns + sim_span (ground, 0, 5 * SIM_MS);
    work->by_step = self->options.steps && sim_once_in (ground, 2);
    if (good) {
        return;
    }
    if (sim_once_in (ground, 12)) { /* longer than the lease: it comes too late */
        work->due_ns += sim_span (ground, SIM_S, 4 * SIM_S);
    } else if (sim_once_in (ground, 3)) {
        work->due_ns += sim_span (ground, 0, 200 * SIM_MS);
    }
    const bool fails = self->options.flow == SIM_ORDERS;
    const uint64_t lot = sim_below (ground, 20);
    if (lot < 3) {
        work->verdict = ZLOOM_VERDICT_RELEASE;
    } else if (fails && lot < 7) {
        work->verdict = ZLOOM_VERDICT_RETRY;
    } else if (fails && lot == 7) {
        work->verdict = ZLOOM_VERDICT_REJECT;
    } else if (fails && lot == 8) {
        /* Who goes on with the key of what crashed in the same SETTLE is not stopped. */
        work->verdict = self->options.stubborn ? ZLOOM_VERDICT_RETRY : ZLOOM_VERDICT_CRASH;
    }
    work->by_step = work->by_step && work->verdict == ZLOOM_VERDICT_ACK;
}

static void
s_take (sim_peer_t *self)
{
    const zloom_message_t *message;
    while (zloom_client_core_receive (self->core, self->handle, &message)) {
        sim_work_t work = {.message = message};
        work.number = sim_checker_received (self->stage->checker, self->options.flow,
                                            zloom_bytes (message->body, message->body_size));
        s_decide (self, &work);
        if (message->key && message->key_size < sizeof work.key) {
            memcpy (work.key, message->key, message->key_size);
        }
        if (sim_once_in (self->stage->ground, 2)) {
            (void) zloom_client_core_started (self->core, message);
        }
        zloom_grow (&self->work, &self->work_capacity, self->work_count + 1, sizeof *self->work);
        self->work[self->work_count++] = work;
    }
}

/* Whether an earlier message of its key is still worked on. */
static bool
s_must_wait (const sim_peer_t *self, size_t index)
{
    for (size_t i = 0; i < index && self->work[index].key[0]; i++) {
        if (strcmp (self->work[i].key, self->work[index].key) == 0) {
            return true;
        }
    }
    return false;
}

static void
s_drop_work (sim_peer_t *self, size_t index)
{
    self->work_count--;
    memmove (&self->work[index], &self->work[index + 1],
             (self->work_count - index) * sizeof *self->work);
}

/* Settle and emit in one step; false: not now. */
static bool
s_step (sim_peer_t *self, sim_work_t *work)
{
    sim_ground_t *ground = self->stage->ground;
    const zloom_settlement_t settlement = {.verdict = ZLOOM_VERDICT_ACK};
    zloom_step_t *step = zloom_client_core_step (self->core);
    zloom_err_t err = zloom_step_settle (step, work->message, &settlement);
    if (err == ZLOOM_OK) {
        zloom_buf_clear (&self->body);
        work->emit = sim_checker_attempt (self->stage->checker, SIM_OUT, self->index, work->number,
                                          &self->body);
        const zloom_envelope_t envelope = {.body = zloom_buf_bytes (&self->body)};
        err = zloom_step_emit (step, sim_flow_name (SIM_OUT), &envelope, sim_now (ground));
    }
    if (err == ZLOOM_OK) {
        err = zloom_client_core_commit (self->core, &step, &work->step);
    }
    zloom_step_destroy (&step);
    if (err != ZLOOM_OK && work->emit > 0) {
        sim_checker_never (self->stage->checker, work->emit, "belongs to a step never said");
        work->emit = 0;
    }
    if (err == ZLOOM_AGAIN) {
        work->due_ns = ground->mono_ns + 20 * SIM_MS;
        return true;
    }
    return err == ZLOOM_OK;
}

/* After anything else than an ack, what is here of its key and was not begun goes back. */
static void
s_release_key (sim_peer_t *self, const char *key)
{
    const zloom_settlement_t release = {
      .verdict = ZLOOM_VERDICT_RELEASE, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
    for (size_t i = 0; key[0] && !self->options.stubborn && i < self->work_count;) {
        if (self->work[i].step > 0 || strcmp (self->work[i].key, key) != 0) {
            i++;
            continue;
        }
        const zloom_message_t *message = self->work[i].message;
        (void) zloom_client_core_settle (self->core, &message, &release);
        s_drop_work (self, i);
    }
}

static void
s_settle (sim_peer_t *self, size_t index)
{
    sim_work_t *work = &self->work[index];
    if (work->by_step && s_step (self, work)) {
        return;
    }
    zloom_settlement_t settlement = {.verdict = work->verdict, .delay_ms = ZLOOM_DELAY_UNSET};
    settlement.cause = (zloom_cause_t){.exit = -1};
    if (work->verdict == ZLOOM_VERDICT_RETRY && sim_once_in (self->stage->ground, 3)) {
        settlement.delay_ms = (int64_t) sim_below (self->stage->ground, 300);
    }
    if (work->verdict == ZLOOM_VERDICT_REJECT) {
        settlement.cause.reason = zloom_bytes_text ("rejected");
        settlement.cause.text = zloom_bytes_text ("nobody wants it");
    }
    const zloom_message_t *message = work->message;
    char key[sizeof work->key];
    memcpy (key, work->key, sizeof key);
    const zloom_err_t err = zloom_client_core_settle (self->core, &message, &settlement);
    s_drop_work (self, index);
    if (err != ZLOOM_OK || settlement.verdict != ZLOOM_VERDICT_ACK) {
        s_release_key (self, key);
    }
}

void
sim_consumer_act (sim_peer_t *self)
{
    sim_ground_t *ground = self->stage->ground;
    s_take (self);
    self->act_ns = ZLOOM_NEVER;
    for (size_t i = 0; i < self->work_count;) {
        sim_work_t *work = &self->work[i];
        if (self->stage->calm && work->step == 0 && work->due_ns > ground->mono_ns + SIM_S) {
            work->due_ns = ground->mono_ns;
        }
        if (work->step > 0 || work->due_ns > ground->mono_ns || s_must_wait (self, i)) {
            if (work->step == 0 && work->due_ns < self->act_ns) {
                self->act_ns =
                  work->due_ns > ground->mono_ns ? work->due_ns : ground->mono_ns + SIM_MS;
            }
            i++;
            continue;
        }
        const size_t before = self->work_count;
        s_settle (self, i);
        if (before > self->work_count + 1) {
            i = 0; /* others went with it */
        } else {
            i += before == self->work_count; /* in a step, or later */
        }
    }
}

void
sim_consumer_event (sim_peer_t *self, const zloom_client_event_t *event)
{
    if (event->type == ZLOOM_CLIENT_SUBSCRIBED && event->code != ZLOOM_OK) {
        sim_fail (self->stage->ground, "%s: its subscription is over: %s", self->name,
                  zloom_err_text (event->code));
    }
    if (event->type != ZLOOM_CLIENT_STEP) {
        return;
    }
    for (size_t i = 0; i < self->work_count; i++) {
        sim_work_t *work = &self->work[i];
        if (work->step != event->id) {
            continue;
        }
        if (event->code == ZLOOM_OK || event->code == ZLOOM_STALE || event->code == ZLOOM_SETTLED) {
            char key[sizeof work->key];
            memcpy (key, work->key, sizeof key);
            s_drop_work (self, i);
            if (event->code == ZLOOM_STALE) {
                s_release_key (self, key);
            }
        } else { /* nothing was done: it is ours again */
            sim_checker_never (self->stage->checker, work->emit, "belongs to a refused step");
            work->step = 0;
            work->emit = 0;
            work->by_step = false;
        }
        return;
    }
    sim_fail (self->stage->ground, "%s: a step that nobody made has ended", self->name);
}
