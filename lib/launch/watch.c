/* SPDX-License-Identifier: MPL-2.0 */
#include "launch/watch.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"
#include "client/client.h"
#include "wire/cursor.h"
#include "wire/limits.h"

#include <stdio.h>
#include <stdlib.h>

#define ZLOOM_TOPOLOGY_WATCH_TAG 0x4C1D0004u
#define OPEN_NS (2 * ZLOOM_NS_PER_S)
/* How often the router is asked whether work is left. */
#define ASK_NS (50 * ZLOOM_NS_PER_MS)
/* The same while only its numbers are wanted, and how old they may be to count. */
#define STATS_NS (1 * ZLOOM_NS_PER_S)
#define STATS_OLD_NS (10 * ZLOOM_NS_PER_S)

struct zloom_topology_watch {
    uint32_t tag;
    const zloom_recipe_t *recipe;
    char *name; /* of its session */
    char *endpoint;
    zloom_client_t *client; /* NULL: not open (yet) */
    bool asking;            /* an answer is awaited */
    uint64_t request;
    int64_t ask_at_ns;
    uint64_t appending;  /* that its flows have taken in, as the answer adds up */
    uint64_t appended;   /* the same as the last whole answer said */
    uint64_t rounds;     /* questions about that which were answered */
    uint64_t left;       /* messages that some node has still to work on, as the answer adds up */
    bool wants_idle;     /* somebody asked; answers to earlier questions do not count */
    bool asked_for_idle; /* the question under way was asked after that */
    bool idle;
    char denied[256]; /* what the router said when it was asked for that; "": nothing against it */
    bool wants_stats; /* the answers themselves are wanted, too */
    zloom_buf_t coming; /* of the question under way, one after the other */
    zloom_buf_t stats;  /* of the last one that was answered whole */
    int64_t stats_ns;   /* when that was, mono; 0: never */
};

zloom_topology_watch_t *
zloom_topology_watch_new (const zloom_recipe_t *recipe, const char *name, const char *endpoint)
{
    zloom_topology_watch_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_TOPOLOGY_WATCH_TAG;
    self->recipe = recipe;
    self->name = zloom_strdup (name);
    self->endpoint = zloom_strdup (endpoint);
    return self;
}

void
zloom_topology_watch_destroy (zloom_topology_watch_t **self_p)
{
    zloom_topology_watch_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_TOPOLOGY_WATCH_TAG);
    if (self->client) {
        zloom_client_kill (&self->client);
    }
    free (self->name);
    free (self->endpoint);
    zloom_buf_fini (&self->coming);
    zloom_buf_fini (&self->stats);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

/* ---- answers -------------------------------------------------------------------------------- */

/* Whether a node of the recipe takes from the flow: what only programs take may stay. */
static bool
s_is_worked (const zloom_topology_watch_t *self, zloom_bytes_t name)
{
    for (size_t i = 0; i < zloom_recipe_flow_count (self->recipe); i++) {
        const zloom_recipe_flow_t *flow = zloom_recipe_flow_at (self->recipe, i);
        if (!zloom_bytes_equal (zloom_bytes_text (flow->name), name)) {
            continue;
        }
        for (size_t j = 0; j < flow->to_count; j++) {
            if (flow->to[j].node) {
                return true;
            }
        }
    }
    return false;
}

