/* SPDX-License-Identifier: MIT */
#include "bench/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/url.h"

enum { READY_MS = 15000, STOP_MS = 8000, ARGUMENTS_MAX = PLAN_OPTIONS_MAX + 16 };

void launch_pin(int cpu)
{
    cpu_set_t set;
    if (cpu < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) < 0)
        fprintf(stderr, "tapebench: cannot pin to core %d: %s\n", cpu, strerror(errno));
}

/* Never returns. */
static void become_server(const struct plan *plan, double rate, int out)
{
    char source[4096], connections[16];
    const char *argv[ARGUMENTS_MAX] = {plan->server, "--source", source, "--listen", "127.0.0.1:0"};
    int argc = 5;
    uint32_t clients = plan->clients + plan->slow_clients + 64;
    snprintf(source, sizeof source, "sim:seed=%llu,rate=%.3f,symbols=%u,burst=%.3f",
             (unsigned long long)plan->seed, rate, plan->symbols_all, plan->burst);
    if (plan->tape)
        snprintf(source, sizeof source, "file:%s,shift=now,end=loop", plan->tape);
    snprintf(connections, sizeof connections, "%u", clients < 16384 ? 16384 : clients);
    argv[argc++] = "--workers";
    argv[argc++] = "1";
    argv[argc++] = "--max-connections";
    argv[argc++] = connections;
    argv[argc++] = "--log-level";
    argv[argc++] = "warn";
    for (int i = 0; i < plan->server_options_count; i++)
        argv[argc++] = plan->server_options[i];
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    launch_pin(plan->server_cpu);
    dup2(out, STDOUT_FILENO);
    execvp(plan->server, (char *const *)argv);
    fprintf(stderr, "tapebench: %s: %s\n", plan->server, strerror(errno));
    _exit(127);
}

/* "… ready url=http://127.0.0.1:40123/ …" */
static int take_ready_line(struct plan *plan, const char *line)
{
    char text[256], error[256];
    struct url url;
    const char *at = strstr(line, "url=");
    if (!at || sscanf(at + 4, "%255[^ \n]", text) != 1 ||
        url_parse(text, &url, error, sizeof error) < 0)
        return -EPROTO;
    plan->secure = url.secure;
    snprintf(plan->host, sizeof plan->host, "%s", url.host);
    snprintf(plan->port, sizeof plan->port, "%s", url.port);
    snprintf(plan->target, sizeof plan->target, "%s", url.target);
    return 0;
}

static int await_ready(struct plan *plan, int fd)
{
    char line[1024];
    size_t used = 0;
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    while (used < sizeof line - 1 && poll(&readable, 1, READY_MS) > 0) {
        ssize_t n = read(fd, line + used, sizeof line - 1 - used);
        if (n <= 0)
            return -ECHILD;
        used += (size_t)n;
        line[used] = 0;
        if (strchr(line, '\n'))
            return take_ready_line(plan, line);
    }
    return -ETIMEDOUT;
}

pid_t launch_server(struct plan *plan, double rate)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    pid_t server = fork();
    if (server == 0)
        become_server(plan, rate, ends[1]);
    close(ends[1]);
    int rc = server < 0 ? -errno : await_ready(plan, ends[0]);
    close(ends[0]);
    if (rc == 0)
        return server;
    fprintf(stderr, "tapebench: %s did not become ready: %s\n", plan->server, strerror(-rc));
    launch_stop(server);
    return rc;
}

void launch_stop(pid_t server)
{
    if (server <= 0)
        return;
    kill(server, SIGTERM);
    for (int waited_ms = 0; waited_ms < STOP_MS; waited_ms += 20) {
        if (waitpid(server, NULL, WNOHANG) != 0)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
}
