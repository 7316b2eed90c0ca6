#include "core/options.h"

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* How the user wrote the option, for messages. */
struct given {
    const struct option_row *row;
    const char *label;
};

static bool takes_value(const struct option_row *row)
{
    return row->kind != OPTION_FLAG;
}

static const struct option_row *find_long(const struct option_table *t, const char *name, size_t length)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->rows[i].name != NULL && strlen(t->rows[i].name) == length && memcmp(t->rows[i].name, name, length) == 0)
            return &t->rows[i];
    return NULL;
}

static const struct option_row *find_letter(const struct option_table *t, char letter)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->rows[i].letter == letter && letter != 0)
            return &t->rows[i];
    return NULL;
}

static int unknown_long(const struct option_table *t, const char *name, size_t length)
{
    char *word = rb_strdup(name);
    word[length] = '\0';
    const char **names = rb_calloc(t->count + 1, sizeof *names);
    size_t n = 0;
    for (size_t i = 0; i < t->count; i++)
        if (t->rows[i].name != NULL)
            names[n++] = t->rows[i].name;
    names[n++] = "help";
    const char *near = text_nearest(word, names, n);
    const int rc = near != NULL ? rb_fail(RB_EUSAGE, "--%s: no such option; did you mean --%s?", word, near)
                                : rb_fail(RB_EUSAGE, "--%s: no such option; see --help", word);
    free(names);
    free(word);
    return rc;
}

static size_t count_choices(const char *const *choices)
{
    size_t n = 0;
    while (choices[n] != NULL)
        n++;
    return n;
}

static const char *match_choice(const struct option_row *row, const char *word)
{
    for (size_t i = 0; row->choices[i] != NULL; i++)
        if (strcmp(row->choices[i], word) == 0)
            return row->choices[i];
    return NULL;
}

static int unknown_choice(const struct given *g, const char *word)
{
    const char *near = text_nearest(word, g->row->choices, count_choices(g->row->choices));
    struct text all = {0};
    for (size_t i = 0; g->row->choices[i] != NULL; i++)
        text_add(&all, "%s%s", i > 0 ? ", " : "", g->row->choices[i]);
    const int rc = near != NULL ? rb_fail(RB_EUSAGE, "%s: unknown '%s'; did you mean %s? (one of %s)", g->label, word, near, all.chars)
                                : rb_fail(RB_EUSAGE, "%s: unknown '%s'; one of %s", g->label, word, all.chars);
    text_free(&all);
    return rc;
}

static int check_list(const struct given *g, const char *text)
{
    if (text[0] == '\0')
        return rb_fail(RB_EUSAGE, "%s: empty list", g->label);
    char *copy = rb_strdup(text), *at = copy;
    int rc = RB_OK;
    for (char *word; rc == RB_OK && (word = strsep(&at, ",")) != NULL;)
        if (match_choice(g->row, word) == NULL)
            rc = unknown_choice(g, word);
    free(copy);
    return rc;
}

static int check_range(const struct given *g, double v, const char *text)
{
    const struct option_row *row = g->row;
    if ((row->min != 0 || row->max != 0) && (v < row->min || (row->max > row->min && v > row->max)))
        return row->max > row->min
                   ? rb_fail(RB_EUSAGE, "%s %s: out of range, %g to %g", g->label, text, row->min, row->max)
                   : rb_fail(RB_EUSAGE, "%s %s: must be at least %g", g->label, text, row->min);
    return RB_OK;
}

