/* SPDX-License-Identifier: MPL-2.0 */
/* node_kinds.c - the kinds of node that this build runs, from their tables (node_*.def). */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/units.h"
#include "kinds.h"
#include "node_config.h"

/* ---- router -------------------------------------------------------------------------------- */

static const char *
s_check_listen (const char *text)
{
    static const char *const loopback[] = {"tcp://127.0.0.1:", "tcp://[::1]:"};
    if (strcmp (text, "ipc") == 0) {
        return NULL;
    }
    for (size_t i = 0; i < ZLOOM_COUNT (loopback); i++) {
        size_t size = strlen (loopback[i]);
        int64_t port = 0;
        if (strncmp (text, loopback[i], size) == 0) {
            bool good = text[size] >= '0' && text[size] <= '9' &&
                        zloom_parse_int (text + size, &port) == ZLOOM_OK && port >= 1 &&
                        port <= 65535;
            return good ? NULL : "has no port from 1 to 65535 at its end";
        }
    }
    /* Other addresses are lint Z0312's, which says why. */
    return strncmp (text, "tcp://", 6) == 0
             ? NULL
             : "is not ipc, tcp://127.0.0.1:PORT or tcp://[::1]:PORT";
}

#define ZLOOM_STRUCT zloom_router_config_t
static const zloom_field_t s_router_restart[] = {
#include "node_restart.def"
};
static const zloom_field_t s_journal_fields[] = {
#include "node_journal.def"
};
static const zloom_field_t s_router_fields[] = {
#include "node_router.def"
};
#undef ZLOOM_STRUCT

/* ---- worker -------------------------------------------------------------------------------- */

static const zloom_choice_t s_io_choices[] = {
  {"lines", ZLOOM_IO_LINES, "one long-lived process: a line in, exactly one line out, in order"},
  {"exec", ZLOOM_IO_EXEC,
   "a process a message: body on stdin, stdout is the emit, exit code settles"},
  {"frames", ZLOOM_IO_FRAMES, "one long-lived process on fd 3 and 4: many in flight, verdicts"},
};

static const char *
s_check_actor (const char *text)
{
    return *text && strlen (text) <= ZLOOM_NAME_MAX ? NULL : "is not a name of 1 to 63 characters";
}

/* With an actor or an expression there is no program (Z0350). */
static bool
s_worker_applies (const void *config, const zloom_field_t *field)
{
    static const char *const of_programs[] = {"run",     "io",  "env",   "cwd",
                                              "secrets", "tty", "limits"};
    const zloom_worker_config_t *worker = config;
    for (size_t i = 0; (worker->actor || worker->jq) && i < ZLOOM_COUNT (of_programs); i++) {
        if (strcmp (of_programs[i], field->name) == 0) {
            return false;
        }
    }
    return true;
}

#define ZLOOM_STRUCT zloom_worker_config_t
static const zloom_field_t s_worker_restart[] = {
#include "node_restart.def"
};
static const zloom_field_t s_worker_limits[] = {
#include "node_limits.def"
};
static const zloom_field_t s_worker_fields[] = {
#include "node_worker.def"
};
#undef ZLOOM_STRUCT

/* ---- sink ---------------------------------------------------------------------------------- */

static const zloom_choice_t s_fsync_choices[] = {
  {"never", ZLOOM_FSYNC_NEVER, "the kernel decides; a power cut may lose lines that were settled"},
  {"batch", ZLOOM_FSYNC_BATCH, "one sync for all lines that were written together, then settle"},
  {"always", ZLOOM_FSYNC_ALWAYS, "a sync a line, then settle"},
};

#define ZLOOM_STRUCT zloom_sink_config_t
static const zloom_field_t s_sink_restart[] = {
#include "node_restart.def"
};
static const zloom_field_t s_sink_file_fields[] = {
  ZLOOM_F_PATH ("path", true, file.path, NULL,
                "the file; made if it is not there, added to if it is", "path: paid.jsonl")
    ZLOOM_F_CHOICE ("fsync", file.fsync, "batch", s_fsync_choices,
                    "when lines must be on the disk before their messages are settled",
                    "fsync: batch")};
static const zloom_field_t s_sink_fields[] = {
#include "node_sink.def"
};
#undef ZLOOM_STRUCT

/* ---- poller -------------------------------------------------------------------------------- */

static const zloom_choice_t s_format_choices[] = {
  {"lines", ZLOOM_FORMAT_LINES, "any line is a message"},
  {"json", ZLOOM_FORMAT_JSON, "each line is one JSON value; others are refused and counted"},
};

