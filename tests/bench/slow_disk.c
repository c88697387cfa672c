/* SPDX-License-Identifier: MPL-2.0 */
/*
 * slow_disk.c - a disk whose every sync takes ZLOOM_SLOW_SYNC_US longer, for LD_PRELOAD. Only
 * fdatasync is slowed: it is what a commit waits for.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int
fdatasync (int fd)
{
    const char *text = getenv ("ZLOOM_SLOW_SYNC_US");
    const long us = text ? strtol (text, NULL, 10) : 0;
    struct timespec left = {us / 1000000, us % 1000000 * 1000};
    /* style: sleeps because the sleep is the slow disk */
    while (nanosleep (&left, &left) != 0 && errno == EINTR) {
    }
    return (int) syscall (SYS_fdatasync, fd);
}
