"""Data of the user's own, and what is refused."""

import pytest

from sparrow.flow.datasets import dataset
from sparrow.flow.errors import UserError

HEAD = """
import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset, TensorDataset

class Items(Dataset):
    def __init__(self, *items):
        self.items = items
    def __len__(self):
        return len(self.items)
    def __getitem__(self, index):
        return self.items[index]

def images(count, classes=2):
    return TensorDataset(torch.arange(count * 6.0).view(count, 1, 2, 3),
                         torch.arange(count) % classes)

image = torch.ones(1, 2, 3)
"""


@pytest.fixture
def given(tmp_path):
    """A function from an expression to the data that a file with it gives."""
    def make(expression, **options):
        path = tmp_path / "mine.py"
        path.write_text(f"{HEAD}\ndef make():\n    return {expression}\n")
        return dataset(f"{path}:make", **options)
    return make


def test_two_data_sets(given):
    data = given("images(5), images(3)")
    assert data.train_images.shape == (5, 1, 2, 3) and data.test_images.shape == (3, 1, 2, 3)
    assert data.train_labels.tolist() == [0, 1, 0, 1, 0]
    assert data.test_images.flatten().tolist() == list(range(18))


def test_one_data_set_is_split(given):
    data = given("images(20)")
    assert len(data.train_images) == 16 and sorted(data.test_labels.tolist()) == [0, 0, 1, 1]
    assert data.digest() == given("images(20)", seed=0).digest()
    assert data.digest() != given("images(20)", seed=1).digest()
    more = given("images(20)", test=8)
    assert more.test_labels.bincount().tolist() == [4, 4]
    assert (more.train_images[:, 0, 0, 0] / 6 % 2).tolist() == more.train_labels.tolist()


def test_kinds_of_items(given):
    data = given("(Items((image.double(), 1), [image.numpy(), np.int64(2)]), "
                 "Items((image, torch.tensor(0)), (image, torch.tensor([3]))))")
    assert data.train_labels.tolist() == [1, 2] and data.test_labels.tolist() == [0, 3]


WHAT = "a torch.utils.data.Dataset with a length, or two of them, (train, test)"


@pytest.mark.parametrize("expression, options, text", [
    ("1 / 0", {}, f" must be {WHAT}: ZeroDivisionError: division by zero"),
    ("[1]", {}, f" must be {WHAT}, not list"),
    ("(images(3), 5)", {}, f" must be {WHAT}, not int"),
    ("type('Endless', (IterableDataset,), {'__iter__': lambda self: iter([1])})()", {},
     f" must be {WHAT}, not Endless"),
    ("Items()", {}, " must have one item or more, not none"),
    ("Items(image)", {}, ", item 0: must be an image and a label, not Tensor"),
    ("Items((image, 1), (image.int(), 1))", {},
     ", item 1: the image must be a tensor or array of real numbers, not torch.int32"),
    ("Items(('text', 1))", {},
     ", item 0: the image must be a tensor or array of real numbers, not str"),
    ("Items((image, 1.5))", {}, ", item 0: the label must be an integer, not 1.5"),
    ("Items((image, True))", {}, ", item 0: the label must be an integer, not True"),
    ("Items((image, 1), (image[:, 1:], 1))", {},
     ", item 1: images must be of one shape, (1, 2, 3), not (1, 1, 3)"),
    ("Items((image / 0, 1))", {}, ": train_images must be finite, but one has an infinity or NaN"),
    ("(images(3), Items((image, -1)))", {}, ": test_labels must be 0 or more, not -1"),
    ("(images(3), images(3))", {"test": 1},
     " must be one data set to have the option 'test', not two that are split already"),
    ("images(20)", {"test": 1}, ": test must be an integer from 2 to 18, not 1"),
    ("images(3)", {}, ": every class must have two images or more, to be split, but class 1 has "
     "one"),
    ("type('Bad', (Items,), {'__getitem__': lambda self, index: self.x})(1)", {},
     " must give its items by number: AttributeError: 'Bad' object has no attribute 'x'"),
])
def test_refusals(tmp_path, given, expression, options, text):
    with pytest.raises(UserError) as caught:
        given(expression, **options)
    reference = f"{tmp_path / 'mine.py'}:make"
    assert str(caught.value) == f"data {reference!r}{text}"


def test_files_that_are_refused(tmp_path):
    path = tmp_path / "mine.py"
    with pytest.raises(UserError) as caught:
        dataset(f"{path}:make")
    assert str(caught.value) == f"data must name an existing file, not {str(path)!r}"
    path.write_text("")
    with pytest.raises(UserError) as caught:
        dataset(f"{path}:make")
    assert str(caught.value) == f"{path} must have a function 'make', which it hasn't"
