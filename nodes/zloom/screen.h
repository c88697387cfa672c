/* SPDX-License-Identifier: MPL-2.0 */
/*
 * screen.h - a terminal that one text after the other is drawn on: no curses, a handful of escape
 * sequences that every terminal since the VT100 knows. It is left as it was found, also by a signal
 * that the caller turns into a return.
 */
#ifndef ZLOOM_CLI_SCREEN_H
#define ZLOOM_CLI_SCREEN_H

#include "base/bytes.h"
#include "base/error.h"

#include <termios.h>

typedef struct {
    bool keys; /* stdin is a terminal, too: keys are read one by one */
    struct termios before;
    int resize_fd; /* readable when the terminal has another size */
} zloom_screen_t;

/* Take over the terminal at stdout. SYSTEM with a note. */
zloom_err_t zloom_screen_open (zloom_screen_t *self);
void zloom_screen_close (zloom_screen_t *self);
/* 80 x 24 where the terminal does not say. */
void zloom_screen_size (size_t *rows, size_t *columns);
/* Draw a text of lines over what is there. */
zloom_err_t zloom_screen_draw (zloom_bytes_t text);
/* After resize_fd was readable. */
void zloom_screen_resized (zloom_screen_t *self);
/* A key that was pressed, 0: none; -1: no more will come. */
int zloom_screen_key (void);

#endif
