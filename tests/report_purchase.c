/* Servers: the documents' figures from their own inputs, what fits, training, sharding, sensitivity, damaged files. */
#include "core/error.h"
#include "report/purchase.h"
#include "tests/capture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct world {
    struct catalogue catalogue;
    struct purchase_settings settings;
    struct purchase purchase;
};

static int load(void **state)
{
    static struct world w;
    *state = &w;
    return catalogue_load(&w.catalogue, NULL) == RB_OK && purchase_defaults(&w.settings) == RB_OK && purchase_load(&w.purchase, NULL, &w.catalogue) == RB_OK
               ? 0 : -1;
}

static int unload(void **state)
{
    struct world *w = *state;
    purchase_free(&w->purchase);
    catalogue_free(&w->catalogue);
    return 0;
}

static const struct server *server(const struct world *w, const char *name)
{
    for (size_t i = 0; i < w->purchase.count; i++)
        if (strcmp(w->purchase.servers[i].name, name) == 0)
            return &w->purchase.servers[i];
    fail_msg("no server '%s'", name);
    return NULL;
}

static void near(double value, double expected, double relative)
{
    if (!(fabs(value - expected) <= relative * fabs(expected)))
        fail_msg("%.12g, expected %.12g", value, expected);
}

/* 40000 / 26280 h + 5 * 0.1 + 375 / 720; 300000 / 26280 + 10 * 0.1 + 750 / 720 */
static void an_hour_of_the_documents_servers(void **state)
{
    const struct world *w = *state;
    near(cost_hour(&server(w, "8x RTX 4090 server")->cost), 1.522070 + 0.5 + 0.520833, 1e-6);
    near(cost_hour(&server(w, "8x H100 server")->cost), 11.415525 + 1 + 1.041667, 1e-6);
    near(cost_hour(&server(w, "8 desktops 10 Gb/s")->cost), 1.5, 0.002);
}

/* 330 prompts every 27.03 ms, 44.5 ms a token; 295 every 5.22 ms; 17.5 ms a stage on the desktops, 8 * (17.5 + 4.325) = 174.6 ms */
static void tokens_of_the_documents_servers(void **state)
{
    const struct world *w = *state;
    const struct offer a = purchase_configured(server(w, "8x RTX 4090 server"), &w->settings);
    const struct offer b = purchase_configured(server(w, "8x H100 server"), &w->settings);
    const struct offer c = purchase_configured(server(w, "8 desktops 10 Gb/s"), &w->settings);
    const struct offer d = purchase_configured(server(w, "2 x 4 cards 25 Gb/s"), &w->settings);
    near(a.batch, 330, 0);
    near(a.served.token_s, 0.0445336, 1e-6);
    near(a.served.tokens_per_s, 12207.03, 1e-6);
    near(a.tokens_per_usd, 17.28155e6, 1e-5);
    near(b.batch, 295, 0);
    near(b.served.tokens_per_s, 56471.4, 1e-5);
    near(b.tokens_per_usd, 15.10695e6, 1e-5);
    near(c.served.token_s, 8 * (0.0175 + 0.004325376), 1e-9);
    near(c.served.tokens_per_s, 330 / 0.0175, 1e-9);
    near(d.served.token_s, 0.0270336 + 2 * (0.0175 + 4 * 5406720 / 3.125e9), 1e-9);
    assert_true(a.as_configured && c.form == FORM_PIPELINE && d.form == FORM_HYBRID);
}

/* 192 GB less 140 leave 52 GB; two batches under way; a prompt's cache is 2*80*1024*4096*2 = 1342177280 B: 19 prompts each. */
static void what_fits_the_memory(void **state)
{
    const struct world *w = *state;
    near(purchase_configured(server(w, "8x RTX 4090 server"), &w->settings).fit_batch, 19, 0);
    near(purchase_configured(server(w, "8 desktops 10 Gb/s"), &w->settings).fit_batch, 4, 0); /* eight under way */
    near(purchase_configured(server(w, "8x H100 server"), &w->settings).fit_batch, 186, 0);   /* 500 GB / 2 / 1.342 */
}

