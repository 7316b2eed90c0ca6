/* What goes wrong over a verbs device ends in one line that names the peer and the device, in the right code, in time. Needs a
 * device; what would harm a real one only runs in the guest of tests/vm/boot.sh. */
#include "collectives/operation.h"
#include "collectives/transport/verbs.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"
#include "tests/ranks.h"
#include "tests/verbs_guest.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { MOST = 4, CALLS_BEFORE = 5 };

static const double limit_sec = 40;

/* What a rank does to the others in the middle of the run. */
typedef void mischief(struct comm *comm);

struct ending {
    int result[MOST];
    char said[MOST][4096];
};

static void drop_stderr_into(const char *path)
{
    if (freopen(path, "we", stderr) == NULL)
        abort();
    setvbuf(stderr, NULL, _IONBF, 0);
}

static int call_until_it_fails(struct job *job, mischief *harm, int culprit)
{
    struct comm *comm;
    struct operation *op;
    static int32_t in[70000], out[70000];
    RB_TRY(comm_open(&comm, job, &(struct comm_config){ .transport = "verbs", .slots = 4, .yield = true, .timeout_sec = limit_sec }));
    RB_TRY(comm_prepare(comm, &(struct call){ .algorithm = algorithm_find("ring_all_reduce"), .group = { .nranks = job->nranks, .servers = 1 },
                                              .count = RB_LEN(in), .type = TYPE_INT32, .op = OP_SUM }, &op));
    const double start = clock_sec();
    for (int i = 0; clock_sec() - start < limit_sec; i++) {
        if (i == CALLS_BEFORE && job->rank == culprit)
            harm(comm);
        RB_TRY(operation_run(op, in, out));
    }
    return RB_OK;
}

static void play(int n, mischief *harm, int culprit, struct ending *end)
{
    const size_t bytes = job_local_bytes(n);
    void *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char folder[] = "/tmp/rb-faults.XXXXXX", *paths[MOST];
    pid_t pids[MOST];
    assert_non_null(mkdtemp(folder));
    for (int r = 0; r < n; r++) {
        paths[r] = rb_format("%s/%d", folder, r);
        pids[r] = fork();
        if (pids[r] == 0) {
            struct job *job;
            drop_stderr_into(paths[r]);
            job_open_local(&job, shared, r, n);
            _exit(rb_exit_code(call_until_it_fails(job, harm, culprit)));
        }
    }
    for (int r = 0; r < n; r++) {
        int status = 0;
        waitpid(pids[r], &status, 0);
        end->result[r] = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        FILE *f = fopen(paths[r], "re");
        end->said[r][f != NULL ? fread(end->said[r], 1, sizeof end->said[r] - 1, f) : 0] = '\0';
        if (f != NULL)
            fclose(f);
        unlink(paths[r]);
        free(paths[r]);
        print_message("rank %d ended with %d: %s\n", r, end->result[r], end->said[r]);
    }
    rmdir(folder);
    munmap(shared, bytes);
}

static void one_line(const struct ending *end, int rank, int code, const char *word, const char *another)
{
    assert_int_equal(end->result[rank], code);
    assert_non_null(strstr(end->said[rank], word));
    assert_non_null(strstr(end->said[rank], another));
    assert_ptr_equal(strchr(end->said[rank], '\n'), end->said[rank] + strlen(end->said[rank]) - 1);
}

static void die(struct comm *comm)
{
    (void)comm;
    raise(SIGKILL);
}

static void test_killed_peer(void **state)
{
    (void)state;
    struct ending end = {0};
    need_device();
    const double start = clock_sec();
    play(3, die, 2, &end);
    assert_true(clock_sec() - start < limit_sec);
    assert_int_equal(end.result[2], 128 + SIGKILL);
    one_line(&end, 0, 4, "to rank 2 (", "it died, or the link");
    one_line(&end, 1, 4, "to rank 2 (", "look at its last lines");
}

