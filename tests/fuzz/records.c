/* Any bytes as results.jsonl, strictly and tolerantly; what is read is written and read again. */
#include "report/records.h"

#include "core/error.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_bytes(struct records *r, const void *data, size_t size, bool tolerant)
{
    const int file = memfd_create("results.jsonl", 0);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (file < 0 || write(file, data, size) != (ssize_t)size)
        abort();
    const int rc = records_read(r, path, tolerant);
    close(file);
    return rc;
}

static void read_again(const struct records *r)
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&bytes, &size);
    for (size_t i = 0; i < r->ncases; i++) {
        json_t *j = record_case_json(&r->cases[i]);
        json_object_set_new(j, "schema", json_integer(RECORD_SCHEMA));
        json_object_set_new(j, "kind", json_string("case"));
        if (json_dumpf(j, f, JSON_COMPACT) == 0)
            fputc('\n', f);
        json_decref(j);
    }
    fclose(f);
    struct records again;
    if (r->ncases > 0) {
        if (read_bytes(&again, bytes, size, false) != RB_OK || again.ncases != r->ncases)
            abort();
        records_free(&again);
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct records r;
    if (read_bytes(&r, data, size, false) == RB_OK)
        records_free(&r);
    if (read_bytes(&r, data, size, true) == RB_OK) {
        read_again(&r);
        records_free(&r);
    }
    return 0;
}
