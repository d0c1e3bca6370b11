# SPDX-License-Identifier: MIT
"""Networks of torchvision's and CORnets with narrow layers, and what their layers answer.

families_NAME.pth holds a state_dict in f16, families.inc for each layer its shape, its largest
number and some of its numbers, computed by PyTorch in f64 from the weights as stored.

    /usr/bin/python3 tests/golden/families.py
"""
import os
import torch
import torchvision
from torch import nn
from torchvision.models import resnet, vgg
from torchvision.models.convnext import CNBlockConfig, ConvNeXt

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


class Area(nn.Module):
    """An area of CORnet-S (Kubilius et al. 2019, figure 2): the same convolutions at each time, norms of their own."""

    def __init__(self, n_in, n_out, inside, times):
        super().__init__()
        self.times = times
        self.conv_input = nn.Conv2d(n_in, n_out, 1, bias=False)
        self.skip = nn.Conv2d(n_out, n_out, 1, stride=2, bias=False)
        self.norm_skip = nn.BatchNorm2d(n_out)
        self.conv1 = nn.Conv2d(n_out, inside, 1, bias=False)
        self.conv2 = nn.Conv2d(inside, inside, 3, stride=2, padding=1, bias=False)
        self.conv3 = nn.Conv2d(inside, n_out, 1, bias=False)
        for t in range(times):
            for i, n in ((1, inside), (2, inside), (3, n_out)):
                setattr(self, f'norm{i}_{t}', nn.BatchNorm2d(n))
            setattr(self, f'output-t{t}', nn.Identity())

    def forward(self, x):
        x = self.conv_input(x)
        for t in range(self.times):
            side = x if t else self.norm_skip(self.skip(x))
            y = getattr(self, f'norm1_{t}')(self.conv1(x)).relu()
            y = nn.functional.conv2d(y, self.conv2.weight, stride=1 if t else 2, padding=1)
            y = self.conv3(getattr(self, f'norm2_{t}')(y).relu())
            x = getattr(self, f'output-t{t}')((getattr(self, f'norm3_{t}')(y) + side).relu())
        return x


def named(*pairs):
    net = nn.Sequential()
    for name, m in pairs:
        net.add_module(name, m)
    return net


def decoder(n):
    return named(('avgpool', nn.AdaptiveAvgPool2d(1)), ('flatten', nn.Flatten()), ('linear', nn.Linear(n, 10)))


def cornet_s():
    v1 = named(('conv1', nn.Conv2d(3, 6, 7, 2, 3, bias=False)), ('norm1', nn.BatchNorm2d(6)), ('nonlin1', nn.ReLU()),
               ('pool', nn.MaxPool2d(3, 2, 1)), ('conv2', nn.Conv2d(6, 8, 3, 1, 1, bias=False)),
               ('norm2', nn.BatchNorm2d(8)), ('nonlin2', nn.ReLU()), ('output-t0', nn.Identity()))
    return named(('V1', v1), ('V2', Area(8, 10, 18, 2)), ('V4', Area(10, 12, 16, 3)), ('IT', Area(12, 20, 24, 2)),
                 ('decoder', decoder(20)))


def cornet_z():
    widths = (3, 8, 10, 18, 20)
    return named(*((area, named(('conv', nn.Conv2d(widths[i], widths[i + 1], k, s, k // 2)), ('nonlin', nn.ReLU()),
                                ('pool', nn.MaxPool2d(3, 2, 1)), ('output', nn.Identity())))
                   for i, (area, k, s) in enumerate((('V1', 7, 2), ('V2', 3, 1), ('V4', 3, 1), ('IT', 3, 1)))),
                 ('decoder', decoder(20)))


def resnext(width, groups, widen, n_first):
    """Two stages of torchvision's bottlenecks with their 3x3 in groups."""
    net = resnet.ResNet(resnet.Bottleneck, [1, 1, 1, 1], num_classes=10, groups=groups, width_per_group=widen)
    net.inplanes = 8
    net.conv1, net.bn1 = nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8)
    net.layer1 = net._make_layer(resnet.Bottleneck, width, n_first)
    net.layer2 = net._make_layer(resnet.Bottleneck, width, 1, stride=2)
    net.layer3 = net.layer4 = nn.Identity()
    net.fc = nn.Linear(4 * width, 10)
    return net


def convnext():
    """Narrow stages; layer scales as after training."""
    setting = [CNBlockConfig(a, b, n) for a, b, n in ((16, 32, 1), (32, 16, 1), (16, 16, 2), (16, None, 1))]
    net = ConvNeXt(setting, num_classes=10)
    for name, p in net.named_parameters():
        if name.endswith('layer_scale'):
            nn.init.uniform_(p, 0.3, 1)
        elif p.dim() == 1:
            nn.init.normal_(p, 1 if name.endswith('weight') else 0, 0.2)
    return net


def convnext_taps(net):
    return ['features.0'] + [f'features.{2 * i + 1}.{j}' for i, n in enumerate((1, 1, 2, 1)) for j in range(n)] + \
        ['features.5.1.block.4', 'avgpool', 'classifier.0', 'classifier.2']


def areas(net):
    return [n for n, _ in net.named_modules() if '.output' in n] + ['decoder.avgpool', 'decoder']


def blocks(n_first):
    return ['relu'] + [f'layer{i}.{j}.relu' for i, n in ((1, n_first), (2, 1)) for j in range(n)] + ['avgpool', 'fc']


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
            # the last call, which for a block's relu is its output
            hooks.append(m.register_forward_hook(lambda m, i, o, name=name: found.update({name: o.detach().clone()})))
    with torch.no_grad():
        net.eval().double()(picture(side).double())
    for h in hooks:
        h.remove()
    # the GELU inside a block of ConvNeXt has its channels last
    return [(name, found[name].permute(0, 3, 1, 2) if name.endswith('block.4') else found[name]) for name in names]


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
    for name, side, make, taps in (
            ('alexnet', 224, alexnet, lambda net: features_and_classifier(net, (2, 5, 6))),
            ('vgg_bn', 56, lambda: make_vgg([4, 4, 'M', 20, 'M', 8, 'M'], True, 7),
             lambda net: features_and_classifier(net, (1, 4, 6))),
            ('vgg', 12, lambda: make_vgg([4, 'M', 8, 8, 'M'], False, 3),
             lambda net: features_and_classifier(net, (1, 4, 6))),
            ('cornet_s', 70, cornet_s, areas),
            ('cornet_z', 61, cornet_z, areas),
            ('resnext_4', 64, lambda: resnext(16, 8, 16, 2), lambda net: blocks(2)),
            ('resnext_32', 40, lambda: resnext(16, 2, 128, 1), lambda net: blocks(1)),
            ('convnext', 64, convnext, convnext_taps)):
        torch.manual_seed(3)
        net = make()
        randomise(net)
        # copies: torchvision's ReLUs work in place
        for m in net.modules():
            if isinstance(m, nn.ReLU):
                m.inplace = False
        write(name, net, answers(net, taps(net), side), side)
    with open(os.path.join(HERE, 'families.inc'), 'w') as f:
        f.write('/* Made by tests/golden/families.py. */\n' + '\n'.join(out) + '\n')


main()
