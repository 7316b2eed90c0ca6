/* core/data_path.h - where the data files (catalogues, claims, published figures) lie at run time.
 *
 * Searched in this order: $RINGBENCH_DATA, report/data beside the executable (a build tree), and
 * ../share/ringbench from it (an installation). */
#ifndef RB_CORE_DATA_PATH_H
#define RB_CORE_DATA_PATH_H

/* *path_p: the caller frees it. RB_EUSAGE when no such file is found: the places looked at are printed. */
int data_path(const char *name, char **path_p);

#endif
