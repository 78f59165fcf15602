"""Words that a header may hold without naming anybody.

Nobody checks what a scanner's operator types into an element for a code: `BodyPartExamined` can be `DOE JANE`. So a
code survives de-identification only where it is a term of the standard, and a vendor only where it is one of a list.

Reference: DICOM PS3.3, C.7.3.1.1.1 (modalities), C.7.1.1 (sex), C.8.11.5 (views); PS3.16, annex L (body parts) and
CID 4014 (views of mammography).
"""

from __future__ import annotations

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MODALITIES: Final = _words("""
    ANN AR ASMT AU BDUS BI BMD CFM CR CT CTPROTOCOL DG DMS DOC DX ECG EEG EMG EOG EPS ES FID GM HC HD IO IOL
    IVOCT IVUS KER KO LEN LS M3D MG MR NM OAM OCT OP OPM OPT OPTBSV OPTENF OPV OSS OT PA PLAN POS PR PT PX REG
    RESP RF RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SEG SM SMR SR SRF STAIN
    TEXTUREMAP TG US VA XA XAPROTOCOL XC
""")

SEXES: Final = frozenset({"M", "F", "O"})

ANSWERS: Final = frozenset({"YES", "NO"})

VIEWS: Final = _words("""
    AP PA LL RL LLD RLD LLO RLO LAT LATERAL OBL OBLIQUE CC MLO ML LM LMO SIO CCID ISO XCC XCCL XCCM FB
    LATERO-MEDIAL AXIAL
""")

BODY_PARTS: Final = _words("""
    ABDOMEN ABDOMENPELVIS ADRENAL ANKLE AORTA ARM AXILLA BACK BLADDER BODY BONE BRACHIALPLEXUS BRAIN BREAST
    BRONCHUS BUTTOCK CALCANEUS CALF CAROTID CEREBELLUM CERVIX CHEEK CHEST CHESTABDOMEN CHESTABDPELVIS
    CHESTABDOMENPELVIS CLAVICLE COCCYX COLON CORNEA CORONARYARTERY CSPINE CTSPINE DUODENUM EAR ELBOW ESOPHAGUS
    EXTREMITY EYE EYELID FACE FEMUR FINGER FOOT FOREARM GALLBLADDER HAND HEAD HEADNECK HEART HIP HUMERUS ILEUM
    ILIUM IAC JAW JEJUNUM KIDNEY KNEE LARYNX LEG LIVER LSPINE LSSPINE LUNG LUNGS MANDIBLE MAXILLA MEDIASTINUM
    MOUTH NECK NECKCHEST NECKCHESTABDOMEN NECKCHESTABDPELV NOSE ORBIT OVARY PANCREAS PAROTID PATELLA PELVIS
    PENIS PHARYNX PITUITARY PROSTATE RECTUM RIB RIBS SACRUM SCALP SCAPULA SCLERA SCROTUM SELLA SHOULDER
    SIJOINT SINUS SKULL SPINE SPLEEN SSPINE STERNUM STOMACH SUBMANDIBULAR TAIL TEETH TESTIS THIGH THORAX THUMB
    THYMUS THYROID TIBIA TIBIAFIBULA TLSPINE TMJ TOE TONGUE TRACHEA TSPINE UPPERARM URETER URETHRA UTERUS
    VAGINA VULVA WHOLEBODY WRIST ZYGOMA
""")
"""Without the blanks that some write: `WHOLE BODY` is `WHOLEBODY`."""

VENDORS: Final = (
    "Acuson", "Agfa", "Aloka", "Analogic", "BK Medical", "Bruker", "Canon", "Carestream", "Carl Zeiss",
    "Dentsply", "Elekta", "Esaote", "Fonar", "Fujifilm", "FUJI PHOTO FILM", "GE", "Hamamatsu", "Hitachi",
    "Hologic", "Imaging Dynamics", "Kodak", "Konica", "Leica", "Lodox", "Lorad", "Marconi", "Mindray",
    "Neusoft", "Oldelft", "Olympus", "Philips", "Picker", "Planmeca", "Samsung", "Shimadzu", "Siemens",
    "SonoSite", "Sectra", "Swissray", "Toshiba", "UIH", "United Imaging", "Varian", "Vidar", "Ziehm", "pydicom",
)  # fmt: skip
"""As they are called when they are kept: by the first words of what the header says, and no word more."""

_TERMS: Final = {
    "modality": MODALITIES,
    "sex": SEXES,
    "view": VIEWS,
    "body_part": BODY_PARTS,
    "burned_in": ANSWERS,
}


def term(name: str, value: str) -> str:
    """The value of a fact where it is one of its terms; empty where it is something else.

    Args:
        name: `modality`, `sex`, `view`, `body_part` or `burned_in`.
        value: What a header says.
    """
    word = value.strip(" ")
    return word if word.replace(" ", "").upper() in _TERMS[name] else ""


def vendor(value: str) -> str:
    """The vendor that a header begins to name, without what follows; empty where nobody knows it.

    `SIEMENS Healthineers (Dr Doe)` → `Siemens`.
    """
    words = f"{value.strip(' ').casefold().replace(',', ' ').replace('_', ' ')} "
    return next((known for known in VENDORS if words.startswith(f"{known.casefold()} ")), "")
