/* SPDX-License-Identifier: MPL-2.0 */
#include "screen.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Another screen, so that what stood there comes back; no cursor. */
#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"
/* To the top; the rest of a line, of the screen, is cleared as it is drawn: nothing flickers. */
#define HOME "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_REST "\033[J"

static int s_resize_write_fd = -1;

static void
s_on_resize (int signal)
{
    (void) signal;
    const int kept = errno;
    if (write (s_resize_write_fd, "w", 1) < 0) {
        errno = kept; /* the pipe is full of such bytes already */
        return;
    }
    errno = kept;
}

static zloom_err_t
s_write (zloom_bytes_t bytes)
{
    while (bytes.size > 0) {
        const ssize_t done = write (STDOUT_FILENO, bytes.data, bytes.size);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return zloom_fail_errno (ZLOOM_SYSTEM, "cannot write to the terminal");
        }
        bytes = zloom_bytes (bytes.data + done, bytes.size - (size_t) done);
    }
    return ZLOOM_OK;
}

/* Keys as they come, unseen; ctrl-C stays a signal, ctrl-Z would leave the terminal half taken. */
static zloom_err_t
s_take_keys (zloom_screen_t *self)
{
    self->keys = isatty (STDIN_FILENO) && tcgetattr (STDIN_FILENO, &self->before) == 0;
    if (!self->keys) {
        return ZLOOM_OK;
    }
    struct termios now = self->before;
    now.c_lflag &= ~(tcflag_t) (ICANON | ECHO);
    now.c_cc[VMIN] = 0;
    now.c_cc[VTIME] = 0;
    now.c_cc[VSUSP] = _POSIX_VDISABLE;
    if (tcsetattr (STDIN_FILENO, TCSANOW, &now) != 0) {
        return zloom_fail_errno (ZLOOM_SYSTEM, "cannot set the terminal");
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_screen_open (zloom_screen_t *self)
{
    int fds[2];
    if (pipe2 (fds, O_CLOEXEC | O_NONBLOCK) != 0) {
        return zloom_fail_errno (ZLOOM_SYSTEM, "cannot make a pipe");
    }
    *self = (zloom_screen_t){.resize_fd = fds[0]};
    s_resize_write_fd = fds[1];
    struct sigaction resize = {.sa_handler = s_on_resize, .sa_flags = SA_RESTART};
    sigemptyset (&resize.sa_mask);
    if (sigaction (SIGWINCH, &resize, NULL) != 0) {
        return zloom_fail_errno (ZLOOM_SYSTEM, "cannot catch SIGWINCH");
    }
    const zloom_err_t err = s_take_keys (self);
    return err == ZLOOM_OK ? s_write (zloom_bytes_text (ENTER)) : err;
}

void
zloom_screen_close (zloom_screen_t *self)
{
    (void) s_write (zloom_bytes_text (LEAVE));
    if (self->keys) {
        (void) tcsetattr (STDIN_FILENO, TCSANOW, &self->before);
    }
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigemptyset (&usual.sa_mask);
    (void) sigaction (SIGWINCH, &usual, NULL);
    close (self->resize_fd);
    close (s_resize_write_fd);
    s_resize_write_fd = -1;
}

void
zloom_screen_size (size_t *rows, size_t *columns)
{
    struct winsize size;
    const bool known = ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    *rows = known && size.ws_row > 0 ? size.ws_row : 24;
    *columns = known && size.ws_col > 0 ? size.ws_col : 80;
}

zloom_err_t
zloom_screen_draw (zloom_bytes_t text)
{
    zloom_buf_t out = {0};
    zloom_buf_add_text (&out, HOME);
    for (size_t i = 0; i < text.size; i++) {
        const bool end = text.data[i] == '\n';
        zloom_buf_add_text (&out, end ? CLEAR_LINE : "");
        /* A newline behind the last row would scroll. */
        if (!end) {
            zloom_buf_add (&out, &text.data[i], 1);
        } else if (i + 1 < text.size) {
            zloom_buf_add_text (&out, "\n");
        }
    }
    zloom_buf_add_text (&out, CLEAR_REST);
    const zloom_err_t err = s_write (zloom_buf_bytes (&out));
    zloom_buf_fini (&out);
    return err;
}

void
zloom_screen_resized (zloom_screen_t *self)
{
    char bytes[64];
    while (read (self->resize_fd, bytes, sizeof bytes) > 0) {
    }
}

int
zloom_screen_key (void)
{
    unsigned char key = 0;
    const ssize_t got = read (STDIN_FILENO, &key, 1);
    return got == 1 ? key : got == 0 || errno != EAGAIN ? -1 : 0;
}