static void spoil_key(struct comm *comm)
{
    struct verbs *v = (struct verbs *)comm->transport;
    v->peers[1].key ^= 0x5a5a00;
}

static void test_wrong_key(void **state)
{
    (void)state;
    struct ending end = {0};
    need_device();
    const double start = clock_sec();
    play(2, spoil_key, 0, &end);
    assert_true(clock_sec() - start < limit_sec);
    one_line(&end, 0, 1, "to rank 1 (", "(rkey)");
    assert_true(end.result[1] == 1 || end.result[1] == 4);
    assert_non_null(strstr(end.said[1], "rank 0"));
}

/* By a child: it may have to wait until the ranks have let go. */
static void delete_link(struct comm *comm)
{
    (void)comm;
    if (fork() == 0) {
        execlp("rdma", "rdma", "link", "delete", "rxe0", (char *)NULL);
        _exit(1);
    }
}

static void test_deleted_link(void **state)
{
    (void)state;
    struct ending end = {0};
    need_guest();
    const double start = clock_sec();
    play(2, delete_link, 1, &end);
    const double took = clock_sec() - start;
    assert_int_equal(system("sleep 1; rdma link | grep -q rxe0 || /bin/bash /run/vm/device.sh"), 0);
    assert_true(took < limit_sec);
    one_line(&end, 0, 4, "rxe0:1 on vm1 is gone", "rank 1");
    one_line(&end, 1, 4, "rxe0:1 on vm1 is gone", "rank 0");
}

static void take_down(struct comm *comm)
{
    (void)comm;
    if (system("ip link set dummy0 down") != 0)
        abort();
}

static void test_link_down(void **state)
{
    (void)state;
    struct ending end = {0};
    need_guest();
    const double start = clock_sec();
    play(2, take_down, 1, &end);
    const double took = clock_sec() - start;
    assert_int_equal(system("ip link set dummy0 up; sleep 1"), 0);
    assert_true(took < limit_sec);
    one_line(&end, 0, 4, "rxe0:1 on vm1 went down", "rank 1");
    one_line(&end, 1, 4, "rxe0:1 on vm1 went down", "rank 0");
}

static int open_as(struct job *job, const struct comm_config *config)
{
    struct comm *comm;
    return rb_exit_code(comm_open(&comm, job, config));
}

static int open_with_little_memory(struct job *job, void *path)
{
    drop_stderr_into(path);
    const struct rlimit little = { 65536, 65536 };
    if (setrlimit(RLIMIT_MEMLOCK, &little) != 0 || setuid(65534) != 0)
        return 99;
    return open_as(job, &(struct comm_config){ .transport = "verbs" });
}

static int open_mistyped(struct job *job, void *path)
{
    drop_stderr_into(path);
    return open_as(job, &(struct comm_config){ .transport = "verbs", .device = "rxe1" });
}

static void says(const char *path, const char *word)
{
    struct text all = {0};
    assert_int_equal(text_read_file(&all, path, 1 << 20), RB_OK);
    print_message("%s\n", all.chars);
    assert_non_null(strstr(all.chars, word));
    text_free(&all);
    unlink(path);
}

static void test_locked_memory(void **state)
{
    (void)state;
    char path[] = "/tmp/rb-locked";
    need_guest();
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fclose(f);
    chmod(path, 0666);
    assert_int_equal(ranks_as_processes(2, open_with_little_memory, path), 6);
    says(path, "ulimit -l unlimited");
}

static void test_mistyped_device(void **state)
{
    (void)state;
    char path[] = "/tmp/rb-mistyped";
    need_guest();
    assert_int_equal(ranks_as_processes(2, open_mistyped, path), 6);
    says(path, "--device rxe1: there is no such device; did you mean rxe0?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_peer),   cmocka_unit_test(test_wrong_key),       cmocka_unit_test(test_locked_memory),
        cmocka_unit_test(test_mistyped_device), cmocka_unit_test(test_link_down),     cmocka_unit_test(test_deleted_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
