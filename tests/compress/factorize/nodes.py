"""Layers for tests, with weights of a known rank."""

import torch

from sparrow.compress.graph import ConvNode, LinearNode


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


def linear(weight, **options):
    return LinearNode(name="fc", inputs=("input",), shape=(len(weight), 1, 1),
                      weight=weight.float(), bias=random(len(weight), seed=9).float(), **options)


def conv(weight, image=(9, 8), **options):
    """A convolution and the shape of its input."""
    node = ConvNode(name="conv", inputs=("input",), shape=(0, 0, 0), weight=weight.float(),
                    bias=random(len(weight), seed=9).float(), **options)
    shape = (weight.shape[1], *image)
    found = node.evaluate(torch.zeros(1, *shape)).shape[1:]
    return node.replace(shape=tuple(found)), shape


def run(nodes, images):
    for node in nodes:
        images = node.evaluate(images)
        assert tuple(images.shape[1:]) == node.shape
    return images


def difference(node, shape, made):
    """Largest difference of a layer and a chain, relative to the layer's largest output."""
    images = random(3, *shape, seed=5).float()
    wanted = node.evaluate(images)
    return float((run(made, images) - wanted).abs().max() / wanted.abs().max())
