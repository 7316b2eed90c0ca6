#include "report/presets.h"

#include "core/error.h"
#include "core/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define LLAMA1 "arXiv:2302.13971; published configuration"
#define LLAMA2 "arXiv:2307.09288; published configuration"
#define LLAMA3 "arXiv:2407.21783, table 3"
#define GPT3 "arXiv:2005.14165, table 2.1"

/* name, layers, hidden, heads, kv_heads, ffn, vocab, seq, gated, params, source */
const struct preset presets[] = {
    { "llama-2-7b", 32, 4096, 32, 32, 11008, 32000, 4096, true, 6.74e9, LLAMA2 },
    { "llama-2-13b", 40, 5120, 40, 40, 13824, 32000, 4096, true, 13.02e9, LLAMA2 },
    { "llama-2-70b", 80, 8192, 64, 8, 28672, 32000, 4096, true, 68.98e9, LLAMA2 },
    { "llama-7b", 32, 4096, 32, 32, 11008, 32000, 2048, true, 6.7e9, LLAMA1 },
    { "llama-13b", 40, 5120, 40, 40, 13824, 32000, 2048, true, 13.0e9, LLAMA1 },
    { "llama-33b", 60, 6656, 52, 52, 17920, 32000, 2048, true, 32.5e9, LLAMA1 },
    { "llama-65b", 80, 8192, 64, 64, 22016, 32000, 2048, true, 65.2e9, LLAMA1 },
    { "llama-3-8b", 32, 4096, 32, 8, 14336, 128256, 8192, true, 8.03e9, LLAMA3 },
    { "llama-3-70b", 80, 8192, 64, 8, 28672, 128256, 8192, true, 70.6e9, LLAMA3 },
    { "llama-3-405b", 126, 16384, 128, 8, 53248, 128256, 8192, true, 405e9, LLAMA3 },
    { "gpt-2-1.5b", 48, 1600, 25, 25, 6400, 50257, 1024, false, 1.542e9, "GPT-2 report (2019), table 2" },
    { "gpt-3-13b", 40, 5140, 40, 40, 20560, 50257, 2048, false, 13.0e9, GPT3 },
    { "gpt-3-175b", 96, 12288, 96, 96, 49152, 50257, 2048, false, 174.6e9, GPT3 },
    { "opt-66b", 64, 9216, 72, 72, 36864, 50272, 2048, false, 66e9, "arXiv:2205.01068, table 1" },
    { "bloom-176b", 70, 14336, 112, 112, 57344, 250880, 2048, false, 176.2e9, "arXiv:2211.05100, table 3" },
    { "mt-nlg-530b", 105, 20480, 128, 128, 81920, 50257, 2048, false, 530e9, "arXiv:2201.11990, section 2.3" },
    { "qwen2.5-72b", 80, 8192, 64, 8, 29568, 152064, 32768, true, 72.7e9, "arXiv:2412.15115, table 1; published configuration" },
};
const size_t preset_count = RB_LEN(presets);

/* "LLaMA-2 70B" -> "llama270b" */
static void squash(char *out, size_t bytes, const char *name)
{
    size_t n = 0;
    for (; *name != '\0' && n + 1 < bytes; name++)
        if (isalnum((unsigned char)*name) || *name == '.')
            out[n++] = (char)tolower((unsigned char)*name);
    out[n] = '\0';
}

/* The names that begin so; the first of them in *first_p. */
static size_t beginning(struct text *t, const char *wanted, const char **first_p)
{
    char known[64];
    size_t n = 0;
    for (size_t i = 0; i < preset_count; i++) {
        squash(known, sizeof known, presets[i].name);
        if (wanted[0] == '\0' || strncmp(known, wanted, strlen(wanted)) != 0)
            continue;
        *first_p = n == 0 ? presets[i].name : *first_p;
        text_add(t, "%s%s", n++ > 0 ? ", " : "", presets[i].name);
    }
    return n;
}

static int refuse(const char *name, const char *wanted)
{
    const char *names[RB_LEN(presets)], *near = NULL;
    struct text all = {0}, several = {0};
    for (size_t i = 0; i < preset_count; i++) {
        names[i] = presets[i].name;
        text_add(&all, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    const size_t n = beginning(&several, wanted, &near);
    if (n == 0)
        near = text_nearest(name, names, preset_count);
    const int rc = n > 1          ? rb_fail(RB_EUSAGE, "--model '%s': fits several models: %s", name, several.chars)
                   : near != NULL ? rb_fail(RB_EUSAGE, "--model '%s': not known; did you mean %s? (one of %s)", name, near, all.chars)
                                  : rb_fail(RB_EUSAGE, "--model '%s': not known; one of %s", name, all.chars);
    text_free(&several);
    text_free(&all);
    return rc;
}

int preset_find(const char *name, const struct preset **preset_p)
{
    char wanted[64], known[64];
    squash(wanted, sizeof wanted, name);
    for (size_t i = 0; i < preset_count; i++) {
        squash(known, sizeof known, presets[i].name);
        if (strcmp(known, wanted) == 0) {
            *preset_p = &presets[i];
            return RB_OK;
        }
    }
    return refuse(name, wanted);
}

static const struct sheet_column columns[] = {
    { "model", "model", NULL, SHEET_TEXT },
    { "params_G", "params", "1e9", SHEET_NUMBER },
    { "layers", "layers", NULL, SHEET_NUMBER },
    { "hidden", "hidden", NULL, SHEET_NUMBER },
    { "heads", "heads", NULL, SHEET_NUMBER },
    { "kv_heads", "kv", NULL, SHEET_NUMBER },
    { "ffn", "ffn", NULL, SHEET_NUMBER },
    { "gated", "gated", NULL, SHEET_TEXT },
    { "vocab", NULL, NULL, SHEET_NUMBER },
    { "seq", "seq", NULL, SHEET_NUMBER },
    { "source", "source", NULL, SHEET_WRAP },
};

struct sheet *presets_sheet(void)
{
    struct sheet *s = sheet_new(columns, RB_LEN(columns));
    for (size_t i = 0; i < preset_count; i++) {
        const struct preset *p = &presets[i];
        sheet_row(s);
        sheet_text(s, "model", "%s", p->name);
        sheet_number(s, "params_G", p->params / 1e9);
        sheet_number(s, "layers", p->layers);
        sheet_number(s, "hidden", p->hidden);
        sheet_number(s, "heads", p->heads);
        sheet_number(s, "kv_heads", p->kv_heads);
        sheet_number(s, "ffn", p->ffn);
        sheet_text(s, "gated", "%s", p->gated ? "yes" : "no");
        sheet_number(s, "vocab", p->vocab);
        sheet_number(s, "seq", p->seq);
        sheet_text(s, "source", "%s", p->source);
    }
    return s;
}
