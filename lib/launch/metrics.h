/* SPDX-License-Identifier: MPL-2.0 */
/*
 * metrics.h - numbers in Prometheus' text form, version 0.0.4: families with HELP and TYPE, each
 * sample behind its own family, labels escaped.
 *
 * Example:
 *     const zloom_label_t labels[] = {{"unit", zloom_bytes_text ("charge.1")}};
 *     zloom_metrics_family (out, "zloom_unit_starts_total", ZLOOM_METRIC_COUNTER, "Starts.");
 *     zloom_metrics_sample (out, "zloom_unit_starts_total", labels, 1, 3);
 */
#ifndef ZLOOM_LAUNCH_METRICS_H
#define ZLOOM_LAUNCH_METRICS_H

#include "base/bytes.h"

typedef enum { ZLOOM_METRIC_GAUGE, ZLOOM_METRIC_COUNTER } zloom_metric_type_t;

typedef struct {
    const char *name;
    zloom_bytes_t value; /* what is no UTF-8 in it is shown as '?' */
} zloom_label_t;

#define ZLOOM_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

void zloom_metrics_family (zloom_buf_t *out, const char *name, zloom_metric_type_t type,
                           const char *help);
void zloom_metrics_sample (zloom_buf_t *out, const char *name, const zloom_label_t *labels,
                           size_t label_count, double value);
/*
 * Everything of metrics.def that the answers of the router to `stats` hold: msgpack maps, one after
 * the other. What is malformed is left out.
 */
void zloom_metrics_stats (zloom_buf_t *out, zloom_bytes_t answers);

#endif
