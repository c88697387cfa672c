/* SPDX-License-Identifier: MPL-2.0 */
/* sh.h - the commands of zloom-sh (main.c): those of the node's side, and those of a handler. */
#ifndef ZLOOM_SH_H
#define ZLOOM_SH_H

#include "base/bytes.h"
#include "base/error.h"

enum {
    ZLOOM_SH_OK = 0,
    ZLOOM_SH_END = 1,
    ZLOOM_SH_BROKEN = 2,
};

enum {
    ZLOOM_SH_FROM_NODE = 3,
    ZLOOM_SH_TO_NODE = 4,
    ZLOOM_SH_BODY = 5,
    ZLOOM_SH_SAID = 6,
};

/* A handler's verdicts, as in frames. */
enum {
    ZLOOM_SH_ACK = 0,
    ZLOOM_SH_RETRY = 1,
    ZLOOM_SH_REJECT = 2,
};

int zloom_sh_ready (int count, char **words);
int zloom_sh_next (int count, char **words);
int zloom_sh_emit (int count, char **words);
int zloom_sh_progress (int count, char **words);
int zloom_sh_retry (int count, char **words);
int zloom_sh_reject (int count, char **words);

/* Write all of it; false with a word on stderr. */
bool zloom_sh_write (int fd, zloom_bytes_t bytes);
/* Read to the end; false with a word on stderr, also when there is more than `most`. */
bool zloom_sh_read_all (int fd, size_t most, zloom_buf_t *out);
/* A frame: its length, then the array. */
bool zloom_sh_say (const zloom_buf_t *array);

#endif
