/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The bytes on disk against golden samples: tests/data/journal/group-v1.bin and slot-v1.bin. When
 * one of these tests fails, the format has changed: see docs/journal.md for what that takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/tag.h"
#include "journal/group.h"
#include "journal/index.h"
#include "journal/slot.h"

static zloom_log_key_t
s_key (void)
{
    zloom_log_key_t key = {.secret = UINT64_C (0x1122334455667788)};
    for (uint8_t i = 0; i < 16; i++) {
        key.id[i] = (uint8_t) (0xA0 + i);
    }
    return key;
}

/* Read a sample, or write it when ZLOOM_GOLDEN=write stands in the environment. */
static zloom_bytes_t
s_sample (const char *name, zloom_bytes_t made)
{
    char *path = zloom_format ("%s/journal/%s", ZLOOM_TEST_DATA, name);
    if (getenv ("ZLOOM_GOLDEN")) {
        FILE *out = fopen (path, "wb");
        assert_non_null (out);
        assert_int_equal (fwrite (made.data, 1, made.size, out), made.size);
        assert_int_equal (fclose (out), 0);
    }
    FILE *in = fopen (path, "rb");
    assert_non_null (in);
    uint8_t *data = zloom_alloc (64 * 1024);
    size_t size = fread (data, 1, 64 * 1024, in);
    assert_int_equal (fclose (in), 0);
    free (path);
    return zloom_bytes (data, size);
}

/* One group with a pack, a settlement and an attesting record. */
static void
s_make_group (zloom_buf_t *out, zloom_group_header_t *header)
{
    zloom_log_key_t key = s_key ();
    zloom_group_t group = {.number = 42};
    zloom_blob_t *blob = zloom_blob_new ("the payload of a pack", 21);
    zloom_record_t pack = {.type = ZLOOM_RECORD_PACK,
                           .critical = true,
                           .flow = 3,
                           .seq = 1000,
                           .count = 2,
                           .head = zloom_bytes_text ("head"),
                           .payload = zloom_blob_bytes (blob)};
    zloom_record_t settle = {.type = ZLOOM_RECORD_SETTLE,
                             .critical = true,
                             .flow = 3,
                             .group = 7,
                             .head = zloom_bytes_text ("ranges")};
    zloom_record_t attest = {.type = ZLOOM_RECORD_ATTEST};
    zloom_group_add (&group, &pack, blob);
    zloom_group_add (&group, &settle, NULL);
    zloom_group_add (&group, &attest, NULL);
    zloom_blob_unref (&blob);
    *header = (zloom_group_header_t){
      .place = {0, 9, 8192},
      .boot = {5, UINT64_C (0x0102030405060708)},
      .attested = 41,
      .previous_crc = 0xCAFEBABE,
      .wall_ns = INT64_C (1700000000123456789),
    };
    zloom_gather_t gather = zloom_group_finish (&group, &key, header);
    for (size_t i = 0; i < gather.count; i++) {
        zloom_buf_add_bytes (out, gather.parts[i]);
    }
    zloom_group_fini (&group);
}

static void
test_golden_group (void **state)
{
    (void) state;
    zloom_buf_t made = {0};
    zloom_group_header_t header;
    s_make_group (&made, &header);
    assert_int_equal (made.size, ZLOOM_BLOCK_BYTES);
    zloom_bytes_t sample = s_sample ("group-v1.bin", zloom_buf_bytes (&made));
    assert_int_equal (sample.size, made.size);
    assert_memory_equal (sample.data, made.data, made.size);

    zloom_log_key_t key = s_key ();
    zloom_group_header_t read;
    zloom_place_t place = {0, 9, 8192};
    assert_true (zloom_group_header_decode (sample.data, &key, &place, &read));
    assert_int_equal (read.number, 42);
    assert_int_equal (read.records, 3);
    assert_int_equal (read.attested, 41);
    assert_int_equal (read.previous_crc, 0xCAFEBABE);
    assert_int_equal (read.boot.counter, 5);
    assert_int_equal (read.wall_ns, INT64_C (1700000000123456789));
    zloom_bytes_t directory =
      zloom_bytes (sample.data + ZLOOM_GROUP_HEADER_BYTES, read.directory_bytes);
    assert_true (zloom_group_header_holds (sample.data, directory));
    zloom_record_reader_t reader = zloom_record_reader (directory);
    zloom_entry_t entry;
    assert_true (zloom_entry_next (&reader, &entry));
    assert_int_equal (entry.type, ZLOOM_RECORD_PACK);
    assert_true (entry.critical);
    assert_int_equal (entry.seq, 1000);
    assert_true (zloom_bytes_equal (entry.head, zloom_bytes_text ("head")));
    zloom_bytes_t payload = zloom_entry_payload (&entry, &read, sample);
    assert_true (zloom_bytes_equal (payload, zloom_bytes_text ("the payload of a pack")));
    assert_true (zloom_entry_next (&reader, &entry));
    assert_int_equal (entry.group, 7);
    assert_true (zloom_entry_next (&reader, &entry));
    assert_false (entry.critical);
    assert_false (zloom_entry_next (&reader, &entry));
    assert_false (reader.bad);
    free ((void *) (uintptr_t) sample.data);
    zloom_buf_fini (&made);
}

