/* SPDX-License-Identifier: MPL-2.0 */
/* commands.c - the tables behind help and parsing. */
#include "commands.h"

#define STATE_OPTION                                                            \
    {                                                                           \
        "state", 0, "DIR", "the topology's state folder (default: by its name)" \
    }
#define SET_OPTION                                                                   \
    {                                                                                \
        "set", 0, "NAME=VALUE", "set a param of the recipe; may stand several times" \
    }
/* Of commands that run nodes. */
#define HOST_OPTIONS                                                                              \
    {"fleet", 0, "FILE", "the fleet that places the recipe's nodes on hosts"},                    \
      {"host", 0, "NAME", "which of its hosts this one is"},                                      \
    {                                                                                             \
        "keys", 0, "DIR", "where this host's key is (default: $ZLOOM_KEYS, ~/.config/zloom/keys)" \
    }
/* Of commands that go to a router. */
#define ROAD_OPTIONS                                                                        \
    {"fleet", 0, "FILE", "go to the router of this fleet, on another host ($ZLOOM_FLEET)"}, \
      {"as", 0, "NAME", "with --fleet: the key to come with ($ZLOOM_AS)"},                  \
    {                                                                                       \
        "keys", 0, "DIR", "where that key is (default: $ZLOOM_KEYS, ~/.config/zloom/keys)"  \
    }
#define OUTPUT_OPTION                                \
    {                                                \
        "output", 'o', "FORM", "text, json or jsonl" \
    }
#define LOG_SIZE_OPTION                                                                    \
    {                                                                                      \
        "log-size", 0, "SIZE", "when a log file is full; four older ones are kept (16MiB)" \
    }
#define METRICS_OPTION                                                           \
    {                                                                            \
        "metrics", 0, "ADDRESS",                                                 \
          "answer /metrics and /healthz there: PORT (this machine) or HOST:PORT" \
    }
#define LAST_OPTION         \
    {                       \
        NULL, 0, NULL, NULL \
    }

static const zloom_option_t s_help_options[] = {
  {"all", 'a', NULL, "every command, also the rarer ones"}, OUTPUT_OPTION, LAST_OPTION};

static const zloom_option_t s_version_options[] = {OUTPUT_OPTION, LAST_OPTION};

static const zloom_option_t s_recipe_options[] = {SET_OPTION, OUTPUT_OPTION, LAST_OPTION};

static const zloom_option_t s_choose_options[] = {
  {"answers", 0, "LIST", "QUESTION=ANSWER, with commas between them; nothing is asked then"},
  {"recipe", 0, NULL, "only the recipe"},
  OUTPUT_OPTION,
  LAST_OPTION};

static const zloom_option_t s_patterns_options[] = {OUTPUT_OPTION, LAST_OPTION};

static const zloom_option_t s_new_options[] = {
  {"worker", 'w', "LANGUAGE", "what the worker is written in: python (default), js, sh or c"},
  {"name", 0, "NAME", "of the recipe (default: the first pattern's)"},
  {"dir", 0, "DIR", "where to (default: a folder of the recipe's name)"},
  OUTPUT_OPTION,
  LAST_OPTION};

static const zloom_option_t s_lint_options[] = {
  SET_OPTION,
  {"fleet", 0, "FILE", "check this fleet, too, and the recipe that it names"},
  STATE_OPTION,
  OUTPUT_OPTION,
  {"env", 0, NULL, "also look for programs, files and folders"},
  {"all", 'a', NULL, "show warnings that the recipe allows, too"},
  LAST_OPTION};

static const zloom_option_t s_run_options[] = {
  STATE_OPTION,
  HOST_OPTIONS,
  SET_OPTION,
  {"threads", 0, NULL, "the nodes as threads of this one process, wired over inproc"},
  {"until-idle", 0, NULL, "stop when pollers are done and no work is left"},
  {"grace", 0, "DURATION", "how long a drain may take (default 30s)"},
  {"logs", 0, NULL, "write all logs and stdout to the state folder, for `zloom logs`"},
  LOG_SIZE_OPTION,
  {"ready-fd", 0, "FD", "write a newline to this descriptor when all nodes serve"},
  METRICS_OPTION,
  LAST_OPTION};

static const zloom_option_t s_up_options[] = {
  STATE_OPTION,
  HOST_OPTIONS,
  SET_OPTION,
  {"grace", 0, "DURATION", "how long its drain may take, when it goes down (default 30s)"},
  {"timeout", 't', "DURATION", "how long to wait until all serve (default 60s)"},
  LOG_SIZE_OPTION,
  METRICS_OPTION,
  OUTPUT_OPTION,
  LAST_OPTION};

