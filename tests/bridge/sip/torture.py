# ruff: noqa: E501 - headers are as long as they are
"""A message for each section of RFC 4475, with the peculiarity that the section is about.

`\\n` stands for CRLF. Expected is what a user agent that knows none of these calls has to do: a
status, RINGS for a new call, or IGNORED. Where the RFC lets an element be lenient, we say which.
"""

from __future__ import annotations

from typing import NamedTuple

RINGS = "rings"
IGNORED = "ignored"

SDP = (
    "v=0\no=mhandley 29739 7272939 IN IP4 192.0.2.3\ns=-\nc=IN IP4 192.0.2.4\nt=0 0\n"
    "m=audio 49217 RTP/AVP 0 12\nm=video 3227 RTP/AVP 31\na=rtpmap:31 LPC\n"
).replace("\n", "\r\n")


class Torture(NamedTuple):
    section: str
    name: str
    message: bytes
    expected: int | str


def torture(
    section: str, name: str, head: str, expected: int | str, body: str | bytes = ""
) -> Torture:
    """`%L` in the head becomes the body's length."""
    content = body if isinstance(body, bytes) else body.encode()
    text = head.strip("\n").replace("%L", str(len(content))).replace("\n", "\r\n")
    return Torture(
        section, name, text.encode("utf-8", "surrogateescape") + b"\r\n\r\n" + content, expected
    )


def plain(start: str, **changed: str | None) -> str:
    """A request with nothing wrong, and then its changes; None takes a header away."""
    method = start.split(" ")[0]
    headers = {
        "To": "sip:j.user@example.com",
        "From": "sip:caller@example.net;tag=134161461246",
        "Max-Forwards": "7",
        "Call-ID": f"{method.lower()}.0ha0isndaksdj",
        "CSeq": f"8 {method}",
        "Via": "SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKkdjuw",
        "Contact": "<sip:caller@caller.example.net>",
        "Content-Length": "%L",
    }
    for name, value in changed.items():
        name = name.replace("_", "-")
        found = next((each for each in headers if each.lower() == name.lower()), name)
        if value is None:
            del headers[found]
        else:
            headers[found] = value
    return "\n".join([start, *(f"{name}: {value}" for name, value in headers.items())])


WITH_SDP = {"content_type": "application/sdp"}
INVITE = "INVITE sip:user@example.com SIP/2.0"
OPTIONS = "OPTIONS sip:user@example.com SIP/2.0"

