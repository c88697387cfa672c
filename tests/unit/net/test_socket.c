/* SPDX-License-Identifier: MPL-2.0 */
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <zmq.h>

#include "net/context.h"
#include "net/socket.h"
#include "unit/net/place.h"

static int
s_option (const zloom_socket_t *socket, int option)
{
    int value = -1;
    size_t size = sizeof value;
    assert_int_equal (zmq_getsockopt (zloom_socket_handle (socket), option, &value, &size), 0);
    return value;
}

static void
test_the_profile_is_set (void **state)
{
    (void) state;
    zloom_socket_t *socket = NULL;
    const zloom_socket_config_t config = {.max_frame_bytes = 1000, .send_hwm = 7};
    assert_int_equal (zloom_socket_open (ZLOOM_SOCKET_ROUTER, &config, &socket), ZLOOM_OK);
    assert_int_equal (s_option (socket, ZMQ_LINGER), 0);
    assert_int_equal (s_option (socket, ZMQ_SNDHWM), 7);
    assert_int_equal (s_option (socket, ZMQ_RCVHWM), 16384);
    assert_int_equal (s_option (socket, ZMQ_HANDSHAKE_IVL), 3000);
    assert_int_equal (s_option (socket, ZMQ_TCP_KEEPALIVE), 1);
    assert_int_equal (s_option (socket, ZMQ_CONNECT_TIMEOUT), 5000);
    assert_int_equal (s_option (socket, ZMQ_HEARTBEAT_IVL), 0);
    const int reconnect_ms = s_option (socket, ZMQ_RECONNECT_IVL);
    assert_true (reconnect_ms >= 150 && reconnect_ms <= 250);
    int64_t most = 0;
    size_t size = sizeof most;
    assert_int_equal (zmq_getsockopt (zloom_socket_handle (socket), ZMQ_MAXMSGSIZE, &most, &size),
                      0);
    assert_int_equal (most, 1000);
    zloom_socket_close (&socket);
    assert_null (socket);
}

/* A sanitizer's allocator has rules of its own. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define BLOCK_BYTES ((size_t) 192 * 1024)
#define ROUNDS 100

static long
s_page_faults (void)
{
    struct rusage usage;
    assert_int_equal (getrusage (RUSAGE_THREAD, &usage), 0);
    return usage.ru_minflt;
}

static void
test_memory_for_large_frames_is_kept (void **state)
{
    (void) state;
    void *context = NULL;
    assert_int_equal (zloom_context_acquire (&context), ZLOOM_OK);
    const long before = s_page_faults ();
    for (int round = 0; round < ROUNDS; round++) {
        void *volatile block[4];
        for (size_t i = 0; i < 4; i++) {
            block[i] = malloc (BLOCK_BYTES);
            assert_non_null (block[i]);
            memset (block[i], round, BLOCK_BYTES);
        }
        for (size_t i = 0; i < 4; i++) {
            free (block[i]);
        }
    }
    /* New pages each time would be 19,200. */
    assert_in_range (s_page_faults () - before, 0, 2000);
    zloom_context_release ();
}
#endif

static void
test_the_context_is_one_and_counted (void **state)
{
    (void) state;
    void *first = NULL;
    void *second = NULL;
    assert_int_equal (zloom_context_acquire (&first), ZLOOM_OK);
    assert_int_equal (zloom_context_acquire (&second), ZLOOM_OK);
    assert_ptr_equal (first, second);
    zloom_context_release ();
    void *socket = zmq_socket (second, ZMQ_PAIR); /* it still lives */
    assert_non_null (socket);
    assert_int_equal (zmq_close (socket), 0);
    zloom_context_release ();
}

static void
test_a_live_ipc_socket_is_not_stolen (void **state)
{
    (void) state;
    const char *endpoint = s_at ("ipc://", "/a.sock");
    zloom_socket_t *first = NULL;
    zloom_socket_t *second = NULL;
    assert_int_equal (zloom_socket_open (ZLOOM_SOCKET_ROUTER, NULL, &first), ZLOOM_OK);
    assert_int_equal (zloom_socket_open (ZLOOM_SOCKET_ROUTER, NULL, &second), ZLOOM_OK);
    assert_int_equal (zloom_socket_bind (first, endpoint), ZLOOM_OK);
    assert_int_equal (zloom_socket_bind (second, endpoint), ZLOOM_LOCKED);
    char pid[24];
    snprintf (pid, sizeof pid, "%ld", (long) getpid ());
    assert_non_null (strstr (zloom_note (), pid));
    assert_int_equal (access (s_at ("", "/a.sock"), F_OK), 0);
    zloom_socket_close (&first);
    /* Closed means that nothing is left to connect to. */
    assert_int_not_equal (access (s_at ("", "/a.sock"), F_OK), 0);
    assert_int_equal (zloom_socket_bind (second, endpoint), ZLOOM_OK);
    assert_int_equal (access (s_at ("", "/a.sock"), F_OK), 0);
    zloom_socket_close (&second);
}

