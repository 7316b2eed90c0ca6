/* core/options.h - a command line as a table.
 *
 * One array of rows per command feeds the parser, the defaults, --help and the echo of settings in every result.
 * A command's settings are a plain struct; a row names the field by its offset.
 *
 * Errors: RB_EUSAGE with one line that names the option, the bad value and what would be right.
 * Ownership: TEXT and CHOICE fields point into argv or the table; nothing is allocated. */
#ifndef RB_CORE_OPTIONS_H
#define RB_CORE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum option_kind {
    OPTION_FLAG,    /* bool; takes no value */
    OPTION_TEXT,    /* const char * */
    OPTION_CHOICE,  /* const char *, one of choices[] */
    OPTION_LIST,    /* const char *, comma-separated members of choices[], "all" when the row offers it */
    OPTION_BYTES,   /* uint64_t, K M G T are powers of 1024 */
    OPTION_COUNT,   /* uint64_t */
    OPTION_NUMBER,  /* double */
    OPTION_SECONDS, /* double, "90", "1.5s", "200ms", "2m" */
    OPTION_REFUSED, /* known from nccl-tests, not supported: value holds the reason */
    OPTION_TITLE,   /* a heading in --help: only help is read */
};

struct option_row {
    char letter;       /* 0: none */
    const char *name;  /* long name without dashes, or NULL when there is only a letter */
    const char *value; /* default, as the user would type it; NULL: the field stays zero */
    enum option_kind kind;
    size_t offset; /* of the field in the settings struct */
    const char *help;
    const char *const *choices; /* NULL-terminated, for CHOICE and LIST */
    double min, max;            /* for numbers; both 0: no bounds */
};

struct option_table {
    const char *usage; /* "ringbench topo [options]" */
    const char *about; /* what the command answers, a line or two */
    const struct option_row *rows;
    size_t count;
};

#define OPTION_AT(type, field) offsetof(struct type, field)

/* Fills *settings with the defaults, then with argv[1..]. Words that are not options go to operands[0..*noperands_p-1]
 * (a caller that takes none passes max_operands 0: then a stray word is an error). Both "--name value", "--name=value",
 * "-b 8", "-b8" are understood. *help_p is set when -h or --help is seen; the rest is then not looked at. */
int options_parse(const struct option_table *table, void *settings, int argc, char **argv, const char **operands,
                  size_t max_operands, size_t *noperands_p, bool *help_p);

void options_help(const struct option_table *table, FILE *out);

/* Calls visit for every option that has a field, in table order, with its value as text ("1"/"0" for flags). */
void options_echo(const struct option_table *table, const void *settings,
                  void (*visit)(void *context, const char *name, const char *value), void *context);

/* True if the comma-separated list has the word, or is "all". */
bool options_list_has(const char *list, const char *word);

#endif
