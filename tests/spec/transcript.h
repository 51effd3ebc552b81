/* SPDX-License-Identifier: MIT */
/*
 * transcript: reads tests/spec/ .txt files, for those who run them: see README.md. What is expected
 * stays apart from the bytes, so that each runner may show it in its own way.
 */
#ifndef TAPEHEAD_TESTS_SPEC_TRANSCRIPT_H
#define TAPEHEAD_TESTS_SPEC_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { TRANSCRIPT_STEPS_MAX = 64, TRANSCRIPT_EXPECTED_MAX = 64 };

enum expected_kind {
    EXPECT_BYTES,         /* these, exactly */
    EXPECT_TEXT,          /* a message */
    EXPECT_BINARY,        /* a message */
    EXPECT_CLOSE,         /* a close frame of the server's own, with `number` */
    EXPECT_ANSWER,        /* an HTTP answer of status `number` */
    EXPECT_FIELD,         /* it has this field, once: `text` is "Name: value" */
    EXPECT_WITHOUT_FIELD, /* it has none of this `text` */
    EXPECT_END,           /* the server has ended the connection, without a close frame */
};

struct expected {
    enum expected_kind kind;
    unsigned number;
    char *text;
    uint8_t *bytes;
    size_t len;
};

/* Bytes from the client, and what is expected of the server once they have come: up to here. */
struct step {
    size_t input_end;
    size_t expected_end;
};

struct transcript {
    const char *file;
    char *name;
    bool handshake; /* it begins with a request; the others with a WebSocket that is open */
    bool deflate;   /* and that has permessage-deflate */
    uint8_t *input;
    size_t input_len;
    struct expected expected[TRANSCRIPT_EXPECTED_MAX];
    size_t expected_count;
    struct step steps[TRANSCRIPT_STEPS_MAX];
    size_t steps_count;
};

/* Adds the file's cases to the `count` that there are; returns how many there are then. Ends the
 * program with a sentence where the file is unsound. */
size_t transcript_read(const char *file, struct transcript *transcripts, size_t count, size_t max);
void transcript_finish(struct transcript *transcript);

/* Whether an answer's head, status line and all, has or lacks the field as expected. */
bool transcript_field_holds(const struct expected *expected, const char *head);

/* One line, as the file has it, but for blanks, repeats and fields, which are left out. */
void transcript_write(const struct expected *expected, FILE *out);

#endif
