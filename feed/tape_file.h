/* SPDX-License-Identifier: MIT */
/*
 * tape_file: reading and writing at a place in a file, whole or not, for tape_reader and
 * tape_writer.
 */
#ifndef TAPEHEAD_FEED_TAPE_FILE_H
#define TAPEHEAD_FEED_TAPE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "schemas/tape_block.h"

/* Reads up to `size` bytes; less only at the file's end. Returns how many, or -errno. */
ssize_t tape_file_read(int fd, void *out, size_t size, uint64_t at);

/* Returns 0 or -errno; then some of it may be in the file. */
int tape_file_write(int fd, const void *data, size_t size, uint64_t at);

/* Syncs the folder that `path` is in, so that a new file's name is on disk. Returns 0 or -errno. */
int tape_file_sync_folder(const char *path);

/* Reads the header of the block at `at`; `head` holds TAPE_HEADER_MAX bytes, which `block` then
 * points to. Returns its length or an enum tape_error, TAPE_SHORT where the file ends before the
 * header does; `*failed` becomes -errno where the file can't be read, else 0. */
int tape_file_header(int fd, uint64_t at, uint8_t *head, struct tape_block *block, int *failed);

#endif
