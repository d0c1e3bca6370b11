/* SPDX-License-Identifier: MIT */
/* CLIP's attention pooling (Radford et al. 2021), forward and backward, as naive loops, a picture
 * at a time. T = places + 1 tokens of C channels; heads of d channels each; ' is the transpose.
 *
 *   u_0 = mean of the places + e_0,  u_t = x_t + e_t            tokens, with positions e
 *   q = Wq u_0 + bq,  k_t = Wk u_t + bk,  v_t = Wv u_t + bv     one query, T keys and values
 *   p_t = softmax_t(k_t . q / sqrt d),  o = sum_t p_t v_t       in each head
 *   a = Wc o + bc */
#include <math.h>
#include <string.h>

#include "nn/base/fmath.h"
#include "nn/train/grad_reference.h"

/* The row's tensors: positions, then weight and bias of each. */
enum { POSITIONS, QUERY = 1, KEY = 3, VALUE = 5, OUT = 7 };

/* One picture's arrays and their gradients. */
struct attention {
    const struct fus_grad_row *row;
    size_t c, tokens, heads;
    double *u, *k, *v; /* [T, C] */
    double *p;         /* [heads, T] */
    double *q, *o;     /* [C] */
    double *du, *dk, *dv, *dp, *dq, *d_o;
};

static size_t half_of_scratch(const struct fus_layer *l)
{
    size_t tokens = (size_t)l->in_height * (size_t)l->in_width + 1, c = (size_t)l->in_channels;
    return 3 * tokens * c + tokens * (size_t)l->heads + 2 * c;
}

size_t fus_grad_reference_attend_scratch(const struct fus_layer *l)
{
    return 2 * half_of_scratch(l);
}

static struct attention attention_of(const struct fus_grad_row *row)
{
    const struct fus_layer *l = row->layer;
    struct attention t = {.row = row,
                          .c = (size_t)l->in_channels,
                          .tokens = (size_t)l->in_height * (size_t)l->in_width + 1,
                          .heads = (size_t)l->heads};
    double *at = row->scratch;
    double **const tokens[] = {&t.u, &t.k, &t.v, &t.du, &t.dk, &t.dv}, **const vectors[] = {&t.q, &t.o, &t.dq, &t.d_o};
    for (int i = 0; i < 6; i++, at += t.tokens * t.c)
        *tokens[i] = at;
    for (int i = 0; i < 4; i++, at += t.c)
        *vectors[i] = at;
    t.p = at;
    t.dp = t.p + t.heads * t.tokens;
    return t;
}

/* ---- the linear maps ---- */

/* y = W x + b;  W [rows, C] is the row's tensor `part`, b the next. */
static void affine(double *y, const struct attention *t, int part, const double *x)
{
    const struct fus_grad_tensor *w = &t->row->tensor[part], *b = w + 1;
    for (size_t i = 0; i < b->n; i++) {
        y[i] = b->value[i];
        for (size_t j = 0; j < t->c; j++)
            y[i] += w->value[i * t->c + j] * x[j];
    }
}

/* dW += dy x',  db += dy,  dx += W' dy. */
static void affine_back(double *dx, const struct attention *t, int part, const double *dy, const double *x)
{
    const struct fus_grad_tensor *w = &t->row->tensor[part], *b = w + 1;
    for (size_t i = 0; i < b->n; i++) {
        b->gradient[i] += dy[i];
        for (size_t j = 0; j < t->c; j++) {
            w->gradient[i * t->c + j] += dy[i] * x[j];
            dx[j] += w->value[i * t->c + j] * dy[i];
        }
    }
}

/* ---- forward ---- */

/* u_0 = sum_t x_t / places + e_0,  u_t = x_t + e_t. */
static void make_tokens(const struct attention *t, int n)
{
    size_t places = t->tokens - 1;
    const double *x = t->row->x + (size_t)n * t->c * places, *e = t->row->tensor[POSITIONS].value;
    memcpy(t->u, e, t->tokens * t->c * sizeof *e);
    for (size_t i = 0; i < places; i++)
        for (size_t j = 0; j < t->c; j++) {
            t->u[j] += x[j * places + i] / (double)places;
            t->u[(i + 1) * t->c + j] += x[j * places + i];
        }
}

/* p = softmax(l), in place. */
static void softmax(double *l, size_t n)
{
    double most = l[0], sum = 0;
    for (size_t i = 1; i < n; i++)
        most = l[i] > most ? l[i] : most;
    for (size_t i = 0; i < n; i++)
        sum += l[i] = fus_fmath_exp(l[i] - most);
    for (size_t i = 0; i < n; i++)
        l[i] /= sum;
}

