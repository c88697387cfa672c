/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_scale.c - `scale`: more or fewer replicas of a worker, while it runs. */
#include "commands.h"

#include "base/units.h"
#include "steer.h"

#include <stdio.h>

static int
s_scale (zloom_steer_t *self, int64_t replicas)
{
    json_t *answer = NULL;
    int code = zloom_control_ask (
      &self->control, "scale",
      json_pack ("{s:s, s:I}", "node", self->name, "replicas", (json_int_t) replicas),
      ZLOOM_CLI_WAIT_MS, &answer);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    const int64_t were = zloom_print_int (answer, "were");
    json_decref (answer);
    code = zloom_steer_wait (self, "ready", self->name);
    char text[160];
    (void) snprintf (text, sizeof text,
                     "has %lld replicas, had %lld; that ends with this run: `replicas:` in the "
                     "recipe stays",
                     (long long) replicas, (long long) were);
    return code ? code : zloom_steer_done (self, "replicas", replicas, text);
}

int
zloom_cmd_scale (zloom_cli_t *cli)
{
    const char *word = zloom_cli_word (cli, 1, "N");
    int64_t replicas = 0;
    if (!word) {
        return ZLOOM_EXIT_USAGE;
    }
    if (zloom_parse_int (word, &replicas) != ZLOOM_OK || replicas < 0) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "N is a whole number, not '%s'", word);
    }
    zloom_steer_t steer;
    int code = zloom_steer_open (cli, ZLOOM_STEER_NODE, &steer);
    if (code == ZLOOM_EXIT_OK && steer.is_flow) {
        code = zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "'%s' is a flow: workers have replicas",
                              steer.name);
    }
    code = code ? code : s_scale (&steer, replicas);
    zloom_steer_close (&steer);
    return code;
}
