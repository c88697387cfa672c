/* SPDX-License-Identifier: MPL-2.0 */
/* A real sink and a real router: what is settled is in the file, whatever is killed or full. */
#include <sys/resource.h>

#include "client/client.h"
#include "unit/poller/process.h"

#define LINES 30000u

static void
s_recipe (const char *sink_fields)
{
    char text[1024];
    snprintf (text, sizeof text,
              "zloom: 1\n"
              "name: test\n" ZLOOM_TEST_SMALL "nodes:\n"
              "  in: {kind: poller, file: {path: in, format: lines}}\n"
              "  out: {kind: sink, %s}\n"
              "flows:\n"
              "  lines:\n"
              "    pattern: queue\n"
              "    from: [in, external]\n"
              "    to: [out, external]\n"
              "    retry: {failures: 3, backoff: [10ms]}\n"
              "    dead_letter: dead\n"
              "  dead: {pattern: queue, to: external}\n",
              sink_fields);
    s_put ("recipe.yaml", "w", text);
}

static void
s_load (unsigned last)
{
    s_put_numbers ("in", "w", 1, last);
    zloom_process_t poller = s_start ("in", true);
    assert_int_equal (zloom_process_join (&poller), 0);
}

static zloom_client_t *
s_client (void)
{
    char endpoint[160];
    static const char *const flows[] = {"lines"};
    snprintf (endpoint, sizeof endpoint, "ipc://%s/router.sock", s_directory);
    const zloom_client_config_t config = {
      .endpoint = endpoint, .name = "test", .send_flows = flows, .send_flow_count = 1};
    zloom_client_t *client = NULL;
    assert_int_equal (zloom_client_open (&config, zloom_deadline (10000), &client), ZLOOM_OK);
    return client;
}

static void
s_send (zloom_client_t *client, const char *body)
{
    const zloom_outgoing_t message = {.body = body, .body_size = strlen (body)};
    assert_int_equal (zloom_client_send (client, "lines", &message, zloom_deadline (10000)),
                      ZLOOM_OK);
}

static void
test_writes_and_drains (void **state)
{
    (void) state;
    static const char *const fields[] = {
      "file: {path: out, fsync: never}",
      "file: {path: out, fsync: batch}",
      "file: {path: out, fsync: always}, prefetch: 3",
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        s_recipe (fields[i]);
        zloom_process_t router = s_start ("router", true);
        s_load ((unsigned) (i + 1) * 200);
        zloom_process_t sink = s_start ("out", true);
        s_await_size ("out", s_size ("in"));
        assert_int_equal (zloom_process_stop (&sink), 0);
        /* All was settled: another one gets nothing. */
        sink = s_start ("out", true);
        zloom_client_t *client = s_client ();
        s_send (client, "end");
        assert_int_equal (zloom_client_close (&client, zloom_deadline (5000)), ZLOOM_OK);
        s_await_size ("out", s_size ("in") + 4);
        assert_int_equal (zloom_process_stop (&sink), 0);
        assert_int_equal (s_size ("out"), s_size ("in") + 4);
        assert_true (s_says ("out", "\nend\n"));
        assert_int_equal (zloom_process_stop (&router), 0);
        s_teardown (state);
        s_setup (state);
    }
}

static void
test_a_body_of_two_lines_is_a_dead_letter (void **state)
{
    (void) state;
    s_recipe ("file: {path: out}");
    zloom_process_t router = s_start ("router", true);
    zloom_process_t sink = s_start ("out", true);
    zloom_client_t *client = s_client ();
    const zloom_take_t take = {.flow = "dead"};
    uint32_t handle = 0;
    s_send (client, "one\ntwo");
    s_send (client, "three");
    assert_int_equal (zloom_client_subscribe (client, &take, &handle), ZLOOM_OK);
    const zloom_message_t *message = NULL;
    assert_int_equal (zloom_client_receive (client, &message, zloom_deadline (10000)), ZLOOM_OK);
    assert_int_equal (message->body_size, 7);
    assert_memory_equal (message->body, "one\ntwo", 7);
    assert_int_equal (zloom_client_ack (client, &message), ZLOOM_OK);
    s_await_text ("out", "three\n");
    assert_int_equal (s_size ("out"), 6);
    assert_int_equal (zloom_client_close (&client, zloom_deadline (5000)), ZLOOM_OK);
    assert_int_equal (zloom_process_stop (&sink), 0);
    assert_int_equal (zloom_process_stop (&router), 0);
}

