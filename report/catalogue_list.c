/* `ringbench limits --list`: the catalogue for people, and as the file that --catalogue takes. */
#include "report/catalogue_fields.h"

#include "core/csv.h"
#include "report/sheet.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct sheet_column columns[] = {
    { "model", "model", NULL, SHEET_TEXT },
    { "dense_bf16_tflops", "16-bit", "TFLOP/s", SHEET_NUMBER },
    { "measured_tflops", "GEMM", "TFLOP/s", SHEET_NUMBER },
    { "fp16_fp16acc_tflops", "FP16acc", "TFLOP/s", SHEET_NUMBER },
    { "dense_fp8_tflops", "FP8", "TFLOP/s", SHEET_NUMBER },
    { "memory_GB", "mem", "GB", SHEET_NUMBER },
    { "memory_GBps", "mem bw", "GB/s", SHEET_NUMBER },
    { "scaleup_unidir_GBps", "link", "GB/s", SHEET_NUMBER },
    { "scaleup_effective_GBps", "effect.", "GB/s", SHEET_NUMBER },
    { "scaleup_per_peer_GBps", "a peer", "GB/s", SHEET_NUMBER },
    { "scaleup_max_gpus", "GPUs", NULL, SHEET_NUMBER },
    { "pcie_unidir_GBps", "PCIe", "GB/s", SHEET_NUMBER },
    { "price_usd", "price", "USD", SHEET_NUMBER },
};

static void put(struct sheet *s, const char *column, struct datum f)
{
    sheet_weak(s, column, f.value, f.weak);
}

static double measured16(const struct catalogue *c, const struct gpu *g)
{
    const struct gemm *bf16 = catalogue_gemm(c, g, "bf16"), *fp16 = catalogue_gemm(c, g, "fp16"), *best = bf16 != NULL ? bf16 : fp16;
    return best != NULL ? best->measured_tflops.value : NAN;
}

static void list_gpu(struct sheet *s, const struct catalogue *c, const struct gpu *g)
{
    sheet_row(s);
    sheet_text(s, "model", "%s", g->model);
    put(s, "dense_bf16_tflops", gpu_dense16(g));
    sheet_number(s, "measured_tflops", measured16(c, g));
    put(s, "fp16_fp16acc_tflops", g->fp16_fp16acc_tflops);
    put(s, "dense_fp8_tflops", g->dense_fp8_tflops);
    put(s, "memory_GB", g->memory_GB);
    put(s, "memory_GBps", g->memory_GBps);
    put(s, "scaleup_unidir_GBps", g->unidir_GBps);
    sheet_weak(s, "scaleup_effective_GBps", gpu_effective_GBps(g), g->links.weak);
    put(s, "scaleup_per_peer_GBps", g->per_peer_GBps);
    put(s, "scaleup_max_gpus", g->max_gpus);
    put(s, "pcie_unidir_GBps", g->pcie_unidir_GBps);
    put(s, "price_usd", g->price_usd);
}

static const struct sheet_column nic_columns[] = {
    { "nic", "network card", NULL, SHEET_TEXT },
    { "unidir_GBps", "rate", "GB/s", SHEET_NUMBER },
    { "gpus", "for GPUs", NULL, SHEET_NUMBER },
    { "measured_GBps", "measured", "GB/s", SHEET_NUMBER },
    { "latency_us", "latency", "us", SHEET_NUMBER },
    { "latency_kind", "of", NULL, SHEET_TEXT },
};

static void list_nics(const struct catalogue *c)
{
    struct sheet *s = sheet_new(nic_columns, sizeof nic_columns / sizeof nic_columns[0]);
    for (size_t i = 0; i < c->nnics; i++) {
        const struct nic *n = &c->nics[i];
        sheet_row(s);
        sheet_text(s, "nic", "%s", n->name);
        put(s, "unidir_GBps", n->unidir_GBps);
        put(s, "gpus", n->gpus);
        put(s, "measured_GBps", n->measured_GBps);
        put(s, "latency_us", n->latency_us);
        sheet_text(s, "latency_kind", "%s", n->latency_kind);
    }
    printf("#\n# Network cards (--nic): one direction; latency of the smallest message, one way\n");
    sheet_print_table(s, stdout, 0);
    sheet_free(s);
}

