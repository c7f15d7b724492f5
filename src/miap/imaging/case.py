"""A case: the images of one patient, each with the role it plays."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from miap.errors import InputError
from miap.imaging.choice import RULE, Candidate, Choice, Rejected, lost, ranked
from miap.imaging.filename import is_mask_name, role_from_name
from miap.imaging.files import contents
from miap.imaging.header import is_dicom
from miap.imaging.modality import Modality
from miap.imaging.nifti import read_nifti, says_position
from miap.imaging.role import looked_for, recognise
from miap.imaging.series import Fault, Scan, Series, claims_dicom, named_series, scan
from miap.imaging.suv import suv_factors
from miap.imaging.volume import Volume

_BY_USER = "named by the user"
_NOTHING: Mapping[Modality, Path] = MappingProxyType({})
_NO_SERIES: Mapping[Modality, str] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Image:
    """One image of a case: its voxels, the files they came from, and its DICOM series if it is one."""

    volume: Volume
    files: tuple[Path, ...]
    series: Series | None = None


@dataclass(frozen=True, eq=False)
class Case:
    """The images of one patient by role.

    Args:
        images: CT in HU, PET in SUVbw.
        choices: One per role, in the order of `Modality`.
        notes: What the user should know: what was set aside, images that share no frame of reference, faults.
        faults: Roles that the study has only in a series that cannot be used, and why. Whoever needs such a role
            raises the error (see `volumes`).
        doubts: Roles whose image may be another, and why, with how to choose it; they are among the notes too.
        seen: Every image series of the study in a line, also those without a role.
    """

    images: dict[Modality, Image]
    choices: tuple[Choice, ...] = ()
    notes: tuple[str, ...] = ()
    faults: dict[Modality, InputError] = field(default_factory=dict)
    doubts: dict[Modality, str] = field(default_factory=dict)
    seen: tuple[str, ...] = ()

    @property
    def is_dicom(self) -> bool:
        """Whether all images are DICOM series."""
        return all(image.series is not None for image in self.images.values())

    @property
    def patient_id(self) -> str:
        """Patient ID of the DICOM series; empty for NIfTI."""
        return next((image.series.patient_id for image in self.images.values() if image.series), "")

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that were used, once each, in the order of roles and slices."""
        return tuple(dict.fromkeys(file for image in self.images.values() for file in image.files))

    @property
    def roles(self) -> frozenset[Modality]:
        """Roles the study means to offer: those with an image and those with a fault."""
        return frozenset(self.images) | frozenset(self.faults)

    def missing(self, roles: Iterable[Modality]) -> str:
        """What was looked for in vain, and what is there instead, in sentences; empty if all roles are there."""
        absent = [role for role in Modality if role in set(roles) - self.roles]
        if not absent:
            return ""
        sought = " ".join(f"{role.words} was looked for: {looked_for(role)}." for role in absent)
        return f"{sought} There is: {'; '.join(self.seen) or 'no DICOM series of CT, MR or PET'}."

    def volumes(self, roles: Iterable[Modality]) -> dict[Modality, Volume]:
        """The volumes of some roles.

        Raises:
            InputError: The study has a role only in a series that cannot be used.
            KeyError: It doesn't have it at all.
        """
        wanted = list(roles)
        for role in wanted:
            if role in self.faults:
                raise self.faults[role]
        return {role: self.images[role].volume for role in wanted}


def assemble(
    paths: Sequence[Path],
    named: Mapping[Modality, Path] = _NOTHING,
    series: Mapping[Modality, str] = _NO_SERIES,
    *,
    workdir: Path,
) -> Case:
    """Find the images in what a user hands over, and tell which is which.

    DICOM series get their role from their headers (`role.recognise`), NIfTI files from their names
    (`filename.role_from_name`). Of several series for one role `choice.RULE` chooses, and passes over any that cannot
    be read.

    Args:
        paths: Folders (with all below them), files, and zips of these.
        named: Image whose role the user states: a NIfTI file, or DICOM as in ``paths``. It replaces what ``paths``
            would give for the role.
        series: Series the user chose for a role, by number or Series Instance UID; any series may be chosen.
        workdir: An empty folder for unpacked zips, which must live as long as the case.

    Raises:
        InputError: Nothing usable is there, a file is not what it says, the images are of several patients, two NIfTI
            files (or a NIfTI file and a series) claim one role, or a named or chosen image cannot be used.
    """
    maker = _Assembly(workdir)
    for role, path in named.items():
        maker.add_named(role, path)
    if paths:
        maker.add_found(paths, series)
    return maker.case(paths)


