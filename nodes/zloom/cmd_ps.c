/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_ps.c - `ps`: the processes of a topology, as its supervisor sees them. */
#include "commands.h"

#include "base/clock.h"
#include "base/units.h"
#include "control.h"

/* "-" for what is not known; else in whole seconds above ten of them. */
static const char *
s_time (const json_t *unit, const char *name, char text[48])
{
    const json_t *value = json_object_get (unit, name);
    if (!json_is_integer (value)) {
        return "-";
    }
    const int64_t ms = json_integer_value (value);
    return zloom_duration_text ((ms >= 10000 ? ms / 1000 * 1000 : ms) * ZLOOM_NS_PER_MS, text);
}

static const char *
s_memory (const json_t *unit, char text[48])
{
    const json_t *value = json_object_get (unit, "memory_bytes");
    if (!json_is_integer (value)) {
        return "-";
    }
    const json_int_t bytes = json_integer_value (value);
    const int64_t mib = 1024 * 1024;
    return zloom_size_text (bytes > mib ? bytes / mib * mib : bytes, text);
}

static void
s_line (zloom_buf_t *out, const json_t *unit)
{
    char up[48];
    char next[48];
    char memory[48];
    char pid[24] = "-";
    if (json_is_integer (json_object_get (unit, "pid"))) {
        (void) snprintf (pid, sizeof pid, "%lld", (long long) zloom_print_int (unit, "pid"));
    }
    zloom_buf_printf (out, "%-20s %-9s %-9s %8s %10s %8lld %9s  %s",
                      zloom_print_string (unit, "unit"), zloom_print_string (unit, "kind"),
                      zloom_print_string (unit, "state"), pid, s_time (unit, "up_ms", up),
                      (long long) zloom_print_int (unit, "restarts"), s_memory (unit, memory),
                      json_is_string (json_object_get (unit, "last_end"))
                        ? zloom_print_string (unit, "last_end")
                        : "-");
    if (json_is_integer (json_object_get (unit, "next_ms"))) {
        zloom_buf_printf (out, ", again in %s", s_time (unit, "next_ms", next));
    }
    zloom_buf_add_text (out, "\n");
}

static int
s_print (const zloom_cli_t *cli, json_t *answer, zloom_output_t output)
{
    json_object_del (answer, "ok");
    if (output == ZLOOM_OUTPUT_JSON) {
        return zloom_print_json (cli, json_incref (answer), true);
    }
    const json_t *nodes = json_object_get (answer, "nodes");
    size_t index = 0;
    json_t *unit = NULL;
    if (output == ZLOOM_OUTPUT_JSONL) {
        int code = ZLOOM_EXIT_OK;
        json_array_foreach (nodes, index, unit)
        {
            code = code ? code : zloom_print_json (cli, json_incref (unit), false);
        }
        return code;
    }
    zloom_buf_t out = {0};
    zloom_print_flatten (answer);
    zloom_buf_printf (&out, "%-20s %-9s %-9s %8s %10s %8s %9s  %s\n", "node", "kind", "state",
                      "pid", "up", "restarts", "memory", "last end");
    json_array_foreach (nodes, index, unit)
    {
        s_line (&out, unit);
    }
    zloom_buf_printf (
      &out, "\n%s is %s, supervisor %lld%s\n", zloom_print_string (answer, "topology"),
      zloom_print_string (answer, "phase"), (long long) zloom_print_int (answer, "pid"),
      json_is_true (json_object_get (answer, "threads")) ? ", nodes are its threads" : "");
    int code = zloom_cli_print (cli, zloom_buf_bytes (&out));
    zloom_buf_fini (&out);
    return code;
}

int
zloom_cmd_ps (zloom_cli_t *cli)
{
    zloom_output_t output = ZLOOM_OUTPUT_TEXT;
    if (!zloom_cli_output (cli, &output)) {
        return ZLOOM_EXIT_USAGE;
    }
    zloom_control_t control;
    int code = zloom_control_open (cli, cli->word_count ? cli->words[0] : NULL, &control);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    json_t *answer = NULL;
    code = zloom_control_ask (&control, "ps", NULL, ZLOOM_CLI_WAIT_MS, &answer);
    if (code == ZLOOM_EXIT_OK) {
        code = s_print (cli, answer, output);
        json_decref (answer);
    }
    zloom_control_close (&control);
    return code;
}
