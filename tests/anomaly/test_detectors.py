"""Every detector through one interface: what it finds, whom it blames, and what it does with holes and nonsense."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from models.anomaly.base import top_contributions
from models.anomaly.catalogue import DEFAULT, DETECTORS, detector
from models.anomaly.evaluation import vus_pr
from models.anomaly.stream import StreamScorer
from models.anomaly.synthetic import Machine, machine
from suture.domain.errors import Invalid

SIMPLE = [name for name in DETECTORS if name not in ("lstm-autoencoder", "ensemble")]


@pytest.fixture(scope="module")
def one() -> Machine:
    return machine(7, rows=900)


@pytest.mark.parametrize("name", list(DETECTORS))
def test_finds_more_than_chance_and_explains_it_exactly(name: str, one: Machine) -> None:
    found = detector(name).fit(one.train)
    scores = found.score(one.test)
    assert scores.total.shape == (900,)
    assert np.isfinite(scores.total).all()
    assert (scores.total >= 0).all()
    assert scores.shares.mean(axis=1) == pytest.approx(scores.total)
    chance = vus_pr(np.random.default_rng(0).random(900), one.label, 20)
    assert vus_pr(scores.total, one.label, 20) > 1.3 * chance


def test_what_is_served_beats_the_floor() -> None:
    figures: dict[str, list[float]] = {name: [] for name in ("z-score", DEFAULT)}
    for seed in range(4):
        made = machine(seed)
        for name, values in figures.items():
            values.append(vus_pr(detector(name).fit(made.train).score(made.test).total, made.label, 20))
    assert np.mean(figures[DEFAULT]) > np.mean(figures["z-score"]) + 0.1


@pytest.mark.parametrize("name", SIMPLE)
def test_a_stream_is_scored_as_the_batch_is_causally(name: str, one: Machine) -> None:
    found = detector(name).fit(one.train)
    rows = one.test[:130].copy()
    rows[20:60, 3] = np.nan
    rows[100] = np.nan
    batch = found.score(rows, causal=True)
    stream = StreamScorer(found)
    pushed = [stream.push(row) for row in rows]
    assert np.concatenate([s.total for s in pushed]) == pytest.approx(batch.total, rel=1e-9, abs=1e-12)
    assert np.concatenate([s.shares for s in pushed]) == pytest.approx(batch.shares, rel=1e-9, abs=1e-12)
    assert len(stream._rows) <= found.memory


@pytest.mark.parametrize("name", SIMPLE)
def test_causal_scores_know_nothing_of_what_follows(name: str, one: Machine) -> None:
    found = detector(name).fit(one.train)
    later = one.test.copy()
    later[200:] *= 50
    assert found.score(later, causal=True).total[:200] == pytest.approx(
        found.score(one.test, causal=True).total[:200]
    )


def test_the_metric_at_fault_is_named(one: Machine) -> None:
    rows = one.train[:300].copy()
    rows[150:170, 4] += 8 * one.train[:, 4].std()
    top = top_contributions(detector().fit(one.train).score(rows), rows=1)[0]
    assert 140 <= top["row"] <= 180
    assert next(iter(top["contributions"])) == "4"
    assert 0 < sum(top["contributions"].values()) <= 1


@pytest.mark.parametrize("name", [*SIMPLE, "lstm-autoencoder"])
def test_a_metric_without_values_changes_nothing_for_the_others(name: str, one: Machine) -> None:
    silent = np.full((900, 1), np.nan)
    alone = detector(name).fit(one.train).score(one.test)
    beside = detector(name).fit(np.hstack([one.train, silent])).score(np.hstack([one.test, silent]))
    assert beside.shares[:, -1].max() == 0
    assert beside.total == pytest.approx(alone.total, rel=0.02, abs=0.02)


def test_a_flag_that_never_moved_is_seen_when_it_does() -> None:
    rng = np.random.default_rng(1)
    train = np.hstack([rng.normal(size=(400, 5)), np.zeros((400, 1))])
    rows = np.hstack([rng.normal(size=(200, 5)), np.zeros((200, 1))])
    rows[100:110, 5] = 1
    found = detector().fit(train)
    scores = found.score(rows)
    assert 100 <= int(np.argmax(scores.total)) < 110
    assert scores.total.max() > found.threshold


@pytest.mark.parametrize("name", SIMPLE)
def test_the_threshold_comes_from_training_rows_only(name: str, one: Machine) -> None:
    found = detector(name).fit(one.train)
    before = found.threshold
    found.score(one.test * 1000)
    assert found.threshold == before
    assert (found.score(one.train).total > before).mean() < 0.02


@pytest.mark.parametrize("name", SIMPLE)
@pytest.mark.parametrize("rows", [1, 3, 15, 39, 41])
def test_few_rows_and_one_metric_are_no_trouble(name: str, rows: int) -> None:
    values = np.sin(np.arange(60) / 5)
    scores = detector(name).fit(values).score(values[:rows])
    assert scores.total.shape == (rows,)
    assert np.isfinite(scores.total).all()


@pytest.mark.parametrize("value", [1e300, -1e300, np.inf])
def test_absurd_values_stay_numbers(value: float, one: Machine) -> None:
    rows = one.test[:100].copy()
    rows[50, 2] = value
    assert np.isfinite(detector().fit(one.train).score(rows).total).all()


def test_what_cannot_be_scored_says_why(one: Machine) -> None:
    with pytest.raises(Invalid, match="not fitted yet"):
        detector().score(one.test)
    with pytest.raises(Invalid, match="too few"):
        detector().fit(one.train[:5])
    with pytest.raises(Invalid, match=r"3 metrics, the training data had 12"):
        detector().fit(one.train).score(one.test[:, :3])
    with pytest.raises(Invalid, match="numbers"):
        detector().fit([["a", "b"]])
    with pytest.raises(Invalid, match="not of shape"):
        detector().fit(np.zeros((3, 3, 3)))
    with pytest.raises(Invalid, match="choose from multiscale-pca"):
        detector("crystal-ball")
    with pytest.raises(Invalid, match="takes 50 metrics"):
        detector("lstm-autoencoder").fit(np.random.default_rng(0).normal(size=(300, 51)))


def test_only_the_network_needs_torch() -> None:
    code = (
        "import numpy as np, sys\n"
        "from models.anomaly.catalogue import detector\n"
        "detector().fit(np.random.rand(80, 2)).score(np.random.rand(20, 2))\n"
        "print('torch' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "False\n"
    )
