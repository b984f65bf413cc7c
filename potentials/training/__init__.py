"""Fine-tuning: labels in, a checkpoint out that knows where it comes from."""

from potentials.training.labels import Label, LabelError, answers, read_labels, write_labels
from potentials.training.lineage import Lineage, lineage, lineages
from potentials.training.offsets import fit_offsets, shifted
from potentials.training.run import TrainingError
from potentials.training.settings import TrainSettings
from potentials.training.tune import fine_tune
from potentials.training.watch import Epoch, Errors, FineTuned

__all__ = [
    "Epoch",
    "Errors",
    "FineTuned",
    "Label",
    "LabelError",
    "Lineage",
    "TrainSettings",
    "TrainingError",
    "answers",
    "fine_tune",
    "fit_offsets",
    "lineage",
    "lineages",
    "read_labels",
    "shifted",
    "write_labels",
]
