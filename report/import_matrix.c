#include "report/import_matrix.h"

#include <math.h>

size_t matrix_heading(const char *text, const char *lead)
{
    struct import_word words[IMPORT_MAX_WORDS];
    const size_t n = import_words(text, words, IMPORT_MAX_WORDS), skip = lead[0] != '\0';
    if (n <= skip || n > IMPORT_MAX_WORDS || (skip && !import_word_is(words[0], lead)))
        return 0;
    for (size_t i = skip; i < n; i++) {
        uint64_t index;
        if (!import_whole(words[i], &index) || index != i - skip)
            return 0;
    }
    return n - skip;
}

bool matrix_row(const char *text, size_t columns, size_t *index_p, double *values)
{
    struct import_word words[IMPORT_MAX_WORDS];
    const size_t n = import_words(text, words, IMPORT_MAX_WORDS);
    uint64_t index;
    if (n != columns + 1 || n > IMPORT_MAX_WORDS || !import_whole(words[0], &index) || index >= IMPORT_MAX_WORDS)
        return false;
    for (size_t i = 0; i < columns; i++) {
        values[i] = NAN;
        if (!import_word_is(words[i + 1], "N/A") && (!import_number(words[i + 1], &values[i], NULL) || values[i] < 0))
            return false;
    }
    *index_p = (size_t)index;
    return true;
}
