"""Unix seconds as people write them, in UTC; without a clock, and without a time zone."""

from typing import Final

_DAY: Final = 86_400


def written(seconds: float) -> str:
    """``2026-11-23 17:03:01.250 UTC``."""
    thousandths = round(seconds * 1000)
    day, rest = divmod(thousandths, _DAY * 1000)
    clock, thousandths = divmod(rest, 1000)
    minutes, second = divmod(clock, 60)
    hour, minute = divmod(minutes, 60)
    year, month, of_month = _date(day)
    date = f"{year:04}-{month:02}-{of_month:02}"
    return f"{date} {hour:02}:{minute:02}:{second:02}.{thousandths:03} UTC"


def _date(day: int) -> tuple[int, int, int]:
    """The date, so many days after 1970-01-01; years begin in March here, leap days end them."""
    era, of_era = divmod(day + 719_468, 146_097)
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    of_month = of_year - (153 * month + 2) // 5 + 1
    return era * 400 + year + (month >= 10), month + (3 if month < 10 else -9), of_month
