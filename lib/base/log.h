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

#include "zloom.h"

/* A sink for mains: one write (2) a line to stderr, "TIME level id text", no colour. */
void zloom_log_stderr (zloom_log_level_t level, const char *id, const char *text, void *arg);
void zloom_log (zloom_log_level_t level, const char *id, const char *format, ...)
  __attribute__ ((format (printf, 3, 4)));

#endif
