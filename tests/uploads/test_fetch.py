"""fetch: URLs that users name, without access to private networks."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.given import web
from vitrine import fetch
from vitrine.settings import Settings, settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BLOCKED = (  # all of them: each missing network would open a way into a private one
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/3",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "4000::/2",
    "8000::/1",
)


def open_to_tests(patch: pytest.MonkeyPatch) -> None:
    """Allow the one loopback address that the tests' servers listen on."""
    loopback = ipaddress.IPv4Network("127.0.0.0/8").address_exclude(
        ipaddress.IPv4Network(f"{web.ADDRESS}/32")
    )
    patch.setenv(
        "REFUSED_NETWORKS",
        ",".join([*(each for each in BLOCKED if each != "127.0.0.0/8"), *map(str, loopback)]),
    )
    settings.cache_clear()


def names(known: Mapping[str, list[str]]) -> fetch.Resolve:
    return lambda name, port: known.get(name, [])


def why_blocked(url: str, resolve: fetch.Resolve) -> str | None:
    """The reason why the URL is not fetched; None where it is."""
    try:
        fetch.check_public(url, resolve=resolve)
    except fetch.Rejected as why:
        return str(why)
    return None


def test_these_networks_are_blocked_by_default() -> None:
    assert Settings().refused_networks == BLOCKED


def test_an_address_that_is_not_public_is_rejected_in_every_notation() -> None:
    within = [
        "0.0.0.0",
        "10.1.2.3",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.31.0.1",
        "192.168.1.1",
        "198.19.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[::127.0.0.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b:1::a00:1]",
        "[100::1]",
        "[2001:0:1::1]",
        "[2001:db8::1]",
        "[2002:7f00:1::]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[ff02::1]",
        "[5f00::1]",
        "127.1",
        "0x7f.1",
        "0177.0.0.1",
        "2130706433",
        "0xA9FEA9FE",
        "127.0.0.1.",
        "１２７.0.0.1",
        "%31%32%37.0.0.1",
        "localhost",
        "LOCALHOST.",
        "a.b.localhost",
        "a.localhost.",
        "ｌocalhost",
    ]
    public = [
        "1.1.1.1",
        "100.128.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "[2606:4700:4700::1111]",
        "[2a00:1450::1]",
        "[2001:200::1]",
    ]
    public += ["notlocalhost", "localhost.example.org"]

    assert [each for each in within if why_blocked(f"http://{each}/", names({})) is None] == []
    assert [each for each in public if why_blocked(f"http://{each}/", names({})) is not None] == []
    by_name = {f"n{n}.test": [each.strip("[]")] for n, each in enumerate(within[:25])}
    assert [
        name
        for name in by_name
        if why_blocked(f"http://{name}/", names(by_name)) != f"{name} is not a public address"
    ] == []
    assert (
        why_blocked("http://both.test/", names({"both.test": ["1.1.1.1", "10.0.0.1"]}))
        == "both.test is not a public address"
    )
    assert why_blocked("http://nobody.test/", names({})) is None
    assert why_blocked("http://localhost/", fetch.resolve) == "localhost is not a public address"
    assert why_blocked("ftp://1.1.1.1/", names({})) == "The URL is not one of http or https"
    assert (
        why_blocked("http://user:password@1.1.1.1/", names({})) == "The URL holds a user name or a password"
    )


def test_by_https_the_certificate_must_be_for_the_host_of_the_url(
    tmp_path: Path, another_environment: pytest.MonkeyPatch
) -> None:
    open_to_tests(another_environment)
    tls = certified(tmp_path, "pictures.test")
    another_environment.setenv("SSL_CERT_FILE", str(tmp_path / "pictures.test.pem"))
    resolve = names({"pictures.test": [web.ADDRESS], "other.test": [web.ADDRESS]})

    with web.web(tls=tls) as server:
        server.pages["/a?b=c"] = web.response(b"bytes")
        with fetch.open_url(
            f"https://pictures.test:{server.port}/a?b=c#d", seconds=5, resolve=resolve
        ) as answer:
            body = b"".join(answer.chunks())
        with (
            pytest.raises(fetch.Rejected) as other,
            fetch.open_url(f"https://other.test:{server.port}/a?b=c", seconds=5, resolve=resolve),
        ):
            pass

    assert (body, str(other.value)) == (b"bytes", "other.test does not answer, or not as itself")
    assert server.asked == [("/a?b=c", f"pictures.test:{server.port}")]


@pytest.mark.parametrize(
    ("location", "asked"),
    [
        ("/日本.jpg".encode(), "/%E6%97%A5%E6%9C%AC.jpg"),
        (b"/caf\xe9", "/caf%C3%A9"),
        (b"/a b?c=\\d", "/a%20b?c=\\d"),
        (b"\\b\\c", "/b/c"),
        (b"//pictures.test:{port}/x", "/x"),
        (b"\\\\pictures.test:{port}/y", "/y"),
        (b"HTTP:/z#f", "/z"),
        (b"/a/../b", "/b"),
    ],
)
def test_a_redirect_is_followed_where_a_browser_would_go(
    another_environment: pytest.MonkeyPatch, location: bytes, asked: str
) -> None:
    open_to_tests(another_environment)
    resolve = names({"pictures.test": [web.ADDRESS]})

    with web.web() as server:
        target = location.replace(b"{port}", str(server.port).encode())
        server.pages["/"] = lambda line: line.sendall(
            b"HTTP/1.1 302 Found\r\nlocation: " + target + b"\r\ncontent-length: 0\r\n\r\n"
        )
        server.pages[asked] = web.response(b"bytes")
        with fetch.open_url(f"http://pictures.test:{server.port}/", seconds=5, resolve=resolve) as answer:
            body = b"".join(answer.chunks())

    assert (body, [path for path, _ in server.asked]) == (b"bytes", ["/", asked])


def test_a_redirect_with_a_control_character_is_rejected(another_environment: pytest.MonkeyPatch) -> None:
    open_to_tests(another_environment)

    with web.web() as server:
        server.pages["/"] = lambda line: line.sendall(
            b"HTTP/1.1 302 Found\r\nlocation: /a\tb\r\ncontent-length: 0\r\n\r\n"
        )
        with (
            pytest.raises(fetch.Rejected) as why,
            fetch.open_url(f"http://{web.ADDRESS}:{server.port}/", seconds=5),
        ):
            pass

    assert (str(why.value), server.asked[1:]) == ("The address leads on to no URL", [])


def certified(folder: Path, name: str) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
