/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A real poller and a real router. The router's queue is FIFO, so what a sink that starts last
 * writes is what the poller sent, in its order: neither a line less nor one more.
 */
#include "unit/poller/process.h"

#define LINES 60000u

static void
s_recipe (const char *file_fields)
{
    char text[1024];
    snprintf (text, sizeof text,
              "zloom: 1\n"
              "name: test\n" ZLOOM_TEST_SMALL "nodes:\n"
              "  in: {kind: poller, file: {path: in, %s}}\n"
              "  out: {kind: sink, file: {path: out, fsync: never}, prefetch: 4096}\n"
              "flows:\n"
              "  lines: {pattern: queue, from: [in, external], to: [out, external]}\n",
              file_fields);
    s_put ("recipe.yaml", "w", text);
}

/* What was sent, through a sink. */
static void
s_expect_sent (unsigned last)
{
    zloom_process_t sink = s_start ("out", true);
    const off_t whole = s_size ("in");
    s_await_size ("out", whole);
    assert_int_equal (zloom_process_stop (&sink), 0);
    assert_int_equal (s_size ("out"), whole);
    unsigned *times = s_count_numbers ("out", last, true);
    assert_int_equal (times[last], 1);
    free (times);
}

static void
test_once_sends_every_line_and_ends (void **state)
{
    (void) state;
    s_recipe ("format: lines");
    s_put_numbers ("in", "w", 1, 5000);
    zloom_process_t router = s_start ("router", true);
    zloom_process_t poller = s_start ("in", true);
    assert_int_equal (zloom_process_join (&poller), 0);
    assert_true (s_says ("in.log", "lines=5000 sent=5000"));
    /* Again: nothing is new. */
    poller = s_start ("in", true);
    assert_int_equal (zloom_process_join (&poller), 0);
    assert_true (s_says ("in.log", "lines=0 sent=0"));
    s_put_numbers ("in", "a", 5001, 5003);
    poller = s_start ("in", true);
    assert_int_equal (zloom_process_join (&poller), 0);
    assert_true (s_says ("in.log", "lines=3 sent=3"));
    s_expect_sent (5003);
    assert_int_equal (zloom_process_stop (&router), 0);
}

static void
test_lines_that_are_not_json_are_told_and_left_out (void **state)
{
    (void) state;
    s_recipe ("format: json");
    s_put ("in", "w", "{\"id\": 1}\n\n \t\r\n{\"id\": }\n{\"id\": 2}\n");
    for (unsigned i = 0; i < 20; i++) {
        s_put ("in", "a", "what is this?\n");
    }
    s_put ("in", "a", "[3]\n4");
    zloom_process_t router = s_start ("router", true);
    zloom_process_t poller = s_start ("in", true);
    assert_int_equal (zloom_process_join (&poller), 0);
    char where[160];
    snprintf (where, sizeof where,
              "poller-line-invalid poller=in at=%s/in:4 why=\"not JSON: ", s_directory);
    assert_true (s_says ("in.log", where));
    snprintf (where, sizeof where, "%s/in:14 why=", s_directory);
    assert_true (s_says ("in.log", where));
    snprintf (where, sizeof where, "%s/in:15 why=", s_directory);
    assert_false (s_says ("in.log", where));
    assert_true (s_says ("in.log", "lines=27 sent=4 taken_before=0 empty=2 invalid=21"));
    zloom_process_t sink = s_start ("out", true);
    s_await_text ("out", "[3]\n4\n");
    assert_int_equal (zloom_process_stop (&sink), 0);
    char *out = s_get ("out");
    assert_string_equal (out, "{\"id\": 1}\n{\"id\": 2}\n[3]\n4\n");
    free (out);
    assert_int_equal (zloom_process_stop (&router), 0);
}

static void
test_a_line_over_the_routers_limit_is_left_out (void **state)
{
    (void) state;
    s_recipe ("format: lines");
    char *line = zloom_alloc (5 * 1024 * 1024 + 1);
    memset (line, 'x', 5 * 1024 * 1024);
    s_put ("in", "w", "before\n");
    s_put ("in", "a", line);
    s_put ("in", "a", "\nbehind\n");
    free (line);
    zloom_process_t router = s_start ("router", true);
    zloom_process_t poller = s_start ("in", true);
    assert_int_equal (zloom_process_join (&poller), 0);
    assert_true (s_says ("in.log", "in:2 why=\"longer than the router's limit\""));
    assert_true (s_says ("in.log", "lines=3 sent=2 taken_before=0 empty=0 invalid=0 too_big=1"));
    assert_int_equal (zloom_process_stop (&router), 0);
}

static void
test_a_file_that_is_missing (void **state)
{
    (void) state;
    s_recipe ("format: lines");
    zloom_process_t router = s_start ("router", true);
    zloom_process_t poller = s_start ("in", false);
    assert_int_equal (zloom_process_join (&poller), zloom_node_exit_code (ZLOOM_NOT_FOUND));
    assert_true (s_says ("in.log", "follow: true"));
    s_recipe ("format: lines, follow: true");
    poller = s_start ("in", true);
    s_put_numbers ("in", "w", 1, 10);
    s_expect_sent (10);
    assert_int_equal (zloom_process_stop (&poller), 0);
    assert_int_equal (zloom_process_stop (&router), 0);
}

