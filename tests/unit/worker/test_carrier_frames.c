/* SPDX-License-Identifier: MPL-2.0 */
/* Frames on descriptors 3 and 4: the Python helper at the other end, and children that lie. */
#include "base/memory.h"
#include "host.h"
#include "nodes/worker/environment.h"

static const char *const s_outs[] = {"out", "side"};

/* A child in Python that may use the helper; `most` 0 leaves it. */
static void
s_open (host_t *host, const char **argv, zloom_environment_t **env, const char *script)
{
    argv[0] = "/usr/bin/python3";
    argv[1] = "-c";
    argv[2] = script;
    argv[3] = NULL;
    *env = zloom_environment_new (NULL);
    zloom_environment_helpers (*env);
    zloom_environment_set (*env, "PYTHONDONTWRITEBYTECODE", zloom_bytes_text ("1"));
    host_open (host, zloom_carrier_frames_new, argv, s_outs, 2);
    host->config.env = zloom_environment_items (*env);
    assert_int_equal (host->carrier->ops->start (host->carrier), ZLOOM_OK);
}

static void
s_close (host_t *host, zloom_environment_t **env)
{
    host_close (host);
    zloom_environment_destroy (env);
}

static void
s_say (const char *script, const char *const *bodies, size_t count, const char *told)
{
    host_t host;
    const char *argv[4];
    zloom_environment_t *env = NULL;
    s_open (&host, argv, &env, script);
    host_until_ready (&host);
    for (size_t i = 0; i < count; i++) {
        host.carrier->ops->give (host.carrier, host_job (&host, bodies[i], strlen (bodies[i])));
    }
    host.carrier->ops->flush (host.carrier);
    host_until (&host, &host.done, count);
    host_told (&host, told);
    assert_int_equal (host.starts, count);
    assert_int_equal (host.runs, count);
    s_close (&host, &env);
}

static void
a_worker_acks_retries_rejects_and_emits (void **state)
{
    (void) state;
    const char *const script = "import zloom\n"
                               "def handle(message):\n"
                               "    order = message.json()\n"
                               "    if order == 0: raise zloom.Retry('later', delay=1.5)\n"
                               "    if order == 1: raise zloom.Reject('never')\n"
                               "    if order == 2: return None\n"
                               "    message.emit('aside', flow='side')\n"
                               "    return {'order': order, 'ä': True}\n"
                               "zloom.run(handle)\n";
    const char *const bodies[] = {"0", "1", "2", "3", "{"};
    s_say (script, bodies, 5,
           "done 1 retry after 1500 (later), done 2 reject (never), done 3 ack, "
           "done 4 ack [aside to side] [{\"order\":3,\"ä\":true}], "
           "done 5 reject (the body is not JSON: Expecting property name enclosed in double "
           "quotes: line 1 column 2 (char 1)), ");
}

static void
values_of_all_kinds_are_emitted (void **state)
{
    (void) state;
    const char *const script =
      "import zloom\n"
      "def handle(message):\n"
      "    yield message.body + b'!'\n"
      "    yield f'{message.flow} {message.id} {message.attempt} {message.key} {message.text()}'\n"
      "    yield [1, 'two', None]\n"
      "zloom.run(handle)\n";
    const char *const bodies[] = {"hi"};
    s_say (script, bodies, 1, "done 1 ack [hi!] [in shop/1 1 None hi] [[1,\"two\",null]], ");
}

static void
an_exception_is_a_retry_with_its_traceback (void **state)
{
    (void) state;
    host_t host;
    const char *argv[4];
    zloom_environment_t *env = NULL;
    s_open (&host, argv, &env, "import zloom\nzloom.run(lambda message: 1 / 0)\n");
    host_until_ready (&host);
    host_give (&host, "x");
    host_until (&host, &host.done, 1);
    const char *told = zloom_buf_text (&host.told);
    assert_non_null (strstr (told, "done 1 retry (Traceback"));
    assert_non_null (strstr (told, "ZeroDivisionError: division by zero"));
    s_close (&host, &env);
}

static void
progress_is_told (void **state)
{
    (void) state;
    const char *const script = "import zloom\n"
                               "def handle(message):\n"
                               "    message.progress()\n"
                               "    message.progress(2)\n"
                               "zloom.run(handle, most=1)\n";
    const char *const bodies[] = {"x"};
    s_say (script, bodies, 1, "progress 1 0, progress 1 2000, done 1 ack, ");
}

static void
what_it_takes_in_hand_is_its_choice (void **state)
{
    (void) state;
    host_t host;
    const char *argv[4];
    zloom_environment_t *env = NULL;
    s_open (&host, argv, &env, "import zloom\nzloom.run(print, most=2)\n");
    assert_int_equal (host.carrier->ops->room (host.carrier), 0);
    host_until_ready (&host);
    assert_int_equal (host.carrier->ops->room (host.carrier), 2);
    s_close (&host, &env);
}

/* The first had started, the others waited: only the first is charged. */
static void
a_crash_charges_what_was_started (void **state)
{
    (void) state;
    host_t host;
    const char *argv[4];
    zloom_environment_t *env = NULL;
    s_open (&host, argv, &env,
            "import os, sys, zloom\n"
            "def handle(message):\n"
            "    sys.stderr.write('dying\\n')\n"
            "    os.abort()\n"
            "zloom.run(handle)\n");
    host_until_ready (&host);
    host_give (&host, "a");
    host_give (&host, "b");
    host_give (&host, "c");
    host_until (&host, &host.crashes, 1);
    host_told (&host, "crashed 1 2, ");
    assert_int_equal (host.end.signal, SIGABRT);
    assert_string_equal (zloom_buf_text (&host.ended), "signal 6 (Aborted): dying");
    assert_false (host.served);
    s_close (&host, &env);
}