/* One flow's map of counters: what is ready, leased, waiting or moving is work that is left. */
static uint64_t
s_left_of_flow (zloom_topology_watch_t *self, zloom_cursor_t *cursor)
{
    static const char *const counted[] = {"ready", "leased", "waiting", "moving"};
    uint64_t left = 0;
    bool worked = false;
    uint32_t pairs = zloom_cursor_map (cursor, UINT16_MAX);
    for (uint32_t i = 0; i < pairs && cursor->err == ZLOOM_OK; i++) {
        zloom_bytes_t name = zloom_cursor_text (cursor, ZLOOM_LIMIT_NAME_BYTES);
        bool counts = false;
        for (size_t j = 0; j < sizeof counted / sizeof *counted; j++) {
            counts = counts || zloom_bytes_equal (name, zloom_bytes_text (counted[j]));
        }
        if (counts) {
            left += zloom_cursor_uint (cursor, INT64_MAX);
        } else if (zloom_bytes_equal (name, zloom_bytes_text ("appended"))) {
            self->appending += zloom_cursor_uint (cursor, INT64_MAX);
        } else if (zloom_bytes_equal (name, zloom_bytes_text ("name"))) {
            worked = s_is_worked (self, zloom_cursor_text (cursor, ZLOOM_LIMIT_NAME_BYTES));
        } else {
            zloom_cursor_raw (cursor);
        }
    }
    return worked ? left : 0;
}

static void
s_read_answer (zloom_topology_watch_t *self, zloom_bytes_t result)
{
    zloom_cursor_t cursor = zloom_cursor (result);
    uint32_t pairs = zloom_cursor_map (&cursor, UINT16_MAX);
    for (uint32_t i = 0; i < pairs && cursor.err == ZLOOM_OK; i++) {
        zloom_bytes_t name = zloom_cursor_text (&cursor, ZLOOM_LIMIT_NAME_BYTES);
        if (!zloom_bytes_equal (name, zloom_bytes_text ("flows"))) {
            zloom_cursor_raw (&cursor);
            continue;
        }
        uint32_t flows = zloom_cursor_array (&cursor, UINT16_MAX);
        for (uint32_t j = 0; j < flows && cursor.err == ZLOOM_OK; j++) {
            self->left += s_left_of_flow (self, &cursor);
        }
    }
    if (cursor.err != ZLOOM_OK) {
        self->left = UINT64_MAX; /* not understood: not idle */
    }
}

/* All of them together, or none: half of the flows would look as if the others had gone. */
static void
s_keep (zloom_topology_watch_t *self, zloom_bytes_t answer, bool last)
{
    if (!self->wants_stats) {
        return;
    }
    zloom_buf_add_bytes (&self->coming, answer);
    if (last) {
        zloom_buf_clear (&self->stats);
        zloom_buf_add_bytes (&self->stats, zloom_buf_bytes (&self->coming));
        self->stats_ns = zloom_clock_mono_ns ();
    }
}

static void
s_event (void *arg, const zloom_client_event_t *event)
{
    zloom_topology_watch_t *self = arg;
    if (event->type != ZLOOM_CLIENT_ANSWER || !self->asking || event->id != self->request) {
        return;
    }
    if (event->code == ZLOOM_OK) {
        s_read_answer (self, event->result);
        s_keep (self, event->result, !event->more);
    }
    if (!event->more) {
        self->asking = false;
        self->appended = self->appending;
        self->idle = event->code == ZLOOM_OK && self->asked_for_idle && self->left == 0;
        self->rounds += self->asked_for_idle ? 1 : 0;
        (void) snprintf (self->denied, sizeof self->denied, "%.*s",
                         event->code == ZLOOM_FORBIDDEN ? (int) event->text.size : 0,
                         event->code == ZLOOM_FORBIDDEN ? (const char *) event->text.data : "");
    }
}

/* ---- the port ------------------------------------------------------------------------------- */

static void
s_open (zloom_topology_watch_t *self, int64_t mono_ns)
{
    zloom_client_options_t options = {.name = self->name, .role = "supervisor"};
    zloom_err_t err = zloom_client_open_with (self->endpoint, &options, s_event, self,
                                              zloom_time_add (mono_ns, OPEN_NS), &self->client);
    if (err != ZLOOM_OK) {
        zloom_log (ZLOOM_LOG_WARN, "watch", "error=%s %s", zloom_err_name (err), zloom_note ());
    }
}

static int
s_fd (void *arg)
{
    const zloom_topology_watch_t *self = arg;
    return self->client ? zloom_client_fd (self->client) : -1;
}

