/* SPDX-License-Identifier: MPL-2.0 */
/*
 * log.h - level, stable id, key=value. The library prints nothing: lines go to the sink that a
 * main or the host program set; without one they are dropped.
 *
 * Example:
 *     zloom_log (ZLOOM_LOG_WARN, "peer-gone", "peer=%s missed=%u", name, missed);
 *     → 2026-11-23T12:50:00.123Z warn peer-gone peer=shop missed=4
 */
#ifndef ZLOOM_BASE_LOG_H
#define ZLOOM_BASE_LOG_H

typedef enum {
    ZLOOM_LOG_DEBUG,
    ZLOOM_LOG_INFO,
    ZLOOM_LOG_WARN,
    ZLOOM_LOG_ERROR,
} zloom_log_level_t;

/* `id` is a stable name in kebab-case; `text` is the formatted rest, control characters masked. */
typedef void (zloom_log_sink_fn) (zloom_log_level_t level, const char *id, const char *text,
                                  void *arg);

/* Set once before threads start; NULL drops everything. */
void zloom_log_set (zloom_log_level_t least, zloom_log_sink_fn *sink, void *arg);
/* A sink for mains: one write (2) a line to stderr, "TIME level id text", no colour. */
void zloom_log_stderr (zloom_log_level_t level, const char *id, const char *text, void *arg);
void zloom_log (zloom_log_level_t level, const char *id, const char *format, ...)
  __attribute__ ((format (printf, 3, 4)));

#endif
