/* SPDX-License-Identifier: MIT */
/* How it was done, with every choice and limit: see page.h. */
#include <math.h>
#include <string.h>

#include "analysis/sdc/page.h"
#include "nn/base/number.h"

static void put_vectors(struct fus_text_buffer *out, const struct fus_sdc_page_kind *kinds, int n)
{
    bool pattern = false;
    for (int i = 0; i < n; i++)
        pattern = pattern || strcmp(kinds[i].which, "patterns") == 0;
    bool networks = n && strcmp(fus_sdc_page_words(&kinds[n - 1]).who, "people") != 0;
    if (networks)
        fus_svg_put(out, "<dt>Networks</dt><dd>A participant marked \xe2\x97\x87 is a network. What these methods call "
                         "voxels are its units: single numbers of a layer, or channels, each the mean over places; its "
                         "responses are their activations.</dd>\n");
    fus_svg_put(
        out, "<dt>Vectors</dt><dd>A voxel's weights in a linear decoder from responses to image embeddings are a "
             "vector in the embedding space: what its activity adds about the image, all other voxels given. This is "
             "the choice of Efird, Murphy, Zylberberg &amp; Fyshe (ICLR 2025). ");
    if (pattern)
        fus_svg_put(out,
                    "The pattern is ours: the covariance of a voxel with the decoded embedding over training trials "
                    "(Haufe et al. 2014, without the inverse covariance of the decoded embedding). Where many "
                    "voxels carry one signal, each weight is a small and noisy share of it; the pattern is not. "
                    "eps of weights and of patterns cannot be compared. ");
    fus_svg_put(out, "Vectors have length 1; those of length 0 take no part. The distance of two is 1 less their "
                     "cosine.</dd>\n");
}

static void put_required(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    static const char *const keys[] = {"require_people", "require_networks"}, *const names[] = {"people", "networks"};
    for (int i = 0; i < 2; i++) {
        char n[128];
        fus_sdc_page_member(n, k, keys[i]);
        if (strcmp(n, "0") > 0)
            fus_svg_put(out, "Among a core voxel's neighbours, itself counted, are at least $e $s. ", n, names[i]);
    }
}

static void put_rule(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    char others[128], border[128], zero[128];
    fus_sdc_page_member(others, k, "min_others");
    fus_sdc_page_member(border, k, "border");
    fus_sdc_page_member(zero, k, "zero_vectors");
    fus_svg_put(out,
                "<dt>Clusters</dt><dd>A voxel is core if voxels of at least $e other participants are nearer than eps. "
                "Clusters are the connected components of core voxels with links shorter than eps, links within a "
                "participant included. ",
                others);
    put_required(out, k);
    if (strcmp(border, "last") == 0)
        fus_svg_put(out, "A voxel that is not core joins the last cluster, by number, of which a core voxel is nearer "
                         "than eps, as the search of Efird "
                         "et al. ends. ");
    else
        fus_svg_put(out, "A voxel that is not core joins the cluster of its nearest core voxel if that is nearer than "
                         "eps; this does not depend on the "
                         "order of voxels. Efird et al. let the last cluster that reaches it win (--border last). ");
    fus_svg_put(out,
                "Nothing is aligned anatomically. Numbers follow the first core voxel, in the order of "
                "participants and voxels. After border voxels are assigned, a cluster may have voxels of fewer "
                "participants than its core asks for. Vectors of length 0, at distance 1 from every "
                "vector: $e.</dd>\n",
                zero);
}

