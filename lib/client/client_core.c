/* SPDX-License-Identifier: MPL-2.0 */
#include "client/client_core.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"
#include "client/core_state.h"

#define DEFAULT_WINDOW_MESSAGES 65536
#define DEFAULT_WINDOW_BYTES (64u * 1024 * 1024)
#define DEFAULT_PACK_MESSAGES 512
#define DEFAULT_PACK_BYTES (256u * 1024)
#define DEFAULT_HEARTBEAT_NS ZLOOM_NS_PER_S
#define DEFAULT_LIVENESS 4

/* ---- life ----------------------------------------------------------------------------------- */

static zloom_err_t
s_check_name (const char *what, const char *name)
{
    if (!name || !name[0] || strlen (name) > ZLOOM_LIMIT_NAME_BYTES ||
        !zloom_bytes_is_utf8 (zloom_bytes_text (name))) {
        return zloom_fail (ZLOOM_INVALID, "%s \"%s\": 1 to %d bytes of UTF-8", what,
                           name ? name : "", (int) ZLOOM_LIMIT_NAME_BYTES);
    }
    return ZLOOM_OK;
}

static zloom_err_t
s_check (const zloom_client_options_t *options)
{
    zloom_err_t err = options->name ? s_check_name ("name", options->name) : ZLOOM_OK;
    if (err == ZLOOM_OK && options->role) {
        err = s_check_name ("role", options->role);
    }
    if (err == ZLOOM_OK && options->flow_count > ZLOOM_LIMIT_FLOWS) {
        err = zloom_fail (ZLOOM_TOO_MANY, "%zu flows, limit %d", options->flow_count,
                          (int) ZLOOM_LIMIT_FLOWS);
    }
    for (size_t i = 0; err == ZLOOM_OK && i < options->flow_count; i++) {
        err = s_check_name ("flow", options->flows[i].name);
        for (size_t j = 0; err == ZLOOM_OK && j < i; j++) {
            if (strcmp (options->flows[i].name, options->flows[j].name) == 0) {
                err = zloom_fail (ZLOOM_INVALID, "flow %s is named twice", options->flows[i].name);
            }
        }
    }
    return err;
}

/* A name that nobody else has: good for one session, and soon forgotten (common/producers.h). */
static char *
s_drawn_name (const uint8_t *nonce)
{
    char hex[17];
    for (size_t i = 0; i < 8; i++) {
        snprintf (hex + 2 * i, 3, "%02x", nonce[i]);
    }
    return zloom_format ("~client-%s", hex);
}

static size_t
s_or (size_t value, size_t fallback, size_t most)
{
    value = value ? value : fallback;
    return value < most ? value : most;
}

zloom_err_t
zloom_client_core_new (const zloom_client_options_t *options, zloom_client_event_fn *event,
                       void *event_arg, zloom_client_core_t **self_p)
{
    *self_p = NULL;
    zloom_err_t err = s_check (options);
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_client_core_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_CORE_TAG;
    self->event = event;
    self->event_arg = event_arg;
    memcpy (self->nonce, options->nonce, sizeof self->nonce);
    self->name = options->name ? zloom_strdup (options->name) : s_drawn_name (options->nonce);
    self->role = zloom_strdup (options->role ? options->role : "client");
    self->report = options->report;
    self->report_arg = options->report_arg;
    zloom_random_init (&self->random, options->seed);
    self->heartbeat_ns = DEFAULT_HEARTBEAT_NS;
    self->liveness = DEFAULT_LIVENESS;
    self->retry_ns = ZLOOM_CORE_RETRY_FIRST_NS;
    self->next_handle = 1;
    self->next_step = 1;
    self->next_request = 1;
    const zloom_outflow_limits_t limits = {
      .window_messages = s_or (options->window_messages, DEFAULT_WINDOW_MESSAGES, SIZE_MAX),
      .window_bytes = s_or (options->window_bytes, DEFAULT_WINDOW_BYTES, SIZE_MAX),
      .pack_messages =
        s_or (options->pack_messages, DEFAULT_PACK_MESSAGES, ZLOOM_LIMIT_PACK_MESSAGES),
      .pack_bytes = s_or (options->pack_bytes, DEFAULT_PACK_BYTES, ZLOOM_LIMIT_PACK_BYTES),
      .linger_ns = options->linger_ns ? options->linger_ns : ZLOOM_NS_PER_MS,
    };
    self->flows = zloom_alloc ((options->flow_count + 1) * sizeof *self->flows);
    for (size_t i = 0; i < options->flow_count; i++) {
        self->flows[self->flow_count++] = zloom_outflow_new (&options->flows[i], &limits);
    }
    *self_p = self;
    return ZLOOM_OK;
}

