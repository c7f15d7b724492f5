"""Headers as scanners of several makers and radiographers of several countries write them, and what each series is."""

from typing import Any

from miap.imaging.modality import Modality

T1, T1C, T2, FLAIR, CT, PET = Modality.T1, Modality.T1C, Modality.T2, Modality.FLAIR, Modality.CT, Modality.PET


def mr(
    description: str,
    repetition: float = 0,
    echo: float = 0,
    inversion: float = 0,
    sequence: str | list[str] = "",
    **attributes: Any,
) -> dict[str, Any]:
    """Attributes of an MR series; times in ms, left out where 0."""
    times = {"RepetitionTime": repetition, "EchoTime": echo, "InversionTime": inversion}
    return {
        "Modality": "MR",
        "SeriesDescription": description,
        **{keyword: f"{value:g}" for keyword, value in times.items() if value},
        **({"ScanningSequence": sequence} if sequence else {}),
        **attributes,
    }


def image(modality: str, description: str, *image_type: str, **attributes: Any) -> dict[str, Any]:
    """Attributes of a CT or PET series."""
    return {
        "Modality": modality, "SeriesDescription": description,
        "ImageType": image_type or ("ORIGINAL", "PRIMARY", "AXIAL"), **attributes,
    }  # fmt: skip


MPRAGE = {"repetition": 2300, "echo": 2.98, "inversion": 900, "sequence": ["GR", "IR"], "MRAcquisitionType": "3D"}
SPIN_T1 = {"repetition": 550, "echo": 9, "sequence": "SE"}
TURBO_T2 = {"repetition": 4500, "echo": 95, "sequence": "SE"}
DARK = {"repetition": 9000, "echo": 89, "inversion": 2500, "sequence": ["SE", "IR"]}

MAKERS: list[tuple[str, dict[str, Any], Modality]] = [
    # Siemens
    ("siemens", mr("t1_mprage_sag_p2_iso", **MPRAGE, SequenceName="*tfl3d1_16ns"), T1),
    ("siemens", mr("t1_mpr_sag_p2_iso_KM", **MPRAGE, SequenceName="*tfl3d1_16ns", ContrastBolusAgent="Gadovist"), T1C),
    ("siemens", mr("t2_tse_tra_p2", **TURBO_T2, SequenceName="*tse2d1_15"), T2),
    ("siemens", mr("t2_tirm_tra_dark-fluid", **DARK, SequenceName="*tir2d1_16"), FLAIR),
    (
        "siemens",
        mr("t2_space_dark-fluid_sag_p2_iso", 5000, 388, 1800, ["SE", "IR"], SequenceName="*spcir_278ns"),
        FLAIR,
    ),
    ("siemens", mr("AX MPR", 2300, 2.98, 900, ["GR", "IR"], ProtocolName="t1_mprage_sag_p2_iso"), T1),
    ("siemens", mr("", 2300, 2.98, 900, ["GR", "IR"], SequenceName="*tfl3d1_16ns"), T1),
    ("siemens", mr("t1_vibe_fs_tra_post", 5, 2.4, 0, "GR"), T1C),
    ("siemens", mr("t1_tse_cor_fs+KM", 600, 10, 0, "SE"), T1C),
    # GE
    ("ge", mr("Ax T1 FSE", 600, 11, 0, "SE", PulseSequenceName="fse"), T1),
    ("ge", mr("Sag T1 FLAIR", 2100, 24, 860, ["SE", "IR"]), T1),
    ("ge", mr("AX T1 BRAVO +C", 8.2, 3.2, 450, ["GR"]), T1C),
    ("ge", mr("AX T2 PROPELLER", 5200, 110, 0, ["RM", "SE"]), T2),
    ("ge", mr("AX T2 FLAIR FS", 9500, 120, 2300, ["SE", "IR"]), FLAIR),
    ("ge", mr("Sag CUBE T2 FLAIR", 6000, 130, 1750, ["SE", "IR"]), FLAIR),
    ("ge", mr("3D Ax T1 FSPGR post", 7, 3, 0, "GR", ContrastBolusAgent="PROHANCE 15 ML"), T1C),
    ("ge", mr("Ax LAVA C-", 4, 2, 0, "GR", ContrastBolusAgent="NONE"), T1),
    ("ge", mr("AX T1 W/O", **SPIN_T1), T1),
    ("ge", mr("AX T1 W/", **SPIN_T1, ContrastBolusAgent="Dotarem 12cc"), T1C),
    # Philips
    ("philips", mr("T1W_3D_TFE", 8, 3.7, 0, "GR"), T1),
    ("philips", mr("sT1W_3D_FFE_gd", 25, 4.6, 0, "GR", ContrastBolusAgent="Gd"), T1C),
    ("philips", mr("T2W_TSE_ax", 3000, 80, 0, "SE"), T2),
    ("philips", mr("FLAIR_longTR_SENSE", 11000, 125, 2800, "IR"), FLAIR),
    ("philips", mr("VWIP 3D_Brain_VIEW_FLAIR", 4800, 290, 1650, ["SE", "IR"]), FLAIR),
    ("philips", mr("WIP T1W/SE CLEAR", 500, 15, 0, "SE"), T1),
    ("philips", mr("eTHRIVE_post", 4, 1.9, 0, "GR"), T1C),
    # Canon and Toshiba
    ("canon", mr("T1 3D FFE", 13, 5.5, 0, "GR"), T1),
    ("canon", mr("FASE2D T2W", 8000, 80, 0, "SE"), T2),
    ("canon", mr("Ax FLAIR FSE2D", 10000, 105, 2700, ["SE", "IR"]), FLAIR),
    ("canon", mr("Quick3D Gd", 5, 2, 0, "GR", ContrastBolusAgent="Gadoteridol"), T1C),
    # enhanced MR, per-frame attributes flattened
    ("enhanced", mr("WIP 3D", AcquisitionContrast="T1"), T1),
    ("enhanced", mr("brain", AcquisitionContrast="FLUID_ATTENUATED"), FLAIR),
    ("enhanced", mr("brain", 4500, 0, 0, EffectiveEchoTime=95.0), T2),
    ("enhanced", mr("brain", 9000, 0, 0, EffectiveEchoTime=95.0, InversionTimes=[2500.0]), FLAIR),
    # 3 T, where a spin echo T1 repeats more slowly
    ("field", mr("series 5", 1200, 10, 0, "SE", MagneticFieldStrength="3"), T1),
]

