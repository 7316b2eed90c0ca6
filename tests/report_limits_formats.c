/* limits, claims, validate and purchase in every format: the JSON parses and has its members, the CSV is a table, the table for
 * people fits a terminal and names its units. */
#include "core/csv.h"
#include "core/error.h"
#include "core/text.h"
#include "report/claims.h"
#include "report/limits.h"
#include "report/purchase.h"
#include "report/validate.h"
#include "tests/capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { WORDS = 16, WIDEST = 132 };

struct printed {
    struct text out;
    int rc;
};

/* Runs a command line and keeps what it prints on stdout. */
static struct printed run(int (*command)(int, char **), const char *words)
{
    char *copy = rb_strdup(words), *at = copy, *argv[WORDS], block[4096];
    int argc = 0;
    for (char *w; argc + 1 < WORDS && (w = strsep(&at, " ")) != NULL;)
        argv[argc++] = w;
    argv[argc] = NULL;
    struct printed p = { .rc = -1 };
    FILE *file = tmpfile();
    fflush(stdout);
    const int stdout_was = dup(STDOUT_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    p.rc = command(argc, argv);
    fflush(stdout);
    dup2(stdout_was, STDOUT_FILENO);
    close(stdout_was);
    rewind(file);
    for (size_t n; (n = fread(block, 1, sizeof block, file)) > 0;)
        text_add_bytes(&p.out, block, n);
    fclose(file);
    free(copy);
    return p;
}

static const struct {
    int (*command)(int, char **);
    const char *words, *kind, *rows; /* rows: member that holds them */
    size_t least;
} commands[] = {
    { limits_command, "limits", "limit", "rows", 100 },
    { limits_command, "limits --gpu h800,h100 --inference", "limit", "rows", 4 },
    { limits_command, "limits --gpu h800 --view curve", "limit_curve", "rows", 128 },
    { limits_command, "limits --gpu h800 --link scaleup --view splits", "limit_split", "rows", 5 },
    { limits_command, "limits --list", "catalogue", "gpus", 40 },
    { claims_command, "claims --strict", "claims", "rows", 115 },
    { validate_command, "validate --gpu h800", "validate", "rows", 8 },
    { validate_command, "validate --gpu 4090", "validate", "rows", 3 },
    { purchase_command, "purchase", "purchase", "serving", 15 },
    { purchase_command, "purchase --view sensitivity", "purchase", "sensitivity", 20 },
};

static void json_parses(void **state)
{
    (void)state;
    for (size_t i = 0; i < RB_LEN(commands); i++) {
        char *words = rb_format("%s --format json", commands[i].words);
        struct printed p = run(commands[i].command, words);
        json_error_t error;
        json_t *json = json_loads(p.out.chars != NULL ? p.out.chars : "", JSON_REJECT_DUPLICATES, &error);
        if (p.rc != 0 || json == NULL)
            fail_msg("%s: code %d, %s", words, p.rc, error.text);
        assert_int_equal(json_integer_value(json_object_get(json, "schema")), 1);
        assert_string_equal(json_string_value(json_object_get(json, "kind")), commands[i].kind);
        assert_true(json_array_size(json_object_get(json, commands[i].rows)) >= commands[i].least);
        json_decref(json);
        text_free(&p.out);
        free(words);
    }
}

static void csv_is_a_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < RB_LEN(commands); i++) {
        char *words = rb_format("%s --format csv", commands[i].words);
        struct printed p = run(commands[i].command, words);
        struct csv csv;
        assert_int_equal(p.rc, 0);
        assert_int_equal(csv_parse(&csv, words, p.out.chars, p.out.length), RB_OK);
        assert_true(csv.nrows >= commands[i].least);
        csv_free(&csv);
        text_free(&p.out);
        free(words);
    }
}

static size_t columns_of(const char *line, size_t bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < bytes; i++)
        n += ((unsigned char)line[i] & 0xc0) != 0x80;
    return n;
}

static void the_table_fits_a_terminal(void **state)
{
    (void)state;
    for (size_t i = 0; i < RB_LEN(commands); i++) {
        struct printed p = run(commands[i].command, commands[i].words);
        assert_int_equal(p.rc, 0);
        assert_int_equal(p.out.chars[0], '#');
        for (const char *line = p.out.chars; *line != '\0';) {
            const size_t n = strcspn(line, "\n");
            if (columns_of(line, n) > WIDEST && strstr(line, "https://") == NULL)
                fail_msg("%s: %zu columns: %.*s", commands[i].words, columns_of(line, n), (int)n, line);
            line += n + (line[n] == '\n');
        }
        text_free(&p.out);
    }
}

