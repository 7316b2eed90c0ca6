/* Secrets do not get into a record. */
#include "bench/environment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_only_what_is_allowed(void **state)
{
    (void)state;
    setenv("NCCL_ALGO", "Ring", 1);
    setenv("HOME_OF_SECRETS", "x", 1);
    json_t *v = environment_variables();
    assert_string_equal(json_string_value(json_object_get(v, "NCCL_ALGO")), "Ring");
    assert_null(json_object_get(v, "HOME_OF_SECRETS"));
    assert_null(json_object_get(v, "PATH"));
    json_decref(v);
}

static void test_secrets_are_redacted(void **state)
{
    (void)state;
    static const struct { const char *name, *value; bool shown; } rows[] = {
        { "NCCL_ALGO", "Ring", true },
        { "NCCL_SOCKET_IFNAME", "eth0,eth1", true },
        { "OMPI_MCA_btl_vader_backing_directory", "/some/where/Long123Name", true },
        { "NCCL_AUTH_TOKEN", "abc", false },
        { "UCX_PASSWORD", "x", false },
        { "RINGBENCH_KEY", "aB3xY7zQ9pL2mN8rT5vW", false },
        { "NCCL_TUNER", "aB3xY7zQ9pL2mN8rT5vW", false },
        { "UCX_PROXY", "http://me:pass@host", false },
        { "NCCL_NET_PLUGIN", "libnccl-net-with-a-long-name.so", true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *seen = environment_redact(rows[i].name, rows[i].value);
        assert_string_equal(seen, rows[i].shown ? rows[i].value : "(redacted)");
    }
}

static void test_machine_has_the_names(void **state)
{
    (void)state;
    json_t *m = environment_machine();
    static const char *const names[] = { "kernel", "processor", "governor", "load", "huge_pages", "transparent_huge_pages", "compiler" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_non_null(json_object_get(m, names[i])); /* null where the kernel does not tell, but there */
    json_decref(m);
    double all = 0, stolen = 0;
    if (environment_steal(&all, &stolen))
        assert_true(all > 0 && stolen >= 0 && stolen <= all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_is_allowed),
        cmocka_unit_test(test_secrets_are_redacted),
        cmocka_unit_test(test_machine_has_the_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