static void
a_large_body_comes_back (void **state)
{
    (void) state;
    host_t host;
    const char *argv[4];
    zloom_environment_t *env = NULL;
    s_open (&host, argv, &env, "import zloom\nzloom.run(lambda message: message.body)\n");
    host_until_ready (&host);
    size_t size = 3000000;
    char *body = malloc (size);
    assert_non_null (body);
    memset (body, 'x', size);
    host.carrier->ops->give (host.carrier, host_job (&host, body, size));
    host.carrier->ops->flush (host.carrier);
    host_until (&host, &host.done, 1);
    assert_int_equal (host.told.size, strlen ("done 1 ack [], ") + size);
    free (body);
    s_close (&host, &env);
}

/* Children that break the protocol end by force, and it is said how. */
static void
s_lie (const char *line, const char *expected)
{
    host_t host;
    const char *argv[4];
    zloom_environment_t *env = NULL;
    char *script = zloom_format ("import os, sys\n"
                                 "sys.path.insert(0, os.environ['ZLOOM_HELPERS'])\n"
                                 "from zloom import pack\n"
                                 "def say(frame):\n"
                                 "    data = pack(frame)\n"
                                 "    os.write(4, len(data).to_bytes(4, 'big') + data)\n"
                                 "%s\n"
                                 "os.read(3, 1000000)\n"
                                 "os.read(3, 1000000)\n",
                                 line);
    s_open (&host, argv, &env, script);
    host_until (&host, &host.crashes, 1);
    if (!strstr (zloom_buf_text (&host.ended), expected)) {
        fail_msg ("'%s' does not say '%s'", zloom_buf_text (&host.ended), expected);
    }
    host_told (&host, "crashed 0 0, ");
    free (script);
    s_close (&host, &env);
}

static void
lies_are_told_apart (void **state)
{
    (void) state;
    s_lie ("os.write(4, b'hello, I am a print\\n')", "is something printed on descriptor 4?");
    s_lie ("os.write(4, b'\\0\\0\\0\\0')", "length must be 1 to");
    s_lie ("os.write(4, b'\\0\\0\\0\\2\\xc1\\xc1')", "a frame that cannot be read");
    s_lie ("os.write(4, b'\\0\\0\\0\\5\\xdd\\xff\\xff\\xff\\xff')", "a frame that cannot be read");
    s_lie ("os.write(4, b'\\0\\0\\0\\x20' + b'\\x91' * 31 + b'\\0')",
           "a frame that cannot be read");
    s_lie ("say([5, []])", "it spoke before it said READY");
    s_lie ("say([1, 9])", "it speaks version 9");
    s_lie ("say([1, 1]); say([1, 1])", "it said READY twice");
    s_lie ("say([1, 1]); say([3, [7]])", "it said STARTED of message 7, which it does not have");
    s_lie ("say([1, 1]); say([5, [[7, 0]]])", "it said DONE of message 7");
    s_lie ("say([77])", "no frame of a child has the number 77");
    s_lie ("say([1, 1]); say([5, [[7, 99]]])", "a frame that cannot be read");
}

static void
a_verdict_is_given_once (void **state)
{
    (void) state;
    host_t host;
    const char *argv[4];
    zloom_environment_t *env = NULL;
    s_open (&host, argv, &env,
            "import os, zloom\n"
            "def handle(message):\n"
            "    message._worker.say([5, [[message._number, 0]]])\n"
            "zloom.run(handle)\n");
    host_until_ready (&host);
    host_give (&host, "x");
    host_until (&host, &host.crashes, 1);
    host_told (&host, "done 1 ack, crashed 0 0, ");
    assert_non_null (strstr (zloom_buf_text (&host.ended), "which it does not have"));
    s_close (&host, &env);
}

static void
the_end_of_input_ends_the_helper (void **state)
{
    (void) state;
    host_t host;
    const char *argv[4];
    zloom_environment_t *env = NULL;
    s_open (&host, argv, &env, "import zloom\nzloom.run(lambda message: None)\n");
    host_until_ready (&host);
    host.carrier->ops->close (host.carrier);
    host_until (&host, &host.crashes, 1);
    assert_true (host.asked);
    assert_int_equal (host.end.exit, 0);
    s_close (&host, &env);
}

int
main (void)
{
    sigset_t mask;
    zloom_sigpipe_block (&mask);
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (a_worker_acks_retries_rejects_and_emits),
      cmocka_unit_test (values_of_all_kinds_are_emitted),
      cmocka_unit_test (an_exception_is_a_retry_with_its_traceback),
      cmocka_unit_test (progress_is_told),
      cmocka_unit_test (what_it_takes_in_hand_is_its_choice),
      cmocka_unit_test (a_crash_charges_what_was_started),
      cmocka_unit_test (a_large_body_comes_back),
      cmocka_unit_test (lies_are_told_apart),
      cmocka_unit_test (a_verdict_is_given_once),
      cmocka_unit_test (the_end_of_input_ends_the_helper),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
