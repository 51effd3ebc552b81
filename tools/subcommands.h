/* SPDX-License-Identifier: MIT */
/*
 * subcommands: tapectl's, a file each. Each reads argv[1] and on, and returns the program's exit
 * status.
 */
#ifndef TAPEHEAD_TOOLS_SUBCOMMANDS_H
#define TAPEHEAD_TOOLS_SUBCOMMANDS_H

int capture_main(int argc, char **argv);
int cat_main(int argc, char **argv);
int cut_main(int argc, char **argv);
int export_main(int argc, char **argv);
int gen_main(int argc, char **argv);
int import_main(int argc, char **argv);
int info_main(int argc, char **argv);
int merge_main(int argc, char **argv);
int replay_main(int argc, char **argv);
int verify_main(int argc, char **argv);
int watch_main(int argc, char **argv);

#endif
