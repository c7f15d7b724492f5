"""Measurements as a DICOM Structured Report, TID 1500 (PS3.16): a group a lesion, and a count per label."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import highdicom as hd
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code as DicomCode

from miap import __version__
from miap.findings.lesion import Findings, Label, Lesion, Uptake
from miap.imaging.series import Series
from miap.outputs.coding import coded
from miap.outputs.equipment import MANUFACTURER, PRODUCT, character_set, equipment, long_string, stamp
from miap.outputs.lesions import label_of, tracking_uid
from miap.outputs.source import headers
from miap.outputs.uid import derived_uid, findings_digest

SERIES_NUMBER = 9002
_ML = DicomCode("mL", "UCUM", "milliliter")
_GRAM = DicomCode("g", "UCUM", "gram")
_SUV = codes.UCUM.StandardizedUptakeValueBodyWeight
_NUMBER_OF_LESIONS = DicomCode("246206008", "SCT", "Number of lesions")
_Group: TypeAlias = (
    hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations | hd.sr.MeasurementsAndQualitativeEvaluations
)
_PROCEDURES = {
    "CT": codes.LN.CTUnspecifiedBodyRegion,
    "MR": codes.LN.MRIUnspecifiedBodyRegion,
    "PT": codes.LN.PETUnspecifiedBodyRegion,
}


def write_sr(
    path: Path,
    series: Sequence[Series],
    segmentation: hd.seg.Segmentation,
    findings: Findings,
    labels: Sequence[Label],
    *,
    model: Mapping[str, Any],
    when: datetime,
) -> hd.sr.Comprehensive3DSR:
    """Write a case's measurements as one TID 1500 report in the source's study.

    Each lesion is a group (TID 1411) with the tracking identifiers of its segment, its finding and site, volume, long
    and short axis, in a PET SUVbw (maximum, mean, peak), metabolic volume and total lesion glycolysis, and the
    detection confidence as *Certainty of Finding* (111012, DCM) in percent. Each label has a group (TID 1501) with the
    number of its lesions and their volume together, so that a study without lesions says *0*, and not nothing.

    Args:
        path: The file to write.
        series: All series that were analysed; the first is the one the segmentation lies on.
        segmentation: The SEG of the same findings (`miap.outputs.seg.write_seg`).
        findings: Lesions and their measurements.
        labels: The model's labels, which hold the codes.
        model: At least ``name`` and ``version``; ``sha256`` of its files where known.
        when: Time of the analysis, the same when the step is repeated.

    Returns:
        The object as written.

    Raises:
        ValueError: A lesion's label value is not among ``labels``.
    """
    reference = series[0]
    evidence = [header for one in series for header in headers(one)]
    identity = [str(segmentation.SOPInstanceUID), findings_digest(findings, model)]
    algorithm = hd.sr.AlgorithmIdentification(name=long_string(model["name"]), version=long_string(model["version"]))
    groups: list[_Group] = [
        _lesion_group(n, lesion, reference, segmentation, labels, algorithm)
        for n, lesion in enumerate(findings.lesions, 1)
    ]
    groups += [_label_group(label, findings, algorithm, identity) for label in labels]
    modalities = dict.fromkeys(one.modality_code for one in series)
    content = hd.sr.MeasurementReport(
        observation_context=_observer(model),
        procedure_reported=[_PROCEDURES.get(m, codes.SCT.ImagingProcedure) for m in modalities],
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    report = hd.sr.Comprehensive3DSR(
        evidence=[*evidence[:1], segmentation, *evidence[1:]],
        content=content,
        series_instance_uid=derived_uid("sr series", *identity),
        series_number=SERIES_NUMBER,
        sop_instance_uid=derived_uid("sr", *identity),
        instance_number=1,
        series_description=long_string(f"MIAP {model['name']}: measurements"),
        is_complete=True,
        specific_character_set=character_set(evidence[0], str(model["name"]), *(label.name for label in labels)),
        **equipment(model),
    )
    stamp(report, when)
    report.save_as(path)
    return report


def _observer(model: Mapping[str, Any]) -> hd.sr.ObservationContext:
    """TID 1001: a device observed this, and no person."""
    return hd.sr.ObservationContext(
        observer_device_context=hd.sr.ObserverContext(
            observer_type=codes.DCM.Device,
            observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
                uid=derived_uid("device", __version__, str(model["name"]), str(model["version"])),
                name=long_string(f"{model['name']} {model['version']}"),
                manufacturer_name=MANUFACTURER,
                model_name=PRODUCT,
            ),
        )
    )


def _lesion_group(
    number: int,
    lesion: Lesion,
    reference: Series,
    segmentation: hd.seg.Segmentation,
    labels: Sequence[Label],
    algorithm: hd.sr.AlgorithmIdentification,
) -> hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations:
    label = label_of(lesion, labels)
    return hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid=tracking_uid(lesion), identifier=f"{label.name} {lesion.id}"),
        referenced_segment=hd.sr.ReferencedSegment(
            sop_class_uid=segmentation.SOPClassUID,
            sop_instance_uid=segmentation.SOPInstanceUID,
            segment_number=number,
            source_series=hd.sr.SourceSeriesForSegmentation(reference.uid),
        ),
        finding_category=coded(label.category),
        finding_type=coded(label.type),
        finding_sites=[hd.sr.FindingSite(coded(label.anatomy))] if label.anatomy else None,
        algorithm_id=algorithm,
        measurements=[
            _measurement(codes.SCT.Volume, lesion.volume_ml, _ML),
            _measurement(codes.SCT.LongAxis, lesion.longest.length_mm, codes.UCUM.Millimeter),
            _measurement(codes.SCT.ShortAxis, lesion.perpendicular.length_mm, codes.UCUM.Millimeter),
            *(_uptake(lesion.uptake) if lesion.uptake else ()),
            _measurement(codes.DCM.CertaintyOfFinding, 100 * lesion.confidence, codes.UCUM.Percent),
        ],
    )


def _uptake(uptake: Uptake) -> list[hd.sr.Measurement]:
    return [
        _measurement(codes.DCM.Suvbw, uptake.suv_max, _SUV, codes.SCT.Maximum),
        _measurement(codes.DCM.Suvbw, uptake.suv_mean, _SUV, codes.SCT.Mean),
        _measurement(codes.DCM.Suvbw, uptake.suv_peak, _SUV, codes.DCM.PeakValueWithinROI),
        _measurement(codes.DCM.MetabolicVolume, uptake.mtv_ml, _ML),
        _measurement(codes.DCM.TotalLesionGlycolysis, uptake.tlg_g, _GRAM),
    ]


def _measurement(
    name: DicomCode, value: float, unit: DicomCode, derivation: DicomCode | None = None
) -> hd.sr.Measurement:
    return hd.sr.Measurement(name=name, value=round(float(value), 4), unit=unit, derivation=derivation)


def _label_group(
    label: Label, findings: Findings, algorithm: hd.sr.AlgorithmIdentification, identity: Sequence[str]
) -> hd.sr.MeasurementsAndQualitativeEvaluations:
    lesions = [lesion for lesion in findings.lesions if lesion.label_value == label.value]
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(
            uid=derived_uid("label", str(label.value), *identity), identifier=f"{label.name}, all lesions"
        ),
        finding_category=coded(label.category),
        finding_type=coded(label.type),
        finding_sites=[hd.sr.FindingSite(coded(label.anatomy))] if label.anatomy else None,
        algorithm_id=algorithm,
        measurements=[
            _measurement(_NUMBER_OF_LESIONS, len(lesions), codes.UCUM.NoUnits),
            _measurement(codes.SCT.Volume, sum(lesion.volume_ml for lesion in lesions), _ML),
        ],
    )