/* 1850.14 GB: 78 cards of 24 GB, 10 servers; 24 of 80 GB, 3 servers. H100: layer efficiency e, 6*70e9*2e12 / (24*989e12*e*0.3). */
static void training_on_whole_servers(void **state)
{
    const struct world *w = *state;
    const struct training a = purchase_training(server(w, "8x RTX 4090 server"), &w->settings);
    const struct training b = purchase_training(server(w, "8x H100 server"), &w->settings);
    near(a.cards, 78, 0);
    near(a.gpus, 80, 0);
    near(b.cards, 24, 0);
    near(b.servers, 3, 0);
    near(b.failures_a_day, 24.0 / 30, 1e-12);
    near(b.lost, 10.0 / (43200 / 24.0), 1e-12);
    near(b.days, 8.4e23 / (24 * 989e12 * b.efficiency * 0.3) / 86400 / (1 - b.lost), 1e-9);
    near(b.usd, b.days * 24 * 3 * cost_hour(&server(w, "8x H100 server")->cost), 1e-9);
    assert_true(a.efficiency < b.efficiency && b.efficiency < 1);
}

/* 3 groups of 8: a GPU's share is 8.75e9 parameters. DDP: 16 B each, 2 * 8.75e9 * 2 B * 2/3 sent; ZeRO-3: 16/3 B each, half as much again. */
static void sharding_between_servers(void **state)
{
    const struct world *w = *state;
    const struct server *s = server(w, "8x H100 server");
    const struct training t = purchase_training(s, &w->settings);
    near(purchase_sharding(s, &w->settings, &t, 0).memory_bytes, 140e9, 1e-9);
    near(purchase_sharding(s, &w->settings, &t, 0).sent_bytes, 4 * 8.75e9 * 2 / 3, 1e-9);
    near(purchase_sharding(s, &w->settings, &t, 3).memory_bytes, 140e9 / 3, 1e-9);
    near(purchase_sharding(s, &w->settings, &t, 3).sent_bytes, 6 * 8.75e9 * 2 / 3, 1e-9);
    near(purchase_sharding(s, &w->settings, &t, 1).sent_bytes, purchase_sharding(s, &w->settings, &t, 2).sent_bytes, 0);
}

static void dearer_or_slower_is_worth_less(void **state)
{
    const struct world *w = *state;
    for (size_t i = 0; i < w->purchase.count; i++) {
        const struct server *s = &w->purchase.servers[i];
        const double now = purchase_configured(s, &w->settings).tokens_per_usd;
        struct server dear = *s, slow = *s;
        dear.cost.price_usd *= 2;
        slow.link_Bps /= 2;
        slow.handover_Bps /= 2;
        assert_true(purchase_configured(&dear, &w->settings).tokens_per_usd < now);
        assert_true(purchase_configured(&slow, &w->settings).tokens_per_usd <= now);
        assert_true(purchase_configured(&slow, &w->settings).served.token_s > purchase_configured(s, &w->settings).served.token_s);
    }
}

/* The RTX 4090 server is 14.4 % better than the H100 one: its rank turns near a price that makes it as bad. */
static void the_factor_that_turns_the_ranking(void **state)
{
    const struct world *w = *state;
    struct sheet *s = purchase_sensitivity_sheet(&w->purchase, &w->settings);
    bool seen = false;
    for (size_t r = 0; r < sheet_rows(s); r++) {
        char *name = sheet_cell(s, r, "server"), *input = sheet_cell(s, r, "input");
        if (strcmp(name, "8x H100 server") == 0 && strcmp(input, "memory bandwidth") == 0)
            assert_true(fabs(sheet_value(s, r, "less_20_percent")) < 1); /* the batch follows: arithmetic binds */
        if (strcmp(name, "8x RTX 4090 server") == 0 && strcmp(input, "link bandwidth") == 0) {
            seen = true;
            near(sheet_value(s, r, "less_20_percent"), -20, 1e-9); /* transfers bind */
        }
        free(name);
        free(input);
    }
    assert_true(seen);
    sheet_free(s);
}

