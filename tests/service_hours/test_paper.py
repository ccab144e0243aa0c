"""The certificate as a file: PDF/A, its fonts inside, signed, and read back whatever somebody hands in."""

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pypdf
import pytest
from pyhanko.pdf_utils.generic import NameObject, TextStringObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.signers import PdfSignatureMetadata, SimpleSigner, sign_pdf
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from pypdf.xmp import XmpInformation

from qunli.service_hours.numbering import grouped, new_number
from qunli.service_hours.paper.keys import make_demonstration_key, signing_key
from qunli.service_hours.paper.signing import Finding, read, sign
from qunli.service_hours.paper.typeset import Content, Row, typeset

NOW = datetime.now(UTC)
NUMBER = new_number(2026)


def content(rows: int = 3, **changes: Any) -> Content:
    values: dict[str, Any] = {
        "number": grouped(NUMBER),
        "name": "阿依古丽·买买提",
        "volunteer": "5101040012345T",
        "issuer": "红星路社区志愿服务队",
        "since": "2026年1月1日",
        "since_en": "1 Jan 2026",
        "until": "2026年6月30日",
        "until_en": "30 Jun 2026",
        "services": rows,
        "hours": 2 * rows,
        "rest": 30,
        "total_en": f"{2 * rows} hours 30 minutes",
        "issued": "2026年7月1日",
        "issued_en": "1 Jul 2026",
        "address": "https://example.org/verify/",
        "rows": tuple(
            Row("2026年3月5日", "09:00–11:00", f"社区清洁日{n}", "清理院落。", "红星路社区志愿服务队", "2小时") for n in range(rows)
        ),
    }
    return Content(**(values | changes))


@pytest.fixture(scope="module")
def unsigned() -> bytes:
    return typeset(content(), link="https://example.org/verify/x/", at=NOW)


@pytest.fixture(scope="module")
def signed(unsigned: bytes) -> bytes:
    return sign(unsigned, number=grouped(NUMBER), issuer="红星路社区志愿服务队", at=NOW)


def all_fonts(page: pypdf.PageObject) -> Iterator[tuple[Any, Any]]:
    """Each font of a page with its descriptor."""
    for reference in page["/Resources"]["/Font"].values():  # type: ignore[index]
        font = reference.get_object()
        below = font.get("/DescendantFonts")
        yield font, (below[0].get_object() if below else font)["/FontDescriptor"].get_object()


def test_it_is_pdf_a_3b_with_all_that_it_asks_for(signed: bytes) -> None:
    """ISO 19005-3, level B, clause by clause: header and identifiers, colours, fonts, metadata, and what may not be there."""
    assert signed.startswith(b"%PDF-1.")
    assert min(signed[10:14]) > 127, "6.1.2: the header says that it is binary"
    reader = pypdf.PdfReader(io.BytesIO(signed))
    root = reader.trailer["/Root"].get_object()
    assert not reader.is_encrypted, "6.1.3"
    assert len(reader.trailer["/ID"]) == 2, "6.1.3"  # type: ignore[arg-type]
    metadata = root["/Metadata"].get_object()
    assert (metadata["/Type"], metadata["/Subtype"]) == ("/Metadata", "/XML")
    assert "/Filter" not in metadata, "6.6.2: readable without decoding"
    nodes = XmpInformation(metadata).get_nodes_in_namespace("", "http://www.aiim.org/pdfa/ns/id/")
    said = {node.localName: node.firstChild.data for node in nodes}
    assert said.get("part") == "3", "6.6.4"
    assert said.get("conformance") == "B", "6.6.4"
    intents = [one.get_object() for one in root["/OutputIntents"]]
    assert [one["/S"] for one in intents] == ["/GTS_PDFA1"], "6.2.3"
    profile = intents[0]["/DestOutputProfile"].get_object()
    assert profile.get_data()[36:40] == b"acsp", "6.2.3: an ICC profile"
    assert profile["/N"] == {b"RGB ": 3, b"GRAY": 1, b"CMYK": 4}[profile.get_data()[16:20]]
    for page in reader.pages:
        found = list(all_fonts(page))
        assert found
        for font, descriptor in found:
            programs = {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor)
            assert len(programs) == 1, "6.2.11.4: the font's program is inside"
            assert len(descriptor[programs.pop()].get_object().get_data()) > 100
            assert b"begincmap" in font["/ToUnicode"].get_object().get_data(), "what is copied is what is read"
        assert "/AA" not in page, "6.5.2"
        for reference in page.get("/Annots", []):
            annotation = reference.get_object()
            assert annotation.get("/F", 0) & 0b100 or annotation["/Subtype"] == "/Popup", "6.3.2: printed with the page"
    assert not {"/AA", "/OpenAction"} & set(root), "6.5"
    assert not re.search(rb"/(JavaScript|JS|Launch|LZWDecode)\b", signed), "6.1.7, 6.5.1"
    (embedded,) = [one.get_object() for one in root["/AF"]]
    assert (embedded["/UF"], embedded["/AFRelationship"]) == ("ledger.json", "/Data"), "6.8: associated, and what it is"
    assert embedded["/EF"]["/F"].get_object()["/Subtype"] == "/application/json", "6.8"


