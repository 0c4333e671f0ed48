"""Where the key and the address come from, and what is refused before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from walead_async.config import base_url, key_from_environment
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
        "http://[::1]:8080",
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
    ],
)
def test_another_base_url_is_refused(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        chosen(url)
    assert "secret" not in str(caught.value)


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


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_file_that_others_can_read_is_refused(mode: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("wk_secret_123", encoding="utf-8")
    file.chmod(mode)
    monkeypatch.setenv("PHONELY_API_KEY_FILE", str(file))
    with pytest.raises(ConfigurationError, match="chmod 600") as caught:
        key_from_environment("PHONELY")
    assert "wk_secret_123" not in str(caught.value)


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
