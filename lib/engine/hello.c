/* SPDX-License-Identifier: MPL-2.0 */
/*
 * hello.c - HELLO to WELCOME. `high` and `mark` tell of state, so a WELCOME waits for the newest
 * staged group; credit follows it.
 */
#include "base/log.h"
#include "base/memory.h"
#include "engine/names.h"

/* What adopt () may write for a flow of a HELLO: the hole, and the producer with its mark. */
#define ADOPT_RECORDS 2
#define ADOPT_BYTES (1024 + ZLOOM_LIMIT_MARK_BYTES)

typedef struct {
    zloom_bytes_t producer;
    uint64_t next;
    uint64_t high;
} adopt_t;

static void
s_adopt (zloom_hosted_t *flow, const zloom_turn_t *turn, void *arg)
{
    adopt_t *adopt = arg;
    adopt->high = flow->pattern->adopt (flow->core, adopt->producer, adopt->next, turn);
}

static bool
s_may_use (const zloom_engine_t *self, const zloom_session_t *session,
           const zloom_hello_flow_t *hello, const char *flow)
{
    if (hello->next > 0) {
        return zloom_engine_allows (self, session, ZLOOM_RIGHT_PUBLISH, flow);
    }
    return zloom_engine_allows (self, session, ZLOOM_RIGHT_PUBLISH, flow) ||
           zloom_engine_allows (self, session, ZLOOM_RIGHT_CONSUME, flow) ||
           zloom_engine_allows (self, session, ZLOOM_RIGHT_READ, flow) ||
           zloom_engine_allows (self, session, ZLOOM_RIGHT_ADMINISTER, flow);
}

/* A copy of the thread's note that lives until the WELCOME is encoded. */
static zloom_bytes_t
s_keep_note (zloom_engine_t *self)
{
    const char *note = zloom_note ();
    const size_t size = strlen (note);
    char *copy = zloom_arena_take (&self->scratch, size + 1, 1);
    memcpy (copy, note, size + 1);
    return zloom_bytes (copy, size);
}

static zloom_err_t
s_check_flow (const zloom_engine_t *self, const zloom_session_t *session,
              const zloom_hello_flow_t *hello, const zloom_hosted_t *flow)
{
    const zloom_part_t *part = zloom_engine_part (session);
    if (!flow) {
        return zloom_fail (ZLOOM_UNKNOWN_FLOW, "router '%s' has no flow '%.*s'", self->name,
                           (int) hello->name.size, (const char *) hello->name.data);
    }
    if (!s_may_use (self, session, hello, zloom_hosted_name (flow))) {
        return zloom_fail (ZLOOM_FORBIDDEN, "flow '%s': '%s' has no right to it", flow->config.name,
                           session->name);
    }
    if (hello->next > 0 && flow->config.copy_of) {
        return zloom_fail (ZLOOM_UNSUPPORTED, "flow '%s' lives on router '%s': publish there",
                           flow->config.name, flow->config.copy_of);
    }
    if (hello->has_fingerprint && hello->fingerprint != flow->fingerprint) {
        return zloom_fail (ZLOOM_FINGERPRINT,
                           "flow '%s': the router has fingerprint %016llx, the peer expects "
                           "%016llx: one of them runs an older recipe",
                           flow->config.name, (unsigned long long) flow->fingerprint,
                           (unsigned long long) hello->fingerprint);
    }
    for (size_t i = 0; i < part->sender_count; i++) {
        if (part->senders[i] && part->senders[i]->flow == flow) {
            return zloom_fail (ZLOOM_EXISTS, "flow '%s' stands in HELLO twice", flow->config.name);
        }
    }
    return ZLOOM_OK;
}

/* The highest id that the flow took from this producer. */
static uint64_t
s_high (const zloom_hosted_t *flow, zloom_bytes_t producer)
{
    uint64_t high = 0;
    zloom_bytes_t mark;
    return flow->pattern->producer (flow->core, producer, &high, &mark, NULL) ? high : 0;
}

