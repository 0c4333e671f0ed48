"""Where the key and the address come from, and what is refused before anything is sent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from walead_async import AsyncSession, VoiceAgentSession
from walead_async.config import SECRET_MOUNTS, base_url, key_from_environment
from walead_async.errors import ConfigurationError

DEFAULT = "https://app-api.walead.ai/api"


def chosen(given: str | None) -> str:
    return base_url(given, variable="WALEAD_BASE_URL", default=DEFAULT)


@pytest.mark.parametrize(
    "url",
    [
        "https://walead.example",
        "https://walead.example:8443/api/",
        "http://127.0.0.1:8080/api",
        "http://127.9.9.9",
        "http://localhost:1",
        "HTTP://LocalHost:1",
        "http://[::1]:8080",
        "http://[0:0:0:0:0:0:0:1]",
        "https://[2001:db8::1]:8443/api",
        "https://WALEAD.example.",
    ],
)
def test_https_and_this_machine_are_taken(url: str) -> None:
    assert chosen(url) == url.rstrip("/")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://walead.example", "in the clear"),
        ("http://127.0.0.1.walead.example", "in the clear"),
        ("http://localhost.walead.example", "in the clear"),
        ("http://10.0.0.1", "in the clear"),
        ("http://0.0.0.0", "in the clear"),
        ("ftp://walead.example", "must look like"),
        ("walead.example", "must look like"),
        ("", "must look like"),
        ("https://", "must look like"),
        ("https://user:secret@walead.example", "user name or a password"),
        ("https://walead.example/?a=1", "before any"),
        ("https://walead.example/#a", "before any"),
        ("https://walead.example/a b", "space"),
        ("https://walead.example\n", "space"),
        ("https://walead.example\\@evil.example", "space or a character"),
        ("https://walead.example:port", "cannot be read"),
        ("https://[::1", "cannot be read"),
        ("https://walead.example:99999", "cannot be read"),
        ("http://127.0.0.1:80evil.example", "cannot be read"),
        ("http://2130706433", "in the clear"),
        ("http://0x7f000001", "in the clear"),
        ("http://0177.0.0.1", "in the clear"),
        ("http://127.1", "in the clear"),
        ("http://127.0.0.256", "in the clear"),
        ("http://127.0.0.1.", "in the clear"),
        ("http://localhost.", "in the clear"),
        ("http://localhost.localdomain", "in the clear"),
        ("http://LOCALHOST.EVIL.EXAMPLE", "in the clear"),
        ("http://[::2]", "in the clear"),
        ("http://[fe80::1]", "in the clear"),
        ("http://127.0.0.1@evil.example", "user name or a password"),
        ("http://localhost:80@evil.example", "user name or a password"),
        ("http://[::1]@evil.example", "user name or a password"),
        ("http://@localhost", "user name or a password"),
        ("http://localhost%2eevil.example", "no host"),
        ("http://localhost%00.evil.example", "no host"),
        ("http://localhost,evil.example", "no host"),
        ("https://localhost;evil.example", "no host"),
    ],
)
def test_another_base_url_is_refused(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        chosen(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "authority",
    [
        "[::1].evil.example",
        "[::1]evil.example",
        "[::1].evil.example:80",
        "evil.example[::1]",
        "[::1]:80.evil.example",
        "[::1][::1]",
        "[[::1]]",
        "[::1%25lo]",
        "[::1%lo].evil.example",
        "[127.0.0.1]",
        "[localhost]",
        "[::1:evil.example]",
        "[v1.localhost]",
        "[]",
    ],
)
def test_brackets_hold_an_ipv6_address_and_nothing_stands_around_them(scheme: str, authority: str) -> None:
    # Python's own reading of these differs from version to version
    with pytest.raises(ConfigurationError, match="the base URL"):
        chosen(f"{scheme}://{authority}")
    with pytest.raises(ConfigurationError, match="the base URL"):
        AsyncSession("wk_1", base_url=f"{scheme}://{authority}/api")


def test_the_base_url_comes_from_the_argument_then_the_environment_then_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert chosen(None) == DEFAULT
    monkeypatch.setenv("WALEAD_BASE_URL", "http://127.0.0.1:8080/")
    assert chosen(None) == "http://127.0.0.1:8080"
    assert chosen("https://walead.example") == "https://walead.example"


def test_the_key_comes_from_the_environment_then_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("\ufeffwk_from_file\n", encoding="utf-8")
    file.chmod(0o600)
    monkeypatch.setenv("WALEAD_API_KEY_FILE", str(file))
    assert key_from_environment("WALEAD") == "wk_from_file"
    monkeypatch.setenv("WALEAD_API_KEY", "wk_from_environment")
    assert key_from_environment("WALEAD") == "wk_from_environment"


def key_file(folder: Path, mode: int, name: str = "key") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("wk_secret_123", encoding="utf-8")
    file.chmod(mode)
    return file


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o606, 0o444, 0o642])
def test_a_key_file_that_others_can_read_is_refused(mode: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = key_file(tmp_path, mode, "my key")
    monkeypatch.setenv("PHONELY_API_KEY_FILE", str(file))
    with pytest.raises(ConfigurationError) as caught:
        key_from_environment("PHONELY")
    said = str(caught.value)
    assert f"(mode {mode:04o})" in said
    assert "PHONELY_API_KEY_FILE" in said
    assert f"chmod 600 '{file}'" in said
    assert "wk_secret_123" not in said


def test_the_command_of_the_error_mends_the_key_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PHONELY_API_KEY_FILE", str(key_file(tmp_path, 0o644, "it's my key")))
    with pytest.raises(ConfigurationError) as caught:
        key_from_environment("PHONELY")
    command = str(caught.value).partition("run ")[2].partition(", or ")[0]
    subprocess.run(["sh", "-c", command], check=True)
    assert key_from_environment("PHONELY") == "wk_secret_123"


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o600, 0o640])
def test_the_group_of_a_key_file_may_read_it(mode: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WALEAD_API_KEY_FILE", str(key_file(tmp_path, mode)))
    assert key_from_environment("WALEAD") == "wk_secret_123"


def test_below_the_mounts_of_docker_and_kubernetes_every_mode_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mount = tmp_path / "run" / "secrets"
    # as Kubernetes mounts a secret: links, so that it can be replaced at once
    real = key_file(mount, 0o444, "..2026_01/walead_key")
    (mount / "..data").symlink_to("..2026_01")
    (mount / "walead_key").symlink_to("..data/walead_key")
    (tmp_path / "elsewhere").symlink_to(mount)
    for path in (real, mount / "walead_key", tmp_path / "elsewhere" / "walead_key"):
        monkeypatch.setenv("WALEAD_API_KEY_FILE", str(path))
        assert key_from_environment("WALEAD", mounts=[str(mount)]) == "wk_secret_123"
        assert key_from_environment("WALEAD", mounts=["/nowhere", str(tmp_path / "elsewhere")]) == "wk_secret_123"


def test_a_path_that_leads_out_of_the_mounts_has_no_such_right(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mount = tmp_path / "run" / "secrets"
    mount.mkdir(parents=True)
    outside = key_file(tmp_path, 0o644)
    beside = key_file(tmp_path / "run" / "secrets-of-others", 0o644)
    (mount / "link").symlink_to(outside)
    (mount / "folder").symlink_to(tmp_path)
    for path in (
        outside,
        beside,
        mount / "link",
        mount / "folder" / "key",
        f"{mount}/../../key",
        f"{mount}/folder/run/../key",
    ):
        monkeypatch.setenv("WALEAD_API_KEY_FILE", str(path))
        with pytest.raises(ConfigurationError, match=r"\(mode 0644\)"):
            key_from_environment("WALEAD", mounts=[str(mount)])


def test_outside_a_container_no_other_mount_is_known() -> None:
    assert SECRET_MOUNTS == ("/run/secrets", "/var/run/secrets")


def test_a_pipe_in_place_of_a_key_file_is_named_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    monkeypatch.setenv("WALEAD_API_KEY_FILE", str(tmp_path / "pipe"))
    with pytest.raises(ConfigurationError, match="is not a file"):
        key_from_environment("WALEAD")


@pytest.mark.parametrize("empty", ["", " ", "\t\n"])
@pytest.mark.parametrize("variable", ["WALEAD_API_KEY", "WALEAD_API_KEY_FILE"])
def test_a_variable_that_is_set_but_empty_is_named(variable: str, empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, empty)
    with pytest.raises(ConfigurationError, match=f"^{variable} is set, but empty"):
        AsyncSession()


@pytest.mark.parametrize("empty", ["", " "])
@pytest.mark.parametrize("variable", ["PHONELY_API_KEY", "PHONELY_API_KEY_FILE", "PHONELY_UID"])
def test_a_variable_of_phonely_that_is_set_but_empty_is_named(
    variable: str, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable == "PHONELY_UID":
        monkeypatch.setenv("PHONELY_API_KEY", "ph_1")
    monkeypatch.setenv(variable, empty)
    with pytest.raises(ConfigurationError, match=f"^{variable} is set, but empty"):
        VoiceAgentSession()


def test_in_a_running_loop_a_session_reads_no_file_but_the_key_file(tmp_path: Path) -> None:
    program = """
