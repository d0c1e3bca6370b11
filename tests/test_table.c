/* SPDX-License-Identifier: MIT */
/* compare.c and table.c: the files' text for a small made-up run. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/report/report.h"

#include <locale.h>
#include <unistd.h>

#include "test.h"

static char path[512];
static struct fus_category_summary categories[3][2];
static struct fus_layer_summary layers[3];
static struct fus_model_summary models[2];
static char *names[2] = {"face", "a \"b\", c"};

/* Model r20 has layers l1 and l2, model other only l2 under the name of r20's second. */
static struct fus_run_summary example(void)
{
    for (int i = 0; i < 3; i++) {
        snprintf(layers[i].name, sizeof layers[i].name, "l%d", i == 2 ? 2 : i + 1);
        layers[i].n_units = 1000, layers[i].channels = 40, layers[i].height = layers[i].width = 5, layers[i].n_dead = 3,
        layers[i].order = i, layers[i].depth = 0.5 * i, layers[i].n_undefined = 1, layers[i].n_categories = 2,
        layers[i].categories = categories[i];
        for (int c = 0; c < 2; c++)
            categories[i][c] = (struct fus_category_summary){.n_selective = 100,
                                                             .proportion = 0.1,
                                                             .ci_low = NAN,
                                                             .ci_high = NAN,
                                                             .n_csi = 98,
                                                             .n_csi_undefined = 2,
                                                             .csi_mean = 0.5 - 0.1 * i + 0.2 * c,
                                                             .csi_sd = 0.1 + 0.05 * i,
                                                             .csi_sem = 1.0 / 3,
                                                             .dprime_mean = 1e-20,
                                                             .variation_cv = 0.25,
                                                             .variation_sd = 0.025,
                                                             .gini = 0.125,
                                                             .entropy = 1,
                                                             .csi_cv = 0.25,
                                                             .survival = 0.5,
                                                             .csi_low = NAN,
                                                             .csi_high = NAN,
                                                             .variation_low = NAN,
                                                             .variation_high = NAN,
                                                             .variation_null = 0.2,
                                                             .placement_p = 0.001,
                                                             .morisita = 1 + 0.5 * c,
                                                             .morisita_low = NAN,
                                                             .morisita_high = NAN,
                                                             .auc_cv = 0.75};
    }
    categories[1][1] = (struct fus_category_summary){.n_selective = 0,
                                                     .ci_low = NAN,
                                                     .ci_high = NAN,
                                                     .csi_mean = NAN,
                                                     .csi_sd = NAN,
                                                     .csi_sem = NAN,
                                                     .dprime_mean = NAN,
                                                     .variation_cv = NAN,
                                                     .variation_sd = NAN,
                                                     .gini = NAN,
                                                     .entropy = NAN,
                                                     .csi_cv = 0.25,
                                                     .survival = 0.5,
                                                     .csi_low = NAN,
                                                     .csi_high = NAN,
                                                     .variation_low = NAN,
                                                     .variation_high = NAN,
                                                     .variation_null = NAN,
                                                     .placement_p = NAN,
                                                     .morisita = NAN,
                                                     .morisita_low = NAN,
                                                     .morisita_high = NAN,
                                                     .auc_cv = 0.75};
    models[0] = (struct fus_model_summary){.name = "r20", .n_layers = 2, .layers = layers};
    models[1] = (struct fus_model_summary){.name = "other", .n_layers = 1, .layers = layers + 2};
    return (struct fus_run_summary){.n_categories = 2, .categories = names, .n_models = 2, .models = models};
}

static char *text_of(void)
{
    uint8_t *data = NULL;
    size_t n;
    CHECK(fus_base_read_file(&data, &n, path, 1 << 20, NULL) == 0);
    return (char *)data;
}