#define ZLOOM_STRUCT zloom_poller_config_t
static const zloom_field_t s_poller_restart[] = {
#include "node_restart.def"
};
static const zloom_field_t s_poller_file_fields[] = {
  ZLOOM_F_PATH ("path", true, file.path, NULL, "the file to read", "path: orders.jsonl")
    ZLOOM_F_BOOL ("follow", file.follow, "false", "wait for more at the end of the file",
                  "follow: true") ZLOOM_F_CHOICE ("format", file.format, "json", s_format_choices,
                                                  "what a line is", "format: json")};
static const zloom_field_t s_poller_fields[] = {
#include "node_poller.def"
};
#undef ZLOOM_STRUCT

/* ---- forwarder ----------------------------------------------------------------------------- */

#define ZLOOM_STRUCT zloom_edge_config_t
static const zloom_field_t s_edge_restart[] = {
#include "node_restart.def"
};
static const zloom_field_t s_edge_fields[] = {
#include "node_edge.def"
};
#undef ZLOOM_STRUCT

#define ZLOOM_STRUCT zloom_forwarder_config_t
static const zloom_field_t s_forwarder_restart[] = {
#include "node_restart.def"
};
#undef ZLOOM_STRUCT
static const zloom_field_t s_forwarder_fields[] = {ZLOOM_F_GROUP (
  "restart", s_forwarder_restart, "what happens when the process ends that should not have",
  "restart: {backoff: [200ms, 1s], budget: 10, within: 1m}")};

const zloom_kind_t zloom_forwarder_kind = {
  .id = ZLOOM_NODE_FORWARDER,
  .name = "forwarder",
  .what = "a forwarder",
  .help = "carries what is sent at its router to flows of others; it comes by itself",
  .fields = s_forwarder_fields,
  .field_count = ZLOOM_COUNT (s_forwarder_fields),
  .config_size = sizeof (zloom_forwarder_config_t),
};

/* ---- all of them --------------------------------------------------------------------------- */

const zloom_kind_t zloom_node_kinds[ZLOOM_NODE_KINDS] = {
  {
    .id = ZLOOM_NODE_ROUTER,
    .name = "router",
    .what = "a router",
    .help = "holds the flows and their journal; a recipe that names none has one called 'router', "
            "and of several each flow names its own (`via`)",
    .fields = s_router_fields,
    .field_count = ZLOOM_COUNT (s_router_fields),
    .config_size = sizeof (zloom_router_config_t),
    .example = "  hub: {kind: router, journal: {hot: 1GiB}}\n",
    .listens = true,
  },
  {
    .id = ZLOOM_NODE_WORKER,
    .name = "worker",
    .what = "a worker",
    .help = "takes messages, runs a program for them, settles them and sends on what it answers",
    .fields = s_worker_fields,
    .field_count = ZLOOM_COUNT (s_worker_fields),
    .config_size = sizeof (zloom_worker_config_t),
    .applies = s_worker_applies,
    .example = "  charge: {kind: worker, run: [python3, charge.py], io: frames, replicas: 4}\n",
    .takes = true,
    .sends = true,
  },
  {
    .id = ZLOOM_NODE_SINK,
    .name = "sink",
    .what = "a sink",
    .help = "takes messages and writes them to the outside",
    .fields = s_sink_fields,
    .field_count = ZLOOM_COUNT (s_sink_fields),
    .config_size = sizeof (zloom_sink_config_t),
    .example = "  ledger: {kind: sink, file: {path: paid.jsonl, fsync: batch}}\n",
    .takes = true,
  },
  {
    .id = ZLOOM_NODE_POLLER,
    .name = "poller",
    .what = "a poller",
    .help = "reads the outside and sends what it finds; others call it a source",
    .fields = s_poller_fields,
    .field_count = ZLOOM_COUNT (s_poller_fields),
    .config_size = sizeof (zloom_poller_config_t),
    .example = "  shop: {kind: poller, file: {path: orders.jsonl, follow: true}}\n",
    .sends = true,
  },
  {
    .id = ZLOOM_NODE_EDGE,
    .name = "forwarder",
    .what = "a forwarder",
    .help = "hears buses of a router once, for all those near to it who hear them through it "
            "(`through`); what carries between routers comes by itself",
    .fields = s_edge_fields,
    .field_count = ZLOOM_COUNT (s_edge_fields),
    .config_size = sizeof (zloom_edge_config_t),
    .example = "  edge: {kind: forwarder, of: router}\n",
    .listens = true,
  },
};