def test_it_says_what_it_should(signed: bytes) -> None:
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(signed)).pages).replace("\n", "")
    for words in (
        grouped(NUMBER),
        "阿依古丽·买买提",
        "社区清洁日0",
        "社区清洁日2",
        "红星路社区志愿服务队",
        "Certificate of Volunteer Service",
    ):
        assert words in text, words


@pytest.mark.parametrize("rows", [1, 12, 60])
def test_long_ones_go_on_to_further_pages(rows: int) -> None:
    pdf = typeset(content(rows), link="https://example.org/", at=NOW)
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)
    assert all(f"社区清洁日{n}" in text for n in range(rows))


def test_markup_in_a_name_stays_text() -> None:
    """Nothing that somebody typed is read as typst."""
    nasty = '#panic("x") *bold* $x$ <label> @ref \\ "quoted"'
    pdf = typeset(content(1, name=nasty), link="https://example.org/", at=NOW)
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)
    assert "panic" in text
    assert "*bold*" in text


def test_signature_validates(signed: bytes) -> None:
    signature = PdfFileReader(io.BytesIO(signed)).embedded_regular_signatures[0]
    status = validate_pdf_signature(signature, ValidationContext(trust_roots=signing_key().roots, allow_fetching=False))
    assert status.bottom_line
    assert signature.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"


def test_every_signature_validates(unsigned: bytes) -> None:
    """Those after the first are moulded from it: each must be as good."""
    for n in range(4):
        signed = sign(unsigned + b"", number=f"{n}", issuer=f"队{n}", at=NOW)
        signature = PdfFileReader(io.BytesIO(signed)).embedded_regular_signatures[0]
        trust = ValidationContext(trust_roots=signing_key().roots, allow_fetching=False)
        assert validate_pdf_signature(signature, trust).bottom_line


def test_genuine(signed: bytes) -> None:
    assert read(signed, at=NOW) == (Finding.GENUINE, NUMBER)


def test_unsigned(unsigned: bytes) -> None:
    assert read(unsigned, at=NOW) == (Finding.UNSIGNED, NUMBER)


@pytest.mark.parametrize("place", [100, 5000, 20000, -30000])
def test_a_flipped_bit_is_noticed(signed: bytes, place: int) -> None:
    place %= len(signed)
    altered = signed[:place] + bytes([signed[place] ^ 0x04]) + signed[place + 1 :]
    assert read(altered, at=NOW).finding in (Finding.ALTERED, Finding.UNREADABLE)


