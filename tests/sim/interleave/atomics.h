/* SPDX-License-Identifier: MIT */
/*
 * atomics: put before the ring's and the doorbell's own source (-include), it turns their atomic
 * operations into steps of the explorer: see explore.h. Their text is compiled as it is.
 *
 * Only what they use is here; another operation or type fails to compile.
 */
#ifndef TAPEHEAD_TESTS_SIM_INTERLEAVE_ATOMICS_H
#define TAPEHEAD_TESTS_SIM_INTERLEAVE_ATOMICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

uint64_t explore_load(_Atomic uint64_t *at);
void explore_store_u64(_Atomic uint64_t *at, uint64_t value);
void explore_store_bool(_Atomic bool *at, bool value);
bool explore_load_bool(_Atomic bool *at);
bool explore_exchange(_Atomic bool *at, bool value);

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_exchange_explicit
#define atomic_load_explicit(at, order)                                                            \
    _Generic((at), _Atomic bool * : explore_load_bool, default : explore_load)((void *)(at))
#define atomic_store_explicit(at, value, order)                                                    \
    _Generic((at), _Atomic bool * : explore_store_bool, default : explore_store_u64)(at, value)
#define atomic_exchange_explicit(at, value, order) explore_exchange(at, value)

#endif
