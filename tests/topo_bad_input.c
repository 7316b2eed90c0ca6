/* Damaged files: one line each, with file, line and what would be right. */
#include "topo/topology.h"

#include "core/error.h"
#include "core/text.h"
#include "tests/capture.h"
#include "tests/temporary_file.h"
#include "topo/xml_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MACHINES "tests/topologies/"
#define HEAD2 "\tGPU0\tGPU1\tCPU Affinity\n"

static void write_file(const char *bytes, size_t length)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, length, f), length);
    fclose(f);
}

/* RB_EUSAGE, one line on stderr that begins with the file and holds `part`. */
static void must_refuse(const char *file, const char *part)
{
    struct capture c;
    struct topology *t = NULL;
    capture_begin(&c);
    const int rc = topology_load(&t, file);
    capture_end(&c);
    if (rc != RB_EUSAGE || t != NULL || capture_lines(&c) != 1 || strstr(c.text, file) == NULL || strstr(c.text, part) == NULL)
        fail_msg("wanted one line with '%s', got %d and: %s", part, rc, c.text);
}

static void test_no_topology(void **state)
{
    (void)state;
    const struct { const char *bytes; size_t length; const char *part; } rows[] = {
        { "", 0, "empty; wanted: an hwloc XML file (lstopo --of xml FILE) or the text of: nvidia-smi topo -m" },
        { "size count type\n1 2 float\n", 26, "no topology that is known here; wanted: an hwloc XML" },
        { "{\"devices\": []}\n", 16, "no topology that is known here" },
        { "\177ELF\0\0\1", 7, "binary file" },
        { "<topology>\0</topology>", 22, "binary file" },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        write_file(rows[i].bytes, rows[i].length);
        must_refuse(path, rows[i].part);
    }
    must_refuse("/nowhere/machine.xml", "No such file");
    must_refuse("/tmp", "directory");
}

static void test_text(void **state)
{
    (void)state;
    const struct { const char *text, *part; } rows[] = {
        { "GPU0\t X \tNV1\nGPU1\tNV1\t X \n", ":1: a row before the heading; right: a first line GPU0 GPU1" },
        { HEAD2 "GPU0\t X \tNV2\t0-3\n", ":1: GPU1 has a column here but no row" },
        { HEAD2 "GPU0\t X \tNV2\t0-3\nGPU1\tNV1\t X \t0-3\n", ":3: GPU1 to GPU0 is not the same as in line 2" },
        { HEAD2 "GPU0\t X \tNVX\t0-3\nGPU1\tNV1\t X \t0-3\n", ":2: 'NVX' in column GPU1 is no path class; right: X, NV and a number" },
        { HEAD2 "GPU0\t X \tNV0\t0-3\n", ":2: 'NV0' in column GPU1" },
        { HEAD2 "GPU0\t X \tNV99999999\t0-3\n", ":2: 'NV99999999' in column GPU1" },
        { HEAD2 "GPU0\t X \n", ":2: 1 path classes for 2 columns" },
        { HEAD2 "GPU0\tPIX\t X \t0-3\n", ":2: no X where the row meets its own column; the columns may have slipped" },
        { HEAD2 "GPU0\t X \t X \t0-3\n", ":2: an X outside the diagonal" },
        { HEAD2 "GPU0\t X \tPIX\t-31,64-95\n", ":2: CPU affinity '-31,64-95' is no list of CPUs; right: such as 0-31,64-95" },
        { HEAD2 "GPU0\t X \tPIX\t0-\n", ":2: CPU affinity '0-' is no list" },
        { HEAD2 "GPU0\t X \tPIX\t0-3\nGPU0\t X \tPIX\t0-3\n", ":3: a second row for GPU0, the first is line 2" },
        { HEAD2 "GPU0\t X \tPIX\t0-3\nGPU1\tPIX\t X \t0-3\nGPU2\tPIX\tPIX\t0-3\n", ":4: GPU2 has a row but no column in line 1" },
        { HEAD2 "GPU0\t X \tPIX\t0-3\nGPU1\tPIX\t X \t0-3\n" HEAD2, ":4: a second heading" },
        { "\tGPU0\tGPU0\tCPU Affinity\n", ":1: GPU0 heads two columns" },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        write_file(rows[i].text, strlen(rows[i].text));
        must_refuse(path, rows[i].part);
    }
}