static void
test_header_belongs_to_one_log_and_one_place (void **state)
{
    (void) state;
    zloom_buf_t made = {0};
    zloom_group_header_t header;
    s_make_group (&made, &header);
    zloom_log_key_t key = s_key ();
    zloom_place_t places[] = {{0, 10, 8192}, {0, 9, 4096}, {3, 9, 8192}, {0, 9, 8192}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal (zloom_group_header_decode (made.data, &key, &places[i], &header), i == 3);
    }
    key.secret++;
    assert_false (zloom_group_header_decode (made.data, &key, &places[3], &header));
    key = s_key ();
    key.id[15]++;
    assert_false (zloom_group_header_decode (made.data, &key, &places[3], &header));
    zloom_buf_fini (&made);
}

static void
test_directory_cut_anywhere_is_bad_not_read_over (void **state)
{
    (void) state;
    zloom_buf_t made = {0};
    zloom_group_header_t header;
    s_make_group (&made, &header);
    zloom_assert (made.data);
    for (size_t size = 0; size < header.directory_bytes; size++) {
        uint8_t *exact = zloom_alloc (size); /* so that a sanitizer sees one byte too many */
        memcpy (exact, made.data + ZLOOM_GROUP_HEADER_BYTES, size);
        zloom_record_reader_t reader = zloom_record_reader (zloom_bytes (exact, size));
        zloom_entry_t entry;
        unsigned count = 0;
        while (zloom_entry_next (&reader, &entry)) {
            count++;
        }
        assert_true (count < 3);
        assert_true (reader.bad || size == 0 || reader.at == size);
        free (exact);
    }
    zloom_buf_fini (&made);
}

static void
s_make_slot (zloom_buf_t *out)
{
    zloom_slot_segment_t segments[2] = {{4, 65536, 100, 77}, {5, 65536, 130, 78}};
    zloom_place_t slices[2] = {{0, 5, 4096}, {0, 5, 12288}};
    char name[] = "orders";
    zloom_slot_flow_t flows[2] = {{.border = 120, .border_segment = 5},
                                  {.number = 1,
                                   .name = name,
                                   .end = 5000,
                                   .border = 131,
                                   .border_segment = 5,
                                   .bytes = 900,
                                   .slices = slices,
                                   .slice_count = 2}};
    zloom_flow_end_t ends[1] = {{1, 4000}};
    zloom_slot_boot_t boots[2] = {{.boot = {1, 11}},
                                  {.boot = {2, 22}, .ends = ends, .end_count = 1}};
    zloom_slot_t slot = {.key = s_key (),
                         .generation = 17,
                         .durable = 140,
                         .segment_bytes = 65536,
                         .start = 5,
                         .segments = segments,
                         .segment_count = 2,
                         .flows = flows,
                         .flow_count = 2,
                         .boots = boots,
                         .boot_count = 2};
    zloom_slot_encode (&slot, out);
}

static void
test_golden_slot (void **state)
{
    (void) state;
    zloom_buf_t made = {0};
    s_make_slot (&made);
    zloom_bytes_t sample = s_sample ("slot-v1.bin", zloom_buf_bytes (&made));
    assert_int_equal (sample.size, made.size);
    assert_memory_equal (sample.data, made.data, made.size);
    zloom_slot_t slot;
    assert_int_equal (zloom_slot_decode (sample, &slot), ZLOOM_OK);
    assert_int_equal (slot.generation, 17);
    assert_int_equal (slot.start, 5);
    assert_int_equal (slot.segments[1].first_group, 130);
    assert_string_equal (slot.flows[1].name, "orders");
    assert_int_equal (slot.flows[1].slices[1].offset, 12288);
    assert_int_equal (slot.boots[1].ends[0].end, 4000);
    zloom_slot_fini (&slot);
    free ((void *) (uintptr_t) sample.data);
    zloom_buf_fini (&made);
}

