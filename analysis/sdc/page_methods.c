/* How it was done, with every choice and limit: see page.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/sdc/page.h"

static void put_vectors(struct fus_text_buffer *out, const struct fus_sdc_page_kind *kinds, int n)
{
    bool pattern = false;
    for (int i = 0; i < n; i++)
        pattern = pattern || strcmp(kinds[i].which, "patterns") == 0;
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

static void put_rule(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    char others[128], border[128], zero[128];
    fus_sdc_page_member(others, k, "min_others");
    fus_sdc_page_member(border, k, "border");
    fus_sdc_page_member(zero, k, "zero_vectors");
    fus_svg_put(out,
                "<dt>Clusters</dt><dd>A voxel is core if voxels of at least $e other participants are nearer than eps. "
                "Clusters are the connected components of core voxels with links shorter than eps, links within a "
                "participant included. A voxel that is not core joins ",
                others);
    if (strcmp(border, "last") == 0)
        fus_svg_put(out,
                    "the last cluster, by number, of which a core voxel is nearer than eps, as the search of Efird "
                    "et al. ends. ");
    else
        fus_svg_put(out,
                    "the cluster of its nearest core voxel if that is nearer than eps; this does not depend on the "
                    "order of voxels. Efird et al. let the last cluster that reaches it win (--border last). ");
    fus_svg_put(out,
                "Nothing is aligned anatomically. Numbers follow the first core voxel, in the order of "
                "participants and voxels. After border voxels are assigned, a cluster may have voxels of fewer "
                "participants than its core asks for. Vectors of length 0: $e.</dd>\n",
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
    fus_svg_put(out,
                "<dt>Stability</dt><dd>Reruns of the decoders, drawn with replacement for each participant ($e "
                "times), averaged and clustered at the same eps; the best Jaccard index of each cluster (Hennig "
                "2007). It needs two reruns or more, and weights.</dd>\n",
                stability);
}

void fus_sdc_page_methods(struct fus_text_buffer *out, const struct fus_sdc_page_kind *kinds, int n)
{
    fus_svg_put(out, "<h2 id=\"methods\">Methods</h2>\n<dl>\n");
    put_vectors(out, kinds, n);
    put_rule(out, &kinds[0]);
    put_eps(out, &kinds[0]);
    put_expansion(out, &kinds[0]);
    fus_svg_put(
        out, "<dt>What this cannot say</dt><dd>That voxels of several people have alike vectors says that the same "
             "direction of this embedding can be read from them, not that these voxels cause anything, nor that the "
             "concept is what the nearest images suggest to a reader. Another embedding has other directions. "
             "Neighbouring voxels share signal and noise, so numbers of voxels are no independent counts. A cluster "
             "that is missing may be one that the decoders could not learn.</dd>\n"
             "<dt>Reproducibility</dt><dd>Every number is the same, to the bit, on every machine and for any number of "
             "threads; cluster.json has the options and the digests of the inputs.</dd>\n</dl>\n");
}