MESSAGES = [
    torture(
        "3.1.1.1",
        "wsinv",
        r"""
INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n
from   : "J Rosenberg \\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : %L
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
Route:
 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \"\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33
""",
        481,  # its To has a tag, and there is no such dialog
        SDP,
    ),
    torture(
        "3.1.1.2",
        "intmeth",
        r"""
!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0
Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~
To: "BEL:\ NUL:\  DEL:\ " <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>
From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%="работающий";tag=_token~1'+`*%!-.
Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\/"][?}{
CSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~
Max-Forwards: 255
extensionHeader-!.%*+_`'~:大停電
Content-Length: %L
""",
        501,
    ),
    torture(
        "3.1.1.3",
        "esc01",
        plain(
            "INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0",
            to="sip:%75se%72@example.com",
            contact="<sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>",
            **WITH_SDP,
        ),
        RINGS,
        SDP,
    ),
    torture(
        "3.1.1.4",
        "escnull",
        plain(
            "REGISTER sip:example.com SIP/2.0",
            to="sip:null-%00-null@example.com",
            contact="<sip:%00@host5.example.com>",
        ),
        405,
    ),
    torture(
        "3.1.1.5",
        "esc02",
        plain(
            "RE%47IST%45R sip:registrar.example.com SIP/2.0",
            to='"%Z%45" <sip:resource@example.com>',
            contact="<sip:alias1@host1.example.com>",
        ),
        501,  # %45 is no escape in a method: this is no REGISTER
    ),
    torture(
        "3.1.1.6",
        "lwsdisp",
        plain(OPTIONS, **{"from": "caller<sip:caller@example.com>;tag=323"}),
        200,
    ),
    torture(
        "3.1.1.7",
        "longreq",
        plain(
            INVITE,
            to=f'"I have a user name of {"extreme" * 20} proportion"<sip:user@example.com:6000'
            f";unknownparam1=very{'long' * 60}value;longparam{'name' * 25}=short>",
            **{"from": f"sip:{'amazinglylong' * 15}caller@example.net;tag=12{'982' * 50}424"},
            via=", ".join(
                f"SIP/2.0/TCP sip{n}.example.com;branch=z9hG4bK{'very' * 30}{n}" for n in range(30)
            ),
            contact=f"<sip:{'amazinglylong' * 15}caller@host5.example.net>",
            **WITH_SDP,
        ),
        RINGS,
        SDP,
    ),
    torture(
        "3.1.1.8",
        "dblreq",
        plain("REGISTER sip:example.com SIP/2.0", **{"Content-Length": "0"}),
        405,  # on UDP what follows its end is no second request
        f"INVITE sip:joe@example.com SIP/2.0\r\nt: sip:joe@example.com\r\n\r\n{SDP}",
    ),
    torture(
        "3.1.1.9",
        "semiuri",
        plain("OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0"),
        200,
    ),
    torture(
        "3.1.1.10",
        "transports",
        plain(
            OPTIONS,
            via="SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw\n"
            "Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf\n"
            "Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj\n"
            "Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en\n"
            "Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bK0a9idfnee",
        ),
        200,
    ),
    torture(
        "3.1.1.11",
        "mpart01",
        plain(
            "MESSAGE sip:kumiko@example.org SIP/2.0",
            content_type="multipart/mixed;boundary=7a9cbec02ceef655",
        ),
        405,
        b"--7a9cbec02ceef655\r\nContent-Type: text/plain\r\n\r\nHello\r\n"
        b"--7a9cbec02ceef655\r\nContent-Type: application/octet-stream\r\n\r\n\x30\x82\x00\r\n\r\n"
        b"\r\n--7a9cbec02ceef655--",
    ),
    torture(
        "3.1.1.12",
        "unreason",
        "SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять - простое\n"
        + plain("INVITE x y").partition("\n")[2],
        IGNORED,
        SDP,
    ),
    torture(
        "3.1.1.13",
        "noreason",
        "SIP/2.0 100 \n" + plain("INVITE x y").partition("\n")[2],
        IGNORED,
    ),
    torture(
        "3.1.2.1",
        "badinv01",
        plain(
            INVITE,
            to='"Mr. J. User" <sip:j.user@example.com>',
            contact='"Joe" <sip:joe@example.org>;;;;',
            via="SIP/2.0/UDP 192.0.2.15;;,;,,",
            **WITH_SDP,
        ),
        400,
        SDP,
    ),
    torture("3.1.2.2", "clerr", plain(INVITE, content_length="9999", **WITH_SDP), 400, SDP),
    torture("3.1.2.3", "ncl", plain(INVITE, content_length="-999", **WITH_SDP), 400, SDP),
    torture(
        "3.1.2.4",
        "scalar02",
        plain(
            "REGISTER sip:example.com SIP/2.0",
            cseq="36893488147419103232 REGISTER",
            max_forwards="300",
            expires="10000000000000000000000000000000000000000",
        ),
        400,
    ),
    torture(
        "3.1.2.5",
        "scalarlg",
        "SIP/2.0 503 Service Unavailable\n"
        + plain("OPTIONS x y", cseq="9292394834772304023312 OPTIONS").partition("\n")[2]
        + "\nRetry-After: 949302838503028349304023988",
        IGNORED,
    ),
    torture(
        "3.1.2.6",
        "quotbal",
        plain(INVITE, to='"Mr. J. User <sip:j.user@example.com>', **WITH_SDP),
        400,
        SDP,
    ),
    torture(
        "3.1.2.7", "ltgtruri", plain("INVITE <sip:user@example.com> SIP/2.0", **WITH_SDP), 400, SDP
    ),
    torture(
        "3.1.2.8",
        "lwsruri",
        plain("INVITE sip:user@example.com; lr SIP/2.0", **WITH_SDP),
        400,
        SDP,
    ),
    torture(
        "3.1.2.9", "lwsstart", plain("INVITE  sip:user@example.com  SIP/2.0", **WITH_SDP), 400, SDP
    ),
    torture("3.1.2.10", "trws", plain("OPTIONS sip:remote-target@example.com SIP/2.0  "), 400),
    torture(
        "3.1.2.11",
        "escruri",
        plain("INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0", **WITH_SDP),
        RINGS,  # may be 400; headers in a Request-URI are ignored
        SDP,
    ),
    torture(
        "3.1.2.12",
        "baddate",
        plain(INVITE, date="Fri, 01 Jan 2010 16:00:00 EST", **WITH_SDP),
        RINGS,  # a Date that we do not read does no harm
        SDP,
    ),
    torture(
        "3.1.2.13",
        "regbadct",
        plain(
            "REGISTER sip:example.com SIP/2.0",
            contact="sip:user@example.com?Route=%3Csip:sip.example.com%3E",
        ),
        405,
    ),
    torture(
        "3.1.2.14",
        "badaspec",
        plain(OPTIONS, to='"Watson, Thomas" < sip:t.watson@example.org >'),
        200,  # "elements may attempt to ignore the spaces"
    ),
    torture(
        "3.1.2.15",
        "baddn",
        plain(OPTIONS, **{"from": "Bell, Alexander <sip:a.g.bell@example.com>;tag=43"}),
        200,  # may be accepted
    ),
    torture("3.1.2.16", "badvers", plain("OPTIONS sip:t.watson@example.org SIP/7.0"), 505),
    torture("3.1.2.17", "mismatch01", plain(OPTIONS, cseq="8 INVITE"), 400),
    torture("3.1.2.18", "mismatch02", plain("NEWMETHOD sip:a@b SIP/2.0", cseq="8 INVITE"), 400),
    torture(
        "3.1.2.19",
        "bigcode",
        "SIP/2.0 4294967301 better not break the receiver\n"
        + plain("INVITE x y").partition("\n")[2],
        IGNORED,
    ),
    torture(
        "3.2.1",
        "badbranch",
        plain(OPTIONS, via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK"),
        200,  # matched as RFC 2543 does
    ),
    torture(
        "3.3.1",
        "insuf",
        "INVITE sip:user@example.com SIP/2.0\nCSeq: 193942 INVITE\n"
        "Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf\nContent-Length: %L",
        IGNORED,  # nobody can be answered without Call-ID, From and To
        SDP,
    ),
    torture(
        "3.3.2", "unkscm", plain("OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0"), 416
    ),
    torture("3.3.3", "novelsc", plain("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0"), 416),
    torture(
        "3.3.4",
        "unksm2",
        plain(
            "REGISTER sip:example.com SIP/2.0",
            to="isbn:2983792873",
            **{"from": "<http://www.example.com>;tag=3234233"},
            contact="<name:John_Smith>",
        ),
        405,
    ),
    torture(
        "3.3.5",
        "bext01",
        plain(OPTIONS, require="nothingSupportsThis, nothingSupportsThisEither"),
        420,
    ),
    torture(
        "3.3.6",
        "invut",
        plain(INVITE, content_type="application/unknownformat"),
        415,
        "<audio>\r\n <pcmu port='443'/>\r\n</audio>\r\n",
    ),
    torture(
        "3.3.7",
        "regaut01",
        plain("REGISTER sip:example.com SIP/2.0", authorization="NoOneKnowsThisScheme opaque-data"),
        405,
    ),
    torture(
        "3.3.8",
        "multi01",
        plain(INVITE, **WITH_SDP)
        + "\nCSeq: 59 INVITE\nCall-ID: multi02\nMax-Forwards: 5\nFrom: sip:other@example.net;tag=3",
        400,
        SDP,
    ),
    torture(
        "3.3.9",
        "mcl01",
        plain(OPTIONS, content_length="13") + "\nContent-Length: 5",
        400,
        "There's no way to know how many octets are supposed to be here.",
    ),
    torture(
        "3.3.10",
        "bcast",
        "SIP/2.0 200 OK\n"
        + plain(
            "INVITE x y",
            via="SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923\n"
            "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23",
        ).partition("\n")[2],
        IGNORED,
        SDP,
    ),
    torture("3.3.11", "zeromf", plain(OPTIONS, max_forwards="0"), 200),
    torture(
        "3.3.12",
        "cparam01",
        plain(
            "REGISTER sip:example.com SIP/2.0",
            contact="sip:+19725552222@gw1.example.net;unknownparam",
        ),
        405,
    ),
    torture(
        "3.3.13",
        "cparam02",
        plain(
            "REGISTER sip:example.com SIP/2.0",
            contact="<sip:+19725552222@gw1.example.net;unknownparam>",
        ),
        405,
    ),
    torture(
        "3.3.14",
        "regescrt",
        plain(
            "REGISTER sip:example.com SIP/2.0",
            contact="<sip:user@example.com?Route=%3Csip:sip.example.com%3E>",
        ),
        405,
    ),
    torture(
        "3.3.15",
        "sdp01",
        plain(INVITE, accept="text/nobodyKnowsThis", **WITH_SDP),
        406,
        SDP,
    ),
    torture(
        "3.4.1",
        "inv2543",
        """
INVITE sip:UserB@example.com SIP/2.0
Via: SIP/2.0/UDP iftgw.example.com
From: <sip:+13035551111@ift.client.example.net;user=phone>
Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>
To: sip:+16505552222@ss1.example.net;user=phone
Call-ID: inv2543.1717@ift.client.example.com
CSeq: 56 INVITE
Content-Type: application/sdp
""",
        400,  # RFC 3261 section 8.1.1.8: an INVITE has a Contact; there is nobody to send BYE to
        SDP,
    ),
]
