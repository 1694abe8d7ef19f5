"""Every kind of document that is given out."""

from forecasting.report.comparison_document import ComparisonDocument
from forecasting.report.document import ForecastDocument, PlanDocument
from forecasting.report.sensitivity_document import SensitivityDocument

Published = ForecastDocument | PlanDocument | ComparisonDocument | SensitivityDocument
