"""k-means of the weights of a layer."""

import enum

import numpy as np

__all__ = ["Start", "cluster", "histogram"]

ITERATIONS = 1000
BINS = 2**12  # of a histogram; 128 for each entry of the largest codebook


class Start(enum.Enum):
    """Where centroids start (Han et al., Deep Compression, 2016, section 3.2).

    Attributes
    ----------
    LINEAR
        Evenly from the smallest weight to the largest, so that the few large ones, which count
        most, have centroids near them.
    DENSITY
        At weights that are evenly spaced in the order of size.
    RANDOM
        At weights chosen at random, each as likely as any other.
    """

    LINEAR = "linear"
    DENSITY = "density"
    RANDOM = "random"


def cluster(values: np.ndarray, entries: int, *, start: Start = Start.LINEAR,
            seed: int = 0) -> np.ndarray:
    """The centroids of values, by Lloyd's algorithm.

    Parameters
    ----------
    values : numpy.ndarray, float64, shape (values,), finite, at least one
    entries : int
        The most centroids; there are fewer where there are fewer values.
    start : Start
    seed : int
        Of ``RANDOM``.

    Returns
    -------
    numpy.ndarray, float64, shape (entries,), ascending

    Notes
    -----
    Clusters the means of the values in 4096 bins of equal width, weighted by their counts, so that
    time hardly depends on how many values there are: a centroid is the mean of its values, but for
    those in the bins at either end of it.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    points, counts = histogram(values)
    if len(points) <= entries:
        return points
    first = _first(values, (points, counts), entries, start, seed)
    with threadpool_limits(limits=1):  # threads add in any order
        found = KMeans(len(first), init=first[:, None], n_init=1, max_iter=ITERATIONS, tol=0,
                       random_state=seed).fit(points[:, None], sample_weight=counts)
    return np.unique(found.cluster_centers_)


def histogram(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of the values in bins of equal width, ascending, and how many there are in each.

    Values of which there are no more kinds than bins are kept as they are.
    """
    points, counts = np.unique(values, return_counts=True)
    if len(points) <= BINS:
        return points, counts
    low, high = points[0], points[-1]
    place = ((points - low) * (BINS / (high - low))).astype(np.int64).clip(0, BINS - 1)
    total = np.bincount(place, weights=counts, minlength=BINS)
    sums = np.bincount(place, weights=counts * points, minlength=BINS)
    used = total > 0
    return sums[used] / total[used], total[used].astype(np.int64)


def _first(values: np.ndarray, histogram: tuple[np.ndarray, np.ndarray], entries: int,
           start: Start, seed: int) -> np.ndarray:
    points, counts = histogram
    if start is Start.LINEAR:
        return np.linspace(points[0], points[-1], entries)
    if start is Start.DENSITY:
        return np.quantile(values, (np.arange(entries) + 0.5) / entries)
    return np.random.default_rng(seed).choice(points, entries, replace=False,
                                              p=counts / counts.sum())
