/* SPDX-License-Identifier: MPL-2.0 */
/*
 * trie.c - the tree. Children are found in one hash map over (parent, token), so a node with a
 * hundred thousand children costs no more than one with two. At each token a walk goes on at most
 * two ways, the token's own and `*`, and never visits a node that is not there.
 */
#include "patterns/bus/trie.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/tag.h"
#include "patterns/common/topics.h"
#include "wire/limits.h"

#define TRIE_TAG 0x5A547269u

typedef struct {
    uint32_t *who; /* rising */
    size_t count;
    size_t capacity;
} members_t;

typedef struct node {
    uint32_t number; /* stands in the keys of its children */
    uint32_t children;
    struct node *parent;
    struct node *star;  /* the child `*` */
    members_t here;     /* whose pattern ends here */
    members_t and_more; /* ... with `>` behind it */
    size_t key_size;
    uint8_t key[]; /* its own in the map: the parent's number, the token; of a `*`: none */
} node_t;

/* Of topics asked for: the younger half, and the older one, which goes when the younger is full. */
typedef struct {
    zloom_map_t *topics;
    size_t members;
} memory_t;

struct zloom_trie {
    uint32_t tag;
    node_t *root;
    zloom_map_t *children;
    uint32_t next_number;
    size_t nodes;
    memory_t young;
    memory_t old;
    members_t found; /* of the match under way */
};

/* ---- members --------------------------------------------------------------------------------- */

