"""Every kind of document that is given out."""

from forecasting.report.comparison_document import ComparisonDocument
from forecasting.report.document import ForecastDocument, PlanDocument
from forecasting.report.sensitivity_document import SensitivityDocument
from forecasting.report.verdicts_document import VerdictsDocument

Tabled = ComparisonDocument | SensitivityDocument | VerdictsDocument
"""Those that are tables of their own."""
Published = ForecastDocument | PlanDocument | Tabled
