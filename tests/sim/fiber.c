/* SPDX-License-Identifier: MIT */
/* fiber: see fiber.h. */
#include "tests/sim/fiber.h"

#include <stdint.h>
#include <stdlib.h>

#include "feed/base.h"

#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#endif

#ifdef FIBER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define LEAVE(save, bottom, size)  __sanitizer_start_switch_fiber(save, bottom, size)
#define ARRIVE(save, bottom, size) __sanitizer_finish_switch_fiber(save, bottom, size)
#define CLEAR(stack, size)         __asan_unpoison_memory_region(stack, size)
#else
#define LEAVE(save, bottom, size)  ((void)0)
#define ARRIVE(save, bottom, size) ((void)0)
#define CLEAR(stack, size)         ((void)0)
#endif

/* ---- the switch ---- */

#ifdef __x86_64__

/* Keeps the registers that a callee must, System V ABI 3.2.1, on the stack that is left; takes
 * those of the other from where it was left. */
void fiber_switch(void **left, void *entered);
__asm__(".text\n"
        ".globl fiber_switch\n"
        ".type fiber_switch, @function\n"
        "fiber_switch:\n"
        "    pushq %rbp\n    pushq %rbx\n    pushq %r12\n"
        "    pushq %r13\n    pushq %r14\n    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n    popq %r14\n    popq %r13\n"
        "    popq %r12\n    popq %rbx\n    popq %rbp\n"
        "    ret\n"
        ".size fiber_switch, . - fiber_switch\n");

static void change(struct fiber_place *left, struct fiber_place *entered)
{
    fiber_switch(&left->stack_pointer, entered->stack_pointer);
}

/* As if it had been left at the start of `enter`: six registers, then where to return to. */
static void prepare(struct fiber_place *place, void *stack, size_t size, void (*enter)(void))
{
    void **top = (void **)((uintptr_t)((char *)stack + size) & ~(uintptr_t)15);
    *--top = NULL; /* enter() never returns; and it wants the stack as a call leaves it */
    *--top = (void *)(uintptr_t)enter;
    for (int i = 0; i < 6; i++)
        *--top = NULL;
    place->stack_pointer = top;
}

#else

static void change(struct fiber_place *left, struct fiber_place *entered)
{
    swapcontext(&left->context, &entered->context);
}

static void prepare(struct fiber_place *place, void *stack, size_t size, void (*enter)(void))
{
    getcontext(&place->context);
    place->context.uc_stack.ss_sp = stack;
    place->context.uc_stack.ss_size = size;
    makecontext(&place->context, enter, 0);
}

#endif

/* ---- fibers ---- */

enum { STACK_SIZE = 512 * 1024, STACKS_KEPT = 8 };

/* Of fibers that have ended: the next ones take them, for there are millions. */
static void *stacks[STACKS_KEPT];
static int stacks_kept;

/* The one that runs, for fiber_yield(): its callers stand deep in the server and know of no fiber.
 */
static struct fiber *current;

static void enter(void)
{
    struct fiber *fiber = current;
    ARRIVE(NULL, &fiber->resumer_stack, &fiber->resumer_size);
    fiber->run(fiber->arg);
    fiber->done = true;
    LEAVE(NULL, fiber->resumer_stack, fiber->resumer_size);
    change(&fiber->place, &fiber->resumer);
}

void fiber_start(struct fiber *fiber, fiber_run *run, void *arg)
{
    void *stack = stacks_kept ? stacks[--stacks_kept] : malloc(STACK_SIZE);
    *fiber = (struct fiber){.run = run, .arg = arg, .stack = stack};
    CHECK(fiber->stack);
    CLEAR(stack, STACK_SIZE); /* whoever had it may have been left within its frames */
    prepare(&fiber->place, fiber->stack, STACK_SIZE, enter);
}

void fiber_resume(struct fiber *fiber)
{
    CHECK(!current && !fiber->done);
    current = fiber;
    LEAVE(&fiber->resumer_fake_stack, fiber->stack, STACK_SIZE);
    change(&fiber->resumer, &fiber->place);
    ARRIVE(fiber->resumer_fake_stack, NULL, NULL);
    current = NULL;
}

void fiber_yield(void)
{
    struct fiber *fiber = current;
    CHECK(fiber);
    LEAVE(&fiber->fake_stack, fiber->resumer_stack, fiber->resumer_size);
    change(&fiber->place, &fiber->resumer);
    ARRIVE(fiber->fake_stack, &fiber->resumer_stack, &fiber->resumer_size);
}

bool fiber_is_running(void)
{
    return current != NULL;
}

void fiber_finish(struct fiber *fiber)
{
    if (fiber->stack && stacks_kept < STACKS_KEPT)
        stacks[stacks_kept++] = fiber->stack;
    else
        free(fiber->stack);
    fiber->stack = NULL;
}
