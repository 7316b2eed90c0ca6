/* `ringbench purchase`: its tables and the command. */
#include "report/purchase.h"

#include "core/error.h"
#include "core/options.h"
#include "report/limits_sources.h"
#include "report/memory_model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct sheet_column serving_columns[] = {
    { "server", "server", NULL, SHEET_TEXT },
    { "split", "split", NULL, SHEET_TEXT },
    { "tensor", NULL, NULL, SHEET_NUMBER },
    { "pipeline", NULL, NULL, SHEET_NUMBER },
    { "as_configured", NULL, NULL, SHEET_TEXT },
    { "capital_usd_hour", NULL, NULL, SHEET_NUMBER },
    { "power_usd_hour", NULL, NULL, SHEET_NUMBER },
    { "rack_usd_hour", NULL, NULL, SHEET_NUMBER },
    { "usd_hour", "cost", "USD/h", SHEET_NUMBER },
    { "batch", "batch", NULL, SHEET_NUMBER },
    { "arithmetic_ms", "stage", "ms", SHEET_NUMBER },
    { "transfer_ms", "transfers", "ms", SHEET_NUMBER },
    { "token_latency_ms", "token", "ms", SHEET_NUMBER },
    { "prompt_tokens_per_s", "a prompt", "tok/s", SHEET_NUMBER },
    { "tokens_per_s", "all", "tok/s", SHEET_NUMBER },
    { "tokens_per_usd_M", "worth", "M tok/USD", SHEET_NUMBER },
    { "weights_GB", NULL, NULL, SHEET_NUMBER },
    { "cache_GB_per_prompt", NULL, NULL, SHEET_NUMBER },
    { "memory_GB", NULL, NULL, SHEET_NUMBER },
    { "fit_batch", "fits", "batch", SHEET_NUMBER },
    { "fit_tokens_per_s", NULL, NULL, SHEET_NUMBER },
    { "fit_tokens_per_usd_M", "worth", "M tok/USD", SHEET_NUMBER },
    { "link", NULL, NULL, SHEET_TEXT },
    { "note", NULL, NULL, SHEET_TEXT },
};

static void memory_cells(struct sheet *sheet, const struct server *s, const struct purchase_settings *set)
{
    sheet_number(sheet, "weights_GB", 2 * set->params / 1e9);
    sheet_number(sheet, "cache_GB_per_prompt", purchase_cache_bytes(set) / 1e9);
    sheet_number(sheet, "memory_GB", s->gpus * s->memory_bytes / 1e9);
}

static void serving_row(struct sheet *sheet, const struct server *s, const struct offer *o)
{
    sheet_row(sheet);
    sheet_text(sheet, "server", "%s", s->name);
    sheet_text(sheet, "split", "%s%s", serving_form_names[o->form], o->as_configured ? " *" : "");
    sheet_number(sheet, "tensor", o->tensor);
    sheet_number(sheet, "pipeline", o->pipeline);
    sheet_text(sheet, "as_configured", "%s", o->as_configured ? "yes" : "no");
    sheet_number(sheet, "capital_usd_hour", cost_capital_hour(&s->cost));
    sheet_number(sheet, "power_usd_hour", cost_power_hour(&s->cost));
    sheet_number(sheet, "rack_usd_hour", cost_rack_hour(&s->cost));
    sheet_number(sheet, "usd_hour", cost_hour(&s->cost));
    sheet_number(sheet, "batch", o->batch);
    sheet_number(sheet, "arithmetic_ms", 1e3 * o->served.stage_s);
    sheet_number(sheet, "transfer_ms", 1e3 * (o->served.tensor_comm_s / o->pipeline + o->served.handover_s));
    sheet_number(sheet, "token_latency_ms", 1e3 * o->served.token_s);
    sheet_number(sheet, "prompt_tokens_per_s", o->served.prompt_tokens_per_s);
    sheet_number(sheet, "tokens_per_s", o->served.tokens_per_s);
    sheet_number(sheet, "tokens_per_usd_M", o->tokens_per_usd / 1e6);
    sheet_number(sheet, "fit_batch", o->fit_batch);
    sheet_number(sheet, "fit_tokens_per_s", o->fit_batch >= 1 ? o->fit_served.tokens_per_s : NAN);
    sheet_number(sheet, "fit_tokens_per_usd_M", o->fit_batch >= 1 ? o->fit_tokens_per_usd / 1e6 : NAN);
    sheet_text(sheet, "link", "%s", s->measured ? "measured" : "nominal");
    sheet_text(sheet, "note", "%s", s->note);
}

