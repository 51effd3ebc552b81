/* SPDX-License-Identifier: MIT */
#include "bench/machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static void first_line(FILE *file, char *out, size_t size)
{
    out[0] = 0;
    if (file && fgets(out, (int)size, file))
        out[strcspn(out, "\n")] = 0;
}

static void read_processor(char *out, size_t size)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "re");
    snprintf(out, size, "unknown");
    while (file && fgets(line, sizeof line, file)) {
        const char *value = strchr(line, ':');
        if (value && strncmp(line, "model name", 10) == 0) {
            snprintf(out, size, "%.*s", (int)strcspn(value + 2, "\n"), value + 2);
            break;
        }
    }
    if (file)
        fclose(file);
}

static void read_commit(char *out, size_t size)
{
    FILE *git =
        popen("GIT_OPTIONAL_LOCKS=0 git describe --always --dirty --abbrev=12 2>/dev/null", "re");
    first_line(git, out, size);
    if (git)
        pclose(git);
    if (!out[0])
        snprintf(out, size, "unknown");
}

static void join(char *out, size_t size, int argc, char **argv)
{
    size_t at = 0;
    out[0] = 0;
    for (int i = 0; i < argc && at < size - 1; i++) {
        int len = snprintf(out + at, size - at, "%s%s", i ? " " : "", argv[i]);
        at += (size_t)len;
    }
}

void machine_read(struct machine *machine, int argc, char **argv)
{
    struct utsname name;
    time_t now = time(NULL);
    struct tm utc;
    uname(&name);
    gmtime_r(&now, &utc);
    *machine = (struct machine){.cores = (int)sysconf(_SC_NPROCESSORS_ONLN)};
    read_processor(machine->processor, sizeof machine->processor);
    snprintf(machine->kernel, sizeof machine->kernel, "%s %s", name.sysname, name.release);
    FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    first_line(file, machine->clocksource, sizeof machine->clocksource);
    if (file)
        fclose(file);
    read_commit(machine->commit, sizeof machine->commit);
    strftime(machine->when, sizeof machine->when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    join(machine->command, sizeof machine->command, argc, argv);
}

const char *machine_clocks(void)
{
    return "Latency is from each tick's planned instant (its ts) to the read that returned it, "
           "both by "
           "this machine's CLOCK_REALTIME; seconds by CLOCK_MONOTONIC; CPU from "
           "/proc/PID/schedstat.";
}
