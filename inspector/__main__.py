"""`python -m inspector` is the same program as `vcpu-inspector`."""

from inspector.cli import start

if __name__ == "__main__":
    start()
