/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bridge.c - both ends of a bridge. It takes from an outbox here and sends what it took to a flow
 * elsewhere, each message under its number in the outbox; there it is a producer like any other,
 * with ids that nobody gives twice. But for one thing: the log under the outbox may be restored
 * from a copy, and then numbers are given again, to other messages. So a bridge says in HELLO which
 * boots its log has seen, the flow keeps that as the producer's mark, and numbers that only the
 * lost part of the log had given count as not taken.
 */
#include "base/log.h"
#include "engine/admin.h"
#include "wire/boots.h"
#include "wire/encode.h"
#include "wire/scan.h"

/* ---- the end where it sends ---------------------------------------------------------------- */

typedef struct {
    zloom_bytes_t producer;
    uint64_t high;
    zloom_bytes_t mark;
} rebase_t;

static void
s_rebase (zloom_hosted_t *flow, const zloom_turn_t *turn, void *arg)
{
    const rebase_t *rebase = arg;
    flow->pattern->rebase (flow->core, rebase->producer, rebase->high, rebase->mark, turn);
}

static zloom_bytes_t
s_known (const zloom_hosted_t *flow, zloom_bytes_t producer, uint64_t *high)
{
    zloom_bytes_t mark = ZLOOM_BYTES_NULL;
    *high = 0;
    (void) flow->pattern->producer (flow->core, producer, high, &mark, NULL);
    return mark;
}

bool
zloom_engine_rebases (zloom_engine_t *self, const zloom_hosted_t *flow, zloom_bytes_t producer,
                      const zloom_hello_flow_t *hello)
{
    uint64_t high;
    if (hello->boot_count == 0 || hello->next == 0 || !flow->pattern->rebase) {
        return false;
    }
    zloom_buf_clear (&self->head);
    zloom_boots_encode (hello->boots, hello->boot_count, &self->head);
    return !zloom_bytes_equal (s_known (flow, producer, &high), zloom_buf_bytes (&self->head));
}

void
zloom_engine_rebase (zloom_engine_t *self, zloom_hosted_t *flow, zloom_bytes_t producer,
                     const zloom_hello_flow_t *hello)
{
    uint64_t high;
    zloom_buf_t mark = {0};
    size_t count = 0;
    const zloom_bytes_t known = s_known (flow, producer, &high);
    zloom_cursor_t cursor = zloom_cursor (known);
    /* A mark that is none of a bridge tells of no boots. */
    const bool readable = zloom_scan_whole (known, 4 * ZLOOM_LIMIT_BOOTS) == ZLOOM_OK;
    const zloom_boot_first_t *before =
      readable ? zloom_boots_decode (&cursor, &self->scratch, &count) : NULL;
    const uint64_t common =
      zloom_boots_common (before, before ? count : 0, hello->boots, hello->boot_count);
    zloom_boots_encode (hello->boots, hello->boot_count, &mark);
    const rebase_t rebase = {
      .producer = producer, .high = common < high ? common : high, .mark = zloom_buf_bytes (&mark)};
    if (common < high) {
        zloom_log (ZLOOM_LOG_WARN, "source-restored",
                   "flow=%s producer=%.*s taken=%llu counts=%llu what=\"the log that it carries "
                   "from was restored from a copy: what it gave after that copy is here, and may "
                   "come again as other messages\"",
                   flow->config.name, (int) producer.size, (const char *) producer.data,
                   (unsigned long long) high, (unsigned long long) common);
    }
    zloom_engine_call (self, flow, s_rebase, (void *) (uintptr_t) &rebase);
    zloom_buf_fini (&mark);
}

/* ---- the end where it takes ---------------------------------------------------------------- */

/* The last boots of this log, oldest first, each with the first number that it gave. */
static size_t
s_boots (const zloom_engine_t *self, const zloom_hosted_t *flow, zloom_boot_first_t *boots)
{
    const zloom_journal_t *journal = self->disk.journal;
    size_t count = 0;
    uint64_t random;
    while (count < ZLOOM_LIMIT_BOOTS && zloom_journal_boot_at (journal, count, &random)) {
        uint64_t before;
        uint64_t end = 0;
        if (zloom_journal_boot_at (journal, count + 1, &before)) {
            (void) zloom_journal_boot_end (journal, before, flow->number, &end);
        }
        boots[ZLOOM_LIMIT_BOOTS - ++count] = (zloom_boot_first_t){random, end > 0 ? end : 1};
    }
    return count;
}

/* The lowest number from there on that is not settled; the next to be given when there is none. */
static uint64_t
s_next (const zloom_hosted_t *flow, uint64_t from)
{
    zloom_range_t run;
    const uint64_t end = flow->pattern->next_seq (flow->core);
    const bool live =
      from < end && flow->pattern->next_live (flow->core, from, end - 1, &run) && run.first < end;
    return live ? run.first : end;
}

zloom_err_t
zloom_admin_outbox (zloom_engine_t *self, const zloom_ask_t *ask)
{
    zloom_boot_first_t boots[ZLOOM_LIMIT_BOOTS];
    const int64_t from = zloom_admin_number (ask, "from", 1);
    if (!ask->flow->outbox_of) {
        return zloom_fail (ZLOOM_INVALID, "flow '%s' is no outbox", ask->flow->config.name);
    }
    const size_t count = s_boots (self, ask->flow, boots);
    zloom_buf_t out = {0};
    zloom_encode_map (&out, 3);
    zloom_encode_string (&out, "log");
    zloom_encode_string (&out, self->log_text);
    zloom_encode_string (&out, "boots");
    zloom_boots_encode (&boots[ZLOOM_LIMIT_BOOTS - count], count, &out);
    zloom_admin_pair (&out, "next", s_next (ask->flow, from > 0 ? (uint64_t) from : 1));
    zloom_admin_answer (self, ask, false, &out);
    zloom_buf_fini (&out);
    return ZLOOM_OK;
}
