/* SPDX-License-Identifier: MIT */
#include "bridge.h"

#include <msgpack.h>
#include <string.h>

static void pack(msgpack_packer *packer, json_t *value)
{
    size_t index;
    const char *key;
    json_t *item;
    switch (json_typeof(value)) {
    case JSON_NULL: msgpack_pack_nil(packer); break;
    case JSON_TRUE: msgpack_pack_true(packer); break;
    case JSON_FALSE: msgpack_pack_false(packer); break;
    case JSON_INTEGER: msgpack_pack_int64(packer, json_integer_value(value)); break;
    case JSON_REAL: msgpack_pack_double(packer, json_real_value(value)); break;
    case JSON_STRING:
        msgpack_pack_str_with_body(packer, json_string_value(value), json_string_length(value));
        break;
    case JSON_ARRAY:
        msgpack_pack_array(packer, json_array_size(value));
        json_array_foreach(value, index, item) pack(packer, item);
        break;
    case JSON_OBJECT:
        msgpack_pack_map(packer, json_object_size(value));
        json_object_foreach(value, key, item)
        {
            msgpack_pack_str_with_body(packer, key, strlen(key));
            pack(packer, item);
        }
        break;
    }
}

size_t bridge_to_msgpack(const char *json, uint8_t *out, size_t size)
{
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    json_t *value = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_non_null(value);
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    pack(&packer, value);
    size_t len = buffer.size;
    assert_true(len <= size);
    memcpy(out, buffer.data, len);
    msgpack_sbuffer_destroy(&buffer);
    json_decref(value);
    return len;
}

static json_t *unpack(const msgpack_object *value)
{
    json_t *made;
    switch (value->type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        assert_true(value->via.u64 <= INT64_MAX);
        return json_integer((json_int_t)value->via.u64);
    case MSGPACK_OBJECT_NEGATIVE_INTEGER: return json_integer(value->via.i64);
    case MSGPACK_OBJECT_FLOAT64: return json_real(value->via.f64);
    case MSGPACK_OBJECT_STR: return json_stringn(value->via.str.ptr, value->via.str.size);
    case MSGPACK_OBJECT_ARRAY:
        made = json_array();
        for (uint32_t i = 0; i < value->via.array.size; i++)
            json_array_append_new(made, unpack(&value->via.array.ptr[i]));
        return made;
    case MSGPACK_OBJECT_MAP:
        made = json_object();
        for (uint32_t i = 0; i < value->via.map.size; i++) {
            const msgpack_object_kv *pair = &value->via.map.ptr[i];
            assert_int_equal(pair->key.type, MSGPACK_OBJECT_STR);
            assert_true(pair->key.via.str.size < 32);
            char key[32] = {0};
            memcpy(key, pair->key.via.str.ptr, pair->key.via.str.size);
            assert_null(json_object_get(made, key));
            json_object_set_new(made, key, unpack(&pair->val));
        }
        return made;
    default: fail_msg("msgpack type %d", value->type); return NULL;
    }
}

json_t *bridge_from_msgpack(const uint8_t *data, size_t len)
{
    msgpack_unpacked unpacked;
    size_t offset = 0;
    msgpack_unpacked_init(&unpacked);
    assert_int_equal(msgpack_unpack_next(&unpacked, (const char *)data, len, &offset),
                     MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(offset, len);
    json_t *value = unpack(&unpacked.data);
    msgpack_unpacked_destroy(&unpacked);
    return value;
}

json_t *bridge_from_json(const uint8_t *data, size_t len)
{
    json_error_t error;
    json_t *value = json_loadb((const char *)data, len,
                               JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!value)
        fail_msg("%s in %.*s", error.text, (int)len, (const char *)data);
    return value;
}