static int set(const struct given *g, void *settings, const char *text)
{
    void *field = (char *)settings + g->row->offset;
    uint64_t u;
    double d;
    switch (g->row->kind) {
    case OPTION_FLAG:
        *(bool *)field = strcmp(text, "0") != 0;
        return RB_OK;
    case OPTION_TEXT:
        *(const char **)field = text;
        return RB_OK;
    case OPTION_CHOICE:
        if (match_choice(g->row, text) == NULL)
            return unknown_choice(g, text);
        *(const char **)field = text;
        return RB_OK;
    case OPTION_LIST:
        RB_TRY(check_list(g, text));
        *(const char **)field = text;
        return RB_OK;
    case OPTION_BYTES:
        if (!units_parse_bytes(text, &u))
            return rb_fail(RB_EUSAGE, "%s '%s': not a size; write bytes, or a number with K, M, G or T (powers of 1024)", g->label, text);
        RB_TRY(check_range(g, (double)u, text));
        *(uint64_t *)field = u;
        return RB_OK;
    case OPTION_COUNT:
        if (!units_parse_count(text, &u))
            return rb_fail(RB_EUSAGE, "%s '%s': not a whole number", g->label, text);
        RB_TRY(check_range(g, (double)u, text));
        *(uint64_t *)field = u;
        return RB_OK;
    case OPTION_NUMBER:
        if (!units_parse_number(text, &d))
            return rb_fail(RB_EUSAGE, "%s '%s': not a number", g->label, text);
        RB_TRY(check_range(g, d, text));
        *(double *)field = d;
        return RB_OK;
    case OPTION_SECONDS:
        if (!units_parse_seconds(text, &d))
            return rb_fail(RB_EUSAGE, "%s '%s': not a time; write seconds, or a number with us, ms, s, m or h", g->label, text);
        RB_TRY(check_range(g, d, text));
        *(double *)field = d;
        return RB_OK;
    case OPTION_REFUSED:
        return rb_fail(RB_EUSAGE, "%s: not supported here: %s", g->label, g->row->value);
    case OPTION_TITLE:
        break;
    }
    return RB_EINTERNAL;
}

static int parse_word(const struct option_table *t, void *settings, int *i_p, int argc, char **argv)
{
    const char *word = argv[*i_p];
    const bool is_long = word[1] == '-';
    const char *name = word + (is_long ? 2 : 1);
    const size_t length = is_long ? strcspn(name, "=") : 1;
    const struct option_row *row = is_long ? find_long(t, name, length) : find_letter(t, name[0]);
    if (row == NULL)
        return is_long ? unknown_long(t, name, length) : rb_fail(RB_EUSAGE, "-%c: no such option; see --help", name[0]);

    char label[80];
    snprintf(label, sizeof label, is_long ? "--%.*s" : "-%.*s", (int)length, name);
    const struct given g = { row, label };
    if (row->kind == OPTION_REFUSED)
        return set(&g, settings, "");
    const char *inlined = name[length] == '\0' ? NULL : name + length + (name[length] == '=');
    if (!takes_value(row)) {
        if (inlined != NULL)
            return rb_fail(RB_EUSAGE, "%s takes no value, but '%s' follows", label, inlined);
        return set(&g, settings, "1");
    }
    if (inlined == NULL && *i_p + 1 >= argc)
        return rb_fail(RB_EUSAGE, "%s needs a value", label);
    return set(&g, settings, inlined != NULL ? inlined : argv[++*i_p]);
}

static int set_defaults(const struct option_table *t, void *settings)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct option_row *row = &t->rows[i];
        if (row->value == NULL || row->kind == OPTION_REFUSED || row->kind == OPTION_TITLE)
            continue;
        const struct given g = { row, row->name != NULL ? row->name : "default" };
        RB_TRY(set(&g, settings, row->value)); /* a default takes the user's path */
    }
    return RB_OK;
}

int options_parse(const struct option_table *table, void *settings, int argc, char **argv, const char **operands,
                  size_t max_operands, size_t *noperands_p, bool *help_p)
{
    size_t noperands = 0;
    *help_p = false;
    RB_TRY(set_defaults(table, settings));
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
            *help_p = true;
            return RB_OK;
        }
        if (argv[i][0] == '-' && argv[i][1] != '\0') {
            RB_TRY(parse_word(table, settings, &i, argc, argv));
            continue;
        }
        if (noperands == max_operands)
            return rb_fail(RB_EUSAGE, "'%s': %s; see --help", argv[i],
                           max_operands == 0 ? "not an option, and no file is expected here" : "one file too many");
        operands[noperands++] = argv[i];
    }
    if (noperands_p != NULL)
        *noperands_p = noperands;
    return RB_OK;
}

