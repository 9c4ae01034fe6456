"""Every tensor of the two networks by name and shape, as speechbrain 1.1 and 3D-Speaker have them in their state dicts.

Knows neither files nor onnx, so that the references' environment may read it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from export.runtime.identity.model import WIDTH
from export.weights import Shape

BANDS = 80
"""Numbers of each frame of the features, in both networks."""

NORM_EPSILON = 1e-5
"""Added to the variance in every batch norm of both."""

COUNTER = "num_batches_tracked"
"""What batch norms count while they are trained; nothing is computed from it, and a checkpoint may lack it."""


@dataclass(frozen=True, slots=True)
class Ecapa:
    """ECAPA-TDNN of any sizes. The defaults are those of speechbrain/spkrec-ecapa-voxceleb.

    B. Desplanques et al., ECAPA-TDNN, 2020 (arXiv 2005.07143).
    """

    channels: int = 1024
    aggregated: int = 3072
    """Channels behind the layer that sums up what the blocks found."""
    attention: int = 128
    squeezed: int = 128
    """Channels to which squeeze-and-excitation narrows."""
    width: int = 192
    """Numbers of the vector."""

    @property
    def scaled(self) -> int:
        """Channels of each of the eight parts of a Res2Net block."""
        return self.channels // SCALE


SCALE = 8
"""Parts of a Res2Net block; the first is passed on as it is."""
FIRST_KERNEL, KERNEL = 5, 3
DILATIONS = (2, 3, 4)
"""Of the three SE-Res2Net blocks."""


@dataclass(frozen=True, slots=True)
class Campplus:
    """CAM++ of any sizes. The defaults are those of 3D-Speaker's zh_en common_advanced.

    H. Wang et al., CAM++, 2023 (arXiv 2303.00332).
    """

    planes: int = 32
    """Channels of the convolutions over time and frequency that come first."""
    first: int = 128
    """Channels behind them."""
    growth: int = 32
    """Channels that each layer adds."""
    width: int = 192

    @property
    def bottleneck(self) -> int:
        return BOTTLENECK * self.growth


BOTTLENECK, REDUCTION = 4, 2
LAYERS = ((12, 1), (24, 2), (16, 2))
"""Layers of each densely connected block, and their dilation; kernels are of 3."""
HEAD_BLOCKS = (("layer1.0", 2), ("layer1.1", 1), ("layer2.0", 2), ("layer2.1", 1))
"""Residual blocks of the first convolutions, and by how much each thins out frequencies."""
HEAD_STRIDE = 8
"""By how much all of them together do."""
FIRST_TIMES = 5
"""Kernel of the layer behind them, which halves the frames."""
SEGMENT = 100
"""Frames over which context is averaged besides the whole."""


def ecapa(sizes: Ecapa) -> dict[str, Shape]:
    """Every entry of the state dict."""
    return dict(_ecapa(sizes))


def campplus(sizes: Campplus) -> dict[str, Shape]:
    return dict(_campplus(sizes))


def ecapa_sizes(shape: Callable[[str], Shape]) -> Ecapa:
    """The sizes that a checkpoint has by the shapes of some of its tensors.

    Args:
        shape: of a tensor by its name.
    Raises:
        KeyError, ValueError: it has no such tensors.
    """
    channels, _, _ = shape("blocks.0.conv.conv.weight")
    aggregated, _, _ = shape("mfa.conv.conv.weight")
    attention, _, _ = shape("asp.tdnn.conv.conv.weight")
    squeezed, _, _ = shape("blocks.1.se_block.conv1.conv.weight")
    width, _, _ = shape("fc.conv.weight")
    return Ecapa(channels, aggregated, attention, squeezed, _fitting(width))


def campplus_sizes(shape: Callable[[str], Shape]) -> Campplus:
    """As `ecapa_sizes`."""
    planes, _, _, _ = shape("head.conv1.weight")
    first, _, _ = shape("xvector.tdnn.linear.weight")
    growth, _, _ = shape("xvector.block1.tdnnd1.cam_layer.linear_local.weight")
    width, _, _ = shape("xvector.dense.linear.weight")
    return Campplus(planes, first, growth, _fitting(width))


def _fitting(width: int) -> int:
    if width > WIDTH:
        raise ValueError(f"its vectors have {width} numbers, more than {WIDTH}")
    return width


def is_optional(name: str) -> bool:
    """Whether a checkpoint may lack it."""
    return name.endswith(f".{COUNTER}")


def _ecapa(sizes: Ecapa) -> Iterator[tuple[str, Shape]]:
    c = sizes.channels
    yield from _tdnn("blocks.0", c, BANDS, FIRST_KERNEL)
    for block in range(1, len(DILATIONS) + 1):
        name = f"blocks.{block}"
        yield from _tdnn(f"{name}.tdnn1", c, c, 1)
        for part in range(SCALE - 1):
            yield from _tdnn(f"{name}.res2net_block.blocks.{part}", sizes.scaled, sizes.scaled, KERNEL)
        yield from _tdnn(f"{name}.tdnn2", c, c, 1)
        yield from _layer(f"{name}.se_block.conv1.conv", sizes.squeezed, c, 1)
        yield from _layer(f"{name}.se_block.conv2.conv", c, sizes.squeezed, 1)
    yield from _tdnn("mfa", sizes.aggregated, len(DILATIONS) * c, 1)
    yield from _tdnn("asp.tdnn", sizes.attention, 3 * sizes.aggregated, 1)
    yield from _layer("asp.conv.conv", sizes.aggregated, sizes.attention, 1)
    yield from _norm("asp_bn.norm", 2 * sizes.aggregated)
    yield from _layer("fc.conv", sizes.width, 2 * sizes.aggregated, 1)


def _tdnn(name: str, out: int, into: int, kernel: int) -> Iterator[tuple[str, Shape]]:
    """speechbrain's TDNNBlock: a convolution, and a norm behind its ReLU."""
    yield from _layer(f"{name}.conv.conv", out, into, kernel)
    yield from _norm(f"{name}.norm.norm", out)


