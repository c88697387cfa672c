/* SPDX-License-Identifier: MPL-2.0 */
#include "helper.h"

#include "base/bytes.h"

static void
test_views (void **state)
{
    (void) state;
    assert_int_equal (zloom_bytes_text ("abc").size, 3);
    assert_null (zloom_bytes_text (NULL).data);
    assert_non_null (zloom_bytes_text ("").data);
    assert_true (zloom_bytes_equal (zloom_bytes_text ("abc"), zloom_bytes ("abcd", 3)));
    assert_false (zloom_bytes_equal (zloom_bytes_text ("abc"), zloom_bytes_text ("abd")));
    assert_false (zloom_bytes_equal (zloom_bytes_text ("abc"), zloom_bytes_text ("ab")));
    assert_true (zloom_bytes_equal (ZLOOM_BYTES_NULL, zloom_bytes_text ("")));
}

static void
test_compare_is_an_order (void **state)
{
    (void) state;
    const zloom_bytes_t sorted[] = {
      zloom_bytes_text (""),   zloom_bytes ("\0", 1),   zloom_bytes_text ("a"),
      zloom_bytes_text ("aa"), zloom_bytes_text ("ab"), zloom_bytes_text ("b"),
      zloom_bytes ("\xFF", 1),
    };
    for (size_t i = 0; i < COUNT (sorted); i++) {
        for (size_t j = 0; j < COUNT (sorted); j++) {
            int order = zloom_bytes_compare (sorted[i], sorted[j]);
            assert_int_equal ((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
    assert_int_equal (zloom_bytes_compare (ZLOOM_BYTES_NULL, zloom_bytes_text ("")), 0);
}

static void
test_utf8 (void **state)
{
    (void) state;
    static const char *const good[] = {
      "",
      "plain text, longer than eight bytes",
      "\x7F",
      "\xC2\x80",
      "\xDF\xBF",
      "\xE0\xA0\x80",
      "\xED\x9F\xBF",
      "\xEE\x80\x80",
      "\xEF\xBF\xBF",
      "\xF0\x90\x80\x80",
      "\xF4\x8F\xBF\xBF",
      "twelve bytes\xE2\x82\xAC and on and on",
    };
    static const char *const bad[] = {
      "\x80",
      "\xBF",
      "\xC0\x80",
      "\xC1\xBF",
      "\xC2",
      "\xC2\x41",
      "\xE0\x9F\xBF",
      "\xE2\x82",
      "\xE2\x82\x41",
      "\xED\xA0\x80",
      "\xED\xBF\xBF",
      "\xF0\x8F\xBF\xBF",
      "\xF0\x90\x80",
      "\xF4\x90\x80\x80",
      "\xF5\x80\x80\x80",
      "\xFF",
      "eight by\xFFtes and then more of it",
      "eight bytes and a half \xE2\x82",
    };
    for (size_t i = 0; i < COUNT (good); i++) {
        assert_true (zloom_bytes_is_utf8 (zloom_bytes_text (good[i])));
    }
    for (size_t i = 0; i < COUNT (bad); i++) {
        assert_false (zloom_bytes_is_utf8 (zloom_bytes_text (bad[i])));
    }
    assert_true (zloom_bytes_is_utf8 (zloom_bytes ("a\0b", 3)));
    assert_true (zloom_bytes_is_utf8 (ZLOOM_BYTES_NULL));
    /* A bad byte is found at every place, whatever stands around it. */
    char text[40];
    for (size_t size = 1; size < sizeof text; size++) {
        for (size_t at = 0; at < size; at++) {
            memset (text, 'a', sizeof text);
            assert_true (zloom_bytes_is_utf8 (zloom_bytes (text, size)));
            text[at] = '\x80';
            assert_false (zloom_bytes_is_utf8 (zloom_bytes (text, size)));
        }
    }
}

static void
test_little_endian_fields (void **state)
{
    (void) state;
    uint8_t at[8];
    zloom_put_u64 (at, UINT64_C (0x8877665544332211));
    assert_memory_equal (at, "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
    assert_true (zloom_get_u64 (at) == UINT64_C (0x8877665544332211));
    assert_int_equal (zloom_get_u32 (at + 4), 0x88776655u);
    assert_int_equal (zloom_get_u16 (at + 6), 0x8877);
    zloom_put_u16 (at, 0xFFFE);
    assert_memory_equal (at, "\xFE\xFF\x33", 3);
    zloom_put_u32 (at, 0x01020304);
    assert_memory_equal (at, "\x04\x03\x02\x01\x55", 5);
}

static void
test_buf_grows (void **state)
{
    (void) state;
    zloom_buf_t buf = {0};
    zloom_buf_add (&buf, NULL, 0);
    assert_int_equal (buf.size, 0);
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t byte = (uint8_t) i;
        zloom_buf_add (&buf, &byte, 1);
    }
    assert_int_equal (buf.size, 1000);
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal (buf.data[i], (uint8_t) i);
    }
    size_t capacity = buf.capacity;
    zloom_buf_clear (&buf);
    assert_int_equal (zloom_buf_bytes (&buf).size, 0);
    assert_int_equal (buf.capacity, capacity);
    zloom_buf_fini (&buf);
    assert_null (buf.data);
    assert_int_equal (buf.capacity, 0);
}

static void
test_buf_reserve_changes_no_content (void **state)
{
    (void) state;
    zloom_buf_t buf = {0};
    zloom_buf_add_text (&buf, "head");
    uint8_t *at = zloom_buf_reserve (&buf, 10000);
    assert_int_equal (buf.size, 4);
    assert_true (buf.capacity >= 10004);
    assert_ptr_equal (at, buf.data + 4);
    memset (at, 'x', 10000);
    buf.size += 10000;
    assert_memory_equal (buf.data, "headxx", 6);
    zloom_buf_fini (&buf);
}

static void
test_buf_text_and_printf (void **state)
{
    (void) state;
    zloom_buf_t buf = {0};
    assert_string_equal (zloom_buf_text (&buf), "");
    zloom_buf_add_text (&buf, "a=");
    zloom_buf_printf (&buf, "%d", 1);
    zloom_buf_add_bytes (&buf, zloom_bytes_text (" b="));
    zloom_buf_add_bytes (&buf, ZLOOM_BYTES_NULL);
    zloom_buf_printf (&buf, "%s", "two");
    assert_string_equal (zloom_buf_text (&buf), "a=1 b=two");
    assert_int_equal (buf.size, 9);
    zloom_buf_fini (&buf);
    for (int width = 1; width < 300; width++) { /* across every boundary of growing */
        zloom_buf_printf (&buf, "%*d", width, 7);
        assert_int_equal (buf.size, width);
        assert_int_equal (buf.data[buf.size - 1], '7');
        zloom_buf_fini (&buf);
    }
}

static void
test_buf_plain (void **state)
{
    (void) state;
    static const char *const pairs[][2] = {
      {"", ""},
      {"a\tb\n", "a\tb\n"},
      {"\033[2Jx\r\a\177", "\\x1b[2Jx\\x0d\\x07\\x7f"},
      {"\302\233m \302\240 \303\266 \342\202\254", "\\xc2\\x9bm \302\240 \303\266 \342\202\254"},
      {"\233m\342\202", "\\x9bm\\xe2\\x82"}, /* no UTF-8, and cut off */
      {"\001", "\\x01"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        zloom_buf_t buf = {0};
        zloom_buf_add_plain (&buf, zloom_bytes_text (pairs[i][0]));
        assert_string_equal (zloom_buf_text (&buf), pairs[i][1]);
        zloom_buf_fini (&buf);
    }
}

static void
test_buf_plain_line (void **state)
{
    (void) state;
    static const char *const pairs[][2] = {
      {"", ""},
      {"a\tb\n", "a\\x09b\\x0a"},
      {"\033[2J \302\233 \303\266", "\\x1b[2J \\xc2\\x9b \303\266"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        zloom_buf_t buf = {0};
        zloom_buf_add_plain_line (&buf, zloom_bytes_text (pairs[i][0]));
        assert_string_equal (zloom_buf_text (&buf), pairs[i][1]);
        zloom_buf_fini (&buf);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_views),
      cmocka_unit_test (test_compare_is_an_order),
      cmocka_unit_test (test_utf8),
      cmocka_unit_test (test_little_endian_fields),
      cmocka_unit_test (test_buf_grows),
      cmocka_unit_test (test_buf_reserve_changes_no_content),
      cmocka_unit_test (test_buf_text_and_printf),
      cmocka_unit_test (test_buf_plain),
      cmocka_unit_test (test_buf_plain_line),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
