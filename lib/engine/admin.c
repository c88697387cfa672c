/* SPDX-License-Identifier: MPL-2.0 */
/* admin.c - the table of commands, and the small ones. See admin.h. */
#include "engine/admin.h"

#include "base/log.h"
#include "wire/attrs.h"
#include "wire/encode.h"

/* ---- answers and arguments ----------------------------------------------------------------- */

void
zloom_admin_answer (zloom_engine_t *self, const zloom_ask_t *ask, bool more,
                    const zloom_buf_t *result)
{
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_ANSWER,
      .answer = {.request = ask->request, .more = more, .result = zloom_buf_bytes (result)}};
    zloom_engine_say (self, ask->session, &verb, self->disk.staged);
}

void
zloom_admin_fail (zloom_engine_t *self, const zloom_ask_t *ask, zloom_err_t code, const char *text)
{
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_ANSWER,
      .answer = {.request = ask->request, .code = code, .text = zloom_bytes_text (text)}};
    zloom_engine_say (self, ask->session, &verb, 0);
}

void
zloom_admin_pair (zloom_buf_t *out, const char *name, uint64_t value)
{
    zloom_encode_string (out, name);
    zloom_encode_uint (out, value);
}

int64_t
zloom_admin_left_ms (const zloom_engine_t *self, int64_t mono_ns)
{
    const int64_t left_ns = mono_ns - self->now.mono_ns;
    return mono_ns == ZLOOM_NEVER ? -1 : left_ns > 0 ? left_ns / ZLOOM_NS_PER_MS : 0;
}

static bool
s_find (const zloom_ask_t *ask, const char *name, zloom_attr_t *value)
{
    return ask->args.data && zloom_attrs_find (ask->args, name, value);
}

zloom_bytes_t
zloom_admin_text (const zloom_ask_t *ask, const char *name)
{
    zloom_attr_t value;
    if (s_find (ask, name, &value) && value.type == ZLOOM_TYPE_STR) {
        return value.bytes;
    }
    return ZLOOM_BYTES_NULL;
}

zloom_bytes_t
zloom_admin_bytes (const zloom_ask_t *ask, const char *name)
{
    zloom_attr_t value;
    if (s_find (ask, name, &value) &&
        (value.type == ZLOOM_TYPE_BIN || value.type == ZLOOM_TYPE_STR)) {
        return value.bytes;
    }
    return ZLOOM_BYTES_NULL;
}

int64_t
zloom_admin_number (const zloom_ask_t *ask, const char *name, int64_t fallback)
{
    zloom_attr_t value;
    if (s_find (ask, name, &value) &&
        (value.type == ZLOOM_TYPE_INT || value.type == ZLOOM_TYPE_BOOL)) {
        return value.number;
    }
    return fallback;
}

/* ---- the small commands -------------------------------------------------------------------- */

static zloom_err_t
s_feed (zloom_engine_t *self, const zloom_ask_t *ask, zloom_event_type_t type)
{
    if (zloom_engine_room (self, ask->flow, ZLOOM_ENGINE_EVENT_RECORDS, 4096, false) != ZLOOM_OK) {
        return ZLOOM_AGAIN;
    }
    const zloom_event_t event = {.type = type};
    zloom_engine_feed (self, ask->flow, &event);
    zloom_buf_t result = {0};
    zloom_encode_map (&result, 0);
    zloom_admin_answer (self, ask, false, &result);
    zloom_buf_fini (&result);
    return ZLOOM_OK;
}

static zloom_err_t
s_pause (zloom_engine_t *self, const zloom_ask_t *ask)
{
    return s_feed (self, ask, ZLOOM_EVENT_PAUSE);
}

static zloom_err_t
s_resume (zloom_engine_t *self, const zloom_ask_t *ask)
{
    const zloom_err_t err = s_feed (self, ask, ZLOOM_EVENT_RESUME);
    ask->flow->draining = ask->flow->draining && err != ZLOOM_OK;
    return err;
}

static zloom_err_t
s_drain (zloom_engine_t *self, const zloom_ask_t *ask)
{
    const zloom_err_t err = s_feed (self, ask, ZLOOM_EVENT_DRAIN);
    ask->flow->draining = ask->flow->draining || err == ZLOOM_OK;
    return err;
}

static zloom_err_t
s_reload (zloom_engine_t *self, const zloom_ask_t *ask)
{
    if (!self->reload) {
        return zloom_fail (ZLOOM_UNSUPPORTED, "ADMIN reload: this router has no file to read");
    }
    const zloom_err_t err =
      self->reload (self->reload_arg, ask->session->id, zloom_admin_text (ask, "sets"));
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_buf_t result = {0};
    zloom_encode_map (&result, 0);
    zloom_admin_answer (self, ask, false, &result);
    zloom_buf_fini (&result);
    return ZLOOM_OK;
}

/* ---- the table ----------------------------------------------------------------------------- */

typedef enum {
    FLOW_NONE,
    FLOW_PEER,  /* none, but a peer, which a supervisor may do to those of its own host anyway */
    FLOW_SHOWN, /* a name changes nothing: the answer tells of the whole router */
    FLOW_MAY,
    FLOW_MUST,
} flow_rule_t;

typedef struct {
    const char *name;
    flow_rule_t flow;
    zloom_right_t right; /* to the flow that is named, or to the router where none is */
    zloom_admin_fn *run;
} command_t;

