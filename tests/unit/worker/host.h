/* SPDX-License-Identifier: MPL-2.0 */
/* A carrier under test with a host that writes down what it is told, one word after the other. */
#ifndef ZLOOM_TESTS_WORKER_HOST_H
#define ZLOOM_TESTS_WORKER_HOST_H

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "nodes/worker/carrier.h"

#define HOST_JOBS 64
#define HOST_WAIT_NS (20 * ZLOOM_NS_PER_S)

typedef struct {
    zloom_carrier_t *carrier;
    zloom_carrier_config_t config;
    zloom_carrier_host_t host;
    zloom_message_t messages[HOST_JOBS];
    zloom_worker_job_t jobs[HOST_JOBS];
    size_t count;
    zloom_buf_t told;  /* "started 1, done 1 ack [body], …" */
    zloom_buf_t ended; /* the text of the last ending */
    size_t done, starts, runs, crashes, fatals, progress;
    zloom_child_end_t end;
    bool asked, served;
} host_t;

static const char *const s_host_verdicts[] = {"ack", "retry", "reject", "release", "crash"};

static inline void
host_started (void *arg, zloom_worker_job_t *job)
{
    host_t *self = arg;
    self->starts++;
    (void) job;
}

static inline void
host_running (void *arg, zloom_worker_job_t *job)
{
    host_t *self = arg;
    self->runs++;
    job->running = true;
}

static inline void
host_progress (void *arg, zloom_worker_job_t *job, uint64_t extend_ms)
{
    host_t *self = arg;
    self->progress++;
    zloom_buf_printf (&self->told, "progress %d %d, ", (int) job->id, (int) extend_ms);
}

static inline void
host_done (void *arg, zloom_worker_job_t *job, const zloom_outcome_t *outcome)
{
    host_t *self = arg;
    self->done++;
    zloom_buf_printf (&self->told, "done %d %s", (int) job->id,
                      s_host_verdicts[outcome->settlement.verdict]);
    if (outcome->settlement.delay_ms != ZLOOM_DELAY_UNSET) {
        zloom_buf_printf (&self->told, " after %d", (int) outcome->settlement.delay_ms);
    }
    zloom_bytes_t text = outcome->settlement.cause.text;
    if (text.data) {
        zloom_buf_printf (&self->told, " (%.*s)", (int) text.size, (const char *) text.data);
    }
    for (size_t i = 0; i < outcome->emit_count; i++) {
        const zloom_emission_t *emit = &outcome->emits[i];
        zloom_buf_printf (&self->told, " [%.*s%s%.*s]", (int) emit->envelope.body.size,
                          (const char *) emit->envelope.body.data, emit->flow.size ? " to " : "",
                          (int) emit->flow.size, (const char *) emit->flow.data);
    }
    zloom_buf_add_text (&self->told, ", ");
}

static inline void
host_crashed (void *arg, zloom_worker_jobs_t *started, zloom_worker_jobs_t *waiting,
              const zloom_ending_t *ending)
{
    host_t *self = arg;
    self->crashes++;
    zloom_buf_printf (&self->told, "crashed %d %d, ", (int) started->count, (int) waiting->count);
    while (zloom_worker_jobs_take (started) || zloom_worker_jobs_take (waiting)) {
    }
    zloom_buf_clear (&self->ended);
    zloom_buf_add_text (&self->ended, ending->text);
    self->end = ending->end;
    self->asked = ending->asked;
    self->served = ending->served;
}

static inline void
host_fatal (void *arg, zloom_err_t err, const char *note)
{
    host_t *self = arg;
    self->fatals++;
    zloom_buf_printf (&self->told, "fatal %s %s, ", zloom_err_name (err), note);
}

typedef zloom_err_t (host_new_fn) (const zloom_carrier_config_t *, const zloom_carrier_host_t *,
                                   zloom_carrier_t **);

/* `argv` and `outs` live as long as the host; a carrier that is not started yet. */
static inline void
host_open (host_t *self, host_new_fn *make, const char *const *argv, const char *const *outs,
           size_t out_count)
{
    static const char *const ins[] = {"in"};
    *self = (host_t){
      .config = {.node = "work",
                 .argv = argv,
                 .cwd = ".",
                 .ins = ins,
                 .in_count = 1,
                 .outs = outs,
                 .out_count = out_count,
                 .most = HOST_JOBS},
      .host = {.arg = self,
               .started = host_started,
               .running = host_running,
               .progress = host_progress,
               .done = host_done,
               .crashed = host_crashed,
               .fatal = host_fatal},
    };
    assert_int_equal (make (&self->config, &self->host, &self->carrier), ZLOOM_OK);
}

static inline void
host_close (host_t *self)
{
    zloom_carrier_destroy (&self->carrier);
    zloom_buf_fini (&self->told);
    zloom_buf_fini (&self->ended);
}

/* Take a message in hand; the carrier gets it with host_give. */
static inline zloom_worker_job_t *
host_job (host_t *self, const void *body, size_t size)
{
    assert_true (self->count < HOST_JOBS);
    zloom_message_t *message = &self->messages[self->count];
    *message = (zloom_message_t){.flow = "in",
                                 .seq = self->count + 1,
                                 .body = body,
                                 .body_size = size,
                                 .producer = "shop",
                                 .producer_size = 4,
                                 .id = self->count + 1};
    zloom_worker_job_t *job = &self->jobs[self->count++];
    *job = (zloom_worker_job_t){.message = message, .id = self->count};
    return job;
}

static inline void
host_give (host_t *self, const char *body)
{
    self->carrier->ops->give (self->carrier, host_job (self, body, strlen (body)));
    self->carrier->ops->flush (self->carrier);
}

/* Wait until the carrier may have something to do, a second at most. */
static inline void
host_wait (host_t *self)
{
    zloom_poll_item_t items[] = {{.fd = self->carrier->fd},
                                 {.socket = self->carrier->socket, .fd = -1}};
    assert_int_equal (zloom_poll (items, 2, zloom_deadline (1000)), ZLOOM_OK);
}

/* Pump until *counter is at least `least`. */
static inline void
host_until (host_t *self, const size_t *counter, size_t least)
{
    int64_t end_ns = zloom_clock_now ().mono_ns + HOST_WAIT_NS;
    while (*counter < least) {
        host_wait (self);
        self->carrier->ops->pump (self->carrier);
        self->carrier->ops->flush (self->carrier);
        if (*counter < least && zloom_clock_now ().mono_ns > end_ns) {
            fail_msg ("it did not happen; told: %s", zloom_buf_text (&self->told));
        }
    }
}

static inline void
host_until_ready (host_t *self)
{
    int64_t end_ns = zloom_clock_now ().mono_ns + HOST_WAIT_NS;
    while (!self->carrier->ops->ready (self->carrier)) {
        host_wait (self);
        self->carrier->ops->pump (self->carrier);
        assert_true (zloom_clock_now ().mono_ns < end_ns);
    }
}

static inline void
host_told (host_t *self, const char *expected)
{
    assert_string_equal (zloom_buf_text (&self->told), expected);
}

#endif
