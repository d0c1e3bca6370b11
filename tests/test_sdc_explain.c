/* SPDX-License-Identifier: MIT */
/* From a fit's folder to tables and page: five participants with two planted concepts, one of them
 * in four people, written as a fit writes them. Statistics against plain loops; the page drawn
 * again from the tables; every allocation that fails. */
#define _XOPEN_SOURCE 700
#include "analysis/sdc/explain.h"

#include <sys/stat.h>
#include <unistd.h>

#include "analysis/run/csv_read.h"
#include "analysis/run/tables.h"
#include "analysis/sdc/page.h"
#include "nn/base/outfile.h"
#include "nn/base/rng.h"
#include "tests/test.h"

enum { P = 5, V = 34, D = 12, IMAGES = 60, REPEATS = 2, TRIALS = IMAGES * REPEATS, SESSIONS = 2, RUNS = 3 };

static struct fus_error err;
static char root[] = "/tmp/fusiform-sdc-XXXXXX";
static float embedding[IMAGES * D];
static struct {
    float weight[V * D], z[TRIALS * V], mean[SESSIONS * V], sd[SESSIONS * V];
    int32_t image[TRIALS], session[TRIALS], voxel[V];
} person[P];

/* ---- the folder ---- */

static void write_npz(const char *form, int p, int run, const struct fus_npy_array *arrays, int n)
{
    char path[512], name[200];
    snprintf(name, sizeof name, form, p + 1, run);
    snprintf(path, sizeof path, "%s/%s", root, name);
    CHECK(fus_npyout_npz(path, arrays, n, &err) == 0);
}

/* Voxels 0-11 follow axis 0 in all people; 12-21 axis 1 in the first four; the others axes of
 * their own. */
static void draw_person(int p, struct fus_rng *r)
{
    for (int v = 0; v < V; v++) {
        float *w = person[p].weight + v * D;
        for (int j = 0; j < D; j++)
            w[j] = (float)(0.08 * fus_rng_normal(r)) + (v < 12 ? j == 0 : v < 22 && p < 4 ? j == 1 : 0);
        for (int j = 2 + 2 * p; j < 4 + 2 * p && (v >= 22 || (v >= 12 && p == 4)); j++)
            w[j] += (float)fus_rng_normal(r);
        person[p].voxel[v] = 3 * v;
        for (int s = 0; s < SESSIONS; s++) {
            person[p].mean[s * V + v] = (float)(0.5 * s);
            person[p].sd[s * V + v] = (float)(1 + s);
        }
    }
    for (int i = 0; i < TRIALS; i++) {
        person[p].image[i] = i % IMAGES;
        person[p].session[i] = i / IMAGES;
        for (int v = 0; v < V; v++) {
            double sum = 0;
            for (int j = 0; j < D; j++)
                sum += person[p].weight[v * D + j] * embedding[i % IMAGES * D + j];
            person[p].z[i * V + v] = (float)(2 * sum + 0.5 * fus_rng_normal(r));
        }
    }
}

static void write_person(int p)
{
    const struct fus_npy_array decoder[] = {{"weight", "<f4", 2, {V, D}, person[p].weight},
                                            {"voxel", "<i4", 1, {V}, person[p].voxel}},
                               responses[] = {{"z", "<f4", 2, {TRIALS, V}, person[p].z},
                                              {"image", "<i4", 1, {TRIALS}, person[p].image},
                                              {"session", "<i4", 1, {TRIALS}, person[p].session},
                                              {"mean", "<f4", 2, {SESSIONS, V}, person[p].mean},
                                              {"sd", "<f4", 2, {SESSIONS, V}, person[p].sd}};
    char path[512];
    snprintf(path, sizeof path, "%s/decoders/s%d", root, p + 1);
    CHECK(fus_outfile_mkdirs(path, &err) == 0);
    write_npz("decoders/s%d.npz", p, 0, decoder, 2);
    write_npz("responses/s%d_test.npz", p, 0, responses, 5);
    for (int run = 0; run < RUNS; run++)
        write_npz("decoders/s%d/run-%03d.npz", p, run, decoder, 1);
    write_npz("decoders/s%d/odd.npz", p, 0, decoder, 1);
    write_npz("decoders/s%d/even.npz", p, 0, decoder, 1);
}

