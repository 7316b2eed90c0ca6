/* A command line as a table: every kind, every way to write it, every way to get it wrong. */
#include "core/error.h"
#include "core/options.h"
#include "tests/capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct settings {
    bool fast;
    const char *name;
    const char *colour;
    const char *parts;
    uint64_t bytes;
    uint64_t count;
    double factor;
    double wait;
};

static const char *const colours[] = { "red", "green", "blue", NULL };
static const char *const parts[] = { "wheel", "frame", "all", NULL };

static const struct option_row rows[] = {
    { .kind = OPTION_TITLE, .help = "What to paint" },
    { .name = "fast", .kind = OPTION_FLAG, .offset = OPTION_AT(settings, fast), .help = "be quick" },
    { .letter = 'n', .name = "name", .kind = OPTION_TEXT, .offset = OPTION_AT(settings, name), .help = "whose" },
    { .letter = 'k', .name = "colour", .value = "red", .kind = OPTION_CHOICE, .offset = OPTION_AT(settings, colour),
      .help = "which", .choices = colours },
    { .name = "parts", .value = "all", .kind = OPTION_LIST, .offset = OPTION_AT(settings, parts), .help = "where", .choices = parts },
    { .letter = 'b', .name = "bytes", .value = "1K", .kind = OPTION_BYTES, .offset = OPTION_AT(settings, bytes), .help = "size",
      .min = 1 },
    { .letter = 'c', .name = "count", .value = "3", .kind = OPTION_COUNT, .offset = OPTION_AT(settings, count), .help = "how often",
      .min = 1, .max = 9 },
    { .name = "factor", .value = "2", .kind = OPTION_NUMBER, .offset = OPTION_AT(settings, factor), .help = "times", .min = 0.5,
      .max = 10 },
    { .letter = 'T', .name = "wait", .value = "1m", .kind = OPTION_SECONDS, .offset = OPTION_AT(settings, wait), .help = "until" },
    { .letter = 'z', .name = "blocking", .value = "there is one engine", .kind = OPTION_REFUSED },
    { .letter = 'G', .value = "no graphs here", .kind = OPTION_REFUSED },
};

static const struct option_table table = { "paint [options]", "Paints a bicycle.", rows, RB_LEN(rows) };

struct parsed {
    int rc;
    struct settings s;
    const char *operands[2];
    size_t noperands;
    bool help;
    struct capture said;
};

/* Splits line at blanks; an argument that is empty is written as ''. */
static void parse(struct parsed *p, const char *line, size_t max_operands)
{
    static char copy[512];
    char *argv[32] = { "paint" }, *rest = copy;
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word; (word = strsep(&rest, " ")) != NULL;)
        if (word[0] != '\0')
            argv[argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
    memset(p, 0, sizeof *p);
    capture_begin(&p->said);
    p->rc = options_parse(&table, &p->s, argc, argv, p->operands, max_operands, &p->noperands, &p->help);
    capture_end(&p->said);
}

static void defaults(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, "", 0);
    assert_int_equal(p.rc, RB_OK);
    assert_false(p.help);
    assert_false(p.s.fast);
    assert_null(p.s.name);
    assert_string_equal(p.s.colour, "red");
    assert_string_equal(p.s.parts, "all");
    assert_int_equal(p.s.bytes, 1024);
    assert_int_equal(p.s.count, 3);
    assert_true(p.s.factor > 1.99 && p.s.factor < 2.01);
    assert_true(p.s.wait > 59.9 && p.s.wait < 60.1);
    assert_string_equal(p.said.text, "");
}

static void every_way_to_write_a_value(void **state)
{
    (void)state;
    static const char *const lines[] = { "-b 8K", "-b8K", "-b=8K", "--bytes 8K", "--bytes=8K", "--bytes 1 -b 8K" };
    for (size_t i = 0; i < RB_LEN(lines); i++) {
        struct parsed p;
        parse(&p, lines[i], 0);
        assert_int_equal(p.rc, RB_OK);
        assert_int_equal(p.s.bytes, 8192);
    }
}

static void every_kind(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, "--fast -n Ada --colour=blue --parts wheel,frame -c 9 --factor 0.5 -T 200ms", 0);
    assert_int_equal(p.rc, RB_OK);
    assert_true(p.s.fast);
    assert_string_equal(p.s.name, "Ada");
    assert_string_equal(p.s.colour, "blue");
    assert_string_equal(p.s.parts, "wheel,frame");
    assert_int_equal(p.s.count, 9);
    assert_true(p.s.factor > 0.49 && p.s.factor < 0.51);
    assert_true(p.s.wait > 0.199 && p.s.wait < 0.201);
}

static void help_ends_the_reading(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, "-c 4 --help --no-such-thing", 0);
    assert_int_equal(p.rc, RB_OK);
    assert_true(p.help);
    parse(&p, "-h", 0);
    assert_true(p.help);
}

