/* SPDX-License-Identifier: MPL-2.0 */
/*
 * raw.c - what the machine gives without zloom: the benches' yardsticks.
 *
 *     bench-raw zmq ipc|tcp COUNT BYTES PER_FRAME     messages/s, PUSH to PULL, two processes
 *     bench-raw socket ipc|tcp COUNT BYTES PER_FRAME  messages/s, plain stream socket, same bytes
 *     bench-raw ping ipc|tcp COUNT RATE               round trip, us: a line "P50 P99"
 *     bench-raw sync FOLDER BYTES COUNT               write + fdatasync, us: "P50 P99 MB_PER_S"
 *     bench-raw write FOLDER BYTES COUNT              the same without the sync
 *     bench-raw paced-sync FOLDER BYTES COUNT RATE    the same as sync, RATE a second
 *     bench-raw memcpy|memset BYTES COUNT             GB/s
 *     bench-raw idle ENDPOINT                         a ROUTER that waits until its stdin ends
 *
 * Files are filled with zeros and synced before they are measured, and written in a ring.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define NS_PER_S INT64_C (1000000000)
#define FILE_BYTES (64u * 1024 * 1024)
#define ENDPOINT_BYTES 256

static void
s_check (bool ok, const char *what)
{
    if (!ok) {
        fprintf (stderr, "bench-raw: %s: %s\n", what, strerror (errno));
        exit (1);
    }
}

static int64_t
s_now_ns (void)
{
    struct timespec time;
    clock_gettime (CLOCK_MONOTONIC, &time);
    return (int64_t) time.tv_sec * NS_PER_S + time.tv_nsec;
}

static size_t
s_number (const char *text)
{
    char *end = NULL;
    const uint64_t number = strtoull (text, &end, 10);
    s_check (end != text && !*end && number > 0, text);
    return (size_t) number;
}

static uint8_t *
s_alloc (size_t bytes)
{
    uint8_t *data = malloc (bytes);
    s_check (data, "memory");
    memset (data, 0x5a, bytes);
    return data;
}

/* ---- quantiles ------------------------------------------------------------------------------ */

static int
s_compare (const void *a, const void *b)
{
    const int64_t x = *(const int64_t *) a;
    const int64_t y = *(const int64_t *) b;
    return (x > y) - (x < y);
}

static void
s_print_quantiles (int64_t *took_ns, size_t count, const char *more)
{
    qsort (took_ns, count, sizeof *took_ns, s_compare);
    const size_t half = count / 2;
    const size_t last = (count - 1) * 99 / 100;
    printf ("%.2f %.2f%s\n", (double) took_ns[half] / 1e3, (double) took_ns[last] / 1e3, more);
}

/* ---- messages ------------------------------------------------------------------------------- */

typedef struct {
    bool tcp;
    size_t count, bytes, per_frame;
    char endpoint[ENDPOINT_BYTES];
} road_t;

static void
s_free_nothing (void *data, void *hint)
{
    (void) data;
    (void) hint;
}

/* The other process: it gets the address by a pipe and sends. */
static void
s_zmq_send (const road_t *road)
{
    void *context = zmq_ctx_new ();
    void *socket = zmq_socket (context, ZMQ_PUSH);
    s_check (zmq_connect (socket, road->endpoint) == 0, "connect");
    const size_t frame = road->bytes * road->per_frame;
    uint8_t *data = s_alloc (frame);
    for (size_t sent = 0; sent < road->count; sent += road->per_frame) {
        zmq_msg_t message;
        if (frame < 1024) {
            s_check (zmq_msg_init_size (&message, frame) == 0, "message");
            memcpy (zmq_msg_data (&message), data, frame);
        } else {
            s_check (zmq_msg_init_data (&message, data, frame, s_free_nothing, NULL) == 0,
                     "message");
        }
        s_check (zmq_msg_send (&message, socket, 0) >= 0, "send");
    }
    zmq_close (socket);
    zmq_ctx_term (context);
    free (data);
}

static double
s_zmq_receive (const road_t *road, void *socket)
{
    zmq_msg_t message;
    zmq_msg_init (&message);
    int64_t begin_ns = 0;
    size_t first = 0;
    size_t got = 0;
    while (got < road->count) {
        s_check (zmq_msg_recv (&message, socket, 0) >= 0, "receive");
        got += road->per_frame;
        if (begin_ns == 0) {
            begin_ns = s_now_ns ();
            first = got;
        }
    }
    const double seconds = (double) (s_now_ns () - begin_ns) / 1e9;
    zmq_msg_close (&message);
    return (double) (got - first) / seconds;
}

static void
s_name_endpoint (road_t *road)
{
    if (road->tcp) {
        snprintf (road->endpoint, sizeof road->endpoint, "tcp://127.0.0.1:*");
    } else {
        snprintf (road->endpoint, sizeof road->endpoint, "ipc:///tmp/bench-raw-%ld.sock",
                  (long) getpid ());
    }
}

