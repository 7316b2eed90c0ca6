/* report/import_nvbandwidth.h - what nvbandwidth's testcases mean, for its text and its JSON.
 *
 * A testcase's name and the line that describes its matrix tell who sends to whom. "GPU(row) <- GPU(column)" is read as
 * printed: the data move from the column's GPU to the row's. In bidirectional tests the copy engines' figure is one
 * direction while the other is busy too; the kernels' (SM) figure was the sum of both until the matrices _read1, _read2 and
 * _total replaced it. */
#ifndef RB_REPORT_IMPORT_NVBANDWIDTH_H
#define RB_REPORT_IMPORT_NVBANDWIDTH_H

#include "report/import_read.h"

enum nvb_shape { NVB_FROM_HOST, NVB_TO_HOST, NVB_PAIRS, NVB_PAIRS_BACK, NVB_ALL_TO_ONE, NVB_ONE_TO_ALL, NVB_LOCAL, NVB_OTHER };

struct nvb_test {
    char name[56];
    char engine[4];
    enum nvb_shape shape;
    bool latency; /* nanoseconds */
    bool both_ways, loaded;
};

struct nvb_test nvb_understand(const char *name, const char *description);
/* One cell; NAN and the diagonal's 0.00 are no figures and not added. Returns whether it was. */
bool nvb_add(struct import_reader *reader, const struct nvb_test *test, size_t line, const size_t at[2], double value);

/* CUDART_VERSION in s->cuda becomes a version: "11080" -> "11.8". */
void nvb_cuda_version(struct import_source *s);

#endif
