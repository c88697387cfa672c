/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The supervisor's control socket: requests and answers, late ones and those in parts; what is no
 * request; peers that go, that are too many, that do not read; a place that is not to be trusted.
 */
#include "launch/control_socket.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "support/folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct {
    char folder[ZLOOM_FOLDER_BYTES];
    zloom_control_socket_t *socket;
    zloom_control_ticket_t last;
    int calls;
    char verb[32];
    int64_t number;
} s_fixture_t;

/* "hold" is answered by the test, "long" with a megabyte, all else at once. */
static void
s_take (void *arg, zloom_control_ticket_t ticket, const char *verb, const json_t *request)
{
    s_fixture_t *self = arg;
    self->last = ticket;
    self->calls++;
    (void) snprintf (self->verb, sizeof self->verb, "%s", verb);
    self->number = json_integer_value (json_object_get (request, "number"));
    if (strcmp (verb, "no") == 0) {
        zloom_control_socket_fail (self->socket, ticket, ZLOOM_NOT_FOUND, "no node '%s'", "x");
    } else if (strcmp (verb, "long") == 0) {
        char *text = malloc (1 << 20);
        assert_non_null (text);
        memset (text, 'a', 1 << 20);
        json_t *answer = json_object ();
        json_object_set_new (answer, "text", json_stringn (text, 1 << 20));
        zloom_control_socket_answer (self->socket, ticket, answer, false);
        free (text);
    } else if (strcmp (verb, "hold") != 0) {
        json_t *answer = json_object ();
        json_object_set_new (answer, "number", json_integer (self->number + 1));
        zloom_control_socket_answer (self->socket, ticket, answer, false);
    }
}

static int
s_setup (void **state)
{
    s_fixture_t *self = calloc (1, sizeof *self);
    assert_non_null (self);
    assert_true (zloom_folder_make (self->folder));
    assert_int_equal (chmod (self->folder, 0700), 0);
    assert_int_equal (zloom_control_socket_open (self->folder, s_take, self, &self->socket),
                      ZLOOM_OK);
    *state = self;
    return 0;
}

static int
s_teardown (void **state)
{
    s_fixture_t *self = *state;
    zloom_control_socket_close (&self->socket);
    assert_true (zloom_folder_remove (self->folder));
    free (self);
    return 0;
}

static int
s_connect (const s_fixture_t *self)
{
    int fd = -1;
    assert_int_equal (zloom_control_socket_connect (self->folder, &fd), ZLOOM_OK);
    return fd;
}

static void
s_write (int fd, const char *text)
{
    assert_int_equal (send (fd, text, strlen (text), MSG_NOSIGNAL), (ssize_t) strlen (text));
}

/* Turn the socket's loop as long as it has something to do. */
static void
s_turn (const s_fixture_t *self)
{
    struct pollfd polls[ZLOOM_CONTROL_FDS];
    do {
        zloom_control_socket_polls (self->socket, polls);
        if (poll (polls, ZLOOM_CONTROL_FDS, 0) <= 0) {
            return;
        }
        zloom_control_socket_turn (self->socket, polls);
    } while (true);
}

/* What stands to be read, at most `size` − 1 bytes; "" when nothing does, "END" at the end. */
static const char *
s_heard (int fd)
{
    static char text[4096];
    ssize_t got = recv (fd, text, sizeof text - 1, MSG_DONTWAIT);
    (void) snprintf (text + (got > 0 ? got : 0), 4, "%s", got == 0 ? "END" : "");
    return text;
}

static void
socket_answers_requests_in_order (void **state)
{
    s_fixture_t *self = *state;
    int fd = s_connect (self);
    s_write (fd, "{\"verb\":\"add\",\"number\":41}\n{\"verb\":\"no\"}\n{\"ver");
    s_turn (self);
    assert_string_equal (s_heard (fd),
                         "{\"number\":42,\"ok\":true}\n"
                         "{\"ok\":false,\"error\":\"NOT_FOUND\",\"text\":\"no node 'x'\"}\n");
    s_write (fd, "b\":\"add\",\"number\":1}\n");
    s_turn (self);
    assert_string_equal (s_heard (fd), "{\"number\":2,\"ok\":true}\n");
    close (fd);
    s_turn (self);
}

