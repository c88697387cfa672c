/* SPDX-License-Identifier: MPL-2.0 */
/* shell.h - the client's shell from the inside: client.c (life, frames), client_calls.c (calls). */
#ifndef ZLOOM_CLIENT_SHELL_H
#define ZLOOM_CLIENT_SHELL_H

#include "client/client.h"
#include "client/glance.h"
#include "net/dealer.h"

#define ZLOOM_CLIENT_TAG 0x5A43736Cu

/* A question whose answers are waited for. */
typedef struct {
    uint64_t request; /* 0: none */
    zloom_client_answer_fn *answer;
    void *arg;
    bool done;
    zloom_err_t err;
    char text[256];
} zloom_client_question_t;

struct zloom_client {
    uint32_t tag;
    zloom_client_core_t *core;
    zloom_dealer_t *dealer;
    zloom_client_event_fn *event;
    void *event_arg;
    int64_t next_ns;   /* when the core wants its next tick */
    int64_t pumped_ns; /* when frames moved last */
    zloom_glance_t glance;
    bool prompt;      /* what is sent waits for no company: it goes at once */
    int64_t renew_ns; /* a new road could not be laid: not before */
    int epoll_fd;     /* -1: nobody asked for it */
    int timer_fd;
    int watched_fd;     /* the socket's, in epoll_fd */
    bool soon;          /* the timer is set to wake for what was queued */
    zloom_err_t failed; /* the first message that failed since the last flush */
    char failed_text[256];
    zloom_client_question_t question;
    /* the subscription that a call waits for, and its answer */
    uint32_t awaited;
    bool awaited_done;
    zloom_err_t awaited_err;
    char awaited_text[256];
    /* another one that the router has ended: told by the next receive, if nobody has heard it */
    uint32_t over_handle;
    zloom_err_t over;
    char over_text[256];
};

/* Move frames both ways until there is nothing left to move. */
void zloom_client_pump (zloom_client_t *self);
/* Sleep until there is something to do, at most until `deadline_ns`; then pump. */
zloom_err_t zloom_client_wait (zloom_client_t *self, int64_t deadline_ns);
/* Something was queued: whoever watches the descriptor is to be woken. */
void zloom_client_touch (zloom_client_t *self);
bool zloom_client_expired (int64_t deadline_ns);
/* That this subscription is over is known by now, or of no interest. */
void zloom_client_forget_over (zloom_client_t *self, uint32_t handle);
/* At its opening: OK once it is welcomed, AGAIN before that, unless the time has `expired`. */
zloom_err_t zloom_client_check_welcome (zloom_client_t *self, const char *endpoint,
                                        const zloom_client_options_t *options, bool expired);

#endif
