/* SPDX-License-Identifier: MIT */
/*
 * fiber: what is a thread in the server, run by hand in the simulation: it goes on when resumed and
 * stops where it yields, so that one thread interleaves them all as the seed says.
 */
#ifndef TAPEHEAD_TESTS_SIM_FIBER_H
#define TAPEHEAD_TESTS_SIM_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <ucontext.h>

typedef void *fiber_run(void *arg);

/* Where a stack was left. */
#ifdef __x86_64__
struct fiber_place {
    void *stack_pointer; /* swapcontext() asks the kernel twice a switch, and there are millions */
};
#else
struct fiber_place {
    ucontext_t context;
};
#endif

struct fiber {
    struct fiber_place place;
    struct fiber_place resumer;
    void *stack;
    fiber_run *run;
    void *arg;
    bool done;
    /* For AddressSanitizer, which must know of each change of stacks. */
    void *fake_stack;
    void *resumer_fake_stack;
    const void *resumer_stack;
    size_t resumer_size;
};

/* Doesn't run yet. Aborts when out of memory. */
void fiber_start(struct fiber *fiber, fiber_run *run, void *arg);

/* Runs it until it yields or ends. Not from within a fiber. */
void fiber_resume(struct fiber *fiber);

/* From within a fiber: back to who resumed it. */
void fiber_yield(void);

/* Whether a fiber runs now. */
bool fiber_is_running(void);

/* Frees the stack of one that has ended or will never run again. */
void fiber_finish(struct fiber *fiber);

#endif
