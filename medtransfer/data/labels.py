"""What is the matter with the labels of a cohort table, in sentences, before anybody trusts it.

Works on the table as it was written, since `read_cohort` refuses most of what is said here.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import pandas as pd

from medtransfer.core.inert import shortened
from medtransfer.data.classes import MISSING_WORDS
from medtransfer.data.several_labels import task_of
from medtransfer.data.targets import known_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_SHOWN: Final = 5
_RARE: Final = 0.05
"""A word on fewer than this share of the rows of a similar word may be a misspelling of it."""
_ALIKE: Final = 0.8


def label_warnings(table: pd.DataFrame, *, label: str = "label", classes: Sequence[str] = ()) -> tuple[str, ...]:
    """Sentences on labels and patients, the gravest first; none where all is well.

    Args:
        table: One row an image, all cells text, empty where unknown: `path`, the label's column, and `patient_id`,
            `study_id`, `date` and `split` where there are such.
        label: Column of the label, or of the text of several labels.
        classes: Words that are right; every other one is pointed out. Empty: any may be.
    """
    if label not in table:
        return (f"There is no column '{label}': name the label's column with --label.",)
    known = table.assign(label=table[label])
    for column in ("path", "patient_id", "study_id", "date", "split"):
        if column not in known:
            known[column] = ""
    known["study"] = known["study_id"].where(known["study_id"] != "", known["path"])
    several = task_of(known, "label") == "multilabel"
    words = pd.Series([name for cell in known["label"] for name in known_labels(cell)]) if several else known["label"]
    return (
        *_contradictions(known, several=several),
        *_patients(known),
        *_words(words.astype(object), classes),
        *_missing(known),
    )


def _contradictions(table: pd.DataFrame, *, several: bool) -> Iterator[str]:
    labelled = table[(table["label"] != "") & ~table["label"].str.lower().isin(MISSING_WORDS)]
    studies = _several(labelled, ["study"], "label")
    if studies:
        yield (
            f"{_count(len(studies), 'study has', 'studies have')} images of different labels: "
            f"{_named(_first_paths(labelled, studies))}."
        )
    of_patient = labelled[labelled["patient_id"] != ""]
    dated = of_patient[of_patient["date"] != ""]
    days = _several(dated, ["patient_id", "date"], "label")
    if days:
        yield (
            f"{_count(len(days), 'patient has', 'patients have')} different labels on the same day: "
            "one of them may be wrong."
        )
    both = _several(of_patient, ["patient_id"], "label")
    if both and not several:
        yield f"{_count(len(both), 'patient has', 'patients have')} studies of several classes."


def _patients(table: pd.DataFrame) -> Iterator[str]:
    studies = table.drop_duplicates("study")
    unknown = int((studies["patient_id"] == "").sum())
    if unknown:
        yield (
            f"{unknown:,} of {_count(len(studies), 'study has', 'studies have')} no patient_id: "
            "splits cannot keep patients together."
        )
    known = table[table["patient_id"] != ""]
    shared = _several(known, ["study"], "patient_id")
    if shared:
        yield (
            f"{_count(len(shared), 'study belongs', 'studies belong')} to more than one patient: "
            f"{_named(_first_paths(known, shared))}."
        )
    leaking = _several(known[known["split"] != ""], ["patient_id"], "split")
    if leaking:
        yield (
            f"{_count(len(leaking), 'patient is', 'patients are')} in more than one split: "
            "figures across such a leak are too good."
        )


def _words(labels: pd.Series, classes: Sequence[str]) -> Iterator[str]:
    counts = {str(word): int(rows) for word, rows in labels[labels != ""].value_counts().items()}
    spelt: dict[str, list[str]] = defaultdict(list)
    for word in counts:
        spelt["".join(c for c in word.casefold() if c.isalnum()) or word].append(word)
    variants = [sorted(words) for words in spelt.values() if len(words) > 1]
    if variants:
        yield f"Labels in several spellings: {'; '.join(_named(words) for words in variants[:_SHOWN])}."
    if classes:
        unknown = [word for word in counts if word not in classes]
        if unknown:
            yield f"{_count(len(unknown), 'label is', 'labels are')} none of {', '.join(classes)}: {_named(unknown)}."
        return
    in_variant = {word for words in variants for word in words}
    for word, rows in counts.items():
        common = [other for other, many in counts.items() if rows < _RARE * many and other not in in_variant]
        near = difflib.get_close_matches(word.casefold(), [c.casefold() for c in common], n=1, cutoff=_ALIKE)
        if near and word not in in_variant:
            right = next(c for c in common if c.casefold() == near[0])
            yield (
                f"'{shortened(word, 60)}' ({_count(rows, 'row', 'rows')}) may be a misspelling of "
                f"'{shortened(right, 60)}' ({counts[right]:,})."
            )


def _missing(table: pd.DataFrame) -> Iterator[str]:
    words = sorted({word for word in table["label"] if word.lower() in MISSING_WORDS})
    if words:
        rows = int(table["label"].isin(words).sum())
        yield f"{_count(rows, 'row has a label', 'rows have labels')} that read as missing: {_named(words)}."
    studies = table.groupby("study")["label"].max()
    unlabelled = int((studies == "").sum())
    if unlabelled:
        yield f"{unlabelled:,} of {_count(len(studies), 'study has', 'studies have')} no label."


def _several(table: pd.DataFrame, keys: list[str], column: str) -> list[str]:
    """First key of each group with more than one value of a column."""
    if table.empty:
        return []
    kinds = table.groupby(keys, sort=True)[column].nunique()
    several = kinds[kinds > 1]
    return list(dict.fromkeys(str(key[0] if isinstance(key, tuple) else key) for key in several.index))


def _first_paths(table: pd.DataFrame, studies: Sequence[str]) -> list[str]:
    """One image of each study, since the study's own name may be an identifier."""
    firsts = table.drop_duplicates("study").set_index("study")["path"]
    return [str(firsts[study]) for study in studies]


def _named(words: Iterable[str]) -> str:
    shown = list(words)
    more = f" and {len(shown) - _SHOWN:,} more" if len(shown) > _SHOWN else ""
    return ", ".join(f"'{shortened(word, 60)}'" for word in shown[:_SHOWN]) + more


def _count(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"
