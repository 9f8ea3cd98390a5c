"""The students in PyTorch, written from their descriptions, as the yardstick of `make compare`: same layers, same arithmetic.

Images are [B, C, D, H, W]. The names in `networks`, and the options, are those of `cohort network list`."""

import torch
from torch import nn
from torch.nn import functional as F


class ConvNorm(nn.Sequential):
    """3x3x3 convolution, normalisation, activation."""

    def __init__(self, inputs, outputs, norm, activation, stride=1):
        super().__init__(nn.Conv3d(inputs, outputs, 3, stride, 1), norm(outputs), activation())


def instance(channels):
    return nn.InstanceNorm3d(channels)


def affine_instance(channels):
    return nn.InstanceNorm3d(channels, affine=True)


def relu():
    return nn.ReLU(inplace=True)


def leaky():
    return nn.LeakyReLU(0.01, inplace=True)


def initialize(network, slope=0.0):
    """First values for a (leaky) ReLU of that slope, as the originals take them, so that losses begin where cohort's do."""
    for module in network.modules():
        if isinstance(module, (nn.Conv3d, nn.ConvTranspose3d)):
            nn.init.kaiming_normal_(module.weight, slope)


class UNet3D(nn.Module):
    """3D U-Net of SSL4MIS: instance normalisation, max-pooling, trilinear upsampling by 2, dropout at the bottleneck and before the head."""

    def __init__(self, inputs=1, classes=2, base=16):
        super().__init__()
        width = [base << level for level in range(5)]

        def double(a, b):
            return nn.Sequential(ConvNorm(a, b, instance, relu), ConvNorm(b, b, instance, relu))

        self.down = nn.ModuleList(double(a, b) for a, b in zip([inputs] + width[:3], width[:4]))
        self.center = double(width[3], width[4])
        self.up = nn.ModuleList(double(width[k] + width[k + 1], width[k]) for k in reversed(range(4)))
        self.drop = nn.Dropout(0.3)
        self.head = nn.Conv3d(width[0], classes, 1)
        initialize(self)

    def forward(self, x):
        skips = []
        for block in self.down:
            x = block(x)
            skips.append(x)
            x = F.max_pool3d(x, 2)
        x = self.drop(self.center(x))
        for block in self.up:
            x = F.interpolate(x, scale_factor=2, mode="trilinear", align_corners=False)
            x = block(torch.cat([skips.pop(), x], 1))
        return self.head(self.drop(x))


class VNet(nn.Module):
    """V-Net with plain blocks and summed skips: with batch normalisation, and dropout of channels at the bottleneck and before the head; or
    with instance normalisation and no dropout."""

    def __init__(self, inputs=1, classes=2, base=16, norm="batch"):
        super().__init__()
        norm, probability = {"batch": (nn.BatchNorm3d, 0.5), "instance": (instance, 0.0)}[norm]
        width, depth = [base << level for level in range(5)], [1, 2, 3, 3, 3]

        def block(a, b, count):
            return nn.Sequential(*(ConvNorm(a if k == 0 else b, b, norm, relu) for k in range(count)))

        def shrink(a, b):
            return nn.Sequential(nn.Conv3d(a, b, 2, 2), norm(b), relu())

        def grow(a, b):
            return nn.Sequential(nn.ConvTranspose3d(a, b, 2, 2), norm(b), relu())

        self.encoder = nn.ModuleList(block(inputs if k == 0 else width[k], width[k], depth[k]) for k in range(5))
        self.shrink = nn.ModuleList(shrink(width[k], width[k + 1]) for k in range(4))
        self.grow = nn.ModuleList(grow(width[k + 1], width[k]) for k in reversed(range(4)))
        self.decoder = nn.ModuleList(block(width[k], width[k], depth[k]) for k in reversed(range(4)))
        self.drop = nn.Dropout3d(probability)
        self.head = nn.Conv3d(base, classes, 1)

    def forward(self, x):
        skips = []
        for k in range(4):
            x = self.encoder[k](x)
            skips.append(x)
            x = self.shrink[k](x)
        x = self.drop(self.encoder[4](x))
        for grow, block in zip(self.grow, self.decoder):
            x = block(grow(x) + skips.pop())
        return self.head(self.drop(x))


