/* SPDX-License-Identifier: MIT */
/* transcript: see transcript.h. */
#include "tests/spec/transcript.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { INPUT_MAX = 200 * 1024, REQUEST_LINES_MAX = 32 };

/* Lines of a request, without their ends. */
struct request {
    char *lines[REQUEST_LINES_MAX];
    size_t count;
};

struct reading {
    const char *file;
    unsigned number;
    struct request plain; /* as the file's head has it */
    struct request own;   /* of the step that is being read */
    bool requesting;      /* it is, and may still be changed */
    bool deflate;
    struct transcript *open;
};

static _Noreturn void die(const struct reading *reading, const char *why)
{
    fprintf(stderr, "%s:%u: %s\n", reading->file, reading->number, why);
    exit(2);
}

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

/* ---- bytes ---- */

static int digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* "82 fe 007e 00*126". Returns the bytes written, or -1 where malformed. */
static long read_hex(const char *text, uint8_t *out, size_t size)
{
    size_t len = 0;
    while (*(text += strspn(text, " "))) {
        int high = digit(text[0]);
        int low = high < 0 ? -1 : digit(text[1]);
        if (low < 0)
            return -1;
        text += 2;
        unsigned long times = 1;
        if (*text == '*')
            times = strtoul(text + 1, (char **)&text, 10);
        if (times > size - len)
            return -1;
        memset(out + len, high << 4 | low, times);
        len += times;
    }
    return (long)len;
}

/* ---- requests ---- */

static void add_line(struct reading *reading, struct request *request, const char *line)
{
    if (request->count == REQUEST_LINES_MAX)
        die(reading, "too many lines in a request");
    request->lines[request->count++] = must(strdup(line));
}

static void clear_request(struct request *request)
{
    while (request->count > 0)
        free(request->lines[--request->count]);
}

/* The field up to its colon, or the whole text where it has none. */
static size_t name_length(const char *field)
{
    return strcspn(field, ":");
}

static void leave_out(struct reading *reading, const char *field)
{
    struct request *request = &reading->own;
    size_t len = name_length(field), kept = 1, count = request->count;
    for (size_t i = 1; i < count; i++) {
        char *line = request->lines[i];
        if (name_length(line) == len && strncasecmp(line, field, len) == 0)
            free(line);
        else
            request->lines[kept++] = line;
    }
    if (kept == count)
        die(reading, "the request has no such field");
    request->count = kept;
}

static void change_request(struct reading *reading, const char *line)
{
    if (!reading->requesting || line[1] != ' ')
        die(reading, "changes no request");
    if (line[0] != '+')
        leave_out(reading, line + 2);
    if (line[0] != '-')
        add_line(reading, &reading->own, line + 2);
}

/* ---- steps ---- */

static void begin_step(struct reading *reading)
{
    struct transcript *open = reading->open;
    if (open->steps_count == TRANSCRIPT_STEPS_MAX)
        die(reading, "too many steps");
    open->input = must(realloc(open->input, INPUT_MAX));
    open->steps[open->steps_count++].expected_end = open->expected_count;
}

static void end_step(struct reading *reading)
{
    struct transcript *open = reading->open;
    if (open && open->steps_count > 0)
        open->steps[open->steps_count - 1] = (struct step){open->input_len, open->expected_count};
}

static void append_input(struct reading *reading, const char *text, size_t len)
{
    struct transcript *open = reading->open;
    if (len > INPUT_MAX - open->input_len)
        die(reading, "too many bytes");
    memcpy(open->input + open->input_len, text, len);
    open->input_len += len;
}

/* The request can be changed no more: it is sent. */
static void settle_request(struct reading *reading)
{
    if (!reading->requesting)
        return;
    for (size_t i = 0; i < reading->own.count; i++) {
        append_input(reading, reading->own.lines[i], strlen(reading->own.lines[i]));
        append_input(reading, "\r\n", 2);
    }
    append_input(reading, "\r\n", 2);
    clear_request(&reading->own);
    reading->requesting = false;
    end_step(reading);
}

/* "> request", or with another first line "> request POST /echo HTTP/1.1". */
static void read_request(struct reading *reading, const char *first_line)
{
    if (reading->plain.count == 0)
        die(reading, "the file's head has no request");
    for (size_t i = 0; i < reading->plain.count; i++)
        add_line(reading, &reading->own,
                 i == 0 && *first_line ? first_line + 1 : reading->plain.lines[i]);
    reading->requesting = true;
}

static void read_input(struct reading *reading, const char *text)
{
    struct transcript *open = reading->open;
    begin_step(reading);
    text += strspn(text, " ");
    if (strncmp(text, "request", 7) == 0) {
        read_request(reading, text + 7);
        return;
    }
    long len = read_hex(text, open->input + open->input_len, INPUT_MAX - open->input_len);
    if (len < 0)
        die(reading, "not bytes");
    open->input_len += (size_t)len;
}

static struct expected *expect(struct reading *reading, enum expected_kind kind)
{
    struct transcript *open = reading->open;
    if (open->expected_count == TRANSCRIPT_EXPECTED_MAX || open->steps_count == 0)
        die(reading, "nothing can be expected here");
    open->expected[open->expected_count] = (struct expected){.kind = kind};
    return &open->expected[open->expected_count++];
}

