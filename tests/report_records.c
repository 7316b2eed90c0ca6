/* results.jsonl: what is written is read back; what is damaged is named with file and line. */
#include "report/records.h"

#include "core/error.h"
#include "core/text.h"
#include "tests/temporary_folder.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char *path_of(const char *name)
{
    return rb_format("%s/%s", folder, name);
}

static struct record_case example(void)
{
    struct record_case c = {
        .collective = "all_reduce", .algorithm = "ring", .transport = "shm", .protocol = "slots", .evidence = "measured",
        .type = "float", .op = "sum", .ranks = 2, .nodes = 1, .root = -1, .bytes = 1 << 20, .count = 1 << 18,
        .time_us = { 100.5, 99, 120, 130, 100, 101.25, 0.03, 4000 }, .algbw_GBps = 10.5, .busbw_GBps = 10.5,
        .wire_GBps = NAN, .ceiling_GBps = 12, .ceiling_from = "measured", .wire_bytes = 1 << 20, .hops = 2, .wrong = -1,
        .stopped = "precise", .ratio = 1.5, .ratio_low = 1.4, .ratio_high = 1.6,
    };
    return c;
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* Runs records_read with stderr in a file; the caller frees the text. */
static int read_with_messages(struct records *r, const char *path, bool tolerant, char **messages_p)
{
    char *log = path_of("stderr");
    fflush(stderr);
    const int saved = dup(2);
    FILE *f = fopen(log, "wb");
    dup2(fileno(f), 2);
    const int rc = records_read(r, path, tolerant);
    fflush(stderr);
    dup2(saved, 2);
    close(saved);
    fclose(f);
    struct text t;
    assert_int_equal(text_read_file(&t, log, 1 << 20), RB_OK);
    *messages_p = t.chars;
    free(log);
    return rc;
}

static void test_round_trip(void **state)
{
    (void)state;
    char *path = path_of("round.jsonl");
    double samples[] = { 100.5, 99, NAN };
    struct record_case c = example();
    c.samples_us = samples;
    c.nsamples = 3;
    struct record_pair p = { 0, 1, "shm", 0.2, 11.5, NAN, true };
    FILE *f = fopen(path, "wb");
    json_t *run = json_pack("{s:s, s:i}", "version", "1.0", "schema", 99);
    assert_int_equal(records_write_json(f, "run", run), RB_OK);
    json_decref(run);
    assert_int_equal(records_write_case(f, &c), RB_OK);
    assert_int_equal(records_write_pair(f, &p), RB_OK);
    assert_int_equal(records_write_note(f, "not_measured", "no \"GPU\""), RB_OK);
    fclose(f);

    struct records r;
    assert_int_equal(records_read(&r, path, false), RB_OK);
    assert_int_equal(r.ncases, 1);
    assert_int_equal(r.npairs, 1);
    assert_int_equal(r.damaged, 0);
    assert_string_equal(json_string_value(json_object_get(r.run, "version")), "1.0");
    assert_string_equal(json_string_value(json_object_get(json_array_get(r.notes, 0), "text")), "no \"GPU\"");
    const struct record_case *b = &r.cases[0];
    assert_true(records_same_case(b, &c) && records_same_curve(b, &c));
    assert_string_equal(b->protocol, "slots");
    assert_string_equal(b->baseline, "");
    assert_true(b->time_us.median == 100.5 && b->time_us.ci_low == 100 && b->time_us.ci_high == 101.25 && b->time_us.n == 4000);
    assert_true(isnan(b->wire_GBps) && b->wrong == -1 && b->hops == 2 && b->ratio_high == 1.6);
    assert_int_equal(b->nsamples, 3);
    assert_true(b->samples_us[0] == 100.5 && isnan(b->samples_us[2]));
    assert_true(r.pairs[0].outlier && r.pairs[0].to == 1 && isnan(r.pairs[0].both_ways_GBps));
    records_free(&r);
    free(path);
}

static void test_not_available_is_null(void **state)
{
    (void)state;
    const struct record_case c = example();
    json_t *j = record_case_json(&c);
    assert_true(json_is_null(json_object_get(j, "wire_GBps")));
    assert_true(json_is_null(json_object_get(j, "wrong")));
    assert_true(json_is_false(json_object_get(j, "baseline")));
    assert_null(json_object_get(j, "samples_us"));
    json_decref(j);
}

#define GOOD "{\"schema\":1,\"kind\":\"case\",\"collective\":\"c\",\"algorithm\":\"a\",\"transport\":\"t\",\"ranks\":2,\"bytes\":8,\"time_us\":{\"median\":1}"
#define LESS(what) "{\"schema\":1,\"kind\":\"case\"," what "}\n"

/* Each is line 2 of a file whose line 1 is whole. */
static const struct { const char *line, *message; } damaged[] = {
    { "nonsense\n", ":2: not JSON at column" },
    { "[1]\n", ":2: an object is expected on every line" },
    { "{\"kind\":\"case\"}\n", ":2: \"schema\": a whole number is expected" },
    { "{\"schema\":2,\"kind\":\"case\"}\n", ":2: schema 2; this program reads schema 1" },
    { "{\"schema\":1}\n", ":2: \"kind\": a text is expected" },
    { GOOD ",\"count\":\"8\"}\n", ":2: \"count\": a whole number of at least 0 is expected here, not a text" },
    { GOOD ",\"busbw_GBps\":true}\n", ":2: \"busbw_GBps\": a number of at least 0, or null is expected here, not true" },
    { GOOD ",\"in_place\":1}\n", ":2: \"in_place\": true or false is expected here, not a whole number" },
    { GOOD ",\"nodes\":0}\n", ":2: \"nodes\": a whole number of at least 1" },
    { GOOD ",\"root\":-2}\n", ":2: \"root\": -1 or a rank" },
    { GOOD ",\"op\":\"longer than it can be\"}\n", ":2: \"op\": a shorter text" },
    { GOOD ",\"baseline\":3}\n", ":2: \"baseline\": false or the baseline's name" },
    { GOOD ",\"samples_us\":[1,\"2\"]}\n", ":2: \"samples_us\": an array of times" },
    { GOOD ",\"samples_us\":[1,-2]}\n", ":2: \"samples_us\": an array of times" },
    { GOOD ",\"ranks\":3}\n", ":2: not JSON at column" }, /* the same key twice */
    { LESS("\"algorithm\":\"a\""), ":2: \"collective\" is missing" },
    { LESS("\"collective\":\"c\",\"algorithm\":\"a\",\"transport\":\"t\",\"ranks\":2,\"bytes\":8"), ":2: \"time_us.median\" is missing" },
    { LESS("\"collective\":\"c\",\"algorithm\":\"a\",\"transport\":\"t\",\"ranks\":2,\"bytes\":8,\"time_us\":7"), ":2: \"time_us.median\": an object" },
    { LESS("\"collective\":\"c\",\"algorithm\":\"a\",\"transport\":\"t\",\"ranks\":2,\"bytes\":8,\"time_us\":{\"median\":1,\"ci95\":[1]}"),
      ":2: \"time_us.ci95\": an array of two numbers" },
    { "{\"schema\":1,\"kind\":\"pair\",\"from\":0}\n", ":2: \"to\" is missing" },
    { "{\"schema\":1,\"kind\":\"note\"}\n", ":2: \"text\": a text is expected" },
};

static void test_damaged_lines(void **state)
{
    (void)state;
    char *path = path_of("damaged.jsonl");
    for (size_t i = 0; i < RB_LEN(damaged); i++) {
        char *text = rb_format("%s}\n%s%s}\n", GOOD, damaged[i].line, GOOD), *messages;
        write_text(path, text);
        struct records r;
        assert_int_equal(read_with_messages(&r, path, false, &messages), RB_EUSAGE);
        if (strstr(messages, damaged[i].message) == NULL || strstr(messages, path) == NULL)
            fail_msg("line %s: message is %s, expected %s", damaged[i].line, messages, damaged[i].message);
        free(messages);
        assert_int_equal(read_with_messages(&r, path, true, &messages), RB_OK);
        assert_int_equal(r.ncases, 2);
        assert_int_equal(r.damaged, 1);
        assert_non_null(strstr(messages, damaged[i].message));
        free(messages);
        records_free(&r);
        free(text);
    }
    free(path);
}

static void test_cut_last_line(void **state)
{
    (void)state;
    char *path = path_of("cut.jsonl");
    char *messages;
    for (size_t cut = 1; cut < sizeof GOOD; cut++) {
        char *text = rb_format("%s}\n%.*s", GOOD, (int)cut, GOOD);
        write_text(path, text);
        struct records r;
        assert_int_equal(read_with_messages(&r, path, false, &messages), RB_OK);
        assert_int_equal(r.ncases, 1);
        assert_int_equal(r.damaged, 1);
        assert_non_null(strstr(messages, "cut off"));
        records_free(&r);
        free(messages);
        free(text);
    }
    free(path);
}

static void test_whole_last_line_without_newline(void **state)
{
    (void)state;
    char *path = path_of("nonewline.jsonl");
    write_text(path, GOOD "}");
    struct records r;
    assert_int_equal(records_read(&r, path, false), RB_OK);
    assert_int_equal(r.ncases, 1);
    assert_int_equal(r.damaged, 0);
    assert_true(isnan(r.cases[0].busbw_GBps) && r.cases[0].root == -1 && r.cases[0].nodes == 1);
    records_free(&r);
    free(path);
}

static void test_unknown_keys_and_kinds(void **state)
{
    (void)state;
    char *path = path_of("unknown.jsonl");
    write_text(path, GOOD ",\"later\":{\"a\":[1]}}\n\n{\"schema\":1,\"kind\":\"later\"}\n{\"schema\":1,\"kind\":\"fit\"}\n");
    struct records r;
    assert_int_equal(records_read(&r, path, false), RB_OK);
    assert_int_equal(r.ncases, 1);
    records_free(&r);
    free(path);
}

static void test_nothing_usable(void **state)
{
    (void)state;
    static const char *const texts[] = { "", "\n\n", "{\"schema\":1,\"kind\":\"fit\"}\n", ("\x7f" "ELF\x02\x01 not text"), "size time busbw\n8 1 2\n" };
    char *path = path_of("nothing.jsonl"), *messages;
    for (size_t i = 0; i < RB_LEN(texts); i++) {
        write_text(path, texts[i]);
        struct records r;
        assert_int_equal(read_with_messages(&r, path, true, &messages), RB_EUSAGE);
        assert_non_null(strstr(messages, "no usable record"));
        free(messages);
    }
    struct records r;
    assert_int_equal(read_with_messages(&r, "/no/such.jsonl", true, &messages), RB_EUSAGE);
    assert_non_null(strstr(messages, "/no/such.jsonl: No such file"));
    free(messages);
    free(path);
}

static void test_from_memory(void **state)
{
    (void)state;
    static const char text[] = GOOD "}\n" GOOD "}\n{\"schema";
    struct records r;
    assert_int_equal(records_read_memory(&r, "memory", text, sizeof text - 1, true), RB_OK);
    assert_int_equal(r.ncases, 2);
    assert_int_equal(r.damaged, 1);
    records_free(&r);
    assert_int_equal(records_read_memory(&r, "memory", "", 0, true), RB_EUSAGE);
}

static void test_full_disk(void **state)
{
    (void)state;
    FILE *f = fopen("/dev/full", "wb");
    if (f == NULL)
        skip();
    char *log = path_of("full");
    fflush(stderr);
    const int saved = dup(2);
    FILE *e = fopen(log, "wb");
    dup2(fileno(e), 2);
    const struct record_case c = example();
    const int rc = records_write_case(f, &c);
    dup2(saved, 2);
    close(saved);
    fclose(e);
    fclose(f);
    assert_int_equal(rc, RB_EUSAGE);
    struct text t;
    assert_int_equal(text_read_file(&t, log, 4096), RB_OK);
    assert_non_null(strstr(t.chars, "No space left"));
    text_free(&t);
    free(log);
}

static void test_same(void **state)
{
    (void)state;
    const struct record_case a = example();
    struct record_case b = a;
    b.bytes = 8;
    assert_false(records_same_case(&a, &b));
    assert_true(records_same_curve(&a, &b));
    b = a;
    strcpy(b.algorithm, "mpi");
    strcpy(b.baseline, "mpi");
    assert_true(records_same_case(&a, &b));
    assert_false(records_same_curve(&a, &b));
    b = a;
    b.ranks = 4;
    assert_false(records_same_case(&a, &b) || records_same_curve(&a, &b));
}

/* Another reader than our own. */
static const char python[] =
    "import json, csv, sys\n"
    "lines = [json.loads(l, parse_constant=lambda c: sys.exit('not JSON: ' + c)) for l in open(sys.argv[1])]\n"
    "assert len(lines) == 2 and all(l['schema'] == 1 and l['kind'] == 'case' for l in lines)\n"
    "assert lines[0]['time_us']['ci95'] == [100, 101.25] and lines[0]['wire_GBps'] is None and lines[0]['wrong'] is None\n"
    "rows = list(csv.DictReader(open(sys.argv[2])))\n"
    "assert len(rows) == 2 and None not in rows[0]\n"
    "def flat(o):\n"
    "    out = {}\n"
    "    for k, v in o.items():\n"
    "        if isinstance(v, dict): out.update({k + '_' + a: b for a, b in flat(v).items()})\n"
    "        elif k == 'ci95': out.update({'ci95_low': v[0], 'ci95_high': v[1]})\n"
    "        elif k not in ('schema', 'kind', 'samples_us'): out[k] = v\n"
    "    return out\n"
    "for l, r in zip(lines, rows):\n"
    "    f = flat(l)\n"
    "    assert list(f) == list(r), (list(f), list(r))\n"
    "    for k, v in f.items():\n"
    "        if v is None or v is False and k == 'baseline': assert r[k] == '', k\n"
    "        elif isinstance(v, bool): assert r[k] == str(v).lower(), k\n"
    "        elif isinstance(v, (int, float)): assert abs(float(r[k]) - v) <= 1e-8 * abs(v), k\n"
    "        else: assert r[k] == v, k\n";

static void test_another_reader(void **state)
{
    (void)state;
    if (system("python3 -c pass >/dev/null 2>&1") != 0) {
        print_message("# skipped: no python3 to read JSON and CSV with\n");
        skip();
    }
    char *jsonl = path_of("other.jsonl"), *csv = path_of("other.csv"), *script = path_of("other.py");
    struct records r = {0};
    struct record_case c = example();
    records_add_case(&r, &c);
    strcpy(c.label, "a, \"label\"");
    strcpy(c.baseline, "mpi");
    c.in_place = true;
    records_add_case(&r, &c);
    FILE *f = fopen(jsonl, "wb");
    for (size_t i = 0; i < r.ncases; i++)
        assert_int_equal(records_write_case(f, &r.cases[i]), RB_OK);
    fclose(f);
    f = fopen(csv, "wb");
    assert_int_equal(records_write_csv(f, &r), RB_OK);
    fclose(f);
    write_text(script, python);
    char *command = rb_format("python3 %s %s %s", script, jsonl, csv);
    assert_int_equal(system(command), 0);
    free(command);
    records_free(&r);
    free(jsonl);
    free(csv);
    free(script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_not_available_is_null), cmocka_unit_test(test_damaged_lines),
        cmocka_unit_test(test_cut_last_line), cmocka_unit_test(test_whole_last_line_without_newline),
        cmocka_unit_test(test_unknown_keys_and_kinds), cmocka_unit_test(test_nothing_usable), cmocka_unit_test(test_from_memory), cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_same), cmocka_unit_test(test_another_reader),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
