/* The study of training: how far tensor, pipeline and data parallel go on a cluster, and what the best split of a step spends. */
#include "scale/study_training.h"

#include "core/error.h"
#include "core/text.h"
#include "report/sheet.h"
#include "scale/simulate_options.h"
#include "scale/training.h"

#include <stdlib.h>
#include <string.h>

static const struct sheet_column columns[] = {
    { "cluster", "cluster", NULL, SHEET_TEXT },      { "model", "model", NULL, SHEET_TEXT },         { "gpus", "GPUs", NULL, SHEET_NUMBER },
    { "tensor", "tensor", NULL, SHEET_NUMBER },      { "pipeline", "pipeline", NULL, SHEET_NUMBER }, { "data", "data", NULL, SHEET_NUMBER },
    { "fits", "fits", NULL, SHEET_TEXT },            { "step_s", "step", "s", SHEET_NUMBER },        { "used", "used", "%", SHEET_NUMBER },
    { "communication", "exposed", "%", SHEET_NUMBER }, { "bubble", "bubble", "%", SHEET_NUMBER },    { "most_tensor", "up to", "tensor", SHEET_NUMBER },
    { "most_pipeline", "up to", "pipeline", SHEET_NUMBER }, { "most_data", "up to", "data", SHEET_NUMBER },
};

static void add_row(struct sheet *s, const struct training *t, const struct training_time *w, const struct training_limits *most)
{
    sheet_row(s);
    sheet_text(s, "cluster", "%s", t->cluster->name);
    sheet_text(s, "model", "%s", t->model->name);
    sheet_number(s, "gpus", cluster_gpus(t->cluster));
    sheet_number(s, "tensor", w->split.tensor);
    sheet_number(s, "pipeline", w->split.pipeline);
    sheet_number(s, "data", w->split.data);
    sheet_text(s, "fits", "%s", w->fits ? "yes" : "no");
    sheet_number(s, "step_s", w->step);
    sheet_number(s, "used", 100 * w->utilisation);
    sheet_number(s, "communication", 100 * (w->tensor + w->handover + w->gradients) / w->step);
    sheet_number(s, "bubble", 100 * w->bubble / w->step);
    sheet_number(s, "most_tensor", most->tensor);
    sheet_number(s, "most_pipeline", most->pipeline);
    sheet_number(s, "most_data", most->data);
}

static int write_record(FILE *out, const struct training *t, const struct training_time *w, const struct training_limits *most)
{
    json_t *split = json_pack("{si,si,si,si,sb}", "tensor", w->split.tensor, "pipeline", w->split.pipeline, "data", w->split.data, "micro",
                              w->split.micro, "recompute", (int)w->split.recompute);
    json_t *limits = json_pack("{si,si,si}", "tensor", most->tensor, "pipeline", most->pipeline, "data", most->data);
    json_t *plan = json_pack("{ss,ss,ss,si,ss,sb,sf,sf,sf,sf,sf,sf,sf,sf}", "evidence", "simulated", "cluster", t->cluster->name, "gpu",
                             t->cluster->gpu_name, "gpus", cluster_gpus(t->cluster), "model", t->model->name, "fits", (int)w->fits, "tokens",
                             t->batch * t->seq, "memory_GB", w->memory / 1e9, "step_s", w->step, "tensor_s", w->tensor, "handover_s",
                             w->handover, "bubble_s", w->bubble, "gradients_s", w->gradients, "utilisation", w->utilisation);
    json_object_set_new(plan, "split", split);
    json_object_set_new(plan, "within_10_percent", limits);
    const int rc = records_write_json(out, "plan", plan);
    json_decref(plan);
    return rc;
}

/* Left out when it has more GPUs than were asked for. */
static int one(struct simulate_session *x, struct sheet *sheet, const char *cluster, const char *model)
{
    struct cluster c;
    RB_TRY(cluster_load(&c, cluster, &x->catalogue, &x->links));
    if (x->settings->ranks > 0 && (uint64_t)cluster_gpus(&c) > x->settings->ranks) {
        cluster_free(&c);
        return RB_OK;
    }
    struct training t = { .cluster = &c };
    struct training_time *list = NULL;
    int rc = training_usual(&t, &x->catalogue, model);
    rc = rc == RB_OK ? training_check(&t) : rc;
    const size_t n = rc == RB_OK ? training_rank(&t, &list) : 0;
    if (n > 0) {
        const struct training_limits most = training_limits(list, n);
        add_row(sheet, &t, &list[0], &most);
        rc = x->output != NULL ? write_record(x->output, &t, &list[0], &most) : RB_OK;
    }
    free(list);
    cluster_free(&c);
    return rc;
}

/* The documents' two, then each GPU as the cluster grows. */
int study_training(struct simulate_session *x)
{
    static const struct { const char *cluster, *model; } documents[] = {
        { "2048x4090", "llama-2-70b" }, { "3072xA100", "gpt-3-175b" }, { "pod-H800", "llama-2-70b" },
    };
    static const char *const gpus[] = { "H100", "H800", "A100", "4090" };
    struct sheet *sheet = sheet_new(columns, RB_LEN(columns));
    int rc = RB_OK;
    for (size_t i = 0; i < RB_LEN(documents) && rc == RB_OK; i++)
        rc = one(x, sheet, documents[i].cluster, documents[i].model);
    for (size_t g = 0; g < RB_LEN(gpus); g++)
        for (int nodes = 2; nodes <= 2048 && rc == RB_OK; nodes *= 4) {
            char *cluster = rb_format("%dx8x%s", nodes, gpus[g]);
            rc = one(x, sheet, cluster, "llama-2-70b");
            free(cluster);
        }
    x->answered = x->answered || sheet_rows(sheet) > 0;
    if (rc == RB_OK && sheet_rows(sheet) > 0)
        sheet_print(sheet, x->settings->format, "training", NULL);
    sheet_free(sheet);
    return rc;
}
