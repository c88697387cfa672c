/* SPDX-License-Identifier: MPL-2.0 */
#include "client/several.h"

#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/tag.h"
#include "client/shell.h"

/* Sessions that are waited for at a time. */
#define SEVERAL_MAX 64
/* How a handshake fails shows on no descriptor that is waited for: it is looked at so often. */
#define LOOK_MS 50

static void
s_end (zloom_several_t *one, zloom_err_t err)
{
    one->err = err;
    (void) snprintf (one->text, sizeof one->text, "%s", err == ZLOOM_OK ? "" : zloom_note ());
}

/* Keep all sessions alive, and sleep until one has something to say. */
static void
s_wait (zloom_several_t *each, size_t count, int64_t deadline_ns)
{
    struct pollfd items[SEVERAL_MAX];
    nfds_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (each[i].client) {
            items[used++] =
              (struct pollfd){.fd = zloom_client_fd (each[i].client), .events = POLLIN};
        }
    }
    const int64_t left_ms = (deadline_ns - zloom_clock_mono_ns ()) / ZLOOM_NS_PER_MS + 1;
    (void) poll (items, used, left_ms <= 0 ? 0 : left_ms < LOOK_MS ? (int) left_ms : LOOK_MS);
    for (size_t i = 0; i < count; i++) {
        if (each[i].client) {
            zloom_client_pump (each[i].client);
        }
    }
}

/* ---- opening -------------------------------------------------------------------------------- */

void
zloom_several_begin (zloom_several_t *each, size_t count, const zloom_client_options_t *options)
{
    zloom_assert (count <= SEVERAL_MAX);
    for (size_t i = 0; i < count; i++) {
        s_end (&each[i],
               zloom_client_begin (each[i].endpoint, options, NULL, NULL, &each[i].client));
        if (each[i].err == ZLOOM_OK) {
            each[i].err = ZLOOM_AGAIN;
            zloom_client_pump (each[i].client);
        }
    }
}

/* Whether this one is still waited for. */
static bool
s_is_pending (zloom_several_t *one, const zloom_client_options_t *options, bool expired)
{
    if (!one->client || one->open) {
        return false;
    }
    const zloom_err_t err =
      zloom_client_check_welcome (one->client, one->endpoint, options, expired);
    if (err == ZLOOM_AGAIN) {
        return true;
    }
    s_end (one, err);
    one->open = err == ZLOOM_OK;
    if (err != ZLOOM_OK) {
        zloom_client_kill (&one->client);
    }
    return false;
}

size_t
zloom_several_await (zloom_several_t *each, size_t count, const zloom_client_options_t *options,
                     zloom_several_until_t until, int64_t deadline_ns)
{
    for (;;) {
        const bool expired = zloom_client_expired (deadline_ns);
        size_t pending = 0;
        size_t open = 0;
        for (size_t i = 0; i < count; i++) {
            pending += s_is_pending (&each[i], options, expired && until != ZLOOM_SEVERAL_LOOK);
            open += each[i].open;
        }
        if (pending == 0 || expired || (until == ZLOOM_SEVERAL_ANY && open > 0)) {
            return open;
        }
        s_wait (each, count, deadline_ns);
    }
}

/* ---- asking --------------------------------------------------------------------------------- */

static bool
s_is_meant (const zloom_several_t *one)
{
    return one->open && one->args.data;
}

/* The question goes out, unless it has; or waits for a session that comes back. */
static void
s_put (zloom_several_t *one, const zloom_several_question_t *asked)
{
    uint64_t request = 0;
    if (one->err != ZLOOM_AGAIN || one->client->question.request != 0) {
        return;
    }
    const zloom_err_t err = zloom_client_core_admin (zloom_client_core (one->client),
                                                     asked->command, one->args, &request);
    if (err == ZLOOM_OK) {
        one->client->question =
          (zloom_client_question_t){.request = request, .answer = asked->answer, .arg = one->arg};
        zloom_client_pump (one->client);
    } else if (err != ZLOOM_AGAIN) {
        s_end (one, err);
    }
}

/* Whether this one is still waited for. */
static bool
s_is_asked (zloom_several_t *one, const char *command, bool expired)
{
    if (one->err != ZLOOM_AGAIN) {
        return false;
    }
    zloom_client_question_t *question = &one->client->question;
    if (question->request != 0 && question->done) {
        s_end (one, question->err == ZLOOM_OK ? ZLOOM_OK
                                              : zloom_fail (question->err, "%s", question->text));
    } else if (expired) {
        s_end (one, question->request == 0
                      ? zloom_fail (ZLOOM_NOT_RUNNING, "the router is away")
                      : zloom_fail (ZLOOM_TIMED_OUT, "%s: the router does not answer", command));
    } else {
        return true;
    }
    question->request = 0;
    return false;
}

/* Put the question to whom it was not put yet. How many are still waited for. */
static size_t
s_look (zloom_several_t *each, size_t count, const zloom_several_question_t *question, bool expired)
{
    size_t asked = 0;
    bool enough = false;
    for (size_t i = 0; i < count; i++) {
        if (s_is_meant (&each[i])) {
            s_put (&each[i], question);
            const bool waits = s_is_asked (&each[i], question->command, expired);
            asked += waits;
            enough = enough || (!waits && question->enough && question->enough (each[i].err));
        }
    }
    return enough ? 0 : asked;
}

/* What was asked and is not waited for is forgotten: the next question is another one. */
static void
s_forget (zloom_several_t *each, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (s_is_meant (&each[i])) {
            each[i].client->question.request = 0;
        }
    }
}

void
zloom_several_ask (zloom_several_t *each, size_t count, const zloom_several_question_t *question,
                   int64_t deadline_ns)
{
    zloom_assert (count <= SEVERAL_MAX);
    for (size_t i = 0; i < count; i++) {
        each[i].err = s_is_meant (&each[i]) ? ZLOOM_AGAIN : each[i].err;
    }
    while (s_look (each, count, question, zloom_client_expired (deadline_ns)) > 0) {
        s_wait (each, count, deadline_ns);
    }
    s_forget (each, count);
}
