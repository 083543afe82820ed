"""Frames small enough to check by hand, the way to the data beside the checkout, and no network.

Whatever a test does, a socket to anywhere but this machine fails it.
"""

import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

SHARED = Path(__file__).parents[2] / "shared"


STRAYED: list[str] = []
"""Addresses elsewhere that something in this process tried to reach."""
REACHES = {"socket.connect", "socket.sendto", "socket.sendmsg"}


def _is_here(address: object) -> bool:
    """Whether an address is of this machine; a path is."""
    if not isinstance(address, tuple):
        return True
    host = str(address[0]).partition("%")[0]
    try:
        return host in ("", "localhost") or ip_address(host).is_loopback
    except ValueError:
        return False


def _stay_here(event: str, arguments: tuple[object, ...]) -> None:
    if event in REACHES and not _is_here(arguments[1]):
        STRAYED.append(str(arguments[1]))
        raise PermissionError(f"a test reached for the network: {arguments[1]}")


sys.addaudithook(_stay_here)


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    """Fail a test that reached for the network, also if its code went on without it."""
    STRAYED.clear()
    yield
    assert not STRAYED, f"a test reached for the network: {STRAYED}"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and published numbers; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the folder 'shared' is not beside the checkout")
    return SHARED


@pytest.fixture
def twelve() -> pd.DataFrame:
    """Twelve rows: 4 of 6 in need in each group, of whom group a misses 1 and group b misses 3."""
    return pd.DataFrame(
        {
            "group": ["a"] * 6 + ["b"] * 6,
            "need": [1, 1, 1, 1, 0, 0] * 2,
            "chosen": [1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0],
        }
    )


@pytest.fixture
def many() -> pd.DataFrame:
    """4,000 rows with ages, gender, a label and decisions that miss older people more often."""
    rng = np.random.default_rng(7)
    n = 4000
    age = rng.integers(16, 90, n)
    need = rng.random(n) < 0.4
    missed = np.where(age >= 61, 0.45, 0.2)
    chosen = np.where(need, rng.random(n) >= missed, rng.random(n) < 0.1)
    return pd.DataFrame(
        {
            "gender": rng.choice(["female", "male"], n),
            "age": age,
            "in_need": np.where(need, "yes", "no"),
            "chosen": np.where(chosen, "yes", "no"),
        }
    )
