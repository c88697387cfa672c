/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A superblock slot with any content, in the place of one of a good log's. The input:
 *
 *   1 byte    1: magic, version, length, checksum and the log's key are right; else the rest is the
 *             file as it is.  2: it is slot.1, else slot.0.  4: the other slot cannot be read.
 *             8 (with 1): it is the newer one, else the older
 *   the rest  the slot's body, or the file
 *
 * What a slot tells is the same after it was written again. Where the slot makes no sense and the
 * other one is there, the log opens as if nothing had been, whichever it was; else it opens, or
 * says why not.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "journal/slot.h"
#include "log_life.h"

enum { RIGHT = 1, SECOND = 2, ALONE = 4, NEWER = 8 };

#define HEAD_BYTES 64u

static const uint8_t s_magic[4] = {'Z', 'L', 'S', '1'};
static zloom_simdisk_t *s_good;
static zloom_life_t s_whole; /* what the good log gives */
static zloom_slot_t s_slots[2];

static void
s_make_good (void)
{
    zloom_life_files_t files = {.count = 0};
    s_good = zloom_life_good_log (&files);
    for (size_t i = 0; i < files.count; i++) {
        free (files.items[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        zloom_assert (zloom_slot_read (zloom_simdisk_vfs (s_good), ZLOOM_LIFE_DIRECTORY, i,
                                       &s_slots[i]) == ZLOOM_OK);
    }
    zloom_simdisk_t *disk = zloom_simdisk_copy (s_good);
    zloom_assert (zloom_life_live (disk, &s_whole) == ZLOOM_OK);
    zloom_assert (s_whole.holes == 0);
    zloom_simdisk_destroy (&disk);
}

/* A slot of the good log around this body; free it. */
static uint8_t *
s_around (const uint8_t *body, size_t size, uint8_t how)
{
    const zloom_slot_t *old = &s_slots[0];
    const uint64_t older =
      s_slots[0].generation < s_slots[1].generation ? s_slots[0].generation : s_slots[1].generation;
    uint8_t *slot = zloom_alloc (HEAD_BYTES + size);
    memcpy (slot, s_magic, sizeof s_magic);
    zloom_put_u16 (slot + 4, ZLOOM_FORMAT_VERSION);
    zloom_put_u16 (slot + 6, HEAD_BYTES);
    memcpy (slot + 8, old->key.id, sizeof old->key.id);
    zloom_put_u64 (slot + 24, old->key.secret);
    zloom_put_u64 (slot + 32, how & NEWER ? older + 2 : older - 1);
    zloom_put_u32 (slot + 40, (uint32_t) size);
    if (size > 0) {
        memcpy (slot + HEAD_BYTES, body, size);
    }
    zloom_life_hold_slot (slot, HEAD_BYTES + size);
    return slot;
}

/* What was read is read again from what it is written as. */
static void
s_check_again (const zloom_slot_t *slot)
{
    zloom_slot_t again;
    zloom_buf_t first = {0};
    zloom_buf_t second = {0};
    for (size_t i = 0; i < slot->flow_count; i++) {
        const char *name = slot->flows[i].name;
        zloom_assert (slot->flows[i].number < ZLOOM_FLOWS_MOST);
        zloom_assert (!name || strlen (name) <= ZLOOM_FLOW_NAME_BYTES);
    }
    zloom_slot_encode (slot, &first);
    zloom_assert (zloom_slot_decode (zloom_buf_bytes (&first), &again) == ZLOOM_OK);
    zloom_slot_encode (&again, &second);
    zloom_assert (first.size == second.size && memcmp (first.data, second.data, first.size) == 0);
    zloom_slot_fini (&again);
    zloom_buf_fini (&first);
    zloom_buf_fini (&second);
}

/* Put it into the log: with what writes slots, in the file that is there already. */
static void
s_place (zloom_simdisk_t *disk, uint8_t how, zloom_bytes_t slot)
{
    const unsigned which = how & SECOND ? 1 : 0;
    char *path = zloom_slot_path (ZLOOM_LIFE_DIRECTORY, which);
    char *other = zloom_slot_path (ZLOOM_LIFE_DIRECTORY, 1 - which);
    zloom_simdisk_cut (disk, path, 0);
    if (how & ALONE) {
        zloom_simdisk_cut (disk, other, 0);
    }
    zloom_assert (zloom_slot_write (zloom_simdisk_vfs (disk), ZLOOM_LIFE_DIRECTORY, which, slot) ==
                  ZLOOM_OK);
    free (path);
    free (other);
}

static void
s_try (const uint8_t *data, size_t size, uint8_t how)
{
    zloom_slot_t slot;
    zloom_life_t life;
    zloom_simdisk_t *disk = zloom_simdisk_copy (s_good);
    s_place (disk, how, zloom_bytes (data, size));
    const zloom_err_t read =
      zloom_slot_read (zloom_simdisk_vfs (disk), ZLOOM_LIFE_DIRECTORY, how & SECOND ? 1 : 0, &slot);
    if (!read) {
        s_check_again (&slot);
    }
    zloom_slot_fini (&slot);
    const zloom_err_t err = zloom_life_try (disk, read != ZLOOM_OK, &life);
    if (read == ZLOOM_MALFORMED && !(how & ALONE)) {
        zloom_assert (err == ZLOOM_OK && life.holes == 0 && life.last_flow == s_whole.last_flow);
        zloom_assert (memcmp (life.end, s_whole.end, sizeof life.end) == 0);
    }
    if (read == ZLOOM_VERSION) {
        zloom_assert (err == ZLOOM_VERSION);
    }
    if (read && (how & ALONE)) {
        zloom_assert (err != ZLOOM_OK);
    }
    zloom_simdisk_destroy (&disk);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (!s_good) {
        s_make_good ();
    }
    if (size < 1) {
        return 0;
    }
    if (data[0] & RIGHT) {
        uint8_t *slot = s_around (data + 1, size - 1, data[0]);
        s_try (slot, HEAD_BYTES + size - 1, data[0]);
        free (slot);
    } else {
        s_try (data + 1, size - 1, data[0]);
    }
    return 0;
}
