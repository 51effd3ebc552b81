/* SPDX-License-Identifier: MIT */
/*
 * machine: where and when a run took place, for its report.
 */
#ifndef TAPEHEAD_BENCH_MACHINE_H
#define TAPEHEAD_BENCH_MACHINE_H

struct machine {
    char processor[128];
    int cores;
    char kernel[256];
    char clocksource[32];
    char commit[64]; /* with "-dirty" where the tree has changes */
    char when[32];
    char command[2048];
};

void machine_read(struct machine *machine, int argc, char **argv);

/* Which clocks the figures rest on, as a sentence. */
const char *machine_clocks(void);

#endif
