/* SPDX-License-Identifier: MPL-2.0 */
/*
 * program.h - a running child with its pipes: bytes in, bytes out, what it says on stderr, and how
 * it ends. Nothing here blocks, whatever the child does: one that never reads leaves bytes waiting
 * here, one that writes for ever is read in bursts, one that leaves grandchildren behind on its
 * pipes is over when it has ended itself.
 *
 * All descriptors are in the epoll set that start was given; whoever waits on that set calls
 * zloom_program_pump when it is readable.
 *
 * A write to a child that is gone raises SIGPIPE: block it in the thread (zloom_sigpipe_block).
 *
 * Example:
 *     zloom_program_start (&config, epoll_fd, &program);
 *     zloom_program_write (program, line);
 *     while (!zloom_program_pump (program)) { ... wait for epoll_fd ... }
 *     zloom_program_end (program, &end);
 *     zloom_program_destroy (&program);
 */
#ifndef ZLOOM_IO_PROGRAM_H
#define ZLOOM_IO_PROGRAM_H

#include <signal.h>

#include "base/bytes.h"
#include "io/child.h"

/* How much of what a child said last is kept for its obituary. */
#define ZLOOM_PROGRAM_TAIL_BYTES 4096

/* What the child wrote; called inside pump only. */
typedef void (zloom_program_output_fn) (void *arg, zloom_bytes_t chunk);
/* A line of stderr (and of stdout, when output_fd is not 1); called inside pump only. */
typedef void (zloom_program_said_fn) (void *arg, zloom_bytes_t line);

typedef struct {
    const char *const *argv;
    const char *const *env;
    const char *cwd;
    int input_fd;  /* the child's descriptor that it reads what is written here from: 0 or 3 */
    int output_fd; /* the child's descriptor that is read here: 1 or 4 */
    zloom_child_limits_t limits;
    bool tty; /* output_fd is a terminal, so that the child's library does not hold it back */
    zloom_program_output_fn *output;
    zloom_program_said_fn *said;
    void *arg;
} zloom_program_config_t;

typedef struct zloom_program zloom_program_t;

/* Errors as zloom_child_start. */
zloom_err_t zloom_program_start (const zloom_program_config_t *config, int epoll_fd,
                                 zloom_program_t **self_p);
/* Kills the child's group if it is still there. */
void zloom_program_destroy (zloom_program_t **self_p);
/* Whether the program itself runs: not while it is still being started, nor if it could not be. */
bool zloom_program_begun (const zloom_program_t *self);
/* Queue bytes for the child; as much as its pipe takes goes at once. */
void zloom_program_write (zloom_program_t *self, zloom_bytes_t bytes);
/* Bytes written here that the child has not read yet. */
size_t zloom_program_unread (const zloom_program_t *self);
/* All bytes ever written here. */
uint64_t zloom_program_written (const zloom_program_t *self);
/* Bytes that the child ever wrote to output_fd. */
uint64_t zloom_program_answered (const zloom_program_t *self);
/* Let the child see the end of its input once the rest is written. */
void zloom_program_close_input (zloom_program_t *self);
/* Read and write what can be now. True: the child has ended and all that it wrote was read. */
bool zloom_program_pump (zloom_program_t *self);
/* How it ended; call after pump returned true. */
void zloom_program_end (zloom_program_t *self, zloom_child_end_t *end);
/* Append the last bytes that it said on stderr, trimmed. */
void zloom_program_tail (const zloom_program_t *self, zloom_buf_t *out);
/* To its whole process group. */
void zloom_program_signal (zloom_program_t *self, int signal);
pid_t zloom_program_pid (const zloom_program_t *self);

/* Block SIGPIPE in this thread, keeping the mask that was. */
void zloom_sigpipe_block (sigset_t *saved);
/* Put the mask back; a SIGPIPE that came meanwhile is dropped. */
void zloom_sigpipe_restore (const sigset_t *saved);

#endif
