/* SPDX-License-Identifier: MPL-2.0 */
#include "helper.h"

#include "base/clock.h"
#include "base/units.h"

typedef zloom_err_t (parse_fn) (const char *text, int64_t *number);
typedef const char *(text_fn) (int64_t number, char text[48]);

typedef struct {
    const char *text;
    int64_t number;
} pair_t;

static void
s_check_parse (parse_fn *parse, const pair_t *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t number = -77;
        assert_int_equal (parse (pairs[i].text, &number), ZLOOM_OK);
        assert_true (number == pairs[i].number);
    }
}

/* Each is refused with a note that quotes it; the number stays as it was. */
static void
s_check_refused (parse_fn *parse, zloom_err_t err, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t number = -77;
        zloom_note_clear ();
        assert_int_equal (parse (texts[i], &number), err);
        assert_true (number == -77);
        assert_non_null (strstr (zloom_note (), texts[i]));
        assert_true (strlen (zloom_note ()) > strlen (texts[i]) + 10);
    }
    int64_t number = -77;
    assert_int_equal (parse (NULL, &number), ZLOOM_INVALID);
    assert_true (number == -77);
}

/* The text is as given, and reads back as the number. */
static void
s_check_text (text_fn *text_of, parse_fn *parse, const pair_t *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[48];
        int64_t number = -77;
        memset (text, 'x', sizeof text);
        assert_ptr_equal (text_of (pairs[i].number, text), text);
        assert_string_equal (text, pairs[i].text);
        if (pairs[i].number >= 0) {
            assert_int_equal (parse (text, &number), ZLOOM_OK);
            assert_true (number == pairs[i].number);
        }
    }
}

static void
test_parse_duration (void **state)
{
    (void) state;
    static const pair_t good[] = {
      {"1500us", 1500 * ZLOOM_NS_PER_US},
      {"250ms", 250 * ZLOOM_NS_PER_MS},
      {"30s", 30 * ZLOOM_NS_PER_S},
      {"5m", 300 * ZLOOM_NS_PER_S},
      {"12h", 43200 * ZLOOM_NS_PER_S},
      {"7d", 604800 * ZLOOM_NS_PER_S},
      {"1h30m", 5400 * ZLOOM_NS_PER_S},
      {"1d2h3m4s5ms6us7ns", 93784 * ZLOOM_NS_PER_S + 5006007},
      {"0s", 0},
      {"007s", 7 * ZLOOM_NS_PER_S},
      {"90m", 5400 * ZLOOM_NS_PER_S},
      {"9223372036854775807ns", INT64_MAX},
    };
    static const char *const bad[] = {
      "",
      "30",
      "s",
      "30 s",
      " 30s",
      "30s ",
      "-30s",
      "+30s",
      "1.5s",
      "30S",
      "30sec",
      "1m1h",
      "1s1s",
      "1h30",
      "5x",
      "1hs",
      "0x10s",
      "99999999999999999999",
      "99999999999999999999x",
    };
    static const char *const big[] = {
      "9223372036854775808ns", "106752d",
      "106751d999h",           "99999999999999999999s",
      "18446744073709551617s", "99999999999999999999h1s",
    };
    s_check_parse (zloom_parse_duration, good, COUNT (good));
    s_check_refused (zloom_parse_duration, ZLOOM_INVALID, bad, COUNT (bad));
    s_check_refused (zloom_parse_duration, ZLOOM_TOO_BIG, big, COUNT (big));
}

static void
test_parse_size (void **state)
{
    (void) state;
    static const pair_t good[] = {
      {"512", 512},
      {"0", 0},
      {"512B", 512},
      {"64KiB", 64 << 10},
      {"4MiB", 4 << 20},
      {"2GiB", INT64_C (2) << 30},
      {"3TiB", INT64_C (3) << 40},
      {"1kB", 1000},
      {"10MB", 10000000},
      {"5GB", INT64_C (5000000000)},
      {"1TB", INT64_C (1000000000000)},
      {"9223372036854775807", INT64_MAX},
    };
    static const char *const bad[] = {
      "",    "KiB", "-1",    "+1",       "1.5GiB",
      "64K", "64k", "64kb",  "64KB",     "64 KiB",
      " 1",  "1 ",  "1KiB2", "64KiBKiB", "99999999999999999999x",
    };
    static const char *const big[] = {
      "9223372036854775808",
      "8388608TiB",
      "99999999999999999999",
      "99999999999999999999KiB",
    };
    s_check_parse (zloom_parse_size, good, COUNT (good));
    s_check_refused (zloom_parse_size, ZLOOM_INVALID, bad, COUNT (bad));
    s_check_refused (zloom_parse_size, ZLOOM_TOO_BIG, big, COUNT (big));
}

