/* `ringbench limits`: its tables and the command. */
#include "report/limits_options.h"

#include "core/error.h"
#include "report/limits_network.h"
#include "report/limits_sources.h"
#include "report/presets.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double GIGA = 1e9, TERA = 1e12;

static const struct sheet_column limit_columns[] = {
    { "gpu", "GPU", NULL, SHEET_TEXT },
    { "link", NULL, NULL, SHEET_TEXT },
    { "over", "link", NULL, SHEET_SHOWN },
    { "flops_T", "F", "TFLOP/s", SHEET_NUMBER },
    { "bandwidth_GBps", "W", "GB/s", SHEET_NUMBER },
    { "bandwidth_effective_GBps", NULL, "GB/s", SHEET_NUMBER },
    { "bandwidth_per_peer_GBps", NULL, "GB/s", SHEET_NUMBER },
    { "required_flop_per_byte", "F/W", "FLOP/B", SHEET_NUMBER },
    { "required_flop_per_byte_low", NULL, NULL, SHEET_NUMBER },
    { "required_flop_per_byte_high", NULL, NULL, SHEET_NUMBER },
    { "offered_flop_per_byte", NULL, NULL, SHEET_NUMBER },
    { "limit_document", NULL, NULL, SHEET_NUMBER },
    { "limit_document_low", NULL, NULL, SHEET_NUMBER },
    { "limit_document_high", NULL, NULL, SHEET_NUMBER },
    { "limit_document_fp16acc", NULL, NULL, SHEET_NUMBER },
    { "document", "document", NULL, SHEET_SHOWN },
    { "limit_layer", NULL, NULL, SHEET_NUMBER },
    { "limit_layer_low", NULL, NULL, SHEET_NUMBER },
    { "limit_layer_high", NULL, NULL, SHEET_NUMBER },
    { "layer", "layer", NULL, SHEET_SHOWN },
    { "limit_measured", NULL, NULL, SHEET_NUMBER },
    { "limit_measured_low", NULL, NULL, SHEET_NUMBER },
    { "limit_measured_high", NULL, NULL, SHEET_NUMBER },
    { "measured", "measured", NULL, SHEET_SHOWN },
    { "usable", "use", NULL, SHEET_NUMBER },
    { "efficiency_at_usable", NULL, NULL, SHEET_NUMBER },
    { "share", "eff.", NULL, SHEET_SHOWN },
    { "domain", NULL, NULL, SHEET_NUMBER },
    { "binds", "binds", NULL, SHEET_TEXT },
    { "evidence", NULL, NULL, SHEET_TEXT },
};

static const char *count_text(char out[16], double v)
{
    char number[SHEET_NUMBER_TEXT];
    snprintf(out, 16, "%s", v == LAYER_MOST ? ">=" : ""); /* where the search stops */
    if (v < 10 && v != floor(v))
        snprintf(out + strlen(out), 16 - strlen(out), "%.1f", v);
    else
        snprintf(out + strlen(out), 16 - strlen(out), "%.10s", sheet_number_text(number, floor(v)));
    return out;
}

/* "11 (9.2-14)", and a mark behind it. */
static void put_range(struct sheet *s, const char *column, struct limit_range r, const char *mark)
{
    char a[16], b[16], c[16];
    if (isnan(r.value))
        sheet_text(s, column, "-");
    else if (isnan(r.low) || (r.low == r.value && r.high == r.value))
        sheet_text(s, column, "%s%s", count_text(a, r.value), mark);
    else
        sheet_text(s, column, "%s (%s-%s)%s", count_text(a, r.value), count_text(b, r.low), count_text(c, r.high), mark);
}

static void put_numbers(struct sheet *s, const char *name, struct limit_range r)
{
    char column[48];
    sheet_number(s, name, r.value);
    snprintf(column, sizeof column, "%s_low", name);
    sheet_number(s, column, r.low);
    snprintf(column, sizeof column, "%s_high", name);
    sheet_number(s, column, r.high);
}

static void put_names(struct sheet *sheet, const struct limit *l)
{
    sheet_row(sheet);
    sheet_text(sheet, "gpu", "%s", l->gpu_name);
    sheet_text(sheet, "link", "%s", l->link_name);
}