class _Assembly:
    """A case in the making."""

    def __init__(self, workdir: Path) -> None:
        self.workdir = workdir
        self.images: dict[Modality, Image] = {}
        self.choices: dict[Modality, Choice] = {}
        self.faults: dict[Modality, InputError] = {}
        self.doubts: dict[Modality, str] = {}
        self.notes: list[str] = []
        self.seen: list[str] = []

    def add_named(self, role: Modality, path: Path) -> None:
        """An image whose role the user states.

        Of several DICOM series of the right kind, those whose headers say the role come first.
        """
        found = contents([path], self.workdir / role)
        if len(found.nifti) == 1 and not found.others:
            self._add_nifti(role, found.nifti[0], _BY_USER)
            return
        scanned = scan(found.others)
        fitting = [one for one in _candidates(scanned.series) if one.series.modality_code == _code(role)]
        sure = [one for one in fitting if one.recognition.role is role]
        self._choose(role, sure or fitting, [f for f in scanned.faults if str(f.header.get("Modality")) == _code(role)])
        if role in self.faults:
            raise self.faults[role]
        if role not in self.images:
            raise InputError(
                f"{path} holds no {role.words} image.", remedy=f"Give one NIfTI file or series: --image {role}=FILE."
            )
        self.choices[role] = replace(self.choices[role], rule=_BY_USER, confidence=1.0)
        self.doubts.pop(role, None)

    def add_found(self, paths: Sequence[Path], chosen: Mapping[Modality, str]) -> None:
        """Whatever is in ``paths``, but for the roles that have their image."""
        found = contents(paths, self.workdir)
        for file in found.others:
            if file in found.given and not is_dicom(file):
                raise InputError(f"{file} is neither DICOM, NIfTI nor zip.", remedy="Give a study, or NIfTI files.")
        if not found.nifti and not any(claims_dicom(file) for file in found.others):
            raise InputError(
                f"There is no DICOM or NIfTI in {_listed(paths)}.", remedy="Give a study's folder or files."
            )
        scanned = scan(found.others)
        self.notes += scanned.notes
        for role, wanted in chosen.items():
            self._add_series(role, _chosen_by_user(wanted, role, scanned))
        taken = [_place(image.series) for image in self.images.values() if image.series]
        candidates = _candidates(scanned.series)
        self.seen += [one.seen for one in candidates]
        self._add_by_header([one for one in candidates if _place(one.series) not in taken], scanned.faults)
        self._add_by_name(found.nifti, found.given)

    def case(self, paths: Sequence[Path]) -> Case:
        """What came together."""
        if not self.images:
            for error in self.faults.values():
                raise error
            raise InputError(
                " ".join([f"No usable image is in {_listed(paths)}.", *self.notes]),
                remedy="Give a DICOM study, or say what an image is with --image ROLE=FILE or --series ROLE=NUMBER.",
            )
        series = {role: image.series for role, image in self.images.items() if image.series}
        if len({one.patient_id for one in series.values()}) > 1:
            raise InputError(
                "The images are of different patients: "
                + ", ".join(f"{role} in {one.files[0].parent}" for role, one in series.items()) + ".",
                remedy="Give one patient at a time.",
            )  # fmt: skip
        if len({one.frame_of_reference_uid for one in series.values()}) > 1:
            self.notes.append(
                "The images do not share a frame of reference, so their positions may not match: "
                + ", ".join(series) + "."
            )  # fmt: skip
        if len({one.study_uid for one in series.values()}) > 1:
            self.notes.append(f"The images are of different studies: {', '.join(series)}.")
        self.notes += [f"{role.words} was resampled: {how}." for role, one in series.items() if (how := one.resampled)]
        self.notes += [f"{role.words} was left out: {error}" for role, error in self.faults.items()]
        self.notes += self.doubts.values()
        in_order = [role for role in Modality if role in self.images]
        return Case(
            {role: self.images[role] for role in in_order},
            tuple(self.choices[role] for role in in_order),
            tuple(self.notes),
            self.faults,
            self.doubts,
            tuple(self.seen),
        )

    def _add_by_header(self, candidates: Sequence[Candidate], faults: Sequence[Fault]) -> None:
        """DICOM series whose header tells their role."""
        fault_roles = [recognise(fault.header).role for fault in faults]
        for role in Modality:
            if role not in self.images:
                self._choose(
                    role,
                    [one for one in candidates if one.recognition.role is role],
                    [fault for fault, its_role in zip(faults, fault_roles, strict=True) if its_role is role],
                )
        idle = [one.seen for one in candidates if one.recognition.role is None]
        if idle:
            self.notes.append(f"No role was recognised for {'; '.join(idle)}.")
        self.notes += [f"Left out: {f.error}" for f, role in zip(faults, fault_roles, strict=True) if role is None]

    def _choose(self, role: Modality, candidates: Sequence[Candidate], faults: Sequence[Fault]) -> None:
        """The first usable candidate by `RULE`; a fault if there is none."""
        failed = [Rejected(_titled(fault), str(fault.error)) for fault in faults]
        errors = [fault.error for fault in faults]
        order = ranked(candidates)
        for index, best in enumerate(order):
            try:
                self._add_series(role, best.series)
            except InputError as error:
                failed.append(Rejected(best.title, str(error)))
                errors.append(error)
                continue
            rejected = (*(Rejected(one.title, lost(one, best)) for one in order[index + 1 :]), *failed)
            found = best.recognition
            self.choices[role] = Choice(
                role, best.title, RULE if rejected else "the only one", found.confidence, found.reasons, rejected
            )
            if found.doubtful:
                self.doubts[role] = (
                    f"{role.words} is {best.title}, but that is doubtful ({found.confidence:.0%}): {found.because}. "
                    f"If another is meant, say so: --series {role}=NUMBER."
                )
            return
        if errors:
            self.faults[role] = errors[0]

    def _add_series(self, role: Modality, series: Series) -> None:
        volume = series.volume()
        array = volume.array
        if role is Modality.PET:
            array *= suv_factors(series.instances).astype(array.dtype)
        self.images[role] = Image(volume.with_array(array, modality=role), series.files, series)
        self.choices[role] = Choice(role, series.title, _BY_USER)

    def _add_by_name(self, files: Sequence[Path], given: frozenset[Path]) -> None:
        """NIfTI files whose names tell their role."""
        used = {file.resolve() for image in self.images.values() for file in image.files}
        by_role: dict[Modality, list[Path]] = {}
        nameless: list[Path] = []
        for file in (file for file in files if file.resolve() not in used):
            role = role_from_name(file)
            if is_mask_name(file):
                self.notes.append(f"Set aside: {file.name}, by its name a mask.")
            elif role is None:
                nameless.append(file)
            elif role in self.choices and self.choices[role].rule == _BY_USER:
                self.notes.append(f"Set aside: {file.name}; the user named another {role.words}.")
            else:
                by_role.setdefault(role, []).append(file)
        for file in nameless:
            if file in given or not (by_role or self.images):
                raise InputError(
                    f"The name of {file} does not say what it is.", remedy=f"Say it: --image ROLE={file.name}."
                )
            self.notes.append(f"Set aside: {file.name}, whose name says no role.")
        for role, claimants in by_role.items():
            rivals = [*claimants, *(self.images[role].files[:1] if role in self.images else ())]
            if len(rivals) > 1:
                raise InputError(
                    f"Several images could be the {role.words}: {', '.join(map(str, rivals))}.",
                    remedy=f"Say which: --image {role}=FILE.",
                )
            self._add_nifti(role, claimants[0], "its name says so")

    def _add_nifti(self, role: Modality, file: Path, rule: str) -> None:
        self.images[role] = Image(read_nifti(file, role), (file,))
        if not says_position(file):
            self.notes.append(f"{file.name} does not say how the patient lies: left and right may be swapped.")
        self.choices[role] = Choice(role, file.name, rule)