void
zloom_client_core_destroy (zloom_client_core_t **self_p)
{
    zloom_assert (self_p);
    zloom_client_core_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    *self_p = NULL;
    zloom_core_drop_steps (self);
    for (size_t i = 0; i < self->subscription_count; i++) {
        zloom_subscription_destroy (&self->subscriptions[i]);
    }
    for (size_t i = 0; i < self->flow_count; i++) {
        zloom_outflow_destroy (&self->flows[i]);
    }
    zloom_frames_fini (&self->out);
    zloom_arena_fini (&self->arena);
    self->tag = ZLOOM_TAG_DEAD;
    free (self->flows);
    free (self->subscriptions);
    free (self->busy);
    free (self->requests);
    free (self->ended_text);
    free (self->name);
    free (self->role);
    free (self->router);
    free (self->pack_src);
    free (self);
}

zloom_outflow_t *
zloom_core_flow (void *core, const char *name)
{
    const zloom_client_core_t *self = core;
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    for (size_t i = 0; name && i < self->flow_count; i++) {
        if (strcmp (zloom_outflow_name (self->flows[i]), name) == 0) {
            return self->flows[i];
        }
    }
    return NULL;
}

/* ---- roads ---------------------------------------------------------------------------------- */

void
zloom_client_core_connected (zloom_client_core_t *self, zloom_now_t now)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    self->now_ns = now.mono_ns;
    if (self->status == ZLOOM_CORE_ENDED) {
        return;
    }
    if (self->status != ZLOOM_CORE_NO_ROAD) {
        zloom_core_lose (self);
    }
    zloom_hello_flow_t *flows = zloom_alloc ((self->flow_count + 1) * sizeof *flows);
    for (size_t i = 0; i < self->flow_count; i++) {
        flows[i] = zloom_outflow_hello (self->flows[i]);
    }
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_HELLO,
                               .hello = {.proto_min = ZLOOM_PROTO_MIN,
                                         .proto_max = ZLOOM_PROTO_MAX,
                                         .name = zloom_bytes_text (self->name),
                                         .role = zloom_bytes_text (self->role),
                                         .nonce = zloom_bytes (self->nonce, sizeof self->nonce),
                                         .flows = flows,
                                         .flow_count = self->flow_count}};
    zloom_frames_push (&self->out, &verb, NULL, ZLOOM_BYTES_NULL);
    free (flows);
    self->status = ZLOOM_CORE_SAID_HELLO;
    self->hello_at_ns = now.mono_ns;
    self->due_ns = ZLOOM_NEVER; /* no tick of this session was late */
}

/* The wait doubles while nobody welcomes us, so that many clients do not trample a router. */
static void
s_plan_retry (zloom_client_core_t *self)
{
    const uint64_t half = (uint64_t) self->retry_ns / 2;
    const int64_t wait_ns = (int64_t) (half + zloom_random_below (&self->random, half + 1));
    self->retry_at_ns = zloom_time_add (self->now_ns, wait_ns);
    self->retry_ns =
      2 * self->retry_ns < ZLOOM_CORE_RETRY_LAST_NS ? 2 * self->retry_ns : ZLOOM_CORE_RETRY_LAST_NS;
}

void
zloom_core_lose (zloom_client_core_t *self)
{
    const bool stood = self->status == ZLOOM_CORE_WELCOMED;
    zloom_frames_clear (&self->out);
    for (size_t i = 0; i < self->flow_count; i++) {
        zloom_outflow_lost (self->flows[i]);
    }
    for (size_t i = 0; i < self->subscription_count; i++) {
        zloom_subscription_lost (self->subscriptions[i]);
    }
    self->status = ZLOOM_CORE_NO_ROAD;
    s_plan_retry (self);
    zloom_core_forget_road (self);
    if (stood) {
        self->stats.lost_roads++;
        zloom_core_tell (self, &(zloom_client_event_t){.type = ZLOOM_CLIENT_LOST});
    }
}

void
zloom_core_end (zloom_client_core_t *self, zloom_err_t code, zloom_bytes_t text)
{
    zloom_core_lose (self);
    self->status = ZLOOM_CORE_ENDED;
    self->ended = code;
    free (self->ended_text);
    self->ended_text = zloom_memdup_text (text.size > 0 ? (const void *) text.data : "", text.size);
    const zloom_client_event_t event = {
      .type = ZLOOM_CLIENT_ENDED, .code = code, .text = zloom_bytes_text (self->ended_text)};
    zloom_core_tell (self, &event);
}

bool
zloom_client_core_wants_road (const zloom_client_core_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    return self->status == ZLOOM_CORE_NO_ROAD && self->now_ns >= self->retry_at_ns;
}

