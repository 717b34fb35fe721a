"""The bench of privacy, in a short form: what it promises holds, and its figures can be read."""

import json

from benchmarks.reliability import privacy


def test_no_row_of_a_table_is_too_near():
    found = privacy.tables_at(["ecoli3"], steps=20, rows_seen=(50, 300))
    assert found["too_near"] == 0
    assert found["rows_checked"] == 2 * (300 + 1500)
    assert found["near_to_held_out"] <= found["near_to_held_out_as_made"]
    assert [row["synthetic rows seen"] for row in found["by_rows_seen"]] == [50, 300]
    assert len(found["by_table"]) == 2
    assert {bar.figure for bar in privacy.rows_of_tables.bars} <= set(found)
    json.dumps(found)


def test_no_image_is_too_near():
    found = privacy.images_at(50, steps=5)
    assert found["too_near"] == 0
    assert [row["rows"] for row in found["by_setting"]] == ["as made", "apart"]
    json.dumps(found)


def test_the_attack_finds_what_is_there_and_nothing_else():
    found = privacy.attack_by_distance()
    assert all(bar.holds(found[bar.figure]) for bar in privacy.attack_by_distance.bars)