enum { MOVED = 4 };

/* In even sessions some voxels of the second concept are of the first. */
static void move_voxels(void)
{
    static float weight[V * D];
    memcpy(weight, person[0].weight, sizeof weight);
    for (int v = 12; v < 12 + MOVED; v++)
        memcpy(weight + v * D, weight + (v - 12) * D, D * sizeof *weight);
    const struct fus_npy_array decoder = {"weight", "<f4", 2, {V, D}, weight};
    write_npz("decoders/s%d/even.npz", 0, 0, &decoder, 1);
}

static void make_folder(void)
{
    static int32_t row[IMAGES];
    struct fus_outfile f;
    struct fus_rng r;
    char path[512];
    fus_rng_seed(&r, 3);
    CHECK(mkdtemp(root) != NULL);
    snprintf(path, sizeof path, "%s/responses", root);
    CHECK(fus_outfile_mkdirs(path, &err) == 0);
    for (int i = 0; i < IMAGES; i++) {
        row[i] = i;
        for (int j = 0; j < D; j++)
            embedding[i * D + j] = (float)((j == i % 3 ? 1.5 : 0) + 0.3 * fus_rng_normal(&r));
        fus_sdc_unit(embedding + i * D, embedding + i * D, D);
    }
    for (int p = 0; p < P; p++) {
        draw_person(p, &r);
        write_person(p);
    }
    const struct fus_npy_array pool[] = {{"embedding", "<f4", 2, {IMAGES, D}, embedding},
                                         {"image", "<i4", 1, {IMAGES}, row}};
    write_npz("pool.npz", 0, 0, pool, 2);
    snprintf(path, sizeof path, "%s/images.tsv", root);
    CHECK(fus_outfile_open(&f, path, &err) == 0);
    fus_outfile_printf(&f, "image\tkind\teven\n");
    for (int i = 0; i < IMAGES; i++)
        fus_outfile_printf(&f, "im<%d>\tk%d\t%d\n", i, i % 3, i % 2 == 0);
    CHECK(fus_outfile_commit(&f, &err) == 0);
    snprintf(path, sizeof path, "%s/sdc.json", root);
    CHECK(fus_outfile_open(&f, path, &err) == 0);
    fus_outfile_printf(
        &f, "{\"seed\": 1, \"participants\": [\"s1\", \"s2\", \"s3\", \"s4\", \"s5\"], \"inputs\": [{\"what\": "
            "\"study\", \"file\": \"study.tsv\"}]}\n");
    CHECK(fus_outfile_commit(&f, &err) == 0);
}

/* ---- reading it back ---- */

static double number(const char *file, int line, const char *column)
{
    struct fus_csv_read t;
    char path[512];
    double x = NAN;
    snprintf(path, sizeof path, "%s/clusters/%s", root, file);
    if (fus_csv_read_open(&t, path, &err) == 0) {
        int c = fus_csv_read_column(&t, column);
        for (int i = 0; i <= line && fus_csv_read_next(&t); i++)
            x = i == line ? fus_csv_read_number(&t, c) : NAN;
    }
    CHECK_MSG(fus_csv_read_close(&t, &err) == 0, "%s", err.msg);
    return x;
}

static bool has(const char *file, const char *words)
{
    char path[512];
    uint8_t *text = NULL;
    size_t n;
    snprintf(path, sizeof path, "%s/%s", root, file);
    bool found = fus_base_read_file(&text, &n, path, 1 << 26, &err) == 0 && strstr((char *)text, words);
    fus_base_free(text);
    return found;
}

/* ---- plain loops ---- */

