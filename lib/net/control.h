/* SPDX-License-Identifier: MPL-2.0 */
/*
 * control.h - the two descriptors between a node and whoever started it: one to say "I serve", one
 * to be told to stop. Works the same for a process under a supervisor and a thread in a program.
 *
 * Example:
 *     zloom_stop_t stop;
 *     zloom_stop_init (&stop, args->stop_fd);
 *     zloom_ready_tell (args->ready_fd);
 *     while (zloom_stop_read (&stop) == ZLOOM_STOP_NO) {
 *         ... poll zloom_stop_fd (&stop) beside the rest ...
 *     }
 */
#ifndef ZLOOM_NET_CONTROL_H
#define ZLOOM_NET_CONTROL_H

typedef enum {
    ZLOOM_STOP_NO,
    ZLOOM_STOP_DRAIN, /* finish what is under way, take nothing new */
    ZLOOM_STOP_NOW,   /* leave at once */
} zloom_stop_state_t;

typedef struct {
    int fd; /* -1: none, or at its end: nothing more can come */
    zloom_stop_state_t state;
} zloom_stop_t;

/* `fd` is borrowed (-1: never stops) and may be blocking: it is read only when it is readable. */
void zloom_stop_init (zloom_stop_t *self, int fd);
/*
 * Take in what was asked since: the first byte, or the end of the file, means DRAIN, a second byte
 * NOW. Never blocks; the state never goes back.
 */
zloom_stop_state_t zloom_stop_read (zloom_stop_t *self);
/* The descriptor to poll for reading; -1 when nothing more can come. */
int zloom_stop_fd (const zloom_stop_t *self);

/* Write one newline to `fd`, once the node serves. -1: nothing. A reader that is gone is fine. */
void zloom_ready_tell (int fd);

#endif
