"""Networks of torchvision's with narrow layers, and what their layers answer.

families_NAME.pth holds a state_dict in f16, families.inc for each layer its shape, its largest
number and some of its numbers, computed by PyTorch in f64 from the weights as stored.

    /usr/bin/python3 tests/golden/families.py
"""
import os
import torch
import torchvision
from torch import nn
from torchvision.models import vgg

HERE = os.path.dirname(os.path.abspath(__file__))
N_SAMPLES = 24
out = []


def picture(side):
    n = 3 * side * side
    x = (torch.arange(n) * 7919 % 1009).float() / 252.25 - 2
    return x.reshape(1, 3, side, side)


def narrow(sizes, relu_dropout):
    """Three linear layers arranged as in AlexNet (dropout first) or VGG."""
    a, b, c = (nn.Linear(sizes[i], sizes[i + 1]) for i in range(3))
    if relu_dropout:
        return nn.Sequential(a, nn.ReLU(), nn.Dropout(), b, nn.ReLU(), nn.Dropout(), c)
    return nn.Sequential(nn.Dropout(), a, nn.ReLU(), nn.Dropout(), b, nn.ReLU(), c)


def alexnet():
    net = torchvision.models.alexnet(weights=None)
    widths, last = iter([6, 20, 12, 8, 8]), 3
    for i, m in enumerate(net.features):
        if isinstance(m, nn.Conv2d):
            width = next(widths)
            net.features[i] = nn.Conv2d(last, width, m.kernel_size, m.stride, m.padding)
            last = width
    net.classifier = narrow([8 * 36, 24, 17, 10], False)
    return net


def make_vgg(cfg, norm, grid):
    net = vgg.VGG(vgg.make_layers(cfg, batch_norm=norm), init_weights=False)
    width = [c for c in cfg if c != 'M'][-1]
    net.avgpool = nn.AdaptiveAvgPool2d((grid, grid))
    net.classifier = narrow([width * grid * grid, 12, 18, 10], True)
    return net


def randomise(net):
    """Weights that keep a signal alive in every layer, and statistics as after training; as f16."""
    for m in net.modules():
        if isinstance(m, (nn.Conv2d, nn.Linear)):
            fan_in = m.weight[0].numel()
            nn.init.normal_(m.weight, 0, (2 / fan_in) ** 0.5)
            if m.bias is not None:
                nn.init.normal_(m.bias, 0, 0.2)
        if isinstance(m, nn.BatchNorm2d):
            nn.init.normal_(m.weight, 1, 0.2)
            nn.init.normal_(m.bias, 0, 0.3)
            m.running_mean.normal_(0, 0.3)
            m.running_var.uniform_(0.5, 1.5)
    for t in list(net.parameters()) + list(net.buffers()):
        if t.is_floating_point():
            t.data = t.data.half().float()


def answers(net, names, side):
    found, hooks = {}, []
    for name, m in net.named_modules():
        if name in names:
            hooks.append(m.register_forward_hook(lambda m, i, o, name=name: found.setdefault(name, o.detach().clone())))
    with torch.no_grad():
        net.eval().double()(picture(side).double())
    for h in hooks:
        h.remove()
    return [(name, found[name]) for name in names]


def write(name, net, taps, side):
    state = {k: v.half() if v.is_floating_point() else v for k, v in net.state_dict().items()}
    torch.save(state, os.path.join(HERE, f'families_{name}.pth'))
    for tap, v in taps:
        shape = list(v.shape[1:]) + [1, 1]
        flat = v.flatten()
        n = flat.numel()
        samples = ', '.join(f'{float(flat[k * n // N_SAMPLES]):.9g}' for k in range(N_SAMPLES))
        out.append(f'{{"{name}", {side}, "{tap}", {{{shape[0]}, {shape[1]}, {shape[2]}}}, '
                   f'{float(flat.abs().max()):.9g}, {{{samples}}}}},')


def features_and_classifier(net, linear):
    return [f'features.{i}' for i, m in enumerate(net.features) if isinstance(m, (nn.ReLU, nn.MaxPool2d))] + \
        [f'classifier.{i}' for i in linear]


def main():
    torch.set_num_threads(1)
    for name, side, make, linear in (
            ('alexnet', 224, alexnet, (2, 5, 6)),
            ('vgg_bn', 56, lambda: make_vgg([4, 4, 'M', 20, 'M', 8, 'M'], True, 7), (1, 4, 6)),
            ('vgg', 12, lambda: make_vgg([4, 'M', 8, 8, 'M'], False, 3), (1, 4, 6))):
        torch.manual_seed(3)
        net = make()
        randomise(net)
        # copies: torchvision's ReLUs work in place
        for m in net.modules():
            if isinstance(m, nn.ReLU):
                m.inplace = False
        write(name, net, answers(net, features_and_classifier(net, linear), side), side)
    with open(os.path.join(HERE, 'families.inc'), 'w') as f:
        f.write('/* Made by tests/golden/families.py. */\n' + '\n'.join(out) + '\n')


main()
