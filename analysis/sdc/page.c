/* SPDX-License-Identifier: MIT */
/* The page of shared decodable concepts: see page.h. */
#include "analysis/sdc/page.h"
#include "analysis/sdc/chain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report/frame.h"
#include "analysis/sdc/concept_tables.h"
#include "stimuli/set/folder.h"

enum { MAX_KINDS = 2 };

static const char css[] =
    ".concepts td{vertical-align:middle}.concepts .pics{padding:6px 14px 6px 0}.concepts .strip+.strip{margin-top:4px}"
    ".concepts th{vertical-align:middle;white-space:normal;min-width:5em}.concepts svg{display:inline-block}\n"
    ".pic{display:inline-block;width:48px;height:48px;flex:none;border-radius:3px}"
    ".nm{display:inline-block;text-align:center}.facts td{text-align:left}.meta+h3{margin-top:1.8em}"
    ".groups td{vertical-align:middle;white-space:nowrap}\n";

static bool exists(const char *dir, const char *folder, const char *file)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s%s%s", dir, folder, *folder ? "/" : "", file);
    FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "rb") : NULL;
    if (f)
        fclose(f);
    return f != NULL;
}

bool fus_sdc_page_suits(const char *dir)
{
    return exists(dir, "clusters", "eps.csv") || exists(dir, "clusters-pattern", "eps.csv") ||
           exists(dir, "", "scores.csv");
}

/* ---- head ---- */

/* The page's rules, with the sheets of thumbnails in them. */
static void put_css(struct fus_text_buffer *out, const struct fus_sdc_page_kind *kinds, int n)
{
    fus_svg_put(out, "$s", css);
    for (int i = 0; i < n; i++)
        if (kinds[i].sheet) {
            fus_svg_put(out, ".pic$d{background-image:url(data:image/png;base64,", i);
            fus_svg_base64(out, kinds[i].sheet, kinds[i].sheet_n);
            fus_svg_put(out, ")}\n");
        }
}

static void put_chance(struct fus_text_buffer *out, const struct fus_sdc_page_eps *e)
{
    if (isfinite(e->q))
        fus_svg_put(out, ", of which chance gives $p", e->q);
}

/* "<b>12 shared concepts</b> ...": the finding of one kind of vectors. */
/* Clusters that have run together at the chosen eps. */
static void put_chain(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    struct fus_sdc_chain_eps *e = fus_base_alloc((size_t)k->n_eps + 1, sizeof *e);
    if (!e) {
        out->failed = true;
        return;
    }
    for (int i = 0; i < k->n_eps; i++)
        e[i] = (struct fus_sdc_chain_eps){k->eps[i].n_core + k->eps[i].n_border, k->eps[i].largest, k->eps[i].n_count,
                                          k->eps[i].q};
    if (k->eps[k->shown].chosen && fus_sdc_chain_found(&e[k->shown])) {
        int smaller = fus_sdc_chain_smaller(e, k->shown);
        struct fus_sdc_page_words words = fus_sdc_page_words(k);
        fus_svg_put(out,
                    " <b>One cluster has $d of the $d clustered $s</b>, as chains of near $s give: it may be several "
                    "concepts. ",
                    (int)e[k->shown].largest, (int)e[k->shown].clustered, words.many, words.many);
        if (smaller >= 0)
            fus_svg_put(out,
                        "At the next smaller eps where none has more than half, $e, the largest has $d of $d "
                        "(<code>--eps $e</code>).",
                        k->eps[smaller].name, (int)e[smaller].largest, (int)e[smaller].clustered, k->eps[smaller].name);
        else
            fus_svg_put(out, "At no smaller eps do several clusters count and none have more than half.");
    }
    fus_base_free(e);
}

static void put_finding(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    char others[128];
    int replicated = 0, known = 0, count = 0;
    fus_sdc_page_member(others, k, "min_others");
    double enough = strtod(others, NULL) + 1;
    struct fus_sdc_page_words words = fus_sdc_page_words(k);
    fus_svg_put(out, "<li>From $s: ", k->which);
    if (k->shown < 0) {
        fus_svg_put(out, "<b>no shared concept</b>. No eps passes: at each one chance gives more than 5% of the core "
                         "voxels, or no cluster counts.</li>\n");
        return;
    }
    const struct fus_sdc_page_eps *e = &k->eps[k->shown];
    for (int c = 0; c < k->n_clusters; c++) {
        known += isfinite(k->clusters[c].replicated_in);
        replicated += k->clusters[c].n_voxels >= 10 && k->clusters[c].replicated_in >= enough;
        count += k->clusters[c].n_voxels >= 10;
    }
    fus_svg_put(out, "<b>$d shared concept$s</b> of ten $s or more in $d participants, at eps $e", (int)e->n_count,
                e->n_count == 1 ? "" : "s", words.many, k->n_names, e->name);
    fus_svg_put(out, e->chosen ? ", chosen against chance" : ", as asked for");
    fus_svg_put(out, ": $z core $s", (size_t)e->n_core, words.many);
    put_chance(out, e);
    fus_svg_put(out, ".");
    put_chain(out, k);
    if (known && count)
        fus_svg_put(out, " <b>$d of $d</b> are decoded in at least $d participants who were left out.", replicated,
                    count, (int)enough);
    fus_svg_put(out, "</li>\n");
}