/* Only one request of a connection is under way: what follows is read when that has its answer. */
static void
socket_keeps_what_follows_a_late_answer (void **state)
{
    s_fixture_t *self = *state;
    int fd = s_connect (self);
    s_write (fd, "{\"verb\":\"hold\"}\n{\"verb\":\"add\",\"number\":1}\n");
    s_turn (self);
    assert_string_equal (s_heard (fd), "");
    assert_int_equal (self->calls, 1);
    const zloom_control_ticket_t ticket = self->last;
    assert_true (zloom_control_socket_awaited (self->socket, ticket));
    zloom_control_socket_answer (self->socket, ticket, json_object (), true);
    assert_string_equal (s_heard (fd), "{\"ok\":true,\"more\":true}\n");
    assert_true (zloom_control_socket_awaited (self->socket, ticket));
    zloom_control_socket_answer (self->socket, ticket, json_object (), false);
    assert_false (zloom_control_socket_awaited (self->socket, ticket));
    /* A second answer is nobody's. */
    zloom_control_socket_answer (self->socket, ticket, json_object (), false);
    s_turn (self);
    assert_string_equal (s_heard (fd), "{\"ok\":true}\n{\"number\":2,\"ok\":true}\n");
    close (fd);
}

static void
socket_forgets_who_goes_while_it_waits (void **state)
{
    s_fixture_t *self = *state;
    int fd = s_connect (self);
    s_write (fd, "{\"verb\":\"hold\"}\n");
    s_turn (self);
    const zloom_control_ticket_t ticket = self->last;
    close (fd);
    s_turn (self);
    assert_false (zloom_control_socket_awaited (self->socket, ticket));
    zloom_control_socket_answer (self->socket, ticket, json_object (), false);
    /* The next one in the same place has a ticket of its own. */
    fd = s_connect (self);
    s_write (fd, "{\"verb\":\"hold\"}\n");
    s_turn (self);
    assert_int_not_equal (self->last, ticket);
    assert_false (zloom_control_socket_awaited (self->socket, ticket));
    close (fd);
}

