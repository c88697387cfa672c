/* SPDX-License-Identifier: MPL-2.0 */
/*
 * carrier.h - how messages get to user code and verdicts come back. The worker (worker.c) takes
 * messages, settles and emits; a carrier moves them to children and says what came of it. Four
 * carriers, one meaning: carrier_lines.c, carrier_exec.c, carrier_frames.c, and carrier_actor.c for
 * a function of this process.
 *
 * A job is one message on its way. It belongs to the worker, then to the carrier from `give` until
 * the carrier hands it back by `done` or in `crashed`; then it is the worker's again.
 *
 * Nothing in a carrier blocks. Its descriptor (an epoll set), or its socket, is readable when
 * `pump` has work.
 */
#ifndef ZLOOM_NODES_WORKER_CARRIER_H
#define ZLOOM_NODES_WORKER_CARRIER_H

#include "base/timers.h"
#include "client/client_types.h"
#include "io/program.h"
#include "net/socket.h"
#include "nodes/node.h"
#include "nodes/worker/frame.h"
#include "nodes/worker/rate.h"
#include "patterns/node_config.h"

/* The longest body that a carrier takes from a child: a message of the greatest size, no key. */
#define ZLOOM_CARRIER_BODY_BYTES (ZLOOM_LIMIT_MESSAGE_BYTES - 64)

typedef struct zloom_worker_job zloom_worker_job_t;
typedef struct zloom_worker_line zloom_worker_line_t;

struct zloom_worker_job {
    const zloom_message_t *message;
    uint64_t id;    /* 1, 2, 3 … in the order of taking */
    bool started;   /* the handler may have begun with it */
    bool expired;   /* its time is over: the worker asked for its child's end */
    bool used_up;   /* … its processor time */
    uint64_t begin; /* lines: where it starts in the child's input */
    uint64_t end;
    bool running;              /* the worker's: its clock runs */
    zloom_worker_line_t *line; /* the worker's: of its key (keys.h); NULL: it has none */
    zloom_timer_t timer;       /* the worker's: when to look at its time */
    int64_t end_ns;            /* the worker's: when its time is over */
    int64_t used_ns;           /* the worker's: what its child had used before it began */
    zloom_worker_job_t *next;  /* of the list that holds it */
    zloom_worker_job_t *prev;
};

/* A list of jobs in order; zero is empty. */
typedef struct {
    zloom_worker_job_t *first;
    zloom_worker_job_t *last;
    size_t count;
} zloom_worker_jobs_t;

void zloom_worker_jobs_add (zloom_worker_jobs_t *self, zloom_worker_job_t *job);
void zloom_worker_jobs_remove (zloom_worker_jobs_t *self, zloom_worker_job_t *job);
/* The first, removed; NULL when empty. */
zloom_worker_job_t *zloom_worker_jobs_take (zloom_worker_jobs_t *self);

/* What came of a job; views are valid during the call. Emits only with an ack. */
typedef struct {
    zloom_settlement_t settlement;
    const zloom_emission_t *emits;
    size_t emit_count;
} zloom_outcome_t;

/* How a long-lived child ended. */
typedef struct {
    zloom_child_end_t end;
    const char *text; /* what happened, and the last words on stderr */
    bool asked;       /* the worker had asked for it, or closed its input */
    bool served;      /* it had settled at least one message */
} zloom_ending_t;

/* The worker's side. All are called inside start, give, flush or pump. */
typedef struct {
    void *arg;
    void (*started) (void *arg, zloom_worker_job_t *job); /* charge it if the child dies */
    void (*running) (void *arg, zloom_worker_job_t *job); /* its time begins; may be told again */
    void (*progress) (void *arg, zloom_worker_job_t *job, uint64_t extend_ms);
    void (*done) (void *arg, zloom_worker_job_t *job, const zloom_outcome_t *outcome);
    /* A long-lived child has ended: what it had started, and what only waited in it. */
    void (*crashed) (void *arg, zloom_worker_jobs_t *started, zloom_worker_jobs_t *waiting,
                     const zloom_ending_t *ending);
    /* It cannot go on and starting again would not help; `note` says why. */
    void (*fatal) (void *arg, zloom_err_t err, const char *note);
} zloom_carrier_host_t;

/* All borrowed as long as the carrier lives. */
typedef struct {
    const char *node;
    const char *const *argv;
    const char *const *env; /* over the node's own environment */
    const char *cwd;
    const char *const *ins; /* names of flows */
    size_t in_count;
    const char *const *outs;
    size_t out_count;
    size_t most; /* jobs in hand */
    bool tty;
    zloom_worker_limits_t limits;
    const zloom_node_actor_t *actor; /* the handler; argv, env, cwd and tty are not used then */
} zloom_carrier_config_t;

