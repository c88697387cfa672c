/* SPDX-License-Identifier: MPL-2.0 */
/* metrics_supervisor.c - /metrics and /healthz of a running supervisor. */
#include "launch/supervisor_state.h"

#include "base/log.h"
#include "launch/memory_of.h"
#include "launch/metrics.h"
#include "recipe/registry.h"

#include <string.h>

/* One number of each unit. */
typedef struct {
    const char *name;
    zloom_metric_type_t type;
    const char *help;
    /* False: not known of this unit, which then has no sample. */
    bool (*value) (const zloom_supervisor_t *self, const zloom_proc_view_t *view, double *value);
} s_unit_metric_t;

static bool
s_up (const zloom_supervisor_t *self, const zloom_proc_view_t *view, double *value)
{
    (void) self;
    *value = view->state == ZLOOM_UNIT_READY ? 1 : 0;
    return true;
}

static bool
s_starts (const zloom_supervisor_t *self, const zloom_proc_view_t *view, double *value)
{
    (void) self;
    *value = (double) view->starts;
    return true;
}

static bool
s_uptime (const zloom_supervisor_t *self, const zloom_proc_view_t *view, double *value)
{
    (void) self;
    *value = (double) (zloom_clock_mono_ns () - view->started_ns) / (double) ZLOOM_NS_PER_S;
    return view->started_ns > 0;
}

static bool
s_memory (const zloom_supervisor_t *self, const zloom_proc_view_t *view, double *value)
{
    const int64_t bytes = view->pid > 0 && !self->config.threads ? zloom_memory_of (view->pid) : -1;
    *value = (double) bytes;
    return bytes >= 0;
}

static const s_unit_metric_t s_unit_metrics[] = {
  {"zloom_unit_up", ZLOOM_METRIC_GAUGE, "1 while it serves.", s_up},
  {"zloom_unit_starts_total", ZLOOM_METRIC_COUNTER, "Starts since the supervisor began.", s_starts},
  {"zloom_unit_uptime_seconds", ZLOOM_METRIC_GAUGE, "Since its last start.", s_uptime},
  {"zloom_unit_memory_bytes", ZLOOM_METRIC_GAUGE, "Memory of its process.", s_memory},
};

static size_t
s_labels (const zloom_proc_t *proc, zloom_label_t labels[3])
{
    const zloom_plan_unit_t *plan = zloom_proc_plan (proc);
    labels[0] = (zloom_label_t){"unit", zloom_bytes_text (plan->name)};
    labels[1] = (zloom_label_t){"node", zloom_bytes_text (plan->node->name)};
    labels[2] = (zloom_label_t){"kind", zloom_bytes_text (plan->node->kind->name)};
    return 3;
}

static void
s_units (const zloom_supervisor_t *self, zloom_buf_t *out)
{
    for (size_t i = 0; i < sizeof s_unit_metrics / sizeof *s_unit_metrics; i++) {
        const s_unit_metric_t *metric = &s_unit_metrics[i];
        zloom_metrics_family (out, metric->name, metric->type, metric->help);
        for (size_t j = 0; j < self->proc_count; j++) {
            zloom_proc_view_t view;
            zloom_label_t labels[3];
            double value = 0;
            zloom_proc_look (self->procs[j], &view);
            if (metric->value (self, &view, &value)) {
                const size_t count = s_labels (self->procs[j], labels);
                zloom_metrics_sample (out, metric->name, labels, count, value);
            }
        }
    }
    zloom_metrics_family (out, "zloom_unit_state", ZLOOM_METRIC_GAUGE,
                          "1 with the label of the state that the unit is in.");
    for (size_t j = 0; j < self->proc_count; j++) {
        zloom_label_t labels[4];
        const size_t count = s_labels (self->procs[j], labels);
        labels[count] = (zloom_label_t){
          "state", zloom_bytes_text (zloom_unit_state_text (zloom_proc_state (self->procs[j])))};
        zloom_metrics_sample (out, "zloom_unit_state", labels, count + 1, 1);
    }
}

