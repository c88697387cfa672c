/* SPDX-License-Identifier: MPL-2.0 */
/*
 * expression.h - the handler of a worker with `jq:`, as a C function like those that programs
 * register: it runs the expression on each message's body and emits what it gives.
 *
 * Example:
 *     err = zloom_expression_new (".total", out_count, &expression);
 *     config.actor = zloom_expression_actor (expression);
 *     ... the carrier's life ...
 *     zloom_expression_destroy (&expression);
 */
#ifndef ZLOOM_NODES_WORKER_EXPRESSION_H
#define ZLOOM_NODES_WORKER_EXPRESSION_H

#include "nodes/node.h"

typedef struct zloom_expression zloom_expression_t;

/*
 * With `out_count` 0, values are not sent anywhere: the expression only decides. NO_PROGRAM: the
 * module is not there; RECIPE: it does not compile. Both with a note.
 */
zloom_err_t zloom_expression_new (const char *text, size_t out_count, zloom_expression_t **self_p);
void zloom_expression_destroy (zloom_expression_t **self_p);
const zloom_node_actor_t *zloom_expression_actor (const zloom_expression_t *self);

#endif
