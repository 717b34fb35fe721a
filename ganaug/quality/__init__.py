"""How good are synthetic rows? Fidelity and privacy, as numbers and as pictures.

`report` puts the numbers of any table side by side; the functions behind it take rows that are
encoded already.
"""

from ganaug.quality.measures import QualityReport
from ganaug.quality.summary import report

__all__ = ["QualityReport", "report"]
