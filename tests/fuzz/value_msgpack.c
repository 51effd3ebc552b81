/* SPDX-License-Identifier: MIT */
/* value_msgpack: a Kafka value of ticks, as msgpack. */
#include "schemas/tick_msgpack.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/tick_copy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tick_copies copies; /* large */
    int rc = tick_copies_read(&copies, tick_msgpack_read, data, size);
    tick_copies_check(&copies);
    /* The first byte tells the format. */
    if (size > 0 && data[0] >= 0x80)
        CHECK(tick_copies_read(&copies, tick_value_read, data, size) == rc);
    return 0;
}