def _campplus(sizes: Campplus) -> Iterator[tuple[str, Shape]]:
    planes = sizes.planes
    yield from _layer("head.conv1", planes, 1, 3, 3, bias=False)
    yield from _norm("head.bn1", planes)
    for block, stride in HEAD_BLOCKS:
        for number in (1, 2):
            yield from _layer(f"head.{block}.conv{number}", planes, planes, 3, 3, bias=False)
            yield from _norm(f"head.{block}.bn{number}", planes)
        if stride > 1:
            yield from _layer(f"head.{block}.shortcut.0", planes, planes, 1, 1, bias=False)
            yield from _norm(f"head.{block}.shortcut.1", planes)
    yield from _layer("head.conv2", planes, planes, 3, 3, bias=False)
    yield from _norm("head.bn2", planes)
    yield from _layer("xvector.tdnn.linear", sizes.first, planes * BANDS // HEAD_STRIDE, FIRST_TIMES, bias=False)
    yield from _norm("xvector.tdnn.nonlinear.batchnorm", sizes.first)
    channels = sizes.first
    for number, (layers, _) in enumerate(LAYERS, 1):
        for layer in range(1, layers + 1):
            name = f"xvector.block{number}.tdnnd{layer}"
            yield from _norm(f"{name}.nonlinear1.batchnorm", channels)
            yield from _layer(f"{name}.linear1", sizes.bottleneck, channels, 1, bias=False)
            yield from _norm(f"{name}.nonlinear2.batchnorm", sizes.bottleneck)
            narrow = sizes.bottleneck // REDUCTION
            yield from _layer(f"{name}.cam_layer.linear_local", sizes.growth, sizes.bottleneck, 3, bias=False)
            yield from _layer(f"{name}.cam_layer.linear1", narrow, sizes.bottleneck, 1)
            yield from _layer(f"{name}.cam_layer.linear2", sizes.growth, narrow, 1)
            channels += sizes.growth
        yield from _norm(f"xvector.transit{number}.nonlinear.batchnorm", channels)
        yield from _layer(f"xvector.transit{number}.linear", channels // 2, channels, 1, bias=False)
        channels //= 2
    yield from _norm("xvector.out_nonlinear.batchnorm", channels)
    yield from _layer("xvector.dense.linear", sizes.width, 2 * channels, 1, bias=False)
    yield from _norm("xvector.dense.nonlinear.batchnorm", sizes.width, affine=False)


def _layer(name: str, *weight: int, bias: bool = True) -> Iterator[tuple[str, Shape]]:
    yield f"{name}.weight", weight
    if bias:
        yield f"{name}.bias", (weight[0],)


def _norm(name: str, channels: int, *, affine: bool = True) -> Iterator[tuple[str, Shape]]:
    for part in ("weight", "bias") if affine else ():
        yield f"{name}.{part}", (channels,)
    yield f"{name}.running_mean", (channels,)
    yield f"{name}.running_var", (channels,)
    yield f"{name}.{COUNTER}", ()


Sizes = Ecapa | Campplus

FULL: Mapping[str, Sizes] = {"ecapa_tdnn": Ecapa(), "campplus": Campplus()}
TINY: Mapping[str, Sizes] = {
    "ecapa_tdnn": Ecapa(channels=32, aggregated=48, attention=16, squeezed=16),
    "campplus": Campplus(first=16, growth=8),
}
"""Small enough for a test, of the same depth and the same width of vectors."""


def shapes(sizes: Sizes) -> dict[str, Shape]:
    """Every entry of the state dict of a network of these sizes."""
    return ecapa(sizes) if isinstance(sizes, Ecapa) else campplus(sizes)