static double pearson(const double *a, const double *b, int n)
{
    double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < n; i++)
        ma += a[i] / n, mb += b[i] / n;
    for (int i = 0; i < n; i++) {
        ab += (a[i] - ma) * (b[i] - mb);
        aa += (a[i] - ma) * (a[i] - ma);
        bb += (b[i] - mb) * (b[i] - mb);
    }
    return ab / sqrt(aa * bb);
}

static double along(const float *w, const double *c)
{
    double sum = 0;
    for (int j = 0; j < D; j++)
        sum += w[j] * c[j];
    return sum;
}

/* The mean of the members' unit vectors, of length 1: voxels from .. end-1 of the first people. */
static void mean_of(double *c, int from, int end, int people)
{
    double length = 0;
    memset(c, 0, D * sizeof *c);
    for (int p = 0; p < people; p++)
        for (int v = from; v < end; v++) {
            float unit[D];
            fus_sdc_unit(unit, person[p].weight + v * D, D);
            for (int j = 0; j < D; j++)
                c[j] += unit[j];
        }
    for (int j = 0; j < D; j++)
        length += c[j] * c[j];
    for (int j = 0; j < D; j++)
        c[j] /= sqrt(length);
}

static void check_cluster(int cluster, int from, int end, int people)
{
    static double a[TRIALS], y[TRIALS], c[D];
    double cohesion = 0;
    mean_of(c, from, end, people);
    for (int p = 0; p < people; p++) {
        for (int v = from; v < end; v++) {
            float unit[D];
            fus_sdc_unit(unit, person[p].weight + v * D, D);
            cohesion += along(unit, c) / ((end - from) * people);
        }
        for (int i = 0; i < TRIALS; i++) {
            a[i] = 0;
            for (int v = from; v < end; v++)
                a[i] += person[p].z[i * V + v] * along(person[p].weight + v * D, c);
            y[i] = along(embedding + person[p].image[i] * D, c);
        }
        int row = cluster * P + p;
        CHECK(test_near("r of a cluster", number("0.30/decodability.csv", row, "r"), pearson(a, y, TRIALS), 1e-6));
        CHECK(number("0.30/decodability.csv", row, "r") > 0.8);
        CHECK(number("0.30/decodability.csv", row, "q") <= 0.002);
        CHECK(number("0.30/decodability.csv", row, "raw_top") > number("0.30/decodability.csv", row, "raw_bottom"));
    }
    CHECK(test_near("cohesion", number("0.30/clusters.csv", cluster, "cohesion"), cohesion, 1e-6));
}

static void test_clusters(const struct fus_sdc_cluster_result *result)
{
    double c[2][D], cosine = 0;
    CHECK(result->n == 1 && result->of[0].eps[0].n_clusters == 2 && result->of[0].eps[0].n_count == 2);
    CHECK(number("0.30/clusters.csv", 0, "n_voxels") == 60 && number("0.30/clusters.csv", 1, "n_voxels") == 40);
    CHECK(number("0.30/clusters.csv", 1, "n_participants") == 4 && number("0.30/clusters.csv", 1, "voxels_s5") == 0);
    check_cluster(0, 0, 12, 5);
    check_cluster(1, 12, 22, 4);
    CHECK(isnan(number("0.30/decodability.csv", P + 4, "r")) && number("0.30/decodability.csv", P + 4, "r_all") > 0);
    mean_of(c[0], 0, 12, 5);
    mean_of(c[1], 12, 22, 4);
    for (int j = 0; j < D; j++)
        cosine += c[0][j] * c[1][j];
    CHECK(test_near("separation", number("0.30/clusters.csv", 0, "separation"), cosine, 1e-4));
    CHECK(number("0.30/clusters.csv", 0, "opposite") == 2);
    /* A participant is left out: the first cluster is found among the others and decoded in all
     * five; of the second, three are left, and the rule asks for three others of four. */
    CHECK(number("0.30/clusters.csv", 0, "replicated_in") == 5);
    CHECK(number("0.30/clusters.csv", 1, "replicated_in") == 0);
    CHECK(number("0.30/decodability.csv", 0, "r_left_out") > 0.8);
    CHECK(number("0.30/clusters.csv", 0, "jaccard") == 1); /* the reruns are equal */
    CHECK(number("voxels/s2.csv", 13, "voxel") == 39 && number("voxels/s2.csv", 13, "cluster_0.30") == 2);
    CHECK(number("voxels/s2.csv", 30, "cluster_0.30") == 0);
}

