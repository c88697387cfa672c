/* SPDX-License-Identifier: MPL-2.0 */
/*
 * memory.c - each allocation fails once: zloom's own, and those inside of the libraries that it
 * uses. Here an end is good, too, when
 *
 *   the process aborted and said that memory ran out,
 *   or a library ended the process by itself: libfyaml and libpgm (which libzmq loads) crash where
 *     their memory fails, libzmq stops at an assertion, and nothing around them can change that.
 */
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "harness.h"
#include "subjects.h"

void *__libc_malloc (size_t size);
void *__libc_calloc (size_t count, size_t size);
void *__libc_realloc (void *old, size_t size);
void *__libc_memalign (size_t alignment, size_t size);

static atomic_long s_left;   /* allocations until the one that fails */
static atomic_bool s_armed;  /* they count */
static atomic_bool s_failed; /* it was met */

static bool
s_fails (void)
{
    if (!atomic_load (&s_armed) || atomic_fetch_sub (&s_left, 1) != 1) {
        return false;
    }
    atomic_store (&s_failed, true);
    errno = ENOMEM;
    return true;
}

void *
malloc (size_t size)
{
    return s_fails () ? NULL : __libc_malloc (size);
}

void *
calloc (size_t count, size_t size)
{
    return s_fails () ? NULL : __libc_calloc (count, size);
}

void *
realloc (void *old, size_t size)
{
    return s_fails () ? NULL : __libc_realloc (old, size);
}

void *
aligned_alloc (size_t alignment, size_t size)
{
    return s_fails () ? NULL : __libc_memalign (alignment, size);
}

void *
memalign (size_t alignment, size_t size)
{
    return aligned_alloc (alignment, size);
}

int
posix_memalign (void **memory, size_t alignment, size_t size)
{
    *memory = aligned_alloc (alignment, size);
    return *memory ? 0 : ENOMEM;
}

/* ---- for the harness ------------------------------------------------------------------------- */

static void
s_arm (long nth)
{
    atomic_store (&s_failed, false);
    atomic_store (&s_left, nth);
}

static void
s_count (bool on)
{
    atomic_store (&s_armed, on);
}

static bool
s_met (void)
{
    return atomic_load (&s_failed);
}

int
main (int argc, char **argv)
{
    static const harness_t harness = {.subjects = memory_subjects,
                                      .subject_count = &memory_subject_count,
                                      .arm = s_arm,
                                      .count = s_count,
                                      .met = s_met,
                                      .may_end = true};
    return harness_main (&harness, argc, argv);
}