static void limit_row(struct sheet *sheet, const struct limit *l, const struct limit_settings *s)
{
    const double effective = isnan(l->Bps_effective) ? l->Bps_nominal : l->Bps_effective;
    put_names(sheet, l);
    sheet_text(sheet, "over", "%s", l->link == LIMIT_NIC && l->gpu != NULL ? "card" : l->link_name);
    sheet_weak(sheet, "flops_T", l->flops_nominal / TERA, l->weak);
    sheet_weak(sheet, "bandwidth_GBps", l->Bps_nominal / GIGA, l->weak);
    sheet_number(sheet, "bandwidth_effective_GBps", l->Bps_effective / GIGA);
    sheet_number(sheet, "bandwidth_per_peer_GBps", l->per_peer_Bps / GIGA);
    const struct limit_range need = { l->flops.low / l->Bps_nominal, l->flops_nominal / l->Bps_nominal, l->flops.high / effective };
    put_numbers(sheet, "required_flop_per_byte", need);
    sheet_number(sheet, "offered_flop_per_byte", 2 * 3 * s->layer.hidden / s->bytes / fmax(2, l->usable));
    put_numbers(sheet, "limit_document", l->document);
    sheet_number(sheet, "limit_document_fp16acc", l->document_fp16acc);
    put_range(sheet, "document", l->document, "");
    put_numbers(sheet, "limit_layer", l->layer);
    put_range(sheet, "layer", l->layer, "");
    put_numbers(sheet, "limit_measured", l->measured);
    put_range(sheet, "measured", l->measured, l->simulated ? " sim" : "");
    sheet_number(sheet, "usable", l->usable);
    sheet_number(sheet, "efficiency_at_usable", l->at_usable);
    if (!isnan(l->at_usable))
        sheet_text(sheet, "share", "%.0f %%", 100 * l->at_usable);
    sheet_number(sheet, "domain", l->domain);
    sheet_text(sheet, "binds", "%s", l->binds);
    sheet_text(sheet, "evidence", "%s", l->evidence);
}

struct sheet *limits_sheet(const struct limits *l, const struct limit_settings *s)
{
    struct sheet *sheet = sheet_new(limit_columns, RB_LEN(limit_columns));
    for (size_t i = 0; i < l->count; i++)
        limit_row(sheet, &l->list[i], s);
    sheet_hide_empty(sheet);
    return sheet;
}

enum { CURVE_MOST = 64 };

static const struct sheet_column curve_columns[] = {
    { "gpu", "GPU", NULL, SHEET_TEXT },
    { "link", "link", NULL, SHEET_TEXT },
    { "t", "t", NULL, SHEET_NUMBER },
    { "efficiency", "efficiency", NULL, SHEET_NUMBER },
    { "in_domain", "in domain", NULL, SHEET_TEXT },
};

struct sheet *limits_curve_sheet(const struct limits *l, const struct limit_settings *s)
{
    struct sheet *sheet = sheet_new(curve_columns, RB_LEN(curve_columns));
    for (size_t i = 0; i < l->count; i++)
        for (double t = 1; t <= CURVE_MOST && l->list[i].gpu != NULL; t++) {
            const double e = limit_efficiency(&l->list[i], s, t);
            if (isnan(e))
                continue;
            put_names(sheet, &l->list[i]);
            sheet_number(sheet, "t", t);
            sheet_number(sheet, "efficiency", e);
            sheet_text(sheet, "in_domain", "%s", t <= l->list[i].domain ? "yes" : "no");
        }
    return sheet;
}

static const struct sheet_column split_columns[] = {
    { "gpu", "GPU", NULL, SHEET_TEXT },
    { "link", "link", NULL, SHEET_TEXT },
    { "split", "split", NULL, SHEET_TEXT },
    { "t", "t", NULL, SHEET_NUMBER },
    { "volume_MB", "sent by a GPU", "MB", SHEET_NUMBER },
    { "compute_ms", "arithmetic", "ms", SHEET_NUMBER },
    { "transfer_ms", "transfer", "ms", SHEET_NUMBER },
    { "latency_ms", "latency", "ms", SHEET_NUMBER },
    { "efficiency", "efficiency", NULL, SHEET_NUMBER },
};

