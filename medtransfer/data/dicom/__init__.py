"""The parts of the DICOM loader: headers, rules, geometry, pixels."""
