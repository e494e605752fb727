"""What is said of comparisons whose outcome is known."""

import math

import numpy as np
import pytest
from scipy import stats

from jaxlearn.report._tables import facts_table, pair_table, ranking, ranking_table, relation
from jaxlearn.report._verdict import verdict
from tests.jaxlearn.report.planted import TEST, by_loss, comparison, sweep

GOOD, SAME, BAD = [0.900, 0.906, 0.903], [0.904, 0.901, 0.905], [0.800, 0.804, 0.803]
ADAM = sweep("adam", GOOD)


def without_losses(name):
    planted = by_loss(sweep(name, GOOD, diverged=np.s_[:, :]))
    return planted._replace(test_loss=np.full(3, np.inf))


VERDICTS = {  # sweeps; what is said of them; what is not
    "itself": (
        [ADAM, sweep("again", GOOD)],
        [
            "adam has the highest mean test accuracy, 0.9030 (95% interval 0.8955 to 0.9105, n = 3) ",
            " with learning rate 0.01. again (0.0000 behind) cannot be told apart from it with 3 seeds.",
        ],
        ["is best", "Behind"],
    ),
    "close": (
        [ADAM, sweep("sgd", SAME)],
        ["sgd has the highest mean test accuracy, 0.9033", "adam (0.0003 behind) cannot be told apart"],
        ["is best", "Behind"],
    ),
    "worse": (
        [sweep("sgd", BAD), ADAM],
        ["On mlp, adam is best: mean test accuracy 0.9030 (95%", "Behind it is sgd by 0.1007."],
        ["told apart"],
    ),
    "both": (
        [ADAM, sweep("sgd", BAD), sweep("rprop", SAME), sweep("asgd", [0.7, 0.701, 0.703])],
        ["rprop has", "adam (0.0003 behind) cannot", "Behind it are sgd by 0.1010 and asgd by 0.2020."],
        [],
    ),
    "many": (
        [ADAM, *(sweep(f"bad{i}", np.array(BAD) - i / 100) for i in range(12))],
        ["Behind it are 12 optimizers, from bad0 by 0.1007 to bad11 by 0.2107."],
        ["bad5"],
    ),
    "one optimizer": (
        [ADAM],
        ["adam reaches mean test accuracy 0.9030 (95%", "nothing is compared with it.", "Its budget was"],
        ["is best", "told apart", "Behind"],
    ),
    "one seed": (
        [sweep("adam", [0.9]), sweep("sgd", [0.1])],
        [
            "adam has the highest test accuracy, 0.9000 with learning rate 0.01 (n = 1, no interval), ",
            "but one seed can tell nothing apart.",
            "after the last epoch is the highest;",
            "3 points x 1 seed x 5 epochs = 15 epochs",
        ],
        ["is best", "Behind", "cannot be"],
    ),
    "loss": (
        [by_loss(sweep("sgd", BAD)), by_loss(ADAM)],
        ["adam is best: mean test loss 0.0970 (", "Behind it is sgd by 0.1007.", "lowest mean over"],
        ["accuracy", "binomial"],
    ),
    "loss not finite": (
        [by_loss(ADAM), by_loss(sweep("sgd", BAD))._replace(test_loss=np.array([0.1, np.nan, 0.1]))],
        ["adam is best", "sgd has no finite test loss."],
        ["told apart", "Behind"],
    ),
    "no loss finite": (
        [without_losses("a"), without_losses("b")],
        [
            "no optimizer ended with a finite test loss",
            "18 of 18 runs diverged: 9 of a and 9 of b.",
            "No target, as no run ended with a finite loss.",
        ],
        ["is best:", "told apart", "Behind"],
    ),
    "chosen by": (
        [ADAM],
        [
            "validation accuracy after the last epoch has the highest mean over 3 seeds; ",
            "the 4,000 test examples were looked at once, with it alone.",
        ],
        [],
    ),
    "nothing to choose": (
        [sweep("adam", GOOD, val=[GOOD])],
        ["Nothing was searched; the 4,000 test examples were looked at once."],
        ["chosen whose"],
    ),
    "budget": (
        [ADAM, sweep("sgd", BAD)],
        ["The budget of each was 3 points x 3 seeds x 5 epochs = 45 epochs."],
        [],
    ),
    "no run diverged": ([ADAM, sweep("sgd", BAD)], ["None of the 18 runs diverged."], []),
    "a run diverged": (
        [ADAM, sweep("sgd", BAD, diverged=[(2, 1)])],
        ["1 of 18 runs diverged: 1 of sgd."],
        ["of adam"],
    ),
    "default target": (
        [ADAM, sweep("sgd", BAD)],
        ["accuracy 0.893 (99% of the best mean after the last epoch): sgd never reached it."],
        [],
    ),
    "test set": (
        [ADAM],
        [f"of 0.9030 with 4,000 examples is {math.sqrt(0.903 * 0.097 / TEST):.4f}"],
        [],
    ),
}