static void
s_ready (void *arg, int64_t mono_ns)
{
    zloom_topology_watch_t *self = arg;
    if (!self->client) {
        s_open (self, mono_ns);
    }
}

static int64_t
s_dispatch (void *arg, int64_t mono_ns)
{
    zloom_topology_watch_t *self = arg;
    if (!self->client) {
        return zloom_time_add (mono_ns, OPEN_NS);
    }
    if (zloom_client_dispatch (self->client) != ZLOOM_OK) {
        zloom_log (ZLOOM_LOG_WARN, "watch", "lost: %s", zloom_note ());
        zloom_client_kill (&self->client);
        self->asking = false;
        return zloom_time_add (mono_ns, OPEN_NS);
    }
    const int64_t ask_ns = self->wants_idle ? ASK_NS : STATS_NS;
    const bool wants = self->wants_idle || self->wants_stats;
    const bool now = mono_ns >= self->ask_at_ns || (self->wants_idle && !self->asked_for_idle);
    if (!self->asking && wants && now) {
        self->left = 0;
        self->appending = 0;
        self->asked_for_idle = self->wants_idle;
        self->ask_at_ns = zloom_time_add (mono_ns, ask_ns);
        zloom_buf_clear (&self->coming);
        zloom_client_core_t *core = zloom_client_core (self->client);
        self->asking =
          zloom_client_core_admin (core, "stats", ZLOOM_BYTES_NULL, &self->request) == ZLOOM_OK;
        (void) zloom_client_dispatch (self->client);
    }
    return zloom_time_add (mono_ns, wants ? ask_ns : OPEN_NS);
}

static void
s_gone (void *arg, const char *unit, const uint8_t nonce[16], const zloom_child_end_t *end,
        const char *last_words)
{
    zloom_topology_watch_t *self = arg;
    if (!self->client) {
        return;
    }
    zloom_verb_gone_t gone = {.name = zloom_bytes_text (unit),
                              .nonce = zloom_bytes (nonce, 16),
                              .exit = end->exit,
                              .signal = end->signal,
                              .text = zloom_bytes_text (last_words)};
    if (zloom_client_core_gone (zloom_client_core (self->client), &gone) == ZLOOM_OK) {
        (void) zloom_client_dispatch (self->client);
    }
}

static bool
s_idle (void *arg)
{
    zloom_topology_watch_t *self = arg;
    self->wants_idle = true;
    return self->idle;
}

static void
s_rest (void *arg)
{
    zloom_topology_watch_t *self = arg;
    self->wants_idle = false;
    self->asked_for_idle = false;
    self->idle = false;
    self->denied[0] = 0;
}

static const char *
s_blind (void *arg)
{
    const zloom_topology_watch_t *self = arg;
    return self->asked_for_idle && self->denied[0] ? self->denied : NULL;
}

static bool
s_stats (void *arg, zloom_bytes_t *answers, int64_t *mono_ns)
{
    zloom_topology_watch_t *self = arg;
    self->wants_stats = true;
    *answers = zloom_buf_bytes (&self->stats);
    *mono_ns = self->stats_ns;
    return self->client && self->stats_ns > 0 &&
           zloom_clock_mono_ns () - self->stats_ns < STATS_OLD_NS;
}

static void
s_adopt (void *arg, const zloom_recipe_t *recipe)
{
    zloom_topology_watch_t *self = arg;
    self->recipe = recipe;
}

zloom_watch_t
zloom_topology_watch_port (zloom_topology_watch_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_TOPOLOGY_WATCH_TAG);
    return (zloom_watch_t){self,   s_fd,   s_dispatch, s_ready, s_gone,
                           s_idle, s_rest, s_stats,    s_adopt, s_blind};
}

uint64_t
zloom_topology_watch_rounds (const zloom_topology_watch_t *self, uint64_t *appended)
{
    ZLOOM_CHECK (self, ZLOOM_TOPOLOGY_WATCH_TAG);
    *appended = self->appended;
    return self->rounds;
}