static void print_table(const struct catalogue *c)
{
    printf("# GPU models. Rates: dense, 16-bit = BF16 (else FP16) summed in FP32, FP16acc = FP16 summed in FP16 where faster,\n"
           "# GEMM = the best published 16-bit matrix multiplication.\n"
           "# GB/s = 1e9 bytes per second, one direction: link = all scale-up links of a GPU, effect. = as a collective is planned\n"
           "# with (links x NCCL's rate per link), a peer = to one peer, GPUs = one link domain. ? = one weak source, - = not known.\n");
    struct sheet *s = sheet_new(columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < c->ngpus; i++)
        list_gpu(s, c, &c->gpus[i]);
    sheet_print_table(s, stdout, 0);
    sheet_free(s);
    list_nics(c);
    printf("#\n# --list --format csv prints every column with its source, in the form that --catalogue takes.\n");
}

static void print_datum(FILE *out, const struct datum *f)
{
    if (!isnan(f->value))
        fprintf(out, "%.10g%s", f->value, f->weak ? "?" : "");
}

static void print_csv(const struct catalogue *c)
{
    const struct catalogue_kind *k = &catalogue_kinds[0];
    for (size_t i = 0; i < k->nfields; i++)
        printf("%s%s", i > 0 ? "," : "", k->fields[i].column);
    putchar('\n');
    for (size_t r = 0; r < c->ngpus; r++) {
        const char *row = (const char *)&c->gpus[r];
        for (size_t i = 0; i < k->nfields; i++) {
            if (i > 0)
                putchar(',');
            if (k->fields[i].kind == FIELD_WORDS)
                csv_put(stdout, *(char *const *)(row + k->fields[i].offset));
            else
                print_datum(stdout, (const struct datum *)(row + k->fields[i].offset));
        }
        putchar('\n');
    }
}

static json_t *row_json(const char *row, const struct catalogue_kind *k)
{
    json_t *object = json_object(), *weak = json_array();
    for (size_t i = 0; i < k->nfields; i++) {
        const struct catalogue_field *f = &k->fields[i];
        if (f->kind == FIELD_WORDS) {
            json_object_set_new(object, f->column, json_string(*(char *const *)(row + f->offset)));
            continue;
        }
        const struct datum *v = (const struct datum *)(row + f->offset);
        json_object_set_new(object, f->column, isnan(v->value) ? json_null() : json_real(v->value));
        if (v->weak)
            json_array_append_new(weak, json_string(f->column));
    }
    json_object_set_new(object, "weak", weak);
    return object;
}

static void print_json(const struct catalogue *c)
{
    static const char *const names[CATALOGUE_KINDS] = { "gpus", "nics", "pcie", "measured_flops" };
    json_t *all = json_pack("{s:i, s:s}", "schema", 1, "kind", "catalogue");
    for (size_t i = 0; i < CATALOGUE_KINDS; i++) {
        const struct catalogue_kind *k = &catalogue_kinds[i];
        const char *rows = *(char *const *)((const char *)c + k->rows_at);
        const size_t n = *(const size_t *)((const char *)c + k->count_at);
        json_t *list = json_array();
        for (size_t r = 0; r < n; r++)
            json_array_append_new(list, row_json(rows + r * k->row_bytes, k));
        json_object_set_new(all, names[i], list);
    }
    json_dumpf(all, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(10));
    putchar('\n');
    json_decref(all);
}

void catalogue_print(const struct catalogue *c, const char *format)
{
    if (strcmp(format, "csv") == 0)
        print_csv(c);
    else if (strcmp(format, "json") == 0)
        print_json(c);
    else
        print_table(c);
}
