/* SPDX-License-Identifier: MIT */
/*
 * mob: see mob.h. One thread, one epoll. Each member is one connection after another of its kind.
 *
 *   mob --port PORT --seconds S [--cpu N] [--idle] [--only KIND|nobody]
 *
 * Each kind calls from four addresses of its own; --only nobody does nothing at all. It never
 * sleeps, so its core is as busy whatever it does; --idle leaves that to whoever else wants it.
 * Prints a line of JSON: of each kind how many connections were opened, refused (no upgrade), ended
 * by the server, or left, and how many frames, messages or requests went into their sockets.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/launch.h"
#include "bench/mob.h"
#include "feed/base.h"
#include "feed/clock.h"

enum {
    MEMBERS_MAX = 1024,
    EVENTS_MAX = 64,
    LOOK_MS = 10,
    IDLE_NS = 50000,
    ADDRESSES = 4, /* a kind */
    SEND_BUFFER = 8192,
    READ_MAX = 16384,
    SECONDS_MAX = 600,
};

enum member_state {
    MEMBER_AWAY,
    MEMBER_CONNECTING,
    MEMBER_UPGRADING,
    MEMBER_POURING,
    MEMBER_WAITING
};

struct member {
    uint32_t kind;
    int fd;
    enum member_state state;
    enum member_state dies_in; /* where its kind does */
    int64_t since_ms;
    int64_t poured_ms; /* with a pace: when last */
    uint64_t sent;     /* bytes, after the upgrade */
};

struct deeds {
    uint64_t opened, refused, ended, left, frames;
};

struct mob {
    struct mob_kind kinds[MOB_KINDS_MAX];
    struct deeds deeds[MOB_KINDS_MAX];
    struct member members[MEMBERS_MAX];
    uint32_t members_count;
    int kinds_count;
    int epoll;
    int64_t now_ms;
    uint64_t dice;
    uint16_t port;
    int seconds;
    int cpu;
    bool idle;
    const char *only;
};

static const struct mob_kind *kind_of(const struct mob *mob, const struct member *member)
{
    return &mob->kinds[member->kind];
}

static struct deeds *deeds_of(struct mob *mob, const struct member *member)
{
    return &mob->deeds[member->kind];
}

/* xorshift64 (Marsaglia 2003). */
static uint64_t roll(struct mob *mob, uint64_t sides)
{
    mob->dice ^= mob->dice << 13;
    mob->dice ^= mob->dice >> 7;
    mob->dice ^= mob->dice << 17;
    return mob->dice % sides;
}

/* ---- from connect to end ---- */

static void watch(struct mob *mob, struct member *member, int operation)
{
    const struct mob_kind *kind = kind_of(mob, member);
    bool listens =
        member->state == MEMBER_UPGRADING || (member->state > MEMBER_UPGRADING && !kind->deaf);
    bool speaks =
        member->state == MEMBER_CONNECTING || (member->state == MEMBER_POURING && !kind->every_ms);
    struct epoll_event event = {.events = (listens ? (uint32_t)EPOLLIN : 0) |
                                          (speaks ? (uint32_t)EPOLLOUT : 0),
                                .data.u32 = (uint32_t)(member - mob->members)};
    epoll_ctl(mob->epoll, operation, member->fd, &event);
}