#define HEAD "server,gpu,gpus,price_usd,years,power_kW,usd_per_kWh,rack_usd_month,rate_tflops,memory_GBps,memory_GB,link_GBps,link_latency_us," \
             "handover_GBps,handover_sharers,tensor,pipeline,note\n"

static int load_text(const struct catalogue *c, const char *text, struct purchase *p, struct capture *said)
{
    char path[] = "/tmp/servers-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    capture_begin(said);
    const int rc = purchase_load(p, path, c);
    capture_end(said);
    unlink(path);
    return rc;
}

static void what_a_row_leaves_out_comes_from_the_catalogue(void **state)
{
    const struct world *w = *state;
    struct purchase p;
    struct capture said;
    assert_int_equal(load_text(&w->catalogue, HEAD "mine,h800,8,1,3,1,0,0,,,,,0,,1,8,1,\n", &p, &said), RB_OK);
    near(p.servers[0].flops, 989e12, 0);
    near(p.servers[0].link_Bps, 200e9, 0);
    near(p.servers[0].handover_Bps, 200e9, 0);
    near(p.servers[0].memory_bytes, 80e9, 0);
    purchase_free(&p);
}

static void damaged_files_are_refused_with_their_place(void **state)
{
    const struct world *w = *state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        { HEAD "a,h900,8,1,3,1,0,0,,,,,0,,1,8,1,\n", "no such model" },
        { HEAD "a,h800,8,-1,3,1,0,0,,,,,0,,1,8,1,\n", ":2:4: price_usd: -1: must be above 0" },
        { HEAD "a,h800,8,x,3,1,0,0,,,,,0,,1,8,1,\n", ":2:4: price_usd: 'x' is no number" },
        { HEAD "a,h800,8,nan,3,1,0,0,,,,,0,,1,8,1,\n", ":2:4: price_usd" },
        { HEAD "a,h800,8,1,0,1,0,0,,,,,0,,1,8,1,\n", ":2:5: years: 0: must be above 0" },
        { HEAD "a,h800,8,1,3,1,0,0,,,,,0,,1,4,1,\n", "tensor 4 x pipeline 1 is not the 8 GPUs" },
        { HEAD ",h800,8,1,3,1,0,0,,,,,0,,1,8,1,\n", ":2:1: server: empty" },
        { HEAD "a,h800,8,1,3,1,0,0,,,,,0,,1,8,1,\na,h800,8,1,3,1,0,0,,,,,0,,1,8,1,\n", ":3:1: server: 'a' is there twice" },
        { HEAD, "no server in it" },
        { "server,gpu\na,h800\n", "no column 'gpus'" },
        { HEAD "a,h800 pcie,8,1,3,1,0,0,,,,,0,,1,8,1,\n", "does not know every figure" },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        struct purchase p = {0};
        struct capture said;
        assert_int_equal(load_text(&w->catalogue, rows[i].text, &p, &said), RB_EUSAGE);
        assert_int_equal(capture_lines(&said), 1);
        if (strstr(said.text, rows[i].message) == NULL)
            fail_msg("row %zu: '%s' is not in: %s", i, rows[i].message, said.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_hour_of_the_documents_servers),
        cmocka_unit_test(tokens_of_the_documents_servers),
        cmocka_unit_test(what_fits_the_memory),
        cmocka_unit_test(training_on_whole_servers),
        cmocka_unit_test(sharding_between_servers),
        cmocka_unit_test(dearer_or_slower_is_worth_less),
        cmocka_unit_test(the_factor_that_turns_the_ranking),
        cmocka_unit_test(what_a_row_leaves_out_comes_from_the_catalogue),
        cmocka_unit_test(damaged_files_are_refused_with_their_place),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