static void test_layers(void)
{
    struct fus_run_summary run = example();
    static const char want[] =
        "model,layer,category,n_units,n_selective,proportion,ci_low,ci_high,csi_mean,csi_sem,csi_undefined,dprime_mean,"
        "variation_cv,variation_sd,gini,entropy,n_dead,csi_cv,dprime_cv,survival,split_half_r,dice,csi_low,csi_high,"
        "variation_low,variation_high,auc_cv,csi_sd,n_undefined,channels,height,width,depth,order,"
        "variation_null,placement_p,morisita,morisita_low,morisita_high,csi_same,dimensions\n"
        "r20,l1,face,1000,100,0.1,,,0.5,0.3333333333333333,2,1e-20,0.25,0.025,0.125,1,3,0.25,0,0.5,0,0,,,,,0.75,0.1,1,"
        "40,5,5,0,0,0.2,0.001,1,,,0,0\n"
        "r20,l1,\"a \"\"b\"\", "
        "c\",1000,100,0.1,,,0.7,0.3333333333333333,2,1e-20,0.25,0.025,0.125,1,3,0.25,0,0.5,0,0,,,,,0.75,0.1,1,40,5,5,0,"
        "0,0.2,0.001,1.5,,,0,0\n"
        "r20,l2,face,1000,100,0.1,,,0.4,0.3333333333333333,2,1e-20,0.25,0.025,0.125,1,3,0.25,0,0.5,0,0,,,,,0.75,0."
        "15000000000000002,1,40,5,5,0.5,1,0.2,0.001,1,,,0,0\n"
        "r20,l2,\"a \"\"b\"\", c\",1000,0,0,,,,,0,,,,,,3,0.25,0,0.5,0,0,,,,,0.75,,1,40,5,5,0.5,1,,,,,,0,0\n"
        "other,l2,face,1000,100,0.1,,,0.3,0.3333333333333333,2,1e-20,0.25,0.025,0.125,1,3,0.25,0,0.5,0,0,,,,,0.75,0.2,"
        "1,40,5,5,1,2,0.2,0.001,1,,,0,0\n"
        "other,l2,\"a \"\"b\"\", "
        "c\",1000,100,0.1,,,0.5,0.3333333333333333,2,1e-20,0.25,0.025,0.125,1,3,0.25,0,0.5,0,0,,,,,0.75,0.2,1,40,5,5,1,"
        "2,0.2,0.001,1.5,,,0,0\n";
    CHECK(fus_table_layers(path, &run, NULL) == 0);
    char *text = text_of();
    CHECK_MSG(strcmp(text, want) == 0, "%s", text);
    fus_base_free(text);
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8")) { /* where it is installed, a comma for the point */
        CHECK(fus_table_layers(path, &run, NULL) == 0);
        setlocale(LC_NUMERIC, "C");
        text = text_of();
        CHECK(strcmp(text, want) == 0);
        fus_base_free(text);
    }
}

static void test_compare(void)
{
    struct fus_run_summary run = example();
    struct fus_csi_comparison *rows;
    size_t n;
    CHECK(fus_compare_csi(&rows, &n, &run, NULL) == 0 && n == 2);
    CHECK(rows[0].model_a == 0 && rows[0].model_b == 1 && rows[0].layer_a == 1 && rows[0].layer_b == 0);
    /* scipy.stats.ttest_ind_from_stats(.4, .15, 98, .3, .2, 98, equal_var=False,
     * alternative="greater") */
    CHECK(test_close(rows[0].t, 3.959797974644667, 1e-14) && test_close(rows[0].p, 5.396967657747385e-05, 1e-10));
    CHECK(isnan(rows[1].p) && isnan(rows[1].csi_difference) && test_close(rows[1].proportion_difference, -0.1, 1e-15));
    fus_base_free(rows);
    /* one unit has a CSI but no variance: a difference without a test */
    struct fus_category_summary *one = &run.models[0].layers[1].categories[0], kept = *one;
    one->n_csi = 1, one->csi_sd = NAN;
    CHECK(fus_compare_csi(&rows, &n, &run, NULL) == 0 && n == 2 && isnan(rows[0].p) && isnan(rows[0].t));
    CHECK(test_close(rows[0].csi_difference, 0.1, 1e-14));
    fus_base_free(rows);
    *one = kept;
    CHECK(fus_table_compare(path, &run, NULL) == 0);
    char *text = text_of();
    CHECK_MSG(strstr(text, "variation_p,variation_q,proportion_ratio,ratio_low,ratio_high,layer_b,"
                           "morisita_difference,morisita_low,morisita_high,morisita_p,morisita_q,"
                           "equivalence_low,equivalence_high,equivalence\nr20,other,l2,face,0,"
                           "0.10000000000000003,3.959797974644667,"),
              "%s", text);
    CHECK(strstr(text, "\nr20,other,l2,\"a \"\"b\"\", c\",-0.1,,,,,,,,,,,,,,,,,,,0,,,l2,,,,,,,,\n"));
    fus_base_free(text);
    run.n_models = 1;
    CHECK(fus_table_compare(path, &run, NULL) == 0);
    text = text_of();
    CHECK(strncmp(text, "model_a,model_b,layer,category,proportion_difference,csi_difference,t,df,p,q,", 77) == 0 &&
          strchr(text, '\n')[1] == '\0');
    fus_base_free(text);
}

