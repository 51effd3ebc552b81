/* SPDX-License-Identifier: MIT */
#include "tools/jsonline.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "feed/log.h"

static void trim(const char **text, size_t *len)
{
    while (*len > 0 && isspace((unsigned char)(*text)[*len - 1]))
        (*len)--;
    while (*len > 0 && isspace((unsigned char)**text))
        (*text)++, (*len)--;
}

void jsonline_strip(const char **line, size_t *len)
{
    trim(line, len);
    size_t digits = 0;
    while (digits < *len && isdigit((unsigned char)(*line)[digits]))
        digits++;
    if (digits == 0 || digits == *len || !isblank((unsigned char)(*line)[digits]))
        return;
    *line += digits;
    *len -= digits;
    trim(line, len);
}

enum row_result jsonline_open(const char *line, size_t len, struct row *row,
                              struct json_place *message)
{
    jsonline_strip(&line, &len);
    if (len == 0)
        return ROW_BLANK;
    struct json_scan scan = {.at = (const uint8_t *)line, .end = (const uint8_t *)line + len};
    *message = (struct json_place){scan.at, scan.end};
    struct json_item item;
    if (json_scan_item(&scan, &item) == 0 && json_scan_skip(&scan, &item) == 0 &&
        json_scan_done(&scan))
        return ROW_TICK;
    char shown[80];
    return row_reject(row, "not JSON: %s", log_quote(line, (uint32_t)len, shown, sizeof shown));
}

enum json_kind jsonline_value(struct json_place place, struct json_value *value)
{
    value->scan.at = place.at;
    value->scan.end = place.end;
    value->item = (struct json_item){.kind = JSON_KIND_NULL};
    json_scan_item(&value->scan, &value->item);
    return value->item.kind;
}

/* Where the value that comes next begins, and over it. */
static struct json_place step(struct json_scan *scan)
{
    json_scan_blanks(scan);
    struct json_place place = {scan->at, scan->end};
    struct json_item item = {.kind = JSON_KIND_NULL};
    json_scan_item(scan, &item);
    json_scan_skip(scan, &item);
    return place;
}

const char *jsonline_members(struct json_place object, const char *const *names, size_t count,
                             struct json_place *members)
{
    struct json_scan scan = {.at = object.at + 1, .end = object.end};
    memset(members, 0, count * sizeof *members);
    bool started = false;
    while (!json_scan_take(&scan, '}') && (!started || json_scan_take(&scan, ','))) {
        struct json_item key;
        started = true;
        if (json_scan_key(&scan, &key) < 0)
            break;
        size_t i = 0;
        while (i < count &&
               (strlen(names[i]) != key.len || memcmp(names[i], key.text, key.len) != 0))
            i++;
        struct json_place place = step(&scan);
        if (i == count)
            continue;
        if (members[i].at)
            return names[i];
        members[i] = place;
    }
    return NULL;
}

void jsonline_list(struct json_place array, struct json_list *list)
{
    list->scan.at = array.at + 1;
    list->scan.end = array.end;
    list->started = false;
}

bool jsonline_next(struct json_list *list, struct json_place *element)
{
    if (json_scan_take(&list->scan, ']') || (list->started && !json_scan_take(&list->scan, ',')))
        return false;
    list->started = true;
    *element = step(&list->scan);
    return true;
}

bool jsonline_is(struct json_place place, const char *text)
{
    struct json_value value;
    return place.at && jsonline_value(place, &value) == JSON_KIND_TEXT &&
           value.item.len == strlen(text) && memcmp(value.item.text, text, value.item.len) == 0;
}

enum row_result jsonline_need(struct json_place place, const char *name, bool or_number,
                              struct row *row, struct json_value *value)
{
    if (!place.at)
        return row_reject(row, "\"%s\" is missing", name);
    enum json_kind kind = jsonline_value(place, value);
    bool number = kind == JSON_KIND_INTEGER || kind == JSON_KIND_REAL;
    if (kind == JSON_KIND_TEXT || (or_number && number))
        return ROW_TICK;
    return row_reject(row, "\"%s\" is not a string%s", name, or_number ? " or a number" : "");
}

enum row_result jsonline_side(const struct json_value *value, const char *name, bool makers,
                              struct row *row)
{
    static const char *const words[] = {"buy", "sell"};
    for (int i = 0; i < 2; i++) {
        bool letter = value->item.len == 1;
        if ((letter || value->item.len == strlen(words[i])) &&
            strncasecmp(value->item.text, words[i], value->item.len) == 0) {
            row->tick.side = (i == 0) != makers ? TICK_SIDE_BUY : TICK_SIDE_SELL;
            return ROW_TICK;
        }
    }
    char shown[80];
    return row_reject(row, "%s %s is neither buy nor sell", name,
                      log_quote(value->item.text, (uint32_t)value->item.len, shown, sizeof shown));
}

enum row_result jsonline_blame(struct row *row, const char *list, size_t index)
{
    char reason[sizeof row->reason];
    memcpy(reason, row->reason, sizeof reason);
    return row_reject(row, "%s[%zu]: %s", list, index, reason);
}
