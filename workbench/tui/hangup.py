"""A terminal that goes away: what is still written must not block, and the program must end, whatever happens.

On a hang-up the kernel sends SIGHUP and then SIGCONT, which Textual takes for "back from Ctrl+Z": it starts its threads
again on a dead terminal, whose writer dies of the first error and whose queue then blocks the end for ever.

The kernel tells only the session's leader. Where that is `make` and not a shell (tmux new-session "make run"), it waits
for us and passes nothing on: so the terminal itself is watched too.
"""

from __future__ import annotations

import os
import select
import signal
import threading

PATIENCE = 5.0  # seconds for a good end


def guard() -> None:
    """Make SIGHUP safe, on top of the event loop's handler (which still runs). Does nothing without a terminal."""
    terminals = [descriptor for descriptor in (0, 1, 2) if os.isatty(descriptor)]
    if not terminals or not hasattr(signal, "SIGHUP") or threading.current_thread() is not threading.main_thread():
        return

    told = threading.Event()

    def gone(*_: object) -> None:
        told.set()
        signal.signal(signal.SIGCONT, signal.SIG_IGN)  # the lower number is handled first: this comes in time
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in terminals:
            os.dup2(nowhere, descriptor)
        last = threading.Timer(PATIENCE, os._exit, (129,))
        last.daemon = True
        last.start()

    signal.signal(signal.SIGHUP, gone)
    if hasattr(select, "poll"):
        threading.Thread(target=_watch, args=(terminals[0], told), name="hang-up", daemon=True).start()


def _watch(terminal: int, told: threading.Event) -> None:
    """Sleep until the other side of the terminal is gone; then say so to this process, if nobody has."""
    poll = select.poll()
    poll.register(terminal, 0)  # nothing is asked for: a hang-up is told all the same
    while not any(happened & (select.POLLHUP | select.POLLERR) for _, happened in poll.poll()):
        pass
    if not told.is_set():
        os.kill(os.getpid(), signal.SIGHUP)