static void operands(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, "one --fast two", 2);
    assert_int_equal(p.rc, RB_OK);
    assert_int_equal(p.noperands, 2);
    assert_string_equal(p.operands[1], "two");
    parse(&p, "-", 2); /* a lone dash is a word */
    assert_int_equal(p.noperands, 1);
    parse(&p, "one two three", 2);
    assert_int_equal(p.rc, RB_EUSAGE);
    assert_non_null(strstr(p.said.text, "'three': one file too many"));
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct { const char *line, *message; } bad[] = {
        { "--colur red", "--colur: no such option; did you mean --colour?" },
        { "--hlep", "did you mean --help?" },
        { "--qqqqqqqqqq", "--qqqqqqqqqq: no such option; see --help" },
        { "--qqqqqqqqqq=3", "--qqqqqqqqqq: no such option; see --help" },
        { "-q", "-q: no such option; see --help" },
        { "word", "'word': not an option, and no file is expected here" },
        { "--colour grene", "--colour: unknown 'grene'; did you mean green? (one of red, green, blue)" },
        { "-k xyzzy", "-k: unknown 'xyzzy'; one of red, green, blue" },
        { "--parts wheel,fraem", "--parts: unknown 'fraem'; did you mean frame?" },
        { "--parts wheel,,frame", "--parts: unknown ''" },
        { "--parts ''", "--parts: empty list" },
        { "-b 3X", "-b '3X': not a size" },
        { "-b -1", "-b '-1': not a size" },
        { "-b 99999999999999999999", "not a size" },
        { "--bytes=", "--bytes '': not a size" },
        { "-b 0", "-b 0: must be at least 1" },
        { "-c 0", "-c 0: out of range, 1 to 9" },
        { "-c 10", "-c 10: out of range, 1 to 9" },
        { "-c 2.5", "-c '2.5': not a whole number" },
        { "--factor nan", "--factor 'nan': not a number" },
        { "--factor 0.4", "--factor 0.4: out of range, 0.5 to 10" },
        { "-T soon", "-T 'soon': not a time" },
        { "-T -3", "-T '-3': not a time" },
        { "--bytes", "--bytes needs a value" },
        { "-b", "-b needs a value" },
        { "--fast=1", "--fast takes no value, but '1' follows" },
        { "-z 1", "-z: not supported here: there is one engine" },
        { "--blocking", "--blocking: not supported here" },
        { "-G", "-G: not supported here: no graphs here" },
    };
    for (size_t i = 0; i < RB_LEN(bad); i++) {
        struct parsed p;
        parse(&p, bad[i].line, 0);
        if (p.rc != RB_EUSAGE || capture_lines(&p.said) != 1 || strstr(p.said.text, bad[i].message) == NULL)
            fail_msg("'%s' ended with %d and said '%s', expected '%s'", bad[i].line, p.rc, p.said.text, bad[i].message);
    }
}

static void a_broken_default_is_not_hidden(void **state)
{
    (void)state;
    static const struct option_row broken[] = {
        { .name = "bytes", .value = "3X", .kind = OPTION_BYTES, .offset = OPTION_AT(settings, bytes), .help = "" },
    };
    const struct option_table t = { "x", "x", broken, 1 };
    struct settings s;
    bool help;
    struct capture c;
    char *argv[] = { "x" };
    capture_begin(&c);
    assert_int_equal(options_parse(&t, &s, 1, argv, NULL, 0, NULL, &help), RB_EUSAGE);
    assert_non_null(strstr(capture_end(&c), "3X"));
}

static void help_shows_every_row(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    options_help(&table, out);
    fclose(out);
    static const char *const has[] = {
        "usage: paint [options]", "Paints a bicycle.", "What to paint", "    --fast", "-n, --name TEXT", "-k, --colour WORD",
        "which: red | green | blue [red]", "--parts LIST", "-b, --bytes BYTES", "size [1K]", "-c, --count N", "-T, --wait SEC",
        "-h, --help", "refused by name: -z, -G",
    };
    for (size_t i = 0; i < RB_LEN(has); i++)
        if (strstr(text, has[i]) == NULL)
            fail_msg("no '%s' in: %s", has[i], text);
    assert_null(strstr(text, "there is one engine"));
    free(text);
}

static void remember(void *context, const char *name, const char *value)
{
    char *all = context;
    const size_t length = strlen(all);
    snprintf(all + length, 512 - length, "%s=%s;", name, value);
}

static void echo_gives_every_setting(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, "--fast -b 1M --factor 2.5", 0);
    char all[512] = "";
    options_echo(&table, &p.s, remember, all);
    assert_string_equal(all, "fast=1;name=;colour=red;parts=all;bytes=1048576;count=3;factor=2.5;wait=60;");
}

static void members_of_a_list(void **state)
{
    (void)state;
    assert_true(options_list_has("a,bc,d", "bc"));
    assert_true(options_list_has("a,bc,d", "d"));
    assert_true(options_list_has("all", "d"));
    assert_false(options_list_has("a,bc,d", "b"));
    assert_false(options_list_has("a,bcd", "bc"));
    assert_false(options_list_has("a,b", "bc"));
    assert_false(options_list_has("", "b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(every_way_to_write_a_value),
        cmocka_unit_test(every_kind),
        cmocka_unit_test(help_ends_the_reading),
        cmocka_unit_test(operands),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(a_broken_default_is_not_hidden),
        cmocka_unit_test(help_shows_every_row),
        cmocka_unit_test(echo_gives_every_setting),
        cmocka_unit_test(members_of_a_list),
    };
    return cmocka_run_group_tests_name("core_options", tests, NULL, NULL);
}
