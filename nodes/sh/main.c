/* SPDX-License-Identifier: MPL-2.0 */
/*
 * zloom-sh - what zloom.sh cannot do itself: frames (docs/workers.md). Called by its functions, a
 * process each; what has to last lies in two files without a name that the shell holds open:
 *
 *     descriptors 3, 4   from and to the node
 *     descriptor 5       the message's body
 *     descriptor 6       what its handler has said so far: emits, and at most one verdict
 *
 *     zloom-sh ready              READY: one message at a time; then the node's HELLO is read
 *     zloom-sh next [STATUS]      DONE for the message before, whose handler ended so; then
 *                                 wait for a message, and print what is known of it for `eval`
 *     zloom-sh emit [--WORD=…]… [--] [VALUE]
 *     zloom-sh progress [SECONDS]
 *     zloom-sh retry TEXT [SECONDS]
 *     zloom-sh reject TEXT
 *
 * Exit codes of next: 0 a message, 1 there are no more, 2 the node cannot be understood.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sh.h"

int
main (int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run) (int count, char **words);
    } commands[] = {
      {"ready", zloom_sh_ready},       {"next", zloom_sh_next},   {"emit", zloom_sh_emit},
      {"progress", zloom_sh_progress}, {"retry", zloom_sh_retry}, {"reject", zloom_sh_reject},
    };
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++) {
        if (strcmp (commands[i].name, argv[1]) == 0) {
            return commands[i].run (argc - 2, argv + 2);
        }
    }
    fprintf (stderr, "zloom-sh: called by zloom.sh, not by hand\n");
    return ZLOOM_SH_BROKEN;
}
