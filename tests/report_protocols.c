/* Which protocol is the fastest at what size, as rows of a table, from records of a run. */
#include "core/error.h"
#include "report/protocols.h"
#include "tests/capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUN(transport, other) \
    "{\"schema\":1,\"kind\":\"run\",\"date\":\"2026-01-02T03:04:05Z\",\"transport\":\"" transport "\",\"placement\":[{\"device\":\"NVIDIA H200\",\"bus\":\"0000:1b:00.0\"}," \
    "{\"device\":\"NVIDIA H200\",\"bus\":\"" other "\"}]}\n"
#define CASE(algorithm, protocol, bytes, us) \
    "{\"schema\":1,\"kind\":\"case\",\"collective\":\"all_reduce\",\"algorithm\":\"" algorithm "\",\"transport\":\"cuda_peer\",\"protocol\":\"" protocol \
    "\",\"baseline\":false,\"ranks\":2,\"bytes\":" bytes ",\"time_us\":{\"median\":" us "}}\n"

static char *table_of(const char *text, int *rc_p)
{
    struct records r;
    char *table = NULL;
    size_t bytes;
    assert_int_equal(records_read_memory(&r, "made.jsonl", text, strlen(text), true), RB_OK);
    FILE *out = open_memstream(&table, &bytes);
    *rc_p = protocols_write(out, &r);
    fclose(out);
    records_free(&r);
    return table;
}

static void test_rows(void **state)
{
    (void)state;
    int rc;
    char *table = table_of(RUN("cuda_peer", "0000:1b:00.0") CASE("ring", "ll", "1024", "5") CASE("ring", "slots", "1024", "9") CASE("ring", "ll", "4096", "6")
                           CASE("ring", "slots", "4096", "9") CASE("ring", "ll", "65536", "30") CASE("ring", "slots", "65536", "12")
                           CASE("direct_one_shot", "ll", "1024", "3"), &rc);
    assert_int_equal(rc, RB_OK);
    assert_string_equal(table, "NVIDIA H200,one_gpu,2,ring,4096,ll,measured 2026-01-02\nNVIDIA H200,one_gpu,2,ring,,slots,measured 2026-01-02\n"
                               "NVIDIA H200,one_gpu,2,direct_one_shot,,ll,measured 2026-01-02\n");
    free(table);
}

static void test_links(void **state)
{
    (void)state;
    int rc;
    char *table = table_of(RUN("cuda_peer", "0000:2b:00.0") CASE("ring", "ll", "8", "1") CASE("ring", "slots", "8", "2"), &rc);
    assert_string_equal(table, "NVIDIA H200,peer,2,ring,,ll,measured 2026-01-02\n");
    free(table);
    table = table_of(RUN("cuda_staged", "0000:2b:00.0") CASE("ring", "ll", "8", "1") CASE("ring", "slots", "8", "2"), &rc);
    assert_string_equal(table, "NVIDIA H200,staged,2,ring,,ll,measured 2026-01-02\n");
    free(table);
}

static void test_refused(void **state)
{
    (void)state;
    struct capture c;
    int one, host;
    capture_begin(&c);
    free(table_of(RUN("cuda_peer", "0000:2b:00.0") CASE("ring", "ll", "8", "1"), &one));
    free(table_of("{\"schema\":1,\"kind\":\"run\",\"placement\":[{\"device\":\"a processor\",\"bus\":null}]}\n" CASE("ring", "ll", "8", "1"), &host));
    capture_end(&c);
    assert_int_equal(one, RB_EUSAGE);
    assert_int_equal(host, RB_EUSAGE);
    assert_non_null(strstr(c.text, "by one protocol only"));
    assert_non_null(strstr(c.text, "not on GPUs"));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_links), cmocka_unit_test(test_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