/* Pairs of voxels that are together in a, in b, in both. */
static double plain_rand(const int *a, const int *b, int n)
{
    double both = 0, in_a = 0, in_b = 0, all = n * (n - 1) / 2.0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < i; k++) {
            both += a[i] == a[k] && b[i] == b[k];
            in_a += a[i] == a[k];
            in_b += b[i] == b[k];
        }
    double expected = in_a * in_b / all;
    return (both - expected) / ((in_a + in_b) / 2 - expected);
}

static void test_halves(void)
{
    int whole[P * V], even[P * V], n = 0;
    for (int p = 0; p < P; p++)
        for (int v = 0; v < V; v++, n++) {
            whole[n] = v < 12 ? 1 : v < 22 && p < 4 ? 2 : 0;
            even[n] = p == 0 && v >= 12 && v < 12 + MOVED ? 1 : whole[n];
        }
    CHECK(has("clusters/0.30/stability.csv",
              "compared,n,eps,rand,rand_core\nreruns,2,0.3,1,1\nodd sessions,1,0.3,1,1\neven "));
    CHECK(test_near("even sessions", number("0.30/stability.csv", 2, "rand"), plain_rand(whole, even, n), 1e-12));
    CHECK(test_near("odd with even", number("0.30/stability.csv", 3, "rand"), plain_rand(whole, even, n), 1e-12));
    CHECK(number("0.30/stability.csv", 2, "rand_core") < number("0.30/stability.csv", 2, "rand"));
    CHECK(test_near("first", number("0.30/clusters.csv", 0, "jaccard_halves"), (1 + 60 / (60.0 + MOVED)) / 2, 1e-12));
    CHECK(test_near("second", number("0.30/clusters.csv", 1, "jaccard_halves"), (1 + (40.0 - MOVED) / 40) / 2, 1e-12));
}

/* The first cluster of the first participant alone, in the others. */
static void test_beside(void)
{
    double centroid[D] = {0}, length = 0, r = 0;
    for (int v = 0; v < 12; v++) {
        float unit[D];
        fus_sdc_unit(unit, person[0].weight + v * D, D);
        for (int j = 0; j < D; j++)
            centroid[j] += unit[j];
    }
    for (int j = 0; j < D; j++)
        length += centroid[j] * centroid[j];
    for (int j = 0; j < D; j++)
        centroid[j] /= sqrt(length);
    for (int p = 1; p < P; p++) {
        static double a[TRIALS], y[TRIALS];
        for (int i = 0; i < TRIALS; i++) {
            a[i] = 0;
            y[i] = along(embedding + person[p].image[i] * D, centroid);
            for (int v = 0; v < V; v++) {
                float unit[D];
                fus_sdc_unit(unit, person[p].weight + v * D, D);
                if (1 - along(unit, centroid) < (float)0.3)
                    a[i] += person[p].z[i * V + v] * along(person[p].weight + v * D, centroid);
            }
        }
        r += pearson(a, y, TRIALS) / (P - 1);
    }
    CHECK(number("0.30/comparison_clusters.csv", 2, "n_voxels") == 12);
    CHECK(test_near("r elsewhere", number("0.30/comparison_clusters.csv", 2, "r_left_out"), r, 1e-6));
    CHECK(number("0.30/comparison_clusters.csv", 2, "replicated") == 1); /* in four others */
    CHECK(number("0.30/comparison_clusters.csv", 0, "replicated_in") == 5);
    CHECK(number("0.30/comparison.csv", 0, "n_count") == 2 && number("0.30/comparison.csv", 0, "n_replicated") == 1);
    CHECK(number("0.30/comparison.csv", 1, "n_count") >= 9); /* 5 and 4 at least */
    CHECK(number("0.30/comparison.csv", 2, "n_clusters") == 2);
}

