/* SPDX-License-Identifier: MPL-2.0 */
#include "net/keypair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "base/memory.h"
#include "base/z85.h"

/* More than a key and its newline: what else stands there shall be seen. */
#define FILE_BYTES 128

zloom_err_t
zloom_keypair_new (zloom_keypair_t *self)
{
    if (zmq_curve_keypair (self->public_key, self->secret_key) != 0) {
        return zloom_fail (ZLOOM_UNSUPPORTED, "this libzmq draws no CURVE keys: %s",
                           zmq_strerror (errno));
    }
    return ZLOOM_OK;
}

void
zloom_keypair_wipe (zloom_keypair_t *self)
{
    explicit_bzero (self, sizeof *self);
}

zloom_err_t
zloom_key_decode (const char *text, uint8_t bytes[ZLOOM_KEY_BYTES])
{
    if (!text || !zloom_z85_decode (text, bytes, ZLOOM_KEY_BYTES)) {
        return zloom_fail (ZLOOM_INVALID,
                           "a key is %d characters of Z85, as zloom keys new makes "
                           "them",
                           ZLOOM_KEY_CHARS);
    }
    return ZLOOM_OK;
}

/* ---- files ---------------------------------------------------------------------------------- */

static zloom_err_t
s_write (const char *path, const char *key, mode_t mode)
{
    const int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0) {
        return errno == EEXIST ? zloom_fail (ZLOOM_EXISTS, "%s is there already", path)
                               : zloom_fail_errno (ZLOOM_SYSTEM, "cannot write %s", path);
    }
    zloom_err_t err = ZLOOM_OK;
    char line[ZLOOM_KEY_CHARS + 1];
    memcpy (line, key, ZLOOM_KEY_CHARS);
    line[ZLOOM_KEY_CHARS] = '\n';
    /* The umask may have taken more away, but nothing that others need of a public key. */
    if (fchmod (fd, mode) != 0 || write (fd, line, sizeof line) != (ssize_t) sizeof line ||
        fsync (fd) != 0) {
        err = zloom_fail_errno (ZLOOM_SYSTEM, "cannot write %s", path);
    }
    close (fd);
    explicit_bzero (line, sizeof line);
    if (err != ZLOOM_OK) {
        (void) unlink (path);
    }
    return err;
}

zloom_err_t
zloom_keypair_write (const zloom_keypair_t *self, const char *path)
{
    char *secret = zloom_format ("%s.secret", path);
    char *open_key = zloom_format ("%s.public", path);
    zloom_err_t err = s_write (secret, self->secret_key, 0600);
    if (err == ZLOOM_OK) {
        err = s_write (open_key, self->public_key, 0644);
        if (err != ZLOOM_OK) {
            (void) unlink (secret);
        }
    }
    free (secret);
    free (open_key);
    return err;
}

/* The file is asked, not its name, so that nobody exchanges it in between. */
static zloom_err_t
s_check_secret (int fd, const char *file)
{
    struct stat info;
    if (fstat (fd, &info) != 0) {
        return zloom_fail_errno (ZLOOM_SYSTEM, "cannot look at %s", file);
    }
    if (!S_ISREG (info.st_mode)) {
        return zloom_fail (ZLOOM_FORBIDDEN, "%s is no file", file);
    }
    if (info.st_uid != geteuid () && info.st_uid != 0) {
        return zloom_fail (ZLOOM_FORBIDDEN, "%s belongs to user %u, who could exchange it", file,
                           (unsigned) info.st_uid);
    }
    if ((info.st_mode & 077) != 0) {
        return zloom_fail (ZLOOM_FORBIDDEN,
                           "%s holds a secret key and others may use it (mode %o): chmod 600 it",
                           file, (unsigned) (info.st_mode & 0777));
    }
    return ZLOOM_OK;
}

/* The one line of a key's file into `key`. */
static zloom_err_t
s_read (const char *file, bool secret, char key[ZLOOM_KEY_CHARS + 1])
{
    const int fd = open (file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return zloom_fail_errno (errno == ENOENT ? ZLOOM_NOT_FOUND : ZLOOM_FORBIDDEN,
                                 "cannot read the key %s", file);
    }
    zloom_err_t err = secret ? s_check_secret (fd, file) : ZLOOM_OK;
    char text[FILE_BYTES] = "";
    const ssize_t got = err == ZLOOM_OK ? read (fd, text, sizeof text - 1) : 0;
    close (fd);
    if (err == ZLOOM_OK) {
        text[got > 0 ? got : 0] = 0;
        text[strcspn (text, "\r\n")] = 0;
        uint8_t bytes[ZLOOM_KEY_BYTES];
        err = zloom_key_decode (text, bytes);
        explicit_bzero (bytes, sizeof bytes);
        if (err == ZLOOM_OK) {
            memcpy (key, text, ZLOOM_KEY_CHARS + 1);
        } else {
            zloom_note_prefix ("%s", file);
        }
    }
    explicit_bzero (text, sizeof text);
    return err;
}

zloom_err_t
zloom_keypair_read (const char *file, zloom_keypair_t *self)
{
    zloom_err_t err = s_read (file, true, self->secret_key);
    if (err == ZLOOM_OK && zmq_curve_public (self->public_key, self->secret_key) != 0) {
        err = zloom_fail (ZLOOM_UNSUPPORTED, "this libzmq knows no CURVE keys: %s",
                          zmq_strerror (errno));
    }
    if (err != ZLOOM_OK) {
        zloom_keypair_wipe (self);
    }
    return err;
}

zloom_err_t
zloom_key_read_public (const char *file, char key[ZLOOM_KEY_CHARS + 1])
{
    return s_read (file, false, key);
}
