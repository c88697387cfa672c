/* SPDX-License-Identifier: MPL-2.0 */
#include "trail.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/when.h"
#include "view.h"

/* As deep as a tree is indented; what lies deeper stands below it all the same. */
#define DEPTH_MAX 20

void
zloom_place_text (const json_t *message, zloom_buf_t *out)
{
    const char *place = zloom_print_string (message, "place");
    const char *consumer = zloom_print_string (message, "consumer");
    const int64_t due_ms = zloom_print_int (message, "due_ms");
    const int64_t lease_ms = zloom_print_int (message, "lease_ms");
    char text[48];
    if (strcmp (place, "leased") == 0) {
        zloom_buf_printf (out, "with %s, %s, its lease ends in %s", consumer[0] ? consumer : "?",
                          json_is_true (json_object_get (message, "started")) ? "begun"
                                                                              : "not begun yet",
                          zloom_view_time (lease_ms > 0 ? lease_ms : 0, text));
    } else if (strcmp (place, "waiting") == 0) {
        zloom_buf_printf (out, "waits for its time, due in %s",
                          due_ms >= 0 ? zloom_view_time (due_ms, text) : "?");
    } else if (strcmp (place, "stuck") == 0) {
        zloom_buf_add_text (out, "stuck: it has failed for the last time and waits for a hand");
    } else if (strcmp (place, "moving") == 0) {
        zloom_buf_add_text (out, "on its way to the dead letters");
    } else if (strcmp (place, "kept") == 0) {
        zloom_buf_add_text (out, "kept: no durable subscriber waits for it");
    } else {
        zloom_buf_add_text (out, place);
    }
}

/* ---- one stay ------------------------------------------------------------------------------- */

static bool
s_is (const json_t *row, const char *what)
{
    return strcmp (zloom_print_string (row, "what"), what) == 0;
}

/* The index of the last row before `end` of this node; -1: there is none. */
static int
s_last_of (const json_t *rows, const char *node, size_t end)
{
    for (size_t i = end; i > 0; i--) {
        if (strcmp (zloom_print_string (json_array_get (rows, i - 1), "node"), node) == 0) {
            return (int) i - 1;
        }
    }
    return -1;
}

/* Whether everybody whom it was handed to has acknowledged it. */
static bool
s_all_acked (const json_t *rows)
{
    bool some = false;
    size_t index = 0;
    const json_t *row = NULL;
    json_array_foreach (rows, index, row)
    {
        const char *node = zloom_print_string (row, "node");
        const int last = node[0] ? s_last_of (rows, node, json_array_size (rows)) : -1;
        if (last >= 0 &&
            strcmp (zloom_print_string (json_array_get (rows, (size_t) last), "how"), "ack") != 0) {
            return false;
        }
        some = some || last >= 0;
    }
    return some;
}

/*
 * What a row's span counts from: a verdict's from when its node had it, a hand-out's from when it
 * was there to be handed out, which was when it came in or came back.
 */
static int64_t
s_since_ns (const json_t *stay, size_t index)
{
    const json_t *rows = json_object_get (stay, "rows");
    const json_t *row = json_array_get (rows, index);
    int at = -1;
    if (s_is (row, "verdict")) {
        at = s_last_of (rows, zloom_print_string (row, "node"), index);
    }
    for (size_t i = index; i > 0 && s_is (row, "handed out") && at < 0; i--) {
        const json_t *before = json_array_get (rows, i - 1);
        const bool back = s_is (before, "verdict")
                            ? strcmp (zloom_print_string (before, "how"), "ack") != 0
                            : s_is (before, "taken back") || s_is (before, "router restarted");
        at = back ? (int) i - 1 : -1;
    }
    return at < 0 ? zloom_print_int (stay, "stored")
                  : zloom_print_int (json_array_get (rows, (size_t) at), "at");
}

/* Where it is now, or how it left. */
static void
s_end (const json_t *stay, zloom_buf_t *out)
{
    const json_t *rows = json_object_get (stay, "rows");
    size_t index = 0;
    const json_t *row = NULL;
    json_array_foreach (rows, index, row)
    {
        if (s_is (row, "left")) {
            zloom_buf_add_text (out, zloom_print_string (row, "how"));
            return;
        }
    }
    const char *place = zloom_print_string (stay, "place");
    if (!place[0]) {
        zloom_buf_add_text (out, "its flow is not there any more");
    } else if (strcmp (place, "gone") == 0 && s_all_acked (rows)) {
        zloom_buf_add_text (out, "acked by all who had it");
    } else if (strcmp (place, "gone") == 0) {
        zloom_buf_add_text (out, "has left the flow; how was lost, with the last moment before the "
                                 "router ended");
    } else {
        zloom_place_text (stay, out);
    }
}

