/* SPDX-License-Identifier: MPL-2.0 */
/*
 * watch.c - copies for those who look: tap (what becomes durable from now on) and browse (what is
 * there and not leased). Nothing is leased, no counter of the messages moves. A tapper without
 * credit misses messages and is told so by a GAP in their place; a browser waits for credit. Who
 * names topics is shown what matches one of them, and misses nothing else.
 */
#include "engine/core.h"
#include "patterns/common/topics.h"

/* Packs to one watcher a turn. */
#define WATCH_PACKS 64

static void
s_say_gap (zloom_engine_t *self, zloom_consumer_t *watcher, const char *reason)
{
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_GAP,
                               .gap = {.handle = watcher->handle,
                                       .from = watcher->gap_from,
                                       .to = watcher->gap_to,
                                       .count = watcher->gap_count,
                                       .reason = zloom_bytes_text (reason)}};
    zloom_engine_say (self, watcher->session, &verb, 0);
    watcher->gap_count = 0;
}

static bool
s_has_credit (const zloom_consumer_t *watcher)
{
    const zloom_amount_t left = zloom_credit_left (&watcher->credit);
    return left.messages > 0 && left.bytes > 0 && left.frames > 0;
}

static void
s_miss (zloom_consumer_t *watcher, uint64_t to)
{
    if (watcher->gap_count == 0) {
        watcher->gap_from = watcher->next_seq;
    }
    watcher->gap_to = to;
    watcher->gap_count += to - watcher->next_seq + 1;
    watcher->next_seq = to + 1;
}

static bool
s_wants (const zloom_consumer_t *watcher, zloom_bytes_t envelope)
{
    const zloom_bytes_t topic = zloom_topic_of (envelope);
    for (size_t i = 0; i < watcher->pattern_count; i++) {
        if (zloom_topic_matches (watcher->patterns[i], topic)) {
            return true;
        }
    }
    return false;
}

/*
 * Messages from `index` on, at most n: how many of them the watcher does not want, and if there are
 * none such, how many it wants.
 */
static uint32_t
s_unwanted (const zloom_consumer_t *watcher, zloom_view_t *view, uint32_t index, uint32_t n,
            uint32_t *wanted)
{
    zloom_pack_iter_t iter = zloom_pack_iter (zloom_view_slice (view, index, n));
    zloom_bytes_t envelope;
    uint32_t unwanted = 0;
    *wanted = 0;
    while (zloom_pack_next (&iter, &envelope)) {
        const bool wants = s_wants (watcher, envelope);
        if (wants ? unwanted > 0 : *wanted > 0) {
            break;
        }
        *wanted += wants;
        unwanted += !wants;
    }
    return unwanted;
}

/*
 * One delivery of messages from next_seq to *last_p at most, or a step over what is not wanted;
 * *last_p is where those of one kind end.
 */
static zloom_err_t
s_copy (zloom_engine_t *self, zloom_consumer_t *watcher, uint64_t *last_p)
{
    zloom_hosted_t *flow = watcher->flow;
    zloom_view_t *view;
    const zloom_err_t err = zloom_hosted_look (flow, watcher->next_seq, &view);
    if (err != ZLOOM_OK) {
        return err;
    }
    const uint64_t seq = watcher->next_seq;
    const uint64_t end = view->chunk.seq + view->chunk.count - 1;
    uint64_t to = end < *last_p ? end : *last_p;
    if (watcher->pattern_count > 0) {
        uint32_t wanted;
        const uint32_t unwanted = s_unwanted (watcher, view, (uint32_t) (seq - view->chunk.seq),
                                              (uint32_t) (to - seq + 1), &wanted);
        if (unwanted > 0) {
            watcher->next_seq += unwanted;
            return ZLOOM_OK;
        }
        to = seq + wanted - 1;
        *last_p = to;
    }
    if (!s_has_credit (watcher)) {
        return ZLOOM_NO_CREDIT;
    }
    const zloom_amount_t left = zloom_credit_left (&watcher->credit);
    zloom_peek_t peek;
    const uint64_t n = to - seq + 1 < left.messages ? to - seq + 1 : left.messages;
    zloom_engine_peek (flow, seq, (uint32_t) n, left.bytes, &peek);
    if (watcher->gap_count > 0) {
        s_say_gap (self, watcher, "no credit");
    }
    const zloom_run_t run = {seq, peek.n};
    const zloom_token_t token = {self->inner_boot, watcher->delivery_no + 1};
    zloom_engine_deliver (self, watcher, token, &run, 1, NULL, 0);
    zloom_credit_use (&watcher->credit, peek.n, peek.bytes);
    watcher->next_seq = seq + peek.n;
    return ZLOOM_OK;
}

static void
s_tap (zloom_engine_t *self, zloom_consumer_t *watcher)
{
    const uint64_t durable = watcher->flow->durable_seq;
    for (int i = 0; i < WATCH_PACKS && watcher->next_seq <= durable; i++) {
        uint64_t last = durable;
        if (s_copy (self, watcher, &last) != ZLOOM_OK) {
            s_miss (watcher, last);
        }
    }
    if (watcher->next_seq <= durable) {
        self->more = true;
    } else if (watcher->gap_count > 0 && s_has_credit (watcher)) {
        s_say_gap (self, watcher, "no credit"); /* there may be no next message for a long time */
    }
}

static void
s_browse (zloom_engine_t *self, zloom_consumer_t *watcher)
{
    zloom_hosted_t *flow = watcher->flow;
    zloom_range_t run;
    for (int i = 0; i < WATCH_PACKS; i++) {
        if (!flow->pattern->next_free (flow->core, watcher->next_seq, &run) ||
            run.first > flow->durable_seq) {
            watcher->gap_from = watcher->next_seq;
            watcher->gap_to = watcher->next_seq;
            s_say_gap (self, watcher, "end");
            zloom_engine_drop_consumer (self, watcher);
            return;
        }
        watcher->next_seq = run.first;
        uint64_t last = run.last < flow->durable_seq ? run.last : flow->durable_seq;
        const zloom_err_t err = s_copy (self, watcher, &last);
        if (err == ZLOOM_AGAIN || err == ZLOOM_NO_CREDIT) {
            return;
        }
        if (err != ZLOOM_OK) {
            watcher->gap_from = watcher->gap_to = run.first;
            watcher->gap_count = 1;
            s_say_gap (self, watcher, "damaged");
            watcher->next_seq = run.first + 1;
        }
    }
    self->more = true;
}

void
zloom_engine_watch (zloom_engine_t *self, zloom_hosted_t *flow)
{
    zloom_consumer_t *watcher = flow->watchers;
    while (watcher) {
        zloom_consumer_t *next = watcher->next_watcher;
        if (!zloom_engine_part (watcher->session)->ending) {
            if (watcher->mode == ZLOOM_MODE_TAP) {
                s_tap (self, watcher);
            } else {
                s_browse (self, watcher);
            }
        }
        watcher = next;
    }
}
