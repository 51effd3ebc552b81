/* SPDX-License-Identifier: MIT */
/* micro_codec: Kafka values to ticks, and ticks to frames, in both formats; ticks of the simulated
 * market. See micro.h. */
#include <stdlib.h>
#include <string.h>

#include "bench/micro.h"
#include "bench/scan.h"
#include "feed/sim.h"
#include "schemas/tick_json.h"
#include "schemas/tick_msgpack.h"
#include "server/fanout/encode.h"

enum { TICKS = 1024, NOW_S = 1763800000 };

struct sample {
    struct tick tick;
    const char *symbol;
    uint8_t symbol_len;
    uint16_t json_len, msgpack_len, wire_json_len, wire_msgpack_len;
    uint8_t json[VALUE_TICK_MAX], msgpack[VALUE_TICK_MAX];
    uint8_t wire_json[WIRE_TICK_MAX], wire_msgpack[WIRE_TICK_MAX];
};

struct codec_micro {
    struct sim *sim; /* holds the names */
    uint64_t sum;
    struct sample samples[TICKS];
};

static void fill(struct sample *sample, struct sim *sim, uint64_t seq)
{
    sim_next(sim, &sample->tick, &sample->symbol);
    size_t len = strlen(sample->symbol);
    sample->symbol_len = (uint8_t)len;
    sample->tick.seq = seq;
    sample->tick.ts_ns += INT64_C(1000000000) * NOW_S;
    sample->tick.rts_ns = sample->tick.ts_ns + 100000;
    sample->json_len =
        (uint16_t)tick_json_write_value(&sample->tick, sample->symbol, len, sample->json);
    sample->msgpack_len =
        (uint16_t)tick_msgpack_write_value(&sample->tick, sample->symbol, len, sample->msgpack);
    sample->wire_json_len = (uint16_t)tick_json_write(&sample->tick, sample->symbol, len,
                                                      WIRE_TRADE, sample->wire_json);
    sample->wire_msgpack_len = (uint16_t)tick_msgpack_write(&sample->tick, sample->symbol, len,
                                                            WIRE_TRADE, sample->wire_msgpack);
}

static void *begin(void)
{
    const struct sim_config config = {.seed = 1, .rate = 5000, .symbols = 100, .burst = 1};
    struct codec_micro *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->sim = sim_create(&config);
    for (uint64_t i = 0; self->sim && i < TICKS; i++)
        fill(&self->samples[i], self->sim, i + 1);
    return self;
}

static void end(void *arg)
{
    struct codec_micro *self = arg;
    sim_destroy(self->sim);
    free(self);
}

static void take(void *arg, const struct tick *tick, const char *symbol, size_t symbol_len)
{
    struct codec_micro *self = arg;
    self->sum += (uint64_t)tick->price + (uint8_t)symbol[symbol_len - 1];
}

static uint64_t read_json(void *arg)
{
    struct codec_micro *self = arg;
    for (int i = 0; i < TICKS; i++)
        tick_json_read(self->samples[i].json, self->samples[i].json_len, take, self);
    return TICKS;
}

static uint64_t read_msgpack(void *arg)
{
    struct codec_micro *self = arg;
    for (int i = 0; i < TICKS; i++)
        tick_msgpack_read(self->samples[i].msgpack, self->samples[i].msgpack_len, take, self);
    return TICKS;
}

static uint64_t encode(struct codec_micro *self, int format)
{
    uint8_t out[ENCODE_MAX];
    for (int i = 0; i < TICKS; i++) {
        const struct sample *sample = &self->samples[i];
        uint32_t skip;
        self->sum += encode_tick(out, &skip, (struct encoding){.format = format}, &sample->tick,
                                 sample->symbol, sample->symbol_len, WIRE_TRADE);
        self->sum += out[skip + 20];
    }
    return TICKS;
}

static uint64_t encode_json(void *arg)
{
    return encode(arg, ENCODE_JSON);
}

static uint64_t encode_msgpack(void *arg)
{
    return encode(arg, ENCODE_MSGPACK);
}

/* tapebench's own. */
static uint64_t scan(void *arg)
{
    struct codec_micro *self = arg;
    struct message message;
    for (int i = 0; i < TICKS; i++) {
        scan_json(self->samples[i].wire_json, self->samples[i].wire_json_len, &message);
        self->sum += message.seq + (uint64_t)message.ts_ns;
    }
    return TICKS;
}

static uint64_t scan_packed(void *arg)
{
    struct codec_micro *self = arg;
    struct message message;
    for (int i = 0; i < TICKS; i++) {
        scan_msgpack(self->samples[i].wire_msgpack, self->samples[i].wire_msgpack_len, &message);
        self->sum += message.seq + (uint64_t)message.ts_ns;
    }
    return TICKS;
}

const struct micro micro_codecs[] = {
    {"decode.json", "Kafka value", begin, read_json, end, 0},
    {"decode.msgpack", "Kafka value", begin, read_msgpack, end, 0},
    {"encode.json", "frame", begin, encode_json, end, 0},
    {"encode.msgpack", "frame", begin, encode_msgpack, end, 0},
    {"scan.json", "message, as tapebench reads it", begin, scan, end, 0},
    {"scan.msgpack", "message, as tapebench reads it", begin, scan_packed, end, 0},
    {0},
};