static void
test_parse_percent (void **state)
{
    (void) state;
    static const pair_t good[] = {
      {"10%", 100000}, {"0.5%", 5000},       {"0%", 0},        {"100%", 1000000}, {"250%", 2500000},
      {"0.0001%", 1},  {"33.3333%", 333333}, {"1.50%", 15000},
    };
    static const char *const bad[] = {
      "",
      "10",
      "%",
      ".5%",
      "5.%",
      "-1%",
      "10 %",
      "10%%",
      "10% ",
      "0.00001%",
      "1,5%",
      "x%",
      "99999999999999999999",
    };
    static const char *const big[] = {"922337203685478%", "99999999999999999999%",
                                      "99999999999999999999.5%"};
    s_check_parse (zloom_parse_percent, good, COUNT (good));
    s_check_refused (zloom_parse_percent, ZLOOM_INVALID, bad, COUNT (bad));
    s_check_refused (zloom_parse_percent, ZLOOM_TOO_BIG, big, COUNT (big));
}

static void
test_parse_int (void **state)
{
    (void) state;
    static const pair_t good[] = {
      {"0", 0},
      {"42", 42},
      {"-7", -7},
      {"+7", 7},
      {"007", 7},
      {"-0", 0},
      {"9223372036854775807", INT64_MAX},
      {"-9223372036854775808", INT64_MIN},
    };
    static const char *const bad[] = {"",   "-",  "+",   "--1", "1.0", "1e3",
                                      " 1", "1 ", "0x1", "1_0", "yes", "99999999999999999999x"};
    static const char *const big[] = {"9223372036854775808", "-9223372036854775809",
                                      "99999999999999999999999999"};
    s_check_parse (zloom_parse_int, good, COUNT (good));
    s_check_refused (zloom_parse_int, ZLOOM_INVALID, bad, COUNT (bad));
    s_check_refused (zloom_parse_int, ZLOOM_TOO_BIG, big, COUNT (big));
}

static void
test_duration_text (void **state)
{
    (void) state;
    static const pair_t pairs[] = {
      {"0s", 0},
      {"30s", 30 * ZLOOM_NS_PER_S},
      {"1h30m", 5400 * ZLOOM_NS_PER_S},
      {"1m30s", 90 * ZLOOM_NS_PER_S},
      {"7d", 604800 * ZLOOM_NS_PER_S},
      {"250ms", 250 * ZLOOM_NS_PER_MS},
      {"1500us", 1500 * ZLOOM_NS_PER_US},
      {"1s500ms", 1500 * ZLOOM_NS_PER_MS},
      {"7ns", 7},
      {"106751d23h47m16s854775807ns", INT64_MAX},
      {"-30s", -30 * ZLOOM_NS_PER_S},
      {"-106751d23h47m16s854775808ns", INT64_MIN},
    };
    s_check_text (zloom_duration_text, zloom_parse_duration, pairs, COUNT (pairs));
}

static void
test_size_text (void **state)
{
    (void) state;
    static const pair_t pairs[] = {
      {"0", 0},
      {"512", 512},
      {"1KiB", 1024},
      {"1kB", 1000},
      {"64MiB", 64 << 20},
      {"10MB", 10000000},
      {"1024kB", 1024000},
      {"1000MiB", 1048576000},
      {"1000001", 1000001},
      {"2GiB", INT64_C (2) << 30},
      {"9223372036854775807", INT64_MAX},
      {"-64KiB", -65536},
      {"-8388608TiB", INT64_MIN},
    };
    s_check_text (zloom_size_text, zloom_parse_size, pairs, COUNT (pairs));
}

static void
test_percent_text (void **state)
{
    (void) state;
    static const pair_t pairs[] = {
      {"0%", 0},        {"10%", 100000},      {"0.5%", 5000},  {"0.05%", 500},
      {"0.0001%", 1},   {"33.3333%", 333333}, {"1.5%", 15000}, {"922337203685477.5807%", INT64_MAX},
      {"-0.5%", -5000},
    };
    s_check_text (zloom_percent_text, zloom_parse_percent, pairs, COUNT (pairs));
}

static void
test_texts_read_back (void **state)
{
    (void) state;
    zloom_random_t random;
    helper_seed (&random);
    for (int i = 0; i < 20000; i++) {
        char text[48];
        int64_t back = -1;
        uint64_t bits = zloom_random_next (&random) >> (1 + zloom_random_below (&random, 63));
        int64_t number = (int64_t) bits;
        assert_int_equal (zloom_parse_duration (zloom_duration_text (number, text), &back), 0);
        assert_true (back == number);
        assert_int_equal (zloom_parse_size (zloom_size_text (number, text), &back), 0);
        assert_true (back == number);
        assert_int_equal (zloom_parse_percent (zloom_percent_text (number, text), &back), 0);
        assert_true (back == number);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_parse_duration), cmocka_unit_test (test_parse_size),
      cmocka_unit_test (test_parse_percent),  cmocka_unit_test (test_parse_int),
      cmocka_unit_test (test_duration_text),  cmocka_unit_test (test_size_text),
      cmocka_unit_test (test_percent_text),   cmocka_unit_test (test_texts_read_back),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
