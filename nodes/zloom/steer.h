/* SPDX-License-Identifier: MPL-2.0 */
/*
 * steer.h - what pause, resume, drain and scale share: what a word means in a running topology, its
 * supervisor and its routers.
 */
#ifndef ZLOOM_CLI_STEER_H
#define ZLOOM_CLI_STEER_H

#include "control.h"
#include "routers.h"

typedef struct {
    const zloom_cli_t *cli;
    zloom_output_t output;
    int64_t timeout_ms;
    const char *name; /* as given, without the topology; NULL: the whole topology */
    bool is_flow;     /* else it is a node or one of its replicas */
    zloom_control_t control;
    bool supervised; /* false: a router alone, which has flows and no nodes */
    json_t *units;   /* of the supervisor: an array as `ps` has it */
    json_t *values;  /* of the supervisor, with a name: what the recipe says, by path */
    bool open;       /* sessions with the routers stand: they are opened for what needs them */
    zloom_routers_t routers;
    json_t *flows; /* of the routers, for the whole topology: an array of {name, …} */
    int left_out;  /* where some are not among them: how to end, once the others have obeyed */
} zloom_steer_t;

/* What the first word may be. */
typedef enum {
    ZLOOM_STEER_EITHER, /* a node or a flow */
    ZLOOM_STEER_NODE,
    ZLOOM_STEER_WHOLE, /* either, or left out: the whole topology */
} zloom_steer_what_t;

/*
 * Find the topology of [TOPOLOGY/]NAME (the first word), connect, and tell whether NAME is a node
 * or a flow. Routers are asked for what only they know: who steers a node of this host needs no
 * right of theirs. 0, or an exit code after a message; close in either case.
 */
int zloom_steer_open (const zloom_cli_t *cli, zloom_steer_what_t what, zloom_steer_t *self);
void zloom_steer_close (zloom_steer_t *self);

/* The session with the router of the flow; 0, or an exit code after a message. */
int zloom_steer_client (zloom_steer_t *self, const char *flow, zloom_client_t **client_p);
/* A command of the router for a flow ("pause", …); 0, or an exit code after a message. */
int zloom_steer_flow (zloom_steer_t *self, const char *command, const char *flow);
/*
 * A command of the router for each process of the node that NAME means ("peer pause", …): the one
 * that has its session obeys, and it is among those that are counted. Where none has it, a router
 * that does not let this key, or does not answer, is a reason to fail; a process that is away is
 * none.
 */
int zloom_steer_peers (zloom_steer_t *self, const char *command, int64_t *count);
/* An order of the supervisor for a node; the number in its answer into *count. */
int zloom_steer_node (zloom_steer_t *self, const char *verb, const char *node, int64_t *count);
/*
 * Wait until this node, or all (NULL), are as they shall be ("ready"), or until no work is left
 * ("idle").
 */
int zloom_steer_wait (zloom_steer_t *self, const char *what, const char *node);
/* The kind of the node that NAME means; whether it is a forwarder that others hear through. */
const char *zloom_steer_kind (const zloom_steer_t *self);
bool zloom_steer_is_edge (const zloom_steer_t *self);
/* Whether this unit is of the node that NAME means. */
bool zloom_steer_means (const zloom_steer_t *self, const json_t *unit);
/* As zloom_steer_done, where a part of the topology has not obeyed; the exit code. */
int zloom_steer_done_in_part (const zloom_steer_t *self, const char *word, int64_t number,
                              const char *text);
/* Say what was done, on stderr, or as JSON: {"node" | "flow" | "topology": NAME, word: number}. */
int zloom_steer_done (const zloom_steer_t *self, const char *word, int64_t number,
                      const char *text);

#endif