zloom_err_t
zloom_client_core_ended (const zloom_client_core_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    if (self->status == ZLOOM_CORE_ENDED) {
        return zloom_fail (self->ended, "%s: %s", self->name, self->ended_text);
    }
    return ZLOOM_OK;
}

const char *
zloom_client_core_name (const zloom_client_core_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    return self->name;
}

const char *
zloom_client_core_router (const zloom_client_core_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    return self->router ? self->router : "";
}

bool
zloom_client_core_welcomed (const zloom_client_core_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    return self->status == ZLOOM_CORE_WELCOMED;
}

/* ---- timers --------------------------------------------------------------------------------- */

/*
 * Silence counts while somebody listens: of a tick that comes late, since the machine stood still
 * or the program did not call us, the router is not to blame. It is asked first.
 */
static void
s_forgive (zloom_client_core_t *self)
{
    const int64_t late_ns = self->due_ns < self->now_ns ? self->now_ns - self->due_ns : 0;
    if (late_ns > self->heartbeat_ns) {
        const int64_t heard_ns = self->heard_ns + late_ns;
        self->heard_ns = heard_ns < self->now_ns ? heard_ns : self->now_ns;
    }
}

/* Ask after a beat of silence; after as many as the router named, it does not live any more. */
static int64_t
s_tick_heartbeat (zloom_client_core_t *self)
{
    const int64_t dead_ns =
      zloom_time_add (self->heard_ns, self->heartbeat_ns * (int64_t) (self->liveness + 1));
    if (self->now_ns >= dead_ns) {
        zloom_core_lose (self);
        return self->retry_at_ns;
    }
    const int64_t since_ns = self->heard_ns > self->asked_ns ? self->heard_ns : self->asked_ns;
    int64_t ask_ns = zloom_time_add (since_ns, self->heartbeat_ns);
    if (self->now_ns >= ask_ns) {
        const zloom_verb_t verb = {.kind = ZLOOM_VERB_PING};
        zloom_frames_push (&self->out, &verb, NULL, ZLOOM_BYTES_NULL);
        self->asked_ns = self->now_ns;
        ask_ns = zloom_time_add (self->now_ns, self->heartbeat_ns);
    }
    return ask_ns < dead_ns ? ask_ns : dead_ns;
}

static int64_t
s_sooner (int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t
zloom_client_core_tick (zloom_client_core_t *self, zloom_now_t now)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    self->now_ns = now.mono_ns;
    switch (self->status) {
    case ZLOOM_CORE_ENDED:
        return ZLOOM_NEVER;
    case ZLOOM_CORE_NO_ROAD:
        return self->retry_at_ns;
    case ZLOOM_CORE_SAID_HELLO: {
        const int64_t give_up_ns = zloom_time_add (self->hello_at_ns, ZLOOM_CORE_HELLO_NS);
        if (self->now_ns >= give_up_ns) {
            zloom_core_lose (self);
            return self->retry_at_ns;
        }
        return give_up_ns;
    }
    case ZLOOM_CORE_WELCOMED:
        break;
    }
    s_forgive (self);
    int64_t next_ns = s_tick_heartbeat (self);
    if (self->status == ZLOOM_CORE_WELCOMED && !self->leaving) {
        next_ns = s_sooner (next_ns, zloom_core_tick_subscriptions (self));
        next_ns = s_sooner (next_ns, zloom_core_tick_steps (self));
        next_ns = s_sooner (next_ns, zloom_core_tick_flows (self));
        zloom_core_note_blocked (self);
    }
    self->due_ns = next_ns > self->now_ns ? next_ns : self->now_ns;
    return next_ns;
}

bool
zloom_client_core_peek (const zloom_client_core_t *self, zloom_client_out_t *out)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    const zloom_waiting_frame_t *frame = zloom_frames_front (&self->out);
    if (!frame) {
        return false;
    }
    *out = (zloom_client_out_t){zloom_frame_verb (frame), frame->blob, frame->pack};
    return true;
}

void
zloom_client_core_pop (zloom_client_core_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    zloom_frames_pop (&self->out);
}

void
zloom_client_core_leave (zloom_client_core_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    if (self->status == ZLOOM_CORE_WELCOMED && !self->leaving) {
        const zloom_verb_t verb = {.kind = ZLOOM_VERB_BYE};
        zloom_frames_push (&self->out, &verb, NULL, ZLOOM_BYTES_NULL);
    }
    self->leaving = true;
}

void
zloom_client_core_stats (const zloom_client_core_t *self, zloom_client_stats_t *stats)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    *stats = self->stats;
}