/* What --list prints is a file that --catalogue takes, and changes nothing. */
static void the_list_can_be_read_again(void **state)
{
    (void)state;
    struct printed list = run(limits_command, "limits --list --format csv"), before = run(limits_command, "limits --format csv");
    char path[] = "/tmp/list-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, list.out.chars, list.out.length), (ssize_t)list.out.length);
    close(fd);
    char *words = rb_format("limits --format csv --catalogue %s", path);
    struct printed after = run(limits_command, words);
    assert_int_equal(after.rc, 0);
    assert_string_equal(before.out.chars, after.out.chars);
    unlink(path);
    free(words);
    text_free(&list.out);
    text_free(&before.out);
    text_free(&after.out);
}

static void the_names_of_the_limits_are_those_of_the_records(void **state)
{
    (void)state;
    static const char *const names[] = { "gpu", "link", "required_flop_per_byte", "limit_document", "limit_document_low", "limit_document_high",
                                         "limit_layer", "limit_layer_low", "limit_layer_high", "limit_measured", "usable", "binds" };
    struct printed p = run(limits_command, "limits --gpu h800 --format csv");
    struct csv csv;
    assert_int_equal(csv_parse(&csv, "limits", p.out.chars, p.out.length), RB_OK);
    for (size_t i = 0; i < RB_LEN(names); i++)
        if (csv_column(&csv, names[i]) < 0)
            fail_msg("no column %s", names[i]);
    csv_free(&csv);
    text_free(&p.out);
}

static void a_sheet_quotes_marks_and_wraps(void **state)
{
    (void)state;
    static const struct sheet_column columns[] = {
        { "name", "name", NULL, SHEET_TEXT }, { "x", "x", "GB/s", SHEET_NUMBER }, { "hidden", NULL, NULL, SHEET_NUMBER },
        { "shown", "s", NULL, SHEET_SHOWN },  { "why", "why", NULL, SHEET_WRAP },
    };
    struct sheet *s = sheet_new(columns, RB_LEN(columns));
    struct text out = {0};
    char block[2048];
    sheet_row(s);
    sheet_text(s, "name", "a,b \"c\"");
    sheet_weak(s, "x", 0.1, true);
    sheet_text(s, "shown", "1-2");
    sheet_text(s, "why", "one two three four five six seven eight nine ten");
    sheet_row(s);
    FILE *f = tmpfile();
    sheet_print_csv(s, f);
    sheet_print_table(s, f, 50);
    rewind(f);
    text_add_bytes(&out, block, fread(block, 1, sizeof block, f));
    fclose(f);
    assert_non_null(strstr(out.chars, "name,x,hidden,why,weak\n\"a,b \"\"c\"\"\",0.1,,one two three four five six seven eight nine ten,x\n,,,,\n"));
    assert_non_null(strstr(out.chars, "  a,b \"c\"  0.1?  1-2  one two three four five six\n                      seven eight nine ten\n"));
    json_t *json = sheet_json(s);
    assert_true(json_is_null(json_object_get(json_array_get(json, 1), "x")));
    assert_string_equal(json_string_value(json_array_get(json_object_get(json_array_get(json, 0), "weak"), 0)), "x");
    assert_null(json_object_get(json_array_get(json, 0), "shown"));
    json_decref(json);
    text_free(&out);
    sheet_free(s);
}

static void numbers_as_people_read_them(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        { 0, "0" }, { 1, "1" }, { 164.8, "164.8" }, { 12207.03, "12207" }, { 0.0175, "0.0175" }, { 1e-6, "1e-06" }, { 4.9698, "4.97" },
        { 2e12, "2000000000000" }, { 1e20, "1e+20" }, { 99.996, "100" }, { -3.5, "-3.5" },
    };
    char buffer[SHEET_NUMBER_TEXT];
    for (size_t i = 0; i < RB_LEN(rows); i++)
        assert_string_equal(sheet_number_text(buffer, rows[i].value), rows[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_parses),
        cmocka_unit_test(csv_is_a_table),
        cmocka_unit_test(the_table_fits_a_terminal),
        cmocka_unit_test(the_list_can_be_read_again),
        cmocka_unit_test(the_names_of_the_limits_are_those_of_the_records),
        cmocka_unit_test(a_sheet_quotes_marks_and_wraps),
        cmocka_unit_test(numbers_as_people_read_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