import asyncio, sys
from walead_async import AsyncSession, VoiceAgentSession

watching, opened = False, []

def watch(event, arguments):
    if watching and event == "open":
        opened.append(str(arguments[0]))

sys.addaudithook(watch)

async def main():
    global watching
    watching = True
    sessions = [AsyncSession(), VoiceAgentSession(uid="u"), AsyncSession("key")]
    watching = False
    for session in sessions:
        await session.aclose()

asyncio.run(main())
print(*opened, sep="\\n")
"""
    file = key_file(tmp_path, 0o600)
    names = ("WALEAD_API_KEY_FILE", "PHONELY_API_KEY_FILE")
    environment = dict.fromkeys(names, str(file)) | {
        "HTTPS_PROXY": "http://proxy.example:3128",
        "NO_PROXY": "a.example",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(file), str(file)]


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xff\xfe\x00", b"k" * 9000])
def test_a_key_file_without_a_key_is_named(content: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    file.chmod(0o600)
    monkeypatch.setenv("WALEAD_API_KEY_FILE", str(file))
    with pytest.raises(ConfigurationError, match="does not hold one line with a key"):
        key_from_environment("WALEAD")


def test_a_key_file_that_is_missing_or_a_folder_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WALEAD_API_KEY_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match="No such file"):
        key_from_environment("WALEAD")
    monkeypatch.setenv("WALEAD_API_KEY_FILE", str(tmp_path))
    with pytest.raises(ConfigurationError, match=str(tmp_path)):
        key_from_environment("WALEAD")


def test_no_key_at_all_says_where_one_may_stand() -> None:
    with pytest.raises(ConfigurationError, match="WALEAD_API_KEY_FILE"):
        key_from_environment("WALEAD")
