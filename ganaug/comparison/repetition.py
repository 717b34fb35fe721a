"""Repeat cross-validation until its answer is clear or its time is up."""

from __future__ import annotations

from joblib import effective_n_jobs

from ganaug.comparison.evaluate import Task, evaluate
from ganaug.comparison.result import Comparison
from ganaug.progress import ComparisonProgress

#: Seconds to repeat for, at least and at most, unless the caller gives a budget.
SHORTEST, LONGEST = 60.0, 600.0


def evaluate_until_clear(
    task: Task, budget: float | None, n_jobs: int | None, progress: ComparisonProgress
) -> Comparison:
    """Evaluate the folds of a task; repeat them if it may be, until the verdict is clear.

    A repetition begins if it is expected to end within the budget. Its time is that of its pairs,
    so that a comparison that goes on from memory stops where it would have stopped anyway.
    """
    n_done, pairs = 0, []
    while True:
        pairs += evaluate(task, range(n_done + 1, len(task.folds) + 1), n_jobs, progress)
        found, n_done = Comparison.from_pairs(task, pairs), len(task.folds)
        if not task.can_repeat or found.verdict().is_clear:
            return found
        n_workers = min(effective_n_jobs(n_jobs), task.n_splits * len(task.arms))
        spent = sum(pair.seconds for pair in pairs) / n_workers
        each = spent / task.n_repeats
        if budget is None:  # as long again, and a tenth more since no two take the same time
            budget = spent + min(max(1.1 * spent, SHORTEST), LONGEST)
        if spent + each > budget:
            return found
        task = task.repeated()
