/* SPDX-License-Identifier: MIT */
/*
 * config_file: the file of --config. What is read of it, printed and read again is the same; what
 * isn't read is refused with a sentence that names the file.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/config.h"
#include "tests/fuzz/target.h"

/* Values live as long as the process, config.h says: here as long as an input. */
static struct {
    char **texts;
    size_t count, cap;
} kept;

char *__wrap_strdup(const char *text);

char *__wrap_strdup(const char *text)
{
    if (kept.count == kept.cap) {
        kept.cap = 2 * kept.cap + 64;
        kept.texts = realloc(kept.texts, kept.cap * sizeof *kept.texts);
        CHECK(kept.texts);
    }
    return kept.texts[kept.count++] = target_copy(text, strlen(text) + 1);
}

static void forget_texts(void)
{
    while (kept.count > 0)
        free(kept.texts[--kept.count]);
}

/* A file in memory that is filled anew for each input. */
static void fill(int *fd, char path[32], const void *data, size_t len)
{
    if (*fd < 0)
        *fd = memfd_create("config", 0);
    CHECK(*fd >= 0 && ftruncate(*fd, 0) == 0);
    CHECK(pwrite(*fd, data, len, 0) == (ssize_t)len);
    snprintf(path, 32, "/proc/self/fd/%d", *fd);
}

static enum config_action read_file(struct config *config, char *path)
{
    char option[] = "--config", program[] = "tapehead", *argv[] = {program, option, path, NULL};
    enum { ERROR_MAX = 256 };
    char *error = calloc(1, ERROR_MAX);
    CHECK(error);
    enum config_action action = config_read(config, 3, argv, error, ERROR_MAX);
    CHECK(action == CONFIG_RUN || action == CONFIG_BAD_USAGE);
    CHECK(action == CONFIG_RUN || strncmp(error, path, strlen(path)) == 0);
    free(error);
    return action;
}

static void check_same(const struct config *a, const struct config *b)
{
#define NUMBER(name, field, value, min, max, unit, help)                                           \
    CHECK(a->field == b->field && a->field >= (min) && a->field <= (max));
#define TEXT(name, field, value, help) CHECK(strcmp(a->field, b->field) == 0);
#define FLAG(name, field, help)        CHECK(a->field == b->field);
#define LIST(name, short, field, value, help)                                                      \
    CHECK(a->field##_count == b->field##_count && a->field##_count <= CONFIG_LIST_MAX);            \
    for (size_t i = 0; i < a->field##_count; i++)                                                  \
        CHECK(strcmp(a->field[i], b->field[i]) == 0);
#include "server/settings.def"
#undef NUMBER
#undef TEXT
#undef FLAG
#undef LIST
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1, copy_fd = -1;
    static struct config config, copy;
    char path[32], copy_path[32];
    fill(&fd, path, data, size);
    if (read_file(&config, path) == CONFIG_RUN) {
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        CHECK(out);
        config_print(&config, out);
        CHECK(fclose(out) == 0);
        fill(&copy_fd, copy_path, text, len);
        free(text);
        CHECK(read_file(&copy, copy_path) == CONFIG_RUN);
        check_same(&config, &copy);
    }
    forget_texts();
    return 0;
}