static void
s_welcome_flow (zloom_engine_t *self, zloom_session_t *session, const zloom_hello_flow_t *hello,
                zloom_welcome_flow_t *welcome)
{
    zloom_part_t *part = zloom_engine_part (session);
    zloom_hosted_t *flow = zloom_engine_flow (self, hello->name);
    welcome->name = hello->name;
    welcome->index = (uint32_t) part->sender_count;
    welcome->code = s_check_flow (self, session, hello, flow);
    if (welcome->code != ZLOOM_OK) {
        welcome->note = s_keep_note (self);
        zloom_grow (&part->senders, &part->sender_capacity, part->sender_count + 1,
                    sizeof *part->senders);
        part->senders[part->sender_count++] = NULL;
        return;
    }
    zloom_sender_t *sender = zloom_engine_sender_for (session, flow);
    welcome->pattern = zloom_bytes_text (flow->config.pattern);
    welcome->key = zloom_bytes_text (flow->outbox_of ? flow->outbox_key : flow->config.key);
    welcome->topic = zloom_bytes_text (zloom_flow_config_topic (&flow->config));
    welcome->confirm = flow->config.confirm;
    welcome->fingerprint = flow->fingerprint;
    const zloom_bytes_t producer = zloom_bytes_text (session->name);
    if (zloom_engine_rebases (self, flow, producer, hello)) {
        zloom_engine_rebase (self, flow, producer, hello);
    }
    welcome->high = s_high (flow, producer);
    if (hello->next > 0) {
        adopt_t adopt = {.producer = producer, .next = hello->next};
        zloom_engine_call (self, flow, s_adopt, &adopt);
        sender->announced = true;
        if (adopt.high > welcome->high) {
            zloom_log (ZLOOM_LOG_WARN, "producer-hole", "flow=%s producer=%s after=%llu upto=%llu",
                       flow->config.name, session->name, (unsigned long long) welcome->high,
                       (unsigned long long) adopt.high);
        }
        welcome->high = adopt.high;
    }
    uint64_t high;
    if (!flow->pattern->producer (flow->core, producer, &high, &welcome->mark, NULL)) {
        welcome->mark = ZLOOM_BYTES_NULL;
    }
}

/* The WELCOME went out: the session lives. */
static void
s_begin (zloom_engine_t *self, zloom_session_t *session)
{
    zloom_part_t *part = zloom_engine_part (session);
    part->welcomed = true;
    zloom_sessions_watch (self->sessions, session, self->now.mono_ns);
    for (size_t i = 0; i < part->sender_count; i++) {
        zloom_sender_t *sender = part->senders[i];
        if (sender && sender->announced) {
            zloom_engine_begin_sending (self, sender);
        }
    }
}

static void
s_welcome (zloom_engine_t *self, zloom_session_t *session, const zloom_verb_hello_t *hello)
{
    zloom_arena_reset (&self->scratch);
    zloom_welcome_flow_t *flows =
      zloom_arena_take (&self->scratch, hello->flow_count, sizeof *flows);
    for (size_t i = 0; i < hello->flow_count; i++) {
        s_welcome_flow (self, session, &hello->flows[i], &flows[i]);
    }
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_WELCOME,
      .welcome = {.proto = ZLOOM_PROTO_MAX,
                  .epoch = session->epoch,
                  .heartbeat_ms = (uint32_t) (self->heartbeat_ns / ZLOOM_NS_PER_MS),
                  .liveness = self->liveness,
                  .message_bytes = (uint32_t) self->max_message_bytes,
                  .pack_bytes = ZLOOM_LIMIT_PACK_BYTES,
                  .step_bytes = ZLOOM_LIMIT_STEP_BYTES,
                  .router = zloom_bytes_text (self->name),
                  .log_id =
                    zloom_bytes (zloom_journal_log_id (self->disk.journal), ZLOOM_LOG_ID_BYTES),
                  .boot = self->boot.counter,
                  .flows = flows,
                  .flow_count = hello->flow_count}};
    zloom_buf_clear (&self->out);
    zloom_verb_encode (&verb, &self->out);
    const zloom_held_t held = {.group = self->disk.staged,
                               .session = session->id,
                               .welcome = true,
                               .verb = zloom_buf_bytes (&self->out)};
    zloom_hold_push (self->hold, &held);
    if (self->disk.seal_at_ns != ZLOOM_NEVER) {
        self->disk.seal_at_ns = self->now.mono_ns; /* what it waits for is not to dawdle */
    }
}

/*
 * How many flows adopt () will have to write for: a peer goes on behind what is known of it, or a
 * bridge's log is another one; then it may do both.
 */
static uint32_t
s_count_holes (zloom_engine_t *self, const zloom_verb_hello_t *hello)
{
    uint32_t holes = 0;
    for (size_t i = 0; i < hello->flow_count; i++) {
        const zloom_hosted_t *flow = zloom_engine_flow (self, hello->flows[i].name);
        holes += flow && hello->flows[i].next > s_high (flow, hello->name) + 1 ? 1 : 0;
        holes += flow && zloom_engine_rebases (self, flow, hello->name, &hello->flows[i]) ? 2 : 0;
    }
    return holes;
}