/* p_t = softmax_t(k_t . q / sqrt d),  o = sum_t p_t v_t. */
static void attend(const struct attention *t, size_t head)
{
    size_t d = t->c / t->heads, first = head * d;
    double *p = t->p + head * t->tokens;
    memset(p, 0, t->tokens * sizeof *p);
    memset(t->o + first, 0, d * sizeof *p);
    for (size_t i = 0; i < t->tokens; i++)
        for (size_t j = first; j < first + d; j++)
            p[i] += t->k[i * t->c + j] * t->q[j] / sqrt((double)d);
    softmax(p, t->tokens);
    for (size_t i = 0; i < t->tokens; i++)
        for (size_t j = first; j < first + d; j++)
            t->o[j] += p[i] * t->v[i * t->c + j];
}

static void forward(const struct attention *t, int n)
{
    make_tokens(t, n);
    affine(t->q, t, QUERY, t->u);
    for (size_t i = 0; i < t->tokens; i++) {
        affine(t->k + i * t->c, t, KEY, t->u + i * t->c);
        affine(t->v + i * t->c, t, VALUE, t->u + i * t->c);
    }
    for (size_t h = 0; h < t->heads; h++)
        attend(t, h);
    affine(t->row->a + (size_t)n * (size_t)t->row->layer->channels, t, OUT, t->o);
}

/* ---- backward ---- */

/* dl_t = p_t (dp_t - sum_j p_j dp_j), in place: through the softmax. */
static void softmax_back(double *dp, const double *p, size_t n)
{
    double mean = 0;
    for (size_t i = 0; i < n; i++)
        mean += p[i] * dp[i];
    for (size_t i = 0; i < n; i++)
        dp[i] = p[i] * (dp[i] - mean);
}

/* dv_t = p_t do,  dp_t = v_t . do,  dl = softmax_back(dp),
 * dq = sum_t dl_t k_t / sqrt d,  dk_t = dl_t q / sqrt d. */
static void attend_back(const struct attention *t, size_t head)
{
    size_t d = t->c / t->heads, first = head * d;
    double *p = t->p + head * t->tokens, *dp = t->dp + head * t->tokens;
    for (size_t i = 0; i < t->tokens; i++)
        for (size_t j = first; j < first + d; j++) {
            t->dv[i * t->c + j] = p[i] * t->d_o[j];
            dp[i] += t->v[i * t->c + j] * t->d_o[j];
        }
    softmax_back(dp, p, t->tokens);
    for (size_t i = 0; i < t->tokens; i++)
        for (size_t j = first; j < first + d; j++) {
            t->dq[j] += dp[i] * t->k[i * t->c + j] / sqrt((double)d);
            t->dk[i * t->c + j] = dp[i] * t->q[j] / sqrt((double)d);
        }
}

/* de = du,  dx_t = du_t + du_0 / places. */
static void tokens_back(const struct attention *t, int n)
{
    size_t places = t->tokens - 1;
    double *dx = t->row->dx + (size_t)n * t->c * places, *de = t->row->tensor[POSITIONS].gradient;
    for (size_t i = 0; i < t->tokens * t->c; i++)
        de[i] += t->du[i];
    for (size_t i = 0; i < places; i++)
        for (size_t j = 0; j < t->c; j++)
            dx[j * places + i] += t->du[(i + 1) * t->c + j] + t->du[j] / (double)places;
}

/* A key's bias adds the same value to all logits of a head, which does not change the softmax: its
 * gradient is 0 up to rounding. */
static void backward(const struct attention *t, int n)
{
    memset(t->du, 0, t->tokens * t->c * sizeof *t->du);
    memset(t->dq, 0, t->c * sizeof *t->dq);
    memset(t->d_o, 0, t->c * sizeof *t->d_o);
    memset(t->dp, 0, t->heads * t->tokens * sizeof *t->dp);
    affine_back(t->d_o, t, OUT, t->row->da + (size_t)n * (size_t)t->row->layer->channels, t->o);
    for (size_t h = 0; h < t->heads; h++)
        attend_back(t, h);
    for (size_t i = 0; i < t->tokens; i++) {
        affine_back(t->du + i * t->c, t, KEY, t->dk + i * t->c, t->u + i * t->c);
        affine_back(t->du + i * t->c, t, VALUE, t->dv + i * t->c, t->u + i * t->c);
    }
    affine_back(t->du, t, QUERY, t->dq, t->u);
    tokens_back(t, n);
}

/* ---- the row ---- */

void fus_grad_reference_attend(const struct fus_grad_row *row)
{
    struct attention t = attention_of(row);
    for (int n = 0; n < row->n; n++)
        forward(&t, n);
}

/* Repeats forward for each picture, since only one picture's arrays are in memory. */
void fus_grad_reference_attend_back(const struct fus_grad_row *row)
{
    struct attention t = attention_of(row);
    for (int n = 0; n < row->n; n++) {
        forward(&t, n);
        backward(&t, n);
    }
}
