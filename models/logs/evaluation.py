"""Grouping accuracy: the share of messages whose group holds exactly the messages of their true template.

Source: Zhu et al., Tools and Benchmarks for Automated Log Parsing, ICSE-SEIP 2019.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence


def grouping_accuracy(groups: Sequence[Hashable], truth: Sequence[Hashable]) -> float:
    """0..1. Raises ValueError for sequences of different lengths, or empty ones.

    >>> grouping_accuracy([1, 1, 2, 3], ["a", "a", "b", "b"])
    0.5
    """
    if len(groups) != len(truth) or not groups:
        raise ValueError(f"need as many groups as truths, and some: {len(groups)} for {len(truth)}")
    members: dict[Hashable, list[Hashable]] = defaultdict(list)
    for group, true in zip(groups, truth, strict=True):
        members[group].append(true)
    size = Counter(truth)
    exact = sum(len(m) for m in members.values() if len(set(m)) == 1 and size[m[0]] == len(m))
    return exact / len(groups)
