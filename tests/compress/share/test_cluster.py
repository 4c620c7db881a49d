"""k-means of weights: against scikit-learn on all values, from each start."""

import time

import numpy as np
import pytest
from sklearn.cluster import KMeans

from sparrow.compress.share import Start, cluster
from sparrow.compress.share.cluster import histogram


def squares(values, centroids):
    """Sum of squared distances to the nearest centroid."""
    return float((np.abs(values[:, None] - centroids).min(1)**2).sum())


@pytest.mark.parametrize("start", list(Start))
def test_as_good_as_on_all_values(start):
    values = np.random.default_rng(0).normal(size=5_000)
    found = cluster(values, 8, start=start)
    first = np.linspace(values.min(), values.max(), 8)[:, None]
    reference = KMeans(8, init=first, n_init=1, tol=0, max_iter=1000).fit(values[:, None])
    assert found.shape == (8,) and (np.diff(found) > 0).all()
    assert squares(values, found) < 1.001 * reference.inertia_
    assert (cluster(values, 8, start=start) == found).all()


def test_exact_where_values_are_few():
    values = np.repeat([-3.0, -2.5, 0.25, 4.0, 4.5], [1, 3, 10, 2, 2])
    assert cluster(values, 3).tolist() == [-2.625, 0.25, 4.25]
    assert cluster(values, 5).tolist() == cluster(values, 32).tolist() == [-3, -2.5, 0.25, 4, 4.5]
    assert cluster(np.zeros(7), 4).tolist() == [0.0]


def test_linear_start_finds_the_few_large_ones():
    values = np.concatenate([np.random.default_rng(1).normal(0, 0.01, 5000), [3.0, -3.0]])
    assert cluster(values, 4)[[0, -1]].tolist() == [-3.0, 3.0]

def test_random_start_depends_on_the_seed():
    values = np.random.default_rng(2).normal(size=3000)
    found = [cluster(values, 16, start=Start.RANDOM, seed=seed) for seed in (0, 0, 1)]
    assert (found[0] == found[1]).all() and not np.allclose(found[0], found[2])


def test_histogram():
    values = np.random.default_rng(3).normal(size=50_000)
    points, counts = histogram(values)
    assert len(points) == len(counts) <= 4096 and (np.diff(points) > 0).all()
    assert counts.sum() == 50_000 and abs((points * counts).sum() - values.sum()) < 1e-6


def test_large_layers_take_little_time():
    values = np.random.default_rng(4).normal(size=400_000)
    cluster(values, 2)  # imports
    start = time.process_time()
    assert len(cluster(values, 32)) == 32
    assert time.process_time() - start < 2