struct sheet *purchase_serving_sheet(const struct purchase *p, const struct purchase_settings *s)
{
    struct sheet *sheet = sheet_new(serving_columns, RB_LEN(serving_columns));
    for (size_t i = 0; i < p->count; i++)
        for (int form = 0; form < FORM_COUNT; form++) {
            struct offer o;
            if (!purchase_offer(&o, &p->servers[i], s, (enum serving_form)form))
                continue;
            serving_row(sheet, &p->servers[i], &o);
            memory_cells(sheet, &p->servers[i], s);
        }
    return sheet;
}

static const struct sheet_column training_columns[] = {
    { "server", "server", NULL, SHEET_TEXT },
    { "weights_GB", NULL, NULL, SHEET_NUMBER },
    { "gradients_GB", NULL, NULL, SHEET_NUMBER },
    { "adam_GB", NULL, NULL, SHEET_NUMBER },
    { "activations_GB", NULL, NULL, SHEET_NUMBER },
    { "memory_GB", NULL, NULL, SHEET_NUMBER },
    { "cards_needed", "cards", "needed", SHEET_NUMBER },
    { "servers", "servers", NULL, SHEET_NUMBER },
    { "gpus", "GPUs", NULL, SHEET_NUMBER },
    { "layer_efficiency", "layer", "eff.", SHEET_NUMBER },
    { "pipeline_efficiency", "pipel.", "eff.", SHEET_NUMBER },
    { "days", "time", "days", SHEET_NUMBER },
    { "usd", "cost", "USD", SHEET_NUMBER },
    { "failures_per_day", "failures", "a day", SHEET_NUMBER },
    { "lost_percent", "lost", "%", SHEET_NUMBER },
};

struct sheet *purchase_training_sheet(const struct purchase *p, const struct purchase_settings *s)
{
    struct sheet *sheet = sheet_new(training_columns, RB_LEN(training_columns));
    for (size_t i = 0; i < p->count; i++) {
        const struct training t = purchase_training(&p->servers[i], s);
        sheet_row(sheet);
        sheet_text(sheet, "server", "%s", p->servers[i].name);
        sheet_number(sheet, "weights_GB", 2 * s->params / 1e9);
        sheet_number(sheet, "gradients_GB", 2 * s->params / 1e9);
        sheet_number(sheet, "adam_GB", adam_bytes_per_param() * s->params / 1e9);
        sheet_number(sheet, "activations_GB", (t.memory_bytes - state_bytes(s->params)) / 1e9);
        sheet_number(sheet, "memory_GB", t.memory_bytes / 1e9);
        sheet_number(sheet, "cards_needed", t.cards);
        sheet_number(sheet, "servers", t.servers);
        sheet_number(sheet, "gpus", t.gpus);
        sheet_number(sheet, "layer_efficiency", t.efficiency);
        sheet_number(sheet, "pipeline_efficiency", t.pipeline_efficiency);
        sheet_number(sheet, "days", t.days);
        sheet_number(sheet, "usd", t.usd);
        sheet_number(sheet, "failures_per_day", t.failures_a_day);
        sheet_number(sheet, "lost_percent", 100 * t.lost);
    }
    return sheet;
}

static const struct sheet_column sharding_columns[] = {
    { "server", "server", NULL, SHEET_TEXT },
    { "sharding", "sharding", NULL, SHEET_TEXT },
    { "groups", "groups", NULL, SHEET_NUMBER },
    { "state_GB_per_gpu", "state", "GB/GPU", SHEET_NUMBER },
    { "sent_GB_per_gpu", "sent", "GB/GPU", SHEET_NUMBER },
    { "comm_s", "transfers", "s", SHEET_NUMBER },
    { "step_s", "step", "s", SHEET_NUMBER },
    { "share_percent", "transfers/step", "%", SHEET_NUMBER },
};

struct sheet *purchase_sharding_sheet(const struct purchase *p, const struct purchase_settings *s)
{
    static const char *const names[] = { "DDP", "ZeRO-1", "ZeRO-2", "ZeRO-3" };
    struct sheet *sheet = sheet_new(sharding_columns, RB_LEN(sharding_columns));
    for (size_t i = 0; i < p->count; i++)
        for (int stage = 0; stage < (int)RB_LEN(names); stage++) {
            const struct training t = purchase_training(&p->servers[i], s);
            const struct sharding r = purchase_sharding(&p->servers[i], s, &t, stage);
            sheet_row(sheet);
            sheet_text(sheet, "server", "%s", p->servers[i].name);
            sheet_text(sheet, "sharding", "%s", names[stage]);
            sheet_number(sheet, "groups", t.servers);
            sheet_number(sheet, "state_GB_per_gpu", r.memory_bytes / 1e9);
            sheet_number(sheet, "sent_GB_per_gpu", r.sent_bytes / 1e9);
            sheet_number(sheet, "comm_s", r.comm_s);
            sheet_number(sheet, "step_s", r.step_s);
            sheet_number(sheet, "share_percent", 100 * r.comm_s / r.step_s);
        }
    return sheet;
}

