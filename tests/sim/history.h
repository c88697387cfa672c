/* SPDX-License-Identifier: MPL-2.0 */
/* history.h - the checker from the inside: messages, places, and the two files that judge them. */
#ifndef ZLOOM_TESTS_SIM_HISTORY_H
#define ZLOOM_TESTS_SIM_HISTORY_H

#include "base/map.h"
#include "checker.h"

typedef struct {
    sim_flow_t flow;
    uint32_t producer;
    uint64_t id;                /* 0: emitted by a step */
    uint64_t source;            /* the step's input; 0: none */
    uint32_t size;              /* of the body */
    char key[4];                /* empty: none */
    char own_id[4];             /* empty: none */
    int64_t due_ms, expires_ms; /* from its sending on; -1: not said */
    int priority;               /* -1: not said */
    int64_t heard_ns;
    bool told;    /* confirmed at the router's mouth */
    bool excused; /* may be lost: memory flow over a stop, damaged disk */
    const char *never;
    /* counted anew by each census */
    uint32_t live;
    uint32_t ended; /* left for good: acked, dropped, purged */
    uint32_t emits; /* places of what its step emitted */
    bool known;     /* its producer's state says that it was taken */
} sim_message_t;

/* What a holder asked for. */
typedef struct {
    zloom_token_t token;
    zloom_route_t route;
    zloom_verdict_t verdict;
    bool step;
    bool late;       /* of a lease from an earlier boot: taken only while nobody else holds it */
    int64_t back_ns; /* RETRY: from when on it may come again, if this is taken */
    int64_t wall_ns; /* how the wall clock stood to the other one */
} sim_ask_t;

/* Where a place is, beside the reasons why a message leaves. */
#define SIM_THERE 0
#define SIM_REQUEUED 7  /* moved by hand */
#define SIM_NOWHERE 255 /* what brought it was lost in a crash */
#define SIM_REASONS 8

typedef struct {
    sim_flow_t flow;
    uint64_t seq;
    uint64_t number; /* of the message */
    uint64_t group;  /* that brought it */
    int64_t stored_wall_ns, stored_offset_ns;
    int64_t due_wall_ns, expires_wall_ns; /* 0: not said */
    uint8_t rank;
    bool back;      /* its settlement, or that it had been passed, was lost in a crash */
    bool passed;    /* it had expired in this life, and a later one of its key went */
    bool unordered; /* moved in from elsewhere, handed out unsaid, or back after a crash */
    uint8_t left;   /* zloom_settle_reason_t, or SIM_REQUEUED; SIM_THERE */
    uint8_t now;    /* the same, or SIM_NOWHERE, as the last look found it */
    uint64_t left_group;
    bool told_gone; /* its settlement was told */
    uint32_t deliveries;
    uint32_t bad_ends; /* leases that may have been charged */
    zloom_token_t bad; /* under which a failure was said last: once more is no other failure */
    uint32_t failures; /* that were told */
    int64_t wait_ns;   /* from when on it may come again; 0: it does not wait */
    int64_t wall_ns;   /* how the wall clock stood to the other one when that was asked for */
    bool rejected;
    bool unfailed; /* it is dead since it expired, or overflowed */
    /* Group that was open when a later one of its key went, while it was on its way out; 0: none */
    uint64_t overtaken;
    bool leased;
    bool started;
    bool released;       /* or rejected, and no answer yet: the router may not have read it */
    zloom_token_t token; /* the newest */
    zloom_route_t route;
    int64_t deadline_ns;
    sim_ask_t *asks; /* of those who held it in this life, oldest first */
    size_t ask_count, ask_capacity;
} sim_place_t;

typedef struct {
    zloom_idmap_t *by_seq;
    sim_place_t **places; /* in the order of their coming */
    size_t count, capacity;
    uint32_t number; /* in its journal */
    bool disk;
    bool by_hand;
    uint64_t highs[SIM_PRODUCERS]; /* of each producer, the highest id that is stored */
    bool odd; /* its disk was damaged or put back: why messages left is not known any more */
    size_t first_there;       /* of places: those before have left */
    zloom_idmap_t *first_ids; /* producer -> highest id delivered first */
} sim_books_t;

