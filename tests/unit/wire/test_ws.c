/* SPDX-License-Identifier: MIT */
#include "hearing.h"

#include <stdlib.h>
#include <string.h>

static void rfc_6455_5_7_masked_hello_is_heard(void **state)
{
    (void)state;
    assert_hears("81 85 37fa213d 7f9f4d5158", "text 48656c6c6f\n");
}

static void rfc_6455_5_7_unmasked_hello_is_refused(void **state)
{
    (void)state;
    assert_hears("81 05 48656c6c6f", "error 1002\n");
    assert_hears("01 03 48656c 80 02 6c6f", "error 1002\n");
}

static void rfc_6455_5_7_masked_pong_is_heard(void **state)
{
    (void)state;
    assert_hears("8a 85 37fa213d 7f9f4d5158", "pong 48656c6c6f\n");
}

static void rfc_6455_5_7_server_headers_are_written(void **state)
{
    (void)state;
    uint8_t out[WS_HEADER_MAX];
    assert_int_equal(ws_write_header(out, WS_TEXT, 5), 2);
    assert_memory_equal(out, "\x81\x05", 2);
    assert_int_equal(ws_write_header(out, WS_BINARY, 256), 4);
    assert_memory_equal(out, "\x82\x7e\x01\x00", 4);
    assert_int_equal(ws_write_header(out, WS_BINARY, 65536), 10);
    assert_memory_equal(out, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
}

static void header_length_changes_at_126_and_65536(void **state)
{
    (void)state;
    assert_int_equal(ws_header_len(0), 2);
    assert_int_equal(ws_header_len(125), 2);
    assert_int_equal(ws_header_len(126), 4);
    assert_int_equal(ws_header_len(65535), 4);
    assert_int_equal(ws_header_len(65536), 10);
}

static void reserved_bits_are_refused(void **state)
{
    (void)state;
    assert_hears("c1 80 00000000", "error 1002\n");
    assert_hears("a1 80 00000000", "error 1002\n");
    assert_hears("91 80 00000000", "error 1002\n");
    assert_hears("c9 80 00000000", "error 1002\n");
}

static void reserved_opcodes_are_refused(void **state)
{
    (void)state;
    static const uint8_t reserved[] = {3, 4, 5, 6, 7, 11, 12, 13, 14, 15};
    for (size_t i = 0; i < sizeof reserved; i++) {
        uint8_t frame[6] = {0x80 | reserved[i], 0x80};
        assert_heard(10, frame, sizeof frame, "error 1002\n");
        frame[0] = reserved[i];
        assert_heard(10, frame, sizeof frame, "error 1002\n");
    }
}

static void a_control_frame_holds_125_bytes_and_no_more(void **state)
{
    (void)state;
    uint8_t frame[200], payload[125];
    char expected[300];
    memset(payload, 'x', sizeof payload);
    int at = sprintf(expected, "ping ");
    for (size_t i = 0; i < sizeof payload; i++)
        at += sprintf(expected + at, "78");
    strcpy(expected + at, "\n");
    assert_heard(10, frame, client_frame(frame, 0x89, payload, 125, 0x12345678), expected);
    assert_hears("89 fe 007e 00000000 00*126", "error 1002\n");
    assert_hears("8a fe 007d 00000000 00*125", "error 1002\n");
    assert_hears("88 ff 000000000000007d 00000000 00*125", "error 1002\n");
}

static void a_fragmented_control_frame_is_refused(void **state)
{
    (void)state;
    assert_hears("09 80 00000000", "error 1002\n");
    assert_hears("08 80 00000000", "error 1002\n");
    assert_hears("0a 81 00000000 00", "error 1002\n");
}

static void a_continuation_needs_an_open_message(void **state)
{
    (void)state;
    assert_hears("80 80 00000000", "error 1002\n");
    assert_hears("00 81 00000000 61", "error 1002\n");
    assert_hears("81 81 00000000 61 80 80 00000000", "text 61\nerror 1002\n");
}

static void a_new_message_may_not_begin_inside_another(void **state)
{
    (void)state;
    assert_hears("01 81 00000000 61 81 81 00000000 62", "error 1002\n");
    assert_hears("02 81 00000000 61 02 81 00000000 62", "error 1002\n");
}

static void fragments_join_with_control_frames_between_them(void **state)
{
    (void)state;
    assert_hears("01 81 00000000 61 89 81 00000000 70 00 81 00000000 62 8a 80 00000000"
                 "80 81 00000000 63 82 80 00000000",
                 "ping 70\npong \ntext 616263\nbinary \n");
}

static void empty_fragments_are_silent_until_the_last(void **state)
{
    (void)state;
    assert_hears("01 80 00000000 00 80 00000000 80 80 00000000", "text \n");
    assert_hears("02 80 00000000 00 81 00000000 ff 80 80 00000000", "binary ff\n");
}

static void lengths_must_be_in_their_shortest_form(void **state)
{
    (void)state;
    assert_hears("82 fe 007d 00000000 00*125", "error 1002\n");
    assert_hears("82 fe 0000 00000000", "error 1002\n");
    assert_hears("82 ff 000000000000ffff 00000000 00*65535", "error 1002\n");
    assert_hears("82 ff 0000000000000001 00000000 00", "error 1002\n");
}

static void a_length_with_its_top_bit_is_refused_as_malformed(void **state)
{
    (void)state;
    assert_hears("82 ff 8000000000000000 00000000", "error 1002\n");
    assert_hears("82 ff ffffffffffffffff 00000000", "error 1002\n");
}

static void a_message_over_the_limit_is_refused_by_its_header(void **state)
{
    (void)state;
    /* No mask and no payload have come, and none is waited for. */
    assert_hears("82 ff 0000000000010001", "error 1009\n");
    assert_hears("82 ff 7fffffffffffffff", "error 1009\n");
    assert_hears("81 ff 0000000000010001", "error 1009\n");
    uint8_t small[] = {0x82, 0x8b};
    assert_heard(10, small, sizeof small, "error 1009\n");
}

static void the_limit_counts_all_fragments(void **state)
{
    (void)state;
    uint8_t input[64];
    long len = hex_parse("02 86 00000000 00*6 00 84 00000000 00*4 80 80 00000000", input, 64);
    assert_heard(10, input, (size_t)len, "binary 00000000000000000000\n");
    len = hex_parse("02 86 00000000 00*6 89 85 00000000 00*5 80 85", input, 64);
    assert_heard(10, input, (size_t)len, "ping 0000000000\nerror 1009\n");
    len = hex_parse("82 86 00000000 00*6 82 86 00000000 00*6", input, 64);
    assert_heard(10, input, (size_t)len, "binary 000000000000\nbinary 000000000000\n");
}

static void a_message_of_the_limit_is_heard_whole(void **state)
{
    (void)state;
    static uint8_t payload[65536], frame[65536 + 14];
    static char expected[2 * 65536 + 16];
    uint64_t seed = 7;
    int at = sprintf(expected, "binary ");
    for (size_t i = 0; i < sizeof payload; i++) {
        payload[i] = (uint8_t)random_next(&seed);
        at += sprintf(expected + at, "%02x", payload[i]);
    }
    strcpy(expected + at, "\n");
    assert_heard(65536, frame, client_frame(frame, 0x82, payload, sizeof payload, 0xdeadbeef),
                 expected);
}

static void text_that_is_not_utf8_is_refused(void **state)
{
    (void)state;
    assert_hears("81 81 00000000 ff", "error 1007\n");
    assert_hears("81 83 00000000 eda080", "error 1007\n");
    assert_hears("01 81 00000000 61 80 82 00000000 c0af", "error 1007\n");
}

static void the_first_impossible_byte_is_refused_before_the_rest_comes(void **state)
{
    (void)state;
    /* 16 bytes announced, 3 sent: the third can't follow the two before. */
    assert_hears("81 90 00000000 f490*1 90", "error 1007\n");
    assert_hears("81 90 00000000 61 c1", "error 1007\n");
}

static void a_text_may_not_end_inside_a_character(void **state)
{
    (void)state;
    assert_hears("81 82 00000000 e282", "error 1007\n");
    assert_hears("01 82 00000000 e282 80 80 00000000", "error 1007\n");
}

static void a_character_may_span_fragments_and_control_frames(void **state)
{
    (void)state;
    assert_hears("01 81 00000000 f0 89 81 00000000 ff 00 81 00000000 9f 00 80 00000000"
                 "80 82 00000000 9880",
                 "ping ff\ntext f09f9880\n");
}

static void binary_is_not_checked_as_text(void **state)
{
    (void)state;
    assert_hears("02 81 00000000 ff 80 81 00000000 c0", "binary ffc0\n");
}

static void the_text_check_starts_anew_with_each_message(void **state)
{
    (void)state;
    assert_hears("81 82 00000000 c3a9 81 82 00000000 c3a9 81 81 00000000 a9",
                 "text c3a9\ntext c3a9\nerror 1007\n");
}

static void a_close_carries_its_code_and_reason(void **state)
{
    (void)state;
    assert_hears("88 80 00000000", "close 1005 \n");
    assert_hears("88 82 00000000 03e8", "close 1000 \n");
    assert_hears("88 85 00000000 03e9 627965", "close 1001 627965\n");
    assert_hears("88 82 0badcafe 0445", "close 4072 \n");
}

static void a_close_of_one_byte_is_refused(void **state)
{
    (void)state;
    assert_hears("88 81 00000000 03", "error 1002\n");
}

static void a_close_with_an_invalid_code_is_refused(void **state)
{
    (void)state;
    assert_hears("88 82 00000000 0000", "error 1002\n");
    assert_hears("88 82 00000000 03ed", "error 1002\n");
    assert_hears("88 82 00000000 ffff", "error 1002\n");
}

static void only_registered_and_private_close_codes_are_valid(void **state)
{
    (void)state;
    for (unsigned code = 0; code <= 65535; code++) {
        bool valid =
            (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
            code / 1000 == 3 || code / 1000 == 4;
        assert_int_equal(ws_close_code_is_valid((uint16_t)code), valid);
    }
}

static void a_close_reason_must_be_utf8(void **state)
{
    (void)state;
    assert_hears("88 83 00000000 03e8 ff", "error 1007\n");
    assert_hears("88 84 00000000 03e8 e282", "error 1007\n");
    assert_hears("88 85 00000000 03e8 e282ac", "close 1000 e282ac\n");
}

static void what_follows_a_close_or_an_error_is_swallowed(void **state)
{
    (void)state;
    assert_hears("88 82 00000000 03e8 89 80 00000000 ff*40", "close 1000 \n");
    assert_hears("ff 89 80 00000000 81 80 00000000", "error 1002\n");
}

static void a_close_may_come_inside_a_fragmented_message(void **state)
{
    (void)state;
    assert_hears("01 81 00000000 61 88 80 00000000", "close 1005 \n");
}

static void close_frames_are_written(void **state)
{
    (void)state;
    uint8_t out[127];
    assert_int_equal(ws_write_close(out, WS_CLOSE_NO_STATUS, "unused"), 2);
    assert_memory_equal(out, "\x88\x00", 2);
    assert_int_equal(ws_write_close(out, WS_CLOSE_NORMAL, NULL), 4);
    assert_memory_equal(out, "\x88\x02\x03\xe8", 4);
    assert_int_equal(ws_write_close(out, WS_CLOSE_TOO_SLOW, "slow"), 8);
    assert_memory_equal(out, "\x88\x06\x0f\xa8slow", 8);
}

static void a_close_reason_is_cut_at_a_character(void **state)
{
    (void)state;
    uint8_t out[127];
    char reason[200];
    for (size_t lead = 0; lead < 4; lead++) {
        memset(reason, 'x', lead);
        reason[lead] = '\0';
        for (size_t i = 0; i < 45; i++)
            strcat(reason, "\xe2\x82\xac");
        struct utf8 utf8 = {0};
        size_t len = ws_write_close(out, 1000, reason);
        assert_true(len <= 127 && len > 127 - 3);
        assert_int_equal(len, 2 + out[1]);
        assert_true(utf8_feed(&utf8, out + 4, len - 4) && utf8_complete(&utf8));
    }
}

/* A random conversation, well formed or nearly, in random pieces, must be heard as when it comes
 * whole. */
static size_t random_conversation(uint64_t *seed, uint8_t *out)
{
    static const uint8_t firsts[] = {0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8a};
    size_t len = 0;
    bool open = false;
    for (uint64_t i = random_below(seed, 12); i > 0; i--) {
        uint8_t payload[300];
        uint8_t first = firsts[random_below(seed, sizeof firsts)];
        bool control = first & 8;
        if (!control && random_below(seed, 16) != 0)
            first = open ? first & 0x80 : (first & 0x80) | (uint8_t)(1 + (first & 1));
        open = control ? open : !(first & 0x80);
        size_t payload_len = random_below(seed, control ? 126 : 300);
        for (size_t j = 0; j < payload_len; j++)
            payload[j] = (uint8_t)random_below(seed, 128);
        if (random_below(seed, 8) == 0 && payload_len > 2)
            memcpy(payload + random_below(seed, payload_len - 2), "\xe2\x82\xac", 3);
        len += client_frame(out + len, first, payload, payload_len, (uint32_t)random_next(seed));
    }
    if (random_below(seed, 4) == 0)
        len += client_frame(out + len, 0x88, "\x03\xe8", 2, (uint32_t)random_next(seed));
    if (random_below(seed, 2) == 0 && len > 0)
        out[random_below(seed, len)] ^= (uint8_t)(1 << random_below(seed, 8));
    return len;
}

static void random_conversations_are_heard_alike_at_random_splits(void **state)
{
    (void)state;
    static uint8_t input[12 * 320];
    uint64_t seed = fuzz_seed(20240607);
    for (uint64_t round = fuzz_rounds(20000); round > 0; round--) {
        uint64_t start = seed;
        struct hearing whole, pieces;
        size_t len = random_conversation(&seed, input);
        hearing_init(&whole, 600);
        hearing_init(&pieces, 600);
        hearing_feed(&whole, input, len);
        for (size_t at = 0, step; at < len; at += step) {
            step = 1 + random_below(&seed, 40);
            step = step < len - at ? step : len - at;
            hearing_feed(&pieces, input + at, step);
        }
        fuzz_assert(strcmp(hearing_text(&whole), hearing_text(&pieces)) == 0, "test_ws", start);
        hearing_finish(&whole);
        hearing_finish(&pieces);
    }
}

static void random_bytes_never_break_the_parser(void **state)
{
    (void)state;
    uint8_t input[64];
    uint64_t seed = fuzz_seed(99);
    for (uint64_t round = fuzz_rounds(100000); round > 0; round--) {
        struct ws_parser parser;
        struct ws_event event = {0};
        uint64_t start = seed;
        for (size_t i = 0; i < sizeof input; i++)
            input[i] = (uint8_t)random_next(&seed);
        input[1] |= 0x80;
        uint8_t *data = guard_place(input, sizeof input);
        size_t used = 0;
        ws_parser_init(&parser, 32);
        do {
            used += ws_parse(&parser, data + used, sizeof input - used, &event);
            fuzz_assert(used <= sizeof input, "test_ws", start);
        } while (event.kind != WS_NEED_MORE && event.kind != WS_ERROR);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_6455_5_7_masked_hello_is_heard),
        cmocka_unit_test(rfc_6455_5_7_unmasked_hello_is_refused),
        cmocka_unit_test(rfc_6455_5_7_masked_pong_is_heard),
        cmocka_unit_test(rfc_6455_5_7_server_headers_are_written),
        cmocka_unit_test(header_length_changes_at_126_and_65536),
        cmocka_unit_test(reserved_bits_are_refused),
        cmocka_unit_test(reserved_opcodes_are_refused),
        cmocka_unit_test(a_control_frame_holds_125_bytes_and_no_more),
        cmocka_unit_test(a_fragmented_control_frame_is_refused),
        cmocka_unit_test(a_continuation_needs_an_open_message),
        cmocka_unit_test(a_new_message_may_not_begin_inside_another),
        cmocka_unit_test(fragments_join_with_control_frames_between_them),
        cmocka_unit_test(empty_fragments_are_silent_until_the_last),
        cmocka_unit_test(lengths_must_be_in_their_shortest_form),
        cmocka_unit_test(a_length_with_its_top_bit_is_refused_as_malformed),
        cmocka_unit_test(a_message_over_the_limit_is_refused_by_its_header),
        cmocka_unit_test(the_limit_counts_all_fragments),
        cmocka_unit_test(a_message_of_the_limit_is_heard_whole),
        cmocka_unit_test(text_that_is_not_utf8_is_refused),
        cmocka_unit_test(the_first_impossible_byte_is_refused_before_the_rest_comes),
        cmocka_unit_test(a_text_may_not_end_inside_a_character),
        cmocka_unit_test(a_character_may_span_fragments_and_control_frames),
        cmocka_unit_test(binary_is_not_checked_as_text),
        cmocka_unit_test(the_text_check_starts_anew_with_each_message),
        cmocka_unit_test(a_close_carries_its_code_and_reason),
        cmocka_unit_test(a_close_of_one_byte_is_refused),
        cmocka_unit_test(a_close_with_an_invalid_code_is_refused),
        cmocka_unit_test(only_registered_and_private_close_codes_are_valid),
        cmocka_unit_test(a_close_reason_must_be_utf8),
        cmocka_unit_test(what_follows_a_close_or_an_error_is_swallowed),
        cmocka_unit_test(a_close_may_come_inside_a_fragmented_message),
        cmocka_unit_test(close_frames_are_written),
        cmocka_unit_test(a_close_reason_is_cut_at_a_character),
        cmocka_unit_test(random_conversations_are_heard_alike_at_random_splits),
        cmocka_unit_test(random_bytes_never_break_the_parser),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
