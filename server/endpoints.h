/* SPDX-License-Identifier: MIT */
/*
 * endpoints: the plain HTTP side: the page, health, symbols, last values, metrics; and refusals.
 * Worker thread only.
 */
#ifndef TAPEHEAD_SERVER_ENDPOINTS_H
#define TAPEHEAD_SERVER_ENDPOINTS_H

#include "server/wire/http.h"

struct worker;

/* Writes a whole answer to worker->answer. */
void endpoints_answer(struct worker *worker, const struct http_request *request);

/* An error's answer; `extra` is whole header lines or NULL. The connection closes after it. */
void endpoints_refuse(struct worker *worker, int status, const char *sentence, const char *extra);

#endif
