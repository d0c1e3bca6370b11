"""Writes tests/golden/train_FAMILY.bin: small networks and what PyTorch makes of one batch in double, for tests/test_train.c.

Runs under Debian's /usr/bin/python3 (python3-torch, python3-numpy) from the repository's root. A file is records
`NAME N\n` followed by N little-endian floats. Records: spec (stem, bottleneck, pad, width, classes, lang, hidden, embedding, words,
side, blocks ..), label, target, words and starts of texts, loss,
g/NAME (gradients), s/NAME (running statistics after), sgd/NAME and adam/NAME (after two steps on the same batch: Nesterov,
momentum 0.9, rate 0.1, decay 5e-4; AdamW, rate 0.002, 0.9, 0.98, 1e-6, decay 0.05; decay on matrices only). g, sgd and adam hold
every 7th number of tensors with more than 500. Values before come from a linear congruence seeded by the tensor's name, which
the test repeats."""
import struct
import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
D = torch.float64
BATCH, SPARSE, STEP = 4, 500, 7


def noise(name, *shape):
    """Whole numbers of a linear congruence, spread over -1 .. 1, exact in float. The seed is FNV-1a of the name."""
    n, out, x = int(np.prod(shape)), [], 2166136261
    for byte in name.encode():
        x = ((x ^ byte) * 16777619) & 0xFFFFFFFF
    for _ in range(n):
        x = (1664525 * x + 1013904223) & 0xFFFFFFFF
        out.append((x >> 12) / 2.0 ** 19 - 1)
    return torch.tensor(out, dtype=D).float().to(D).reshape(shape)