static size_t
s_place (const members_t *self, uint32_t who)
{
    size_t low = 0;
    size_t high = self->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (self->who[middle] < who) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void
s_add_member (members_t *self, uint32_t who)
{
    const size_t place = s_place (self, who);
    if (place < self->count && self->who[place] == who) {
        return;
    }
    zloom_grow (&self->who, &self->capacity, self->count + 1, sizeof *self->who);
    memmove (self->who + place + 1, self->who + place, (self->count - place) * sizeof *self->who);
    self->who[place] = who;
    self->count++;
}

static void
s_remove_member (members_t *self, uint32_t who)
{
    const size_t place = s_place (self, who);
    if (place == self->count || self->who[place] != who) {
        return;
    }
    self->count--;
    memmove (self->who + place, self->who + place + 1, (self->count - place) * sizeof *self->who);
}

static void
s_append_members (members_t *self, const members_t *more)
{
    zloom_grow (&self->who, &self->capacity, self->count + more->count, sizeof *self->who);
    if (more->count > 0) {
        memcpy (self->who + self->count, more->who, more->count * sizeof *self->who);
        self->count += more->count;
    }
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void
s_forget (memory_t *memory)
{
    void *set;
    for (size_t i = 0; zloom_map_next (memory->topics, &i, NULL, &set);) {
        free (set);
    }
    zloom_map_destroy (&memory->topics);
    memory->topics = zloom_map_new ();
    memory->members = 0;
}

static void
s_changed (zloom_trie_t *self)
{
    if (zloom_map_count (self->young.topics) > 0) {
        s_forget (&self->young);
    }
    if (zloom_map_count (self->old.topics) > 0) {
        s_forget (&self->old);
    }
}

/* What was found before stays, in the older half at worst. */
static void
s_remember (zloom_trie_t *self, zloom_bytes_t topic, zloom_trie_set_t *set)
{
    if (zloom_map_count (self->young.topics) >= ZLOOM_TRIE_TOPICS ||
        self->young.members >= ZLOOM_TRIE_MEMBERS) {
        const memory_t full = self->young;
        s_forget (&self->old);
        self->young = self->old;
        self->old = full;
    }
    zloom_map_put (self->young.topics, topic, set);
    self->young.members += set->count;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static bool
s_is (zloom_bytes_t token, char letter)
{
    return token.size == 1 && token.data[0] == (uint8_t) letter;
}

static zloom_bytes_t
s_key (const node_t *parent, zloom_bytes_t token, uint8_t *key)
{
    zloom_put_u32 (key, parent->number);
    memcpy (key + 4, token.data, token.size);
    return zloom_bytes (key, 4 + token.size);
}

static node_t *
s_child (const zloom_trie_t *self, const node_t *node, zloom_bytes_t token)
{
    uint8_t key[4 + ZLOOM_LIMIT_TOPIC_BYTES];
    return zloom_map_get (self->children, s_key (node, token, key));
}

static node_t *
s_new_node (zloom_trie_t *self, node_t *parent, zloom_bytes_t key)
{
    node_t *node = zloom_alloc (sizeof *node + key.size);
    node->number = self->next_number++;
    node->parent = parent;
    node->key_size = key.size;
    if (key.size > 0) {
        memcpy (node->key, key.data, key.size);
    }
    if (parent) {
        parent->children++;
    }
    self->nodes++;
    return node;
}

static node_t *
s_make_child (zloom_trie_t *self, node_t *node, zloom_bytes_t token)
{
    uint8_t key[4 + ZLOOM_LIMIT_TOPIC_BYTES];
    if (s_is (token, '*')) {
        if (!node->star) {
            node->star = s_new_node (self, node, zloom_bytes (key, 0));
        }
        return node->star;
    }
    const zloom_bytes_t bytes = s_key (node, token, key);
    node_t *child = zloom_map_get (self->children, bytes);
    if (!child) {
        child = s_new_node (self, node, bytes);
        zloom_map_put (self->children, bytes, child);
    }
    return child;
}

static void
s_free_node (node_t *node)
{
    free (node->here.who);
    free (node->and_more.who);
    free (node);
}

/* Nodes that nobody needs any more go, from the leaf upwards. */
static void
s_prune (zloom_trie_t *self, node_t *node)
{
    while (node->parent && node->children == 0 && node->here.count == 0 &&
           node->and_more.count == 0) {
        node_t *parent = node->parent;
        if (parent->star == node) {
            parent->star = NULL;
        } else {
            zloom_map_remove (self->children, zloom_bytes (node->key, node->key_size));
        }
        parent->children--;
        self->nodes--;
        s_free_node (node);
        node = parent;
    }
}

/* Stars stand in no map: they are freed from their parents, deepest first. */
static void
s_free_stars (node_t *node)
{
    node_t *star = node->star;
    while (star) { /* a chain at most as long as a pattern has tokens */
        node_t *next = star->star;
        s_free_node (star);
        star = next;
    }
}

/* ---- the tree -------------------------------------------------------------------------------- */

zloom_trie_t *
zloom_trie_new (void)
{
    zloom_trie_t *self = zloom_alloc (sizeof *self);
    self->tag = TRIE_TAG;
    self->children = zloom_map_new ();
    self->young.topics = zloom_map_new ();
    self->old.topics = zloom_map_new ();
    self->root = s_new_node (self, NULL, ZLOOM_BYTES_NULL);
    return self;
}

void
zloom_trie_destroy (zloom_trie_t **self_p)
{
    zloom_trie_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, TRIE_TAG);
    void *value;
    for (size_t i = 0; zloom_map_next (self->children, &i, NULL, &value);) {
        node_t *node = value;
        s_free_stars (node);
        s_free_node (node);
    }
    s_free_stars (self->root);
    s_free_node (self->root);
    zloom_map_destroy (&self->children);
    s_forget (&self->young);
    s_forget (&self->old);
    zloom_map_destroy (&self->young.topics);
    zloom_map_destroy (&self->old.topics);
    free (self->found.who);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

void
zloom_trie_add (zloom_trie_t *self, zloom_bytes_t pattern, uint32_t who)
{
    ZLOOM_CHECK (self, TRIE_TAG);
    node_t *node = self->root;
    zloom_bytes_t token;
    s_changed (self);
    while (zloom_topic_token (&pattern, &token)) {
        if (s_is (token, '>')) {
            s_add_member (&node->and_more, who);
            return;
        }
        node = s_make_child (self, node, token);
    }
    s_add_member (&node->here, who);
}

void
zloom_trie_remove (zloom_trie_t *self, zloom_bytes_t pattern, uint32_t who)
{
    ZLOOM_CHECK (self, TRIE_TAG);
    node_t *node = self->root;
    zloom_bytes_t token;
    s_changed (self);
    while (zloom_topic_token (&pattern, &token)) {
        if (s_is (token, '>')) {
            s_remove_member (&node->and_more, who);
            s_prune (self, node);
            return;
        }
        node = s_is (token, '*') ? node->star : s_child (self, node, token);
        if (!node) {
            return;
        }
    }
    s_remove_member (&node->here, who);
    s_prune (self, node);
}

/* ---- matching -------------------------------------------------------------------------------- */

/* A way that is still to be walked. */
typedef struct {
    const node_t *node;
    zloom_bytes_t rest;
} way_t;

static void
s_walk (zloom_trie_t *self, zloom_bytes_t topic)
{
    /* Each step takes one way and leaves at most one more, one token deeper. */
    way_t ways[ZLOOM_LIMIT_TOPIC_TOKENS + 2];
    size_t count = 0;
    ways[count++] = (way_t){self->root, topic};
    while (count > 0) {
        const way_t way = ways[--count];
        zloom_bytes_t rest = way.rest;
        zloom_bytes_t token;
        if (!zloom_topic_token (&rest, &token)) {
            s_append_members (&self->found, &way.node->here);
            continue;
        }
        s_append_members (&self->found, &way.node->and_more);
        const node_t *child = s_child (self, way.node, token);
        if (way.node->star) {
            ways[count++] = (way_t){way.node->star, rest};
        }
        if (child) {
            ways[count++] = (way_t){child, rest};
        }
    }
}

static int
s_by_number (const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *) a;
    const uint32_t y = *(const uint32_t *) b;
    return (x > y) - (x < y);
}

static zloom_trie_set_t *
s_find (zloom_trie_t *self, zloom_bytes_t topic)
{
    self->found.count = 0;
    s_walk (self, topic);
    const size_t count = self->found.count;
    if (count > 1) {
        qsort (self->found.who, count, sizeof *self->found.who, s_by_number);
    }
    zloom_trie_set_t *set = zloom_alloc (sizeof *set + count * sizeof *set->who);
    for (size_t i = 0; i < count; i++) {
        const uint32_t who = self->found.who[i];
        if (set->count == 0 || set->who[set->count - 1] != who) {
            set->who[set->count++] = who;
        }
    }
    return set;
}

const zloom_trie_set_t *
zloom_trie_match (zloom_trie_t *self, zloom_bytes_t topic)
{
    ZLOOM_CHECK (self, TRIE_TAG);
    zloom_trie_set_t *set = zloom_map_get (self->young.topics, topic);
    if (set) {
        return set;
    }
    set = zloom_map_remove (self->old.topics, topic);
    if (!set) {
        set = s_find (self, topic);
    }
    s_remember (self, topic, set);
    return set;
}

size_t
zloom_trie_nodes (const zloom_trie_t *self)
{
    ZLOOM_CHECK (self, TRIE_TAG);
    return self->nodes;
}