static const command_t s_commands[] = {
  {"stats", FLOW_SHOWN, ZLOOM_RIGHT_READ, zloom_admin_stats},
  {"flow ls", FLOW_NONE, ZLOOM_RIGHT_READ, zloom_admin_flows},
  {"flow parked", FLOW_MUST, ZLOOM_RIGHT_READ, zloom_admin_flow_parked},
  {"flow release", FLOW_MUST, ZLOOM_RIGHT_ADMINISTER, zloom_admin_flow_release},
  {"pause", FLOW_MUST, ZLOOM_RIGHT_ADMINISTER, s_pause},
  {"resume", FLOW_MUST, ZLOOM_RIGHT_ADMINISTER, s_resume},
  {"drain", FLOW_MUST, ZLOOM_RIGHT_ADMINISTER, s_drain},
  {"peer pause", FLOW_PEER, ZLOOM_RIGHT_ADMINISTER, zloom_admin_peer_pause},
  {"peer resume", FLOW_PEER, ZLOOM_RIGHT_ADMINISTER, zloom_admin_peer_resume},
  {"reload", FLOW_NONE, ZLOOM_RIGHT_ADMINISTER, s_reload},
  {"purge", FLOW_MUST, ZLOOM_RIGHT_ADMINISTER, zloom_admin_purge},
  {"trace", FLOW_MAY, ZLOOM_RIGHT_READ, zloom_admin_trace},
  {"group ls", FLOW_MAY, ZLOOM_RIGHT_READ, zloom_admin_group_ls},
  {"group drop", FLOW_MUST, ZLOOM_RIGHT_ADMINISTER, zloom_admin_group_drop},
  {"receipts", FLOW_MUST, ZLOOM_RIGHT_READ, zloom_admin_receipts},
  {"outbox", FLOW_MUST, ZLOOM_RIGHT_CONSUME, zloom_admin_outbox},
  {"dlq ls", FLOW_MAY, ZLOOM_RIGHT_READ, zloom_admin_dlq_ls},
  {"dlq show", FLOW_MUST, ZLOOM_RIGHT_READ, zloom_admin_dlq_show},
  {"dlq requeue", FLOW_MUST, ZLOOM_RIGHT_ADMINISTER, zloom_admin_dlq_requeue},
  {"dlq purge", FLOW_MUST, ZLOOM_RIGHT_ADMINISTER, zloom_admin_dlq_purge},
};

static const command_t *
s_command (zloom_bytes_t name)
{
    for (size_t i = 0; i < sizeof s_commands / sizeof *s_commands; i++) {
        if (zloom_bytes_equal (zloom_bytes_text (s_commands[i].name), name)) {
            return &s_commands[i];
        }
    }
    return NULL;
}

/*
 * An outbox is sent to, and asked for by its bridge, under the name of the flow that it keeps for.
 * All other questions by that name are about the flow itself, which lives on another router. So are
 * those about a flow of which there is a copy here; who hears the copy is in stats.
 */
static zloom_hosted_t *
s_flow (zloom_engine_t *self, const command_t *command, zloom_bytes_t name)
{
    zloom_hosted_t *flow = name.data ? zloom_engine_flow (self, name) : NULL;
    const bool own = !flow || !flow->outbox_of || command->run == zloom_admin_outbox ||
                     zloom_bytes_equal (name, zloom_bytes_text (flow->config.name));
    const bool copy = flow && flow->config.copy_of && command->run != zloom_admin_stats;
    return own && !copy ? flow : NULL;
}

static zloom_err_t
s_run (zloom_engine_t *self, zloom_ask_t *ask, zloom_bytes_t name)
{
    const command_t *command = s_command (name);
    if (!command) {
        return zloom_fail (ZLOOM_UNSUPPORTED, "ADMIN: this router knows no command '%.*s'",
                           (int) name.size, (const char *) name.data);
    }
    if (ask->args.data && zloom_attrs_check (ask->args) != ZLOOM_OK) {
        return ZLOOM_MALFORMED;
    }
    const zloom_bytes_t flow = zloom_admin_text (ask, "flow");
    ask->flow = s_flow (self, command, flow);
    if (flow.data && !ask->flow) {
        return zloom_fail (ZLOOM_UNKNOWN_FLOW, "router '%s' has no flow '%.*s'", self->name,
                           (int) flow.size, (const char *) flow.data);
    }
    if (command->flow == FLOW_MUST && !ask->flow) {
        return zloom_fail (ZLOOM_INVALID, "ADMIN %s: name a flow", command->name);
    }
    const bool of_flow = ask->flow && command->flow >= FLOW_MAY;
    const char *name_of = of_flow ? ask->flow->config.name : NULL;
    if (!zloom_engine_allows (self, ask->session, command->right, name_of) &&
        !(command->flow == FLOW_PEER && zloom_admin_peer_is_own (self, ask))) {
        return zloom_fail (ZLOOM_FORBIDDEN, "ADMIN %s: '%s' may not %s %s%s", command->name,
                           ask->session->name,
                           command->right == ZLOOM_RIGHT_READ      ? "read"
                           : command->right == ZLOOM_RIGHT_CONSUME ? "consume"
                                                                   : "administer",
                           name_of ? "flow " : "all flows",
                           name_of                      ? name_of
                           : command->flow == FLOW_PEER ? ", and no such peer came with its key"
                                                        : "");
    }
    return command->run (self, ask);
}

zloom_err_t
zloom_engine_admin (zloom_engine_t *self, zloom_session_t *session, const zloom_verb_admin_t *admin)
{
    zloom_ask_t ask = {.session = session, .request = admin->request, .args = admin->args};
    const zloom_err_t err = s_run (self, &ask, admin->command);
    if (err == ZLOOM_AGAIN) {
        return err;
    }
    if (err != ZLOOM_OK) {
        zloom_admin_fail (self, &ask, err, zloom_note ());
    }
    return ZLOOM_OK;
}