class Network:
    """The layers as functions of named tensors, so that parameters keep torchvision's and CLIP's names."""

    def __init__(self, stem, blocks, width, bottleneck, classes=5, lang=0, hidden=0, embed=0, words=0, side=32, frozen=False, kind="cosine"):
        self.__dict__.update(locals())
        self.p, self.stats, self.before = {}, {}, {}

    def new(self, name, *shape, around=0.0, scale=None):
        if name not in self.p:
            fan = int(np.prod(shape[1:])) if len(shape) > 1 else 1
            value = noise(name, *shape) * (scale if scale else (2.0 / fan) ** 0.5) + around
            self.p[name] = value.float().to(D).requires_grad_(True)
        return self.p[name]

    def conv(self, x, name, norm, out, kernel, stride=1):
        z = F.conv2d(x, self.new(name + ".weight", out, x.shape[1], kernel, kernel), stride=stride, padding=kernel // 2)
        gamma, beta = self.new(norm + ".weight", out, around=1, scale=0.2), self.new(norm + ".bias", out, scale=0.1)
        if norm not in self.stats:
            mean, var = noise(norm + ".running_mean", out) * 0.1, noise(norm + ".running_var", out) * 0.2 + 1
            self.stats[norm] = [mean.float().to(D), var.float().to(D)]
            self.before[norm] = [v.clone() for v in self.stats[norm]]
        mean, var = self.stats[norm]
        return F.batch_norm(z, mean, var, gamma, beta, not self.frozen, 0.1, 1e-5)

    def linear(self, x, name, out):
        return F.linear(x, self.new(name + ".weight", out, x.shape[1]), self.new(name + ".bias", out, scale=0.1))

    def block(self, x, at, width, out, stride):
        clip, y = self.stem == "clip", x
        if self.bottleneck:
            y = F.relu(self.conv(y, at + ".conv1", at + ".bn1", width, 1))
            y = F.relu(self.conv(y, at + ".conv2", at + ".bn2", width, 3, 1 if clip else stride))
            y = F.avg_pool2d(y, stride) if clip and stride > 1 else y
            y = self.conv(y, at + ".conv3", at + ".bn3", out, 1)
        else:
            y = F.relu(self.conv(y, at + ".conv1", at + ".bn1", width, 3, stride))
            y = self.conv(y, at + ".conv2", at + ".bn2", out, 3)
        if self.stem == "3x3":
            if stride > 1:
                more = out - x.shape[1]
                x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, more // 2, more - more // 2))
        elif stride > 1 or x.shape[1] != out:
            x = F.avg_pool2d(x, stride) if clip and stride > 1 else x
            x = self.conv(x, at + ".downsample.0", at + ".downsample.1", out, 1, 1 if clip else stride)
        return F.relu(x + y)

    def attend(self, x, out):
        n, c = x.shape[:2]
        heads = self.width // 2
        x = x.flatten(2).transpose(1, 2)
        x = torch.cat([x.mean(1, keepdim=True), x], 1) + self.new("attnpool.positional_embedding", x.shape[1] + 1, c, scale=0.1)
        part = lambda name, t: F.linear(t, self.new("attnpool.%s.weight" % name, c, c), self.new("attnpool.%s.bias" % name, c, scale=0.1))
        split = lambda t: t.reshape(n, -1, heads, c // heads).transpose(1, 2)
        q, k, v = split(part("q_proj", x[:, :1])), split(part("k_proj", x)), split(part("v_proj", x))
        a = torch.softmax(q @ k.transpose(2, 3) / (c // heads) ** 0.5, -1)
        return self.linear((a @ v).transpose(1, 2).reshape(n, c), "attnpool.c_proj", out)

    def features(self, x):
        w = self.width
        if self.stem == "clip":
            x = F.relu(self.conv(x, "conv1", "bn1", w // 2, 3, 2))
            x = F.relu(self.conv(x, "conv2", "bn2", w // 2, 3))
            x = F.avg_pool2d(F.relu(self.conv(x, "conv3", "bn3", w, 3)), 2)
        elif self.stem == "7x7":
            x = F.max_pool2d(F.relu(self.conv(x, "conv1", "bn1", w, 7, 2)), 3, 2, 1)
        else:
            x = F.relu(self.conv(x, "conv1", "bn1", w, 3))
        for i, n in enumerate(self.blocks):
            for j in range(n):
                x = self.block(x, "layer%d.%d" % (i + 1, j), w << i, (w << i) * (4 if self.bottleneck else 1), 2 if i and not j else 1)
        return x

    def loss(self, x, label, target, texts):
        x = self.features(x)
        if self.stem == "clip":
            e = F.normalize(self.attend(x, self.embed), dim=1)
            columns = self.new("text.weight", self.embed, self.words)
            t = F.normalize(torch.stack([columns[:, w].mean(1) for w in texts]), dim=1)
            scale = self.new("logit_scale", around=2.6592600369327779, scale=1e-12)
            logits, own = scale.exp() * e @ t.T, torch.arange(len(e))
            return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
        x = x.mean((2, 3))
        loss = F.cross_entropy(self.linear(x, "fc", self.classes), label, label_smoothing=0.1)
        if self.hidden:
            u = self.linear(F.relu(self.linear(x, "lang_head.0", self.hidden)), "lang_head.2", self.lang)
        elif self.lang:
            u = self.linear(x, "lang_head", self.lang)
        else:
            return loss
        return loss + 0.5 * (F.mse_loss(u, target) if self.kind == "mse" else (1 - F.cosine_similarity(u, target)).mean())


FAMILIES = {
    "basic": dict(stem="7x7", blocks=(1, 1), width=8, bottleneck=False),
    "bottleneck": dict(stem="7x7", blocks=(1, 2), width=8, bottleneck=True),
    "cifar": dict(stem="3x3", blocks=(1, 1), width=8, bottleneck=False, side=16),
    "lang": dict(stem="7x7", blocks=(1, 1), width=8, bottleneck=True, lang=6),
    "lang2": dict(stem="7x7", blocks=(1, 1), width=8, bottleneck=True, lang=6, hidden=10),
    "mse": dict(stem="7x7", blocks=(1, 1), width=8, bottleneck=False, lang=6, kind="mse", side=24),
    "clip": dict(stem="clip", blocks=(1, 1), width=8, bottleneck=True, embed=6, words=9),
    "frozen": dict(stem="7x7", blocks=(1, 1), width=8, bottleneck=True, lang=6, frozen=True),
}


def write(f, name, values):
    values = np.asarray(values, dtype=np.float64).reshape(-1).astype("<f4")
    f.write(b"%s %d\n" % (name.encode(), len(values)) + values.tobytes())


def sparse(t):
    t = t.detach().reshape(-1).numpy()
    return t[::STEP] if len(t) > SPARSE else t


def train(net, data, rule):
    matrices, vectors = [p for p in net.p.values() if p.dim() > 1], [p for p in net.p.values() if p.dim() <= 1]
    groups = [dict(params=matrices, weight_decay=5e-4 if rule == "sgd" else 0.05), dict(params=vectors, weight_decay=0)]
    opt = torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True) if rule == "sgd" else torch.optim.AdamW(
        groups, lr=0.002, betas=(0.9, 0.98), eps=1e-6)
    for _ in range(2):
        opt.zero_grad()
        net.loss(*data).backward()
        opt.step()


def one(family, options):
    net = Network(**options)
    side = net.side
    data = (noise("input", BATCH, 3, side, side), torch.tensor([0, 3, 1, 3]), F.normalize(noise("target", BATCH, 6), dim=1).float().to(D),
            [[0, 2, 5], [0, 1], [0, 3, 3, 8, 7], [4]])
    loss = net.loss(*data)
    loss.backward()
    start = {k: v.detach().clone() for k, v in net.p.items()}
    with open("tests/golden/train_%s.bin" % family, "wb") as f:
        write(f, "spec", [["7x7", "3x3", "clip"].index(net.stem), net.bottleneck, net.stem == "3x3", net.width,
                          0 if net.stem == "clip" else net.classes, net.lang, net.hidden, net.embed, net.words, side, net.frozen,
                          net.kind == "mse", *net.blocks])
        write(f, "label", data[1])
        write(f, "target", data[2])
        write(f, "words", sum(data[3], []))
        write(f, "starts", np.cumsum([0] + [len(t) for t in data[3]]))
        write(f, "loss", [loss.item()])
        for name, p in net.p.items():
            write(f, "g/" + name, sparse(p.grad))
        for norm, (mean, var) in net.stats.items():
            write(f, "s/%s.running_mean" % norm, mean)
            write(f, "s/%s.running_var" % norm, var)
        for rule in ("sgd", "adam"):
            for name, p in net.p.items():
                p.data.copy_(start[name])
            for norm, stat in net.stats.items():
                stat[0].copy_(net.before[norm][0]), stat[1].copy_(net.before[norm][1])
            train(net, data, rule)
            for name, p in net.p.items():
                write(f, rule + "/" + name, sparse(p))
    print(family, loss.item())


if __name__ == "__main__":
    for family, options in FAMILIES.items():
        one(family, options)
