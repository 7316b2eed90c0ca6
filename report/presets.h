/* report/presets.h - the shapes of published transformer models, by name. Every row names its source. */
#ifndef RB_REPORT_PRESETS_H
#define RB_REPORT_PRESETS_H

#include "report/sheet.h"

#include <stdbool.h>
#include <stddef.h>

struct preset {
    const char *name; /* "llama-2-70b" */
    double layers, hidden, heads, kv_heads, ffn, vocab, seq;
    bool gated;    /* three matrices in the feed-forward block, not two */
    double params; /* as published */
    const char *source;
};

extern const struct preset presets[];
extern const size_t preset_count;

/* Loosely: "llama2-70b", "LLaMA-2 70B". RB_EUSAGE with the nearest names. */
int preset_find(const char *name, const struct preset **preset_p);
/* One row a model; the caller frees. */
struct sheet *presets_sheet(void);

#endif
