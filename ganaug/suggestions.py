"""What somebody may have meant by a name that is not known."""

from collections.abc import Iterable
from difflib import get_close_matches

#: Words of other libraries, and the names that the same things may have here.
OTHER_WORDS = {
    "steps": ("epochs", "n_epochs", "num_epochs", "iterations", "n_iter", "max_iter", "n_steps"),
    "learning_rate": ("lr", "eta", "learning_rate_init", "generator_lr", "discriminator_lr"),
    "random_state": ("seed", "random_seed", "rng"),
    "sampling_strategy": ("ratio", "strategy", "balance"),
    "categorical_features": (
        "cat_features",
        "categorical_feature",
        "categorical_columns",
        "discrete_columns",
    ),
    "n_iter_no_change": ("patience", "early_stopping_rounds"),
    "validation_fraction": ("validation_split", "val_split", "val_size"),
    "network": ("architecture", "generator", "critic", "discriminator"),
    "device": ("cuda", "gpu", "use_gpu", "enable_gpu"),
    "estimator": ("base_estimator", "classifier", "clf", "model"),
    "augmenter": ("sampler", "oversampler", "gan", "generator"),
    "n_draws": ("n_estimators", "n_repeats"),
    "decide_for": ("threshold", "costs", "cost_matrix", "tau", "decision"),
    "correct_prior": ("calibrate", "recalibrate"),
    "scoring": ("metric", "score", "scorer", "eval_metric"),
    "cv": ("folds", "n_folds", "n_splits", "splitter"),
    "amounts": ("ratios", "fractions", "param_grid", "strategies"),
    "n_jobs": ("n_threads", "num_threads", "n_workers", "workers", "processes"),
    "memory": ("cache", "cache_dir"),
    "verbose": ("progress", "progress_bar", "silent", "quiet"),
    "width": ("hidden_size", "hidden_layer_sizes", "hidden_dim", "n_hidden", "units"),
    "depth": ("n_layers", "num_layers", "layers"),
    "penalty": ("gradient_penalty", "gp", "gp_weight", "lambda_gp"),
}


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question that names the nearest of the known names, or nothing if none is near.

    Another library's word for a parameter is as near as its name here.

    Examples
    --------
    >>> from ganaug.suggestions import did_you_mean
    >>> did_you_mean("smoet", ["nothing", "SMOTE"])
    " Did you mean 'SMOTE'?"
    >>> did_you_mean("epochs", ["steps", "loss"])
    " Did you mean 'steps'?"
    >>> did_you_mean("x", ["nothing", "SMOTE"])
    ''
    """
    names = {other.casefold(): other for other in known}
    there = [(ours, words) for ours, words in OTHER_WORDS.items() if ours in names]
    names = {word: names[ours] for ours, words in there for word in words} | names
    close = get_close_matches(name.casefold(), names, n=1)
    return f" Did you mean {names[close[0]]!r}?" if close else ""
