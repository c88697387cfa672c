/* SPDX-License-Identifier: MPL-2.0 */
/*
 * trie.h - who wants a topic: patterns as a tree of tokens, so that a match costs by the topic's
 * depth and not by the number of patterns; and in front of it a bounded memory of topics that were
 * asked for, since most events are about few of them. A change of the patterns empties that memory.
 *
 * Who is a small number, given by the caller; one that has several patterns is found once.
 */
#ifndef ZLOOM_PATTERNS_BUS_TRIE_H
#define ZLOOM_PATTERNS_BUS_TRIE_H

#include "base/bytes.h"

/* Topics remembered, and members of their sets together, at most; twice of each for a while. */
#define ZLOOM_TRIE_TOPICS 8192u
#define ZLOOM_TRIE_MEMBERS (1024u * 1024)

typedef struct zloom_trie zloom_trie_t;

typedef struct {
    uint32_t count;
    uint32_t who[]; /* rising */
} zloom_trie_set_t;

zloom_trie_t *zloom_trie_new (void);
void zloom_trie_destroy (zloom_trie_t **self_p);
/* The pattern is checked (topics.h). The same one added twice by one counts once. */
void zloom_trie_add (zloom_trie_t *self, zloom_bytes_t pattern, uint32_t who);
/* What was not added is no error. */
void zloom_trie_remove (zloom_trie_t *self, zloom_bytes_t pattern, uint32_t who);
/* Who wants this topic, which is checked. Holds until the call after the next one. */
const zloom_trie_set_t *zloom_trie_match (zloom_trie_t *self, zloom_bytes_t topic);
/* Nodes of the tree, for tests of what remains. */
size_t zloom_trie_nodes (const zloom_trie_t *self);

#endif
