/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A log whose bytes were changed, with checksums that hold again: only so do changes reach what
 * lies behind the checksums. The input:
 *
 *   1 byte    what is made to hold again: 1 payloads, 2 group headers, 4 superblock slots
 *   n edits   file (u8, by name), offset (u24), what (u8), and with it
 *             0x80: cut the file there
 *             0x40: to the block there comes again what stands somewhere else, 1 to 32 blocks of
 *                   it (low 5 bits): file (u8), block (u8)
 *             else: 0 to 31 bytes (low 5 bits) of what follows
 *
 * The log opens, or says why not. One that opened takes a message, gives back what it can read, and
 * opens again, with that message; the verifier can look at each.
 */
#include "log_life.h"

enum { HOLD_SLOTS = 4 };
enum { CUT = 0x80, REPEAT = 0x40, EDIT_HEAD_BYTES = 5, EDIT_MOST_BYTES = 31 };

static zloom_simdisk_t *s_good;
static zloom_life_files_t s_files;

/* What stands in one place comes once more in another: a disk that writes to a wrong one. */
static void
s_repeat (zloom_simdisk_t *disk, uint8_t *content, size_t size, size_t offset, const uint8_t *edit)
{
    size_t from_size = 0;
    const char *from_path = s_files.items[edit[EDIT_HEAD_BYTES] % s_files.count];
    const uint8_t *from = zloom_simdisk_content (disk, from_path, &from_size);
    size_t bytes = (1 + (size_t) edit[4] % (EDIT_MOST_BYTES + 1)) * ZLOOM_BLOCK_BYTES;
    const size_t to = offset % size / ZLOOM_BLOCK_BYTES * ZLOOM_BLOCK_BYTES;
    const size_t at = (size_t) edit[EDIT_HEAD_BYTES + 1] * ZLOOM_BLOCK_BYTES;
    if (at >= from_size) {
        return;
    }
    bytes = bytes < size - to ? bytes : size - to;
    bytes = bytes < from_size - at ? bytes : from_size - at;
    memmove (content + to, from + at, bytes);
}

static void
s_edit (zloom_simdisk_t *disk, zloom_bytes_t input)
{
    size_t at = 1;
    while (input.size - at >= EDIT_HEAD_BYTES) {
        const uint8_t *edit = input.data + at;
        const char *path = s_files.items[edit[0] % s_files.count];
        size_t offset = edit[1] | (size_t) edit[2] << 8 | (size_t) edit[3] << 16;
        size_t count = edit[4] % (EDIT_MOST_BYTES + 1);
        size_t size = 0;
        at += EDIT_HEAD_BYTES;
        uint8_t *content = zloom_simdisk_content (disk, path, &size);
        if (size == 0) {
            continue;
        }
        if (edit[4] >= CUT) {
            zloom_simdisk_cut (disk, path, offset % size);
            continue;
        }
        if (edit[4] >= REPEAT) {
            if (input.size - at >= 2) {
                s_repeat (disk, content, size, offset, edit);
                at += 2;
            }
            continue;
        }
        for (size_t i = 0; i < count && at < input.size; i++) {
            content[(offset + i) % size] = input.data[at++];
        }
    }
}

/* Make the checksums right that the edits broke. */
static void
s_hold (zloom_simdisk_t *disk, uint8_t what)
{
    for (size_t i = 0; i < s_files.count; i++) {
        size_t size = 0;
        uint8_t *content = zloom_simdisk_content (disk, s_files.items[i], &size);
        for (size_t at = 0; at + ZLOOM_GROUP_HEADER_BYTES <= size; at += ZLOOM_BLOCK_BYTES) {
            if (memcmp (content + at, "ZLG1", 4) == 0) {
                zloom_life_hold_group (content + at, size - at, what);
            }
        }
        if ((what & HOLD_SLOTS) && size >= 4 && memcmp (content, "ZLS1", 4) == 0) {
            zloom_life_hold_slot (content, size);
        }
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    zloom_life_t life;
    if (!s_good) {
        s_good = zloom_life_good_log (&s_files);
    }
    if (size < 1) {
        return 0;
    }
    zloom_simdisk_t *disk = zloom_simdisk_copy (s_good);
    s_edit (disk, zloom_bytes (data, size));
    s_hold (disk, data[0]);
    (void) zloom_life_try (disk, data[0] == 0, &life);
    zloom_simdisk_destroy (&disk);
    return 0;
}
