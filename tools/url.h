/* SPDX-License-Identifier: MIT */
/*
 * url: ws://host[:port][/path][?query], taken apart (RFC 6455, 3). Pure.
 */
#ifndef TAPEHEAD_TOOLS_URL_H
#define TAPEHEAD_TOOLS_URL_H

#include <stdbool.h>
#include <stddef.h>

struct url {
    bool secure;    /* wss:// */
    char host[256]; /* without the brackets of an IPv6 address */
    char port[6];
    char target[1024]; /* path and query, "/" at least */
};

/* Also takes http:// and https:// (as ws:// and wss://), and a bare host:port. Returns 0, or
 * -EINVAL with a sentence that names the URL. */
int url_parse(const char *text, struct url *url, char *error, size_t error_size);

#endif