class Residual(nn.Module):
    """STU-Net's block: two convolutions with normalisation, a 1x1x1 shortcut in the first block of a stage, leaky ReLU after the sum."""

    def __init__(self, inputs, outputs, stride, projects):
        super().__init__()
        self.conv1 = ConvNorm(inputs, outputs, affine_instance, leaky, stride)
        self.conv2 = nn.Sequential(nn.Conv3d(outputs, outputs, 3, 1, 1), affine_instance(outputs))
        self.shortcut = nn.Conv3d(inputs, outputs, 1, stride) if projects else nn.Identity()

    def forward(self, x):
        return F.leaky_relu(self.conv2(self.conv1(x)) + self.shortcut(x), 0.01, inplace=True)


class STUNet(nn.Module):
    """STU-Net with six stages; only the full-resolution head is used."""

    def __init__(self, inputs=1, classes=2, variant="S", strides=((2, 2, 2),) * 5):
        super().__init__()
        base, depth = {"S": (16, 1), "B": (32, 1), "L": (64, 2)}[variant]
        width = [base * factor for factor in (1, 2, 4, 8, 16, 16)]
        self.strides = strides

        def stage(a, b, stride):
            return nn.Sequential(*(Residual(a if k == 0 else b, b, stride if k == 0 else 1, k == 0) for k in range(depth)))

        self.encoder = nn.ModuleList(
            stage(inputs if k == 0 else width[k - 1], width[k], 1 if k == 0 else strides[k - 1]) for k in range(6))
        self.project = nn.ModuleList(nn.Conv3d(width[k + 1], width[k], 1) for k in reversed(range(5)))
        self.decoder = nn.ModuleList(stage(2 * width[k], width[k], 1) for k in reversed(range(5)))
        self.head = nn.Conv3d(width[0], classes, 1)
        initialize(self, 0.01)

    def forward(self, x):
        skips = []
        for stage in self.encoder:
            x = stage(x)
            skips.append(x)
        x = skips.pop()
        for k, (project, stage) in enumerate(zip(self.project, self.decoder)):
            x = project(F.interpolate(x, scale_factor=tuple(float(s) for s in self.strides[4 - k]), mode="nearest"))
            x = stage(torch.cat([x, skips.pop()], 1))
        return self.head(x)


class PlainConvUNet(nn.Module):
    """nnU-Net's default network with isotropic strides; only the full-resolution head is used."""

    def __init__(self, inputs=1, classes=2, base=32, stages=6):
        super().__init__()
        width = [min(320, base << level) for level in range(stages)]

        def stage(a, b, stride):
            return nn.Sequential(ConvNorm(a, b, affine_instance, leaky, stride), ConvNorm(b, b, affine_instance, leaky))

        self.encoder = nn.ModuleList(
            stage(inputs if k == 0 else width[k - 1], width[k], 1 if k == 0 else 2) for k in range(stages))
        self.grow = nn.ModuleList(nn.ConvTranspose3d(width[k + 1], width[k], 2, 2) for k in reversed(range(stages - 1)))
        self.decoder = nn.ModuleList(stage(2 * width[k], width[k], 1) for k in reversed(range(stages - 1)))
        self.head = nn.Conv3d(width[0], classes, 1)
        initialize(self, 0.01)

    def forward(self, x):
        skips = []
        for stage in self.encoder:
            x = stage(x)
            skips.append(x)
        x = skips.pop()
        for grow, stage in zip(self.grow, self.decoder):
            x = stage(torch.cat([grow(x), skips.pop()], 1))
        return self.head(x)


networks = {"unet3d": UNet3D, "vnet": VNet, "stunet": STUNet, "plainconvunet": PlainConvUNet}
