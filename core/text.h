/* core/text.h - a string that grows, and the nearest name to a mistyped one. */
#ifndef RB_CORE_TEXT_H
#define RB_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Zero-initialise; text_free() when done. chars is NUL-terminated once anything was added, else NULL. */
struct text {
    char *chars;
    size_t length;
    size_t capacity;
};

/* Memory that cannot be had ends the program: there is nothing useful left to do. */
void text_add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_bytes(struct text *t, const char *bytes, size_t length);
void text_free(struct text *t);
/* The whole file, at most max_bytes of it. RB_EUSAGE with the path and reason printed. The caller frees *t. */
int text_read_file(struct text *t, const char *path, size_t max_bytes);

/* malloc and friends that never return NULL. */
void *rb_malloc(size_t bytes);
void *rb_calloc(size_t count, size_t bytes);
void *rb_realloc(void *old, size_t bytes);
char *rb_strdup(const char *s);
char *rb_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Edit distance (insert, delete, replace, swap of neighbours), case ignored. */
size_t text_distance(const char *a, const char *b);
/* The name at the smallest distance, or NULL when none is near enough to be meant (a third of its length). */
const char *text_nearest(const char *word, const char *const *names, size_t count);
bool text_ends_with(const char *s, const char *end);

#endif
