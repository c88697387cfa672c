/* SPDX-License-Identifier: MPL-2.0 */
#include "launch/metrics.h"

#include "base/memory.h"
#include "wire/attrs.h"
#include "wire/cursor.h"
#include "wire/limits.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- text ----------------------------------------------------------------------------------- */

/* A backslash and a newline end a line or a text; a quote ends a label's value only. */
static void
s_escape (zloom_buf_t *out, zloom_bytes_t text, bool quotes)
{
    const bool utf8 = zloom_bytes_is_utf8 (text);
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t byte = text.data[i];
        if (byte == '\\') {
            zloom_buf_add_text (out, "\\\\");
        } else if (byte == '\n') {
            zloom_buf_add_text (out, "\\n");
        } else if (byte == '"' && quotes) {
            zloom_buf_add_text (out, "\\\"");
        } else if (byte >= 0x80 && !utf8) {
            zloom_buf_add_text (out, "?");
        } else {
            zloom_buf_add (out, &byte, 1);
        }
    }
}

void
zloom_metrics_family (zloom_buf_t *out, const char *name, zloom_metric_type_t type,
                      const char *help)
{
    zloom_buf_printf (out, "# HELP %s ", name);
    s_escape (out, zloom_bytes_text (help), false);
    zloom_buf_printf (out, "\n# TYPE %s %s\n", name,
                      type == ZLOOM_METRIC_COUNTER ? "counter" : "gauge");
}

/* Whole numbers exactly, as far as a double has them. */
static void
s_value (zloom_buf_t *out, double value)
{
    const bool whole = value >= -9007199254740992.0 && value <= 9007199254740992.0 &&
                       value == (double) (int64_t) value;
    if (whole) {
        zloom_buf_printf (out, " %lld\n", (long long) value);
    } else {
        zloom_buf_printf (out, " %.15g\n", value);
    }
}

void
zloom_metrics_sample (zloom_buf_t *out, const char *name, const zloom_label_t *labels,
                      size_t label_count, double value)
{
    zloom_buf_add_text (out, name);
    for (size_t i = 0; i < label_count; i++) {
        zloom_buf_printf (out, "%s%s=\"", i ? "," : "{", labels[i].name);
        s_escape (out, labels[i].value, true);
        zloom_buf_add_text (out, "\"");
    }
    zloom_buf_add_text (out, label_count ? "}" : "");
    s_value (out, value);
}

/* ---- what the router counts ----------------------------------------------------------------- */

typedef enum { WHERE_FLOW, WHERE_JOURNAL, WHERE_REPORT, WHERE_COUNT } s_where_t;

static const struct {
    s_where_t where;
    const char *field;
    const char *name;
    zloom_metric_type_t type;
    double divisor;
    const char *help;
} s_metrics[] = {
#define ZLOOM_METRIC(where, field, name, type, divisor, help) \
    {WHERE_##where, #field, name, ZLOOM_METRIC_##type, divisor, help},
#include "launch/metrics.def"
#undef ZLOOM_METRIC
};

/* A map of numbers, and who it is about (unset: nobody in particular). */
typedef struct {
    zloom_bytes_t owner;
    zloom_bytes_t map;
} s_entry_t;

typedef struct {
    s_entry_t *entries;
    size_t count, capacity;
} s_list_t;

static void
s_add (s_list_t *list, zloom_bytes_t owner, zloom_bytes_t map)
{
    zloom_grow (&list->entries, &list->capacity, list->count + 1, sizeof *list->entries);
    list->entries[list->count++] = (s_entry_t){owner, map};
}

/* Programs come and go under drawn names: each would leave series behind. */
static bool
s_is_node (zloom_bytes_t session)
{
    static const char *const roles[] = {"worker", "sink", "poller"};
    zloom_attr_t role;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (zloom_attrs_find (session, "role", &role) &&
            zloom_bytes_equal (role.bytes, zloom_bytes_text (roles[i]))) {
            return true;
        }
    }
    return false;
}

