/* SPDX-License-Identifier: MPL-2.0 */
#include "net/door.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"
#include "net/zap.h"

#define DOOR_TAG 0x5A4E6472u
#define LOG_NS ZLOOM_NS_PER_S

typedef struct {
    uint8_t bytes[ZLOOM_KEY_BYTES];
} curve_key_t;

struct zloom_door {
    uint32_t tag;
    char *name;
    char domain[32];
    /* All below is read by the thread that answers, and belongs to whoever holds the lock. */
    curve_key_t *keys; /* sorted */
    size_t count;
    uint64_t admitted;
    uint64_t refused;
    uint64_t untold; /* refused and not logged */
    int64_t told_ns; /* when the log had the last one; 0: never */
    zloom_door_t *next;
};

/* One ZAP handler is all that a context has: the doors of a process share it. */
static pthread_mutex_t s_life = PTHREAD_MUTEX_INITIALIZER; /* who opens and closes */
static pthread_mutex_t s_lock = PTHREAD_MUTEX_INITIALIZER; /* the list and the tables */
static zloom_door_t *s_doors;
static zloom_zap_t *s_zap;
static uint64_t s_number;

static void
s_take (pthread_mutex_t *lock)
{
    zloom_assert (pthread_mutex_lock (lock) == 0);
}

static void
s_give (pthread_mutex_t *lock)
{
    zloom_assert (pthread_mutex_unlock (lock) == 0);
}

static int
s_compare (const void *a, const void *b)
{
    return memcmp (a, b, ZLOOM_KEY_BYTES);
}

/* ---- asked by the thread -------------------------------------------------------------------- */

/* True when it is time for a line again; *count_p is how many it speaks of. */
static bool
s_tell (zloom_door_t *door, uint64_t *count_p)
{
    const int64_t now_ns = zloom_clock_mono_ns ();
    door->untold++;
    if (door->told_ns != 0 && now_ns - door->told_ns < LOG_NS) {
        return false;
    }
    *count_p = door->untold;
    door->untold = 0;
    door->told_ns = now_ns;
    return true;
}

/* Sockets of IPv6 write IPv4 behind this. */
static zloom_bytes_t
s_plain_address (zloom_bytes_t address)
{
    static const char mapped[] = "::ffff:";
    const size_t size = sizeof mapped - 1;
    return address.size > size && memcmp (address.data, mapped, size) == 0
             ? zloom_bytes (address.data + size, address.size - size)
             : address;
}

static bool
s_ask (void *arg, const zloom_zap_question_t *question)
{
    (void) arg;
    bool admitted = false;
    bool tell = false;
    uint64_t count = 0;
    char name[64] = "?";
    s_take (&s_lock);
    for (zloom_door_t *door = s_doors; door; door = door->next) {
        if (!zloom_bytes_equal (zloom_bytes_text (door->domain), question->domain)) {
            continue;
        }
        admitted = door->count > 0 && bsearch (question->key.data, door->keys, door->count,
                                               sizeof *door->keys, s_compare);
        door->admitted += admitted;
        door->refused += !admitted;
        tell = !admitted && s_tell (door, &count);
        (void) snprintf (name, sizeof name, "%s", door->name);
    }
    s_give (&s_lock);
    if (tell) {
        const zloom_bytes_t address = s_plain_address (question->address);
        char key[ZLOOM_KEY_CHARS + 1];
        zloom_assert (zmq_z85_encode (key, question->key.data, ZLOOM_KEY_BYTES));
        zloom_log (ZLOOM_LOG_WARN, "stranger",
                   "router=%s address=%.*s key=%s count=%llu: this key is in no entry of the fleet",
                   name, (int) address.size, (const char *) address.data, key,
                   (unsigned long long) count);
    }
    return admitted;
}

/* ---- life ----------------------------------------------------------------------------------- */

zloom_err_t
zloom_door_open (const char *name, zloom_door_t **self_p)
{
    *self_p = NULL;
    zloom_door_t *self = zloom_alloc (sizeof *self);
    self->tag = DOOR_TAG;
    self->name = zloom_strdup (name);
    s_take (&s_life);
    zloom_err_t err = s_zap ? ZLOOM_OK : zloom_zap_start (s_ask, NULL, &s_zap);
    if (err == ZLOOM_OK) {
        s_take (&s_lock);
        (void) snprintf (self->domain, sizeof self->domain, "zloom-%llu",
                         (unsigned long long) ++s_number);
        self->next = s_doors;
        s_doors = self;
        s_give (&s_lock);
        *self_p = self;
    }
    s_give (&s_life);
    if (err != ZLOOM_OK) {
        free (self->name);
        free (self);
    }
    return err;
}

void
zloom_door_close (zloom_door_t **self_p)
{
    zloom_assert (self_p);
    zloom_door_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, DOOR_TAG);
    *self_p = NULL;
    s_take (&s_life);
    s_take (&s_lock);
    for (zloom_door_t **at = &s_doors; *at; at = &(*at)->next) {
        if (*at == self) {
            *at = self->next;
            break;
        }
    }
    const bool last = !s_doors;
    s_give (&s_lock);
    if (last) {
        zloom_zap_stop (&s_zap);
    }
    s_give (&s_life);
    self->tag = ZLOOM_TAG_DEAD;
    free (self->keys);
    free (self->name);
    free (self);
}

zloom_err_t
zloom_door_allow (zloom_door_t *self, const char *const *keys, size_t count)
{
    ZLOOM_CHECK (self, DOOR_TAG);
    curve_key_t *fresh = zloom_alloc ((count + 1) * sizeof *fresh);
    for (size_t i = 0; i < count; i++) {
        const zloom_err_t err = zloom_key_decode (keys[i], fresh[i].bytes);
        if (err != ZLOOM_OK) {
            free (fresh);
            return err;
        }
    }
    qsort (fresh, count, sizeof *fresh, s_compare);
    s_take (&s_lock);
    curve_key_t *old = self->keys;
    self->keys = fresh;
    self->count = count;
    s_give (&s_lock);
    free (old);
    return ZLOOM_OK;
}

const char *
zloom_door_domain (const zloom_door_t *self)
{
    ZLOOM_CHECK (self, DOOR_TAG);
    return self->domain;
}

void
zloom_door_counts (const zloom_door_t *self, uint64_t *admitted, uint64_t *refused)
{
    ZLOOM_CHECK (self, DOOR_TAG);
    s_take (&s_lock);
    *admitted = self->admitted;
    *refused = self->refused;
    s_give (&s_lock);
}
