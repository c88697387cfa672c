/* SPDX-License-Identifier: MPL-2.0 */
/*
 * logs.h - reading the log of a topology (launch/logfile.h), its older files included, while it is
 * written and rotated.
 */
#ifndef ZLOOM_CLI_LOGS_H
#define ZLOOM_CLI_LOGS_H

#include "base/bytes.h"
#include "base/error.h"
#include "launch/logfile.h"

#include <sys/types.h>

typedef struct {
    zloom_bytes_t whole; /* the line as it stands, without its newline */
    zloom_bytes_t time;  /* "" when it has none: it belongs to the one before */
    zloom_bytes_t unit;
    zloom_bytes_t text;
} zloom_log_line_t;

/* False: enough. */
typedef bool (zloom_log_line_fn) (void *arg, const zloom_log_line_t *line);

typedef struct {
    char *path; /* of the youngest file */
    int fd;     /* -1: none was read yet */
    dev_t device;
    ino_t inode;      /* of the file that is read */
    zloom_buf_t rest; /* of it: a line that has no end yet */
} zloom_logs_t;

void zloom_logs_init (zloom_logs_t *self, const char *state);
void zloom_logs_fini (zloom_logs_t *self);
/*
 * Hand over each line that has come since the last call, oldest first; the first call begins with
 * the oldest file. NOT_FOUND: there is no log.
 */
zloom_err_t zloom_logs_read (zloom_logs_t *self, zloom_log_line_fn *each, void *arg);

/* The parts of one line. */
zloom_log_line_t zloom_log_line (zloom_bytes_t whole);

#endif