static void split_row(struct sheet *sheet, const struct limit *l, const struct limit_settings *s, enum layer_split split, double t)
{
    const struct layer_setup setup = { s->layer, l->model, l->flops.value, s->overlap, split };
    const struct layer_time r = layer_time(&setup, t);
    put_names(sheet, l);
    sheet_text(sheet, "split", "%s", layer_split_names[split]);
    sheet_number(sheet, "t", t);
    sheet_number(sheet, "volume_MB", split_volume(split, &s->layer, t) / 1e6);
    sheet_number(sheet, "compute_ms", 1e3 * r.compute_s);
    sheet_number(sheet, "transfer_ms", 1e3 * r.transfer_s);
    sheet_number(sheet, "latency_ms", 1e3 * r.latency_s);
    sheet_number(sheet, "efficiency", r.efficiency);
}

struct sheet *limits_split_sheet(const struct limits *l, const struct limit_settings *s)
{
    static const double sizes[] = { 4, 8, 16, 32, 64 };
    struct sheet *sheet = sheet_new(split_columns, RB_LEN(split_columns));
    for (size_t i = 0; i < l->count; i++)
        for (int split = 0; split < SPLIT_COUNT && l->list[i].gpu != NULL; split++)
            for (size_t k = 0; k < RB_LEN(sizes); k++)
                if (split_fits((enum layer_split)split, sizes[k]) && sizes[k] <= fmax(l->list[i].domain, 8))
                    split_row(sheet, &l->list[i], s, (enum layer_split)split, sizes[k]);
    return sheet;
}

static void print_model(const struct limit_settings *s)
{
    const struct layer *m = &s->layer;
    if (s->inference)
        printf("# Decoding with %s: %.4g G parameters of %g B, %g layers, hidden %g; 2 transfers a layer;\n# batch %s\n", s->model_name,
               s->decoder.params / 1e9, s->decoder.weight_bytes, s->decoder.layers, m->hidden,
               s->batch > 0 ? "as given" : "where memory and arithmetic balance: F / memory bandwidth");
    else
        printf("# Training %s: hidden %g, %g heads (%g key/value), feed-forward %g%s, sequence %g,\n# micro-batch %g, %g B an element\n",
               s->model_name, m->hidden, m->heads, m->kv_heads, m->ffn, m->gated ? " gated" : "", m->seq, m->batch, m->bytes);
}

static void print_heading(const struct limit_settings *s)
{
    print_model(s);
    if (strcmp(s->view, "limits") != 0) {
        printf("# GB = 1e9 bytes, MB = 1e6. Sent by a GPU: one direction, one layer, forward and backward.\n"
               "# efficiency = arithmetic / (arithmetic + exposed communication)%s%s\n", strcmp(s->view, "curve") == 0 ? "; split " : "",
               strcmp(s->view, "curve") == 0 ? s->split : "");
        return;
    }
    printf("# Limits: GPUs that may share a layer before communication takes more than %.0f %% of the time; low-high in brackets.\n"
           "#   document  t <= 2*3*h/bytes / (F/W), nominal figures        layer  a whole layer: arithmetic, transfers, latency\n"
           "#   measured  the same with a fitted all-reduce of that GPU   use    power of two within limit, link domain, heads\n"
           "#             (sim: the records are simulated, not measured)\n"
           "# F: dense 16-bit, %s accumulation. W: one direction, all links of a GPU. GB = 1e9 bytes. ? = one weak source.\n"
           "# binds: what stops twice as many (compute: the domain ends first, the link is no limit). card: %s.\n",
           100 * (1 - s->efficiency), s->accumulate, s->nic);
}

