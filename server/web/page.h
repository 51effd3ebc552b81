/* SPDX-License-Identifier: MIT */
/*
 * page: the bytes that `GET /` answers, embedded from index.html when the tree is built. They are
 * constant, UTF-8 and shared by all threads; nothing here is ever freed or written.
 */
#ifndef TAPEHEAD_SERVER_WEB_PAGE_H
#define TAPEHEAD_SERVER_WEB_PAGE_H

#include <stddef.h>

extern const unsigned char page_html[]; /* not terminated */
extern const size_t page_html_len;      /* bytes */

#endif
