"""``.skops`` files: loaded only if every type in them is on a reviewed list, and only if sound.

A type on the list runs no code when it is built.
"""

import io
import re
import warnings
import zipfile
from typing import Any

from auditkit.errors import ModelError, listed
from auditkit.evidence.model_files.sound import is_sound

TRUSTED = frozenset(
    {
        # NumPy's own scalars, and the compiled containers of scikit-learn's trees
        "numpy.dtype",
        "sklearn.tree._tree.Tree",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        # calibration keeps its fitted parts in private classes
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        # HistGradientBoosting checks its categories through a partial of check_array
        "functools.partial",
        "sklearn.utils.validation.check_array",
        # losses and links of boosting and generalised linear models
        "sklearn._loss.link.IdentityLink",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.link.LogLink",
        "sklearn._loss.loss.HalfSquaredError",
        "sklearn._loss.loss.HalfPoissonLoss",
        "sklearn._loss._loss.CyHalfSquaredError",
        "sklearn._loss._loss.CyHalfPoissonLoss",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn._loss._loss.CyHalfBinomialLoss",
        "sklearn._loss._loss.CyHalfMultinomialLoss",
        # a column transformer remembers what to do with the remaining columns
        "sklearn.compose._column_transformer._RemainderColsList",
        # searches, chosen columns and tuned cuts keep how they were chosen; Gaussian processes
        "sklearn.model_selection._split.KFold",
        "sklearn.model_selection._split.StratifiedKFold",
        "sklearn.metrics._scorer._CurveScorer",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.metrics._scorer._Scorer",
        "sklearn.metrics._classification.accuracy_score",
        "sklearn.metrics._classification.balanced_accuracy_score",
        "sklearn.metrics._classification.f1_score",
        "sklearn.metrics._classification.log_loss",
        "sklearn.metrics._classification.precision_score",
        "sklearn.metrics._classification.recall_score",
        "sklearn.metrics._ranking.average_precision_score",
        "sklearn.metrics._ranking.roc_auc_score",
        "sklearn.utils._metadata_requests.MetadataRequest",
        "sklearn.utils._metadata_requests.MethodMetadataRequest",
        "sklearn.feature_selection._univariate_selection.chi2",
        "sklearn.feature_selection._univariate_selection.f_classif",
        "sklearn.feature_selection._univariate_selection.f_regression",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.RBF",
        # neighbours, and how far apart they are
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.metrics._dist_metrics.ChebyshevDistance64",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.metrics._dist_metrics.ManhattanDistance64",
        "sklearn.metrics._dist_metrics.MinkowskiDistance64",
        # a neural network keeps what fitted it; voting and stacking keep their parts by name
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.utils._bunch.Bunch",
    }
)
"""Types beyond those skops trusts by itself, each read: none runs code when it is built."""

MOST_BYTES = 2**31
"""Of a model file, and of what it holds once it is unpacked: the limit of ONNX's own layout."""
MOST_PARTS = 100_000


def read_skops(name: str, content: bytes) -> tuple[Any, str]:
    """Load a ``.skops`` file whose every type is on the reviewed list.

    Returns
    -------
    estimator : estimator
    saved_with : str
        The other version of scikit-learn it was saved with; empty if it is the one that reads it.

    Raises
    ------
    ModelError
        It holds other types, more than it may, or trees that are not sound.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        _refuse_bombs(name, content)
        unknown = sorted(set(skops.io.get_untrusted_types(data=content)) - TRUSTED)
        if unknown:
            raise ModelError(
                f"Model file '{name}' holds types that are not on the reviewed list: "
                f"{listed(unknown)}. It was not loaded. {_other_first(content)}Audit a column of "
                f"its decisions instead."
            )
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            estimator = skops.io.loads(content, trusted=sorted(TRUSTED))
        sound = is_sound(estimator)
    except ModelError:
        raise
    except UntrustedTypesFoundException:
        raise ModelError(
            f"Model file '{name}' holds types that are not on the reviewed list."
        ) from None
    except Exception as error:  # noqa: BLE001  (a damaged file may raise anything)
        raise ModelError(
            f"Model file '{name}' cannot be loaded ({type(error).__name__}): it is damaged, "
            f"or was saved by another version of scikit-learn. {_other_first(content)}".strip()
        ) from None
    if not sound:
        raise ModelError(
            f"Model file '{name}' holds a part that points outside itself. It is damaged, or was "
            f"made to read memory or files that are not its own. It was not used."
        )
    return estimator, other_version(told)


def other_version(told: list[warnings.WarningMessage]) -> str:
    """Say which other version of scikit-learn a model was saved with, from what loading told."""
    versions = (getattr(one.message, "original_sklearn_version", "") for one in told)
    return next(filter(None, versions), "")


def _other_first(content: bytes) -> str:
    """Say that a file names another version of scikit-learn, if it does: that one may read it."""
    import sklearn

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            schema = archive.read("schema.json").decode("utf-8", "replace")
    except (zipfile.BadZipFile, OSError, ValueError, KeyError, RuntimeError):
        return ""
    said = SAVED_WITH.search(schema)
    if said is None or said[1] == sklearn.__version__:
        return ""
    return (
        f"It says it was saved with scikit-learn {said[1]}, and this is {sklearn.__version__}: "
        f"save it anew with this one, or audit where scikit-learn {said[1]} is installed. "
    )


SAVED_WITH = re.compile(r'"_sklearn_version": \{[^{}]{0,200}?"content": "\\"([0-9.]{3,20})\\""')


def _refuse_bombs(name: str, content: bytes) -> None:
    """Refuse an archive that would unpack to more than a model may hold, before it unpacks."""
    parts, total = _unpacked(content, nested=True)
    if parts > MOST_PARTS or total > MOST_BYTES:
        raise ModelError(
            f"Model file '{name}' unpacks to {total:,} bytes in {parts:,} parts; at most "
            f"{MOST_BYTES:,} bytes in {MOST_PARTS:,} parts are read. It was not loaded."
        )


def _unpacked(content: bytes, *, nested: bool) -> tuple[int, int]:
    """Count the parts of an archive and their bytes unpacked; sparse matrices are archives too."""
    parts = total = 0
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for part in archive.infolist():
            parts, total = parts + 1, total + part.file_size
            if parts > MOST_PARTS or total > MOST_BYTES:
                break
            if nested and part.filename.endswith(".npz"):
                within = _unpacked(archive.read(part), nested=False)
                parts, total = parts + within[0], total + within[1]
    return parts, total
