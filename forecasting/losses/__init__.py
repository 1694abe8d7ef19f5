"""What the reported losses say of the defence: evidence, variation, calibration."""
