/* SPDX-License-Identifier: MIT */
/*
 * transcripts: runs tests/spec/ .txt files against the bare frame parser: line by line, at every
 * split of the input in two, and byte by byte. The language is in tests/spec/README.md. The files
 * are the arguments; each case is a test.
 */
#include "hearing.h"

#include <stdlib.h>
#include <string.h>

enum { CASES_MAX = 256, STEPS_MAX = 64, INPUT_MAX = 200 * 1024, MESSAGE_MAX = 64 * 1024 };

/* Bytes from the client, and what is expected of the server once they have come. */
struct step {
    size_t input_end;
    size_t expected_end;
};

struct transcript {
    char *name;
    uint8_t *input;
    size_t input_len;
    char *expected; /* lines in one spelling: see normalize() */
    size_t expected_len;
    struct step steps[STEPS_MAX];
    size_t steps_count;
};

static void die(const char *file, unsigned line, const char *why)
{
    fprintf(stderr, "%s:%u: %s\n", file, line, why);
    exit(2);
}

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

/* Appends `word`, and where `hex` is not NULL its bytes without blanks and repeats. Returns whether
 * they are sound. */
static bool append_expected(struct transcript *transcript, const char *word, const char *hex)
{
    static uint8_t bytes[INPUT_MAX];
    long len = hex ? hex_parse(hex, bytes, sizeof bytes) : 0;
    if (len < 0)
        return false;
    size_t room = strlen(word) + 2 * (size_t)len + 2;
    transcript->expected = must(realloc(transcript->expected, transcript->expected_len + room));
    char *at = transcript->expected + transcript->expected_len;
    at += sprintf(at, "%s", word);
    for (long i = 0; i < len; i++)
        at += sprintf(at, "%02x", bytes[i]);
    strcpy(at, "\n");
    transcript->expected_len += room - 1;
    return true;
}

static bool append_input(struct transcript *transcript, const char *hex)
{
    if (transcript->steps_count == STEPS_MAX)
        return false;
    transcript->input = must(realloc(transcript->input, INPUT_MAX));
    long len = hex_parse(hex, transcript->input + transcript->input_len,
                         INPUT_MAX - transcript->input_len);
    if (len < 0)
        return false;
    transcript->input_len += (size_t)len;
    transcript->steps_count++;
    return true;
}

static bool read_line(struct transcript *transcript, const char *line)
{
    bool good;
    if (line[0] == '>')
        good = append_input(transcript, line + 1);
    else if (line[0] == '<')
        good = append_expected(transcript, "< ", line + 1);
    else if (strncmp(line, "text", 4) == 0)
        good = append_expected(transcript, "text ", line + 4);
    else if (strncmp(line, "binary", 6) == 0)
        good = append_expected(transcript, "binary ", line + 6);
    else
        good = append_expected(transcript, line, NULL);
    if (!good || transcript->steps_count == 0)
        return false;
    transcript->steps[transcript->steps_count - 1] =
        (struct step){transcript->input_len, transcript->expected_len};
    return true;
}

static bool is_step(const char *line)
{
    return line[0] == '>' || line[0] == '<' || strncmp(line, "close ", 6) == 0 ||
           strncmp(line, "text", 4) == 0 || strncmp(line, "binary", 6) == 0;
}

/* A case begins with its name, a line that is no step, and ends where the next begins. */
static size_t read_file(const char *file, struct transcript *transcripts, size_t count)
{
    FILE *in = fopen(file, "r");
    char *line = NULL;
    size_t size = 0;
    unsigned number = 0;
    struct transcript *open = NULL;
    if (!in)
        die(file, 0, "cannot be read");
    while (getline(&line, &size, in) >= 0) {
        number++;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        if (is_step(line)) {
            if (!open || !read_line(open, line))
                die(file, number, "not a line of a transcript");
            continue;
        }
        if (count == CASES_MAX)
            die(file, number, "too many cases");
        open = &transcripts[count++];
        open->name = must(strdup(line));
    }
    free(line);
    fclose(in);
    return count;
}