static void test_xml(void **state)
{
    (void)state;
    const struct { const char *text, *part; } rows[] = {
        { "<?xml version=\"1.0\"?>\n<topology version=\"2.0\">\n<object>\n", ":4: damaged XML: the text ends before </object> (opened in line 3)" },
        { "<topology>\n</object>\n</topology>\n", ":2: damaged XML: </object> where </topology> should be (opened in line 1)" },
        { "<topology a=\"x>\n</topology>\n", ":1: damaged XML: <topology is not finished" },
        { "<topology>\n<!-- no end\n</topology>\n", ":2: damaged XML: a comment" },
        { "</a>\n", ":1: damaged XML: </a> closes nothing" },
        { "<html><body>a page</body></html>\n", "no topology that hwloc understands; make one with: lstopo --of xml FILE" },
        { "<topology version=\"2.0\"></topology>\n", "no topology that hwloc understands" },
        { "<topology version=\"9.0\"><object type=\"Machine\"/></topology>\n", "no topology that hwloc understands" },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        write_file(rows[i].text, strlen(rows[i].text));
        must_refuse(path, rows[i].part);
    }
}

static void read_machine(struct text *whole, const char *file)
{
    assert_int_equal(text_read_file(whole, file, 1 << 20), RB_OK);
}

/* A download that broke off, anywhere. */
static void test_truncated_xml(void **state)
{
    (void)state;
    struct text whole = { 0 };
    read_machine(&whole, MACHINES "laptop.xml");
    for (size_t length = 60; length < whole.length - 20; length += 211) {
        write_file(whole.chars, length);
        must_refuse(path, ": damaged XML: ");
    }
    text_free(&whole);
}

/* What is wrong inside may be found or not, but it is one line or none, and never worse. */
static void load_quietly(const char *bytes, size_t length)
{
    struct capture c;
    struct topology *t = NULL;
    write_file(bytes, length);
    capture_begin(&c);
    const int rc = topology_load(&t, path);
    capture_end(&c);
    if (capture_lines(&c) != (rc == RB_OK ? 0 : 1))
        fail_msg("result %d and: %s", rc, c.text);
    if (rc == RB_OK) {
        json_t *o = topology_json(t);
        json_decref(o);
        topology_free(t);
    }
}

static void damage(const char *file, int rounds)
{
    static const char marks[] = "\"<>=/0 9X\n-,";
    struct text whole = { 0 };
    read_machine(&whole, file);
    unsigned seed = 11;
    for (int i = 0; i < rounds; i++) {
        seed = seed * 1664525u + 1013904223u;
        char *at = &whole.chars[(seed >> 8) % whole.length];
        const char was = *at;
        *at = marks[(seed >> 4) % (sizeof marks - 1)];
        load_quietly(whole.chars, whole.length);
        *at = was;
    }
    text_free(&whole);
}

static void test_damaged(void **state)
{
    (void)state;
    damage(MACHINES "laptop.xml", 150);
    damage(MACHINES "smi_a800_four_nics.txt", 300);
    damage(MACHINES "smi_b200_eight_nics.txt", 150);
}

static void test_xml_check(void **state)
{
    (void)state;
    char why[120];
    const char *const good = "<?xml version='1.0'?>\n<!DOCTYPE a>\n<!-- <b> -->\n<a x=\"1>2\"><b/><b y='/'></b></a>\n";
    assert_int_equal(xml_check(good, strlen(good), why, sizeof why), 0);
    assert_int_equal(xml_check("no tags", 7, why, sizeof why), 1);
    assert_string_equal(why, "there is no tag");
    char deep[2000] = "";
    for (int i = 0; i < 300; i++)
        strcat(deep, "<a>\n");
    assert_int_equal(xml_check(deep, strlen(deep), why, sizeof why), 257);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_topology), cmocka_unit_test(test_text),    cmocka_unit_test(test_xml),
        cmocka_unit_test(test_truncated_xml), cmocka_unit_test(test_damaged), cmocka_unit_test(test_xml_check),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
