/* SPDX-License-Identifier: MIT */
/*
 * transcripts: runs tests/spec/ .txt files against the bare parsers of requests, frames and
 * deflated messages: line by line, at every split of the input in two, and byte by byte. The
 * language is in tests/spec/README.md. The files are the arguments; each case is a test.
 *
 * What answers here is not the server, which has its own runners: of an answer's fields only those
 * of 101 are looked at, which the parsers' side writes as well.
 */
#include "hearing.h"

#include <stdlib.h>
#include <string.h>

#include "server/wire/http.h"
#include "tests/spec/transcript.h"

enum { CASES_MAX = 512, MESSAGE_MAX = 64 * 1024 };

/* A case, with what is expected as one text; it ends there after each step. */
struct script {
    struct transcript transcript;
    char *expected;
    size_t step_ends[TRANSCRIPT_STEPS_MAX];
};

/* One run of a case. */
struct talk {
    struct hearing hearing;
    bool requesting; /* the request isn't whole yet */
    bool over;       /* it was refused */
    uint8_t *head;   /* what has come of it */
    size_t head_len;
    size_t scanned;
    char answered[32]; /* as a transcript has it */
    char answer[HTTP_ANSWER_HEAD_MAX + 1];
};

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static void write_expected(struct script *script)
{
    const struct transcript *transcript = &script->transcript;
    size_t len, done = 0;
    FILE *out = must(open_memstream(&script->expected, &len));
    for (size_t i = 0; i < transcript->steps_count; i++) {
        while (done < transcript->steps[i].expected_end)
            transcript_write(&transcript->expected[done++], out);
        fflush(out);
        script->step_ends[i] = len;
    }
    fclose(out);
}

static void begin(struct talk *talk, const struct transcript *transcript)
{
    *talk = (struct talk){.requesting = transcript->handshake};
    hearing_init(&talk->hearing, MESSAGE_MAX);
    if (transcript->deflate)
        hearing_negotiate_deflate(&talk->hearing);
    talk->head = must(malloc(transcript->input_len + 1));
}

static void finish(struct talk *talk)
{
    hearing_finish(&talk->hearing);
    free(talk->head);
}

static void refuse(struct talk *talk, int status, const char *then)
{
    talk->over = true;
    snprintf(talk->answered, sizeof talk->answered, "answer %d\n%s", status, then);
}

static void take_request(struct talk *talk, const struct http_request *request)
{
    if (request->upgrade == HTTP_UPGRADE_NONE) {
        refuse(talk, 404, "");
    } else if (!http_path_is(request, "/echo")) {
        refuse(talk, 404, "end\n");
    } else if (request->upgrade != HTTP_UPGRADE_OK) {
        refuse(talk, request->upgrade == HTTP_UPGRADE_BAD_VERSION ? 426 : 400, "end\n");
    } else {
        strcpy(talk->answered, "answer 101\n");
        size_t len = http_write_upgrade(talk->answer, request->websocket_key, request->protocol,
                                        request->deflate);
        talk->answer[len] = '\0';
        if (request->deflate)
            hearing_negotiate_deflate(&talk->hearing);
    }
}

static void feed(struct talk *talk, const uint8_t *data, size_t len)
{
    if (talk->over)
        return;
    if (!talk->requesting) {
        hearing_feed(&talk->hearing, data, len);
        return;
    }
    struct http_request request;
    if (len > 0)
        memcpy(talk->head + talk->head_len, data, len);
    talk->head_len += len;
    int n = http_parse_request(guard_place(talk->head, talk->head_len), talk->head_len,
                               &talk->scanned, &request);
    if (n == 0)
        return;
    talk->requesting = false;
    if (n < 0)
        refuse(talk, -n, "end\n");
    else
        take_request(talk, &request);
    if (!talk->over)
        hearing_feed(&talk->hearing, talk->head + n, talk->head_len - (size_t)n);
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

static void check_fields(const struct talk *talk, const struct transcript *transcript)
{
    for (size_t i = 0; i < transcript->expected_count; i++) {
        const struct expected *expected = &transcript->expected[i];
        if ((expected->kind == EXPECT_FIELD || expected->kind == EXPECT_WITHOUT_FIELD) &&
            !transcript_field_holds(expected, talk->answer))
            fail_msg("instead of the field %s%s:\n%s",
                     expected->kind == EXPECT_FIELD ? "" : "without ", expected->text,
                     talk->answer);
    }
}

static void check(struct talk *talk, const struct script *script, size_t expected_len,
                  const char *how, size_t at)
{
    char *response;
    size_t response_len;
    FILE *out = must(open_memstream(&response, &response_len));
    fputs(talk->answered, out);
    respond(hearing_text(&talk->hearing), out);
    fclose(out);
    bool same = response_len == expected_len &&
                (expected_len == 0 || memcmp(response, script->expected, expected_len) == 0);
    if (!same)
        fail_msg("%s %zu:\n%.300s\ninstead of\n%.*s", how, at, response,
                 (int)(expected_len < 300 ? expected_len : 300), script->expected);
    free(response);
    if (talk->answer[0])
        check_fields(talk, &script->transcript);
}

/* What is expected after a step must be there after it, and not earlier. */
static void run_by_steps(const struct script *script)
{
    const struct transcript *transcript = &script->transcript;
    struct talk talk;
    size_t fed = 0;
    begin(&talk, transcript);
    for (size_t i = 0; i < transcript->steps_count; i++) {
        size_t end = transcript->steps[i].input_end;
        feed(&talk, transcript->input + fed, end - fed);
        fed = end;
        check(&talk, script, script->step_ends[i], "after step", i + 1);
    }
    finish(&talk);
}

/* In pieces of `step`, the first of `first` bytes. */
static void run_in_pieces(const struct script *script, size_t first, size_t step)
{
    const struct transcript *transcript = &script->transcript;
    struct talk talk;
    size_t fed = 0, piece = first;
    begin(&talk, transcript);
    do {
        if (piece > transcript->input_len - fed)
            piece = transcript->input_len - fed;
        feed(&talk, transcript->input + fed, piece);
        fed += piece;
        piece = step;
    } while (fed < transcript->input_len);
    check(&talk, script, script->step_ends[transcript->steps_count - 1], "with a first piece of",
          first);
    finish(&talk);
}

static void run(void **state)
{
    const struct script *script = *state;
    size_t len = script->transcript.input_len;
    assert_true(script->transcript.steps_count > 0);
    run_by_steps(script);
    for (size_t at = 0; at <= len; at += at < 600 || at + 600 > len ? 1 : 997)
        run_in_pieces(script, at, len);
    run_in_pieces(script, 1, 1);
}

int main(int argc, char **argv)
{
    static struct transcript transcripts[CASES_MAX];
    static struct script scripts[CASES_MAX];
    static struct CMUnitTest tests[CASES_MAX];
    size_t count = 0;
    for (int i = 1; i < argc; i++)
        count = transcript_read(argv[i], transcripts, count, CASES_MAX);
    for (size_t i = 0; i < count; i++) {
        scripts[i].transcript = transcripts[i];
        write_expected(&scripts[i]);
        tests[i] = (struct CMUnitTest){
            .name = transcripts[i].name, .test_func = run, .initial_state = &scripts[i]};
    }
    int failed = count > 0 ? _cmocka_run_group_tests("transcripts", tests, count, NULL, NULL) : 1;
    for (size_t i = 0; i < count; i++) {
        transcript_finish(&transcripts[i]);
        free(scripts[i].expected);
    }
    return failed;
}
