"""What the process that the computing ones are forked from does when it loads this: once, and for all of them."""

from features.scenarios import bundled_scenarios
from forecasting.answers.scenarios import bundled_scenario
from forecasting.report import pictures
from forecasting.service import warming
from forecasting.service.page.view import compile_templates

__all__ = ["pictures", "warming"]  # with Matplotlib, and all that a plan needs

for name in bundled_scenarios():
    bundled_scenario(name)
compile_templates()
