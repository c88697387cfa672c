/* SPDX-License-Identifier: MPL-2.0 */
/*
 * node_config.h - what a recipe says about a node, typed, checked and with defaults filled in.
 *
 * zloom_recipe_node_t.config points to one of these; node->kind->id says to which:
 *
 *     const zloom_recipe_node_t *node = zloom_recipe_node (recipe, "charge");
 *     if (node->kind->id == ZLOOM_NODE_WORKER) {
 *         const zloom_worker_config_t *config = node->config;
 *
 * All of it belongs to the recipe. Ranges have been checked: a reader need not check again. The
 * tables that fill these structs are patterns/node_*.def; a field exists once a node obeys it.
 */
#ifndef ZLOOM_NODE_CONFIG_H
#define ZLOOM_NODE_CONFIG_H

#include "recipe/values.h"

/* zloom_kind_t.id of node kinds. */
typedef enum {
    ZLOOM_NODE_ROUTER = 1,
    ZLOOM_NODE_WORKER,
    ZLOOM_NODE_SINK,
    ZLOOM_NODE_POLLER,
    ZLOOM_NODE_FORWARDER, /* comes by itself: it carries from a router to others */
    ZLOOM_NODE_EDGE,      /* a forwarder that a recipe names: a bus is heard through it */
} zloom_node_kind_t;

/* The most routers and edges of one recipe. */
#define ZLOOM_RECIPE_ROUTERS_MAX 16

/* The name of the router that a recipe has when it names none. */
#define ZLOOM_IMPLICIT_ROUTER "router"

/*
 * What happens when a process ends that should not have: wait the n-th backoff (the last value
 * repeats), start it again; after `budget` restarts within `within` it stays down, with a reason.
 */
typedef struct {
    zloom_ints_t backoff_ns; /* at least one */
    int64_t budget;          /* 0 = never restart */
    int64_t within_ns;
} zloom_restart_config_t;

/* Every node config begins with this one, so `(const zloom_node_common_t *) node->config` works. */
typedef struct {
    zloom_restart_config_t restart;
} zloom_node_common_t;

/* The fewest files that the log under a router is made of. */
#define ZLOOM_SEGMENTS_LEAST 4

typedef struct {
    zloom_node_common_t common;
    const char *listen;            /* "ipc", or "tcp://127.0.0.1:PORT" / "tcp://[::1]:PORT" */
    int64_t heartbeat_ns;          /* between pings */
    int64_t liveness;              /* missed beats before a frozen peer counts as gone: 3–5 */
    int64_t journal_hot_bytes;     /* size of the hot log before runs move to cold segments */
    int64_t journal_segment_bytes; /* of one file of it; hot is at least four of them (Z0320) */
} zloom_router_config_t;

/* How a worker's program is fed. */
typedef enum {
    ZLOOM_IO_LINES = 1, /* a long-lived child: one line in, exactly one line out, in order */
    ZLOOM_IO_EXEC,      /* a process a message: body on stdin, stdout is the emit */
    ZLOOM_IO_FRAMES,    /* a long-lived child on fd 3/4, length-prefixed msgpack */
} zloom_io_t;

/* The most that a worker's program may print, hold and use. */
typedef struct {
    int64_t answer_bytes; /* of one body that it sends */
    int64_t stderr_bytes; /* logged in a second */
    int64_t memory_bytes; /* 0 = no limit, as with those below */
    int64_t descriptors;
    int64_t cpu_ns; /* between a message's start and its end */
} zloom_worker_limits_t;

typedef struct {
    zloom_node_common_t common; /* restart: also of the worker's child */
    /*
     * Program and arguments. A program with a slash is absolute here (relative ones started at the
     * recipe's folder); one without is looked up in PATH. Arguments are as written.
     */
    zloom_strings_t run; /* empty: the worker has an actor or an expression */
    const char *actor;   /* NULL: it has a program or an expression */
    const char *jq;      /* NULL: it has a program or an actor */
    unsigned io;         /* zloom_io_t */
    int64_t replicas;    /* how many of this worker run side by side */
    int64_t prefetch;    /* messages a replica may hold unsettled: its credit */
    zloom_worker_limits_t limits;
    int64_t timeout_ns; /* the handler's deadline from "started"; 0 = none */
    zloom_pairs_t env;  /* added to the child's environment */
    /* Each goes to the child as ZLOOM_SECRET_NAME; values only where secrets_of was asked for. */
    zloom_pairs_t secrets;
    const char *cwd; /* absolute; the recipe's folder unless told otherwise */
    bool tty;        /* lines only: give the child a terminal, so that it does not buffer */
} zloom_worker_config_t;

/* When a file sink's bytes must be on the disk. */
typedef enum {
    ZLOOM_FSYNC_NEVER = 1, /* the kernel decides; messages are settled once written */
    ZLOOM_FSYNC_BATCH,     /* one sync for all that were written together, then settle them */
    ZLOOM_FSYNC_ALWAYS,    /* a sync a message, then settle it */
} zloom_fsync_t;

typedef struct {
    bool set;         /* false: the recipe has no `file:` */
    const char *path; /* absolute */
    unsigned fsync;   /* zloom_fsync_t */
} zloom_sink_file_t;

/* Exactly one of to_stdout and file.set is true. Each message is a line: its body and a newline. */
typedef struct {
    zloom_node_common_t common;
    bool to_stdout;
    zloom_sink_file_t file;
    int64_t prefetch; /* messages held unsettled: its credit, and the most that one batch writes */
} zloom_sink_config_t;

typedef enum {
    ZLOOM_FORMAT_LINES = 1, /* each line is a message */
    ZLOOM_FORMAT_JSON,      /* each line is a message and must be one JSON value */
} zloom_file_format_t;

typedef struct {
    bool set;         /* always true in this version: a poller reads a file */
    const char *path; /* absolute */
    bool follow;      /* false: end at the end of the file; true: wait for more */
    unsigned format;  /* zloom_file_format_t */
} zloom_poller_file_t;

typedef struct {
    zloom_node_common_t common;
    zloom_poller_file_t file;
    int64_t trace_ppm;
} zloom_poller_config_t;

typedef struct {
    zloom_node_common_t common;
    const char *of;       /* the router, as it is written; NULL: the recipe's first one */
    const char *listen;   /* as a router's */
    int64_t heartbeat_ns; /* as a router's, to those who hear here */
    int64_t liveness;
} zloom_edge_config_t;

/* A node that no recipe names: it carries from a router to others. */
typedef struct {
    zloom_node_common_t common;
} zloom_forwarder_config_t;

#endif
