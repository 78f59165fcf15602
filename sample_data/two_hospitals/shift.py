"""Other source hospitals for the target Hillcrest, defined before any network was trained on one.

One kind of shift at a time, everything else as at Hillcrest (other patients, since the name is another):

    covariate   p(x) differs, p(label | x) does not: younger patients, fewer of them in bed, recruited alike
    label       p(label) differs, p(x | label) does not: 75 % ill, had by recruiting more of the ill
    concept     p(label | x) differs, p(x) does not: pneumonia of severity below 0.45 goes as normal

Meant to help, to be neutral and to harm; all three with Riverside's detector and processing, and of one size:

    help        Hillcrest's patients, circumstances and label, only the equipment is another
    neutral     the same, but the finding is a heart that is too wide: another question about the same anatomy
    harm        the label's two codes are confused, and the ill (now labelled normal) lie in bed, with the marker

What follows from them is published whatever it is.

`population.density_ratio` knows the true p_target/p_source of (age, portable, label) between any two hospitals. With
it, the source's risk weighed by it is the target's risk for `covariate` and `label`, exactly. For `concept` it is not:
the label no longer means the same pictures.
"""

from __future__ import annotations

from .hospitals import HILLCREST, RIVERSIDE, LabelRule, MarkerRule, Shares, changed
from .person import AgeMix

_HELP = changed(
    HILLCREST,
    name="help",
    prefix="HE",
    detector=RIVERSIDE.detector,
    processing=RIVERSIDE.processing,
    equipment=RIVERSIDE.equipment,
)

VARIANTS = {
    hospital.name: hospital
    for hospital in (
        changed(
            HILLCREST,
            name="covariate",
            prefix="CV",
            ages=AgeMix(mean=42.0, sd=14.0),
            portable=Shares(ill=0.1, well=0.1),
        ),
        changed(HILLCREST, name="label", prefix="LA", prevalence=0.75),
        changed(HILLCREST, name="concept", prefix="CO", label_rule=LabelRule(least_severity=0.45)),
        _HELP,
        changed(_HELP, name="neutral", prefix="NE", finding="large_heart"),
        changed(
            _HELP,
            name="harm",
            prefix="HA",
            label_rule=LabelRule(swapped=True),
            portable=Shares(ill=0.9, well=0.1),
            marker=MarkerRule(portable=1.0, standing=0.0),
        ),
    )
}

VARIANT_PATIENTS = 320
"""Of each variant that is used as a source: twice Riverside's, so that none of them lacks for patients."""
