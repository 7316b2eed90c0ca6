/* report/claims.h - every quantitative claim of the documents (report/data/claims.csv) recomputed from its inputs.
 *
 * The file holds the claim: inputs, printed figure, unit, what follows. The code of a claim (claims_*.c) reads the inputs by name and
 * calls the models of layer.h, inference.h, memory_model.h, purchase_model.h, or the catalogue. Nothing copies what is printed.
 *
 * Agreement. `digits`: the recomputed figure rounds to the printed one at the printed one's last digit that is not a trailing zero
 * ("10000" has one digit: 5000 .. 15000 round to it). `exact`: trailing zeros are digits too. `about`: within 5 %. `most`: the recomputed figure is at most the
 * printed one (the document says "within"), `least`: at least.
 *
 * Verdicts
 *   reproduced                   agrees as it stands
 *   reproduced-with-assumption   agrees under the assumption that `why` names (binary units, the document's own roundings, ...)
 *   contradicts-itself           the document's own inputs and formula give another figure
 *   contradicts-datasheet        a published figure of the hardware is another
 *   not-recomputable             an input is missing: `why` says which
 *
 * Ownership claims_free(). */
#ifndef RB_REPORT_CLAIMS_H
#define RB_REPORT_CLAIMS_H

#include "report/catalogue.h"
#include "report/sheet.h"

enum claim_verdict {
    VERDICT_REPRODUCED, VERDICT_ASSUMPTION, VERDICT_ITSELF, VERDICT_DATASHEET, VERDICT_MISSING, VERDICT_COUNT
};
extern const char *const claim_verdict_names[];

struct claim {
    char *id, *document, *topic, *statement, *formula, *inputs, *printed_text, *unit, *relation, *recorded, *consequence;
    double printed;    /* NAN where nothing, or no number, is printed */
    double recomputed; /* NAN: cannot be */
    double assumed;    /* under the assumption; NAN: there is none */
    enum claim_verdict verdict;
    char why[400];
};

struct claims {
    struct claim *list;
    size_t count;
};

/* path NULL: the shipped file. Recomputes all. RB_EUSAGE for a damaged file, a claim without code, code without a claim. */
int claims_load(struct claims *c, const char *path, const struct catalogue *catalogue);
void claims_free(struct claims *c);

/* The rounding rule. */
bool claim_agrees(double recomputed, const char *printed, const char *relation);

struct sheet *claims_sheet(const struct claims *c);
/* One row a verdict: how many, by document. */
struct sheet *claims_summary_sheet(const struct claims *c);

/* `ringbench claims`; returns the exit code: 7 with --strict when a verdict is not the recorded one. */
int claims_command(int argc, char **argv);

#endif