static void
test_the_file_of_a_dead_process_is_replaced (void **state)
{
    (void) state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf (address.sun_path, sizeof address.sun_path, "%s", s_at ("", "/a.sock"));
    const int dead = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal (bind (dead, (const struct sockaddr *) &address, sizeof address), 0);
    close (dead); /* the file stays */
    zloom_socket_t *socket = NULL;
    assert_int_equal (zloom_socket_open (ZLOOM_SOCKET_ROUTER, NULL, &socket), ZLOOM_OK);
    assert_int_equal (zloom_socket_bind (socket, s_at ("ipc://", "/a.sock")), ZLOOM_OK);
    zloom_socket_close (&socket);
}

static void
test_a_plain_file_is_left_alone (void **state)
{
    (void) state;
    const int fd = open (s_at ("", "/a.sock"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal (write (fd, "mine", 4), 4);
    close (fd);
    zloom_socket_t *socket = NULL;
    assert_int_equal (zloom_socket_open (ZLOOM_SOCKET_ROUTER, NULL, &socket), ZLOOM_OK);
    assert_int_equal (zloom_socket_bind (socket, s_at ("ipc://", "/a.sock")), ZLOOM_EXISTS);
    struct stat info;
    assert_int_equal (stat (s_at ("", "/a.sock"), &info), 0);
    assert_int_equal (info.st_size, 4);
    zloom_socket_close (&socket);
}

static void
test_the_directory_must_be_private (void **state)
{
    (void) state;
    zloom_socket_t *socket = NULL;
    assert_int_equal (zloom_socket_open (ZLOOM_SOCKET_ROUTER, NULL, &socket), ZLOOM_OK);
    assert_int_equal (chmod (s_place, 0711), 0);
    assert_int_equal (zloom_socket_bind (socket, s_at ("ipc://", "/a.sock")), ZLOOM_FORBIDDEN);
    assert_int_equal (chmod (s_place, 0700), 0);
    assert_int_equal (zloom_socket_bind (socket, s_at ("ipc://", "/deep/er/a.sock")), ZLOOM_OK);
    zloom_socket_close (&socket);
}

static void
test_a_taken_port_is_told (void **state)
{
    (void) state;
    zloom_socket_t *first = NULL;
    zloom_socket_t *second = NULL;
    assert_int_equal (zloom_socket_open (ZLOOM_SOCKET_ROUTER, NULL, &first), ZLOOM_OK);
    assert_int_equal (zloom_socket_open (ZLOOM_SOCKET_ROUTER, NULL, &second), ZLOOM_OK);
    assert_int_equal (zloom_socket_bind (first, "tcp://127.0.0.1:*"), ZLOOM_OK);
    char endpoint[128];
    size_t size = sizeof endpoint;
    assert_int_equal (
      zmq_getsockopt (zloom_socket_handle (first), ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    char taken[32];
    snprintf (taken, sizeof taken, "tcp://127.0.0.1:%s", strrchr (endpoint, ':') + 1);
    assert_int_equal (zloom_socket_bind (second, taken), ZLOOM_EXISTS);
    zloom_socket_close (&first);
    zloom_socket_close (&second);
}

static void
test_poll_sees_descriptors_and_deadlines (void **state)
{
    (void) state;
    int ends[2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    zloom_poll_item_t items[] = {{.fd = ends[0]}, {.fd = -1}, {.fd = ends[1], .write = true}};
    assert_int_equal (zloom_poll (items, 3, 0), ZLOOM_OK);
    assert_false (items[0].ready);
    assert_false (items[1].ready);
    assert_true (items[2].ready);
    const int64_t deadline_ns = zloom_clock_now ().mono_ns + 20 * ZLOOM_NS_PER_MS;
    assert_int_equal (zloom_poll (items, 2, deadline_ns), ZLOOM_OK);
    assert_true (zloom_clock_now ().mono_ns >= deadline_ns);
    assert_int_equal (write (ends[1], "x", 1), 1);
    assert_int_equal (zloom_poll (items, 2, ZLOOM_NEVER), ZLOOM_OK);
    assert_true (items[0].ready);
    close (ends[0]);
    close (ends[1]);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_the_profile_is_set),
      cmocka_unit_test (test_the_context_is_one_and_counted),
#ifdef BLOCK_BYTES
      cmocka_unit_test (test_memory_for_large_frames_is_kept),
#endif
      cmocka_unit_test_setup_teardown (test_a_live_ipc_socket_is_not_stolen, s_make_place,
                                       s_clear_place),
      cmocka_unit_test_setup_teardown (test_the_file_of_a_dead_process_is_replaced, s_make_place,
                                       s_clear_place),
      cmocka_unit_test_setup_teardown (test_a_plain_file_is_left_alone, s_make_place,
                                       s_clear_place),
      cmocka_unit_test_setup_teardown (test_the_directory_must_be_private, s_make_place,
                                       s_clear_place),
      cmocka_unit_test (test_a_taken_port_is_told),
      cmocka_unit_test (test_poll_sees_descriptors_and_deadlines),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
