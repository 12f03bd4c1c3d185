"""What stands in for QEMU: it has a monitor that says STAND_IN_GREETING, and ends; or waits, with STAND_IN_STAYS.

STAND_IN_STAYS=restoring answers the first command and waits at the second, which is said on standard error.
"""

from __future__ import annotations

import os
import re
import socket
import sys

if __name__ == "__main__":
    print("unable to find CPU model", file=sys.stderr, flush=True)
    found = re.search(r"id=monitor,fd=([0-9]+)", " ".join(sys.argv))
    assert found is not None
    monitor = socket.socket(fileno=int(found[1]))
    greeting = os.environ["STAND_IN_GREETING"].encode()
    monitor.sendall(greeting)
    if greeting:
        monitor.recv(1)
    if os.environ["STAND_IN_STAYS"] == "restoring":
        monitor.recv(1000)
        monitor.sendall(b'{"return": {}, "id": 1}\n')
        monitor.recv(1)
        print("restoring", file=sys.stderr, flush=True)
    if os.environ["STAND_IN_STAYS"]:
        while monitor.recv(1000):
            pass
