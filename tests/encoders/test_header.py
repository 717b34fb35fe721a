"""The index of the columns, there and back."""

import pytest
from column_kinds import HEADERS
from pandas.testing import assert_index_equal

from ganaug.encoders.header import Header


@pytest.mark.parametrize("columns", HEADERS.values(), ids=HEADERS)
def test_a_header_comes_back_as_it_was(columns):
    made = Header().fit(columns).make()
    assert_index_equal(made, columns, exact=True)
    assert made.equals(columns)
    assert list(made.names) == list(columns.names)
    assert [type(label) for label in made] == [type(label) for label in columns]
