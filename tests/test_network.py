"""auditkit needs no network: none is asked for, and without one nothing is missing."""

import shutil
import socket
import subprocess
import sys

import pytest

ALONE = ["unshare", "--net", "--map-root-user"]


@pytest.mark.parametrize("address", [("192.0.2.1", 9), ("2001:db8::1", 9)])
def test_a_socket_that_leaves_this_machine_fails_a_test(address):
    kind = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(kind) as asked:
        for reach in (asked.connect, asked.connect_ex):
            with pytest.raises(pytest.fail.Exception, match="has no network"):
                reach(address)
    with pytest.raises(pytest.fail.Exception, match="has no network"):
        socket.create_connection(address)


@pytest.mark.parametrize("host", ["example.org", "192.0.2.1", b"example.org"])
def test_a_name_that_is_looked_up_fails_a_test(host):
    with pytest.raises(pytest.fail.Exception, match="has no network"):
        socket.getaddrinfo(host, 80)


def test_this_machine_is_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()


@pytest.mark.slow
def test_the_demo_needs_nothing_but_loopback(tmp_path):
    """In a network of its own, whatever the language a library is written in."""
    if not shutil.which("unshare") or not shutil.which("ip"):
        pytest.skip("unshare or ip is not installed")
    if subprocess.run([*ALONE, "true"], capture_output=True).returncode:
        pytest.skip("this system does not let a user make a network of his own")
    steps = 'ip link set lo up && ip -brief link && exec "$0" -m auditkit demo --out out'
    done = subprocess.run(
        [*ALONE, "sh", "-c", steps, sys.executable], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    links = [line.split()[0] for line in done.stdout.splitlines() if "LOOPBACK" in line]
    assert links == ["lo"]
    assert (tmp_path / "out" / "audit.json").is_file()
