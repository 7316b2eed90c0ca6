/* Lines of a log without what launchers and terminals put around them; words and numbers. */
#include "report/import_text.h"

#include "core/error.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *line, *text, *label;
} prefixes[] = {
    { "plain", "plain", "" },
    { "   # a comment \t\r", "# a comment", "" },
    { "[1,0]<stdout>:# x", "# x", "[1,0]<stdout>:" },
    { "[1,12]<stderr>: 8 2 float", "8 2 float", "[1,12]<stderr>:" },
    { "[prterun-host-1@1,0]<stdout>: # x", "# x", "[prterun-host-1@1,0]<stdout>:" },
    { " 0: # x", "# x", "0: " },
    { "12:      8388608       2097152     float", "8388608       2097152     float", "12: " },
    { "node1: #       size", "#       size", "node1: " },
    { "node1:   8388608   2097152     float", "8388608   2097152     float", "node1: " },
    { "error: 3 links", "error: 3 links", "" },
    { "worker-1  | # x", "# x", "worker-1  | " },
    { "[pod/nccl-0/main] # x", "# x", "[pod/nccl-0/main] " },
    { "2024-05-01T12:00:00.000000000Z # x", "# x", "" },
    { "2024-05-01T12:00:00.000000000Z stdout F  0: # x", "# x", "0: " },
    { "\033[1;32m# x\033[0m", "# x", "" },
    { "Link 0: 26.562 GB/s", "Link 0: 26.562 GB/s", "" },
    { "GPU 0: NVIDIA H800 (UUID: GPU-1)", "GPU 0: NVIDIA H800 (UUID: GPU-1)", "" },
    { "node1:1003:1040 [3] NCCL INFO x", "node1:1003:1040 [3] NCCL INFO x", "" },
    { "| 0 | 1", "| 0 | 1", "" },
    { "\033[", "", "" },
    { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", "" },
    { "a\xff\xc3 b\xe4\xb8", "a?? b??", "" },
};

static struct import_text split(const char *bytes)
{
    struct text buffer = {0};
    struct import_text t;
    text_add_bytes(&buffer, bytes, strlen(bytes));
    assert_int_equal(import_text_split(&t, "x.log", &buffer), RB_OK);
    return t;
}

static void test_prefixes(void **state)
{
    (void)state;
    for (size_t i = 0; i < RB_LEN(prefixes); i++) {
        struct import_text t = split(prefixes[i].line);
        const struct import_line *line = &t.lines[0];
        if (t.nlines != 1 || strcmp(line->text, prefixes[i].text) != 0 || line->label_length != strlen(prefixes[i].label) ||
            memcmp(line->label, prefixes[i].label, line->label_length) != 0)
            fail_msg("'%s': text '%s', label '%.*s'", prefixes[i].line, line->text, (int)line->label_length, line->label);
        import_text_free(&t);
    }
}

static void test_preface(void **state)
{
    (void)state;
    struct import_text t = split("# source: a\n# gpu: B\n# count: 8 (2 nodes x 4)\n# complete: yes\n# ---- as posted below ----\n# size\n\n1 2\n");
    assert_string_equal(t.preface.source, "a");
    assert_string_equal(t.preface.gpu, "B");
    assert_string_equal(t.preface.nccl, "");
    assert_int_equal(t.nlines, 4); /* the last is empty */
    assert_int_equal(t.lines[0].number, 6);
    assert_string_equal(t.lines[2].text, "1 2");
    import_text_free(&t);
}

static const struct {
    const char *word;
    bool good;
    double value, half;
} numbers[] = {
    { "12.30", true, 12.3, 0.005 }, { "46", true, 46, 0.5 },          { "1e-07", true, 1e-7, 0.5e-7 }, { "1.2e+05", true, 1.2e5, 5e3 },
    { "32_768", true, 32768, 0.5 }, { "-1", true, -1, 0.5 },          { "nan", false, 0, 0 },          { "0x10", false, 0, 0 },
    { "1.2.3", false, 0, 0 },       { "", false, 0, 0 },              { "1e999", false, 0, 0 },        { "N/A", false, 0, 0 },
    { "00000000000000000000000000000000000000000000000001", false, 0, 0 },
};

static void test_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < RB_LEN(numbers); i++) {
        double value = 0, half = 0;
        const bool good = import_number((struct import_word){ numbers[i].word, strlen(numbers[i].word) }, &value, &half);
        if (good != numbers[i].good || (good && (fabs(value - numbers[i].value) > 1e-12 || fabs(half - numbers[i].half) > 1e-12 * (1 + half))))
            fail_msg("'%s': %d, %g, half %g", numbers[i].word, good, value, half);
    }
    uint64_t whole;
    assert_true(import_whole((struct import_word){ "17_179_869_184", 14 }, &whole));
    assert_true(whole == 17179869184u);
    assert_false(import_whole((struct import_word){ "_1", 2 }, &whole));
    assert_false(import_whole((struct import_word){ "99999999999999999999", 20 }, &whole));
    assert_false(import_whole((struct import_word){ "12a", 3 }, &whole));
    assert_true(import_number_after("nGpus 8 minBytes 1024 ", "minBytes ", &whole));
    assert_int_equal(whole, 1024);
    assert_false(import_number_after("minBytes x", "minBytes ", &whole));
}

static void test_words(void **state)
{
    (void)state;
    struct import_word words[2];
    assert_int_equal(import_words("  a bc\td  ", words, 2), 3);
    assert_true(import_word_is(words[1], "bc"));
    assert_false(import_word_is(words[1], "b"));
    assert_int_equal(import_words("", words, 2), 0);
    assert_true(import_is_elision("..."));
    assert_true(import_is_elision("#  ..."));
    assert_true(import_is_elision("[...]"));
    assert_false(import_is_elision("# . x"));
    char field[4];
    import_copy(field, sizeof field, "ab\xc3\xbc", 4); /* the character does not fit and is not cut in two */
    assert_string_equal(field, "ab");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_preface),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
