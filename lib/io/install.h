/* SPDX-License-Identifier: MPL-2.0 */
/*
 * install.h - where the files lie that came with zloom: its helper programs and the helpers for
 * workers in other languages. An installed tree may be moved, so they are looked for from the
 * library, or the program, that this code is part of, before the place that the build knows.
 */
#ifndef ZLOOM_IO_INSTALL_H
#define ZLOOM_IO_INSTALL_H

#include <stdbool.h>
#include <stddef.h>

/* Below the installation's prefix; the build says so if it is not the usual place. */
#ifndef ZLOOM_LIBEXEC_PLACE
#define ZLOOM_LIBEXEC_PLACE "libexec/zloom"
#endif
#ifndef ZLOOM_HELPERS_PLACE
#define ZLOOM_HELPERS_PLACE "share/zloom/helpers"
#endif

/*
 * The path of the file `name`, which is installed at PREFIX/`place`/`name`; `beside`: it may also
 * lie in the folder of the program or the library, as in a build tree. False: it is nowhere.
 */
bool zloom_install_find (const char *place, const char *name, bool beside, char *path, size_t size);

#endif