static void test_labels(void)
{
    double c[D], s[IMAGES], above = 0, pairs = 0;
    mean_of(c, 0, 12, 5);
    for (int i = 0; i < IMAGES; i++)
        s[i] = along(embedding + i * D, c);
    for (int i = 0; i < IMAGES; i++)
        for (int k = 0; k < IMAGES; k++)
            if (i % 2 == 0 && k % 2 == 1) { /* labels.csv: k0, k1, k2, then even */
                above += s[i] > s[k] ? 1 : s[i] == s[k] ? 0.5 : 0;
                pairs++;
            }
    CHECK(test_near("area under the curve", number("0.30/labels.csv", 3, "auc"), above / pairs, 1e-12));
    CHECK(number("0.30/labels.csv", 0, "auc") > 0.95 && number("0.30/labels.csv", 0, "n_images") == 20);
    CHECK(test_near("hypergeometric", number("0.30/labels.csv", 0, "p_top"), 20.0 / 60, 1e-12)); /* one of one image */
    CHECK(has("clusters/0.30/clusters.csv", ",kind:k0,") && has("clusters/0.30/clusters.csv", ",kind:k1,"));
    CHECK(has("clusters/0.30/images.csv", "1,most,1,im<"));
}

static void test_page(const struct fus_sdc_cluster_options *o)
{
    char path[512];
    uint8_t *first = NULL, *again = NULL;
    size_t n = 0, m = 0;
    snprintf(path, sizeof path, "%s/report.html", root);
    CHECK(fus_base_read_file(&first, &n, path, 1 << 26, &err) == 0);
    CHECK(fus_sdc_page_suits(root) && fus_sdc_page_write(root, &err) == 0);
    CHECK(fus_base_read_file(&again, &m, path, 1 << 26, &err) == 0);
    CHECK(n == m && memcmp(first, again, n) == 0);
    CHECK(has("report.html", "<b>2 shared concepts</b>") && has("report.html", "kind:k1"));
    CHECK(has("report.html", "im&lt;") && !has("report.html", "im<")); /* names are escaped */
    CHECK(o->n_eps == 1);
    fus_base_free(first);
    fus_base_free(again);
}

static void test_memory(const struct fus_sdc_cluster_options *o)
{
    struct fus_sdc_cluster_result result;
    int code = 1;
    fus_base_set_threads(1);
    for (long fail = 1; fail < 20000 && code; fail += fail < 60 ? 1 : 211) {
        fus_base_fail_allocation(fail);
        code = fus_sdc_cluster_folder(o, &result, &err);
        fus_base_fail_allocation(0);
        if (code && code != FUS_ENOMEM && !strstr(err.msg, "no memory")) {
            CHECK_MSG(false, "allocation %ld: %s", fail, err.msg);
            break;
        }
    }
    CHECK(code == 0);
    fus_base_set_threads(0);
}

static void remove_all(void)
{
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    CHECK(system(command) == 0);
}

int main(void)
{
    struct fus_sdc_cluster_options o;
    struct fus_sdc_cluster_result result = {0};
    make_folder();
    move_voxels();
    fus_sdc_cluster_defaults(&o);
    o.folder = root, o.n_eps = 1, o.eps[0] = 0.3, o.min_others = 3, o.replicates = 2, o.stability = 2;
    CHECK_MSG(fus_sdc_cluster_folder(&o, &result, &err) == 0, "%s", err.msg);
    test_clusters(&result);
    test_halves();
    test_beside();
    test_labels();
    test_page(&o);
    test_memory(&o);
    remove_all();
    return test_end();
}
