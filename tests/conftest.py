"""Frames small enough to check by hand, the data beside the checkout, and no network."""

import ipaddress
import socket
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


def _stays(host: object) -> bool:
    """Whether an address is this machine: loopback, or none at all."""
    if host in (None, "", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse(host: object) -> None:
    if not _stays(host):
        pytest.fail(f"auditkit has no network, but something asked for {host!r}")


class _Stay(socket.socket):
    """A socket that reaches this machine only; a path is a socket of it."""

    def connect(self, address):
        _refuse(address[0] if isinstance(address, tuple) else None)
        return super().connect(address)

    def connect_ex(self, address):
        _refuse(address[0] if isinstance(address, tuple) else None)
        return super().connect_ex(address)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Nothing that a test does leaves this machine, nor asks for another's address."""
    look_up = socket.getaddrinfo

    def here(host, *arguments, **named):
        _refuse(host)
        return look_up(host, *arguments, **named)

    monkeypatch.setattr(socket, "socket", _Stay)
    monkeypatch.setattr(socket, "getaddrinfo", here)


SHARED = Path(__file__).parents[2] / "shared"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """Keep a file in one process, and all of Spark in one: what they share is then made once.

    The way of pytest-xdist to say so, a mark for groups, does nothing beside pytest 9.2.
    """
    from xdist.scheduler import LoadFileScheduling

    class ByFileAndSpark(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "spark" if "spark" in nodeid.lower() else super()._split_scope(nodeid)

    return ByFileAndSpark(config, log)


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
