import pytest
from helpers import detect_with_few_trees

few_trees = pytest.fixture(detect_with_few_trees, scope="package", autouse=True)
