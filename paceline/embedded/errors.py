"""What can keep a child server from running.

Guarantee: `str(error)` is one clear line that says what to do; show it without a traceback.
"""


class EmbeddedError(Exception):
    """A child server cannot run; the text is one line for the person at the terminal."""


class BinaryMissing(EmbeddedError):
    """The server's program is not on this machine."""


class DataTooNew(EmbeddedError):
    """The data folder was written by a newer server, which this one would read as empty."""


class FolderUnwritable(EmbeddedError):
    """The data folder cannot be made or written."""


class NotReady(EmbeddedError):
    """The child ended before it answered, or did not answer in time."""


class PortBusy(EmbeddedError):
    """Another program listens on the port."""
