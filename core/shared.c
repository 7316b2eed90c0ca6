#include "core/shared.h"

#include "core/error.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What a rank tells the others about its segment. */
struct offer {
    char path[200];
    uint64_t bytes;
    int32_t pid;
    int32_t result;
    void *base; /* where its owner has mapped it: ranks that are threads use the same address, so that race detectors see them */
};

static int offer_memfd(struct offer *o, size_t bytes)
{
    const int fd = memfd_create("ringbench", MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    if (ftruncate(fd, (off_t)bytes) != 0) {
        close(fd);
        return -1;
    }
    snprintf(o->path, sizeof o->path, "/proc/%d/fd/%d", (int)getpid(), fd);
    return fd;
}

/* Room is claimed at once: a full file system must be an error here, not a SIGBUS later. */
static int offer_file(struct offer *o, const char *folder, size_t bytes)
{
    snprintf(o->path, sizeof o->path, "%s/ringbench-XXXXXX", folder);
    const int fd = mkostemp(o->path, O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (posix_fallocate(fd, 0, (off_t)bytes) == 0)
        return fd;
    unlink(o->path);
    close(fd);
    return -1;
}

static const char *temporary_folder(void)
{
    const char *folder = getenv("TMPDIR");
    return folder != NULL ? folder : "/tmp";
}

static void *map(const char *path, size_t bytes)
{
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (p == MAP_FAILED)
        return NULL;
    madvise(p, bytes, MADV_HUGEPAGE); /* fewer page faults and translations where the kernel allows it; no matter if not */
    return p;
}

static int map_all(struct shared *s, const struct offer *all)
{
    for (int r = 0; r < s->nranks; r++) {
        if (all[r].result != RB_OK)
            return all[r].result;
        s->bytes[r] = all[r].bytes;
        s->borrowed[r] = r != s->rank && all[r].pid == (int32_t)getpid();
        s->base[r] = r == s->rank || s->borrowed[r] ? all[r].base : map(all[r].path, s->bytes[r]);
        if (s->base[r] == NULL)
            return RB_EINTERNAL;
    }
    return RB_OK;
}

enum way { WAY_MEMFD, WAY_SHM, WAY_TMP, WAY_COUNT };

static int try_way(struct shared *s, struct job *job, size_t bytes, enum way way)
{
    struct offer mine = { .bytes = bytes, .pid = (int32_t)getpid() }, *all = rb_malloc((size_t)job->nranks * sizeof *all);
    const int fd = way == WAY_MEMFD ? offer_memfd(&mine, bytes) : offer_file(&mine, way == WAY_SHM ? "/dev/shm" : temporary_folder(), bytes);
    mine.base = fd < 0 ? NULL : map(mine.path, bytes);
    mine.result = mine.base == NULL ? RB_EINTERNAL : RB_OK;
    int rc = job_allgather(job, &mine, all, sizeof mine);
    if (rc == RB_OK)
        rc = job_agree(job, map_all(s, all));
    if (way != WAY_MEMFD && fd >= 0)
        unlink(mine.path);
    if (fd >= 0)
        close(fd);
    free(all);
    return rc;
}

int shared_open(struct shared *s, struct job *job, size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    bytes = (bytes + page - 1) / page * page;
    bytes = bytes > 0 ? bytes : page;
    const size_t n = (size_t)job->nranks;
    for (int way = 0; way < WAY_COUNT; way++) {
        *s = (struct shared){ job->nranks, job->rank, rb_calloc(n, sizeof *s->base), rb_calloc(n, sizeof *s->bytes),
                              rb_calloc(n, sizeof *s->borrowed) };
        if (try_way(s, job, bytes, (enum way)way) == RB_OK)
            return RB_OK;
        shared_close(s);
    }
    return rb_fail(RB_EINTERNAL, "rank %d: cannot share %zu bytes with the other ranks (tried memfd, /dev/shm and %s)", job->rank, bytes,
                   temporary_folder());
}

void shared_close(struct shared *s)
{
    for (int r = 0; r < s->nranks; r++)
        if (s->base[r] != NULL && !s->borrowed[r])
            munmap(s->base[r], s->bytes[r]);
    free(s->base);
    free(s->bytes);
    free(s->borrowed);
    *s = (struct shared){0};
}
