/* SPDX-License-Identifier: MPL-2.0 */
/*
 * work.h - a message in the hands of a handler in C (zloom.h), and the words between the worker's
 * thread and the handler's: each is one frame on a PAIR socket, and who received a work has it.
 */
#ifndef ZLOOM_NODES_WORKER_WORK_H
#define ZLOOM_NODES_WORKER_WORK_H

#include <stdatomic.h>

#include "nodes/worker/carrier.h"
#include "wire/arena.h"

typedef enum {
    ZLOOM_WORD_WORK = 1, /* to the handler's thread: handle this */
    ZLOOM_WORD_UP,       /* from it: it takes work */
    ZLOOM_WORD_STARTED,
    ZLOOM_WORD_PROGRESS,
    ZLOOM_WORD_DONE, /* the work is the worker's again */
} zloom_word_kind_t;

typedef struct {
    zloom_word_kind_t kind;
    zloom_work_t *work; /* UP: NULL */
} zloom_word_t;

struct zloom_work {
    uint32_t tag;
    const zloom_carrier_config_t *config;
    zloom_worker_job_t *job; /* the worker's, all the time */
    zloom_work_t *next;      /* the worker's, too */
    const zloom_message_t *message;
    const zloom_socket_t *socket; /* of the handler's thread, set by it */
    /* Told across: the worker's, then the handler's. */
    atomic_bool late;
    atomic_bool progressed; /* a PROGRESS is under way: no second one is needed */
    atomic_llong extend_ms; /* of the newest progress */
    /* What the handler says, read by the worker after DONE. */
    zloom_arena_t arena; /* of copies */
    zloom_emission_t *emits;
    size_t emit_count;
    size_t emit_capacity;
    size_t bytes; /* of all emits */
    zloom_verdict_t verdict;
    int64_t delay_ms;
    char *text; /* NULL: none */
};

zloom_work_t *zloom_work_new (const zloom_carrier_config_t *config, zloom_worker_job_t *job);
void zloom_work_destroy (zloom_work_t **self_p);
/* In the handler's thread: call the handler and keep its verdict. */
void zloom_work_handle (zloom_work_t *self, const zloom_socket_t *socket);

/* Words are never lost: sockets have room for all that can be under way (zloom_word_config). */
void zloom_word_send (const zloom_socket_t *socket, zloom_word_kind_t kind, zloom_work_t *work);
/* Without waiting; false: there is none. */
bool zloom_word_receive (const zloom_socket_t *socket, zloom_word_t *word);
/* For both ends, with at most `most` works under way. */
zloom_socket_config_t zloom_word_config (size_t most);

#endif