static void
test_slot_with_any_byte_changed_or_cut_is_refused (void **state)
{
    (void) state;
    zloom_buf_t made = {0};
    s_make_slot (&made);
    for (size_t at = 0; at < made.size; at++) {
        zloom_slot_t slot;
        made.data[at] ^= 4;
        assert_int_equal (zloom_slot_decode (zloom_buf_bytes (&made), &slot), ZLOOM_MALFORMED);
        zloom_slot_fini (&slot);
        made.data[at] ^= 4;
        assert_int_equal (zloom_slot_decode (zloom_bytes (made.data, at), &slot), ZLOOM_MALFORMED);
        zloom_slot_fini (&slot);
    }
    zloom_buf_fini (&made);
}

/* Whatever the index says is live is asked for; here the numbers from `arg` on are. */
static uint64_t
s_live_from (void *arg, uint64_t first, uint64_t last)
{
    uint64_t from = *(const uint64_t *) arg;
    first = first > from ? first : from;
    return first > last ? 0 : last - first + 1;
}

static void
test_index_finds_forgets_and_replaces (void **state)
{
    (void) state;
    zloom_index_t index = {0};
    for (uint64_t i = 0; i < 100; i++) {
        zloom_extent_t extent = {.first = 10 * i + 1,
                                 .last = 10 * i + 8,
                                 .segment = 1 + i / 10,
                                 .offset = (uint32_t) (4096 * (i % 10)),
                                 .bytes = 5};
        zloom_index_append (&index, &extent);
    }
    assert_int_equal (zloom_index_find (&index, 508)->segment, 6);
    assert_null (zloom_index_find (&index, 509));
    assert_null (zloom_index_find (&index, 2000));
    /* Told gone but still needed: it stays. Not needed: it leaves. */
    uint64_t from = 9;
    zloom_index_forget (&index, 1, 18);
    zloom_index_tidy (&index, s_live_from, &from);
    assert_null (zloom_index_find (&index, 8));
    assert_non_null (zloom_index_find (&index, 11));
    from = 205;
    zloom_index_recount (&index, s_live_from, &from);
    assert_null (zloom_index_find (&index, 198));
    assert_int_equal (zloom_index_find (&index, 205)->gone, 4);
    /* A move of segment 3 that kept only some; and one whose record was lost before it. */
    zloom_extent_t with[2] = {
      {.first = 205, .last = 230, .segment = 1, .cold = true},
      {.first = 241, .last = 304, .segment = 1, .offset = 4096, .cold = true}};
    zloom_index_replace (&index, false, 3, with, 2);
    assert_true (zloom_index_find (&index, 215)->cold);
    assert_null (zloom_index_find (&index, 235));
    assert_true (zloom_index_find (&index, 304)->cold);
    assert_int_equal (zloom_index_find (&index, 305)->segment, 4);
    assert_int_equal (zloom_index_find (&index, 305)->first, 305);
    zloom_index_fini (&index);
}

/* A flow that is long and is eaten from its front as fast as it grows: no step walks the index. */
static void
test_a_long_index_that_is_eaten_from_its_front (void **state)
{
    (void) state;
    enum { LONG = 65536, STEPS = 50000 };
    zloom_index_t index = {0};
    uint64_t from = 0;
    unsigned moves = 0; /* of all extents to the front of their memory */
    for (uint64_t seq = 0; seq < LONG + STEPS; seq++) {
        if (seq >= LONG) {
            from = seq - LONG + 1;
            zloom_index_forget (&index, from - 1, from - 1);
            zloom_index_tidy (&index, s_live_from, &from);
        }
        const zloom_extent_t extent = {.first = seq,
                                       .last = seq,
                                       .segment = seq / 100 + 1,
                                       .offset = (uint32_t) (seq % 100) * ZLOOM_BLOCK_BYTES,
                                       .bytes = 100,
                                       .needed = 1};
        const size_t behind = index.head;
        zloom_index_append (&index, &extent);
        moves += index.head < behind;
    }
    assert_true (moves <= 4);
    assert_int_equal (index.count, LONG);
    assert_null (zloom_index_find (&index, from - 1));
    for (uint64_t seq = from; seq < LONG + STEPS; seq += 1000) {
        assert_int_equal (zloom_index_find (&index, seq)->segment, seq / 100 + 1);
    }
    zloom_index_fini (&index);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_golden_group),
      cmocka_unit_test (test_header_belongs_to_one_log_and_one_place),
      cmocka_unit_test (test_directory_cut_anywhere_is_bad_not_read_over),
      cmocka_unit_test (test_golden_slot),
      cmocka_unit_test (test_slot_with_any_byte_changed_or_cut_is_refused),
      cmocka_unit_test (test_index_finds_forgets_and_replaces),
      cmocka_unit_test (test_a_long_index_that_is_eaten_from_its_front),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
