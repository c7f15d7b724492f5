"""Floor 1: volumes, DICOM and NIfTI, case assembly, preparation. numpy and SimpleITK, no torch."""
