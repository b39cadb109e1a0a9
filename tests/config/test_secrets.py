from pathlib import Path

import pytest

from engine.config import Basic, Bearer
from tests.config.site import ENGINE, Site

PLACE = "engine.yaml:5:15: "


def bearer(site: Site, written: str) -> None:
    site.write("engine.yaml", ENGINE + f"    auth:\n      bearer: {written}\n")


def test_a_secret_comes_from_the_environment(site: Site) -> None:
    site.environment["CLINIC_TOKEN"] = "geheim"
    bearer(site, "{env: CLINIC_TOKEN}")
    auth = site.load().engine.servers["clinic"].auth
    assert isinstance(auth, Bearer)
    assert auth.token.reveal() == "geheim"


def test_a_secret_comes_from_a_file_beside_engine_yaml_or_anywhere(site: Site) -> None:
    site.write("secrets/token", "geheim\n")
    for written in ("secrets/token", site.folder / "secrets/token"):
        bearer(site, f"{{file: {written}}}")
        auth = site.load().engine.servers["clinic"].auth
        assert isinstance(auth, Bearer)
        assert auth.token.reveal() == "geheim"


def test_a_secret_comes_from_systemd(site: Site, tmp_path: Path) -> None:
    site.write("credentials/fhir-token", "geheim")
    site.environment["CREDENTIALS_DIRECTORY"] = str(tmp_path / "credentials")
    bearer(site, "{credential: fhir-token}")
    auth = site.load().engine.servers["clinic"].auth
    assert isinstance(auth, Bearer)
    assert auth.token.reveal() == "geheim"


def test_user_and_password(site: Site) -> None:
    site.environment["PASSWORD"] = "geheim"
    auth = "    auth:\n      basic: {user: engine, password: {env: PASSWORD}}\n"
    site.write("engine.yaml", ENGINE + auth)
    found = site.load().engine.servers["clinic"].auth
    assert isinstance(found, Basic)
    assert (found.user, found.password.reveal()) == ("engine", "geheim")


def test_a_secret_is_never_printed(site: Site) -> None:
    site.environment["CLINIC_TOKEN"] = "geheim"
    bearer(site, "{env: CLINIC_TOKEN}\n    headers:\n      X-Api-Key: {env: CLINIC_TOKEN}")
    configuration = site.load()
    assert configuration.engine.servers["clinic"].headers == {"X-Api-Key": "geheim"}
    auth = configuration.engine.servers["clinic"].auth
    assert isinstance(auth, Bearer)
    shown = [repr(configuration), str(configuration), str(auth.token), f"{auth.token}"]
    assert not any("geheim" in text for text in shown)


def test_a_secret_in_the_file_is_refused_and_not_repeated(site: Site) -> None:
    bearer(site, "geheim")
    assert site.problems() == [
        PLACE + "a secret does not stand in a configuration file"
        " (write {env: NAME}, {file: /path} or {credential: NAME})"
    ]


def test_a_header_that_carries_a_secret_takes_one(site: Site) -> None:
    headers = "    headers:\n      Authorization: Bearer geheim\n      Prefer: return=minimal\n"
    site.write("engine.yaml", ENGINE + headers)
    (problem,) = site.problems()
    assert problem.startswith("engine.yaml:5:22: a secret does not stand in a configuration file")


def test_plain_headers_are_plain(site: Site) -> None:
    site.write("engine.yaml", ENGINE + "    headers:\n      Prefer: return=minimal\n")
    assert site.load().engine.servers["clinic"].headers == {"Prefer": "return=minimal"}


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("{env: NOWHERE}", "5:21: the environment has no variable 'NOWHERE', or an empty one"),
        ("{file: nowhere}", "5:22: the secret's file 'nowhere' cannot be read: No such file"),
        ("{file: empty}", "5:22: the secret's file 'empty' is empty"),
        ("{file: bytes}", "5:22: the secret's file 'bytes' cannot be read: it is not text"),
        ("{credential: x}", "5:28: there is no credential 'x': CREDENTIALS_DIRECTORY is not set"),
        ("{enviroment: X}", "5:15: this says not where the secret is"),
        ("{env: A, file: B}", "5:15: this says not where the secret is"),
        ("{credental: X}", "5:15: this says not where the secret is (did you mean 'credential'?)"),
    ],
)
def test_a_secret_that_is_not_there_is_told(site: Site, written: str, problem: str) -> None:
    site.write("empty", "\n")
    (site.folder / "bytes").write_bytes(b"\xff\xfe")
    bearer(site, written)
    (found,) = site.problems()
    assert found.startswith(f"engine.yaml:{problem}")


@pytest.mark.parametrize(
    ("auth", "problem"),
    [
        ("{}", "there is one way to log in (write basic: or bearer:)"),
        ("{bearer: {env: T}, basic: {user: a, password: {env: T}}}", "there is one way to log in"),
        ("{smart: x}", "SMART Backend Services is not built yet (leave the key out)"),
        ("{baerer: {env: T}}", "unknown key 'baerer' (did you mean 'bearer'?)"),
        ("token", "expected keys and values here (there are: basic, bearer)"),
        ("{basic: {user: a}}", "missing key 'password'"),
        ("{basic: {user: a, password: {env: NOWHERE}}}", "the environment has no variable"),
    ],
)
def test_there_is_one_way_to_log_in(site: Site, auth: str, problem: str) -> None:
    site.environment["T"] = "geheim"
    site.write("engine.yaml", ENGINE + f"    auth: {auth}\n")
    assert any(problem in found for found in site.problems())


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ("x", "expected headers and their values here"),
        ("{Prefer: [a]}", "expected a text here"),
    ],
)
def test_headers_are_names_and_texts(site: Site, headers: str, problem: str) -> None:
    site.write("engine.yaml", ENGINE + f"    headers: {headers}\n")
    (found,) = site.problems()
    assert problem in found
