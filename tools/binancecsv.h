/* SPDX-License-Identifier: MIT */
/*
 * binancecsv: the files of Binance's public data: trades and aggregate trades, of spot and of
 * futures, with a header or without. Pure.
 *
 *     BTCUSDT-trades-2024-08-09.csv      id,price,qty,quoteQty,time,isBuyerMaker[,isBestMatch]
 *     BTCUSDT-aggTrades-2024-08-09.csv   aggTradeId,price,qty,firstTradeId,lastTradeId,time,
 *                                        isBuyerMaker[,isBestMatch]
 *
 * Times are milliseconds, or microseconds as in spot files from 2025 on: their length tells.
 */
#ifndef TAPEHEAD_TOOLS_BINANCECSV_H
#define TAPEHEAD_TOOLS_BINANCECSV_H

#include <stdbool.h>

#include "tools/csv.h"
#include "tools/row.h"

enum binancecsv { BINANCECSV_TRADES, BINANCECSV_AGG_TRADES };

/* Whether a file's first record is its header. */
bool binancecsv_is_header(const struct csv *record);

/* Whether a record, a header too, can only be of such a file; `*which` tells of which. */
bool binancecsv_is_one(const struct csv *record, enum binancecsv *which);

/* The symbol that a file's name begins with; false where it isn't named as above. */
bool binancecsv_symbol(const char *path, char symbol[SYMBOL_LEN_MAX + 1]);

/* Whether the name says what is in the file. */
bool binancecsv_is_named(const char *path, enum binancecsv *which);

/* Reads one record that is no header. A blank line is ROW_BLANK. */
enum row_result binancecsv_read(enum binancecsv which, const char *symbol, const struct csv *record,
                                struct row *row);

#endif
