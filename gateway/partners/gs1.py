"""Numbers and barcodes of GS1: check digits, SSCCs and element strings. Prefixes are settings."""

from __future__ import annotations

import re

from gateway.partners.setting import setting

REUSE_DAYS = 365
"""For so many days after its use an SSCC names one unit and no other."""

# fmt: off
_CODES = (
    "ADAND020AEARE784AFAFG004AGATG028AIAIA660ALALB008AMARM051AOAGO024AQATA010ARARG032ASASM016ATAUT040"
    "AUAUS036AWABW533AXALA248AZAZE031BABIH070BBBRB052BDBGD050BEBEL056BFBFA854BGBGR100BHBHR048BIBDI108"
    "BJBEN204BLBLM652BMBMU060BNBRN096BOBOL068BQBES535BRBRA076BSBHS044BTBTN064BVBVT074BWBWA072BYBLR112"
    "BZBLZ084CACAN124CCCCK166CDCOD180CFCAF140CGCOG178CHCHE756CICIV384CKCOK184CLCHL152CMCMR120CNCHN156"
    "COCOL170CRCRI188CUCUB192CVCPV132CWCUW531CXCXR162CYCYP196CZCZE203DEDEU276DJDJI262DKDNK208DMDMA212"
    "DODOM214DZDZA012ECECU218EEEST233EGEGY818EHESH732ERERI232ESESP724ETETH231FIFIN246FJFJI242FKFLK238"
    "FMFSM583FOFRO234FRFRA250GAGAB266GBGBR826GDGRD308GEGEO268GFGUF254GGGGY831GHGHA288GIGIB292GLGRL304"
    "GMGMB270GNGIN324GPGLP312GQGNQ226GRGRC300GSSGS239GTGTM320GUGUM316GWGNB624GYGUY328HKHKG344HMHMD334"
    "HNHND340HRHRV191HTHTI332HUHUN348IDIDN360IEIRL372ILISR376IMIMN833ININD356IOIOT086IQIRQ368IRIRN364"
    "ISISL352ITITA380JEJEY832JMJAM388JOJOR400JPJPN392KEKEN404KGKGZ417KHKHM116KIKIR296KMCOM174KNKNA659"
    "KPPRK408KRKOR410KWKWT414KYCYM136KZKAZ398LALAO418LBLBN422LCLCA662LILIE438LKLKA144LRLBR430LSLSO426"
    "LTLTU440LULUX442LVLVA428LYLBY434MAMAR504MCMCO492MDMDA498MEMNE499MFMAF663MGMDG450MHMHL584MKMKD807"
    "MLMLI466MMMMR104MNMNG496MOMAC446MPMNP580MQMTQ474MRMRT478MSMSR500MTMLT470MUMUS480MVMDV462MWMWI454"
    "MXMEX484MYMYS458MZMOZ508NANAM516NCNCL540NENER562NFNFK574NGNGA566NINIC558NLNLD528NONOR578NPNPL524"
    "NRNRU520NUNIU570NZNZL554OMOMN512PAPAN591PEPER604PFPYF258PGPNG598PHPHL608PKPAK586PLPOL616PMSPM666"
    "PNPCN612PRPRI630PSPSE275PTPRT620PWPLW585PYPRY600QAQAT634REREU638ROROU642RSSRB688RURUS643RWRWA646"
    "SASAU682SBSLB090SCSYC690SDSDN729SESWE752SGSGP702SHSHN654SISVN705SJSJM744SKSVK703SLSLE694SMSMR674"
    "SNSEN686SOSOM706SRSUR740SSSSD728STSTP678SVSLV222SXSXM534SYSYR760SZSWZ748TCTCA796TDTCD148TFATF260"
    "TGTGO768THTHA764TJTJK762TKTKL772TLTLS626TMTKM795TNTUN788TOTON776TRTUR792TTTTO780TVTUV798TWTWN158"
    "TZTZA834UAUKR804UGUGA800UMUMI581USUSA840UYURY858UZUZB860VAVAT336VCVCT670VEVEN862VGVGB092VIVIR850"
    "VNVNM704VUVUT548WFWLF876WSWSM882YEYEM887YTMYT175ZAZAF710ZMZMB894ZWZWE716"
)
# fmt: on
_COUNTRIES = {
    name: _CODES[at + 5 : at + 8]
    for at in range(0, len(_CODES), 8)
    for name in (_CODES[at : at + 2], _CODES[at + 2 : at + 5])
}  # fmt: skip
"""ISO 3166 numbers of countries by their codes of two and three letters."""


def check_digit(digits: str) -> str:
    """The digit that follows: from the right the digits weigh 3, 1, 3, …, and with it they make a ten."""
    total = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


@setting
class Gs1Prefix:
    """Serials of SSCCs under one company prefix.

    Attributes:
        prefix: 7 to 10 digits, as GS1 assigned them.
        extension: the digit before it, free to choose.
        first: the lowest serial, where another system has used those before.
    """

    prefix: str
    extension: int = 0
    first: int = 0

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9]{7,10}", self.prefix):
            raise ValueError(f"prefix {self.prefix!r}: the 7 to 10 digits that GS1 assigned to you")
        if not 0 <= self.extension <= 9:
            raise ValueError(f"extension {self.extension}: one digit, 0 to 9")
        if not 0 <= self.first < self.serials:
            raise ValueError(f"first {self.first}: 0 to {self.serials - 1} with a prefix of this length")

    @property
    def serials(self) -> int:
        """How many serials there are."""
        return int(10 ** (16 - len(self.prefix)))

    def sscc(self, serial: int) -> str:
        """The SSCC of a serial, 18 digits."""
        digits = f"{self.extension}{self.prefix}{serial:0{16 - len(self.prefix)}}"
        return digits + check_digit(digits)


def sscc(text: object) -> str | None:
    """The 18 digits of an SSCC, given with or without 00 before them; None if it is none."""
    found = re.fullmatch("(?:00)?([0-9]{18})", str(text))
    return found[1] if found else None


def is_right(digits: str) -> bool:
    """Whether the check digit at the end is right."""
    return check_digit(digits[:-1]) == digits[-1]


def postal(code: str, country: str) -> str:
    """The element string of a postal code: (420) in the US or where no country is told, else (421).

    Empty where there is none: no code, more than 12 characters (20 without a country), an unknown country.
    """
    code, country = re.sub("[^0-9A-Z]", "", code.upper()), country.upper()
    if country in ("", "US", "USA"):
        return f"420{code}" if 1 <= len(code) <= 20 else ""
    number = _COUNTRIES.get(country)
    return f"421{number}{code}" if number and 1 <= len(code) <= 12 else ""


def readable(element: str) -> str:
    """An element string of this module as people read it, its identifier in brackets."""
    at = 2 if element.startswith("00") else 3
    return f"({element[:at]}) {element[at:]}"
