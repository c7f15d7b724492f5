"""Floor 1: findings written as DICOM SEG and SR, PDF, NIfTI, CSV, JSON and the run manifest."""
