/* SPDX-License-Identifier: MIT */
#include "feed/archive.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct archive_file {
    char *path;
    uint64_t size; /* when it was read */
    int64_t changed_ns;
    struct tape_span event, receive;
    uint64_t blocks;
    bool seen; /* in this look */
};

struct archive {
    const char *folder;
    void (*notice)(void *arg, const char *sentence);
    void *arg;
    struct archive_file *files; /* by path */
    size_t count, cap;
};

struct archive *archive_create(const char *folder, void (*notice)(void *arg, const char *sentence),
                               void *arg)
{
    struct archive *archive = calloc(1, sizeof *archive);
    if (!archive)
        return NULL;
    archive->folder = folder;
    archive->notice = notice;
    archive->arg = arg;
    return archive;
}

void archive_destroy(struct archive *archive)
{
    if (!archive)
        return;
    for (size_t i = 0; i < archive->count; i++)
        free(archive->files[i].path);
    free(archive->files);
    free(archive);
}

static void tell(const struct archive *archive, const char *sentence)
{
    if (archive->notice)
        archive->notice(archive->arg, sentence);
}

static void widen(struct tape_span *span, const struct tape_span *by)
{
    span->first_ns = by->first_ns < span->first_ns ? by->first_ns : span->first_ns;
    span->last_ns = by->last_ns > span->last_ns ? by->last_ns : span->last_ns;
}

/* Goes through the blocks' headers. Damage costs the file no more than its block. */
static void read_file(struct archive *archive, struct archive_file *file)
{
    struct tape_reader_config config = {.path = file->path, .growing = true};
    struct tape_reader *reader;
    const struct tape_block *block;
    char error[512];
    int rc;
    file->blocks = 0;
    if (tape_reader_open(&reader, &config, error, sizeof error) < 0) {
        tell(archive, error);
        return;
    }
    while ((rc = tape_reader_next_block(reader, &block)) != 0) {
        if (rc == -EBADMSG)
            continue; /* whoever plays it is told */
        if (rc < 0) {
            tell(archive, tape_reader_error(reader));
            break;
        }
        if (file->blocks++ == 0) {
            file->event = block->event;
            file->receive = block->receive;
        }
        widen(&file->event, &block->event);
        widen(&file->receive, &block->receive);
    }
    tape_reader_close(reader);
}

static struct archive_file *find(struct archive *archive, const char *path)
{
    for (size_t i = 0; i < archive->count; i++)
        if (strcmp(archive->files[i].path, path) == 0)
            return &archive->files[i];
    return NULL;
}

/* Returns NULL when out of memory. */
static struct archive_file *add(struct archive *archive, const char *path)
{
    if (archive->count == archive->cap) {
        size_t cap = archive->cap ? archive->cap * 2 : 64;
        struct archive_file *files = realloc(archive->files, cap * sizeof *files);
        if (!files)
            return NULL;
        archive->files = files;
        archive->cap = cap;
    }
    struct archive_file *file = &archive->files[archive->count];
    *file = (struct archive_file){.path = strdup(path)};
    if (!file->path)
        return NULL;
    archive->count++;
    return file;
}

static int look_at(struct archive *archive, const char *path)
{
    struct stat status;
    if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
        return 0; /* gone again, or none of ours */
    struct archive_file *file = find(archive, path);
    /* Of the inode: it tells also that a file may be read now, or is another one of the same age.
     */
    int64_t changed_ns = status.st_ctim.tv_sec * 1000000000ll + status.st_ctim.tv_nsec;
    if (!file && archive->count == ARCHIVE_FILES_MAX)
        return -E2BIG;
    if (!file && !(file = add(archive, path)))
        return -ENOMEM;
    file->seen = true;
    if (file->changed_ns == changed_ns && file->size == (uint64_t)status.st_size)
        return 0;
    file->changed_ns = changed_ns;
    file->size = (uint64_t)status.st_size;
    read_file(archive, file);
    return 0;
}

static void forget_unseen(struct archive *archive)
{
    size_t kept = 0;
    for (size_t i = 0; i < archive->count; i++) {
        if (archive->files[i].seen)
            archive->files[kept++] = archive->files[i];
        else
            free(archive->files[i].path);
    }
    archive->count = kept;
}

static int by_path(const void *a, const void *b)
{
    const struct archive_file *x = a, *y = b;
    return strcmp(x->path, y->path);
}

static bool is_tape(const char *name)
{
    size_t len = strlen(name);
    return len > 5 && strcmp(name + len - 5, ".tape") == 0;
}

int archive_look(struct archive *archive, char *error, size_t error_size)
{
    DIR *folder = opendir(archive->folder);
    int rc = folder ? 0 : -errno;
    const struct dirent *entry;
    char path[4096];
    for (size_t i = 0; i < archive->count; i++)
        archive->files[i].seen = false;
    while (rc == 0 && (entry = readdir(folder)) != NULL) {
        int len = snprintf(path, sizeof path, "%s/%s", archive->folder, entry->d_name);
        if (is_tape(entry->d_name) && (size_t)len < sizeof path)
            rc = look_at(archive, path);
    }
    if (folder)
        closedir(folder);
    if (rc < 0) {
        snprintf(error, error_size, "%s: %s", archive->folder,
                 rc == -E2BIG ? "too many capture files" : strerror(-rc));
        return rc;
    }
    forget_unseen(archive);
    if (archive->count)
        qsort(archive->files, archive->count, sizeof *archive->files, by_path);
    return 0;
}

static bool may_hold(const struct archive_file *file, const struct archive_wish *wish)
{
    const struct tape_span *span = wish->clock == TAPE_EVENT ? &file->event : &file->receive;
    return file->blocks && !(wish->from && span->last_ns < wish->from_ns) &&
           !(wish->until && span->first_ns >= wish->until_ns);
}

const char **archive_choose(const struct archive *archive, const struct archive_wish *wish,
                            size_t *count)
{
    size_t bytes = 0;
    *count = 0;
    for (size_t i = 0; i < archive->count; i++)
        if (may_hold(&archive->files[i], wish))
            bytes += sizeof(char *) + strlen(archive->files[i].path) + 1, ++*count;
    const char **paths = malloc(bytes + 1);
    if (!paths)
        return NULL;
    char *text = (char *)(paths + *count);
    for (size_t i = 0, n = 0; i < archive->count; i++) {
        if (!may_hold(&archive->files[i], wish))
            continue;
        paths[n++] = strcpy(text, archive->files[i].path);
        text += strlen(text) + 1;
    }
    return paths;
}
