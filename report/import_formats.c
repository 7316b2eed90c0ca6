#include "report/import_read.h"

#include "core/error.h"

extern const struct import_format import_nccl_tests;
extern const struct import_format import_nccl_json;
extern const struct import_format import_nvbandwidth;
extern const struct import_format import_nvbandwidth_json;
extern const struct import_format import_p2p;
extern const struct import_format import_topo;
extern const struct import_format import_nvlink_status;
extern const struct import_format import_latency_csv;
extern const struct import_format import_published;

const struct import_format *const import_formats[] = {
    &import_nccl_tests, &import_nccl_json, &import_nvbandwidth,   &import_nvbandwidth_json, &import_p2p,
    &import_topo,       &import_nvlink_status, &import_latency_csv, &import_published,
};

const size_t import_format_count = RB_LEN(import_formats);