def words(*sweeps, target=None):
    planted = comparison(*sweeps)
    (ranked,) = ranking(planted, target)
    found = verdict(ranked, planted)
    return f"{found.found} {found.basis}", found.warnings


@pytest.mark.parametrize("name", VERDICTS)
def test_the_verdict_says_what_was_planted_and_no_more(name):
    sweeps, said, unsaid = VERDICTS[name]
    text, _ = words(*sweeps)
    for phrase in said:
        assert phrase in text
    for phrase in unsaid:
        assert phrase not in text


WARNINGS = {
    "none": ([ADAM], ""),
    "largest": (
        [sweep("adam", GOOD, val=[BAD, BAD, GOOD])],
        "adam on mlp: the chosen learning rate 0.1 is the largest that was tried; "
        "its best may lie beyond: try a wider range.",
    ),
    "smallest of another axis": (
        [sweep("adam", GOOD, axes=["b1"], val=[GOOD, BAD, BAD])],
        "adam on mlp: the chosen b1 0.001 is the smallest that was tried; "
        "its best may lie beyond: try a wider range.",
    ),
    "chosen point diverged": (
        [sweep("adam", GOOD, diverged=[(1, 2), (0, 0)])],
        "adam on mlp: 1 of 3 runs at the chosen point diverged.",
    ),
    "budgets": (
        [ADAM, sweep("sgd", BAD, val=[BAD]), sweep("rprop", BAD)],
        "the budgets on mlp differ, and more points give more chances to be good: adam and rprop had "
        "3 points x 3 seeds x 5 epochs = 45 epochs; sgd had 1 point x 3 seeds x 5 epochs = 15 epochs.",
    ),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_warnings(name):
    sweeps, warning = WARNINGS[name]
    assert words(*sweeps)[1] == [warning] * bool(warning)


@pytest.mark.parametrize("judged", [lambda planted: planted, by_loss])
def test_a_lucky_seed_does_not_win(judged):
    lucky = judged(sweep("lucky", [0.99, 0.6, 0.6], val=[[0.99, 0.6, 0.6], [0.8, 0.8, 0.8]]))
    steady = judged(sweep("steady", [0.8, 0.81, 0.8]))
    (ranked,) = ranking(comparison(lucky, steady))
    assert [row.optimizer for row in ranked.rows] == ["steady", "lucky"]
    assert ranked.rows[1].point == {"learning_rate": 0.01}


def test_numbers_are_those_of_textbooks():
    tied = sweep("flat", [0.85] * 3)
    (ranked,) = ranking(comparison(ADAM, tied, sweep("sgd", BAD)))
    adam, flat = (row.test for row in ranked.rows[:2])
    low, high = stats.t.interval(0.95, 2, np.mean(GOOD), stats.sem(GOOD))
    np.testing.assert_allclose([adam.mean, adam.low, adam.high], [np.mean(GOOD), low, high])
    half = stats.t.isf(0.025, 2) / TEST / math.sqrt(3)  # seeds that agree are no certainty
    np.testing.assert_allclose(flat.high - flat.low, 2 * half)
    samples = {"adam": GOOD, "flat": [0.85] * 3, "sgd": BAD}
    p = [stats.ttest_rel(samples[pair.first], samples[pair.second]).pvalue for pair in ranked.pairs]
    by_hand = np.maximum.accumulate(np.sort(p) * [3, 2, 1])  # Holm's step-down
    np.testing.assert_allclose(sorted(pair.p for pair in ranked.pairs), by_hand)
    assert [row[:3] + row[5:] for row in pair_table(ranked).rows] == [
        ["adam", "flat", "0.0530", "better"],
        ["adam", "sgd", "0.1007", "better"],
        ["flat", "sgd", "0.0477", "better"],
    ]
    assert len(pair_table(ranked, best_only=True).rows) == 2


@pytest.mark.parametrize("judged", [lambda planted: planted, by_loss])
def test_the_better_is_called_better(judged):
    (ranked,) = ranking(comparison(judged(sweep("sgd", BAD)), judged(ADAM)))
    (pair,) = ranked.pairs
    assert (pair.first, relation(ranked, pair)) == ("adam", "better")
    other = pair._replace(first="sgd", second="adam", difference=-pair.difference)
    assert relation(ranked, other) == "worse"


def test_the_target_is_99_percent_of_the_best_or_a_tenth_more_loss():
    (ranked,) = ranking(comparison(sweep("sgd", BAD), ADAM))
    assert ranked.target == math.floor(np.mean(GOOD) * 990) / 1000 == 0.893
    (ranked,) = ranking(comparison(by_loss(sweep("sgd", BAD)), by_loss(ADAM)))
    assert ranked.target == pytest.approx(1.1 * (1 - np.mean(GOOD)), rel=1e-4)
    (ranked,) = ranking(comparison(ADAM), 0.5)
    assert (ranked.target, ranked.reason) == (0.5, "as given")


@pytest.mark.parametrize(
    ("target", "epochs", "seconds", "said"),
    [  # final accuracies 0.900, 0.906 and 0.903 are reached by 0.52, 0.77, 0.90, 0.97 and 1 of the way
        (0.8, "3.0", "0.200", "every run of a chosen point reached it."),
        (0.8759, "4.5, 1 of 3 never", "0.300", "adam with 1 of 3 seeds did not."),
        (0.95, "never", "never", "adam never reached it."),
    ],
)
def test_epochs_and_seconds_to_a_target(target, epochs, seconds, said):
    planted = ADAM._replace(val_accuracy=ADAM.val_accuracy.copy())
    planted.val_accuracy[1, 0, :] = [0, 0, 0.81, 0.82, 0.83]  # never 0.8759
    planted.val_accuracy[1, 1, 3] = 0.88
    planted.val_accuracy[1, 2, 3] = 0.87
    text, _ = words(planted, target=target)
    table = row_of(planted, target=target)
    # the grid took 3 s for 9 runs of 5 epochs
    assert (table["epochs to target"], table["seconds to target"]) == (epochs, seconds)
    assert text.count(said) == 1


def row_of(planted, target=None):
    (ranked,) = ranking(comparison(planted), target)
    table = ranking_table(ranked)
    return dict(zip([column.name for column in table.columns], table.rows[0], strict=True))


def test_the_ranking_shows_what_was_planted():
    assert row_of(sweep("adam", GOOD, diverged=[(0, 0), (2, 1)])) == {
        "optimizer": "adam",
        "learning rate": "0.01",
        "test accuracy": "0.9030",
        "sd": "0.0030",
        "95% interval": "0.8955 to 0.9105",
        "n": "3",
        "validation accuracy": "0.9030",
        "diverged": "2/9",
        "epochs to target": "5.0",
        "seconds to target": "0.333",
        "seconds in all": "3.00",
    }
    one = row_of(by_loss(sweep("adam", [0.99995], val=[[0.99995]], axes=["b1", "b2"])))
    assert (
        one.items()
        >= {"b1": "0.001", "b2": "0.001", "test loss": "5e-05", "sd": "-", "95% interval": "-"}.items()
    )


def test_optimizers_with_other_hyperparameters_and_models_stand_side_by_side():
    other = sweep("sgd", BAD, axes=["momentum"])
    planted = comparison(
        ADAM, other, sweep("adam", SAME, model="cnn"), sweep("none", SAME, model="cnn", axes=[])
    )
    mlp, cnn = ranking(planted)
    assert (mlp.model, cnn.model) == ("mlp", "cnn")
    assert [row[:3] for row in ranking_table(mlp).rows] == [["adam", "0.01", "-"], ["sgd", "-", "0.01"]]
    table = facts_table([mlp, cnn], {"adam": {"pros": "fast"}, "sgd": {"cons": "slow"}})
    assert [column.name for column in table.columns] == [
        *("optimizer", "test accuracy of mlp", "epochs to target of mlp"),
        *("test accuracy of cnn", "epochs to target of cnn", "pros", "cons"),
    ]
    assert table.rows == [
        ["adam", "0.9030", "5.0", "0.9033", "5.0", "fast", "-"],
        ["sgd", "0.8023", "never", "-", "-", "-", "slow"],
        ["none", "-", "-", "0.9033", "5.0", "-", "-"],
    ]