static const char *kind_word(const struct option_row *row)
{
    static const char *const words[] = {
        [OPTION_FLAG] = "", [OPTION_TEXT] = "TEXT", [OPTION_CHOICE] = "WORD", [OPTION_LIST] = "LIST", [OPTION_BYTES] = "BYTES",
        [OPTION_COUNT] = "N", [OPTION_NUMBER] = "X", [OPTION_SECONDS] = "SEC", [OPTION_REFUSED] = "", [OPTION_TITLE] = "",
    };
    return words[row->kind];
}

static void help_row(const struct option_row *row, FILE *out)
{
    char left[64] = "";
    int n = row->letter != 0 ? snprintf(left, sizeof left, "-%c", row->letter) : snprintf(left, sizeof left, "  ");
    if (row->name != NULL)
        n += snprintf(left + n, sizeof left - (size_t)n, "%s --%s", row->letter != 0 ? "," : " ", row->name);
    snprintf(left + n, sizeof left - (size_t)n, " %s", kind_word(row));
    fprintf(out, "  %-32s %s", left, row->help);
    if (row->choices != NULL) {
        fprintf(out, ": ");
        for (size_t i = 0; row->choices[i] != NULL; i++)
            fprintf(out, "%s%s", i > 0 ? " | " : "", row->choices[i]);
    }
    if (row->kind != OPTION_FLAG && row->value != NULL && row->value[0] != '\0')
        fprintf(out, " [%s]", row->value);
    fprintf(out, "\n");
}

void options_help(const struct option_table *table, FILE *out)
{
    fprintf(out, "usage: %s\n\n%s\n", table->usage, table->about);
    if (table->count == 0 || table->rows[0].kind != OPTION_TITLE)
        fprintf(out, "\n");
    for (size_t i = 0; i < table->count; i++) {
        const struct option_row *row = &table->rows[i];
        if (row->kind == OPTION_TITLE)
            fprintf(out, "\n%s\n", row->help);
        else if (row->kind != OPTION_REFUSED)
            help_row(row, out);
    }
    fprintf(out, "  %-32s %s\n", "-h, --help", "this text");
    bool first = true;
    for (size_t i = 0; i < table->count; i++)
        if (table->rows[i].kind == OPTION_REFUSED) {
            fprintf(out, "%s -%c%s", first ? "\nKnown from nccl-tests, refused by name:" : ",", table->rows[i].letter,
                    table->rows[i].name != NULL ? "" : "");
            first = false;
        }
    if (!first)
        fprintf(out, "\n");
}

static void value_text(const struct option_row *row, const void *settings, char buffer[64], const char **value_p)
{
    const void *field = (const char *)settings + row->offset;
    *value_p = buffer;
    switch (row->kind) {
    case OPTION_FLAG:
        snprintf(buffer, 64, "%d", *(const bool *)field ? 1 : 0);
        break;
    case OPTION_BYTES:
    case OPTION_COUNT:
        snprintf(buffer, 64, "%llu", (unsigned long long)*(const uint64_t *)field);
        break;
    case OPTION_NUMBER:
    case OPTION_SECONDS:
        snprintf(buffer, 64, "%g", *(const double *)field);
        break;
    default:
        *value_p = *(const char *const *)field != NULL ? *(const char *const *)field : "";
    }
}

void options_echo(const struct option_table *table, const void *settings,
                  void (*visit)(void *context, const char *name, const char *value), void *context)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct option_row *row = &table->rows[i];
        if (row->kind == OPTION_REFUSED || row->kind == OPTION_TITLE)
            continue;
        char buffer[64], letter[2] = { row->letter, '\0' };
        const char *value;
        value_text(row, settings, buffer, &value);
        visit(context, row->name != NULL ? row->name : letter, value);
    }
}

bool options_list_has(const char *list, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = list; *at != '\0';) {
        const size_t n = strcspn(at, ",");
        if ((n == length && memcmp(at, word, n) == 0) || (n == 3 && memcmp(at, "all", 3) == 0))
            return true;
        at += n + (at[n] == ',');
    }
    return false;
}
