"""Run the service: `python3 -m shop_api`; it stops in order at SIGTERM."""

import os
import signal
import threading

from shop_api.service import Settings, run


def main() -> None:
    """Serve until the process is told to stop."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(Settings.of(os.environ), stop)


if __name__ == "__main__":
    main()