static const char *const views[] = { "all", "serving", "training", "sharding", "sensitivity", NULL };

#define AT(field) OPTION_AT(purchase_settings, field)
static const struct option_row rows[] = {
    { 0, "servers", "", OPTION_TEXT, AT(servers), "servers to compare [the shipped data/servers.csv: the documents']", NULL, 0, 0 },
    { 0, "catalogue", "", OPTION_TEXT, AT(catalogue), "files over the shipped catalogue, with commas between", NULL, 0, 0 },
    { 0, "results", "", OPTION_TEXT, AT(results), "results.jsonl or a log: measured all-reduces instead of the servers' link figures", NULL, 0, 0 },
    { 0, "model", "llama-2-70b", OPTION_TEXT, AT(model), "preset of `ringbench limits --list`", NULL, 0, 0 },
    { 0, "params", NULL, OPTION_NUMBER, AT(params), "parameters [the preset's; 70e9 for llama-2-70b, as the documents round]", NULL, 1, 1e15 },
    { 0, "batch", NULL, OPTION_NUMBER, AT(batch), "prompts at a time [where memory and arithmetic balance]", NULL, 1, 1e6 },
    { 0, "context", "4096", OPTION_NUMBER, AT(context), "tokens of a prompt and its answer (key-value cache)", NULL, 1, 1e8 },
    { 0, "tokens", "2e12", OPTION_NUMBER, AT(tokens), "tokens to train on", NULL, 1, 1e17 },
    { 0, "step-tokens", "4194304", OPTION_NUMBER, AT(step_tokens), "tokens of a training step", NULL, 1, 1e12 },
    { 0, "micro-batch", "8", OPTION_NUMBER, AT(micro_batch), "sequences whose activations are held while training", NULL, 1, 1e6 },
    { 0, "utilisation", "0.3", OPTION_NUMBER, AT(utilisation), "share of the rate that training reaches beside its transfers", NULL, 0.001, 1 },
    { 0, "gpus", NULL, OPTION_NUMBER, AT(gpus), "GPUs to train on, at least [as many as the memory needs]", NULL, 1, 1e7 },
    { 0, "fail-days", "30", OPTION_NUMBER, AT(fail_days), "a card fails once in so many days", NULL, 0.001, 1e6 },
    { 0, "recovery", "10", OPTION_NUMBER, AT(recovery_min), "minutes lost at a failure", NULL, 0, 1e6 },
    { 0, "view", "all", OPTION_CHOICE, AT(view), "which table (csv prints one: serving when all)", views, 0, 0 },
    { 0, "format", "table", OPTION_CHOICE, AT(format), "how it is printed", sheet_formats, 0, 0 },
};
static const struct option_table table = {
    .usage = "ringbench purchase [options]",
    .about = "What servers cost an hour, what they serve and train for it, and which input moves the ranking.",
    .rows = rows,
    .count = RB_LEN(rows),
};

int purchase_defaults(struct purchase_settings *s)
{
    static char name[] = "purchase", *argv[] = { name, NULL };
    bool help;
    *s = (struct purchase_settings){0};
    RB_TRY(options_parse(&table, s, 1, argv, NULL, 0, NULL, &help));
    return purchase_prepare(s);
}

const char *purchase_shipped(struct purchase *p, struct purchase_settings *s, const struct catalogue *c)
{
    if (c == NULL)
        return "there is no GPU catalogue";
    return purchase_defaults(s) == RB_OK && purchase_load(p, NULL, c) == RB_OK ? NULL : "the servers could not be read";
}

int purchase_prepare(struct purchase_settings *s)
{
    RB_TRY(limits_defaults(&s->shape));
    s->shape.model = s->model;
    RB_TRY(limits_prepare(&s->shape));
    if (s->params <= 0)
        s->params = strcmp(s->shape.model_name, "llama-2-70b") == 0 ? 70e9 : s->shape.decoder.params;
    return RB_OK;
}

