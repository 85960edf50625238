"""Bad news, by kind. Each carries the exit code that the command line ends with.

FaultkitError
 +-- UsageError          a request that cannot be fulfilled        (exit 2)
 +-- UnmetNeed           this machine or build cannot run it       (exit 4)
 +-- HarnessError        faultkit itself, or QEMU, went wrong      (exit 5)
      +-- GuestLost      QEMU was killed, had no memory or disk, or stopped answering
      |    +-- GuestCrashed   QEMU ended by an error of its own
      +-- NotPlaced      a fault could not be put where it was asked to go
      +-- BadRecord      a stored record cannot be decoded
      +-- Runaway        a guest, or a part that acts on it, used up its time without coming to an end
      +-- Unreadable     a guest left something behind that faultkit cannot make a record of

What happens to a driver under test is none of these: it is an Outcome, which is data.
"""

import errno

from faultkit.model.texts import neutral

LONGEST = 1200  # characters of a line


class FaultkitError(Exception):
    """The base of all errors; one line that names the request and the remedy."""

    exit_code = 5

    def __str__(self) -> str:
        """The line, made neutral, and not too long: it may quote a file of results, or a guest."""
        text = neutral(" ".join(super().__str__().splitlines()))
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


class UsageError(FaultkitError):
    """A request of the user's that cannot be fulfilled."""

    exit_code = 2


class UnmetNeed(FaultkitError):
    """This machine, or this build of the guest, lacks something; the text names the command that mends it."""

    exit_code = 4


class HarnessError(FaultkitError):
    """faultkit or QEMU went wrong: the trial says nothing about the driver (void)."""

    exit_code = 5


class GuestLost(HarnessError):
    """QEMU was killed, had no memory or disk, or stopped answering."""


class GuestCrashed(GuestLost):
    """QEMU ended by an error of its own, which would come again."""


class NotPlaced(HarnessError):
    """A fault could not be put where it was asked to go."""


class BadRecord(HarnessError):
    """A stored record cannot be decoded: its file was damaged, or written by something else."""


BAD_DATA = (BadRecord, UsageError, AttributeError, ImportError, KeyError, TypeError, ValueError)
"""The errors that damaged data raise, and parts that are gone: a reader may go on without the trial that raised one."""


class Runaway(HarnessError):
    """A guest, or a part that acts on it from the host, used up its time without coming to an end."""


class Unreadable(HarnessError):
    """A guest left something behind that faultkit cannot make a record of."""


TOLD = 500  # characters of an error's text: a guest's log has little room, and a driver's error may quote megabytes


def words_of(reason: BaseException, *, of_system: bool = False) -> str:
    """The text of an error, shortened; of an OSError the system's alone, if asked. If none can be made, its class."""
    try:
        text = str((of_system and getattr(reason, "strerror", None)) or reason)
    except BaseException:  # whatever an error of a part's own raises when it is asked for its text
        return f"{type(reason).__name__[:TOLD]}, whose text cannot be made"
    return text if len(text) <= TOLD else f"{text[:TOLD]}..."


SCARCE = frozenset({errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EAGAIN, errno.EMFILE, errno.ENFILE})
"""The system's errors for a want of memory, disk, processes or files."""


def passes(reason: BaseException) -> bool:
    """Say if an error came from the host's state, which may be another one later: the same work can be tried again."""
    if isinstance(reason, GuestLost):
        return not isinstance(reason, GuestCrashed)
    return isinstance(reason, MemoryError) or (isinstance(reason, OSError) and reason.errno in SCARCE)
