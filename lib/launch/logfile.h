/* SPDX-License-Identifier: MPL-2.0 */
/*
 * logfile.h - the log of a topology that runs without a terminal: one file for the supervisor and
 * all nodes, a line a write, that makes room for itself.
 *
 *   TIME UNIT       | text        2026-11-28T14:05:00.123Z charge.1   | no such card
 *
 * TIME is the line's own where it begins with one, so nodes' stamps stand once. When the file is
 * about to pass its limit it becomes NAME.1, that one NAME.2 and so on; the oldest goes. While it
 * is open, descriptor 2 is the file, so that what is written there by others stands in it, too.
 *
 * Lines that could not be written (disk full) are counted, and the log says so when it goes on.
 *
 * Threads: any; one line at a time.
 */
#ifndef ZLOOM_LAUNCH_LOGFILE_H
#define ZLOOM_LAUNCH_LOGFILE_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"

#define ZLOOM_LOGFILE_FOLDER "logs" /* in the state folder */
#define ZLOOM_LOGFILE_NAME "topology.log"
/* Older files that are kept: NAME.1 is the youngest. */
#define ZLOOM_LOGFILE_KEPT 4
#define ZLOOM_LOGFILE_LEAST_BYTES 4096
#define ZLOOM_LOGFILE_BYTES (INT64_C (16) * 1024 * 1024)
/* The unit of what the supervisor says itself. */
#define ZLOOM_LOGFILE_OWN "supervisor"

typedef struct zloom_logfile zloom_logfile_t;

/* Goes on in STATE/logs/topology.log. SYSTEM, FORBIDDEN with a note. */
zloom_err_t zloom_logfile_open (const char *state, int64_t limit_bytes, zloom_logfile_t **self_p);
/* Descriptor 2 stays the file that it was last. */
void zloom_logfile_close (zloom_logfile_t **self_p);
/* A line of a unit, without its newline; `cut`: it was longer and is marked so. */
void zloom_logfile_line (zloom_logfile_t *self, const char *unit, zloom_bytes_t line, bool cut);
/* A zloom_log_sink_fn; `arg` is the logfile. */
void zloom_logfile_sink (zloom_log_level_t level, const char *id, const char *text, void *arg);

/* The length of a time stamp and the space behind it at the line's start; 0: there is none. */
size_t zloom_logfile_stamp (zloom_bytes_t line);

#endif
