"""Write the models of this folder, with an older scikit-learn; run by hand, once.

pip install scikit-learn==1.7.2 skops==0.14.0 pandas==2.3.3; python make.py
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def main() -> None:
    """Fit, save, and write down what each answers."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"income": rng.normal(100, 30, 200).round(1), "region": rng.choice(["north", "south"], 200)}
    )
    y = np.where(100 - frame["income"] + 20 * (frame["region"] == "north") > 0, "yes", "no")
    models = {
        "logistic": LogisticRegression(),
        "forest": RandomForestClassifier(3, max_depth=3, random_state=0),
        "histogram": HistGradientBoostingClassifier(max_iter=3, max_leaf_nodes=4),
    }
    answers = {"sklearn": sklearn.__version__, "rows": frame[:20].to_dict("list")}
    for name, model in models.items():
        columns = [("n", StandardScaler(), ["income"]), ("r", OneHotEncoder(), ["region"])]
        whole = make_pipeline(ColumnTransformer(columns, sparse_threshold=0), model).fit(frame, y)
        skops.io.dump(whole, f"{name}.skops", compression=8)
        answers[name] = whole.predict_proba(frame[:20])[:, 1].tolist()
    Path("answers.json").write_text(json.dumps(answers))


if __name__ == "__main__":
    main()
