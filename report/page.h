/* report/page.h - report.html: one self-contained file that answers first and shows its evidence after.
 *
 * A section is one function and one row of the table in page.c. Above its text stand the figures of the plots that name it. A
 * section that has nothing to show is left out; the page says why at its end. Everything that comes from records is escaped (html_text).
 *
 * Ownership all of page_input is borrowed for the call. */
#ifndef RB_REPORT_PAGE_H
#define RB_REPORT_PAGE_H

#include "core/text.h"
#include "report/fit.h"
#include "report/records.h"

struct catalogue;
struct figures;
struct limits;
struct limit_settings;

/* What plots and sections are made from. */
struct page_input {
    const struct records *records;
    const struct fits *fits;
    const char *catalogue; /* the user's catalogue file; NULL: the shipped one alone */
    const struct catalogue *gpus; /* both, merged; NULL: there is none */
    const char *output;    /* folder of the results, exists */
    const struct limits *limits;  /* per GPU model over its scale-up link and PCIe; NULL with gpus */
    const struct limit_settings *limit_settings; /* what they were made with; NULL with gpus */
    const struct figures *figures; /* NULL while the plots themselves are made */
};

struct page_section {
    const char *id;    /* of the HTML element */
    const char *title; /* heading */
    /* Adds the HTML inside the section. NULL, or a static text: why there is nothing to show. */
    const char *(*write)(struct text *out, const struct page_input *in);
};

/* The whole page. */
void page_write(struct text *out, const struct page_input *in);

#endif
