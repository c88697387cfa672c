/* SPDX-License-Identifier: MPL-2.0 */
/*
 * reload.c - a changed recipe for a running engine: limits, retry and lease of known flows, and new
 * flows. All is checked before anything changes. A flow that is gone from the recipe is unreachable
 * from then on; it must be empty.
 */
#include <stdio.h>

#include "engine/core.h"

static const zloom_engine_flow_t *
s_find (const zloom_engine_flow_t *flows, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp (flows[i].config.name, name) == 0) {
            return &flows[i];
        }
    }
    return NULL;
}

static zloom_err_t
s_check (const zloom_hosted_t *flow, const zloom_engine_flow_t *changed)
{
    const char *name = flow->config.name;
    if (!changed) {
        const uint64_t backlog = zloom_hosted_backlog (flow);
        return backlog == 0
                 ? ZLOOM_OK
                 : zloom_fail (ZLOOM_RECIPE,
                               "flow '%s' is not in the recipe any more, but holds %llu "
                               "unsettled messages: take it out when it is empty (`zloom "
                               "dlq purge %s --yes` deletes what it holds)",
                               name, (unsigned long long) backlog, name);
    }
    if (changed->pattern != flow->pattern || changed->config.confirm != flow->config.confirm) {
        return zloom_fail (
          ZLOOM_FAILED, "flow '%s': its pattern or confirm level changes only by a restart", name);
    }
    return ZLOOM_OK;
}

/* Sessions that know it are told nothing: their next word about it is refused. */
static void
s_retire (zloom_engine_t *self, zloom_hosted_t *flow)
{
    flow->configured = false;
    zloom_engine_name_flow (self, flow, false);
}

/* A flow that was there before is hosted still: its numbers and producers go on. */
static bool
s_bring_back (zloom_engine_t *self, const zloom_engine_flow_t *again, size_t known)
{
    for (size_t i = 0; i < known; i++) {
        zloom_hosted_t *flow = self->flows[i];
        if (!flow->configured && flow->pattern == again->pattern &&
            flow->port->disk == (again->config.confirm == ZLOOM_CONFIRM_DISK) &&
            strcmp (flow->config.name, again->config.name) == 0) {
            zloom_hosted_configure (flow, &again->config);
            flow->fingerprint = again->fingerprint;
            flow->configured = true;
            zloom_engine_name_flow (self, flow, true);
            return true;
        }
    }
    return false;
}

static zloom_err_t
s_check_dead_letters (const zloom_engine_flow_t *flows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *name = flows[i].config.dead_letter;
        if (name && (!s_find (flows, count, name) || strcmp (name, flows[i].config.name) == 0)) {
            return zloom_fail (ZLOOM_FAILED, "flow '%s': its dead letters '%s' are no other flow",
                               flows[i].config.name, name);
        }
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_engine_reload (zloom_engine_t *self, const zloom_engine_flow_t *flows, size_t count,
                     zloom_now_t now)
{
    zloom_engine_check (self);
    self->now = now;
    const size_t known = self->flow_count;
    const zloom_err_t lost = s_check_dead_letters (flows, count);
    if (lost != ZLOOM_OK) {
        return lost;
    }
    for (size_t i = 0; i < known; i++) {
        const zloom_hosted_t *flow = self->flows[i];
        const zloom_err_t err =
          flow->configured ? s_check (flow, s_find (flows, count, flow->config.name)) : ZLOOM_OK;
        if (err != ZLOOM_OK) {
            return err;
        }
    }
    for (size_t i = 0; i < known; i++) {
        zloom_hosted_t *flow = self->flows[i];
        const zloom_engine_flow_t *changed = s_find (flows, count, flow->config.name);
        if (flow->configured && changed) {
            zloom_hosted_configure (flow, &changed->config);
            flow->fingerprint = changed->fingerprint;
        } else if (flow->configured) {
            s_retire (self, flow);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!zloom_map_get (self->by_name, zloom_bytes_text (flows[i].config.name)) &&
            !s_bring_back (self, &flows[i], known)) {
            zloom_engine_begin_flow (self, zloom_engine_add_flow (self, &flows[i]));
        }
    }
    zloom_engine_join_dead_letters (self);
    return ZLOOM_OK;
}

/* The first flow that the session takes from without the right to; NULL: none. */
static const char *
s_not_its_own (const zloom_engine_t *self, const zloom_session_t *session)
{
    void *value = NULL;
    for (size_t i = 0;
         zloom_idmap_next (zloom_engine_part (session)->consumers, &i, NULL, &value);) {
        const zloom_consumer_t *consumer = value;
        const zloom_right_t right =
          consumer->mode == ZLOOM_MODE_CONSUME ? ZLOOM_RIGHT_CONSUME : ZLOOM_RIGHT_READ;
        if (!zloom_engine_allows (self, session, right, consumer->flow->config.name)) {
            return consumer->flow->config.name;
        }
    }
    return NULL;
}

void
zloom_engine_recheck_rights (zloom_engine_t *self, zloom_now_t now)
{
    zloom_engine_check (self);
    self->now = now;
    zloom_session_t *session = NULL;
    for (size_t i = 0; (session = zloom_sessions_next (self->sessions, &i));) {
        const char *flow = s_not_its_own (self, session);
        if (!zloom_engine_allows (self, session, ZLOOM_RIGHT_ENTER, NULL)) {
            zloom_engine_bye (self, session, ZLOOM_FORBIDDEN,
                              "this key may do nothing here any more");
        } else if (flow) {
            char text[ZLOOM_LIMIT_NAME_BYTES + 64];
            (void) snprintf (text, sizeof text, "flow '%s': this key may not take from it any more",
                             flow);
            zloom_engine_bye (self, session, ZLOOM_FORBIDDEN, text);
        }
    }
}
