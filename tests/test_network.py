"""Nothing calls the network: not the tests, and not an audit, which needs nothing but loopback."""

import os
import shutil
import socket
import subprocess
import sys

import pytest

from tests.conftest import STRAYED

ELSEWHERE = ("192.0.2.1", 80)
"""An address that is nobody's (RFC 5737)."""


def test_a_socket_elsewhere_fails():
    with socket.socket() as one, pytest.raises(PermissionError, match="reached for the network"):
        one.connect(ELSEWHERE)
    assert [str(ELSEWHERE)] == STRAYED
    STRAYED.clear()


def test_a_socket_of_this_machine_passes():
    with socket.socket() as server, socket.socket() as one:
        server.bind(("127.0.0.1", 0))
        server.listen()
        one.connect(server.getsockname())
    assert not STRAYED


def test_the_demonstration_runs_where_there_is_no_network(tmp_path):
    alone = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--net"]
    if not shutil.which("unshare") or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("this machine lets nobody leave the network")
    asked = [sys.executable, "-m", "auditkit", "demo", "--out", str(tmp_path / "out")]
    reaches = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"
    cut = subprocess.run([*alone, sys.executable, "-c", reaches], capture_output=True, check=False)
    assert b"Network is unreachable" in cut.stderr
    done = subprocess.run([*alone, *asked], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "report.html").stat().st_size > 0
