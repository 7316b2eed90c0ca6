/* Any bytes as a file of the catalogue; then names are looked for in it. */
#include "report/catalogue.h"

#include "core/error.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct catalogue c = {0};
    char *bytes = malloc(size + 1);
    if (bytes == NULL)
        return 0;
    memcpy(bytes, data, size);
    bytes[size] = '\0';
    if (catalogue_merge_text(&c, "fuzz.csv", bytes, size) == RB_OK) {
        const struct gpu *gpu;
        const struct nic *nic;
        (void)catalogue_match_gpu(&c, "NVIDIA H800");
        if (catalogue_find_gpu(&c, NULL, "h800", &gpu) == RB_OK)
            (void)catalogue_gemm(&c, gpu, "bf16");
        (void)catalogue_find_nic(&c, NULL, "cx7", &nic);
        (void)catalogue_pcie_typical(&c, 5);
        /* A second file of the same over the first. */
        (void)catalogue_merge_text(&c, "again.csv", bytes, size);
    }
    catalogue_free(&c);
    free(bytes);
    return 0;
}