static void
s_row_text (const json_t *stay, size_t index, zloom_buf_t *out)
{
    const json_t *row = json_array_get (json_object_get (stay, "rows"), index);
    char span[48];
    const char *node = zloom_print_string (row, "node");
    const char *how = zloom_print_string (row, "how");
    const char *text = zloom_print_string (row, "text");
    (void) zloom_view_span (zloom_print_int (row, "at") - s_since_ns (stay, index), span);
    if (s_is (row, "handed out")) {
        zloom_buf_printf (out, "handed out to %s, attempt %lld, after waiting %s", node,
                          (long long) zloom_print_int (row, "attempt"), span);
    } else if (s_is (row, "begun")) {
        zloom_buf_printf (out, "begun by %s", node);
    } else if (s_is (row, "verdict")) {
        zloom_buf_printf (out, "%s by %s after %s", how, node, span);
    } else if (s_is (row, "taken back")) {
        zloom_buf_printf (out, "taken back from %s", node[0] ? node : "its worker");
    } else {
        zloom_buf_add_text (out, zloom_print_string (row, "what"));
        zloom_buf_printf (out, "%s%s", how[0] ? ": " : "", how);
    }
    zloom_buf_printf (out, "%s%.*s\n", text[0] ? ": " : "", (int) strcspn (text, "\n"), text);
}

static void
s_line (int depth, int64_t offset_ns, zloom_buf_t *out)
{
    char span[48];
    char sign[52];
    (void) snprintf (sign, sizeof sign, "+%s", zloom_view_span (offset_ns, span));
    zloom_buf_printf (out, "%*s%10s  ", 2 * depth + 2, "", sign);
}

static void
s_stored_text (const json_t *stay, zloom_buf_t *out)
{
    const char *way = zloom_print_string (stay, "way");
    const char *from = zloom_print_string (stay, "from_flow");
    zloom_buf_add_text (out, "stored");
    if (from[0]) {
        zloom_buf_printf (out, ", %s %s, number %lld",
                          strcmp (way, "dead") == 0       ? "as a dead letter of"
                          : strcmp (way, "requeued") == 0 ? "put back from"
                                                          : "emitted by the handler of",
                          from, (long long) zloom_print_int (stay, "from_seq"));
    } else if (strcmp (way, "emitted") == 0) {
        zloom_buf_add_text (out, ", emitted by a handler that did not say of which message");
    }
    zloom_buf_add_text (out, "\n");
}

static void
s_stay_text (const json_t *stay, int depth, int64_t zero_ns, zloom_buf_t *out)
{
    const json_t *rows = json_object_get (stay, "rows");
    const int64_t left_out = zloom_print_int (stay, "left_out");
    const int64_t stored_ns = zloom_print_int (stay, "stored");
    size_t index = 0;
    const json_t *row = NULL;
    zloom_buf_printf (out, "%*s%s, number %lld (%s): ", 2 * depth, "",
                      zloom_print_string (stay, "flow"), (long long) zloom_print_int (stay, "seq"),
                      zloom_print_string (stay, "id"));
    s_end (stay, out);
    zloom_buf_add_text (out, "\n");
    s_line (depth, stored_ns - zero_ns, out);
    s_stored_text (stay, out);
    json_array_foreach (rows, index, row)
    {
        const int64_t at_ns = zloom_print_int (row, "at");
        if (left_out > 0 && index == json_array_size (rows) / 2) {
            zloom_buf_printf (out, "%*s... %lld more\n", 2 * depth + 14, "", (long long) left_out);
        }
        /* That it left after an ack is no news. */
        if (!s_is (row, "left") || strcmp (zloom_print_string (row, "how"), "acked") != 0) {
            s_line (depth, at_ns - zero_ns, out);
            s_row_text (stay, index, out);
        }
    }
}

/* ---- the tree ------------------------------------------------------------------------------- */

static bool
s_is_from (const json_t *stay, const json_t *parent)
{
    return strcmp (zloom_print_string (stay, "from_flow"), zloom_print_string (parent, "flow")) ==
             0 &&
           zloom_print_int (stay, "from_seq") == zloom_print_int (parent, "seq");
}

static void
s_tree (const json_t *trail, size_t at, int depth, int64_t zero_ns, zloom_buf_t *out)
{
    const json_t *stay = json_array_get (trail, at);
    s_stay_text (stay, depth, zero_ns, out);
    /* What came of it was stored after it, and stands behind it. */
    for (size_t i = at + 1; i < json_array_size (trail); i++) {
        if (s_is_from (json_array_get (trail, i), stay)) {
            s_tree (trail, i, depth < DEPTH_MAX ? depth + 1 : depth, zero_ns, out);
        }
    }
}

static bool
s_is_root (const json_t *trail, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (s_is_from (json_array_get (trail, at), json_array_get (trail, i))) {
            return false;
        }
    }
    return true;
}

void
zloom_trail_text (const json_t *trail, zloom_buf_t *out)
{
    size_t index = 0;
    const json_t *stay = NULL;
    json_array_foreach (trail, index, stay)
    {
        if (s_is_root (trail, index)) {
            char when[40];
            zloom_buf_printf (out, "%s, sent at %s\n", zloom_print_string (stay, "id"),
                              zloom_local_text (zloom_print_int (stay, "base_time"), when));
            s_tree (trail, index, 0, zloom_print_int (stay, "stored"), out);
        }
    }
}

bool
zloom_trail_has (const json_t *trail, const json_t *message)
{
    size_t index = 0;
    const json_t *stay = NULL;
    json_array_foreach (trail, index, stay)
    {
        if (strcmp (zloom_print_string (stay, "flow"), zloom_print_string (message, "flow")) == 0 &&
            zloom_print_int (stay, "seq") == zloom_print_int (message, "seq")) {
            return true;
        }
    }
    return false;
}
