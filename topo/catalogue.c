#include "topo/catalogue.h"

#include "core/error.h"
#include "core/text.h"

#include <ctype.h>
#include <string.h>

static const struct gpu_links gpus[] = {
    { "V100", 25, 20, 6, 15.75 },
    { "A100", 25, 20, 12, 31.5 },
    { "A800", 25, 20, 8, 31.5 },
    { "A40", 14.0625, 12, 4, 31.5 },
    { "A10", 0, 0, 0, 31.5 },
    { "RTX 3090", 14.0625, 12, 4, 31.5 },
    { "RTX 4090", 0, 0, 0, 31.5 },
    { "RTX 5090", 0, 0, 0, 63 },
    { "L40S", 0, 0, 0, 31.5 },
    { "H100", 25, 20.6, 18, 63 },
    { "H800", 25, 20.6, 8, 63 },
    { "H20", 25, 20.6, 18, 63 },
    { "H200", 25, 20.6, 18, 63 },
    { "GH200", 25, 20.6, 18, 63 },
    { "B200", 50, 40.1, 18, 63 },
    { "GB200", 50, 40.1, 18, 63 },
    { "B300", 50, 40.1, 18, 0 },
    { "GB300", 50, 40.1, 18, 0 },
    { "MI300X", 0, 0, 0, 63 },
    { "MI325X", 0, 0, 0, 63 },
    { "MI355X", 0, 0, 0, 63 },
};

static const struct {
    const char *word;
    double GBps;
} nics[] = {
    { "ConnectX-5", 12.5 }, { "ConnectX-6", 25 }, { "ConnectX-7", 50 }, { "ConnectX-8", 100 },
};

/* The word stands alone: no letter or digit touches it. */
static bool has_word(const char *text, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = text; (at = strcasestr(at, word)) != NULL; at++)
        if ((at == text || !isalnum((unsigned char)at[-1])) && !isalnum((unsigned char)at[length]))
            return true;
    return false;
}

const struct gpu_links *catalogue_gpu(const char *model)
{
    for (size_t i = 0; i < RB_LEN(gpus); i++) {
        const char *bare = strrchr(gpus[i].word, ' '); /* "RTX 4090" is also known as "4090" */
        if (has_word(model, bare != NULL ? bare + 1 : gpus[i].word))
            return &gpus[i];
    }
    return NULL;
}

const char *catalogue_gpu_nearest(const char *model)
{
    const char *words[RB_LEN(gpus)];
    for (size_t i = 0; i < RB_LEN(gpus); i++)
        words[i] = gpus[i].word;
    return text_nearest(model, words, RB_LEN(gpus));
}

double catalogue_nic(const char *model)
{
    if (strstr(model, " Dx") != NULL || strstr(model, " Lx") != NULL)
        return 0; /* sold at several rates */
    for (size_t i = 0; i < RB_LEN(nics); i++)
        if (has_word(model, nics[i].word))
            return nics[i].GBps;
    return 0;
}