/* What a server does about what was heard: answers a ping with its bytes, a close with its code;
 * notes messages. */
static void respond(const char *heard, FILE *out)
{
    while (*heard) {
        size_t len = strcspn(heard, "\n");
        const char *bytes = memchr(heard, ' ', len);
        unsigned bytes_len = bytes ? (unsigned)(heard + len - bytes - 1) / 2 : 0;
        if (strncmp(heard, "ping ", 5) == 0)
            fprintf(out, "< 8a%02x%.*s\n", bytes_len, (int)(2 * bytes_len), bytes + 1);
        else if (strncmp(heard, "close 1005", 10) == 0)
            fprintf(out, "< 8800\n");
        else if (strncmp(heard, "close ", 6) == 0)
            fprintf(out, "< 8802%04lx\n", strtoul(heard + 6, NULL, 10));
        else if (strncmp(heard, "error ", 6) == 0)
            fprintf(out, "close %.*s\n", (int)len - 6, heard + 6);
        else if (strncmp(heard, "pong ", 5) != 0)
            fprintf(out, "%.*s\n", (int)len, heard);
        heard += len + 1;
    }
}

static void check(struct hearing *hearing, const struct transcript *transcript, size_t expected_len,
                  const char *how, size_t at)
{
    char *response;
    size_t response_len;
    FILE *out = must(open_memstream(&response, &response_len));
    respond(hearing_text(hearing), out);
    fclose(out);
    bool same = response_len == expected_len &&
                (expected_len == 0 || memcmp(response, transcript->expected, expected_len) == 0);
    if (!same)
        fail_msg("%s %zu:\n%.300s\ninstead of\n%.*s", how, at, response,
                 (int)(expected_len < 300 ? expected_len : 300),
                 transcript->expected ? transcript->expected : "");
    free(response);
}

/* What is expected after a step must be there after it, and not earlier. */
static void run_by_steps(const struct transcript *transcript)
{
    struct hearing hearing;
    size_t fed = 0;
    hearing_init(&hearing, MESSAGE_MAX);
    for (size_t i = 0; i < transcript->steps_count; i++) {
        const struct step *step = &transcript->steps[i];
        hearing_feed(&hearing, transcript->input + fed, step->input_end - fed);
        fed = step->input_end;
        check(&hearing, transcript, step->expected_end, "after step", i + 1);
    }
    hearing_finish(&hearing);
}

/* In pieces of `step`, the first of `first` bytes. */
static void run_in_pieces(const struct transcript *transcript, size_t first, size_t step)
{
    struct hearing hearing;
    size_t fed = 0, piece = first;
    hearing_init(&hearing, MESSAGE_MAX);
    do {
        if (piece > transcript->input_len - fed)
            piece = transcript->input_len - fed;
        hearing_feed(&hearing, transcript->input + fed, piece);
        fed += piece;
        piece = step;
    } while (fed < transcript->input_len);
    check(&hearing, transcript, transcript->expected_len, "with a first piece of", first);
    hearing_finish(&hearing);
}

static void run(void **state)
{
    const struct transcript *transcript = *state;
    run_by_steps(transcript);
    size_t len = transcript->input_len;
    for (size_t at = 0; at <= len; at += at < 600 || at + 600 > len ? 1 : 997)
        run_in_pieces(transcript, at, len);
    run_in_pieces(transcript, 1, 1);
}

int main(int argc, char **argv)
{
    static struct transcript transcripts[CASES_MAX];
    static struct CMUnitTest tests[CASES_MAX];
    size_t count = 0;
    for (int i = 1; i < argc; i++)
        count = read_file(argv[i], transcripts, count);
    for (size_t i = 0; i < count; i++)
        tests[i] = (struct CMUnitTest){
            .name = transcripts[i].name, .test_func = run, .initial_state = &transcripts[i]};
    int failed = count > 0 ? _cmocka_run_group_tests("transcripts", tests, count, NULL, NULL) : 1;
    for (size_t i = 0; i < count; i++) {
        free(transcripts[i].name);
        free(transcripts[i].input);
        free(transcripts[i].expected);
    }
    return failed;
}