static void open_page(struct fus_text_buffer *out, const struct fus_sdc_page_kind *kinds, int n)
{
    const char *who = n ? fus_sdc_page_words(&kinds[n - 1]).who : "people";
    char title[100];
    snprintf(title, sizeof title, "What can be read from several %s alike", who);
    struct fus_theme theme;
    struct fus_text_buffer rules = {0};
    fus_theme_create(&theme, NULL, 0, 8);
    put_css(&rules, kinds, n);
    fus_frame_open(out, &(struct fus_frame){"Shared decodable concepts", title, rules.s ? rules.s : "", &theme});
    out->failed |= rules.failed;
    fus_text_free(&rules);
}

static void put_head(struct fus_text_buffer *out, const struct fus_sdc_page_kind *kinds, int n,
                     const struct fus_sdc_page_scores *scores)
{
    open_page(out, kinds, n);
    fus_svg_put(out, "<p class=\"meta\">");
    if (n)
        fus_svg_put(out, "$d participants \xc2\xb7 ", kinds[0].n_names);
    fus_svg_put(out, "after Efird, Murphy, Zylberberg &amp; Fyshe (ICLR 2025)</p>\n</header>\n"
                     "<section class=\"result\" aria-label=\"Result\">\n<ul class=\"lead\">\n");
    for (int i = 0; i < n; i++)
        put_finding(out, &kinds[i]);
    fus_sdc_page_scores_lead(out, scores);
    if (n == 0)
        fus_svg_put(out,
                    "<li><b>Nothing is clustered yet</b>: <code>fusiform sdc cluster</code> finds the concepts that "
                    "participants share.</li>\n");
    fus_svg_put(out, "</ul></section>\n<nav>$s",
                fus_sdc_page_scores_any(scores) ? "<a href=\"#retrieval\">Decoders</a>" : "");
    for (int i = 0; i < n; i++)
        fus_svg_put(out, "<a href=\"#$s\">Concepts from $s</a>", kinds[i].which, kinds[i].which);
    fus_svg_put(out, "$s$s</nav>\n", n ? "<a href=\"#methods\">Methods</a>" : "",
                fus_sdc_page_scores_any(scores) ? "<a href=\"#training\">Training</a>" : "");
}

/* ---- body ---- */

static void put_kind(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, int number)
{
    fus_svg_put(out, "<h2 id=\"$s\">Concepts from $s</h2>\n", k->which, k->which);
    fus_sdc_page_sweep(out, k);
    if (k->shown < 0)
        return;
    fus_svg_put(out, "<h3>Clusters at eps $e</h3>\n", k->eps[k->shown].name);
    if (k->n_clusters == 0) {
        fus_svg_put(out, "<p>There are none.</p>\n");
        return;
    }
    fus_sdc_page_clusters(out, k, number);
    fus_sdc_page_matrices(out, k);
    fus_sdc_page_groups(out, k, number);
    fus_sdc_page_presence(out, k);
    fus_sdc_page_judge(out, k);
    fus_sdc_page_regions(out, k);
    fus_sdc_page_overlap(out, k);
    fus_sdc_page_contrasts(out, k, number);
}

static int read_kinds(struct fus_sdc_page_kind kinds[MAX_KINDS], int *n, const char *dir, struct fus_error *err)
{
    static const char *const folders[] = {"clusters", "clusters-pattern"}, *const names[] = {"weights", "patterns"};
    int code = FUS_OK;
    *n = 0;
    for (int i = 0; i < MAX_KINDS && !code; i++)
        if (exists(dir, folders[i], "eps.csv")) {
            code = fus_sdc_page_read(&kinds[*n], dir, folders[i], names[i], err);
            ++*n;
        }
    if (!code && *n == 0 && !exists(dir, "", "scores.csv"))
        code =
            fus_base_fail(err, FUS_ENOTFOUND, "%s: no decoders (scores.csv) and no clusters (clusters/eps.csv)", dir);
    return code;
}

static int put_page(struct fus_text_buffer *out, const struct fus_sdc_page_kind *kinds, int n,
                    const struct fus_sdc_page_scores *scores, const char *dir, struct fus_error *err)
{
    put_head(out, kinds, n, scores);
    fus_sdc_page_scores_put(out, scores);
    for (int i = 0; i < n; i++)
        put_kind(out, &kinds[i], i);
    if (n)
        fus_sdc_page_methods(out, kinds, n);
    int code = fus_sdc_page_scores_any(scores) ? fus_sdc_page_scores_record(out, dir, err) : FUS_OK;
    fus_frame_close(out, FUS_VERSION);
    return code;
}

int fus_sdc_page_write(const char *dir, struct fus_error *err)
{
    struct fus_sdc_page_kind kinds[MAX_KINDS] = {{0}};
    struct fus_sdc_page_scores *scores = NULL;
    struct fus_text_buffer page = {0};
    char *path = NULL;
    int n, code = read_kinds(kinds, &n, dir, err);
    if (!code)
        code = fus_sdc_page_scores_read(&scores, dir, err);
    if (!code)
        code = put_page(&page, kinds, n, scores, dir, err);
    if (!code)
        code = fus_folder_join(&path, dir, "report.html", err);
    if (!code)
        code = fus_svg_save(&page, path, err);
    fus_base_free(path);
    fus_text_free(&page);
    fus_sdc_page_scores_free(scores);
    for (int i = 0; i < n; i++)
        fus_sdc_page_free(&kinds[i]);
    return code;
}