/* A flow, or a session of which only the report is wanted. */
static void
s_read_entry (zloom_bytes_t map, bool session, s_list_t *list)
{
    zloom_attr_t name;
    zloom_attr_t report;
    if (!zloom_attrs_find (map, "name", &name) || name.type != ZLOOM_TYPE_STR) {
        return;
    }
    if (!session) {
        s_add (list, name.bytes, map);
    } else if (s_is_node (map) && zloom_attrs_find (map, "report", &report) &&
               report.type == ZLOOM_TYPE_MAP) {
        s_add (list, name.bytes, report.bytes);
    }
}

static void
s_read_list (zloom_cursor_t *cursor, bool session, s_list_t *list)
{
    const uint32_t count = zloom_cursor_array (cursor, UINT16_MAX);
    for (uint32_t i = 0; i < count && cursor->err == ZLOOM_OK; i++) {
        const zloom_bytes_t map = zloom_cursor_raw (cursor);
        if (cursor->err == ZLOOM_OK) {
            s_read_entry (map, session, list);
        }
    }
}

/* One answer: a map of which "flows", "sessions" and "journal" are known here. */
static void
s_read_answer (zloom_cursor_t *cursor, s_list_t *lists)
{
    zloom_bytes_t router = ZLOOM_BYTES_NULL;
    const uint32_t pairs = zloom_cursor_map (cursor, UINT16_MAX);
    for (uint32_t i = 0; i < pairs && cursor->err == ZLOOM_OK; i++) {
        const zloom_bytes_t name = zloom_cursor_text (cursor, ZLOOM_LIMIT_NAME_BYTES);
        const bool list = zloom_cursor_type (cursor) == ZLOOM_TYPE_ARRAY;
        if (list && zloom_bytes_equal (name, zloom_bytes_text ("flows"))) {
            s_read_list (cursor, false, &lists[WHERE_FLOW]);
        } else if (list && zloom_bytes_equal (name, zloom_bytes_text ("sessions"))) {
            s_read_list (cursor, true, &lists[WHERE_REPORT]);
        } else if (zloom_bytes_equal (name, zloom_bytes_text ("journal"))) {
            s_add (&lists[WHERE_JOURNAL], router, zloom_cursor_raw (cursor));
        } else if (zloom_bytes_equal (name, zloom_bytes_text ("router"))) {
            router = zloom_cursor_text (cursor, ZLOOM_LIMIT_NAME_BYTES);
        } else {
            zloom_cursor_raw (cursor);
        }
    }
}

static void
s_show (zloom_buf_t *out, size_t row, const s_list_t *list)
{
    static const char *const names[] = {
      [WHERE_FLOW] = "flow", [WHERE_JOURNAL] = "router", [WHERE_REPORT] = "unit"};
    const char *label = names[s_metrics[row].where];
    /* A journal that is the only one needs no name. */
    const bool labelled = s_metrics[row].where != WHERE_JOURNAL || list->count > 1;
    bool begun = false;
    for (size_t i = 0; i < list->count; i++) {
        zloom_attr_t value;
        const zloom_label_t labels[] = {{label, list->entries[i].owner}};
        if (!zloom_attrs_find (list->entries[i].map, s_metrics[row].field, &value) ||
            (value.type != ZLOOM_TYPE_INT && value.type != ZLOOM_TYPE_BOOL)) {
            /* A report leaves out what is 0: then the series is 0, too. */
            if (s_metrics[row].where != WHERE_REPORT) {
                continue;
            }
            value.number = 0;
        }
        if (!begun) {
            zloom_metrics_family (out, s_metrics[row].name, s_metrics[row].type,
                                  s_metrics[row].help);
            begun = true;
        }
        zloom_metrics_sample (out, s_metrics[row].name, labels, labelled ? 1 : 0,
                              (double) value.number / s_metrics[row].divisor);
    }
}

void
zloom_metrics_stats (zloom_buf_t *out, zloom_bytes_t answers)
{
    s_list_t lists[WHERE_COUNT] = {{NULL, 0, 0}};
    zloom_cursor_t cursor = zloom_cursor (answers);
    while (cursor.err == ZLOOM_OK && zloom_cursor_left (&cursor) > 0) {
        s_read_answer (&cursor, lists);
    }
    for (size_t row = 0; row < sizeof s_metrics / sizeof *s_metrics; row++) {
        s_show (out, row, &lists[s_metrics[row].where]);
    }
    for (size_t i = 0; i < WHERE_COUNT; i++) {
        free (lists[i].entries);
    }
}