static void print_fp16acc(const struct limits *l)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct limit *k = &l->list[i];
        char rate[SHEET_NUMBER_TEXT], limit[SHEET_NUMBER_TEXT];
        if (k->link != LIMIT_NIC && !isnan(k->document_fp16acc) && k->flops_nominal < k->flops_fp16acc)
            printf("# %s summing in FP16: F %s TFLOP/s, document %s over %s\n", k->gpu_name, sheet_number_text(rate, k->flops_fp16acc / TERA),
                   sheet_number_text(limit, k->document_fp16acc), k->link_name);
    }
}

static void print_evidence(const struct limits *l, bool simulated)
{
    bool first = true;
    for (size_t i = 0; i < l->count; i++) {
        char line[480];
        if (l->list[i].evidence[0] == '\0' || l->list[i].simulated != simulated)
            continue;
        if (first)
            printf("# %s:\n", simulated ? "Simulated, not measured, on" : "Measured on");
        first = false;
        snprintf(line, sizeof line, "%s over %s: %s", l->list[i].gpu_name, l->list[i].link_name, l->list[i].evidence);
        sheet_print_paragraph(stdout, "#   ", line, 400);
    }
}

static void print_network(const struct limits *l)
{
    if (l->nnetwork == 0)
        return;
    struct sheet *sheet = limits_network_sheet(l);
    printf("#\n# Between hosts, a GPU each, as measured, beside the node's links: GPUs that may share the training by tensor, pipeline\n"
           "# (its bubble left out) and data parallel (gradients summed after every micro-batch)\n");
    sheet_print_table(sheet, stdout, 0);
    sheet_free(sheet);
}

static int print_all(const struct limits *l, const struct limit_settings *s)
{
    const bool curve = strcmp(s->view, "curve") == 0, splits = strcmp(s->view, "splits") == 0;
    struct sheet *sheet = curve ? limits_curve_sheet(l, s) : splits ? limits_split_sheet(l, s) : limits_sheet(l, s);
    json_t *extra = json_object();
    options_echo(&limits_options, s, limits_echo_json, extra);
    json_t *members = json_pack("{s:o}", "settings", extra);
    if (!curve && !splits) {
        struct sheet *curves = limits_curve_sheet(l, s);
        json_object_set_new(members, "curves", sheet_json(curves));
        sheet_free(curves);
        struct sheet *network = limits_network_sheet(l);
        json_object_set_new(members, "network", sheet_json(network));
        sheet_free(network);
    }
    if (strcmp(s->format, "table") == 0)
        print_heading(s);
    sheet_print(sheet, s->format, curve ? "limit_curve" : splits ? "limit_split" : "limit", members);
    if (strcmp(s->format, "table") == 0 && !curve && !splits) {
        print_fp16acc(l);
        print_evidence(l, false);
        print_evidence(l, true);
        print_network(l);
    }
    json_decref(members);
    sheet_free(sheet);
    return RB_OK;
}

static void print_presets(void)
{
    struct sheet *sheet = presets_sheet();
    printf("#\n# Models (--model): hidden size, heads, key and value heads, feed-forward width, sequence\n");
    sheet_print_table(sheet, stdout, 0);
    sheet_free(sheet);
}

static int run(const struct limit_settings *s)
{
    struct catalogue c;
    RB_TRY(catalogue_load(&c, s->catalogue));
    if (s->list) {
        catalogue_print(&c, s->format);
        if (strcmp(s->format, "table") == 0)
            print_presets();
        catalogue_free(&c);
        return RB_OK;
    }
    struct limits l = {0};
    struct limit_sources sources = {0};
    int rc = limit_sources_open(&sources, s->results);
    if (rc == RB_OK)
        rc = limits_make(&l, s, &c, sources.records);
    if (rc == RB_OK)
        rc = print_all(&l, s);
    limits_free(&l);
    limit_sources_close(&sources);
    catalogue_free(&c);
    return rc;
}

int limits_command(int argc, char **argv)
{
    struct limit_settings s = {0};
    bool help;
    int rc = options_parse(&limits_options, &s, argc, argv, NULL, 0, NULL, &help);
    if (rc == RB_OK && help) {
        options_help(&limits_options, stdout);
        return 0;
    }
    if (rc == RB_OK)
        rc = limits_prepare(&s);
    if (rc == RB_OK)
        rc = run(&s);
    return rb_exit_code(rc);
}