static const zloom_option_t s_wait_options[] = {
  STATE_OPTION,
  {"ready", 0, NULL, "until all nodes serve or have done their work (default)"},
  {"idle", 0, NULL, "until pollers are done, too, and no work is left"},
  {"down", 0, NULL, "until all has stopped"},
  {"timeout", 't', "DURATION", "how long to wait (default: for ever)"},
  LAST_OPTION};

#define NODE_OR_FLOW_OPTIONS                                                             \
    {"node", 0, NULL, "the node of that name, where there is a flow of that name, too"}, \
    {                                                                                    \
        "flow", 0, NULL, "the flow of that name"                                         \
    }

static const zloom_option_t s_pause_options[] = {STATE_OPTION, NODE_OR_FLOW_OPTIONS, OUTPUT_OPTION,
                                                 LAST_OPTION};

static const zloom_option_t s_resume_options[] = {
  STATE_OPTION,
  NODE_OR_FLOW_OPTIONS,
  {"timeout", 't', "DURATION", "how long to wait for nodes that start again (default: for ever)"},
  OUTPUT_OPTION,
  LAST_OPTION};

static const zloom_option_t s_drain_options[] = {
  STATE_OPTION,
  NODE_OR_FLOW_OPTIONS,
  {"timeout", 't', "DURATION", "how long to wait until it is done (default: for ever)"},
  OUTPUT_OPTION,
  LAST_OPTION};

static const zloom_option_t s_scale_options[] = {
  STATE_OPTION,
  {"timeout", 't', "DURATION", "how long to wait until it is done (default: for ever)"},
  OUTPUT_OPTION,
  LAST_OPTION};

static const zloom_option_t s_logs_options[] = {
  STATE_OPTION,
  {"follow", 'f', NULL, "go on with what comes, until the topology is down"},
  {"lines", 'n', "N", "the last N lines (default 100, with --since all)"},
  {"since", 0, "WHEN", "from then on: 10m (ago), 14:05, 2026-11-28T14:05:00Z"},
  OUTPUT_OPTION,
  LAST_OPTION};

static const zloom_option_t s_down_options[] = {
  STATE_OPTION,
  {"grace", 0, "DURATION", "how long the drain may take (default: what it was started with)"},
  {"now", 0, NULL, "stop at once instead of draining; nothing confirmed is lost"},
  OUTPUT_OPTION,
  LAST_OPTION};

static const zloom_option_t s_ps_options[] = {STATE_OPTION, OUTPUT_OPTION, LAST_OPTION};

static const zloom_option_t s_expand_options[] = {SET_OPTION, OUTPUT_OPTION, LAST_OPTION};

static const zloom_option_t s_graph_options[] = {
  SET_OPTION, {"output", 'o', "FORM", "text, dot, mermaid, json or jsonl"}, LAST_OPTION};

static const zloom_option_t s_schema_options[] = {
  {"fragment", 0, NULL, "of a file that `use:` takes in, instead of a recipe"}, LAST_OPTION};

static const zloom_option_t s_test_options[] = {
  {"case", 'c', "NAME", "this case alone; several times for several"},
  SET_OPTION,
  {"output", 'o', "FORM", "text, tap (version 14), junit (XML), json or jsonl"},
  LAST_OPTION};

static const zloom_option_t s_node_options[] = {
  STATE_OPTION,
  HOST_OPTIONS,
  SET_OPTION,
  {"replica", 0, "N", "which replica of a node that has several (default 1)"},
  {"unit", 0, "NAME", "what its process is called (default: the node, or NODE.N of several)"},
  {"runtime", 0, "DIR", "folder of the sockets (default: by the topology's name)"},
  {"ready-fd", 0, "FD", "write a newline to this descriptor when the node serves"},
  LAST_OPTION};