/* A reset leaves no TIME_WAIT behind, of which a flood has too many. */
static void leave(struct mob *mob, struct member *member, uint64_t *as)
{
    const struct mob_kind *kind = kind_of(mob, member);
    struct linger reset = {.l_onoff = 1};
    if (member->sent > kind->first.len && kind->block.len)
        deeds_of(mob, member)->frames +=
            (member->sent - kind->first.len) * kind->block_holds / kind->block.len;
    setsockopt(member->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(member->fd);
    member->state = MEMBER_AWAY;
    ++*as;
}

static void call(struct mob *mob, struct member *member)
{
    const struct mob_kind *kind = kind_of(mob, member);
    uint32_t place = (uint32_t)(member - mob->members);
    struct sockaddr_in server = {.sin_family = AF_INET,
                                 .sin_port = htons(mob->port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in source = {
        .sin_family = AF_INET,
        .sin_addr.s_addr =
            htonl(INADDR_LOOPBACK + 256 + member->kind * ADDRESSES + place % ADDRESSES)};
    int on = 1, size = (int)kind->receive_bytes;
    member->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (member->fd < 0)
        return; /* at the next look */
    if (size)
        setsockopt(member->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    /* Over loopback, what waits in a sender's buffer is sent on the core of whoever makes room for
     * it. So that the server's core isn't made to send what is sent to it, little waits. */
    int little = SEND_BUFFER;
    setsockopt(member->fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
    setsockopt(member->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(member->fd, (struct sockaddr *)&source, sizeof source) < 0 ||
        (connect(member->fd, (struct sockaddr *)&server, sizeof server) < 0 &&
         errno != EINPROGRESS)) {
        close(member->fd);
        return;
    }
    member->state = MEMBER_CONNECTING;
    member->dies_in = (enum member_state)(MEMBER_CONNECTING + roll(mob, 4));
    member->since_ms = mob->now_ms;
    member->sent = 0;
    watch(mob, member, EPOLL_CTL_ADD);
}

/* ---- what it sends ---- */

/* Up to one more block, or what is left of the last. Returns whether there is more. */
static bool pour(struct mob *mob, struct member *member)
{
    const struct mob_kind *kind = kind_of(mob, member);
    uint64_t first = kind->first.len, len = kind->block.len, end = first + len * kind->blocks;
    if (member->sent < end) {
        uint64_t at = member->sent < first ? member->sent : (member->sent - first) % len;
        const struct bytes *from = member->sent < first ? &kind->first : &kind->block;
        ssize_t n = send(member->fd, from->data + at, from->len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            member->sent += (uint64_t)n;
    }
    member->poured_ms = mob->now_ms;
    return member->sent < end;
}

static void set_out(struct mob *mob, struct member *member)
{
    member->state = MEMBER_POURING;
    if (kind_of(mob, member)->dies && member->dies_in == MEMBER_POURING) {
        pour(mob, member);
        leave(mob, member, &deeds_of(mob, member)->left);
        return;
    }
    if (!pour(mob, member))
        member->state = MEMBER_WAITING;
    watch(mob, member, EPOLL_CTL_MOD);
}

static void ask_for_upgrade(struct mob *mob, struct member *member)
{
    const struct mob_kind *kind = kind_of(mob, member);
    char text[512];
    int len = snprintf(
        text, sizeof text,
        "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
        kind->target, kind->fields ? kind->fields : "");
    if (kind->dies && member->dies_in == MEMBER_UPGRADING)
        len = (int)roll(mob, (uint64_t)len + 1);
    if (send(member->fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) != len ||
        (kind->dies && member->dies_in == MEMBER_UPGRADING)) {
        leave(mob, member, &deeds_of(mob, member)->left);
        return;
    }
    member->state = MEMBER_UPGRADING;
    watch(mob, member, EPOLL_CTL_MOD);
}

static void connected(struct mob *mob, struct member *member)
{
    const struct mob_kind *kind = kind_of(mob, member);
    int error = 0;
    socklen_t len = sizeof error;
    getsockopt(member->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error) {
        leave(mob, member, &deeds_of(mob, member)->refused);
        return;
    }
    deeds_of(mob, member)->opened++;
    if (!kind->stay_ms || (kind->dies && member->dies_in == MEMBER_CONNECTING))
        leave(mob, member, &deeds_of(mob, member)->left);
    else if (kind->target)
        ask_for_upgrade(mob, member);
    else
        set_out(mob, member);
}

/* ---- what comes ---- */

/* Returns whether the connection goes on. */
static bool hear(struct mob *mob, struct member *member)
{
    static char data[READ_MAX];
    ssize_t n = recv(member->fd, data, sizeof data, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    bool upgrading = member->state == MEMBER_UPGRADING;
    if (n <= 0 || (upgrading && (n < 12 || memcmp(data, "HTTP/1.1 101", 12) != 0))) {
        struct deeds *deeds = deeds_of(mob, member);
        leave(mob, member, upgrading ? &deeds->refused : &deeds->ended);
        return false;
    }
    if (upgrading)
        set_out(mob, member);
    return member->state != MEMBER_AWAY;
}

static void attend(struct mob *mob, const struct epoll_event *event)
{
    struct member *member = &mob->members[event->data.u32];
    if (member->state == MEMBER_AWAY)
        return;
    if (member->state == MEMBER_CONNECTING) {
        connected(mob, member);
        return;
    }
    if (event->events & EPOLLIN && !hear(mob, member))
        return;
    if (event->events & (EPOLLERR | EPOLLHUP)) {
        leave(mob, member, &deeds_of(mob, member)->ended);
        return;
    }
    if (event->events & EPOLLOUT && member->state == MEMBER_POURING && !pour(mob, member)) {
        member->state = MEMBER_WAITING;
        watch(mob, member, EPOLL_CTL_MOD);
    }
}

/* ---- the course ---- */

/* Those whose time has come, and those that are away. */
static void look_after(struct mob *mob)
{
    for (uint32_t i = 0; i < mob->members_count; i++) {
        struct member *member = &mob->members[i];
        const struct mob_kind *kind = kind_of(mob, member);
        if (member->state == MEMBER_AWAY)
            call(mob, member);
        else if (kind->stay_ms && mob->now_ms - member->since_ms >= kind->stay_ms)
            leave(mob, member, &mob->deeds[member->kind].left);
        else if (member->state == MEMBER_POURING && kind->every_ms &&
                 mob->now_ms - member->poured_ms >= kind->every_ms)
            pour(mob, member);
    }
}

/* A kind that isn't there would do as little as "nobody". */
static bool knows_only(const struct mob *mob)
{
    bool known = !mob->only || strcmp(mob->only, "nobody") == 0;
    for (int i = 0; i < mob->kinds_count && !known; i++)
        known = strcmp(mob->only, mob->kinds[i].name) == 0;
    return known;
}

static void gather(struct mob *mob)
{
    for (int i = 0; i < mob->kinds_count; i++)
        for (uint32_t n = 0; n < mob->kinds[i].at_once &&
                             (!mob->only || strcmp(mob->only, mob->kinds[i].name) == 0);
             n++) {
            CHECK(mob->members_count < MEMBERS_MAX);
            mob->members[mob->members_count++] = (struct member){.kind = (uint32_t)i};
        }
}

static void riot(struct mob *mob)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t until_ms = clock_mono_ns() / 1000000 + mob->seconds * INT64_C(1000), looked_ms = 0;
    pid_t parent = getppid();
    while (mob->now_ms < until_ms && getppid() == parent) {
        int n = epoll_wait(mob->epoll, events, EVENTS_MAX, 0);
        mob->now_ms = clock_mono_ns() / 1000000;
        for (int i = 0; i < n; i++)
            attend(mob, &events[i]);
        for (int64_t idle_ns = clock_mono_ns() + IDLE_NS; n == 0 && clock_mono_ns() < idle_ns;)
            continue; /* in user space, where whoever wants the core has it at once */
        if (mob->now_ms - looked_ms >= LOOK_MS) {
            look_after(mob);
            looked_ms = mob->now_ms;
        }
    }
    for (uint32_t i = 0; i < mob->members_count; i++)
        if (mob->members[i].state != MEMBER_AWAY)
            leave(mob, &mob->members[i], &mob->deeds[mob->members[i].kind].left);
}

static void report(const struct mob *mob)
{
    const char *comma = "";
    printf("{\"seconds\":%d,\"kinds\":{", mob->seconds);
    for (int i = 0; i < mob->kinds_count; i++) {
        const struct deeds *deeds = &mob->deeds[i];
        printf("%s\"%s\":{\"opened\":%llu,\"refused\":%llu,\"ended\":%llu,\"left\":%llu,\"frames\":"
               "%llu}",
               comma, mob->kinds[i].name, (unsigned long long)deeds->opened,
               (unsigned long long)deeds->refused, (unsigned long long)deeds->ended,
               (unsigned long long)deeds->left, (unsigned long long)deeds->frames);
        comma = ",";
    }
    printf("}}\n");
}

static bool read_options(struct mob *mob, int argc, char **argv)
{
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'}, {"seconds", required_argument, NULL, 's'},
        {"cpu", required_argument, NULL, 'c'},  {"idle", no_argument, NULL, 'i'},
        {"only", required_argument, NULL, 'o'}, {0}};
    for (int key; (key = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (key) {
        case 'p': mob->port = (uint16_t)atoi(optarg); break;
        case 's': mob->seconds = atoi(optarg); break;
        case 'c': mob->cpu = atoi(optarg); break;
        case 'i': mob->idle = true; break;
        case 'o': mob->only = optarg; break;
        default: return false;
        }
    }
    return mob->port && mob->seconds > 0 && mob->seconds <= SECONDS_MAX && optind == argc;
}

int main(int argc, char **argv)
{
    static struct mob mob = {.cpu = -1, .dice = 88172645463325252};
    if (!read_options(&mob, argc, argv)) {
        fprintf(stderr,
                "usage: mob --port PORT --seconds S [--cpu N] [--idle] [--only KIND|nobody]\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    launch_pin(mob.cpu);
    struct sched_param zero = {0};
    if (mob.idle && sched_setscheduler(0, SCHED_IDLE, &zero) < 0)
        fprintf(stderr, "mob: not idle: %s\n", strerror(errno));
    mob.epoll = epoll_create1(EPOLL_CLOEXEC);
    mob.kinds_count = mob_kinds(mob.kinds);
    if (mob.epoll < 0 || mob.kinds_count < 0)
        return 1;
    if (!knows_only(&mob)) {
        fprintf(stderr, "mob: --only %s: there is no such kind\n", mob.only);
        return 2;
    }
    gather(&mob);
    riot(&mob);
    report(&mob);
    mob_kinds_finish(mob.kinds, mob.kinds_count);
    close(mob.epoll);
    return 0;
}