static void expect_bytes(struct reading *reading, enum expected_kind kind, const char *hex)
{
    static uint8_t bytes[INPUT_MAX];
    struct expected *expected = expect(reading, kind);
    long len = read_hex(hex, bytes, sizeof bytes);
    if (len < 0)
        die(reading, "not bytes");
    expected->len = (size_t)len;
    expected->bytes = must(malloc(expected->len + 1));
    memcpy(expected->bytes, bytes, expected->len);
}

static void expect_number(struct reading *reading, enum expected_kind kind, const char *text)
{
    char *end;
    expect(reading, kind)->number = (unsigned)strtoul(text, &end, 10);
    if (*end || end == text)
        die(reading, "not a number");
}

static void expect_answer(struct reading *reading, const char *text)
{
    if (*text >= '0' && *text <= '9')
        expect_number(reading, EXPECT_ANSWER, text);
    else if (strncmp(text, "without ", 8) == 0)
        expect(reading, EXPECT_WITHOUT_FIELD)->text = must(strdup(text + 8));
    else
        expect(reading, EXPECT_FIELD)->text = must(strdup(text));
}

/* ---- lines ---- */

static bool begins(const char *line, const char *word)
{
    return strncmp(line, word, strlen(word)) == 0;
}

/* Returns whether the line is one of a step. */
static bool read_step(struct reading *reading, const char *line)
{
    bool change = line[0] == '+' || line[0] == '-' || line[0] == '=';
    bool step = change || line[0] == '>' || line[0] == '<' || begins(line, "text") ||
                begins(line, "binary") || begins(line, "close ") || begins(line, "answer ") ||
                strcmp(line, "end") == 0;
    if (!step)
        return false;
    if (!reading->open)
        die(reading, "belongs to no case");
    if (change) {
        change_request(reading, line);
        return true;
    }
    settle_request(reading);
    if (line[0] == '>')
        read_input(reading, line + 1);
    else if (line[0] == '<')
        expect_bytes(reading, EXPECT_BYTES, line + 1);
    else if (begins(line, "text"))
        expect_bytes(reading, EXPECT_TEXT, line + 4);
    else if (begins(line, "binary"))
        expect_bytes(reading, EXPECT_BINARY, line + 6);
    else if (begins(line, "close "))
        expect_number(reading, EXPECT_CLOSE, line + 6);
    else if (begins(line, "answer "))
        expect_answer(reading, line + 7);
    else
        expect(reading, EXPECT_END);
    end_step(reading);
    return true;
}

/* What the file's head says of all its cases. */
static bool read_head(struct reading *reading, const char *line)
{
    if (reading->open)
        return false;
    if (strcmp(line, "deflate") == 0)
        reading->deflate = true;
    else if (begins(line, "request "))
        add_line(reading, &reading->plain, line + 8);
    else
        return false;
    return true;
}

size_t transcript_read(const char *file, struct transcript *transcripts, size_t count, size_t max)
{
    struct reading reading = {.file = file};
    FILE *in = fopen(file, "r");
    char *line = NULL;
    size_t size = 0;
    if (!in)
        die(&reading, "cannot be read");
    while (getline(&line, &size, in) >= 0) {
        reading.number++;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0' || read_head(&reading, line) ||
            read_step(&reading, line))
            continue;
        settle_request(&reading);
        if (count == max)
            die(&reading, "too many cases");
        reading.open = &transcripts[count++];
        *reading.open = (struct transcript){.file = file,
                                            .name = must(strdup(line)),
                                            .handshake = reading.plain.count > 0,
                                            .deflate = reading.deflate};
    }
    settle_request(&reading);
    clear_request(&reading.plain);
    free(line);
    fclose(in);
    return count;
}

void transcript_finish(struct transcript *transcript)
{
    for (size_t i = 0; i < transcript->expected_count; i++) {
        free(transcript->expected[i].text);
        free(transcript->expected[i].bytes);
    }
    free(transcript->name);
    free(transcript->input);
}

bool transcript_field_holds(const struct expected *expected, const char *head)
{
    size_t name = name_length(expected->text), found = 0;
    bool same = true;
    for (const char *line = strstr(head, "\r\n"); line && line[2];
         line = strstr(line + 2, "\r\n")) {
        const char *field = line + 2;
        if (strncasecmp(field, expected->text, name) != 0 || field[name] != ':')
            continue;
        found++;
        same &= strcspn(field, "\r") == strlen(expected->text) &&
                strncmp(field + name, expected->text + name, strlen(expected->text) - name) == 0;
    }
    return expected->kind == EXPECT_FIELD ? found == 1 && same : found == 0;
}

void transcript_write(const struct expected *expected, FILE *out)
{
    static const char *const words[] = {
        [EXPECT_BYTES] = "< ",    [EXPECT_TEXT] = "text ",    [EXPECT_BINARY] = "binary ",
        [EXPECT_CLOSE] = "close", [EXPECT_ANSWER] = "answer", [EXPECT_END] = "end"};
    if (expected->kind == EXPECT_FIELD || expected->kind == EXPECT_WITHOUT_FIELD)
        return;
    fputs(words[expected->kind], out);
    if (expected->kind == EXPECT_CLOSE || expected->kind == EXPECT_ANSWER)
        fprintf(out, " %u", expected->number);
    for (size_t i = 0; i < expected->len; i++)
        fprintf(out, "%02x", expected->bytes[i]);
    putc('\n', out);
}
