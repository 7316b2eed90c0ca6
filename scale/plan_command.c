#include "scale/plan_command.h"

#include "core/error.h"
#include "core/options.h"
#include "core/units.h"
#include "report/sheet.h"
#include "scale/draw.h"
#include "scale/training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double GIGA = 1e9, TERA = 1e12;

struct settings {
    const char *model, *cluster, *split, *format, *catalogue;
    double batch, seq, tflops;
    uint64_t rows;
    bool no_zero;
};

#define AT(field) OPTION_AT(settings, field)
static const struct option_row rows[] = {
    { 0, "model", "llama-2-70b", OPTION_TEXT, AT(model), "a published model (ringbench limits --list shows them)", NULL, 0, 0 },
    { 0, "cluster", NULL, OPTION_TEXT, AT(cluster), "8xH800, 128x8xH100 (nodes x GPUs x model), a preset or a file", NULL, 0, 0 },
    { 0, "batch", "0", OPTION_NUMBER, AT(batch), "sequences of a step over all GPUs; 0: about 4 million tokens, a power of two", NULL, 0, 1e7 },
    { 0, "seq", "0", OPTION_NUMBER, AT(seq), "tokens of a sequence; 0: the model's", NULL, 0, 1e7 },
    { 0, "tflops", "0", OPTION_NUMBER, AT(tflops), "matrix products of a GPU; 0: published GEMM rate of it or of an equal GPU, else nominal BF16", NULL, 0, 1e5 },
    { 0, "no-zero", NULL, OPTION_FLAG, AT(no_zero), "every replica keeps all of Adam's state (default: ZeRO stage 1)", NULL, 0, 0 },
    { 0, "split", NULL, OPTION_TEXT, AT(split), "also show this one: TENSORxPIPELINExDATA, all GPUs, like 8x2x64 on 128x8xH100", NULL, 0, 0 },
    { 0, "rows", "10", OPTION_COUNT, AT(rows), "how many splits to show", NULL, 1, 100000 },
    { 0, "catalogue", NULL, OPTION_TEXT, AT(catalogue), "GPU, card or PCIe files over the shipped ones", NULL, 0, 0 },
    { 0, "format", "table", OPTION_CHOICE, AT(format), "how to print", sheet_formats, 0, 0 },
};
static const struct option_table table = {
    "ringbench plan --model llama2-70b --cluster C [options]",
    "Tensor x pipeline x data parallel splits of a training step, fastest first, under the memory limit.", rows, RB_LEN(rows),
};

static const struct sheet_column columns[] = {
    { "tensor", "tensor", NULL, SHEET_NUMBER },      { "pipeline", "pipeline", NULL, SHEET_NUMBER }, { "data", "data", NULL, SHEET_NUMBER },
    { "micro", "micro", "batch", SHEET_NUMBER },     { "recompute", "recompute", NULL, SHEET_TEXT },
    { "memory_GB", "memory", "GB", SHEET_NUMBER },  { "fits", "fits", NULL, SHEET_TEXT },
    { "step_s", "step", "s", SHEET_NUMBER },         { "compute_s", "compute", "s", SHEET_NUMBER },  { "tensor_s", "tensor", "s", SHEET_NUMBER },
    { "handover_s", "hand-over", "s", SHEET_NUMBER }, { "bubble_s", "bubble", "s", SHEET_NUMBER },    { "gradients_s", "gradients", "s", SHEET_NUMBER },
    { "utilisation", "used", "%", SHEET_NUMBER },    { "what", "", NULL, SHEET_TEXT },
};

static void add_row(struct sheet *s, const struct training_time *t, const char *what)
{
    sheet_row(s);
    sheet_number(s, "tensor", t->split.tensor);
    sheet_number(s, "pipeline", t->split.pipeline);
    sheet_number(s, "data", t->split.data);
    sheet_number(s, "micro", t->split.micro);
    sheet_text(s, "recompute", "%s", t->split.recompute ? "all" : "selective");
    sheet_number(s, "memory_GB", t->memory / GIGA);
    sheet_text(s, "fits", "%s", t->fits ? "yes" : "no");
    sheet_number(s, "step_s", t->step);
    sheet_number(s, "compute_s", t->compute);
    sheet_number(s, "tensor_s", t->tensor);
    sheet_number(s, "handover_s", t->handover);
    sheet_number(s, "bubble_s", t->bubble);
    sheet_number(s, "gradients_s", t->gradients);
    sheet_number(s, "utilisation", 100 * t->utilisation);
    sheet_text(s, "what", "%s", what);
}

/* The best micro-batch of a split that was asked for. */
static int add_asked(struct sheet *s, const struct training *t, const char *text)
{
    struct training_split p = { .micro = 1 };
    struct training_time best = { .step = INFINITY };
    char more;
    if (sscanf(text, "%5dx%5dx%5d%c", &p.tensor, &p.pipeline, &p.data, &more) != 3 || p.tensor < 1 || p.pipeline < 1 || p.data < 1)
        return rb_fail(RB_EUSAGE, "--split '%s' is not TENSORxPIPELINExDATA, like 8x2x64", text);
    for (int form = 0; form < 10; form++) {
        p.micro = 1 << form / 2;
        p.recompute = form % 2 == 1;
        if (training_possible(t, &p)) {
            const struct training_time one = training_step(t, &p);
            if (best.step == INFINITY || (one.fits && (!best.fits || one.step < best.step)))
                best = one;
        }
    }
    if (best.step == INFINITY) {
        char *why = training_obstacle(t, &(struct training_split){ p.tensor, p.pipeline, p.data, 1, false });
        const int rc = rb_fail(RB_EUSAGE, "--split %s: %s", text, why);
        free(why);
        return rc;
    }
    add_row(s, &best, "asked for");
    return RB_OK;
}