/* The heart of it: both are killed while lines flow, and every line comes exactly once. */
static void
test_kills_neither_lose_nor_double (void **state)
{
    (void) state;
    s_recipe ("format: lines, follow: true");
    s_put_numbers ("in", "w", 1, LINES / 2);
    zloom_process_t router = s_start ("router", true);
    zloom_process_t poller = s_start ("in", true);
    for (unsigned i = 0; i < 12; i++) {
        /* Times that fall into every stage of a start and of the sending. */
        (void) poll (NULL, 0, (int) (i * 7 % 23));
        if (i % 3 == 2) {
            zloom_process_kill (&router);
            router = s_start ("router", true);
        } else {
            zloom_process_kill (&poller);
            poller = s_start ("in", i % 2 == 0);
        }
        s_put_numbers ("in", "a", LINES / 2 + 1 + i * 1000, LINES / 2 + (i + 1) * 1000);
    }
    s_expect_sent (LINES / 2 + 12000);
    assert_int_equal (zloom_process_stop (&poller), 0);
    assert_int_equal (zloom_process_stop (&router), 0);
}

/* A flow that is full gives credit message by message, so packs are cut before their mark. */
static void
test_kills_at_a_full_flow (void **state)
{
    (void) state;
    s_put ("recipe.yaml", "w",
           "zloom: 1\n"
           "name: test\n" ZLOOM_TEST_SMALL "nodes:\n"
           "  in: {kind: poller, file: {path: in, format: lines}}\n"
           "  out: {kind: sink, file: {path: out, fsync: never}, prefetch: 7}\n"
           "flows:\n"
           "  lines:\n"
           "    pattern: queue\n"
           "    from: [in, external]\n"
           "    to: [out, external]\n"
           "    limit: {messages: 100, on_full: block}\n");
    s_put_numbers ("in", "w", 1, 3000);
    zloom_process_t router = s_start ("router", true);
    zloom_process_t sink = s_start ("out", true);
    zloom_process_t poller = s_start ("in", true);
    for (unsigned i = 1; i <= 10; i++) {
        s_await_size ("out", (off_t) i * 20000);
        zloom_process_kill (&poller);
        poller = s_start ("in", true);
    }
    assert_int_equal (zloom_process_join (&poller), 0);
    s_await_size ("out", s_size ("in"));
    assert_int_equal (zloom_process_stop (&sink), 0);
    assert_int_equal (s_size ("out"), s_size ("in"));
    unsigned *times = s_count_numbers ("out", 3000, true);
    free (times);
    assert_int_equal (zloom_process_stop (&router), 0);
}

static void
test_rotation_with_and_without_the_poller (void **state)
{
    (void) state;
    s_recipe ("format: lines, follow: true");
    s_put_numbers ("in", "w", 1, 1000);
    zloom_process_t router = s_start ("router", true);
    zloom_process_t sink = s_start ("out", true);
    zloom_process_t poller = s_start ("in", true);
    s_await_text ("out", "\n1000 "); /* from here on the router knows the file */
    s_put_numbers ("in", "a", 1001, 2000);
    zloom_process_kill (&poller);
    s_put_numbers ("in", "a", 2001, 3000);
    assert_int_equal (rename (s_at ("in"), s_at ("in.1")), 0);
    s_put_numbers ("in", "w", 3001, 4000);
    poller = s_start ("in", true);
    s_await_text ("out", "\n4000 ");
    assert_int_equal (rename (s_at ("in"), s_at ("in.2")), 0);
    s_put_numbers ("in.2", "a", 4001, 4500);
    s_put_numbers ("in", "w", 4501, 5000);
    s_await_text ("in.log", "poller-file-rotated");
    zloom_process_kill (&poller);
    poller = s_start ("in", true);
    s_await_text ("out", "\n5000 ");
    assert_int_equal (zloom_process_stop (&sink), 0);
    unsigned *times = s_count_numbers ("out", 5000, true);
    free (times);
    assert_int_equal (zloom_process_stop (&poller), 0);
    assert_int_equal (zloom_process_stop (&router), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int
main (int argc, char **argv)
{
    if (argc == 4 && strcmp (argv[1], "--node") == 0) {
        return s_node_main (argv[2], argv[3]);
    }
    const struct CMUnitTest tests[] = {
      TEST (test_once_sends_every_line_and_ends),
      TEST (test_lines_that_are_not_json_are_told_and_left_out),
      TEST (test_a_line_over_the_routers_limit_is_left_out),
      TEST (test_a_file_that_is_missing),
      TEST (test_kills_neither_lose_nor_double),
      TEST (test_kills_at_a_full_flow),
      TEST (test_rotation_with_and_without_the_poller),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