struct sim_checker {
    sim_ground_t *ground;
    zloom_engine_t *engine;  /* of this life; NULL: none */
    sim_message_t *messages; /* number - 1 */
    size_t count, capacity;
    sim_books_t flows[SIM_FLOWS];
    bool freed;      /* keys by hand */
    int order;       /* of the keys in orders; SIM_NO_KEYS */
    bool timed;      /* keyed orders are due later, and expire, like those of SIM_TIMED */
    uint64_t boot;   /* random part of the newest token */
    uint64_t *boots; /* of all lives that the disk knows of, oldest first */
    size_t boot_count, boot_capacity;
    bool excused;
    uint64_t stopped_durable; /* at the end of the last life */
    zloom_arena_t arena;
    sim_counts_t counts;
};

sim_message_t *sim_message (const sim_checker_t *self, uint64_t number);
sim_place_t *sim_place (const sim_checker_t *self, sim_flow_t flow, uint64_t seq);
/* The newest place of a message in its own flow. */
sim_place_t *sim_last_place (const sim_checker_t *self, sim_flow_t flow, uint64_t number);
bool sim_same_token (zloom_token_t a, zloom_token_t b);
/* The newest ask of that token and route; NULL: it never held it. */
const sim_ask_t *sim_place_ask (const sim_place_t *place, zloom_token_t token, zloom_route_t route);
void sim_place_free (sim_place_t *place);
/* The flow in this life's engine, or NULL. */
const zloom_hosted_t *sim_hosted (const sim_checker_t *self, sim_flow_t flow);
/* The key of an order, or NULL. */
const char *sim_place_key (const sim_checker_t *self, const sim_place_t *place);
/* Whether it has expired, or may have, by a clock that has jumped since. */
bool sim_place_expired (const sim_checker_t *self, const sim_place_t *place);
/* Whether orders lets its oldest go when it is full. */
bool sim_orders_drop (const sim_checker_t *self);
/* Whether this engine has it on its way to the dead letters. */
bool sim_place_moves (const sim_place_t *place, const zloom_hosted_t *hosted);
/* It was given back, with no answer, and its lease may have run out before anybody read that. */
bool sim_place_ran_out (const sim_checker_t *self, const sim_place_t *place);
/* Another place of SIM_ONCE with the same id, that the last look found: this one is not needed. */
const sim_place_t *sim_twin (const sim_checker_t *self, const sim_message_t *message);
/* order.c: whether a delivery, an ack, the end of a lease and a storing keep what is promised. */
void sim_order_delivered (sim_checker_t *self, const sim_place_t *place, zloom_route_t route);
void sim_order_acked (sim_checker_t *self, const sim_place_t *place);
void sim_order_stored (sim_checker_t *self, const sim_place_t *place);
void sim_order_swallowed (sim_checker_t *self, const sim_message_t *message);
/* Its key's earlier messages came back, or failed: it is taken from its holder, who hears so. */
bool sim_order_recalls (const sim_checker_t *self, const sim_place_t *place);
/* Read a body: its number when it is whole and was sent, else 0. */
uint64_t sim_body_number (const sim_checker_t *self, zloom_bytes_t body);
/* See in every flow of an engine that has just opened where each place is, and judge that. */
void sim_look_found (sim_checker_t *self, const zloom_engine_t *engine);
/* What is stored of each producer. */
void sim_look_ids (sim_checker_t *self, const zloom_engine_t *engine);
/* The places are where this history has them. */
void sim_look_told (sim_checker_t *self);
/* Count where every message is, as the last look found it. */
void sim_census (sim_checker_t *self, bool with_memory);
/* Q9: the books of every flow balance, and agree with the last look. */
void sim_check_books (sim_checker_t *self, const zloom_engine_t *engine, bool with_memory);
uint64_t sim_durable (const sim_checker_t *self);

#endif