static void put_eps(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    char null[128], replicates[128], preset[128];
    fus_sdc_page_member(null, k, "null");
    fus_sdc_page_member(replicates, k, "null_replicates");
    fus_sdc_page_member(preset, k, "preset");
    fus_svg_put(out, "<dt>eps</dt><dd>");
    if (strcmp(null, "rotate") == 0)
        fus_svg_put(
            out,
            "Chance: in the principal axes that hold 99.9% of all vectors' second moments, each participant's "
            "vectors are scaled to equal variance, turned by a random orthogonal matrix of its own and scaled "
            "back ($e times). The second moments of all vectors stay, and vectors of one participant that were "
            "alike stay alike; what participants share goes. q is the mean number of core voxels by chance over "
            "the number found. ",
            replicates);
    else if (strcmp(null, "pairing") == 0)
        fus_svg_put(out, "Chance: decoders whose training images were exchanged, through the whole of the method. q is "
                         "the mean number of core voxels by chance over the number found. ");
    else
        fus_svg_put(out, "Chance was not computed (--null none): nothing here says how many clusters would be found "
                         "without sharing. ");
    if (strcmp(null, "none") != 0)
        fus_svg_put(out,
                    "Chosen is, of the eps with q of .05 or less, the one with most clusters that count (ten voxels "
                    "or more, of more participants than the core rule asks for), of equal ones the largest. q looks "
                    "at core voxels alone; border voxels are not judged. With few effective dimensions chance meets "
                    "often, and no eps may pass. ");
    if (strcmp(preset, "efird") == 0)
        fus_svg_put(out, "Preset of Efird et al.: eps 0.45 to 0.70, the last border. ");
    fus_svg_put(out, "</dd>\n");
}

static void put_expansion(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    char expand[128], centroid[128], stability[128];
    fus_sdc_page_member(expand, k, "expand");
    fus_sdc_page_member(centroid, k, "centroid");
    fus_sdc_page_member(stability, k, "stability");
    if (strcmp(expand, "none") != 0)
        fus_svg_put(out,
                    "<dt>Expansion</dt><dd>Within each participant a cluster's voxels and all voxels nearer to one of "
                    "them than $s$e; a voxel may be in several. These are files of their own and enter nothing on "
                    "this page.</dd>\n",
                    strcmp(expand, "auto") == 0 ? "eps + 0.05, at most 0.65" : "",
                    strcmp(expand, "auto") == 0 ? "" : expand);
    fus_svg_put(out,
                "<dt>Images</dt><dd>A cluster's centroid is the mean of its $s, of length 1. Images are ordered by "
                "the cosine of their embedding with it: the nearest say what the cluster is, the farthest what it is "
                "not. A label's AUC is the area under the ROC curve of that cosine; its tests over hundredths are "
                "hypergeometric, corrected by Benjamini &amp; Hochberg over clusters and labels. The name of a cluster "
                "is the label with the largest AUC: a description, not a test.</dd>\n",
                strcmp(centroid, "participants") == 0 ? "participants' mean vectors" : "voxels' vectors");
    if (k->decoded)
        fus_svg_put(
            out, "<dt>Decoding</dt><dd>On test trials, which trained nothing: the sum over the cluster's voxels of "
                 "z-score times the weights' part along the centroid, correlated over trials with the image's cosine. "
                 "p is one-sided, from 999 permutations of images, q by Benjamini &amp; Hochberg over clusters and "
                 "participants. The clusters themselves were made from these participants' decoders, so r describes; "
                 "the test without circularity leaves the participant out: the others are clustered at the same eps, "
                 "the cluster is matched by its centroid (nearer than eps), the participant's voxels nearer than eps "
                 "to that centroid are used. With P participants the rule asks for P \xe2\x88\x92 2 others at most "
                 "there.</dd>\n");
    if (k->n_ways)
        fus_svg_put(
            out,
            "<dt>Other ways</dt><dd>DBSCAN (Ester et al. 1996) in each participant alone: core voxels have as many "
            "other voxels of the participant nearer than eps as the rule above asks for participants. Spherical "
            "k-means (Dhillon &amp; Modha 2001), the best of four starts. A cluster of one participant is tested in "
            "all others by its centroid; k-means like the shared clusters, without the participant and matched. "
            "Replicated: r &gt; 0 at q &lt; .05 in more participants than --min-others, or in all others.</dd>\n");
    fus_svg_put(
        out,
        "<dt>Stability</dt><dd>Reruns of the decoders, drawn with replacement for each participant ($e "
        "times), averaged and clustered at the same eps; with `sdc fit --halves` decoders of odd and of even "
        "sessions, clustered at the nearest eps at which as many voxels are core. The best Jaccard index of each "
        "cluster (Hennig 2007) and adjusted Rand indices (Hubert &amp; Arabie 1985). Voxels were chosen, and "
        "z-scores made, from all sessions.</dd>\n",
        stability);
}

