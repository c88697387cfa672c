/* SPDX-License-Identifier: MPL-2.0 */
/* watches.c - the watches of all routers of a topology behind one port. */
#include "launch/watch.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/tag.h"
#include "launch/paths.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define ZLOOM_WATCHES_TAG 0x4C1D0014u

/* What one of them said when all were idle at the same time. */
typedef struct {
    uint64_t rounds;
    uint64_t appended;
} s_said_t;

struct zloom_watches {
    uint32_t tag;
    size_t count;
    zloom_topology_watch_t *items[ZLOOM_ROUTERS_MAX];
    zloom_watch_t ports[ZLOOM_ROUTERS_MAX];
    int epoll;  /* readable when one of them is; -1: none was to be had */
    bool quiet; /* `said` holds what was said then */
    s_said_t said[ZLOOM_ROUTERS_MAX];
    zloom_buf_t stats;
};

zloom_watches_t *
zloom_watches_new (const zloom_recipe_t *recipe, const char *name, const char *endpoints)
{
    zloom_watches_t *self = zloom_alloc (sizeof *self);
    zloom_endpoints_t list;
    zloom_endpoints_split (endpoints, &list);
    self->tag = ZLOOM_WATCHES_TAG;
    self->count = list.count;
    self->epoll = epoll_create1 (EPOLL_CLOEXEC);
    for (size_t i = 0; i < list.count; i++) {
        self->items[i] = zloom_topology_watch_new (recipe, name, list.items[i]);
        self->ports[i] = zloom_topology_watch_port (self->items[i]);
    }
    return self;
}

void
zloom_watches_destroy (zloom_watches_t **self_p)
{
    zloom_watches_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_WATCHES_TAG);
    for (size_t i = 0; i < self->count; i++) {
        zloom_topology_watch_destroy (&self->items[i]);
    }
    if (self->epoll >= 0) {
        close (self->epoll);
    }
    zloom_buf_fini (&self->stats);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

/* ---- the port ------------------------------------------------------------------------------- */

/* A session that was opened anew has another descriptor; a closed one has left by itself. */
static void
s_follow (zloom_watches_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        const int fd = self->ports[i].fd (self->ports[i].arg);
        struct epoll_event event = {.events = EPOLLIN};
        if (fd >= 0) {
            (void) epoll_ctl (self->epoll, EPOLL_CTL_ADD, fd, &event); /* or it is there */
        }
    }
}

static int
s_fd (void *arg)
{
    zloom_watches_t *self = arg;
    if (self->count == 1) {
        return self->ports[0].fd (self->ports[0].arg);
    }
    s_follow (self);
    return self->epoll;
}

static int64_t
s_dispatch (void *arg, int64_t mono_ns)
{
    zloom_watches_t *self = arg;
    int64_t next_ns = ZLOOM_NEVER;
    for (size_t i = 0; i < self->count; i++) {
        const int64_t due_ns = self->ports[i].dispatch (self->ports[i].arg, mono_ns);
        next_ns = due_ns < next_ns ? due_ns : next_ns;
    }
    return next_ns;
}

static void
s_ready (void *arg, int64_t mono_ns)
{
    zloom_watches_t *self = arg;
    for (size_t i = 0; i < self->count; i++) {
        self->ports[i].ready (self->ports[i].arg, mono_ns);
    }
}

static void
s_gone (void *arg, const char *unit, const uint8_t nonce[16], const zloom_child_end_t *end,
        const char *last_words)
{
    zloom_watches_t *self = arg;
    for (size_t i = 0; i < self->count; i++) {
        self->ports[i].gone (self->ports[i].arg, unit, nonce, end, last_words);
    }
}

/* Whether all have said twice since `said` that they are idle, and took nothing in meanwhile. */
static bool
s_stayed (zloom_watches_t *self)
{
    bool twice = true;
    bool same = true;
    for (size_t i = 0; i < self->count; i++) {
        uint64_t appended = 0;
        const uint64_t rounds = zloom_topology_watch_rounds (self->items[i], &appended);
        /* The one under way may have begun before. */
        twice = twice && rounds >= self->said[i].rounds + 2;
        same = same && appended == self->said[i].appended;
    }
    self->quiet = self->quiet && same;
    return self->quiet && twice;
}

static bool
s_idle (void *arg)
{
    zloom_watches_t *self = arg;
    bool idle = true;
    for (size_t i = 0; i < self->count; i++) {
        const bool one = self->ports[i].idle (self->ports[i].arg); /* each is asked by it */
        idle = idle && one;
    }
    if (!idle || self->count == 1) {
        self->quiet = false;
        return idle;
    }
    if (s_stayed (self)) {
        return true;
    }
    if (!self->quiet) {
        for (size_t i = 0; i < self->count; i++) {
            self->said[i].rounds =
              zloom_topology_watch_rounds (self->items[i], &self->said[i].appended);
        }
        self->quiet = true;
    }
    return false;
}

static void
s_rest (void *arg)
{
    zloom_watches_t *self = arg;
    self->quiet = false;
    for (size_t i = 0; i < self->count; i++) {
        self->ports[i].rest (self->ports[i].arg);
    }
}

static const char *
s_blind (void *arg)
{
    zloom_watches_t *self = arg;
    const char *text = NULL;
    for (size_t i = 0; i < self->count && !text; i++) {
        text = self->ports[i].blind (self->ports[i].arg);
    }
    return text;
}

/* What those say that answer, as old as the oldest of it; true when all do. */
static bool
s_stats (void *arg, zloom_bytes_t *answers, int64_t *mono_ns)
{
    zloom_watches_t *self = arg;
    size_t known = 0;
    zloom_buf_clear (&self->stats);
    *mono_ns = ZLOOM_NEVER;
    for (size_t i = 0; i < self->count; i++) {
        zloom_bytes_t answer;
        int64_t at_ns = 0;
        if (self->ports[i].stats (self->ports[i].arg, &answer, &at_ns)) {
            zloom_buf_add_bytes (&self->stats, answer);
            *mono_ns = at_ns < *mono_ns ? at_ns : *mono_ns;
            known++;
        }
    }
    *answers = zloom_buf_bytes (&self->stats);
    *mono_ns = known ? *mono_ns : 0;
    return known == self->count;
}

static void
s_adopt (void *arg, const zloom_recipe_t *recipe)
{
    zloom_watches_t *self = arg;
    for (size_t i = 0; i < self->count; i++) {
        self->ports[i].adopt (self->ports[i].arg, recipe);
    }
}

zloom_watch_t
zloom_watches_port (zloom_watches_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_WATCHES_TAG);
    return (zloom_watch_t){self,   s_fd,   s_dispatch, s_ready, s_gone,
                           s_idle, s_rest, s_stats,    s_adopt, s_blind};
}
