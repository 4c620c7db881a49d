"""Plain supervised training of small classifiers, and random weights."""

from collections.abc import Callable

import torch
import torch.nn.functional as F

from .augment import shifted
from .data import Dataset
from .threads import threads as use_threads

__all__ = ["LEARNING_RATE", "float_accuracy", "initialized", "normalize", "train"]

LEARNING_RATE = 1e-2


def initialized(factory: Callable[[], torch.nn.Module], seed: int = 0) -> torch.nn.Module:
    """A new model whose random weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return factory()


def normalize(model: torch.nn.Module, images: torch.Tensor, *, batch: int = 64,
              seed: int = 0) -> None:
    """Give batch normalizations the statistics of some images; the model is changed.

    A network of random weights then has values of one size in all of its layers, however many
    there are; with the statistics it starts with they would vanish in a deep one.

    Parameters
    ----------
    images : torch.Tensor, float32
    seed : int
        Of dropout.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.optim.swa_utils.update_bn(images.split(batch), model)
    model.eval()


def train(model: torch.nn.Module, data: Dataset, *, epochs: int = 20, batch: int = 64,
          learning_rate: float = LEARNING_RATE, shift: int = 0, seed: int = 0,
          threads: int = 1) -> float:
    """Train with Adam and a one-cycle schedule on cross entropy; the model is changed.

    The same result for the same seed on one machine with one number of threads; the global
    random numbers are left as they were.

    Parameters
    ----------
    model : torch.nn.Module
        From images to one output for each class.
    epochs, batch : int
        Rounds through the training images, and images in a step.
    learning_rate : float
        The largest.
    shift : int
        Pixels by which images are moved at random, at most, each way.
    seed : int
        Of the order of images, and of dropout.
    threads : int
        Of torch; steps of small models take longer with more of them.

    Returns
    -------
    float
        Accuracy on the test images. The model is left in evaluation mode.

    Raises
    ------
    ValueError
        If the data have no labels.
    """
    if data.train_labels is None or data.test_labels is None:
        raise ValueError("data must have labels, to be trained on, but have none")
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    steps = -(-len(data.train_images) // batch) * epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=learning_rate,
                                                   total_steps=steps)
    try:
        with use_threads(threads), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model.train()
            for _ in range(epochs):
                for chosen in torch.randperm(len(data.train_images)).split(batch):
                    optimizer.zero_grad()
                    images = shifted(data.train_images[chosen], shift)
                    loss = F.cross_entropy(model(images).flatten(1),
                                           data.train_labels[chosen])
                    loss.backward()
                    optimizer.step()
                    schedule.step()
    finally:
        model.eval()
    return float_accuracy(model, data.test_images, data.test_labels)


def float_accuracy(model: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of images for which the model's largest output is at the label."""
    with torch.inference_mode():
        return float((model(images).flatten(1).argmax(1) == labels).double().mean())
