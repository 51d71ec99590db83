"""Files of rates: the ECB's XML and CSV, and everything that is not quite one."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from payments.fx import rate_files
from payments.fx.rate_files import RateFileError, read_rates
from payments.fx.schemas import NewRate

ECB = """<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"
                 xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
  <gesmes:subject>Reference rates</gesmes:subject>
  <gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
  <Cube>
{days}
  </Cube>
</gesmes:Envelope>
"""
WINTER = """<Cube time='2026-11-20'>
  <Cube currency='USD' rate='1.1548'/>
  <Cube currency='JPY' rate='178.40'/>
</Cube>"""
SUMMER = """<Cube time="2026-07-01"><Cube currency="USD" rate="1.1711"/><Cube currency="BGN" rate="1.9558"/>
<Cube currency="SIT" rate="239.64"/></Cube>"""
HEAD = "base,quote,rate,effective_at,source\n"
ROW = "USD,GBP,0.7459,2026-11-20T15:00:00Z,desk\n"


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "rates"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def ecb(*days):
    return ECB.format(days="\n".join(days))


def test_daily_file(write):
    # 16:00 in Frankfurt is 15:00 UTC in winter.
    at = datetime(2026, 11, 20, 15, tzinfo=UTC)
    assert read_rates(write(ecb(WINTER))) == (
        [
            NewRate("EUR", "USD", Decimal("1.1548"), at, "ecb"),
            NewRate("EUR", "JPY", Decimal("178.40"), at, "ecb"),
        ],
        [],
    )


def test_history_file(write):
    rates, skipped = read_rates(write(ecb(WINTER, SUMMER)))
    assert [(rate.quote, rate.effective_at.astimezone(UTC).isoformat()) for rate in rates] == [
        ("USD", "2026-11-20T15:00:00+00:00"),
        ("JPY", "2026-11-20T15:00:00+00:00"),
        ("USD", "2026-07-01T14:00:00+00:00"),
    ]
    assert skipped == ["BGN", "SIT"]


def test_csv(write):
    rates, skipped = read_rates(
        write("\ufeff" + HEAD.replace("\n", "\r\n") + ROW + "\n" + 'EUR, USD ,1.15,2026-11-20T16:00:00+01:00,"a, b"\n')
    )
    assert rates == [
        NewRate("USD", "GBP", Decimal("0.7459"), datetime(2026, 11, 20, 15, tzinfo=UTC), "desk"),
        NewRate("EUR", "USD", Decimal("1.15"), datetime(2026, 11, 20, 15, tzinfo=UTC), "a, b"),
    ]
    assert skipped == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no rates"),
        (HEAD, "no rates"),
        ("quote,base\n" + ROW, "line 1: Expected the columns base,quote,rate,effective_at,source"),
        (HEAD + ROW + "EUR,USD,1.1\n", "line 3: Expected 5 columns and found 3"),
        (HEAD + ROW.replace("GBP", "GBX"), "line 2: quote: Expected an ISO 4217 code"),
        (HEAD + ROW.replace("GBP", "USD"), "line 2: quote: Expected another currency"),
        (HEAD + ROW.replace("0.7459", "0,7459"), "line 2: Expected 5 columns and found 6"),
        (HEAD + ROW.replace("0.7459", "-0.7459"), "line 2: rate: Expected a decimal"),
        (HEAD + ROW.replace("Z", ""), "line 2: effective_at: Expected a time with its zone"),
        (HEAD + ROW.replace("desk", ""), "line 2: source: "),
        (HEAD + ROW + ROW, "line 3: The same pair, moment and source as in line 2"),
        (HEAD + '"USD', "line 2: unexpected end of data"),
        (HEAD.encode() + b"\xff\xfe", "line 2: it is not UTF-8"),
        (ecb(), "no rates"),
        ("<html></html>", "no rates"),
        (ecb(WINTER)[:-20], "it is not well-formed XML"),
        (ecb(WINTER.replace("1.1548", "N/A")), "line 8: rate: Expected a decimal"),
        (ecb(WINTER.replace("USD", "usd")), "line 8: quote: Expected an ISO 4217 code"),
        (ecb(WINTER.replace(" rate='1.1548'", "")), "line 8: rate: Expected a decimal"),
        (ecb(WINTER.replace("2026-11-20", "20.11.2026")), "line 7: time: Expected a day"),
        (ecb(WINTER.replace(" time='2026-11-20'", "")), "line 8: a rate without its day"),
        (ecb(WINTER, WINTER), "line 12: The same pair, moment and source as in line 8"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(write, content, says):
    with pytest.raises(RateFileError, match=says):
        read_rates(write(content))


def test_all_problems_are_said_at_once_but_not_without_end(write):
    with pytest.raises(RateFileError) as refused:
        read_rates(write(HEAD + "EUR,USD,x,y,z\n" * 3))
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == [
        "line 2",
        "line 2",
        "line 3",
        "line 3",
        "line 4",
        "line 4",
    ]
    with pytest.raises(RateFileError) as refused:
        read_rates(write(HEAD + "EUR\n" * 1000))
    assert len(str(refused.value).splitlines()) == 21


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE gesmes>",
        f'<!DOCTYPE x [<!ENTITY l0 "lol">{LAUGHS}]>',
        '<!DOCTYPE x [<!ENTITY file SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
    ],
)
def test_nothing_is_expanded_or_fetched(write, doctype):
    head, newline, rest = ecb(WINTER.replace("USD", "&l9;")).partition("\n")
    with pytest.raises(RateFileError, match="line 2: document types are not read"):
        read_rates(write(head + newline + doctype + rest))


def test_entities_that_nobody_declared_are_errors(write):
    with pytest.raises(RateFileError, match="line 8: it is not well-formed"):
        read_rates(write(ecb(WINTER.replace("USD", "&usd;"))))


def test_a_file_that_is_too_large_is_refused(write, monkeypatch):
    monkeypatch.setattr(rate_files, "MAX_BYTES", 100)
    with pytest.raises(RateFileError, match="larger than"):
        read_rates(write(HEAD + ROW * 3))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RateFileError, match="No such file"):
        read_rates(tmp_path / "none.csv")
    with pytest.raises(RateFileError, match="Is a directory"):
        read_rates(tmp_path)
