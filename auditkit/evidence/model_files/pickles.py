"""A pickle or joblib file, which can run any code: opened only where a person asked for it.

This runs in the other process. It has limits on memory, time and the size of files, no more.
"""

import io
import warnings
from typing import TYPE_CHECKING, Any

from auditkit.evidence.encoders import fitted_columns, hides_encoders
from auditkit.evidence.model_files.answers import NO_ANSWER, STRANGE
from auditkit.evidence.model_files.reviewed import other_version
from auditkit.plan import canonical

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


class Pickled:
    """A fitted estimator from a pickle; the libraries it was made of are imported by it."""

    def __init__(self, content: bytes) -> None:
        import joblib
        import sklearn

        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            self.model = joblib.load(io.BytesIO(content))
        other = other_version(told)
        self.saved_with = f"scikit-learn {other}" if other else ""
        self.read_with = f"scikit-learn {sklearn.__version__}"
        if not hasattr(self.model, "predict"):
            raise TypeError(type(self.model).__name__)
        self.classes = getattr(self.model, "classes_", None)

    def told(self) -> dict[str, Any]:
        """Say what the model says of itself, in what JSON can hold."""
        names = getattr(self.model, "feature_names_in_", None)
        features = None if names is None else [str(name) for name in names]
        known = fitted_columns(self.model, features or ())
        classes = None if self.classes is None else [_plain(label) for label in self.classes]
        return {
            "model": type(self.model).__name__[:100],
            "features": features,
            "n_features": getattr(self.model, "n_features_in_", None),
            "classes": classes,
            "n_classes": len(classes or ()),
            "probable": bool(classes) and hasattr(self.model, "predict_proba"),
            "levels": {name: [_plain(v) for v in one.levels] for name, one in known.items()},
            "hidden": hides_encoders(self.model, features or ()),
            "saved_with": self.saved_with,
            "read_with": self.read_with,
        }

    def predict(self, rows: "pd.DataFrame") -> "NDArray[Any]":
        """Predict places among the labels, or amounts; shape (n,)."""
        import numpy as np
        import pandas as pd

        found = np.asarray(self.model.predict(self._given(rows)))
        if self.classes is None:
            return found.astype(np.float64)
        places = {canonical(label): place for place, label in enumerate(self.classes)}
        codes, labels = pd.factorize(found.ravel())
        of = [places.get(canonical(label), STRANGE) for label in labels]
        return np.array([*of, NO_ANSWER])[codes].reshape(found.shape)

    def predict_proba(self, rows: "pd.DataFrame") -> "NDArray[np.float64]":
        """Predict the probability of each label; shape (n, k)."""
        import numpy as np

        return np.asarray(self.model.predict_proba(self._given(rows))).astype(np.float64)

    def _given(self, rows: "pd.DataFrame") -> Any:  # noqa: ANN401
        return rows if hasattr(self.model, "feature_names_in_") else rows.to_numpy()


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Make a label or level something that JSON can hold."""
    value = value.item() if hasattr(value, "item") else value
    return value if isinstance(value, bool | int | float | str | None) else canonical(value)
