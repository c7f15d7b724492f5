"""Errors a user can act on, each with the exit code the command line gives it."""


class MiapError(Exception):
    """Something went wrong; the message says what and, in ``remedy``, what to do about it."""

    exit_code = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class UsageError(MiapError):
    """The command's words are off (exit code 2)."""

    exit_code = 2


class InputError(MiapError):
    """A file or study cannot be used (exit code 3). The message names the file and the reason."""

    exit_code = 3


class NoModelError(MiapError):
    """No model fits this case (exit code 4)."""

    exit_code = 4
