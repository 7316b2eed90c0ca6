/* report/claims_code.h - private to claims*.c: how a claim is recomputed.
 *
 * A claim's code is one function and one row of a table, by topic; claims.c joins the tables. */
#ifndef RB_REPORT_CLAIMS_CODE_H
#define RB_REPORT_CLAIMS_CODE_H

#include "report/catalogue.h"

#include <stdbool.h>
#include <stddef.h>

enum { CLAIM_INPUTS = 16 };

struct claim_work {
    /* inputs, as the file has them: name=number;name=number */
    struct {
        char name[24];
        double value;
    } inputs[CLAIM_INPUTS];
    size_t ninputs;
    const struct catalogue *catalogue;

    /* results */
    double value;           /* NAN: cannot be recomputed */
    double assumed;         /* NAN: no assumption */
    const char *assumption; /* static text: under which it is `assumed` */
    const char *why;        /* static text: for a contradiction, or what is missing */
    bool datasheet;         /* value is a published figure of hardware */
    char missing[24];       /* an input that was asked for and is not there; "" none */
};

struct claim_code {
    const char *id;
    void (*recompute)(struct claim_work *w);
};

/* NAN, and noted in `missing`, when there is none of that name. */
double claim_input(struct claim_work *w, const char *name);

extern const struct claim_code claims_training[], claims_tensor[], claims_inference[], claims_cost[];
extern const size_t claims_training_count, claims_tensor_count, claims_inference_count, claims_cost_count;

#endif
