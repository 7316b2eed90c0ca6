/* report/page_sections.h - the sections that page.c lists; a section is one function here or in a file of its own. */
#ifndef RB_REPORT_PAGE_SECTIONS_H
#define RB_REPORT_PAGE_SECTIONS_H

#include "report/page.h"

/* The figures of the plots that name the section; false when there are none. */
bool page_figures(struct text *out, const struct page_input *in, const char *section);

const char *section_answer(struct text *out, const struct page_input *in);
const char *section_limits(struct text *out, const struct page_input *in);
const char *section_validate(struct text *out, const struct page_input *in);
const char *section_purchase(struct text *out, const struct page_input *in);
const char *section_claims(struct text *out, const struct page_input *in);
const char *section_machine(struct text *out, const struct page_input *in);
const char *section_results(struct text *out, const struct page_input *in);
const char *section_pairs(struct text *out, const struct page_input *in);
const char *section_fits(struct text *out, const struct page_input *in);
const char *section_workloads(struct text *out, const struct page_input *in);
const char *section_scale(struct text *out, const struct page_input *in);
const char *section_parameter_server(struct text *out, const struct page_input *in);
const char *section_notes(struct text *out, const struct page_input *in);

#endif
