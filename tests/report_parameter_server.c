/* The record of the parameter server, and the plots and the section that are made from it. */
#include "report/parameter_server.h"

#include "core/error.h"
#include "report/page_sections.h"
#include "report/plots.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char lines[] =
    "{\"schema\":1,\"kind\":\"run\",\"date\":\"2026-11-21T00:00:00Z\"}\n"
    "{\"schema\":1,\"kind\":\"workload\",\"name\":\"parameter-server\",\"runs\":["
    "{\"bound\":\"0\",\"bytes\":65536,\"workers\":3,\"servers\":1,\"slow_worker\":4,\"asked_compute_us\":1000,\"iterations_per_sec\":700,"
    "\"predicted_iterations_per_sec\":720,\"waiting\":0.75,\"seconds\":0.5,\"server_bytes\":1e8,\"stalest\":0},"
    "{\"bound\":\"inf\",\"bytes\":65536,\"workers\":3,\"servers\":1,\"slow_worker\":4,\"asked_compute_us\":1000,\"iterations_per_sec\":2100,"
    "\"predicted_iterations_per_sec\":2200,\"waiting\":0.01,\"seconds\":0.5,\"server_bytes\":1e8,\"stalest\":70}],"
    "\"solved\":[{\"bound\":\"0\",\"target\":0.001,\"target_iterations\":23,\"target_sec\":0.03,\"simulated\":{\"target_iterations\":23,\"target_sec\":0.026}},"
    "{\"bound\":\"inf\",\"target\":0.001,\"target_iterations\":null,\"target_sec\":null,\"simulated\":{\"target_iterations\":45,\"target_sec\":0.045}}],"
    "\"servers\":{\"port_GBps\":1,\"message_us\":5,\"rows\":["
    "{\"algorithm\":\"ring_all_reduce\",\"workers\":16,\"servers\":0,\"bytes\":1000000,\"total_bytes\":30000000,\"egress_bytes\":1875000,\"ingress_bytes\":1875000,"
    "\"estimated_us\":1900,\"measured_us\":null},"
    "{\"algorithm\":\"parameter_server_dedicated\",\"workers\":16,\"servers\":1,\"bytes\":1000000,\"total_bytes\":32000000,\"egress_bytes\":16000000,"
    "\"ingress_bytes\":16000000,\"estimated_us\":17000,\"measured_us\":16500}]}}\n"
    "{\"schema\":1,\"kind\":\"workload\",\"name\":\"parameter-server\",\"skipped\":\"one rank\"}\n";

static void read_lines(struct records *r)
{
    assert_int_equal(records_read_memory(r, "memory", lines, strlen(lines), false), RB_OK);
}

static void test_the_record(void **state)
{
    (void)state;
    struct records r, none = {0};
    const char *bounds[PARAMETER_SERVER_BOUNDS];
    read_lines(&r);
    const json_t *record = parameter_server_record(&r), *solved = json_object_get(record, "solved");
    assert_non_null(record);
    assert_int_equal(parameter_server_bounds(json_object_get(record, "runs"), bounds), 2);
    assert_string_equal(bounds[1], "inf");
    assert_true(parameter_server_number(json_array_get(solved, 0), "simulated.target_sec") == 0.026);
    assert_true(isnan(parameter_server_number(json_array_get(solved, 1), "target_sec")));
    assert_true(isnan(parameter_server_number(NULL, "a.b")));
    assert_null(parameter_server_record(&none));
    records_free(&r);
}

static const struct figure *find(const struct figures *f, const char *name)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->list[i].name, name) == 0)
            return &f->list[i];
    fail_msg("there is no figure %s", name);
    return NULL;
}

static void test_the_plots(void **state)
{
    (void)state;
    extern const struct plot plot_staleness, plot_servers;
    struct records r;
    struct figures f = {0};
    read_lines(&r);
    const struct page_input in = { .records = &r };
    assert_null(plot_staleness.draw(&f, &plot_staleness, &in));
    assert_null(plot_servers.draw(&f, &plot_servers, &in));
    assert_int_equal(f.count, 6);
    assert_non_null(strstr(find(&f, "staleness")->data.chars, "1 2100\n"));
    assert_non_null(strstr(find(&f, "staleness")->data.chars, "1 2200\n"));
    assert_non_null(strstr(find(&f, "staleness")->caption.chars, "worker 0 4 times as long"));
    assert_non_null(strstr(find(&f, "staleness-waiting")->data.chars, "0 75\n"));
    assert_string_equal(find(&f, "staleness-iterations")->data.chars, "$b0 << END\n0 23\nEND\n$b1 << END\n0 23\n1 45\nEND\n"); /* never is no point */
    assert_string_equal(find(&f, "servers-bytes")->data.chars, "$b0 << END\n16 1.875\nEND\n$b1 << END\n16 16\nEND\n");
    assert_non_null(strstr(find(&f, "servers-time")->data.chars, "16 16.5\n"));
    figures_free(&f);
    records_free(&r);
}

static void test_nothing_to_plot(void **state)
{
    (void)state;
    extern const struct plot plot_staleness, plot_servers;
    const struct records r = {0};
    struct figures f = {0};
    struct text page = {0};
    const struct page_input in = { .records = &r };
    assert_non_null(strstr(plot_staleness.draw(&f, &plot_staleness, &in), "ringbench workload parameter-server"));
    assert_non_null(strstr(plot_servers.draw(&f, &plot_servers, &in), "ringbench workload parameter-server"));
    assert_non_null(section_parameter_server(&page, &in));
    assert_int_equal(f.count + page.length, 0);
}

static void test_the_section(void **state)
{
    (void)state;
    struct records r;
    struct text page = {0};
    read_lines(&r);
    const struct page_input in = { .records = &r };
    assert_null(section_parameter_server(&page, &in));
    assert_non_null(strstr(page.chars, "with 16 workers one server moves 32 MB in all and the ring 30 MB"));
    assert_non_null(strstr(page.chars, "8.53 times less"));
    text_free(&page);
    records_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_the_record), cmocka_unit_test(test_the_plots), cmocka_unit_test(test_nothing_to_plot),
                                        cmocka_unit_test(test_the_section) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
