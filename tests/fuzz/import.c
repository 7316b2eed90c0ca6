/* Any bytes as a log: every importer, and what is made of the records. */
#include "report/import.h"

#include "core/error.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(json_t *j)
{
    char *text = json_dumps(j, JSON_COMPACT);
    if (text == NULL)
        abort();
    free(text);
    json_decref(j);
}

/* What is imported can be written, and is within the arrays it claims. */
static void use(const struct import *im)
{
    for (size_t i = 0; i < im->nsources; i++) {
        const struct import_source *s = &im->sources[i];
        if (s->first_case + s->ncases > im->records.ncases || s->first_link + s->nlinks > im->nlinks)
            abort();
        check(import_source_json(s));
    }
    for (size_t i = 0; i < im->records.ncases && i < 100; i++)
        check(record_case_json(&im->records.cases[i]));
    for (size_t i = 0; i < im->nlinks && i < 100; i++)
        check(import_link_json(im, &im->links[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct import im = { .hints = { .collective = size % 2 == 0 ? "all_reduce" : NULL, .ranks = size % 3 == 0 ? 8 : 0 } };
    char *bytes = malloc(size + 1); /* of its exact size, so that a read behind it is seen */
    if (bytes == NULL)
        return 0;
    memcpy(bytes, data, size);
    const int rc = import_memory(&im, "fuzz.log", bytes, size);
    if (rc != RB_OK && im.nsources + im.records.ncases + im.nlinks > 0)
        abort(); /* a refused file leaves nothing behind */
    use(&im);
    import_free(&im);
    free(bytes);
    return 0;
}
