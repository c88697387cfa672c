/* SPDX-License-Identifier: MPL-2.0 */
#include "view_json.h"

#include "base/clock.h"

static void
s_text (json_t *object, const char *name, const char *text)
{
    json_object_set_new (object, name, text[0] ? json_string (text) : json_null ());
}

static void
s_number (json_t *object, const char *name, int64_t number)
{
    json_object_set_new (object, name, json_integer (number));
}

json_t *
zloom_view_flow_json (const zloom_view_t *before, const zloom_view_t *now, const char *name)
{
    const zloom_view_flow_t *flow = zloom_view_flow (now, name);
    if (!flow) {
        return json_null ();
    }
    const zloom_view_rates_t rates = zloom_view_rates (before, now, name);
    json_t *object = json_object ();
    s_text (object, "name", flow->name);
    json_object_set_new (object, "in_rate", json_real (rates.in));
    json_object_set_new (object, "out_rate", json_real (rates.out));
    json_object_set_new (object, "failure_rate", json_real (rates.failing));
    json_object_set_new (object, "seconds", json_real (rates.seconds));
    s_number (object, "depth", zloom_view_depth (flow));
#define PUT_NUMBER(name) s_number (object, #name, flow->name);
    ZLOOM_VIEW_FLOW_MAP (PUT_NUMBER)
#undef PUT_NUMBER
    json_object_set_new (object, "full", json_boolean (zloom_view_full (flow)));
    json_object_set_new (object, "paused", json_boolean (flow->paused));
    json_object_set_new (object, "draining", json_boolean (flow->draining));
    return object;
}

static json_t *
s_report (const zloom_report_t *report)
{
    json_t *object = json_object ();
#define PUT_NUMBER(name, help) s_number (object, #name, (int64_t) report->name);
#define PUT_TEXT(name, help) s_text (object, #name, report->name);
    ZLOOM_REPORT_NUMBER_MAP (PUT_NUMBER)
    ZLOOM_REPORT_TEXT_MAP (PUT_TEXT)
#undef PUT_NUMBER
#undef PUT_TEXT
    return object;
}

static json_t *
s_names (char (*const names)[ZLOOM_VIEW_NAME], size_t count)
{
    json_t *array = json_array ();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new (array, json_string (names[i]));
    }
    return array;
}

json_t *
zloom_view_node_json (const zloom_view_t *before, const zloom_view_t *now, const char *name)
{
    const zloom_view_node_t *node = zloom_view_node (now, name);
    if (!node) {
        return json_null ();
    }
    json_t *object = json_object ();
    s_text (object, "name", node->name);
    s_text (object, "kind", node->role);
    s_text (object, "state", node->state);
    json_object_set_new (object, "connected", json_boolean (node->connected));
    json_object_set_new (object, "paused", json_boolean (node->paused));
    json_object_set_new (object, "done_rate", json_real (zloom_view_done (before, now, name)));
    s_number (object, "restarts", node->restarts);
    s_text (object, "last_end", node->end);
    json_object_set_new (object, "next_ms",
                         node->next_ms >= 0 ? json_integer (node->next_ms) : json_null ());
    json_object_set_new (object, "pid", node->pid > 0 ? json_integer (node->pid) : json_null ());
    json_object_set_new (object, "takes", s_names (node->takes, node->take_count));
    json_object_set_new (object, "gives", s_names (node->gives, node->give_count));
    s_number (object, "give_credit", node->give_credit);
    json_object_set_new (object, "report", node->reports ? s_report (&node->report) : json_null ());
    return object;
}

json_t *
zloom_view_json (const zloom_view_t *before, const zloom_view_t *now)
{
    json_t *object = json_object ();
    json_t *flows = json_array ();
    json_t *nodes = json_array ();
    json_object_set_new (
      object, "seconds",
      json_real ((double) (now->at_ns - before->at_ns) / (double) ZLOOM_NS_PER_S));
    const zloom_view_disks_t disks = zloom_view_disks (now);
    s_text (object, "router", now->router_count > 0 ? now->routers[0].name : "");
    json_object_set_new (object, "disk_full", json_boolean (disks.disk_full));
    s_number (object, "last_sync_ns", disks.last_sync_ns);
    s_number (object, "syncs", disks.syncs);
    for (size_t i = 0; i < now->flow_count; i++) {
        json_array_append_new (flows, zloom_view_flow_json (before, now, now->flows[i].name));
    }
    for (size_t i = 0; i < now->node_count; i++) {
        if (zloom_view_is_node (&now->nodes[i])) {
            json_array_append_new (nodes, zloom_view_node_json (before, now, now->nodes[i].name));
        }
    }
    json_object_set_new (object, "flows", flows);
    json_object_set_new (object, "nodes", nodes);
    return object;
}
