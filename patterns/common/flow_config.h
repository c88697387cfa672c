/* SPDX-License-Identifier: MPL-2.0 */
/*
 * flow_config.h - what a recipe says of a flow, filled in by patterns/registry.c from the fields'
 * tables (.def). Patterns get it at their making and when it changes while they run.
 */
#ifndef ZLOOM_PATTERNS_COMMON_FLOW_CONFIG_H
#define ZLOOM_PATTERNS_COMMON_FLOW_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/types.h"

typedef enum {
    ZLOOM_ON_FULL_BLOCK,       /* credit stops */
    ZLOOM_ON_FULL_REJECT,      /* FULL to the sender */
    ZLOOM_ON_FULL_DROP_OLDEST, /* oldest ready ones go: to dead_letter if set, counted */
} zloom_on_full_t;

/* What becomes of a key's later messages when one of them fails; flows with a key only. */
typedef enum {
    ZLOOM_ORDER_SKIP,   /* they wait for its retries and go on once it is dead */
    ZLOOM_ORDER_STRICT, /* failures alone kill nothing: they wait until it is acked, rejected, or
                           skipped by hand */
    ZLOOM_ORDER_PARK,   /* once it is dead they follow it to the dead letters, until released */
} zloom_order_t;

#define ZLOOM_BACKOFF_MAX 16
#define ZLOOM_WEIGHTS_MAX 64

/* The lane of this key gets so many turns while others get one. */
typedef struct {
    const char *key;
    int64_t weight;
} zloom_weight_t;

/* A subscriber of a bus that the recipe names. */
typedef struct {
    const char *name;
    const char *const *patterns;
    size_t pattern_count; /* 0: everything */
    bool durable;         /* it exists from the flow's beginning, before anybody connects */
    zloom_on_slow_t on_slow;
    int64_t on_slow_value;
    zloom_from_t from;
    int64_t from_value;
    const char *on_slow_text; /* as the recipe says it: what on_slow and its value come from */
    const char *through;      /* as the recipe says it: the edge that it hears at; NULL: none */
} zloom_subscriber_config_t;

typedef struct {
    const char *name;
    const char *pattern;
    const char *key; /* where senders find the key: a JSON pointer; NULL: the flow has no keys */
    zloom_order_t order;
    zloom_weight_t weights[ZLOOM_WEIGHTS_MAX];
    size_t weight_count;
    int64_t aging_ns;        /* a message that waits so long gains one priority */
    int64_t expires_ns;      /* of messages that say nothing else; 0: never */
    bool dedup;              /* messages with an id that came lately are not stored again */
    unsigned dedup_by;       /* what the id is; there is one choice */
    int64_t dedup_window_ns; /* how long ids are remembered */
    int64_t dedup_max;       /* and how many of them at most */
    int64_t hold_ns;         /* after a boot: how long keys wait for those who held them before;
                                0: as long as the engine thinks right */
    zloom_confirm_t confirm;
    int64_t lease_ns;
    int64_t failures_max; /* allowed failures before a dead letter; >= 1 */
    int64_t backoff_ns[ZLOOM_BACKOFF_MAX];
    size_t backoff_count; /* the last value repeats; 0: no delay */
    int64_t jitter_ppm;
    const char *dead_letter; /* flow name, NULL: dropped with count after the last failure */
    int64_t limit_messages;  /* leases counted */
    int64_t limit_bytes;
    zloom_on_full_t on_full;
    int64_t requeues_max;   /* cap on requeues of one message from dead letters */
    int64_t exceptions_max; /* messages failed or delayed at one time */
    /* Of a bus: what may be published (none: all of it), what is kept beyond its use, who hears. */
    const char *const *topics;
    size_t topic_count;
    int64_t retain_age_ns; /* 0 of all three: nothing is kept beyond its use */
    int64_t retain_bytes;
    int64_t retain_messages;
    const zloom_subscriber_config_t *subscribers;
    size_t subscriber_count;
    /*
     * Of a bus: it is a copy, near to those who hear it, of one that lives on this router. Its
     * events come with the numbers that they have there, nobody sends to it, and it keeps nothing
     * for those who are away. NULL: it lives here.
     */
    const char *copy_of;
    bool copy_of_memory; /* ... in whose memory it is: each start begins with higher numbers */
} zloom_flow_config_t;

/* A copy with strings of its own, and what frees them. */
zloom_flow_config_t zloom_flow_config_copy (const zloom_flow_config_t *config);
void zloom_flow_config_fini (zloom_flow_config_t *config);
/* The topic of messages that name none: a bus's only one, if it is no pattern. NULL: none is. */
const char *zloom_flow_config_topic (const zloom_flow_config_t *config);

#endif
