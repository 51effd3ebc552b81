/* SPDX-License-Identifier: MIT */
#include "tools/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

struct lines {
    gzFile file; /* zlib passes plain files through as they are */
    char path[4096];
    uint64_t size;
    uint64_t number;
    uint64_t skipped; /* bytes taken by lines_skip() */
    size_t start;     /* of what is unread in buffer */
    size_t end;
    bool at_end;
    bool skipping; /* within a line that is too long */
    int failed;    /* -errno */
    char error[4352];
    char buffer[LINE_LEN_MAX];
};

static int open_fd(const char *path, uint64_t *size)
{
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    struct stat status;
    int result = fstat(fd, &status) < 0 ? -errno : S_ISDIR(status.st_mode) ? -EISDIR : 0;
    if (result < 0) {
        close(fd);
        return result;
    }
    *size = S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
    return fd;
}

int lines_open(struct lines **out, const char *path, char *error, size_t error_size)
{
    uint64_t size = 0;
    int fd = open_fd(path, &size);
    if (fd < 0) {
        snprintf(error, error_size, "can't read %s: %s", path, strerror(-fd));
        return fd;
    }
    struct lines *lines = calloc(1, sizeof *lines);
    gzFile file = lines ? gzdopen(fd, "rb") : NULL;
    if (!file) {
        close(fd);
        free(lines);
        snprintf(error, error_size, "can't read %s: %s", path, strerror(ENOMEM));
        return -ENOMEM;
    }
    gzbuffer(file, 1 << 17);
    lines->file = file;
    lines->size = size;
    snprintf(lines->path, sizeof lines->path, "%s",
             strcmp(path, "-") == 0 ? "standard input" : path);
    *out = lines;
    return 0;
}

void lines_close(struct lines *lines)
{
    if (!lines)
        return;
    gzclose(lines->file);
    free(lines);
}

/* Reads more behind what is unread. Returns 0 or -errno; sets at_end. */
static int fill(struct lines *lines)
{
    memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
    lines->end -= lines->start;
    lines->start = 0;
    int got =
        gzread(lines->file, lines->buffer + lines->end, (unsigned)(LINE_LEN_MAX - lines->end));
    int code = Z_OK;
    const char *why = gzerror(lines->file, &code);
    /* Z_BUF_ERROR: the file ends within the compressed stream. What was read before it is still
     * good. */
    if (got < 0 || (got == 0 && code == Z_BUF_ERROR)) {
        lines->failed = code == Z_ERRNO ? -(errno ? errno : EIO) : -EBADMSG;
        /* Without a line before it, it is read by the bytes, or is cut within its first. */
        bool by_line = lines->number > 0;
        snprintf(lines->error, sizeof lines->error, "can't read on in %s after %s %llu: %s",
                 lines->path, by_line ? "line" : "byte",
                 (unsigned long long)(by_line ? lines->number : lines->skipped + lines->end),
                 code == Z_ERRNO       ? strerror(-lines->failed)
                 : code == Z_BUF_ERROR ? "the compressed data is cut short"
                                       : why);
        return lines->failed;
    }
    lines->end += (size_t)got;
    lines->at_end = got == 0;
    return 0;
}

/* Takes the next line, or what is left at the end, from the buffer. Returns 1, or 0 when more must
 * be read. */
static int take(struct lines *lines, size_t *searched, const char **line, size_t *len)
{
    const char *from = lines->buffer + lines->start;
    size_t unread = lines->end - lines->start;
    const char *newline = memchr(from + *searched, '\n', unread - *searched);
    *searched = unread;
    if (!newline && !(lines->at_end && unread > 0))
        return 0;
    *line = from;
    *len = newline ? (size_t)(newline - from) + 1 : unread;
    lines->start += *len;
    lines->number++;
    return 1;
}

/* What is told about a line whose end was reached. */
static int end_line(struct lines *lines)
{
    bool skipped = lines->skipping;
    lines->skipping = false;
    return skipped ? -E2BIG : 1;
}

int lines_next(struct lines *lines, const char **line, size_t *len)
{
    size_t searched = 0;
    for (;;) {
        if (take(lines, &searched, line, len))
            return end_line(lines);
        if (lines->at_end && lines->skipping) {
            lines->number++;
            return end_line(lines);
        }
        if (lines->at_end)
            return 0;
        if (lines->end - lines->start == LINE_LEN_MAX) {
            lines->skipping = true;
            lines->start = lines->end;
            searched = 0;
        }
        int result = lines->failed < 0 ? lines->failed : fill(lines);
        if (result < 0)
            return result;
    }
}

int lines_peek(struct lines *lines, size_t want, const uint8_t **data, size_t *len)
{
    int result = lines->failed;
    while (result == 0 && !lines->at_end && lines->end - lines->start < want)
        result = fill(lines);
    *data = (const uint8_t *)lines->buffer + lines->start;
    *len = lines->end - lines->start;
    return result;
}

void lines_skip(struct lines *lines, size_t len)
{
    lines->start += len;
    lines->skipped += len;
}

const char *lines_error(const struct lines *lines)
{
    return lines->error;
}

uint64_t lines_number(const struct lines *lines)
{
    return lines->number;
}

uint64_t lines_offset(const struct lines *lines)
{
    z_off_t offset = gzoffset(lines->file);
    return offset > 0 ? (uint64_t)offset : 0;
}

uint64_t lines_size(const struct lines *lines)
{
    return lines->size;
}
