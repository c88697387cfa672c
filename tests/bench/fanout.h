/* SPDX-License-Identifier: MPL-2.0 */
/*
 * fanout.h - one publisher, many subscribers, over roads that are measured alike: what they have in
 * common is fanout.c's (processes, numbers, times), what differs is a road.
 */
#ifndef ZLOOM_TESTS_BENCH_FANOUT_H
#define ZLOOM_TESTS_BENCH_FANOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A key as libzmq writes it: 40 characters and a zero. */
#define FANOUT_KEY_BYTES 41

typedef struct {
    const char *where; /* what stands behind the road's name: "ipc", a port, an endpoint */
    size_t bytes;      /* of each message */
    size_t per_frame;  /* messages that leave together, where the road knows frames */
    char topic[64];
    /* For the road "proxy": subscribers come with keys (CURVE), these are its own. */
    bool keyed;
    char public_key[FANOUT_KEY_BYTES], secret_key[FANOUT_KEY_BYTES];
    /* The rest is for the road "zloom". */
    const char *hear_at; /* where subscribers go, if not where the publisher does */
    size_t topics;       /* 0: the one topic; else so many in turn, and rare ones between them */
    size_t wild;         /* subscriptions with wildcards beside those that hear */
    const char *stalled; /* what becomes of a subscriber beside them that reads nothing */
} fanout_plan_t;

/* What is beside those that hear calls this when it is there. */
typedef void (fanout_ready_fn) (void *arg);
/* Whoever receives calls this for each message; false: that was the last. */
typedef bool (fanout_heard_fn) (void *arg, const uint8_t *body, size_t size);

typedef struct {
    const char *name;
    /* Before anybody else is there; runs in a process of its own until it is killed. NULL: none. */
    void (*middle) (const fanout_plan_t *plan);
    void *(*open) (const fanout_plan_t *plan); /* the publisher's end */
    void (*publish) (void *self, const uint8_t *body, size_t size);
    void (*flush) (void *self); /* what was published is on its way */
    /* Publisher's, between two messages of a paced run: until then it may do what it has to. */
    void (*rest) (void *self, int64_t until_ns);
    void (*close) (void *self);
    /* A subscriber: hears until `heard` has enough. */
    void (*hear) (const fanout_plan_t *plan, fanout_heard_fn *heard, void *arg);
    /* Processes beside them, until they are killed. NULL: the road has none. */
    size_t (*beside_count) (const fanout_plan_t *plan);
    void (*beside) (const fanout_plan_t *plan, size_t index, fanout_ready_fn *ready, void *arg);
} fanout_road_t;

extern const fanout_road_t fanout_zloom, fanout_proxy, fanout_nats;

/* Ends the process with a word when it is not so. */
void fanout_check (bool ok, const char *what);
int64_t fanout_now_ns (void);
/* A number of at least 1; ends the process when it is none. */
size_t fanout_number (const char *text);

#endif