static void
s_end_child (pid_t child)
{
    int status = 0;
    s_check (waitpid (child, &status, 0) == child && status == 0, "the other process");
}

static void
s_zmq (road_t *road)
{
    int ends[2];
    s_check (pipe (ends) == 0, "pipe");
    /* Before there is a context: none may live over a fork. */
    pid_t child = fork ();
    s_check (child >= 0, "fork");
    if (child == 0) {
        s_check (read (ends[0], road->endpoint, sizeof road->endpoint) ==
                   (ssize_t) sizeof road->endpoint,
                 "address");
        s_zmq_send (road);
        exit (0);
    }
    void *context = zmq_ctx_new ();
    void *socket = zmq_socket (context, ZMQ_PULL);
    s_name_endpoint (road);
    s_check (zmq_bind (socket, road->endpoint) == 0, "bind");
    size_t size = sizeof road->endpoint;
    s_check (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, road->endpoint, &size) == 0, "address");
    s_check (write (ends[1], road->endpoint, sizeof road->endpoint) ==
               (ssize_t) sizeof road->endpoint,
             "address");
    printf ("%.0f\n", s_zmq_receive (road, socket));
    s_end_child (child);
    zmq_close (socket);
    zmq_ctx_term (context);
}

/* ---- plain sockets -------------------------------------------------------------------------- */

static void
s_pair (bool tcp, int fds[2])
{
    if (!tcp) {
        s_check (socketpair (AF_UNIX, SOCK_STREAM, 0, fds) == 0, "socketpair");
        return;
    }
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket (AF_INET, SOCK_STREAM, 0);
    s_check (listener >= 0 && bind (listener, (struct sockaddr *) &address, size) == 0 &&
               listen (listener, 1) == 0 &&
               getsockname (listener, (struct sockaddr *) &address, &size) == 0,
             "listen");
    fds[0] = socket (AF_INET, SOCK_STREAM, 0);
    s_check (fds[0] >= 0 && connect (fds[0], (struct sockaddr *) &address, size) == 0, "connect");
    fds[1] = accept (listener, NULL, NULL);
    s_check (fds[1] >= 0, "accept");
    close (listener);
}

static void
s_read_whole (int fd, uint8_t *data, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        ssize_t got = read (fd, data + at, bytes - at);
        s_check (got > 0, "read");
        at += (size_t) got;
    }
}

static void
s_write_whole (int fd, const uint8_t *data, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        ssize_t put = write (fd, data + at, bytes - at);
        s_check (put > 0, "write");
        at += (size_t) put;
    }
}

static void
s_socket (const road_t *road)
{
    int fds[2];
    s_pair (road->tcp, fds);
    const size_t frame = road->bytes * road->per_frame;
    uint8_t *data = s_alloc (frame);
    pid_t child = fork ();
    s_check (child >= 0, "fork");
    if (child == 0) {
        for (size_t sent = 0; sent < road->count; sent += road->per_frame) {
            s_write_whole (fds[0], data, frame);
        }
        exit (0);
    }
    s_read_whole (fds[1], data, frame);
    const int64_t begin_ns = s_now_ns ();
    size_t got = 0;
    while (got + road->per_frame < road->count) {
        s_read_whole (fds[1], data, frame);
        got += road->per_frame;
    }
    printf ("%.0f\n", (double) got / ((double) (s_now_ns () - begin_ns) / 1e9));
    s_end_child (child);
    free (data);
}

/* Until `due_ns`; a poll of nothing, as a loop with a deadline does it. */
static void
s_wait_until (int64_t due_ns)
{
    const int64_t left_ns = due_ns - s_now_ns ();
    if (left_ns > 0) {
        const struct timespec time = {left_ns / NS_PER_S, left_ns % NS_PER_S};
        (void) ppoll (NULL, 0, &time, NULL);
    }
}

static void
s_ping (bool tcp, size_t count, size_t rate)
{
    int fds[2];
    s_pair (tcp, fds);
    uint8_t byte[100] = {0};
    pid_t child = fork ();
    s_check (child >= 0, "fork");
    if (child == 0) {
        for (size_t i = 0; i < count; i++) {
            s_read_whole (fds[0], byte, sizeof byte);
            s_write_whole (fds[0], byte, sizeof byte);
        }
        exit (0);
    }
    int64_t *took_ns = (int64_t *) (void *) s_alloc (count * sizeof *took_ns);
    const int64_t begin_ns = s_now_ns ();
    for (size_t i = 0; i < count; i++) {
        s_wait_until (begin_ns + (int64_t) i * (NS_PER_S / (int64_t) rate));
        const int64_t from_ns = s_now_ns ();
        s_write_whole (fds[1], byte, sizeof byte);
        s_read_whole (fds[1], byte, sizeof byte);
        took_ns[i] = s_now_ns () - from_ns;
    }
    s_end_child (child);
    s_print_quantiles (took_ns, count, "");
    free (took_ns);
}