LANGUAGES: list[tuple[str, dict[str, Any], Modality]] = [
    ("de", mr("T1 tra nach KM", **SPIN_T1), T1C),
    ("de", mr("T1 axial nativ", **SPIN_T1), T1),
    ("de", mr("T1 ohne Kontrastmittel", **SPIN_T1), T1),
    ("de", mr("T1 mit Kontrastmittel", **SPIN_T1), T1C),
    ("de", mr("t1_se_tra_vor_KM", **SPIN_T1), T1),
    ("fr", mr("AX T1 APRÈS INJECTION", **SPIN_T1), T1C),
    ("fr", mr("T1 sans injection", **SPIN_T1), T1),
    ("fr", mr("Ax T1 GADO", **SPIN_T1), T1C),
    ("fr", mr("T1 avant injection de gadolinium", **SPIN_T1), T1),
    ("fr", mr("T1 INJECTE", **SPIN_T1), T1C),
    ("es", mr("T1 AXIAL CON CONTRASTE", **SPIN_T1), T1C),
    ("es", mr("T1 SIN CONTRASTE", **SPIN_T1), T1),
    ("es", mr("SAG T1 SIMPLE", **SPIN_T1), T1),
    ("es", mr("T1 poscontraste", **SPIN_T1), T1C),
    ("it", mr("T1 ASS CON MDC", **SPIN_T1), T1C),
    ("it", mr("T1 ass dopo mdc", **SPIN_T1), T1C),
    ("it", mr("T1 senza mdc", **SPIN_T1), T1),
    ("it", mr("T1 basale", **SPIN_T1), T1),
    ("pt", mr("T1 AXIAL PÓS CONTRASTE", **SPIN_T1), T1C),
    ("pt", mr("T1 sem contraste", **SPIN_T1), T1),
    ("pt", mr("T1 COM GADOLÍNIO", **SPIN_T1), T1C),
    ("nl", mr("T1 met contrast", **SPIN_T1), T1C),
    ("nl", mr("T1 blanco", **SPIN_T1), T1),
    ("nl", mr("T1 na Gd", **SPIN_T1), T1C),
    ("nl", mr("T1 zonder contrast", **SPIN_T1), T1),
    ("pl", mr("T1 po kontraście", **SPIN_T1), T1C),
    ("pl", mr("T1 bez kontrastu", **SPIN_T1), T1),
    ("pl", mr("T1 przed kontrastem", **SPIN_T1), T1),
    ("pl", mr("T1 z kontrastem", **SPIN_T1), T1C),
    ("tr", mr("T1 KONTRASTLI", **SPIN_T1), T1C),
    ("tr", mr("T1 kontrastsız", **SPIN_T1), T1),
    ("tr", mr("T1 kontrast sonrası", **SPIN_T1), T1C),
    ("ja", mr("T1強調 造影後", **SPIN_T1), T1C),
    ("ja", mr("造影T1WI", **SPIN_T1), T1C),
    ("ja", mr("T1WI 単純", **SPIN_T1), T1),
    ("ja", mr("Ｔ２強調画像", **TURBO_T2), T2),
    ("zh", mr("T1增强", **SPIN_T1), T1C),
    ("zh", mr("T1平扫", **SPIN_T1), T1),
    ("zh", mr("T2压水", **DARK), FLAIR),
    ("en", mr("AX T1 post op without contrast", **SPIN_T1), T1),
    ("en", mr("AX T1 POST OP", **SPIN_T1), T1),
    ("en", mr("T1 C-SPINE SAG", **SPIN_T1), T1),
    ("en", mr("sub-012_ses-post_T1w", **MPRAGE), T1C),
    ("en", mr("T1 W/WO", **SPIN_T1, ContrastBolusAgent="Gadavist"), T1C),
]

