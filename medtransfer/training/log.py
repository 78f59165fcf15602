"""Every term is seen: value and weight per step, gradient norm once an epoch, in CSV and TensorBoard."""

from __future__ import annotations

import csv
from pathlib import Path
from types import TracebackType

from medtransfer.core.files import written_whole

NAME = "terms.csv"
COLUMNS = ("step", "epoch", "term", "value", "weight", "gradient_norm")


class TermLog:
    """`terms.csv` (a row a term and step) and TensorBoard events of one run.

    A resumed run takes the rows from its checkpoint's step on back, so that no step stands twice.
    """

    def __init__(self, folder: Path, *, resume_at: int = 0) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.path = folder / NAME
        _rewrite(self.path, _rows_before(self.path, resume_at))
        self._file = self.path.open("a", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)
        self._board = SummaryWriter(folder / "tensorboard", purge_step=resume_at)

    def step(
        self, step: int, epoch: int, values: dict[str, tuple[float, float]], norms: dict[str, float] | None
    ) -> None:
        """One optimiser step: term → (unweighted value, weight), and gradient norms where they were taken."""
        for term, (value, weight) in values.items():
            norm = "" if norms is None or term not in norms else repr(norms[term])
            self._writer.writerow([step, epoch, term, repr(value), repr(weight), norm])
            self._board.add_scalar(f"terms/{term}", value, step)
            if norm:
                self._board.add_scalar(f"gradient_norm/{term}", float(norm), step)

    def validation(self, step: int, log_loss: float) -> None:
        """The validation log-loss after an epoch."""
        self._board.add_scalar("validation/log_loss", log_loss, step)

    def flush(self) -> None:
        """Hand everything to the operating system; called at every checkpoint."""
        self._file.flush()
        self._board.flush()

    def __enter__(self) -> TermLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._board.close()


def _rewrite(path: Path, rows: list[list[str]]) -> None:
    """The log with these rows alone, whole: an interruption right now must not lose what was logged before."""
    with written_whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *rows])


def _rows_before(path: Path, step: int) -> list[list[str]]:
    """The whole rows of an earlier part of the run; a kill may have cut the last line."""
    if step == 0 or not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return [row for row in rows if len(row) == len(COLUMNS) and int(row[0]) < step]