/* What was written and not settled comes again, and is known again. */
static void
test_kills_neither_lose_nor_double (void **state)
{
    (void) state;
    s_recipe ("file: {path: out, fsync: batch}, prefetch: 500");
    zloom_process_t router = s_start ("router", true);
    s_load (LINES);
    zloom_process_t sink = s_start ("out", true);
    const unsigned kills = 8;
    for (unsigned i = 1; i <= kills; i++) {
        s_await_size ("out", s_size ("in") * (off_t) i / (off_t) (2 * kills));
        if (i % 4 == 0) {
            zloom_process_kill (&router);
            router = s_start ("router", true);
        } else {
            zloom_process_kill (&sink);
            s_put ("out", "a", "torn"); /* as a kill within a write would leave it */
            sink = s_start ("out", true);
        }
    }
    char last[16];
    snprintf (last, sizeof last, "\n%u ", LINES);
    s_await_text ("out", last);
    assert_int_equal (zloom_process_stop (&sink), 0);
    unsigned *times = s_count_numbers ("out", LINES, false);
    for (unsigned i = 1; i <= LINES; i++) {
        if (times[i] != 1) {
            fail_msg ("line %u stands %u times", i, times[i]);
        }
    }
    free (times);
    assert_int_equal (zloom_process_stop (&router), 0);
}

static void
s_limit_file_size (const zloom_process_t *process, rlim_t bytes)
{
    const struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
    assert_int_equal (prlimit (process->pid, RLIMIT_FSIZE, &limit, NULL), 0);
}

static void
test_a_full_disk_is_waited_out (void **state)
{
    (void) state;
    s_recipe ("file: {path: out, fsync: batch}");
    zloom_process_t router = s_start ("router", true);
    zloom_process_t sink = s_start ("out", true);
    const rlim_t room = 100000;
    s_limit_file_size (&sink, room);
    s_load (3000);
    s_await_text ("out.log", "error sink-stuck sink=out error=DISK_FULL");
    assert_true (s_says ("out.log", "make room"));
    /* Whole lines of whole batches, and nothing else. */
    unsigned *times = s_count_numbers ("out", 3000, true);
    free (times);
    assert_true (s_size ("out") <= (off_t) room);
    s_limit_file_size (&sink, RLIM_INFINITY);
    s_await_size ("out", s_size ("in"));
    s_await_text ("out.log", "sink-goes-on");
    assert_int_equal (zloom_process_stop (&sink), 0);
    assert_int_equal (s_size ("out"), s_size ("in"));
    times = s_count_numbers ("out", 3000, false);
    for (unsigned i = 1; i <= 3000; i++) {
        assert_int_equal (times[i], 1);
    }
    free (times);
    assert_int_equal (zloom_process_stop (&router), 0);
}

/* While it is stuck it can be told to stop, and gives everything back. */
static void
test_a_stuck_sink_drains (void **state)
{
    (void) state;
    s_recipe ("file: {path: out, fsync: batch}");
    zloom_process_t router = s_start ("router", true);
    /* Built for coverage, it would write more than that at its end. */
    char *profile = zloom_strdup (getenv ("LLVM_PROFILE_FILE"));
    setenv ("LLVM_PROFILE_FILE", "/dev/null", 1);
    zloom_process_t sink = s_start ("out", true);
    setenv ("LLVM_PROFILE_FILE", profile ? profile : "", 1);
    free (profile);
    s_limit_file_size (&sink, 20000); /* its log has to fit, too */
    s_load (1000);
    s_await_text ("out.log", "sink-stuck");
    assert_int_equal (zloom_process_stop (&sink), 0);
    assert_true (s_size ("out") <= 20000);
    sink = s_start ("out", true);
    s_await_size ("out", s_size ("in"));
    assert_int_equal (zloom_process_stop (&sink), 0);
    unsigned *times = s_count_numbers ("out", 1000, true);
    free (times);
    assert_int_equal (zloom_process_stop (&router), 0);
}

static void
test_a_place_that_cannot_be_opened (void **state)
{
    (void) state;
    s_recipe ("file: {path: no/such/folder/out}");
    zloom_process_t sink = s_start ("out", false);
    assert_int_equal (zloom_process_join (&sink), zloom_node_exit_code (ZLOOM_NOT_FOUND));
    assert_true (s_says ("out.log", "make its folder"));
}

/* Told to stop while it still waits for a router. */
static void
test_stops_without_a_router (void **state)
{
    (void) state;
    s_recipe ("stdout: true");
    zloom_process_t sink = s_start ("out", false);
    assert_int_equal (zloom_process_stop (&sink), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int
main (int argc, char **argv)
{
    if (argc == 4 && strcmp (argv[1], "--node") == 0) {
        return s_node_main (argv[2], argv[3]);
    }
    const struct CMUnitTest tests[] = {
      TEST (test_writes_and_drains),
      TEST (test_a_body_of_two_lines_is_a_dead_letter),
      TEST (test_kills_neither_lose_nor_double),
      TEST (test_a_full_disk_is_waited_out),
      TEST (test_a_stuck_sink_drains),
      TEST (test_a_place_that_cannot_be_opened),
      TEST (test_stops_without_a_router),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