WITHOUT_ROLE: list[tuple[str, dict[str, Any]]] = [
    ("diffusion", mr("ep2d_diff_3scan_trace_p2", 6000, 90, 0, "EP", ImageType=("ORIGINAL", "PRIMARY", "M", "ND"))),
    ("diffusion", mr("AX DWI B1000", 8000, 85, 0, "EP")),
    ("diffusion", mr("dADC", ImageType=("DERIVED", "PRIMARY", "DIFFUSION", "ADC"))),
    ("diffusion", mr("series 9", 7000, 80, 0, "SE", DiffusionBValue=1000.0)),
    ("diffusion", mr("DWIBS 拡散", 7000, 80)),
    ("diffusion", mr("Dyfuzja ax", 7000, 80)),
    ("diffusion", mr("AX DIFUSIÓN", 7000, 80)),
    ("diffusion", mr("", 6000, 90, 0, "SE", SequenceName="*ep_b1000#3")),
    ("susceptibility", mr("SWI_Images", 28, 20, 0, "GR")),
    ("susceptibility", mr("AX SWAN", 40, 25, 0, "GR")),
    ("susceptibility", mr("t2_fl2d_tra_hemo", 800, 20, 0, "GR")),
    ("susceptibility", mr("AX T2* GRE", 600, 20, 0, "GR")),
    ("T2*", mr("series 4", 650, 20, 0, "GR", FlipAngle="20")),
    ("localizer", mr("3-PLANE LOC", 8, 3, 0, "GR")),
    ("localizer", mr("AAHScout", 3, 1, 0, "GR")),
    ("localizer", mr("Survey", ImageType=("ORIGINAL", "PRIMARY", "LOCALIZER"))),
    ("localizer", mr("Repérage", 8, 3)),
    ("localizer", mr("Lokalizator", 8, 3)),
    ("localizer", mr("定位像", 8, 3)),
    ("localizer", mr("Übersicht", 8, 3)),
    ("vessel image", mr("TOF_3D_multi-slab", 21, 3.4, 0, "GR")),
    ("vessel image", mr("MRA COW", 21, 3.4, 0, "GR")),
    ("vessel image", mr("3D PC venogram", 25, 6, 0, "GR")),
    ("perfusion", mr("relCBV", ImageType=("DERIVED", "PRIMARY", "PERFUSION", "RELCBV"))),
    ("perfusion", mr("ep2d_perf_p2", 1500, 30, 0, "EP")),
    ("perfusion", mr("T1 DCE", 5, 2, 0, "GR")),
    ("perfusion", mr("3D ASL", 4800, 10)),
    ("perfusion", mr("脑灌注", 1500, 30)),
    ("subtraction", mr("T1 SUB", **SPIN_T1)),
    ("subtraction", mr("t1_vibe_SUB", ImageType=("DERIVED", "PRIMARY", "M", "SUB"))),
    ("subtraction", mr("Soustraction T1 gado", **SPIN_T1)),
    ("subtraction", mr("減算 T1", **SPIN_T1)),
    ("projection", mr("t1_mprage MIP", **MPRAGE)),
    ("projection", mr("ANGIO 3D", ImageType=("DERIVED", "SECONDARY", "PROJECTION IMAGE"))),
    ("map", mr("T1_MAP_GD", ImageType=("DERIVED", "PRIMARY", "M", "T1 MAP"))),
    ("map", mr("T1W_3D_TFE", 8, 3.7, 0, "GR", ImageType=("ORIGINAL", "PRIMARY", "PHASE MAP", "P", "FFE"))),
    ("calibration", mr("GRE_field_mapping", 400, 5, 0, "GR")),
    ("calibration", mr("ASSET calibration", 3, 1)),
    ("functional", mr("ep2d_bold_moco", 2000, 30, 0, "EP")),
    ("functional", mr("svs_se_30", 1500, 30)),
    ("steady", mr("t2_ciss3d_tra", 6, 2.7, 0, "GR")),
    ("steady", mr("MRCP 3D", 4000, 700)),
    ("fat", mr("t1_vibe_dixon_F", 5, 2, 0, "GR")),
    ("fat", mr("t1_vibe_dixon", 5, 2, 0, "GR", ImageType=("DERIVED", "PRIMARY", "DIXON", "FAT"))),
    ("report", mr("Screenshots", ImageType=("DERIVED", "SECONDARY", "SCREEN SAVE"))),
    ("proton density", mr("PD FS sag", 3000, 30, 0, "SE")),
    ("proton density", mr("PD/T2 dual echo", 3000, 15, 0, "SE")),
    ("STIR", mr("COR STIR", 5000, 60, 150, ["SE", "IR"])),
    ("STIR", mr("t2_tirm_cor", 5000, 60, 160, ["SE", "IR"])),
    ("STIR", mr("series 3", 5000, 60, 160, ["SE", "IR"])),
    ("echo-planar", mr("series 3", 5000, 60, 0, ["EP", "SE"])),
    ("vessel image", mr("series 3", 25, 4, 0, "GR", AngioFlag="Y")),
    ("unknown", mr("mystery")),
    ("localizer", image("CT", "Topogramm 0.6 T20f", "ORIGINAL", "PRIMARY", "LOCALIZER")),
    ("localizer", image("CT", "Scout")),
    ("localizer", image("CT", "Surview", "ORIGINAL", "PRIMARY", "LOCALIZER")),
    ("report", image("CT", "Dose Report", "DERIVED", "SECONDARY", "OTHER")),
    ("report", image("CT", "Patient Protocol", "DERIVED", "SECONDARY", "OTHER")),
    ("report", image("CT", "剂量报告", "DERIVED", "SECONDARY")),
    ("map", image("CT", "Iodine map", "DERIVED", "SECONDARY")),
    ("Hounsfield", image("CT", "Mono/Zeff", RescaleType="Z_EFF")),
    ("timing", image("CT", "Premonitoring")),
    ("timing", image("CT", "SmartPrep Series")),
    ("projection", image("CT", "MIP cor 10/5", "DERIVED", "SECONDARY", "MIP")),
    ("fusion", image("CT", "Fused PET CT", "DERIVED", "SECONDARY")),
    ("perfusion", image("CT", "CTP CBF")),
    ("without attenuation", image("PT", "PET NAC", CorrectedImage=("DECY", "RAN"))),
    ("without attenuation", image("PT", "WB_NAC_2D")),
    ("without attenuation", image("PT", "TEP non corrigé")),
    ("without attenuation", image("PT", "PET ohne SK", CorrectedImage=("DECY",))),
    ("projection", image("PT", "PET MIP", CorrectedImage=("ATTN",))),
    ("fusion", image("PT", "Fusion TEP/TDM")),
    ("not of activity", image("PT", "Ki", CorrectedImage=("ATTN",), Units="MLMING")),
    ("no CT, MR or PET", {"Modality": "NM", "SeriesDescription": "bone scan"}),
    ("no CT, MR or PET", {"Modality": None, "SeriesDescription": "T1"}),
]

IMAGES: list[tuple[str, dict[str, Any], Modality]] = [
    ("ct", image("CT", "Thorax 3.0 Br38"), CT),
    ("ct", image("CT", "CTAC 3.75 thick"), CT),
    ("ct", image("CT", "Abdomen portal venös", RescaleType="HU", ContrastBolusAgent="ISOVUE300/100"), CT),
    ("ct", image("CT", "Kopf nativ", RescaleType="US"), CT),
    ("pet", image("PT", "PET AC", CorrectedImage=("DECY", "ATTN", "SCAT"), Units="BQML"), PET),
    ("pet", image("PT", "PET WB 3D MAC", CorrectedImage=("ATTN",), Units="BQML"), PET),
    ("pet", image("PT", "IBSI SUV", "DERIVED", "SECONDARY", CorrectedImage=("ATTN",), Units="GML"), PET),
    ("pet", image("PT", "[WB CTAC] Body", CorrectedImage=("ATTN",), Units="CNTS"), PET),
    ("pet", image("PT", "TEP corps entier"), PET),
]
