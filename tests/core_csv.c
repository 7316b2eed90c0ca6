/* Comma-separated tables: quoting, line ends, comments, and the place that an error names. */
#include "core/csv.h"
#include "core/error.h"
#include "core/text.h"
#include "tests/capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static int parse(struct csv *csv, const char *text)
{
    return csv_parse(csv, "t.csv", text, strlen(text));
}

static void cells_of_a_table(void **state)
{
    (void)state;
    struct csv t;
    assert_int_equal(parse(&t, "# a comment\nname,a,b\n\nx,1,2\n# between\ny,,\"q\"\n"), RB_OK);
    assert_int_equal(t.ncolumns, 3);
    assert_int_equal(t.nrows, 2);
    assert_string_equal(t.names[2], "b");
    assert_string_equal(t.rows[0].cells[1], "1");
    assert_int_equal(t.rows[0].line, 4);
    assert_string_equal(t.rows[1].cells[1], "");
    assert_string_equal(t.rows[1].cells[2], "q");
    assert_int_equal(t.rows[1].line, 6);
    csv_free(&t);
    assert_null(t.rows);
}

static void one_cell_written_in_many_ways(void **state)
{
    (void)state;
    static const struct { const char *text, *cell; } rows[] = {
        { "h\nplain", "plain" },       { "h\r\nplain\r\n", "plain" },  { "h\n\"a,b\"\n", "a,b" },
        { "h\n\"say \"\"no\"\"\"\n", "say \"no\"" }, { "h\n\"two\nlines\"\n", "two\nlines" }, { "h\n\"\"\n", "" },
        { "h\n\"\"\"\"", "\"" },       { "h\n\"#no comment\"\n", "#no comment" },  { "\"h\"\n blank \n", " blank " },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        struct csv t;
        assert_int_equal(parse(&t, rows[i].text), RB_OK);
        assert_int_equal(t.nrows, 1);
        assert_string_equal(t.rows[0].cells[0], rows[i].cell);
        csv_free(&t);
    }
}

static void what_is_damaged_is_named(void **state)
{
    (void)state;
    static const struct { const char *text, *message; } rows[] = {
        { "", "t.csv: empty" },
        { "# only a comment\n", "t.csv: empty" },
        { "a,b\n1\n", "t.csv:2: 1 cells where the header has 2" },
        { "a,b\n1,2,3\n", "t.csv:2: 3 cells" },
        { "a,b\n1,\"open\n2,3\n", "t.csv:2:2: a quoted cell is never closed" },
        { "a,b\n\"x\"y,2\n", "t.csv:2:1: text after a closing quote" },
        { "a,b\n1,2\n\"two\nlines\",1\n3\n", "t.csv:5: 1 cells" },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        struct csv t = {0};
        struct capture c;
        capture_begin(&c);
        const int rc = parse(&t, rows[i].text);
        const char *said = capture_end(&c);
        assert_int_equal(rc, RB_EUSAGE);
        assert_int_equal(capture_lines(&c), 1);
        if (strstr(said, rows[i].message) == NULL)
            fail_msg("'%s' said '%s'", rows[i].message, said);
        assert_null(t.rows); /* written only on success */
    }
}

static void a_binary_file_is_no_table(void **state)
{
    (void)state;
    struct csv t;
    struct capture c;
    capture_begin(&c);
    assert_int_equal(csv_parse(&t, "t.csv", "a,b\n1,\0\n", 9), RB_EUSAGE);
    assert_non_null(strstr(capture_end(&c), "t.csv: not a text file"));
}

static void files(void **state)
{
    (void)state;
    char path[] = "/tmp/rb-core-csv-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a,b\n1,2\n", 8), 8);
    close(fd);
    struct csv t;
    assert_int_equal(csv_read(&t, path), RB_OK);
    assert_string_equal(t.path, path);
    assert_string_equal(t.rows[0].cells[1], "2");
    csv_free(&t);
    unlink(path);
    struct capture c;
    capture_begin(&c);
    assert_int_equal(csv_read(&t, path), RB_EUSAGE);
    assert_non_null(strstr(capture_end(&c), path));
}

static void columns_by_name(void **state)
{
    (void)state;
    struct csv t;
    assert_int_equal(parse(&t, "name,flops\nh,9\n"), RB_OK);
    assert_int_equal(csv_column(&t, "flops"), 1);
    assert_int_equal(csv_column(&t, "Flops"), -1);
    size_t column = 77;
    assert_int_equal(csv_need_column(&t, "name", &column), RB_OK);
    assert_int_equal(column, 0);
    struct capture c;
    capture_begin(&c);
    assert_int_equal(csv_need_column(&t, "watts", &column), RB_EUSAGE);
    assert_int_equal(csv_fail(&t, &t.rows[0], 1, "%d is too small", 9), RB_EUSAGE);
    const char *said = capture_end(&c);
    assert_non_null(strstr(said, "t.csv: the header has no column 'watts'"));
    assert_non_null(strstr(said, "t.csv:2:2: flops: 9 is too small"));
    assert_int_equal(column, 0);
    csv_free(&t);
}

/* What csv_put writes, csv_parse reads back, whatever the cell. */
static void written_and_read_back(void **state)
{
    (void)state;
    static const char *const cells[] = { "plain", "", "a,b", "\"", "two\nlines", "# no comment", "cr\rhere", "end\"", " x " };
    for (size_t i = 0; i < RB_LEN(cells); i++) {
        char *text = NULL;
        size_t length = 0;
        FILE *out = open_memstream(&text, &length);
        fprintf(out, "h,i\n");
        csv_put(out, cells[i]);
        fprintf(out, ",1\n");
        fclose(out);
        struct csv t;
        assert_int_equal(csv_parse(&t, "t.csv", text, length), RB_OK);
        assert_string_equal(t.rows[0].cells[0], cells[i]);
        csv_free(&t);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_of_a_table),
        cmocka_unit_test(one_cell_written_in_many_ways),
        cmocka_unit_test(what_is_damaged_is_named),
        cmocka_unit_test(a_binary_file_is_no_table),
        cmocka_unit_test(files),
        cmocka_unit_test(columns_by_name),
        cmocka_unit_test(written_and_read_back),
    };
    return cmocka_run_group_tests_name("core_csv", tests, NULL, NULL);
}