def test_an_appended_change_is_noticed(signed: bytes) -> None:
    """An incremental update leaves the signed bytes as they are, and still changes what is shown."""
    writer = IncrementalPdfFileWriter(io.BytesIO(signed))
    writer.trailer["/Info"][NameObject("/Subject")] = TextStringObject("9999 小时")
    writer.update_container(writer.trailer["/Info"])
    altered = io.BytesIO()
    writer.write(altered)
    assert read(altered.getvalue(), at=NOW).finding == Finding.ALTERED
    assert read(signed + b"\n%", at=NOW).finding == Finding.ALTERED


def test_another_key_is_noticed(unsigned: bytes, tmp_path: Path) -> None:
    key, _root = make_demonstration_key(NOW)
    (tmp_path / "forger.p12").write_bytes(key)
    forger = SimpleSigner.load_pkcs12(str(tmp_path / "forger.p12"))  # type: ignore[no-untyped-call]
    forged = sign_pdf(IncrementalPdfFileWriter(io.BytesIO(unsigned)), PdfSignatureMetadata(field_name="QunliSignature"), forger)
    assert read(forged.getvalue(), at=NOW).finding == Finding.OTHER_SIGNER


@pytest.mark.parametrize(
    ("data", "finding"),
    [
        (b"", Finding.NOT_PDF),
        (b"hello", Finding.NOT_PDF),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), Finding.NOT_PDF),
        (b"PK\x03\x04" + bytes(500), Finding.NOT_PDF),
        (b"%PDF-1.7\n" + bytes(2000), Finding.UNREADABLE),
        (b"%PDF-1.7\n%%EOF", Finding.UNREADABLE),
    ],
)
def test_what_is_no_certificate(data: bytes, finding: Finding) -> None:
    assert read(data, at=NOW).finding == finding


def test_half_a_file(signed: bytes) -> None:
    assert read(signed[: len(signed) // 2], at=NOW).finding in (Finding.UNREADABLE, Finding.ALTERED)


def test_the_demonstration_key_is_made_once(tmp_path: Path, settings: Any) -> None:
    settings.HOME = tmp_path
    signing_key.cache_clear()
    first = signing_key().signer.signing_cert.dump()
    signing_key.cache_clear()
    assert signing_key().signer.signing_cert.dump() == first
    assert signing_key().demonstration
    assert (tmp_path / "signing" / "demonstration" / "key.p12").stat().st_mode & 0o077 == 0
    signing_key.cache_clear()


def test_a_wrong_configuration_says_what_to_do(settings: Any) -> None:
    settings.SIGNING_P12 = "/nowhere/key.p12"
    signing_key.cache_clear()
    with pytest.raises(RuntimeError, match="QUNLI_SIGNING_P12"):
        signing_key()
    settings.SIGNING_P12 = ""
    signing_key.cache_clear()


def text_of(pdf: bytes) -> str:
    return "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


@pytest.mark.parametrize(
    ("written", "printed", "missing"),
    [
        ("社区清洁日🎉", "社区清洁日", False),
        ("𠮷祥社区", "〓祥社区", True),
        ("清洁\x01日\ufffe", "清洁日", False),
        ("ئۇيغۇر", "〓", True),
        ("Łucja Nguyễn", "Łucja Nguyễn", False),
    ],
)
def test_whatever_a_title_holds_there_is_a_paper(written: str, printed: str, missing: bool) -> None:
    """An emoji in a title keeps nobody who was there from a certificate, nor does a rare letter of one's own name."""
    row = Row("2026年3月5日", "09:00–11:00", written, written, written, "2小时")
    pdf = typeset(replace(content(name=written, issuer=written), rows=(row,)), link="https://example.org/", at=NOW)
    assert printed in text_of(pdf)
    assert ("字库中没有的字" in text_of(pdf)) == missing


def test_no_title_turns_the_direction_of_a_line() -> None:
    pdf = typeset(content(issuer="\u202e时小1\u202c甲队"), link="https://example.org/", at=NOW)
    assert "时小1甲队" in text_of(pdf)


def test_every_latin_letter_of_a_name_is_printed() -> None:
    name = "".join(chr(n) for n in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)))
    assert "〓" not in text_of(typeset(content(name=name + "🎉"), link="https://example.org/", at=NOW))