/* ---- what differs from the paper ---- */

struct choice {
    bool of_fit;
    const char *key, *theirs, *name;
};

static const struct choice choices[] = {
    {true, "min_nc", "8", "least noise ceiling"},
    {true, "repeats", "3", "repeats"},
    {true, "zscore", "true", "z-scores"},
    {true, "iterations", "5001", "steps"},
    {true, "batch", "128", "batch"},
    {true, "lr", "0.0001", "learning rate"},
    {true, "temperature", "0.03", "temperature"},
    {true, "noise", "1", "noise"},
    {true, "tail", "0", "share of iterates averaged"},
    {true, "reruns", "50", "reruns"},
    {true, "same_image", "keep", "trials of one image in a batch"},
    {false, "vectors", "weight", "vectors"},
    {false, "eps", "0.45,0.50,0.55,0.60,0.65,0.70", "eps"},
    {false, "min_others", "3", "other participants"},
    {false, "border", "last", "border"},
    {false, "expand", "auto", "expansion"},
};

static bool same_value(const char *a, const char *b)
{
    double x, y;
    return strcmp(a, b) == 0 || (fus_number_real(&x, a, NULL) && fus_number_real(&y, b, NULL) && x == y);
}

/* Of the fit once, of each kind of vectors its own. */
static void put_differences(struct fus_text_buffer *out, const struct fus_sdc_page_kind *kinds, int n)
{
    int shown = 0;
    fus_svg_put(out, "<dt>Differences from Efird et al.</dt><dd>");
    for (int i = 0; i < n; i++)
        for (size_t c = 0; c < sizeof choices / sizeof *choices; c++) {
            char value[128];
            if (choices[c].of_fit)
                fus_sdc_page_fit_member(value, &kinds[i], choices[c].key);
            else
                fus_sdc_page_member(value, &kinds[i], choices[c].key);
            if (!*value || same_value(value, choices[c].theirs) || (choices[c].of_fit && i > 0))
                continue;
            fus_svg_put(out, "$s$s", shown++ ? "; " : "", choices[c].name);
            if (n > 1 && !choices[c].of_fit)
                fus_svg_put(out, " of $s", kinds[i].which);
            fus_svg_put(out, " $e (theirs $e)", value, choices[c].theirs);
        }
    fus_svg_put(out,
                "$sIn every case: random numbers, which are each participant's own here; which of a participant's own "
                "images test; voxels that do not vary in a session, which are left out here.</dd>\n",
                shown ? ". " : "No option differs from the preset. ");
}

void fus_sdc_page_methods(struct fus_text_buffer *out, const struct fus_sdc_page_kind *kinds, int n)
{
    fus_svg_put(out, "<h2 id=\"methods\">Methods</h2>\n<dl>\n");
    put_vectors(out, kinds, n);
    put_rule(out, &kinds[0]);
    put_eps(out, &kinds[0]);
    put_expansion(out, &kinds[0]);
    put_differences(out, kinds, n);
    fus_svg_put(
        out, "<dt>What this cannot say</dt><dd>That voxels of several people have alike vectors says that the same "
             "direction of this embedding can be read from them, not that these voxels cause anything, nor that the "
             "concept is what the nearest images suggest to a reader. Another embedding has other directions. "
             "Neighbouring voxels share signal and noise, so numbers of voxels are no independent counts. A cluster "
             "that is missing may be one that the decoders could not learn.</dd>\n"
             "<dt>Reproducibility</dt><dd>Every number is the same, to the bit, on every machine and for any number of "
             "threads; cluster.json has the options and the digests of the inputs.</dd>\n</dl>\n");
}
