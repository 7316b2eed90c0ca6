/* Any bytes as a command line (words end at a newline) for a table with every kind of option, and as numbers with units. */
#include "core/options.h"

#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_WORDS = 64, MAX_BYTES = 4096 };

struct settings {
    bool flag;
    const char *text, *choice, *list;
    uint64_t bytes, count;
    double number, seconds;
};

static const char *const words[] = { "ring", "direct", "parameter_server", NULL };

static const struct option_row rows[] = {
    { 0, NULL, NULL, OPTION_TITLE, 0, "Heading", NULL, 0, 0 },
    { 'q', "quiet", NULL, OPTION_FLAG, OPTION_AT(settings, flag), "flag", NULL, 0, 0 },
    { 'o', "output", "dir", OPTION_TEXT, OPTION_AT(settings, text), "text", NULL, 0, 0 },
    { 'a', "algorithm", "ring", OPTION_CHOICE, OPTION_AT(settings, choice), "choice", words, 0, 0 },
    { 0, "algorithms", "ring,direct", OPTION_LIST, OPTION_AT(settings, list), "list", words, 0, 0 },
    { 'b', "minbytes", "8", OPTION_BYTES, OPTION_AT(settings, bytes), "bytes", NULL, 0, 0 },
    { 'n', "iters", "20", OPTION_COUNT, OPTION_AT(settings, count), "count", NULL, 1, 1e9 },
    { 0, "precision", "2", OPTION_NUMBER, OPTION_AT(settings, number), "number", NULL, 0.01, 100 },
    { 'T', "timeout", "60", OPTION_SECONDS, OPTION_AT(settings, seconds), "seconds", NULL, 0, 0 },
    { 'x', NULL, "not here", OPTION_REFUSED, 0, "refused", NULL, 0, 0 },
};

static const struct option_table table = { "fuzz [options]", "Nothing.", rows, RB_LEN(rows) };

static void count_echo(void *context, const char *name, const char *value)
{
    *(size_t *)context += strlen(name) + strlen(value);
}

/* What was accepted is what the table promises. */
static void check(const struct settings *s, size_t noperands)
{
    if (s->count < 1 || s->count > 1000000000 || !isfinite(s->number) || s->number < 0.01 || s->number > 100 || !(s->seconds >= 0) ||
        noperands > 4)
        abort();
    size_t total = 0;
    options_echo(&table, s, count_echo, &total);
    (void)options_list_has(s->list, "ring");
}

static void parse_units(const char *text)
{
    uint64_t whole;
    double number;
    char buffer[UNITS_TEXT];
    if (units_parse_bytes(text, &whole))
        units_bytes(buffer, whole);
    if (units_parse_number(text, &number) && !isfinite(number))
        abort();
    if (units_parse_seconds(text, &number)) {
        if (!(number >= 0))
            abort();
        units_seconds(buffer, number);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char bytes[MAX_BYTES + 1];
    if (size > MAX_BYTES)
        return 0;
    memcpy(bytes, data, size);
    bytes[size] = '\0';
    char *argv[MAX_WORDS] = { (char[]){ "fuzz" } }, *at = bytes;
    int argc = 1;
    for (char *word; argc < MAX_WORDS && (word = strsep(&at, "\n")) != NULL;)
        argv[argc++] = word;
    for (int i = 1; i < argc; i++)
        parse_units(argv[i]);
    struct settings s = {0};
    const char *operands[4];
    size_t noperands = 0;
    bool help = false;
    if (options_parse(&table, &s, argc, argv, operands, 4, &noperands, &help) == RB_OK && !help)
        check(&s, noperands);
    return 0;
}
