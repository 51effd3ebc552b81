/* SPDX-License-Identifier: MIT */
/*
 * tick_draft: one tick of a Kafka value while its fields come in, in any order and from either
 * codec. Here is decided what a field may hold; the codecs only know how it is spelt. Pure; shared
 * by tick_json and tick_msgpack, of no use to others.
 *
 * Functions return 0 or a negative enum value_error.
 */
#ifndef TAPEHEAD_SCHEMAS_TICK_DRAFT_H
#define TAPEHEAD_SCHEMAS_TICK_DRAFT_H

#include "schemas/tick_value.h"

enum draft_field {
    FIELD_OTHER, /* unknown: ignored */
    FIELD_SYMBOL,
    FIELD_PRICE,
    FIELD_SIZE,
    FIELD_SIDE,
    FIELD_ID,
    FIELD_TIME,
};

struct tick_draft {
    struct tick tick;
    uint8_t seen; /* a bit per draft_field */
    uint8_t symbol_len;
    char symbol[SYMBOL_LEN_MAX]; /* a copy: the value may have spelt it with escapes */
};

/* How many ticks of an array a reader keeps on its stack until the message is known to be good; 13
 * KB. */
enum { DRAFTS_HELD_MAX = 128 };

void draft_init(struct tick_draft *draft, uint16_t index);

enum draft_field draft_field(const char *key, size_t len);

/* What is wrong with a field whose value is of a type that it can't have. */
int draft_field_error(enum draft_field field);

/* Notes that `field` is about to be set; VALUE_SHAPE when it was before: which of two prices holds
 * is not ours to choose. */
int draft_claim(struct tick_draft *draft, enum draft_field field);

int draft_set_symbol(struct tick_draft *draft, const char *text, size_t len);

/* `field` is FIELD_PRICE or FIELD_SIZE. */
int draft_set_decimal(struct tick_draft *draft, enum draft_field field, const char *text,
                      size_t len);
int draft_set_pair(struct tick_draft *draft, enum draft_field field, int64_t mantissa,
                   int64_t exponent);

int draft_set_side(struct tick_draft *draft, const char *text, size_t len);
void draft_set_id(struct tick_draft *draft, uint64_t id);
int draft_set_id_text(struct tick_draft *draft, const char *text, size_t len);
int draft_set_time_text(struct tick_draft *draft, const char *text, size_t len);

/* Emits `count` finished ticks in order. */
void draft_emit(const struct tick_draft *drafts, int count, value_emit *emit, void *arg);

/* Whether every field that a tick must have has come. */
int draft_finish(const struct tick_draft *draft);

#endif
