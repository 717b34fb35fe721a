"""How good are synthetic rows? Fidelity and privacy, as numbers and as pictures.

`report` puts the numbers of any table side by side, `privacy_report` says how near a fit comes to
its training rows; the functions behind them take rows that are encoded already.
"""

from ganaug.quality.measures import QualityReport
from ganaug.quality.summary import privacy_report, report

__all__ = ["QualityReport", "privacy_report", "report"]
