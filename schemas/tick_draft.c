/* SPDX-License-Identifier: MIT */
/* tick_draft: see tick_draft.h. */
#include "schemas/tick_draft.h"

#include <string.h>

#include "schemas/decimal.h"
#include "schemas/digits.h"

void draft_init(struct tick_draft *draft, uint16_t index)
{
    draft->tick = (struct tick){.index = index};
    draft->seen = 0;
    draft->symbol_len = 0;
}

enum draft_field draft_field(const char *key, size_t len)
{
    if (len == 1) {
        switch (key[0]) {
        case 's': return FIELD_SYMBOL;
        case 'p': return FIELD_PRICE;
        case 'q': return FIELD_SIZE;
        case 't': return FIELD_TIME;
        default: return FIELD_OTHER;
        }
    }
    if (len == 2 && memcmp(key, "id", 2) == 0)
        return FIELD_ID;
    if (len == 4 && memcmp(key, "side", 4) == 0)
        return FIELD_SIDE;
    return FIELD_OTHER;
}

int draft_field_error(enum draft_field field)
{
    switch (field) {
    case FIELD_SYMBOL: return VALUE_SYMBOL;
    case FIELD_PRICE: return VALUE_PRICE;
    case FIELD_SIZE: return VALUE_SIZE;
    case FIELD_SIDE: return VALUE_SIDE;
    case FIELD_ID: return VALUE_ID;
    case FIELD_TIME: return VALUE_TIME;
    case FIELD_OTHER: break;
    }
    return VALUE_SHAPE;
}

int draft_claim(struct tick_draft *draft, enum draft_field field)
{
    uint8_t bit = (uint8_t)(1U << field);
    if (draft->seen & bit)
        return VALUE_SHAPE;
    draft->seen |= bit;
    return 0;
}

int draft_set_symbol(struct tick_draft *draft, const char *text, size_t len)
{
    if (!symbol_is_valid(text, len))
        return VALUE_SYMBOL;
    memcpy(draft->symbol, text, len);
    draft->symbol_len = (uint8_t)len;
    return 0;
}

static void store_decimal(struct tick_draft *draft, enum draft_field field, struct decimal value)
{
    if (field == FIELD_PRICE) {
        draft->tick.price = value.mantissa;
        draft->tick.price_exp = value.exponent;
    } else {
        draft->tick.size = value.mantissa;
        draft->tick.size_exp = value.exponent;
    }
}

int draft_set_decimal(struct tick_draft *draft, enum draft_field field, const char *text,
                      size_t len)
{
    struct decimal value;
    int error = decimal_parse(text, len, &value);
    if (error)
        return error == DECIMAL_OVERFLOW ? VALUE_DECIMAL_RANGE : draft_field_error(field);
    store_decimal(draft, field, value);
    return 0;
}

int draft_set_pair(struct tick_draft *draft, enum draft_field field, int64_t mantissa,
                   int64_t exponent)
{
    if (exponent < INT8_MIN || exponent > INT8_MAX)
        return VALUE_DECIMAL_RANGE;
    store_decimal(draft, field, (struct decimal){mantissa, (int8_t)exponent});
    return 0;
}

int draft_set_side(struct tick_draft *draft, const char *text, size_t len)
{
    if (len == 3 && memcmp(text, "buy", 3) == 0)
        draft->tick.side = TICK_SIDE_BUY;
    else if (len == 4 && memcmp(text, "sell", 4) == 0)
        draft->tick.side = TICK_SIDE_SELL;
    else if (len == 4 && memcmp(text, "none", 4) == 0)
        draft->tick.side = TICK_SIDE_NONE;
    else
        return VALUE_SIDE;
    return 0;
}

void draft_set_id(struct tick_draft *draft, uint64_t id)
{
    draft->tick.id = id;
    draft->tick.has_id = 1;
}

int draft_set_id_text(struct tick_draft *draft, const char *text, size_t len)
{
    uint64_t id;
    if (!digits_parse(text, len, &id))
        return VALUE_ID;
    draft_set_id(draft, id);
    return 0;
}

int draft_set_time_text(struct tick_draft *draft, const char *text, size_t len)
{
    return digits_parse_signed(text, len, &draft->tick.ts_ns) ? 0 : VALUE_TIME;
}

int draft_finish(const struct tick_draft *draft)
{
    static const enum draft_field required[] = {FIELD_SYMBOL, FIELD_PRICE, FIELD_SIZE, FIELD_TIME};
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++)
        if (!(draft->seen & 1U << required[i]))
            return draft_field_error(required[i]);
    return 0;
}

void draft_emit(const struct tick_draft *drafts, int count, value_emit *emit, void *arg)
{
    for (int i = 0; i < count; i++)
        emit(arg, &drafts[i].tick, drafts[i].symbol, drafts[i].symbol_len);
}
