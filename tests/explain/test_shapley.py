"""Our own Shapley values: by hand, by brute force, and what sampling them costs in accuracy."""

import itertools

import numpy as np
import pandas as pd
import pytest

from auditkit.explain import shapley


def toy(frame):
    return (frame["a"] * frame["b"] + frame["c"]).to_numpy(dtype=float)


def tangled(frame):
    a, b, c, d = (frame[k].to_numpy(dtype=float) for k in "abcd")
    return np.tanh(a * b) + np.maximum(b, c) * d + a * b * c * d


def brute_force(function, row, background):
    """Average the change a column makes over every order of arrival: Shapley's own definition."""
    names = list(background)
    total = dict.fromkeys(names, 0.0)
    orders = list(itertools.permutations(names))
    for _, other in background.iterrows():
        for order in orders:
            current = other.copy()
            before = function(current.to_frame().T)[0]
            for name in order:
                current[name] = row[name]
                after = function(current.to_frame().T)[0]
                total[name] += after - before
                before = after
    return np.array([total[k] for k in names]) / (len(orders) * len(background))


def play(function, rows, background):
    return shapley.game(rows, background, function)


@pytest.fixture(scope="module")
def numbers():
    rng = np.random.default_rng(11)
    rows = pd.DataFrame(rng.normal(size=(30, 4)), columns=list("abcd"))
    return rows, pd.DataFrame(rng.normal(size=(6, 4)), columns=list("abcd"))


def test_three_columns_by_hand():
    # a*b + c at (2, 3, 5) against (0, 0, 0): a and b share their product, c keeps its own
    rows = pd.DataFrame({"a": [2.0, 0.0], "b": [3.0, 3.0], "c": [5.0, 1.0]})
    zero = pd.DataFrame({"a": [0.0], "b": [0.0], "c": [0.0]})
    assert shapley.exact(play(toy, rows, zero)) == pytest.approx(
        np.array([[3.0, 3.0, 5.0], [0.0, 0.0, 1.0]]), abs=1e-14
    )
    # against (1, 1, 1): a adds 1 alone and 3 after b; b adds 2 alone and 4 after a
    one = zero + 1.0
    assert shapley.exact(play(toy, rows.iloc[:1], one)) == pytest.approx(
        np.array([[2.0, 3.0, 4.0]]), abs=1e-14
    )


def test_exact_is_the_average_over_all_orders(numbers):
    rows, background = numbers
    values = shapley.exact(play(tangled, rows, background))
    for i in (0, 7, 29):
        assert values[i] == pytest.approx(
            brute_force(tangled, rows.iloc[i], background), rel=1e-10, abs=1e-12
        )


def test_one_column_takes_the_whole_difference():
    rows, background = pd.DataFrame({"a": [1.0, 4.0]}), pd.DataFrame({"a": [0.0, 2.0]})
    values = shapley.exact(play(lambda f: f["a"].to_numpy() ** 2, rows, background))
    assert values.tolist() == [[1.0 - 2.0], [16.0 - 2.0]]


@pytest.mark.parametrize("method", ["exact", "sampled"])
def test_values_sum_to_the_output_minus_the_mean_of_the_background(method, numbers):
    rows, background = numbers
    game = play(tangled, rows, background)
    values = shapley.exact(game) if method == "exact" else shapley.sampled(game, 3)
    gap = tangled(rows) - tangled(background).mean()
    assert np.abs(values.sum(axis=1) - gap).max() < 1e-12


def test_two_columns_are_sampled_exactly(numbers):
    # a permutation and its reverse are all the permutations there are
    rows, background = (frame[["a", "b"]].assign(c=1.0, d=2.0) for frame in numbers)
    rows, background = rows[["a", "b"]], background[["a", "b"]]

    def f(frame):
        return np.exp(frame["a"].to_numpy()) * frame["b"].to_numpy()

    game = play(f, rows, background)
    assert shapley.sampled(game, 0) == pytest.approx(shapley.exact(game), abs=1e-12)


def test_sampling_converges_to_the_exact_values(numbers):
    rows, background = numbers
    exact = shapley.exact(play(tangled, rows, background))
    errors = []
    for copies in (1, 16, 256):
        many = pd.concat([background] * copies, ignore_index=True)
        errors.append(
            np.sqrt(np.mean((shapley.sampled(play(tangled, rows, many), 5) - exact) ** 2))
        )
    # sixteen times the permutations, a quarter of the error; a factor of 1.6 for chance
    assert errors[1] < errors[0] / 4 * 1.6
    assert errors[2] < errors[1] / 4 * 1.6
    assert errors[2] > 0


