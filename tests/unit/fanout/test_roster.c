/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <string.h>

#include "server/fanout/roster.h"

enum { ROSTERS = 6, PAIRS = 150 };

/* What pairs would know: which roster they stand on (-1: none), and where. */
struct scene {
    struct roster_pool pool;
    uint32_t rosters[ROSTERS];
    int on[PAIRS];
    struct roster_place places[PAIRS];
    uint32_t live;
};

static uint32_t free_blocks(const struct roster_pool *pool)
{
    uint32_t count = 0;
    for (uint32_t i = pool->free; i != ROSTER_NONE; i = pool->blocks[i].next)
        count++;
    return count;
}

static void scene_init(struct scene *scene)
{
    memset(scene, 0, sizeof *scene);
    uint32_t blocks = (uint32_t)roster_blocks_needed(PAIRS, ROSTERS);
    assert_int_equal(roster_pool_init(&scene->pool, blocks), 0);
    memset(scene->rosters, 0xff, sizeof scene->rosters);
    memset(scene->on, 0xff, sizeof scene->on);
}

static void add(struct scene *scene, uint32_t pair, int roster)
{
    scene->places[pair] = roster_add(&scene->pool, &scene->rosters[roster], pair, pair + 1000);
    scene->on[pair] = roster;
    scene->live++;
}

static void take_off(struct scene *scene, uint32_t pair)
{
    uint32_t *first = &scene->rosters[scene->on[pair]];
    uint32_t moved = roster_remove(&scene->pool, first, scene->places[pair]);
    if (moved != ROSTER_NONE)
        scene->places[moved] = scene->places[pair];
    scene->on[pair] = -1;
    scene->live--;
}

/* Each entry is a pair that is on this roster, at the place that it knows; none twice. */
static uint32_t check_roster(const struct scene *scene, int roster, uint64_t seed)
{
    uint32_t entries = 0;
    for (uint32_t i = scene->rosters[roster]; i != ROSTER_NONE; i = scene->pool.blocks[i].next) {
        const struct roster_block *block = &scene->pool.blocks[i];
        model_assert(block->count > 0 && block->count <= ROSTER_BLOCK_ENTRIES, seed);
        model_assert(i == scene->rosters[roster] || block->count == ROSTER_BLOCK_ENTRIES, seed);
        for (uint32_t k = 0; k < block->count; k++) {
            uint32_t pair = block->entries[k].pair;
            model_assert(pair < PAIRS && scene->on[pair] == roster, seed);
            model_assert(block->entries[k].subscriber == pair + 1000, seed);
            model_assert(scene->places[pair].block == i && scene->places[pair].slot == k, seed);
            entries++;
        }
    }
    return entries;
}

static void check(const struct scene *scene, uint64_t seed)
{
    uint32_t entries = 0;
    for (int i = 0; i < ROSTERS; i++)
        entries += check_roster(scene, i, seed);
    model_assert(entries == scene->live, seed);
}

static void all_who_were_added_are_there(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    for (uint32_t i = 0; i < 30; i++)
        add(&scene, i, 2);
    check(&scene, 0);
    assert_int_equal(scene.live, 30);
    roster_pool_finish(&scene.pool);
}

static void the_last_one_takes_the_place_of_one_removed(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    for (uint32_t i = 0; i < 3; i++)
        add(&scene, i, 0);
    struct roster_place freed = scene.places[0];
    assert_int_equal(roster_remove(&scene.pool, &scene.rosters[0], freed), 2);
    assert_int_equal(scene.pool.blocks[freed.block].entries[freed.slot].pair, 2);
    assert_int_equal(scene.pool.blocks[freed.block].entries[freed.slot].subscriber, 1002);
    roster_pool_finish(&scene.pool);
}

static void removing_the_last_one_moves_nobody(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    for (uint32_t i = 0; i < 9; i++)
        add(&scene, i, 0);
    for (uint32_t i = 9; i-- > 0;)
        assert_int_equal(roster_remove(&scene.pool, &scene.rosters[0], scene.places[i]),
                         ROSTER_NONE);
    assert_int_equal(scene.rosters[0], ROSTER_NONE);
    roster_pool_finish(&scene.pool);
}

static void an_empty_roster_holds_no_block(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    for (int i = 0; i < 50; i++) {
        add(&scene, 1, i % ROSTERS);
        take_off(&scene, 1);
    }
    assert_int_equal(scene.pool.used_max, 1);
    assert_int_equal(free_blocks(&scene.pool), 1);
    roster_pool_finish(&scene.pool);
}

static void round_against_places(uint64_t seed)
{
    uint64_t random = seed;
    struct scene scene;
    scene_init(&scene);
    uint64_t adds = 50;
    for (int step = 0; step < 4000; step++) {
        if (step % 300 == 0)
            adds = 20 + random_below(&random, 70);
        uint32_t pair = (uint32_t)random_below(&random, PAIRS);
        bool grow = random_below(&random, 100) < adds;
        if (scene.on[pair] < 0 && grow)
            add(&scene, pair, (int)random_below(&random, 1 + random_below(&random, ROSTERS)));
        else if (scene.on[pair] >= 0 && !grow)
            take_off(&scene, pair);
        check(&scene, seed);
    }
    for (uint32_t pair = 0; pair < PAIRS; pair++)
        if (scene.on[pair] >= 0)
            take_off(&scene, pair);
    model_assert(free_blocks(&scene.pool) == scene.pool.used_max, seed);
    roster_pool_finish(&scene.pool);
}

static void every_pair_always_knows_its_place(void **state)
{
    (void)state;
    model_run(600, 10, round_against_places);
}

/* The worst for the pool: every roster with one entry more than its blocks hold. */
static void the_pool_suffices_however_pairs_are_spread(void **state)
{
    (void)state;
    for (uint32_t on_first = 0; on_first <= PAIRS - ROSTERS; on_first++) {
        struct scene scene;
        scene_init(&scene);
        for (uint32_t i = 0; i < PAIRS; i++)
            add(&scene, i, i < on_first ? 0 : (int)(i % ROSTERS));
        check(&scene, 0);
        roster_pool_finish(&scene.pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_who_were_added_are_there),
        cmocka_unit_test(the_last_one_takes_the_place_of_one_removed),
        cmocka_unit_test(removing_the_last_one_moves_nobody),
        cmocka_unit_test(an_empty_roster_holds_no_block),
        cmocka_unit_test(every_pair_always_knows_its_place),
        cmocka_unit_test(the_pool_suffices_however_pairs_are_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
