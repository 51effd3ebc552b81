/* SPDX-License-Identifier: MIT */
#include "bench/usage.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void read_thread(struct usage *usage, pid_t pid, const char *tid)
{
    char path[64];
    uint64_t ran = 0, waited = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%.16s/schedstat", (int)pid, tid);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    if (fscanf(file, "%" SCNu64 " %" SCNu64, &ran, &waited) == 2) {
        usage->cpu_ns += ran;
        usage->delay_ns += waited;
        if (usage->threads < USAGE_THREADS_MAX)
            usage->threads_ns[usage->threads++] = ran;
    }
    fclose(file);
}

static void read_threads(struct usage *usage, pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    if (!threads)
        return;
    for (struct dirent *entry; (entry = readdir(threads));)
        if (entry->d_name[0] != '.')
            read_thread(usage, pid, entry->d_name);
    closedir(threads);
}

static void read_memory(struct usage *usage, pid_t pid)
{
    char path[64], line[256];
    uint64_t kib;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "VmRSS: %" SCNu64, &kib) == 1)
            usage->rss_bytes = kib * 1024;
        if (sscanf(line, "VmHWM: %" SCNu64, &kib) == 1)
            usage->rss_bytes_max = kib * 1024;
    }
    fclose(file);
}

void usage_read(struct usage *usage, pid_t pid)
{
    *usage = (struct usage){0};
    read_threads(usage, pid);
    read_memory(usage, pid);
}

uint64_t usage_socket_bytes(void)
{
    char line[256];
    uint64_t pages = 0;
    FILE *file = fopen("/proc/net/sockstat", "re");
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file)) {
        const char *memory = strncmp(line, "TCP:", 4) == 0 ? strstr(line, " mem ") : NULL;
        if (memory)
            pages = strtoull(memory + 5, NULL, 10);
    }
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
