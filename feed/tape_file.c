/* SPDX-License-Identifier: MIT */
#include "feed/tape_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HEADER_GUESS = 2048 }; /* most headers are shorter: one read is enough */

ssize_t tape_file_read(int fd, void *out, size_t size, uint64_t at)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(fd, (char *)out + done, size - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

int tape_file_write(int fd, const void *data, size_t size, uint64_t at)
{
    size_t done = 0;
    while (done < size) {
        ssize_t put = pwrite(fd, (const char *)data + done, size - done, (off_t)(at + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? -errno : -EIO;
        done += (size_t)put;
    }
    return 0;
}

int tape_file_sync_folder(const char *path)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    if (len >= sizeof folder)
        return -ENAMETOOLONG;
    snprintf(folder, sizeof folder, "%.*s", (int)len, path);
    int fd = open(len > 0 ? folder : slash ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int result = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return result;
}

int tape_file_header(int fd, uint64_t at, uint8_t *head, struct tape_block *block, int *failed)
{
    size_t needed = HEADER_GUESS, had = 0;
    int result = TAPE_SHORT;
    *failed = 0;
    while (result == TAPE_SHORT && needed > had) {
        ssize_t got = tape_file_read(fd, head + had, needed - had, at + had);
        if (got <= 0) {
            *failed = (int)got;
            return TAPE_SHORT;
        }
        had += (size_t)got;
        result = tape_block_read(head, had, block, &needed);
    }
    return result;
}