/* ---- disk ----------------------------------------------------------------------------------- */

static int
s_filled_file (const char *folder)
{
    char path[4096];
    snprintf (path, sizeof path, "%s/raw.%ld", folder, (long) getpid ());
    int fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    s_check (fd >= 0, path);
    unlink (path);
    uint8_t *zeros = s_alloc (1024 * 1024);
    memset (zeros, 0, 1024 * 1024);
    for (uint32_t at = 0; at < FILE_BYTES; at += 1024 * 1024) {
        s_write_whole (fd, zeros, 1024 * 1024);
    }
    free (zeros);
    s_check (fsync (fd) == 0, "fsync");
    return fd;
}

static void
s_disk (const char *folder, size_t bytes, size_t count, size_t rate, bool sync)
{
    int fd = s_filled_file (folder);
    uint8_t *data = s_alloc (bytes);
    int64_t *took_ns = (int64_t *) (void *) s_alloc (count * sizeof *took_ns);
    const int64_t begin_ns = s_now_ns ();
    uint64_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (rate > 0) {
            s_wait_until (begin_ns + (int64_t) i * (NS_PER_S / (int64_t) rate));
        }
        const int64_t from_ns = s_now_ns ();
        s_check (pwrite (fd, data, bytes, (off_t) at) == (ssize_t) bytes, "write");
        s_check (!sync || fdatasync (fd) == 0, "fdatasync");
        took_ns[i] = s_now_ns () - from_ns;
        at = at + 2 * bytes > FILE_BYTES ? 0 : at + bytes;
    }
    char more[64];
    const double seconds = (double) (s_now_ns () - begin_ns) / 1e9;
    snprintf (more, sizeof more, " %.2f", (double) (bytes * count) / seconds / 1e6);
    s_print_quantiles (took_ns, count, more);
    close (fd);
    free (data);
    free (took_ns);
}

/* ---- memory --------------------------------------------------------------------------------- */

static void
s_memory (bool copy, size_t bytes, size_t count)
{
    uint8_t *from = s_alloc (bytes);
    uint8_t *to = s_alloc (bytes);
    const int64_t begin_ns = s_now_ns ();
    for (size_t i = 0; i < count; i++) {
        if (copy) {
            memcpy (to, from, bytes);
        } else {
            memset (to, (int) i, bytes);
        }
        /* So that the compiler keeps every round. */
        __asm__ volatile("" : : "r"(to) : "memory");
    }
    const double seconds = (double) (s_now_ns () - begin_ns) / 1e9;
    printf ("%.2f\n", (double) bytes * (double) count / seconds / 1e9);
    free (from);
    free (to);
}

static void
s_idle (const char *endpoint)
{
    void *context = zmq_ctx_new ();
    void *socket = zmq_socket (context, ZMQ_ROUTER);
    s_check (zmq_bind (socket, endpoint) == 0, "bind");
    printf ("ready\n");
    fflush (stdout);
    struct pollfd item = {.fd = STDIN_FILENO, .events = POLLIN};
    while (poll (&item, 1, -1) < 0) {
        s_check (errno == EINTR, "poll");
    }
    zmq_close (socket);
    zmq_ctx_term (context);
}

int
main (int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    const bool zmq = argc == 6 && strcmp (verb, "zmq") == 0;
    if (zmq || (argc == 6 && strcmp (verb, "socket") == 0)) {
        road_t road = {.tcp = strcmp (argv[2], "tcp") == 0,
                       .count = s_number (argv[3]),
                       .bytes = s_number (argv[4]),
                       .per_frame = s_number (argv[5])};
        if (zmq) {
            s_zmq (&road);
        } else {
            s_socket (&road);
        }
    } else if (argc == 5 && strcmp (verb, "ping") == 0) {
        s_ping (strcmp (argv[2], "tcp") == 0, s_number (argv[3]), s_number (argv[4]));
    } else if (argc == 5 && (strcmp (verb, "sync") == 0 || strcmp (verb, "write") == 0)) {
        s_disk (argv[2], s_number (argv[3]), s_number (argv[4]), 0, verb[0] == 's');
    } else if (argc == 6 && strcmp (verb, "paced-sync") == 0) {
        s_disk (argv[2], s_number (argv[3]), s_number (argv[4]), s_number (argv[5]), true);
    } else if (argc == 4 && (strcmp (verb, "memcpy") == 0 || strcmp (verb, "memset") == 0)) {
        s_memory (strcmp (verb, "memcpy") == 0, s_number (argv[2]), s_number (argv[3]));
    } else if (argc == 3 && strcmp (verb, "idle") == 0) {
        s_idle (argv[2]);
    } else {
        fprintf (stderr, "see the head of raw.c\n");
        return 2;
    }
    return 0;
}
