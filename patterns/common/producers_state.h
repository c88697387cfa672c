/* SPDX-License-Identifier: MPL-2.0 */
/* producers_state.h - what producers.c keeps, and producers_code.c writes and reads. */
#ifndef ZLOOM_PATTERNS_COMMON_PRODUCERS_STATE_H
#define ZLOOM_PATTERNS_COMMON_PRODUCERS_STATE_H

#include "base/map.h"
#include "base/tag.h"
#include "patterns/common/producers.h"

#define ZLOOM_PRODUCERS_TAG 0x5A516473u
#define ZLOOM_PRODUCER_TAG 0x5A516472u

typedef struct zloom_producer_entry zloom_producer_entry_t;

struct zloom_producer_entry {
    zloom_producer_t producer; /* first: a producer is its entry */
    uint32_t tag;
    uint8_t *name;
    size_t name_size;
    uint8_t *mark; /* NULL: none */
    size_t mark_size;
    char *owner; /* NULL: not known */
    int64_t used_wall_ns;
    bool passing;                  /* its name begins with '~' */
    zloom_producer_entry_t *older; /* named ones by last use, within their list */
    zloom_producer_entry_t *newer;
    uint64_t moved; /* in this group, if it is to be recorded again */
    zloom_producer_entry_t
      *told_after; /* the ring of those, by how long they wait; NULL: not in it */
    zloom_producer_entry_t *told_before;
};

/* Named producers by last use: those that may come back, and those that only pass. */
typedef struct {
    zloom_producer_entry_t *oldest;
    zloom_producer_entry_t *newest;
    int64_t idle_ns; /* forgotten after */
} zloom_producer_list_t;

enum { ZLOOM_PRODUCERS_LASTING, ZLOOM_PRODUCERS_PASSING, ZLOOM_PRODUCERS_LISTS };

struct zloom_producers {
    uint32_t tag;
    zloom_map_t *named;
    zloom_idmap_t *sessions; /* the producer of each session that has sent */
    zloom_producer_list_t lists[ZLOOM_PRODUCERS_LISTS];
    zloom_producer_entry_t
      *untold; /* the one that waits longest; before it in the ring: the newest */
    size_t untold_count;
};

#endif