static struct sheet *(*const sheets[])(const struct purchase *, const struct purchase_settings *) = {
    purchase_serving_sheet, purchase_training_sheet, purchase_sharding_sheet, purchase_sensitivity_sheet,
};

static double training_gigabytes(const struct purchase_settings *s)
{
    const struct layer *l = &s->shape.layer;
    return (state_bytes(s->params) + activations_selective(l->seq, s->micro_batch, l->hidden, s->shape.decoder.layers, 1)) / 1e9;
}

static void print_heading(size_t which, const struct purchase_settings *s)
{
    switch (which) {
    case 0:
        printf("# Serving %s (%.4g G parameters); * as configured. stage: the longer of reading a GPU's weights and its arithmetic;\n"
               "# transfers run beside it. worth: tokens for a dollar; the first as the documents count, any batch fits; the second at the batch\n"
               "# whose weights and caches of %g tokens fit the memory, as many batches under way as stages, at least two.\n",
               s->shape.model_name, s->params / 1e9, s->context);
        return;
    case 1:
        printf("#\n# Training on %.3g tokens needs %.4g GB (16 B a parameter, activations of %g sequences). Time: 6 P T / (GPUs x rate x both\n"
               "# eff. x %.2g), 16-bit rate summed in FP32. A card fails once in %g days and costs %g minutes.\n", s->tokens, training_gigabytes(s),
               s->micro_batch, s->utilisation, s->fail_days, s->recovery_min);
        return;
    case 2:
        printf("#\n# Data parallelism between servers, %.3g tokens a step; sent: one direction, by a GPU, for its share of the model.\n", s->step_tokens);
        return;
    default:
        printf("#\n# Sensitivity of tokens for a dollar as configured, one input of one server changed; the batch follows the balance.\n"
               "# rank turns at: the factor that changes the server's rank.\n");
    }
}

static void print_table(const struct purchase *p, const struct purchase_settings *s)
{
    for (size_t i = 0; i < RB_LEN(sheets); i++) {
        if (strcmp(s->view, "all") != 0 && strcmp(s->view, views[i + 1]) != 0)
            continue;
        struct sheet *sheet = sheets[i](p, s);
        print_heading(i, s);
        sheet_print_table(sheet, stdout, 0);
        sheet_free(sheet);
    }
}

static void print_json(const struct purchase *p, const struct purchase_settings *s)
{
    json_t *all = json_pack("{s:i, s:s, s:s, s:f}", "schema", 1, "kind", "purchase", "model", s->shape.model_name, "params", s->params);
    for (size_t i = 0; i < RB_LEN(sheets); i++) {
        struct sheet *sheet = sheets[i](p, s);
        json_object_set_new(all, views[i + 1], sheet_json(sheet));
        sheet_free(sheet);
    }
    json_dumpf(all, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(all);
}

static void print(const struct purchase *p, const struct purchase_settings *s)
{
    if (strcmp(s->format, "json") == 0) {
        print_json(p, s);
        return;
    }
    if (strcmp(s->format, "table") == 0) {
        print_table(p, s);
        return;
    }
    size_t which = 0;
    for (size_t i = 0; i < RB_LEN(sheets); i++)
        which = strcmp(s->view, views[i + 1]) == 0 ? i : which;
    struct sheet *sheet = sheets[which](p, s);
    sheet_print_csv(sheet, stdout);
    sheet_free(sheet);
}

static int run(const struct purchase_settings *s, const struct catalogue *c)
{
    struct purchase p;
    RB_TRY(purchase_load(&p, s->servers[0] != '\0' ? s->servers : NULL, c));
    int rc = RB_OK;
    if (s->results[0] != '\0') {
        struct limit_sources sources;
        rc = limit_sources_open(&sources, s->results);
        if (rc == RB_OK) {
            rc = purchase_measure(&p, s, c, sources.records);
            limit_sources_close(&sources);
        }
    }
    if (rc == RB_OK)
        print(&p, s);
    purchase_free(&p);
    return rc;
}

int purchase_command(int argc, char **argv)
{
    struct purchase_settings s = {0};
    struct catalogue c;
    bool help;
    int rc = options_parse(&table, &s, argc, argv, NULL, 0, NULL, &help);
    if (rc == RB_OK && help) {
        options_help(&table, stdout);
        return 0;
    }
    if (rc == RB_OK)
        rc = purchase_prepare(&s);
    if (rc == RB_OK)
        rc = catalogue_load(&c, s.catalogue);
    if (rc == RB_OK) {
        rc = run(&s, &c);
        catalogue_free(&c);
    }
    return rb_exit_code(rc);
}
