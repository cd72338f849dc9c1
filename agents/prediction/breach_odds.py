"""The odds of a breach within the horizon, learned online from what became of earlier points: one model for all series of a kind.

A logistic regression by river with adaptive steps (Duchi, Hazan and Singer 2011, "Adaptive subgradient methods", JMLR 12) on
standardised features. Being fitted by log loss, a proper score, its probabilities are calibrated as far as its form allows.
"""

from typing import Any

from river import linear_model, optim, preprocessing

_RATE = 0.3
_RARE = -4.0  # the log-odds of a breach before anything is known: 2 %


class BreachOdds:
    """P(a value at or over the level within the horizon | features)."""

    def __init__(self) -> None:
        # river's methods have no types of their own
        self._scaler: Any = preprocessing.StandardScaler()
        self._model: Any = linear_model.LogisticRegression(optimizer=optim.AdaGrad(_RATE), l2=0.0, intercept_init=_RARE)

    def probability(self, features: list[float]) -> float:
        """The odds for a point; it also teaches what is usual of the features, which needs no outcome."""
        named = dict(enumerate(features))
        self._scaler.learn_one(named)
        found: float = self._model.predict_proba_one(self._scaler.transform_one(named))[True]
        return found

    def learn(self, features: list[float], breached: bool) -> None:
        """What became of a point whose horizon is over."""
        self._model.learn_one(self._scaler.transform_one(dict(enumerate(features))), breached)

    def figures(self) -> dict[str, Any]:
        """All that was learned, feature by feature; river keeps nothing else that changes."""
        scaler, model = self._scaler, self._model
        weights = dict(model.weights)
        return {
            "counts": _ordered(scaler.counts), "means": _ordered(scaler.means), "vars": _ordered(scaler.vars),
            "weights": _ordered(weights), "squares": _ordered(model.optimizer.g2), "intercept": model.intercept,
            "steps": model.optimizer.n_iterations,
        }  # fmt: skip

    def restore(self, figures: dict[str, Any]) -> None:
        """Put back what `figures` gave."""
        scaler, model = self._scaler, self._model
        scaler.counts.update(dict(enumerate(figures["counts"])))
        scaler.means.update(dict(enumerate(figures["means"])))
        scaler.vars.update(dict(enumerate(figures["vars"])))
        model.optimizer.g2.update(dict(enumerate(figures["squares"])))
        model.optimizer.n_iterations = figures["steps"]
        model.intercept = figures["intercept"]
        # `weights` is a copy; those that the model goes by are these.
        model._weights.update(dict(enumerate(figures["weights"])))


def _ordered(by_feature: dict[int, Any]) -> list[Any]:
    return [by_feature[feature] for feature in range(len(by_feature))]