/*
 * Whether somebody is still there behind a HELLO that takes a name over. After a stall the HELLOs
 * of a process that has died since and of its successor may lie in the inbox together, and they are
 * not read in the order of their coming: without a road the one that is read last is no newer
 * process, but what a dead one left behind, and the living one must not be fenced for it.
 */
static bool
s_is_there (zloom_engine_t *self, const zloom_frame_t *frame, const zloom_verb_hello_t *hello)
{
    if (!zloom_sessions_is_takeover (self->sessions, hello)) {
        return true;
    }
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_PING};
    zloom_buf_clear (&self->out);
    zloom_verb_encode (&verb, &self->out);
    const zloom_err_t err = self->transport.send (
      self->transport.arg, frame->route, zloom_buf_bytes (&self->out), NULL, ZLOOM_BYTES_NULL);
    if (err != ZLOOM_OK) {
        zloom_log (ZLOOM_LOG_INFO, "hello-too-late", "peer=%.*s reason=%s", (int) hello->name.size,
                   (const char *) hello->name.data, zloom_err_name (err));
        self->transport.forget (self->transport.arg, frame->route);
    }
    return err == ZLOOM_OK;
}

zloom_err_t
zloom_engine_hello (zloom_engine_t *self, const zloom_frame_t *frame,
                    const zloom_verb_hello_t *hello)
{
    zloom_session_t *session = zloom_sessions_by_route (self->sessions, frame->route);
    if (session) {
        zloom_engine_lose (self, session);
    }
    if (self->rights && !self->rights (self->rights_arg, frame->key, ZLOOM_RIGHT_ENTER, NULL)) {
        zloom_engine_bye_route (self, frame->route, ZLOOM_FORBIDDEN,
                                "this key may do nothing here (any more)");
        return ZLOOM_FORBIDDEN;
    }
    if (zloom_engine_check_name (self, frame->key, hello->name) != ZLOOM_OK) {
        zloom_engine_bye_route (self, frame->route, ZLOOM_FORBIDDEN, zloom_note ());
        return ZLOOM_FORBIDDEN;
    }
    if (!s_is_there (self, frame, hello)) {
        return ZLOOM_GONE;
    }
    zloom_err_t err = ZLOOM_OK;
    const uint32_t holes = s_count_holes (self, hello);
    if (holes > 0) {
        zloom_engine_close_bundle (self); /* else what it takes is not counted yet */
        err = zloom_journal_room (self->disk.journal, ADOPT_RECORDS * holes,
                                  ADOPT_BYTES * (uint64_t) holes, false);
    }
    if (err != ZLOOM_OK) {
        zloom_engine_bye_route (self, frame->route, ZLOOM_NOT_FOUND,
                                "the journal is busy: say HELLO again");
        return err;
    }
    zloom_session_t *older = NULL;
    bool fenced = false;
    err = zloom_sessions_hello (self->sessions, frame->route, frame->key, hello, self->now.mono_ns,
                                &session, &older, &fenced);
    if (err != ZLOOM_OK) {
        zloom_engine_bye_route (self, frame->route, err, zloom_note ());
        return err;
    }
    session->part = zloom_alloc (sizeof (zloom_part_t));
    zloom_engine_part (session)->consumers = zloom_idmap_new ();
    if (older && fenced) {
        zloom_engine_bye (self, older, ZLOOM_FENCED, "a newer process of this name took over");
    } else if (older) {
        zloom_engine_lose (self, older);
    }
    zloom_engine_end_sessions (self);
    s_welcome (self, session, hello);
    zloom_log (ZLOOM_LOG_INFO, "peer-hello", "peer=%s role=%s epoch=%llu flows=%zu", session->name,
               session->role, (unsigned long long) session->epoch, hello->flow_count);
    return ZLOOM_OK;
}

void
zloom_engine_release (zloom_engine_t *self)
{
    const uint64_t durable = zloom_journal_durable (self->disk.journal);
    zloom_held_t held;
    while (zloom_hold_pop (self->hold, durable, &held)) {
        zloom_session_t *session = zloom_sessions_by_id (self->sessions, held.session);
        if (!session || zloom_engine_part (session)->ending) {
            continue;
        }
        zloom_engine_say_bytes (self, session, held.verb);
        if (held.welcome && !zloom_engine_part (session)->ending) {
            s_begin (self, session);
        }
    }
}