static void
s_build (const zloom_supervisor_t *self, zloom_buf_t *out)
{
    const char *version = self->config.version ? self->config.version : "unknown";
    const zloom_label_t labels[] = {
      {"version", zloom_bytes_text (version)},
      {"topology", zloom_bytes_text (zloom_recipe_name (self->config.recipe))}};
    zloom_metrics_family (out, "zloom_build_info", ZLOOM_METRIC_GAUGE,
                          "1 with the version of zloom and the topology's name.");
    zloom_metrics_sample (out, "zloom_build_info", labels, 2, 1);
    zloom_metrics_family (out, "zloom_supervisor_start_time_seconds", ZLOOM_METRIC_GAUGE,
                          "When the supervisor was started, in seconds since 1970.");
    zloom_metrics_sample (out, "zloom_supervisor_start_time_seconds", NULL, 0,
                          (double) self->started_ns / (double) ZLOOM_NS_PER_S);
}

static void
s_router (const zloom_supervisor_t *self, zloom_buf_t *out)
{
    const zloom_watch_t *watch = self->config.watch;
    zloom_bytes_t answers = ZLOOM_BYTES_NULL;
    int64_t at_ns = 0;
    const bool known = watch && watch->stats && watch->stats (watch->arg, &answers, &at_ns);
    zloom_metrics_family (out, "zloom_router_up", ZLOOM_METRIC_GAUGE,
                          "1 while the router (all of them, if several) answers its supervisor.");
    zloom_metrics_sample (out, "zloom_router_up", NULL, 0, known ? 1 : 0);
    if (answers.size > 0) {
        zloom_metrics_family (out, "zloom_router_answer_age_seconds", ZLOOM_METRIC_GAUGE,
                              "How old the router's numbers below are.");
        zloom_metrics_sample (out, "zloom_router_answer_age_seconds", NULL, 0,
                              (double) (zloom_clock_mono_ns () - at_ns) / (double) ZLOOM_NS_PER_S);
        zloom_metrics_stats (out, answers);
    }
}

/* 200 while everything serves that has to; else 503 with what does not. */
static int
s_health (const zloom_supervisor_t *self, zloom_buf_t *body)
{
    bool well = self->phase == ZLOOM_PHASE_RUNNING;
    if (!well) {
        zloom_buf_add_text (body,
                            self->phase == ZLOOM_PHASE_STARTING ? "starting\n" : "draining\n");
    }
    for (size_t i = 0; i < self->proc_count; i++) {
        const zloom_unit_state_t state = zloom_proc_state (self->procs[i]);
        if (well && state != ZLOOM_UNIT_READY && state != ZLOOM_UNIT_DONE) {
            well = false;
            zloom_buf_printf (body, "unit %s is %s\n", zloom_proc_plan (self->procs[i])->name,
                              zloom_unit_state_text (state));
        }
    }
    zloom_buf_add_text (body, well ? "ok\n" : "");
    return well ? 200 : 503;
}

static int
s_answer (void *arg, zloom_bytes_t path, zloom_buf_t *body, const char **type)
{
    const zloom_supervisor_t *self = arg;
    if (zloom_bytes_equal (path, zloom_bytes_text ("/healthz"))) {
        return s_health (self, body);
    }
    if (!zloom_bytes_equal (path, zloom_bytes_text ("/metrics"))) {
        return 404;
    }
    *type = ZLOOM_METRICS_TYPE;
    s_build (self, body);
    s_units (self, body);
    s_router (self, body);
    return 200;
}

zloom_err_t
zloom_supervisor_open_metrics (zloom_supervisor_t *self)
{
    const zloom_watch_t *watch = self->config.watch;
    zloom_bytes_t answers;
    int64_t at_ns = 0;
    const zloom_err_t err = zloom_http_open (self->config.metrics, s_answer, self, &self->metrics);
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_log (zloom_http_is_local (self->metrics) ? ZLOOM_LOG_INFO : ZLOOM_LOG_WARN,
               "metrics-listen", "address=%s%s", zloom_http_address (self->metrics),
               zloom_http_is_local (self->metrics)
                 ? ""
                 : " (whoever reaches it may read it: there is no password)");
    if (watch && watch->stats) {
        (void) watch->stats (watch->arg, &answers, &at_ns); /* from now on it asks */
    }
    return ZLOOM_OK;
}