def test_the_stated_noise_is_the_distance_from_the_exact_values(numbers):
    rows, background = numbers
    game = play(tangled, rows, background)
    exact, seeds = shapley.exact(game), range(12)
    drawn = [shapley.sampled(game, 100 * s) for s in seeds]
    real = np.sqrt(np.mean([(values - exact) ** 2 for values in drawn]))
    stated = [shapley.sampling_noise(game, v, 100 * s) for s, v in zip(seeds, drawn, strict=True)]
    assert np.sqrt(np.mean(np.square(stated))) == pytest.approx(real, rel=0.15)


def test_a_row_is_explained_the_same_wherever_it_stands(numbers):
    rows, background = numbers
    order = np.random.default_rng(0).permutation(len(rows))
    there = shapley.sampled(play(tangled, rows, background), 9)
    here = shapley.sampled(play(tangled, rows.iloc[order], background), 9)
    assert here == pytest.approx(there[order], abs=1e-14)


def test_equal_rows_draw_their_own_permutations(numbers):
    rows, background = numbers
    twice = pd.concat([rows.iloc[:1]] * 2, ignore_index=True)
    values = shapley.sampled(play(tangled, twice, background), 9)
    assert not np.array_equal(values[0], values[1])


def test_the_stream_of_a_row_depends_on_its_values_and_not_on_how_they_are_stored():
    plain = pd.DataFrame({"n": [1, 2], "t": ["x", "y"]})
    stored = plain.astype({"n": "float64", "t": "category"})
    for left, right in zip(
        shapley.generators(plain, 4), shapley.generators(stored, 4), strict=True
    ):
        assert left.integers(1 << 60) == right.integers(1 << 60)


def test_types_survive_the_mixing(categories):
    rows, _ = categories
    rows = rows.assign(
        told=pd.array([True, None] * 300, dtype="boolean"),
        when=pd.Timestamp("2020-01-01"),
        mixed=pd.Series(["x", 3, None] * 200, dtype=object),
    )
    seen = []

    def record(frame):
        seen.append(frame)
        return np.arange(len(frame), dtype=float)

    game = play(record, rows.iloc[:5], rows.iloc[300:304])
    shapley.sampled(game, 0)
    mixed = seen[-1]
    assert list(mixed) == list(rows)
    assert mixed.dtypes.equals(rows.dtypes)
    assert mixed["camp"].cat.categories.equals(rows["camp"].cat.categories)
    for name in rows:
        pool = pd.concat([rows[name].iloc[:5], rows[name].iloc[300:304]])
        assert set(mixed[name].dropna()) <= set(pool.dropna())


def test_other_types_in_the_background_are_an_error(numbers):
    rows, background = numbers
    with pytest.raises(ValueError, match=r"types of the columns \['b'\]"):
        play(tangled, rows.astype({"b": "int64"}), background)


def test_the_number_of_model_outputs_is_the_stated_cost(numbers):
    rows, background = numbers
    asked = []

    def counted(frame):
        asked.append(len(frame))
        return tangled(frame)

    game = play(counted, rows, background)
    asked.clear()
    shapley.exact(game)
    assert sum(asked) == shapley.exact_cost(30, 4, 6) == 30 * 14 * 6
    asked.clear()
    shapley.sampled(game, 0)
    assert sum(asked) == shapley.sampled_cost(30, 4, 6) == 30 * 6 * 6


def test_the_background_shrinks_before_the_budget_is_passed_but_never_under_the_least():
    assert shapley.affordable_background(2000, 8, 50) == 50
    assert shapley.affordable_background(2000, 40, 50) == 4_000_000 // (2000 * 78)
    assert shapley.affordable_background(100_000, 40, 50) == shapley.LEAST_BACKGROUND
    assert shapley.affordable_background(100_000, 40, 3) == 3


def test_progress_ends_at_all_rows(numbers, monkeypatch):
    rows, background = numbers
    monkeypatch.setattr(shapley, "CELLS", 4 * 14 * 6 * 7)  # seven rows a frame
    told = []
    whole = shapley.exact(play(tangled, rows, background))
    shapley.exact(play(tangled, rows, background), lambda done, total: told.append((done, total)))
    assert told == [(7, 30), (14, 30), (21, 30), (28, 30), (30, 30)]
    monkeypatch.undo()
    assert shapley.exact(play(tangled, rows, background)) == pytest.approx(whole, abs=1e-14)