static void test_refusals(void)
{
    struct fus_run_summary run = example();
    struct fus_error err;
    CHECK(fus_table_layers("/nonexistent/layers.csv", &run, &err) == FUS_EIO);
    int code = FUS_ENOMEM;
    long n = 1;
    for (; code == FUS_ENOMEM && n < 50; n++) {
        fus_base_fail_allocation(n);
        code = fus_table_compare(path, &run, &err);
        fus_base_fail_allocation(0);
    }
    CHECK(code == 0 && n > 4);
}

/* Two networks of 2 and 6 blocks, each with a stem and a read-out: blocks by relative depth,
 * the rest by name. */
static void test_pairs(void)
{
    static struct fus_layer_summary l[2][8];
    struct fus_model_summary m[2];
    for (int k = 0; k < 2; k++) {
        int n = k ? 6 : 2;
        for (int i = 0; i < n + 2; i++) {
            snprintf(l[k][i].name, sizeof l[k][i].name, i == 0 ? "relu" : i > n ? "fc" : "layer1.%d.relu", i - 1);
            l[k][i].depth = i < n ? (double)i / n : 1;
        }
        m[k] = (struct fus_model_summary){.n_layers = n + 2, .layers = l[k]};
    }
    const int there[] = {0, 3, 6, 7}, back[] = {0, -1, -1, 1, -1, -1, 2, 3};
    for (int i = 0; i < 4; i++)
        CHECK(fus_compare_layer(&m[0], i, &m[1]) == there[i]);
    for (int i = 0; i < 8; i++)
        CHECK(fus_compare_layer(&m[1], i, &m[0]) == back[i]);
    m[1].n_layers = 3; /* as many blocks: by name, whatever the depths say */
    CHECK(fus_compare_layer(&m[0], 2, &m[1]) == 2 && fus_compare_layer(&m[0], 1, &m[1]) == 1 &&
          fus_compare_layer(&m[0], 3, &m[1]) < 0);
}

/* A factor of 1.25: an interval of a ratio within, beyond, across its ends. */
static void test_equivalence(void)
{
    static const struct {
        double low, high;
        const char *word;
    } cases[] = {{0.81, 1.24, "equivalent"},
                 {0.7, 1.1, "undecided"},
                 {0.9, 1.3, "undecided"},
                 {1.26, 2, "different"},
                 {0.3, 0.79, "different"},
                 {NAN, 1, ""},
                 {0, 1, ""},
                 {0.5, 2, "undecided"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK(strcmp(fus_summary_equivalence(cases[i].low, cases[i].high, log(1.25)), cases[i].word) == 0);
    CHECK(strcmp(fus_summary_equivalence(1, 1, 0), "") == 0);
}

int main(void)
{
    test_pairs();
    test_equivalence();
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/fusiform-table-%ld.csv", folder ? folder : "/tmp", (long)getpid());
    test_layers();
    test_compare();
    test_refusals();
    unlink(path);
    return test_end();
}