static const char *plural(double n)
{
    return n == 1 ? "" : "s";
}

static const char *why_more(const struct training *t, const struct training_time *w)
{
    const bool uneven = fmod(t->model->layers, w->split.pipeline) != 0;
    return w->split.recompute && uneven ? "is computed twice and what stages with fewer layers wait" : uneven ? "stages with fewer layers wait" : "is computed twice";
}

static void explain_lack(const struct training *t, const struct training_time *leanest)
{
    const double hold = floor(training_state(t) / t->memory);
    printf("\nno split fits into %.4g GB a GPU: the leanest needs %.4g", t->memory / GIGA, leanest->memory / GIGA);
    if (cluster_gpus(t->cluster) <= hold)
        printf("; weights, gradients and Adam's state alone are %.4g GB, more than %.0f such GPU%s", training_state(t) / GIGA, hold,
               hold == 1 ? " holds" : "s hold together");
    printf("\n");
}

/* Compute, exposed communication, bubble. */
static void explain(const struct training *t, const struct training_time *w)
{
    const double all = w->micro_batches + w->split.pipeline - 1;
    printf("\n%d x tensor, %d x pipeline, %d x data; %g micro-batch%s of %d, %.4g of %.4g GB a GPU:\n", w->split.tensor, w->split.pipeline,
           w->split.data, w->micro_batches, w->micro_batches == 1 ? "" : "es", w->split.micro, w->memory / GIGA, t->memory / GIGA);
    printf("  compute       %.3g s of %.3g s a step, %.0f %%: %.4g TFLOP/s a GPU at matrix products", w->compute, w->step, 100 * w->compute / w->step,
           t->flops / TERA);
    if (w->compute / w->step - w->utilisation > 0.005)
        printf("; %.0f %% without what %s", 100 * w->utilisation, why_more(t, w));
    printf("\n  communication %.3g s exposed: ", w->tensor + w->handover + w->gradients);
    if (w->split.tensor > 1)
        printf("%.3g s all-reduces of %d GPUs over %s, ", w->tensor, w->split.tensor,
               w->split.tensor <= t->cluster->per_node ? t->cluster->link_name : t->cluster->nic_name);
    printf("%.3g s hand-over, %.3g s gradients\n", w->handover, w->gradients);
    printf("  bubble        %.3g s: %d of %g micro-batch time%s of the pipeline stand%s still\n", w->bubble, w->split.pipeline - 1, all, plural(all),
           w->split.pipeline == 2 ? "s" : "");
}

static int print(const struct settings *o, const struct training *t)
{
    struct training_time *list;
    const size_t n = training_rank(t, &list);
    if (n == 0)
        return rb_fail(RB_EUSAGE, "%s cannot be cut over the %d GPUs of %s with %g sequence%s a step; another --batch?", t->model->name,
                       cluster_gpus(t->cluster), t->cluster->name, t->batch, plural(t->batch));
    struct sheet *s = sheet_new(columns, RB_LEN(columns));
    for (size_t i = 0; i < n && i < o->rows; i++)
        add_row(s, &list[i], "");
    int rc = o->split != NULL ? add_asked(s, t, o->split) : RB_OK;
    sheet_hide_empty(s);
    const bool people = strcmp(o->format, "table") == 0;
    if (rc == RB_OK && people) {
        draw_line(t->cluster, stdout);
        printf("%s, %g sequence%s of %g token%s a step\n", t->model->name, t->batch, plural(t->batch), t->seq, plural(t->seq));
    }
    if (rc == RB_OK)
        sheet_print(s, o->format, "plan", NULL);
    if (rc == RB_OK && people && list[0].fits)
        explain(t, &list[0]);
    else if (rc == RB_OK && people)
        explain_lack(t, &list[0]);
    sheet_free(s);
    free(list);
    return rc;
}

static int prepare(const struct settings *o, const struct catalogue *catalogue, struct training *t)
{
    RB_TRY(training_usual(t, catalogue, o->model));
    if (fmod(o->seq, 1) != 0)
        return rb_fail(RB_EUSAGE, "--seq %g: tokens are whole", o->seq);
    if (o->seq > 0) {
        t->seq = o->seq;
        t->batch = training_usual_batch(o->seq);
    }
    if (fmod(o->batch, 1) != 0)
        return rb_fail(RB_EUSAGE, "--batch %g: sequences are whole", o->batch);
    t->batch = o->batch > 0 ? o->batch : t->batch;
    t->flops = o->tflops > 0 ? o->tflops * TERA : t->flops;
    t->zero = !o->no_zero;
    return training_check(t);
}

static int run(const struct settings *o, const struct catalogue *catalogue, const struct links *links)
{
    struct cluster c;
    RB_TRY(cluster_load(&c, o->cluster, catalogue, links));
    struct training t = { .cluster = &c };
    int rc = prepare(o, catalogue, &t);
    if (rc == RB_OK)
        rc = print(o, &t);
    cluster_free(&c);
    return rc;
}

int plan_command(int argc, char **argv)
{
    struct settings o = {0};
    struct catalogue catalogue;
    struct links links;
    bool help;
    RB_TRY(options_parse(&table, &o, argc, argv, NULL, 0, NULL, &help));
    if (help) {
        options_help(&table, stdout);
        return RB_OK;
    }
    if (o.cluster == NULL)
        return rb_fail(RB_EUSAGE, "plan needs --cluster, like 8xH800 or 128x8xH100; ringbench simulate --list shows those with a name");
    RB_TRY(catalogue_load(&catalogue, o.catalogue));
    int rc = links_load(&links);
    if (rc == RB_OK) {
        rc = run(&o, &catalogue, &links);
        links_free(&links);
    }
    catalogue_free(&catalogue);
    return rc;
}
