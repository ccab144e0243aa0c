"""What is held on a person as an Excel workbook: a sheet for each kind of row, the words that the page shows."""

import io
import re

import xlsxwriter
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from qunli.people.exporting import Holding

SHEET_NAME = 31
"""Characters of a sheet's name in Excel."""
FORBIDDEN = re.compile(r"[\[\]:*?/\\']")


def workbook(holding: Holding) -> bytes:
    """An .xlsx file. Everything is written as text, so that nothing is taken for a formula or loses its leading zeros."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    bold = book.add_format({"bold": True})
    taken: set[str] = set()

    def sheet(title: str, head: list[str], lines: list[list[str]]) -> None:
        page = book.add_worksheet(_free_name(title, taken))
        for row, cells in enumerate([head, *lines]):
            for column, text in enumerate(cells):
                page.write_string(row, column, text, bold if row == 0 else None)
        page.freeze_panes(1, 0)
        page.set_column(0, max(0, len(head) - 1), 22)

    for section in holding.sections:
        sheet(section.label, [cell.label for cell in section.rows[0]], [[cell.shown for cell in row] for row in section.rows])
    if holding.acts:
        sheet(
            _("经手的记录"),
            [_("类别"), _("身份"), _("数量")],
            [[model, column, str(number)] for model, column, number in holding.acts],
        )
    if holding.looks:
        lines = [[localtime(look.when).strftime("%Y-%m-%d %H:%M"), look.who, look.what, look.reason] for look in holding.looks]
        sheet(_("查看记录"), [_("时间"), _("查看的人"), _("查看的内容"), _("事由")], lines)
    book.close()
    return target.getvalue()


def _free_name(title: str, taken: set[str]) -> str:
    """A name that Excel accepts and no other sheet has; case does not tell two apart."""
    base, number = FORBIDDEN.sub(" ", title)[:SHEET_NAME] or "-", 1
    name = base
    while name.lower() in taken:
        number += 1
        name = f"{base[: SHEET_NAME - 4]} {number}"
    taken.add(name.lower())
    return name
