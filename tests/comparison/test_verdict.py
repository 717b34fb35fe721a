from comparison.conftest import QUICK, made_up

from ganaug.comparison import METRICS, compare


def test_verdict__clear_gain__use_it(clear):
    text = clear.verdict("GAN")
    assert text.startswith("Use the GAN: here it is clearly better than all other arms.")
    assert "10 of the rarest class, yes" in text
    assert "5 folds of 50 rows" in text
    assert "average precision by +0.401 (+0.400 to +0.401, clearly better)" in text
    assert (
        "Against a tuned threshold, which needs no new rows, it changed balanced accuracy" in text
    )
    assert "Its probabilities are clearly better (Brier score 0.251 instead of 0.650" in text
    assert "to rank rows, two with GAN (average precision 0.801 ± 0.016 over folds)" in text
    assert "to decide, two with GAN" in text


def test_verdict__tuned_threshold_does_as_well__do_not():
    found = made_up({"nothing": (0.5, 0.6), "tuned threshold": (0.7, 0.8), "GAN": (0.6, 0.6)})
    assert found.verdict("GAN").startswith(
        "Do not augment with the GAN here: the best classifier does as well by simpler means."
    )
    assert "to decide, two with tuned threshold" in found.verdict("GAN")


def test_verdict__harm_is_called_so():
    found = made_up({"nothing": (0.5, 0.6), "class_weight": (0.3, 0.4), "GAN": (0.3, 0.4)})
    worse = "it makes things worse."
    assert found.verdict("GAN").startswith(f"Do not augment with the GAN here: {worse}")
    assert found.verdict("class_weight").startswith(f"Do not use class_weight here: {worse}")


def test_verdict__two_folds__no_interval_that_cannot_be(abalone):
    found = compare(*abalone, arms=["class weight"], classifiers=QUICK, cv=2)
    first = (found.results["arm"] == "class_weight") & (found.results["fold"] == 0)
    found.results.loc[first, list(METRICS)] -= 0.5
    assert "(too few folds to say how sure)" in found.verdict()


def test_verdict__noise__could_be_chance():
    found = made_up({"nothing": (0.5, 0.6), "GAN": (0.5, 0.6)})
    ahead = (found.results["arm"] == "GAN") & (found.results["fold"] == 0)
    found.results.loc[ahead, "average_precision"] += 0.1
    text = found.verdict("GAN")
    assert text.startswith(
        "Do not augment with the GAN here: what it gains over simpler means could be chance."
    )
    assert "unsure" in text


def test_verdict__another_arm_wins__says_so():
    found = made_up({"nothing": (0.3, 0.3), "GAN": (0.3, 0.3), "SMOTE": (0.9, 0.9)})
    text = found.verdict("GAN")
    assert text.startswith("Do not augment with the GAN here")
    assert "Against SMOTE, which ranks best of the arms that train otherwise, it changed" in text
    assert "average precision by -0.6" in text
    assert "with SMOTE (average precision" in text


def test_verdict__simpler_arm_is_as_good__preferred():
    found = made_up({"nothing": (0.3, 0.3), "GAN": (0.9, 0.901), "class_weight": (0.9, 0.9)})
    rival = (found.results["arm"] == "class_weight") & (found.results["fold"] == 0)
    found.results.loc[rival, list(METRICS)] += 0.002
    text = found.verdict("GAN")
    assert text.startswith(
        "Do not augment with the GAN here: what it gains over simpler means could be chance."
    )
    assert "to decide, one with class_weight" in text


def test_verdict__bad_calibration__warned():
    found = made_up({"nothing": (0.5, 0.5), "GAN": (0.5, 0.5)})
    found.results.loc[found.results["arm"] == "GAN", "brier"] += 0.1
    assert "Its probabilities are clearly worse (Brier score 0.6" in found.verdict("GAN")
    assert "recalibrate them before reading them as risks" in found.verdict("GAN")


def test_verdict__subject_is_the_arm_with_curves(found):
    assert "the GAN instead of nothing" in found.verdict()
    assert "9 of 42 cells failed and count as nothing" in found.verdict()


def test_verdict__the_last_arm_where_none_has_curves():
    found = made_up({"nothing": (0.5, 0.5), "SMOTE": (0.5, 0.5)})
    assert "SMOTE instead of nothing" in found.verdict()


def test_verdict__an_arm_that_failed_somewhere_is_not_recommended():
    found = made_up({"nothing": (0.5, 0.5), "SMOTE": (0.9, 0.9)})
    assert "with SMOTE (average precision" in found.verdict()
    found.results.loc[found.results.index[-1], "error"] = "FloatingPointError: out of luck"
    assert "with SMOTE (average precision" not in found.verdict()


def test_nothing_alone_has_no_verdict():
    found = made_up({"nothing": (0.5, 0.5)})
    assert found.verdict() == "Only nothing took part: there is no other arm to compare it with."