def _place(series: Series) -> tuple[tuple[Path, ...], tuple[int, ...]]:
    """Where a series' slices are, which no other has."""
    return series.files, series.frames


def _candidates(series: Iterable[Series]) -> list[Candidate]:
    return [Candidate(one, recognise(one.instances[0])) for one in series]


def _chosen_by_user(wanted: str, role: Modality, scanned: Scan) -> Series:
    """The series with a UID or number; of a series in several parts the best, or the one named as ``NUMBER:PART``.

    Raises:
        InputError: There is none, there are several, it is of another kind, or it has a fault.
    """
    for fault in scanned.faults:
        if wanted in (str(fault.header.get("SeriesInstanceUID")), str(fault.header.get("SeriesNumber"))):
            raise fault.error
    matching = named_series(wanted, scanned.series)
    there = "; ".join(f"{one.modality_code} {one.title}, {one.uid}" for one in scanned.series) or "none"
    if len({one.uid for one in matching}) != 1:
        raise InputError(
            f"{'Several series have' if matching else 'No series has'} the number or UID {wanted}.",
            remedy=f"Choose a UID from: {there}.",
        )
    fitting = [one for one in _candidates(matching) if one.series.modality_code == _code(role)]
    if not fitting:
        raise InputError(
            f"Series {wanted} is {matching[0].modality_code}, no {role.words}.", remedy=f"There are {there}."
        )
    return ranked([one for one in fitting if one.recognition.role is role] or fitting)[0].series


def _titled(fault: Fault) -> str:
    """How messages name a series that cannot be used."""
    header = fault.header
    return " ".join(f'series {header.get("SeriesNumber") or ""} "{header.get("SeriesDescription") or ""}"'.split())


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths)) or "what was given"


def _code(role: Modality) -> str:
    """DICOM Modality of a role's series."""
    return {Modality.CT: "CT", Modality.PET: "PT"}.get(role, "MR")