static void
socket_refuses_what_is_no_request (void **state)
{
    s_fixture_t *self = *state;
    static const char *const wrong[][2] = {
      {"GET / HTTP/1.1\r\n", "MALFORMED"},
      {"\n", "MALFORMED"},
      {"[1,2]\n", "MALFORMED"},
      {"{\"verb\":7}\n", "MALFORMED"},
      {"{\"verb\":\"a\",\"verb\":\"b\"}\n", "MALFORMED"},
      {"{} {}\n", "MALFORMED"},
      {"\xff\xfe\n", "MALFORMED"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int fd = s_connect (self);
        s_write (fd, wrong[i][0]);
        s_turn (self);
        const char *heard = s_heard (fd);
        assert_non_null (strstr (heard, "\"ok\":false"));
        assert_non_null (strstr (heard, wrong[i][1]));
        assert_string_equal (s_heard (fd), "END");
        close (fd);
    }
    assert_int_equal (self->calls, 0);
}

static void
socket_refuses_a_request_without_end (void **state)
{
    s_fixture_t *self = *state;
    int fd = s_connect (self);
    char chunk[4097];
    memset (chunk, 'x', sizeof chunk - 1);
    chunk[sizeof chunk - 1] = 0;
    for (int i = 0; i < 17; i++) {
        (void) send (fd, chunk, sizeof chunk - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        s_turn (self);
    }
    assert_non_null (strstr (s_heard (fd), "TOO_BIG"));
    close (fd);
}

/* Who does not read its answer keeps nobody waiting, and gets it when it reads. */
static void
socket_waits_for_no_reader (void **state)
{
    s_fixture_t *self = *state;
    int lazy = s_connect (self);
    s_write (lazy, "{\"verb\":\"long\"}\n");
    s_turn (self);
    int fd = s_connect (self);
    s_write (fd, "{\"verb\":\"add\"}\n");
    s_turn (self);
    assert_string_equal (s_heard (fd), "{\"number\":1,\"ok\":true}\n");
    size_t total = 0;
    char chunk[65536];
    while (total < (1 << 20)) {
        ssize_t got = recv (lazy, chunk, sizeof chunk, MSG_DONTWAIT);
        assert_true (got > 0);
        total += (size_t) got;
        s_turn (self);
    }
    close (lazy);
    close (fd);
}

/* Silent ones make room; when all wait for an answer, the next is told so. */
static void
socket_has_room_for_sixteen (void **state)
{
    s_fixture_t *self = *state;
    int fds[ZLOOM_CONTROL_PEERS + 2];
    for (int i = 0; i < ZLOOM_CONTROL_PEERS; i++) {
        fds[i] = s_connect (self);
        s_turn (self);
    }
    fds[ZLOOM_CONTROL_PEERS] = s_connect (self);
    s_turn (self);
    assert_string_equal (s_heard (fds[0]), "END"); /* silent for longest */
    assert_string_equal (s_heard (fds[1]), "");
    for (int i = 1; i <= ZLOOM_CONTROL_PEERS; i++) {
        s_write (fds[i], "{\"verb\":\"hold\"}\n");
    }
    s_turn (self);
    assert_int_equal (self->calls, ZLOOM_CONTROL_PEERS);
    fds[ZLOOM_CONTROL_PEERS + 1] = s_connect (self);
    s_turn (self);
    assert_non_null (strstr (s_heard (fds[ZLOOM_CONTROL_PEERS + 1]), "TOO_MANY"));
    assert_string_equal (s_heard (fds[1]), "");
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        close (fds[i]);
    }
}

static void
socket_is_for_its_user_alone (void **state)
{
    s_fixture_t *self = *state;
    char path[ZLOOM_FOLDER_BYTES + 16];
    (void) snprintf (path, sizeof path, "%s/control", self->folder);
    struct stat info;
    assert_int_equal (stat (path, &info), 0);
    assert_int_equal (info.st_mode & 0777, 0600);
    int fd = -1;
    assert_int_equal (chmod (path, 0666), 0);
    assert_int_equal (zloom_control_socket_connect (self->folder, &fd), ZLOOM_FORBIDDEN);
    assert_int_equal (chmod (path, 0600), 0);
    assert_int_equal (chmod (self->folder, 0777), 0);
    assert_int_equal (zloom_control_socket_connect (self->folder, &fd), ZLOOM_FORBIDDEN);
    assert_int_equal (chmod (self->folder, 0700), 0);
    assert_int_equal (fd, -1);
}

static void
socket_that_was_left_is_replaced (void **state)
{
    s_fixture_t *self = *state;
    char path[ZLOOM_FOLDER_BYTES + 16];
    (void) snprintf (path, sizeof path, "%s/control", self->folder);
    zloom_control_socket_close (&self->socket);
    assert_int_equal (access (path, F_OK), -1);
    int fd = -1;
    assert_int_equal (zloom_control_socket_connect (self->folder, &fd), ZLOOM_NOT_RUNNING);
    /* A file where the socket should be is not believed; a socket without owner is. */
    assert_int_equal (close (open (path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
    assert_int_equal (zloom_control_socket_connect (self->folder, &fd), ZLOOM_FORBIDDEN);
    assert_int_equal (zloom_control_socket_open (self->folder, s_take, self, &self->socket),
                      ZLOOM_OK);
    fd = s_connect (self);
    close (fd);
}

/* A unix address has 107 bytes for its path; a folder has as many as it likes. */
static void
socket_lies_as_deep_as_it_must (void **state)
{
    s_fixture_t *self = *state;
    char deep[512];
    (void) snprintf (deep, sizeof deep, "%s", self->folder);
    for (int i = 0; i < 8; i++) {
        size_t at = strlen (deep);
        (void) snprintf (deep + at, sizeof deep - at, "/%s", "a-folder-with-quite-a-long-name");
        assert_int_equal (mkdir (deep, 0700), 0);
    }
    zloom_control_socket_t *other = NULL;
    assert_int_equal (zloom_control_socket_open (deep, s_take, self, &other), ZLOOM_OK);
    int fd = -1;
    assert_int_equal (zloom_control_socket_connect (deep, &fd), ZLOOM_OK);
    close (fd);
    zloom_control_socket_close (&other);
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)
    const struct CMUnitTest tests[] = {
      TEST (socket_answers_requests_in_order),
      TEST (socket_keeps_what_follows_a_late_answer),
      TEST (socket_forgets_who_goes_while_it_waits),
      TEST (socket_refuses_what_is_no_request),
      TEST (socket_refuses_a_request_without_end),
      TEST (socket_waits_for_no_reader),
      TEST (socket_has_room_for_sixteen),
      TEST (socket_is_for_its_user_alone),
      TEST (socket_that_was_left_is_replaced),
      TEST (socket_lies_as_deep_as_it_must),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
