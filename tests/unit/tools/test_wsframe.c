/* SPDX-License-Identifier: MIT */
/*
 * Server frames at every split against a guard page; client frames against the server's parser.
 */
#include "tests/unit/tools/guard.h"
#include "tests/unit/tools/unit.h"
#include "tools/wsframe.h"

enum { PAYLOAD_MAX = 70000 };

static void a_frame_is_read_only_when_all_of_it_is_there(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536};
    uint8_t *bytes = calloc(1, PAYLOAD_MAX + 10);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        size_t head = ws_write_header(bytes, WS_BINARY, lengths[i]);
        size_t whole = head + lengths[i];
        struct wsframe frame;
        /* Every split of short frames; of long ones those around the header and the end. */
        for (size_t len = 0; len < whole; len++) {
            if (len > 300 && len + 3 < whole)
                len = whole - 3;
            assert_int_equal(wsframe_read(guard_copy(bytes, len), len, PAYLOAD_MAX, &frame), 0);
            assert_int_equal(frame.whole, len >= head ? whole : 0);
        }
        assert_int_equal(wsframe_read(guard_copy(bytes, whole), whole, PAYLOAD_MAX, &frame), whole);
        assert_int_equal(frame.opcode, WS_BINARY);
        assert_int_equal(frame.len, lengths[i]);
        assert_true(frame.fin);
    }
    free(bytes);
}

static void what_no_server_may_send_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        int code;
    } wrong[] = {
        {"\xc1\x00", 2, 1002},         /* RSV1 */
        {"\x91\x00", 2, 1002},         /* RSV3 */
        {"\x83\x00", 2, 1002},         /* opcode 3 */
        {"\x8b\x00", 2, 1002},         /* opcode 11 */
        {"\x81\x80", 2, 1002},         /* masked */
        {"\x09\x00", 2, 1002},         /* a fragmented ping */
        {"\x89\x7e", 2, 1002},         /* a long ping */
        {"\x82\x7e\x00\x7d", 4, 1002}, /* 125 in two bytes */
        {"\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff", 10, 1002},
        {"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00", 10, 1002},
        {"\x82\x7f\x00\x00\x00\x00\x00\x01\x11\x71", 10, 1009},
        {"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10, 1009},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct wsframe frame;
        ssize_t result = wsframe_read(guard_copy(wrong[i].bytes, wrong[i].len), wrong[i].len,
                                      PAYLOAD_MAX, &frame);
        if (result != -wrong[i].code)
            fail_msg("case %zu: %zd, not %d", i, result, -wrong[i].code);
        assert_non_null(frame.reason);
    }
}

static void a_written_frame_is_what_the_servers_parser_reads(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 5, 125, 126, 65535, 65536};
    uint8_t *payload = malloc(PAYLOAD_MAX);
    uint8_t *frame = malloc(PAYLOAD_MAX);
    for (size_t i = 0; i < PAYLOAD_MAX; i++)
        payload[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct ws_parser parser;
        struct ws_event event;
        size_t len = wsframe_write(frame, WS_BINARY, payload, lengths[i], 0xa1b2c3d4);
        ws_parser_init(&parser, PAYLOAD_MAX);
        size_t used = ws_parse(&parser, frame, len, &event);
        assert_int_equal(event.kind, WS_DATA);
        assert_true(event.fin);
        assert_int_equal(event.len, lengths[i]);
        if (event.len > 0)
            assert_memory_equal(event.data, payload, event.len);
        assert_int_equal(used, len);
    }
    free(payload);
    free(frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_read_only_when_all_of_it_is_there),
        cmocka_unit_test(what_no_server_may_send_is_refused),
        cmocka_unit_test(a_written_frame_is_what_the_servers_parser_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
