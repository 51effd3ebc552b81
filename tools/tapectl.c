/* SPDX-License-Identifier: MIT */
/*
 * tapectl: picks the subcommand.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "tools/options.h"
#include "tools/subcommands.h"

struct subcommand {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
};

static const struct subcommand subcommands[] = {
    {"capture", capture_main, "capture Kafka's ticks to files"},
    {"cat", cat_main, "print capture files, a line a tick"},
    {"cut", cut_main, "make a capture file of a part of another"},
    {"export", export_main, "write capture files as CSV or JSON lines"},
    {"gen", gen_main, "send simulated ticks to Kafka"},
    {"import", import_main, "send recorded trades to Kafka: Binance's raw lines, or CSV"},
    {"info", info_main, "tell what is in capture files: spans, symbols, rates, oddities"},
    {"merge", merge_main, "make one capture file of several"},
    {"replay", replay_main, "send capture files to Kafka at their pace, or any other"},
    {"verify", verify_main, "read capture files through and tell what is damaged"},
    {"watch", watch_main, "show a Tapehead server's ticks in the terminal, or print them"},
};

static void print_help(FILE *out)
{
    fprintf(out, "usage: tapectl COMMAND [OPTIONS] ...\n\nTapehead's command line tool.\n\n");
    for (size_t i = 0; i < ARRAY_LEN(subcommands); i++)
        fprintf(out, "  %-12s%s\n", subcommands[i].name, subcommands[i].summary);
    fprintf(out, "\n  --version   the version\n  --help      this text\n"
                 "\n'tapectl COMMAND --help' tells more.\n");
}

static int refuse(const char *what, const char *word)
{
    fprintf(stderr, "tapectl: %s%s\nTry 'tapectl --help'.\n", what, word);
    return EXIT_USAGE;
}

static const struct subcommand *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(subcommands); i++)
        if (strcmp(subcommands[i].name, name) == 0)
            return &subcommands[i];
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return refuse("a command is missing", "");
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0) {
        printf("tapectl %s\n", TAPEHEAD_VERSION);
        return EXIT_SUCCESS;
    }
    bool help = strcmp(word, "help") == 0;
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || (help && argc == 2)) {
        print_help(stdout);
        return EXIT_SUCCESS;
    }
    const struct subcommand *command = find(help ? argv[2] : word);
    if (!command)
        return refuse(word[0] == '-' ? "unknown option " : "unknown command ",
                      help ? argv[2] : word);
    if (help) {
        char flag[] = "--help";
        char *asked[] = {argv[0], flag, NULL};
        return command->run(2, asked);
    }
    return command->run(argc - 1, argv + 1);
}
