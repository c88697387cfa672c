/* SPDX-License-Identifier: MPL-2.0 */
#include "helper.h"

#include <time.h>

#include "base/clock.h"
#include "base/when.h"

/* Central Europe as POSIX writes it, so that no file of zones is needed. */
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
/* 2026-11-28T13:22:53Z, which is 14:22:53 there. */
#define NOW_NS (INT64_C (1795872173) * ZLOOM_NS_PER_S)

static void
s_zone (const char *zone)
{
    assert_int_equal (setenv ("TZ", zone, 1), 0);
    tzset ();
}

/* `text` means the point that `utc` names. */
static void
s_expect (const char *text, int64_t now_ns, const char *utc)
{
    char found[32];
    int64_t ns = 0;
    if (zloom_parse_when (text, now_ns, &ns) != ZLOOM_OK) {
        fail_msg ("%s: %s", text, zloom_note ());
    }
    assert_string_equal (zloom_wall_text (ns, found), utc);
}

static void
test_rfc_3339 (void **state)
{
    (void) state;
    s_zone (BERLIN);
    s_expect ("2026-11-28T14:05:00Z", NOW_NS, "2026-11-28T14:05:00.000Z");
    s_expect ("2026-11-28t14:05:00z", NOW_NS, "2026-11-28T14:05:00.000Z");
    s_expect ("2026-11-28T14:05:00.25+01:00", NOW_NS, "2026-11-28T13:05:00.250Z");
    s_expect ("2026-11-28 14:05:00-02:30", NOW_NS, "2026-11-28T16:35:00.000Z");
    s_expect ("2026-11-28T14:05:00.0019999999999999Z", NOW_NS, "2026-11-28T14:05:00.001Z");
    s_expect ("2028-02-29T00:00:00Z", NOW_NS, "2028-02-29T00:00:00.000Z");
    s_expect ("1969-12-31T23:59:59Z", NOW_NS, "1969-12-31T23:59:59.000Z");
}

static void
test_without_a_zone_it_is_local (void **state)
{
    (void) state;
    s_zone (BERLIN);
    s_expect ("2026-11-28T14:05", NOW_NS, "2026-11-28T13:05:00.000Z");
    s_expect ("2026-07-01 14:05:30.5", NOW_NS, "2026-07-01T12:05:30.500Z");
    s_zone ("UTC0");
    s_expect ("2026-07-01T14:05", NOW_NS, "2026-07-01T14:05:00.000Z");
}

static void
test_a_time_alone_is_the_next_one (void **state)
{
    (void) state;
    s_zone (BERLIN);
    s_expect ("14:23", NOW_NS, "2026-11-28T13:23:00.000Z");
    s_expect ("14:22:54", NOW_NS, "2026-11-28T13:22:54.000Z");
    s_expect ("14:22:53", NOW_NS, "2026-11-29T13:22:53.000Z");
    s_expect ("00:00", NOW_NS, "2026-11-28T23:00:00.000Z");
    /* Over the end of a month, and of a year. */
    s_expect ("10:00", INT64_C (1798714800) * ZLOOM_NS_PER_S, "2027-01-01T09:00:00.000Z");
}

/* At 02:00 on the last Sunday in March clocks there go to 03:00; in October 03:00 to 02:00. */
static void
test_hours_that_are_left_out_or_there_twice (void **state)
{
    (void) state;
    s_zone (BERLIN);
    int64_t ns = 0;
    assert_int_equal (zloom_parse_when ("2027-03-28T02:30", NOW_NS, &ns), ZLOOM_INVALID);
    assert_non_null (strstr (zloom_note (), "does not exist"));
    s_expect ("2027-03-28T03:00", NOW_NS, "2027-03-28T01:00:00.000Z");
    assert_int_equal (zloom_parse_when ("2026-10-25T02:30", NOW_NS, &ns), ZLOOM_OK);
    const int64_t first = INT64_C (1792888200) * ZLOOM_NS_PER_S; /* 00:30Z */
    assert_true (ns == first || ns == first + 3600 * ZLOOM_NS_PER_S);
    /* The next 02:30 of a clock that has none today is tomorrow's. */
    s_expect ("02:30", INT64_C (1806188400) * ZLOOM_NS_PER_S, "2027-03-29T00:30:00.000Z");
}

static void
test_what_is_no_time_is_refused (void **state)
{
    (void) state;
    s_zone (BERLIN);
    static const char *const texts[] = {
      "",
      "now",
      "14",
      "14:5",
      "24:00",
      "12:60",
      "14:05 ",
      " 14:05",
      "14:05Z",
      "14:05:",
      "14:05:60",
      "14:05:00.",
      "tomorrow",
      "2026-11-28",
      "2026-11-28T",
      "2026-11-28T14",
      "2026-13-01T00:00",
      "2026-00-01T00:00",
      "2026-11-00T00:00",
      "2026-11-28T14:05+1",
      "2026-11-28T14:05+01",
      "2026-11-28T14:05:00ZZ",
      "2026-11-28T14:05:00+24:00",
      "26-11-28T14:05",
      "2026/11/28 14:05",
      "-2026-11-28T14:05",
      "2027-02-29T00:00",
      "2026-02-30T00:00:00Z",
      "2026-06-31T12:00:00+02:00",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t ns = -77;
        if (zloom_parse_when (texts[i], NOW_NS, &ns) != ZLOOM_INVALID) {
            fail_msg ("'%s' was taken", texts[i]);
        }
        assert_true (ns == -77);
        assert_non_null (strstr (zloom_note (), texts[i]));
    }
    int64_t ns = 0;
    assert_int_equal (zloom_parse_when (NULL, NOW_NS, &ns), ZLOOM_INVALID);
    assert_int_equal (zloom_parse_when ("9999-01-01T00:00:00Z", NOW_NS, &ns), ZLOOM_TOO_BIG);
    assert_int_equal (zloom_parse_when ("0001-01-01T00:00:00Z", NOW_NS, &ns), ZLOOM_TOO_BIG);
}

static void
test_local_text_shows_the_offset (void **state)
{
    (void) state;
    char text[40];
    s_zone (BERLIN);
    assert_string_equal (zloom_local_text (NOW_NS, text), "2026-11-28T14:22:53+01:00");
    assert_string_equal (zloom_local_text (-1, text), "1970-01-01T00:59:59+01:00");
    s_zone ("NST3:30");
    assert_string_equal (zloom_local_text (NOW_NS, text), "2026-11-28T09:52:53-03:30");
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_rfc_3339),
      cmocka_unit_test (test_without_a_zone_it_is_local),
      cmocka_unit_test (test_a_time_alone_is_the_next_one),
      cmocka_unit_test (test_hours_that_are_left_out_or_there_twice),
      cmocka_unit_test (test_what_is_no_time_is_refused),
      cmocka_unit_test (test_local_text_shows_the_offset),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