typedef struct zloom_carrier zloom_carrier_t;

typedef struct {
    /* Start the child; again after `crashed`. Nothing to do where each message has its own. */
    zloom_err_t (*start) (zloom_carrier_t *self);
    /* It can be given work (a child that must say so has said so). */
    bool (*ready) (const zloom_carrier_t *self);
    /* How many more jobs it takes now. */
    size_t (*room) (const zloom_carrier_t *self);
    void (*give) (zloom_carrier_t *self, zloom_worker_job_t *job);
    /* After a round of give. */
    void (*flush) (zloom_carrier_t *self);
    void (*pump) (zloom_carrier_t *self);
    /* End the child that has this job, by force; done or crashed follows. */
    void (*abort) (zloom_carrier_t *self, zloom_worker_job_t *job);
    /* The process that has this job, or -1; NULL: there are none. */
    pid_t (*pid) (const zloom_carrier_t *self, const zloom_worker_job_t *job);
    /* No more work will come: let the children end by themselves. */
    void (*close) (zloom_carrier_t *self);
    /* A signal to all children. */
    void (*signal) (zloom_carrier_t *self, int signal);
    /* No child is there. */
    bool (*closed) (const zloom_carrier_t *self);
    /* A hint for people when nothing has come back for a while; NULL: nothing to say. */
    const char *(*hint) (const zloom_carrier_t *self);
    void (*destroy) (zloom_carrier_t *self);
} zloom_carrier_ops_t;

/* What every carrier begins with. */
struct zloom_carrier {
    const zloom_carrier_ops_t *ops;
    const zloom_carrier_config_t *config;
    const zloom_carrier_host_t *host;
    int fd;                       /* an epoll set */
    const zloom_socket_t *socket; /* beside it; NULL: none */
    zloom_rate_t said;            /* by its children on stderr */
};

/* SYSTEM with a note. Jobs that a destroyed carrier still has are the worker's again. */
zloom_err_t zloom_carrier_lines_new (const zloom_carrier_config_t *config,
                                     const zloom_carrier_host_t *host, zloom_carrier_t **self_p);
zloom_err_t zloom_carrier_exec_new (const zloom_carrier_config_t *config,
                                    const zloom_carrier_host_t *host, zloom_carrier_t **self_p);
zloom_err_t zloom_carrier_frames_new (const zloom_carrier_config_t *config,
                                      const zloom_carrier_host_t *host, zloom_carrier_t **self_p);
zloom_err_t zloom_carrier_actor_new (const zloom_carrier_config_t *config,
                                     const zloom_carrier_host_t *host, zloom_carrier_t **self_p);
/* Kills what still runs; a handler that runs is waited for. */
void zloom_carrier_destroy (zloom_carrier_t **self_p);

/* ---- for carriers --------------------------------------------------------------------------- */

zloom_err_t zloom_carrier_init (zloom_carrier_t *self, const zloom_carrier_ops_t *ops,
                                const zloom_carrier_config_t *config,
                                const zloom_carrier_host_t *host);
/* Log what a child said on stderr, as much as may be. */
void zloom_carrier_said (void *arg, zloom_bytes_t line);
/* Hand a job back with a verdict that is not an ack. */
void zloom_carrier_fail (zloom_carrier_t *self, zloom_worker_job_t *job, zloom_verdict_t verdict,
                         const char *text);
/* Tell what was not logged since it was told. */
void zloom_carrier_tell_dropped (zloom_carrier_t *self);
/* The limits that the kernel keeps. */
zloom_child_limits_t zloom_carrier_child_limits (const zloom_carrier_t *self);
/* The longest body that a child may send. */
size_t zloom_carrier_answer_bytes (const zloom_carrier_t *self);
/* What is said of a longer one. */
const char *zloom_carrier_too_long (const zloom_carrier_t *self, char text[96]);
/* Append what is known of its memory, if that is limited: "; it held 60MiB and may hold 64MiB". */
void zloom_carrier_add_memory (const zloom_carrier_t *self, const zloom_child_end_t *end,
                               zloom_buf_t *text);
/*
 * A long-lived child has ended: say so to the host, with everything it held. `why` (may be NULL) is
 * what the carrier knows beyond the exit. Both lists are empty afterwards.
 */
void zloom_carrier_ended (zloom_carrier_t *self, zloom_program_t **program_p,
                          zloom_worker_jobs_t *started, zloom_worker_jobs_t *waiting,
                          const char *why, bool asked, bool served);
/* A program that cannot be run at all, by its end; then `fatal` was called. */
bool zloom_carrier_unrunnable (zloom_carrier_t *self, const zloom_program_t *program,
                               const zloom_child_end_t *end);

#endif
