/* SPDX-License-Identifier: MIT */
/*
 * stop: Ctrl-C and SIGTERM as a flag that loops look at. The second signal ends the program at
 * once.
 */
#ifndef TAPEHEAD_TOOLS_STOP_H
#define TAPEHEAD_TOOLS_STOP_H

#include <stdbool.h>

/* From now on SIGINT, SIGTERM and SIGHUP only set the flag, the first time. Interrupts blocking
 * calls (EINTR). */
void stop_on_signals(void);

bool stop_requested(void);

#endif