static const zloom_option_t s_send_options[] = {
  STATE_OPTION,
  ROAD_OPTIONS,
  {"file", 'f', "FILE", "each line of FILE is a message; - is stdin"},
  {"key", 'k', "KEY", "the key of every message (default: from its body, where the flow says)"},
  {"topic", 0, "TOPIC", "what every event is about; for a bus, as in order.eu.paid"},
  {"in", 0, "DURATION", "not to be handed out before so long from now"},
  {"at", 0, "TIME", "not before then: 14:05 (the next), 2026-11-28T14:05 (here), ...T14:05:00Z"},
  {"expires", 0, "DURATION", "worthless after so long: handed to nobody from then on"},
  {"priority", 'p', "N", "0 to 9, 9 goes first"},
  {"id", 0, "ID", "the message's own id: a flow with dedup takes it once (one BODY)"},
  {"trace", 0, NULL, "keep what becomes of it, over all flows: zloom trace shows it"},
  {"name", 0, "NAME", "the producer's name: what it has sent already is not sent again"},
  {"timeout", 't', "DURATION", "how long to wait for confirms (default 30s)"},
  {"output", 'o', "FORM", "text, json or jsonl: what was sent, on stdout, with its ids"},
  LAST_OPTION};

static const zloom_option_t s_tap_options[] = {
  STATE_OPTION,
  ROAD_OPTIONS,
  {"count", 'n', "N", "stop after N messages"},
  {"topic", 0, "PATTERN", "of a bus: only events about this, as in order.* or order.>"},
  {"waiting", 'w', NULL, "what waits in the flow now, then stop"},
  OUTPUT_OPTION,
  LAST_OPTION};

static const zloom_option_t s_dlq_options[] = {
  STATE_OPTION,
  ROAD_OPTIONS,
  {"reason", 'r', "WORD", "only dead letters of this reason (rejected, failures, crash, ...)"},
  {"id", 0, "ID", "only the dead letter with this id (producer/number)"},
  {"max", 'n', "N", "at most N dead letters"},
  {"rate", 0, "N", "requeue at most N a second"},
  {"dry-run", 0, NULL, "say what would be done, change nothing"},
  {"yes", 'y', NULL, "purge without asking"},
  OUTPUT_OPTION,
  LAST_OPTION};

static const zloom_option_t s_flow_options[] = {
  STATE_OPTION,
  ROAD_OPTIONS,
  {"key", 'k', "KEY", "release: the key that is to go on"},
  {"retry", 0, NULL, "release: try the message that failed again (default)"},
  {"skip", 0, NULL, "release: the message that failed goes to the dead letters"},
  {"max", 'n', "N", "parked: at most N keys"},
  OUTPUT_OPTION,
  LAST_OPTION};

static const zloom_option_t s_group_options[] = {
  STATE_OPTION,
  ROAD_OPTIONS,
  {"yes", 'y', NULL, "drop: what waits for it is lost, and that is meant"},
  OUTPUT_OPTION,
  LAST_OPTION};

static const zloom_option_t s_stats_options[] = {STATE_OPTION, ROAD_OPTIONS, OUTPUT_OPTION,
                                                 LAST_OPTION};

static const zloom_option_t s_top_options[] = {
  STATE_OPTION,
  {"count", 'n', "N", "print N looks and stop; nothing is drawn"},
  {"interval", 0, "DURATION", "between two looks (default 1s)"},
  OUTPUT_OPTION,
  LAST_OPTION};

static const zloom_option_t s_trace_options[] = {
  STATE_OPTION,
  ROAD_OPTIONS,
  {"receipts", 0, NULL, "of a bus's event: what became of it at each durable subscriber"},
  OUTPUT_OPTION,
  LAST_OPTION};

static const zloom_option_t s_why_options[] = {
  STATE_OPTION,
  ROAD_OPTIONS,
  {"for", 0, "DURATION", "between the two looks (default 1s)"},
  {"timeout", 0, "DURATION", "how long a router may take to answer (default 1s, from afar 3s)"},
  OUTPUT_OPTION,
  LAST_OPTION};

static const zloom_option_t s_keys_options[] = {
  {"keys", 0, "DIR", "the folder of keys (default: $ZLOOM_KEYS, ~/.config/zloom/keys)"},
  {"fleet", 0, "FILE", "with status: which of them the fleet knows, and what they may do"},
  OUTPUT_OPTION,
  LAST_OPTION};

static const zloom_option_t s_doctor_options[] = {OUTPUT_OPTION, LAST_OPTION};

const zloom_command_t zloom_commands[] = {
#define ZLOOM_COMMAND(name, group, words, usage, summary, first, options, text) \
    {#name, group, words, usage, summary, first, zloom_cmd_##name, options, text},
#include "commands.def"
#undef ZLOOM_COMMAND
  {NULL, NULL, 0, NULL, NULL, false, NULL, NULL, NULL}};
