"""The elements of a DICOM header that the project reads, by name; all others are walked past.

| list | what becomes of it |
|---|---|
| `VALUES`, `IDENTIFYING` | the value is kept |
| `SEQUENCES` | the items' bytes are kept, and parsed by pydicom when asked for |
| `PRESENCE` | only that it is there, and not empty, is kept |
| `PRIVATE` | kept where the private creator is the one named here |

Reference: DICOM PS3.6 (tags), PS3.5 7.8.1 (private blocks).
"""

from __future__ import annotations

from typing import Final

from pydicom.datadict import dictionary_VR, tag_for_keyword


def _names(words: str) -> tuple[str, ...]:
    return tuple(words.split())


VALUES: Final = _names("""
    FileMetaInformationGroupLength MediaStorageSOPClassUID MediaStorageSOPInstanceUID TransferSyntaxUID
    SpecificCharacterSet SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID FrameOfReferenceUID
    StudyID SeriesNumber AcquisitionNumber InstanceNumber ConcatenationUID InConcatenationNumber
    InConcatenationTotalNumber
    Modality ImageType ConversionType SeriesDescription StudyDescription ProtocolName BodyPartExamined
    Manufacturer ManufacturerModelName SoftwareVersions PatientSex PatientAge PatientSize PatientWeight
    StudyDate SeriesDate AcquisitionDate ContentDate AcquisitionDateTime
    StudyTime SeriesTime AcquisitionTime ContentTime
    PatientPosition PatientOrientation Laterality ImageLaterality ViewPosition PatientIdentityRemoved
    ImagePositionPatient ImageOrientationPatient SliceLocation SliceThickness SpacingBetweenSlices
    PixelSpacing ImagerPixelSpacing NominalScannedPixelSpacing PixelSpacingCalibrationType
    PixelSpacingCalibrationDescription EstimatedRadiographicMagnificationFactor PixelAspectRatio GantryDetectorTilt
    Rows Columns NumberOfFrames SamplesPerPixel PhotometricInterpretation PlanarConfiguration
    BitsAllocated BitsStored HighBit PixelRepresentation SmallestImagePixelValue LargestImagePixelValue
    PixelPaddingValue PixelPaddingRangeLimit FrameIncrementPointer
    RescaleSlope RescaleIntercept RescaleType WindowCenter WindowWidth WindowCenterWidthExplanation VOILUTFunction
    PresentationLUTShape PresentationIntentType BurnedInAnnotation RecognizableVisualFeatures
    LossyImageCompression LossyImageCompressionRatio LossyImageCompressionMethod
    RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor
    BluePaletteColorLookupTableDescriptor
    RedPaletteColorLookupTableData GreenPaletteColorLookupTableData BluePaletteColorLookupTableData
    SegmentedRedPaletteColorLookupTableData SegmentedGreenPaletteColorLookupTableData
    SegmentedBluePaletteColorLookupTableData ExtendedOffsetTable ExtendedOffsetTableLengths
    EchoTime EchoNumbers EffectiveEchoTime RepetitionTime InversionTime FlipAngle SequenceName ScanningSequence
    DiffusionBValue DiffusionGradientOrientation TemporalPositionIdentifier TemporalPositionIndex
    NumberOfTemporalPositions TemporalPositionTimeOffset TriggerTime NominalCardiacTriggerDelayTime
    NominalPercentageOfCardiacPhase FrameTime CineRate FrameType ComplexImageComponent InversionTimes
    FrameAcquisitionNumber StackID
    ConvolutionKernel KVP ContrastBolusAgent ReconstructionDiameter MagneticFieldStrength
    Units CorrectedImage DecayCorrection SUVType FrameReferenceTime ActualFrameDuration DecayFactor
    NumberOfSlices NumberOfTimeSlices SeriesType CountsSource AttenuationCorrectionMethod ImageIndex
""")

IDENTIFYING: Final = _names("""
    PatientName PatientID PatientBirthDate PatientBirthTime OtherPatientIDs OtherPatientNames PatientBirthName
    PatientMotherBirthName PatientAddress PatientTelephoneNumbers MedicalRecordLocator IssuerOfPatientID
    EthnicGroup Occupation AdditionalPatientHistory PatientComments MilitaryRank BranchOfService
    PatientReligiousPreference ResponsiblePerson PatientInsurancePlanCodeSequence OtherPatientIDsSequence
    AccessionNumber ReferringPhysicianName ReferringPhysicianAddress ReferringPhysicianTelephoneNumbers
    PhysiciansOfRecord PerformingPhysicianName NameOfPhysiciansReadingStudy OperatorsName RequestingPhysician
    InstitutionName InstitutionAddress InstitutionalDepartmentName StationName DeviceSerialNumber
    RequestAttributesSequence
""")
"""Elements that say who the patient is, or who saw them where. Reference: PS3.15 table E.1-1."""

SEQUENCES: Final = (
    "ModalityLUTSequence",
    "VOILUTSequence",
    "RadiopharmaceuticalInformationSequence",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)

PRESENCE: Final = (
    "SequenceOfUltrasoundRegions",
    "ReferencedImageSequence",
)

PRIVATE: Final = {
    "GEDiffusionBValue": ("GEMS_PARM_01", 0x0043, 0x39, "IS"),
    "SiemensDiffusionBValue": ("SIEMENS MR HEADER", 0x0019, 0x0C, "IS"),
    "PhilipsSUVScaleFactor": ("Philips PET Private Group", 0x7053, 0x00, "DS"),
    "PhilipsActivityConcentrationScaleFactor": ("Philips PET Private Group", 0x7053, 0x09, "DS"),
}
"""Our name → creator, group, element within the creator's block, VR. GE adds 10⁹ to some b-values."""

BLOCKS: Final = range(0x10, 0x20)
"""Private blocks that are looked at: vendors use the first few of the 240."""

OVERLAYS: Final = tuple(0x6000_3000 + (number << 17) for number in range(16))
"""Overlay data of the 16 overlay groups."""


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    if tag is None:
        msg = f"{keyword} is no DICOM keyword"
        raise KeyError(msg)
    return tag


_KEPT = [keyword for keyword in (*VALUES, *IDENTIFYING) if dictionary_VR(_tag(keyword)) != "SQ"]
_PRESENT = [*PRESENCE, *(keyword for keyword in IDENTIFYING if keyword not in _KEPT)]

TAGS: Final = {keyword: (tag, dictionary_VR(tag)) for keyword in (*_KEPT, *SEQUENCES) for tag in [_tag(keyword)]}
"""Keyword → tag and VR of every element whose value is kept."""

PRESENT: Final = {keyword: _tag(keyword) for keyword in _PRESENT}
"""Keyword → tag of every element of which only the presence is kept."""

IDENTIFYING_TAGS: Final = {keyword: _tag(keyword) for keyword in IDENTIFYING}
"""Keyword → tag of the elements that say who the patient is."""

WANTED: Final = {
    **{tag: True for tag, _ in TAGS.values()},
    **dict.fromkeys((*PRESENT.values(), *OVERLAYS), False),
    **{group << 16 | block: True for _, group, _, _ in PRIVATE.values() for block in BLOCKS},
    **{group << 16 | block << 8 | low: True for _, group, low, _ in PRIVATE.values() for block in BLOCKS},
}
"""Tag → whether its value is kept, or only its presence."""
