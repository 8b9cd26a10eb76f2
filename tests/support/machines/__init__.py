"""The four transaction machines, driven through all that can happen, beside the RFCs' figures."""

from machines.figures import FIGURES, Figure
from machines.product import MACHINES, Drive, Machine, drive
from machines.rows import Row, rows
from machines.writing import diagram, table

__all__ = [
    "FIGURES",
    "MACHINES",
    "Drive",
    "Figure",
    "Machine",
    "Row",
    "diagram",
    "drive",
    "rows",
    "table",
]
